"""The right column and the corner of the stage: nothing jumps, nothing is cut, time runs one way, nothing is missed."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import windows
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLabel

from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import Simulation, simulate, step_terms
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.views import Scene
from explorer.figures.views.outside import Outside
from explorer.session.snapshot import probe_text
from explorer.ui.cards.cards import ROW, TermsCard
from explorer.ui.cards.charts import DistanceChart, ScheduleChart
from explorer.ui.cards.panels import LayersCard
from explorer.ui.painting import words
from explorer.ui.stage.stage import StagePanel
from explorer.ui.stage.timeline import Timeline
from explorer.ui.widgets import style

WIDTH = 290


def of(mode="pc", **settings):
    e = edited(Experiment(), "score.source", "exact")
    return replace(e, sampler=replace(e.sampler, mode=mode, **settings))


def after(part):
    return Frame(np.zeros((2, 2), np.float32), 0.5, 0.5, 0.5, 1, 9, 1, part=part)


def parts(mode):
    return ("start", *words.STEPS[mode])


@pytest.fixture
def card(qtbot):
    card = TermsCard()
    qtbot.addWidget(card)
    card.resize(WIDTH, 300)
    card.show()
    return card


def show(card, e, part, terms=(0.1, 0.2, 0.3)):
    frame = after(part)
    card.set_step(words.part(e, frame), words.equation_of(e, frame), terms, words.equations_of(e))


# --- nothing jumps ---------------------------------------------------------------------------------------------------

SAMPLERS = [
    *[of("pc", predictor=PREDICTORS[name](), corrector=CORRECTORS["ald"]()) for name in PREDICTORS],
    *[of("ode", solver=SOLVERS[name]()) for name in ("heun", "rk4", "dopri5")],
    of("forward"), of("annealed"), of("langevin", convention="half", temperature=0.5),
    of("pc", mistake=MISTAKES["snr_one"](), predictor=PREDICTORS["stochastic_heun"]()),
]  # fmt: skip


@pytest.mark.parametrize("e", SAMPLERS, ids=lambda e: words.subtitle(e)[:60])
def test_the_card_keeps_its_height_from_sub_step_to_sub_step(qtbot, card, e):
    heights = set()
    for part in parts(e.sampler.mode) * 2:
        show(card, e, part)
        qtbot.waitUntil(card.equation.is_current, timeout=30_000)
        heights.add((card.equation.height(), card.sizeHint().height()))
        assert card.equation.latex() == words.equation_of(e, after(part))
    assert len(heights) == 1
    assert heights.pop()[0] % style.px(ROW) == 0  # two methods of one line are of one height


def test_every_frame_of_a_run_has_one_of_the_equations_that_there_is_room_for():
    for mode in MODES:
        e = of(mode, steps=3, particles=2, langevin_steps=3, levels=2, level_steps=2)
        every = {
            words.equation_of(e, f)
            for f in simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, e.seed)
        }
        assert every <= set(words.equations_of(e)), mode


@pytest.mark.parametrize(
    "size", [0.0, 1e-12, 3e-4, 0.5, 999.9, 1e3, 12345.678, 2e6, 1.234e30, np.inf, np.nan]
)
def test_numbers_of_any_size_are_whole(qtbot, card, size):
    show(card, of(), "predict", (size, size, size))
    qtbot.wait(1)
    labels = [
        label for label in card.findChildren(QLabel) if label.property("role") == "small" and label.text()
    ]
    values = [label for label in labels if "span" in label.text()]
    assert len(values) == 3
    for label in values:
        assert label.width() >= label.sizeHint().width()
        assert card.rect().contains(label.mapTo(card, label.rect().bottomRight()))
    assert sum(label.sizeHint().width() for label in values) < card.width() - style.px(24)


@pytest.mark.parametrize("size", [0.1, 1234.5, 2e5, 1e-12, 3e30])
@pytest.mark.parametrize("width", [1000, 1280, 1920])
def test_names_and_numbers_of_the_timeline_are_whole(qtbot, width, size):
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(width, 46)
    timeline.show()
    timeline.set_readout(t=0.5, sigma=size, step=1999, steps=2000, nfe=123_456, distance=size)
    qtbot.wait(1)
    for label in timeline.findChildren(QLabel):
        if label.isVisible():
            assert label.width() >= QFontMetrics(label.font()).horizontalAdvance(label.text()), label.text()


# --- time runs one way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ScheduleChart, DistanceChart])
def test_the_cursor_of_a_chart_goes_the_way_of_the_run(qtbot, kind):
    chart = kind()
    qtbot.addWidget(chart)
    chart.resize(260, 120)
    chart.show()
    t = np.linspace(0.01, 1, 20)
    for forward in (True, False, True):
        chart.set_forward(forward)
        chart.set_data(t, t, t)
        places = []
        for now in (0.1, 0.5, 0.9) if forward else (0.9, 0.5, 0.1):
            chart.set_playhead(now)
            view = chart.plot.plotItem.vb
            places.append(view.mapViewToScene(chart._playhead.pos()).x())
        assert places == sorted(places) and places[0] < places[-1]
        left, right = chart._left.text(), chart._right.text()
        assert ("0" in left and "1" in right) == forward and ("data" in left) == forward


@pytest.mark.parametrize("sde", SDES)
def test_a_forward_step_is_its_drift_and_its_noise(sde):
    """The two add up to the step; the drift is what the mean does, the noise has the transition's variance."""
    e = edited(of("forward", steps=8, particles=20_000), "sde", sde)
    frames = list(simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, 0))
    run = Simulation(e.sde, e.sampler, resolve(e).score, e.data.mixture, 0)
    assert step_terms(run, frames[0], frames[0]) is None
    for before, now in pairwise(frames):
        drift, score, noise = step_terms(run, before, now)
        np.testing.assert_allclose((drift + score + noise).numpy(), now.x - before.x, atol=1e-4)
        assert not score.any()
        ratio = now.alpha / before.alpha
        np.testing.assert_allclose(drift.numpy(), (ratio - 1) * before.x, rtol=1e-5, atol=1e-6)
        known = 0.0 if before.part == "start" else before.sigma  # the run starts from the data as they are
        variance = now.sigma**2 - ratio**2 * known**2
        assert float(noise.var()) == pytest.approx(variance, rel=0.03)


def test_the_forward_sde_stands_in_the_card():
    latex = words.equation_of(of("forward"), after("diffuse"))
    assert latex.startswith("dx =") and r"\drift{f" in latex and r"\noise{g" in latex


# --- which field -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["none", "learned", "exact", "difference"])
@pytest.mark.parametrize("exact", [True, False])
def test_a_learned_field_is_not_chosen_where_the_exact_score_is_in_use(qtbot, field, exact):
    card = LayersCard(Look())
    qtbot.addWidget(card)
    look = Look(field=field)
    card.set_look(look, exact=exact)
    chooser = card.layers.row("field").chooser
    assert chooser.value() == ("exact" if exact and field == "learned" else field)
    learned = chooser.segments.buttons()[list(v for v, _, _ in chooser._entries).index("learned")]
    assert learned.isEnabled() == (not exact) and bool(learned.toolTip()) == exact
    said = []
    card.edited.connect(said.append)
    card.layers.row("density").switch.click()
    assert said == [replace(look, density=False)]  # the field that was asked for is still asked for
    card.layers.row("field").chooser.changed.emit("none" if field != "none" else "exact")
    assert said[-1].field == ("none" if field != "none" else "exact")


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
@pytest.mark.parametrize("follow", [True, False])
def test_the_pointer_reads_the_error_of_a_learned_score(data, follow):
    e = edited(edited(Experiment(), "data", data), "score.source", "trained")
    exact = resolve(edited(e, "score.source", "exact")).score

    def learned(x, t):
        return 1.25 * exact(x, t)

    alpha, sigma = e.sde.marginal(0.4)
    frame = Frame(np.zeros((3, e.data.dim), np.float32), 0.4, alpha, sigma, 1, 5, 1)
    scene = Scene(e, Look(follow=follow), [frame], learned, (-3.0, 3.0, -3.0, 3.0))
    at = (0.4, 0.7)
    x = torch.tensor([[0.7] if scene.flat else list(at)]) * scene.scale(0.4)
    size = float(exact(x, 0.4).norm())
    told = probe_text(scene, at)
    assert f"|error| = {0.25 * size:.3g} = 25.0% of |s|" in told
    assert "error" not in probe_text(replace(scene, score=exact), at)


@pytest.mark.parametrize("wide", [240, 370, 900])
@pytest.mark.parametrize("numbers", [(-0.79, -13.65, -70.83), (-1234.56, -98765.43, -1.2e38)])
def test_what_the_pointer_reads_is_whole_in_a_stage_of_any_width(qapp, wide, numbers):
    a, b, c = numbers
    told = f"x = ({a}, {a})   log p = {b}   s = ({c}, {c})   |error| = {c} = 99.9% of |s|"
    stage = StagePanel("A", windows.PAINTER)
    stage.resize(wide, 500)
    stage.show()
    stage.show_probe(told)
    shown, room = stage.hover, stage.canvas.rect()
    assert room.contains(shown.geometry()) and shown.text().replace("\u00a0", " ") == told
    needed = shown.heightForWidth(shown.width()) if shown.wordWrap() else shown.sizeHint().height()
    assert needed <= shown.height()
    longest = max(told.split("   "), key=shown.fontMetrics().horizontalAdvance)
    assert shown.fontMetrics().horizontalAdvance(longest) <= shown.contentsRect().width()
    stage.show_probe("x = (0, 0)")
    assert not shown.wordWrap() and shown.width() < 240
    windows.dispose(stage)


# --- what is missing -------------------------------------------------------------------------------------------------


def test_particles_outside_are_counted_on_the_stage_and_a_click_shows_them(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path, started=False) as window:
        stage = window.stages["A"]
        home = stage.canvas.camera
        stage.set_outside(Outside(1940, 0, 2000, (-40.0, 55.0, -70.0, 12.0)))
        assert stage.missing.isVisibleTo(stage) and "1,940 of 2,000" in stage.missing.text()
        assert stage.missing.geometry().right() <= stage.canvas.width()
        stage.missing.click()
        left, right, bottom, top = stage.canvas.camera.bounds(*stage.canvas.canvas_size())
        assert left <= -40 and right >= 55 and bottom <= -70 and top >= 12
        assert window.stages["B"].canvas.camera == stage.canvas.camera
        window.commands.fit()
        assert stage.canvas.camera == home
        stage.set_outside(Outside(0, 0, 2000, (-1.0, 1.0, -1.0, 1.0)))
        assert not stage.missing.isVisibleTo(stage)
        stage.set_outside(Outside(2000, 2000, 2000))
        assert "diverged" in stage.missing.text() and not stage.missing.isEnabled()
