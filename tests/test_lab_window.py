"""Laboratories in the real window: reached by the menus, shown, set, dragged in, stopped, saved, left."""

import json
import threading
import time
import weakref
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import windows
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from explorer.base.params import param, params
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.simulate import simulate
from explorer.experiment.resolution import resolve
from explorer.figures import files as figure_files
from explorer.figures import marks
from explorer.figures.figure import Equation, Handle, Picture, Plot, Series, Table
from explorer.labs import LABS, SECTIONS, Lab, Report
from explorer.session.document import Document
from explorer.session.scenes import SCENES
from explorer.ui.figures import render as figure_render
from explorer.ui.figures.grid import LEAST_HEIGHT, Wish, arrange
from explorer.ui.figures.views import DrawnCard, EquationCard
from explorer.ui.painting import axes
from explorer.ui.widgets.mnemonics import plain


@dataclass(frozen=True)
class Bench(Lab):
    """One figure of each kind, a handle, and as many reports as one likes."""

    name, title, section = "bench", "Bench", "see"
    about, equation, source = "One of each.", r"x = \drift{y}", "here"
    main = ("Plot", "Picture")
    x: float = param(0.5, "x", low=-2.0, high=2.0)
    y: float = param(0.25, "y", low=-2.0, high=2.0)
    particle: int = param(0, "Particle", low=0, high=99)
    amount: int = param(1, "Reports", low=1, high=100_000)

    def refusal(self, experiment):
        return "Only with an even seed: choose one." if experiment.seed % 2 else ""

    def reports(self, context):
        xs = np.linspace(0.1, 1, 9)
        for i in range(self.amount):
            if i:
                time.sleep(0.003)
            plot = Plot(
                "Plot",
                "x",
                "y",
                (Series("a", xs, xs * self.x, error=xs / 9), Series("b", xs, xs)),
                log_y=True,
            )
            dot = marks.Points(np.array([[self.x, self.y]], np.float32))
            handle = Handle(("x", "y"), (self.x, self.y), "here")
            picture = Picture(
                "Picture", (dot,), (-2, 2, -2, 2), "x", "y", scale=(0, 1, "density"), handles=(handle,)
            )
            table = Table("Table", ("name", "value"), (("x", self.x), ("seed", context.experiment.seed)))
            yield Report(
                (plot, picture, table, Equation("Equation", r"a = b")),
                (i + 1) / self.amount,
                f"x = {self.x:.3f}.",
            )


@dataclass(frozen=True)
class HeavyBench(Bench):
    name, title, heavy = "heavy_bench", "Heavy bench", True


@pytest.fixture(scope="module")
def bench():
    """Two laboratories of the tests' own in the registry."""
    len(LABS)  # discovered before, or the real ones would come on top
    for cls in (Bench, HeavyBench):
        LABS._classes[cls.name] = cls
        cls.menu_order = 999
    yield
    for cls in (Bench, HeavyBench):
        del LABS._classes[cls.name]


@pytest.fixture(scope="module")
def shared(one_application, tmp_path_factory, bench):
    """One window for all of these tests: making it costs more than most of them."""
    with windows.windowed(None, tmp_path_factory.mktemp("window"), size=(1280, 720)) as made:
        yield made


@pytest.fixture
def window(qapp, qtbot, shared):
    """The window as it opens, with a small run; all that runs is through before and after."""
    fresh(qtbot, shared)
    yield weakref.proxy(shared)
    fresh(qtbot, shared)


def fresh(qtbot, window):
    e, session = Document().experiment, window.session
    window.labs.close()
    window.labs._kept.clear()
    session.edit(Document(replace(e, sampler=replace(e.sampler, steps=12, particles=80))))
    window.end_drag()
    window.select("A")
    window.notices.clear()
    tracks = session.tracks.values()
    windows.wait(
        qtbot, lambda: not session.waiting and not session.lab.threads + sum(t.threads for t in tracks)
    )
    session.playhead.playing = False


def runner(window):
    return window.session.lab


def ready(window):
    lab = runner(window)
    through = lab.report is not None and not lab.running and not lab.due and lab.report.progress == 1
    return bool(lab.refusal or lab.failure) or (through and window.labs._seen[0] == lab.serial)


def cards(window):
    return {card.figure.title: card for card in window.labs.page.board.cards}


def opened(qtbot, window, name="bench", **fields):
    window.labs.open(name, **fields)
    windows.wait(qtbot, lambda: ready(window))
    return cards(window)


def choose(menu, *words):
    """Press the entries of menus one after the other; how many presses it took."""
    menu.aboutToShow.emit()
    (action,) = (a for a in menu.actions() if plain(a.text()) == words[0])
    if len(words) > 1:
        return 1 + choose(action.menu(), *words[1:])
    action.trigger()
    return 1


def mouse(card, kind, position, button=Qt.MouseButton.LeftButton):
    at = QPointF(position)
    event = QMouseEvent(kind, at, card.mapToGlobal(at), button, button, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(card, event)


def drag(card, start, *ends):
    mouse(card, QEvent.Type.MouseButtonPress, start)
    for end in ends:
        mouse(card, QEvent.Type.MouseMove, end)


def release(card, at):
    mouse(card, QEvent.Type.MouseButtonRelease, at)


def escape(window):
    QTest.keyClick(window.centralWidget().window(), Qt.Key.Key_Escape)


# --- every laboratory ----------------------------------------------------------------------------------------


def test_every_laboratory_opens_from_its_menu_within_three_presses(qtbot, window, monkeypatch):
    shown = []
    monkeypatch.setattr(window.labs, "show", lambda lab: shown.append(lab.name))
    points = [cls for cls in LABS.values() if cls.for_points]
    for cls in points:
        assert 1 + choose(window.labs_menu, SECTIONS[cls.section], cls.title) <= 3
    assert shown == [cls.name for cls in points]


def test_every_laboratory_shows_its_figures(qtbot, window):
    for name, cls in LABS.items():
        window.labs.show(cls.quick())
        if cls.heavy:
            windows.wait(qtbot, lambda: "Run" in window.labs.page.message.text())
            assert runner(window).threads == 0
            window.labs.run()
        windows.wait(qtbot, lambda: ready(window), 30)
        assert not runner(window).failure, name
        if runner(window).refusal:
            assert window.labs.page.message.text() == runner(window).refusal
            continue
        assert len(cards(window)) == len(runner(window).report.figures) > 0, name
        picture = window.labs.page.grab().toImage()
        assert len(colours(picture)) > 20, name
        assert window.notices.notices() == [], name


def colours(image):
    return {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}


# --- getting there and back -----------------------------------------------------------------------------------


def test_the_button_opens_a_gallery_of_all(qtbot, window):
    window.labs_button.click()
    gallery = window.labs.gallery
    windows.wait(qtbot, gallery.isVisible)
    assert {t.entry.name for t in gallery.tiles} == {*LABS, *(s.name for s in SCENES)}
    assert all(t.entry.about.endswith((".", "!", "?")) for t in gallery.tiles)
    assert window.session.stages_hidden and not window.stages["A"].isVisible()
    tile = next(t for t in gallery.tiles if t.entry.name == "bench")
    QTest.keyClick(tile, Qt.Key.Key_Return)
    windows.wait(qtbot, lambda: ready(window))
    assert window.labs.page.isVisible() and window.labs.column.isVisible() and not window.right.isVisible()
    escape(window)
    assert window.stages["A"].isVisible() and window.right.isVisible() and not window.labs_button.isChecked()
    assert runner(window).lab is None and not window.session.stages_hidden


def test_the_settings_stay_and_the_shortcuts_are_told(qtbot, window):
    opened(qtbot, window, x=1.5)
    window.labs.close()
    opened(qtbot, window)
    assert runner(window).lab.x == 1.5
    told = {(group, words) for group, _, words in window.overlay._entries}
    assert {("Labs", "All laboratories"), ("Labs", "Back to the stage")} <= told


def test_drawing_data_leads_back_to_the_stage(qtbot, window):
    opened(qtbot, window)
    window.commands.draw_data()
    assert window.stages["A"].isVisible()
    window.drawing.cancel()


# --- what it does --------------------------------------------------------------------------------------------


def test_form_and_experiment_run_it_again_and_widgets_stay(qtbot, window):
    before = opened(qtbot, window)
    window.labs.column.form().row("x").entry.typed.emit("1.25")
    windows.wait(qtbot, lambda: ready(window) and "1.250" in window.labs.page.words.text())
    window.edit("seed", 4)
    windows.wait(qtbot, lambda: ready(window) and before["Table"].figure.rows[1][1] == 4)
    assert cards(window) == before


def test_a_refusal_is_shown_in_place_of_the_figures(qtbot, window):
    opened(qtbot, window)
    window.edit("seed", 3)
    windows.wait(qtbot, lambda: window.labs.page.message.isVisible())
    assert "even seed" in window.labs.page.message.text() and not window.labs.page.area.isVisible()
    assert not window.labs.column.run.isEnabled()
    window.commands.undo()
    windows.wait(qtbot, lambda: ready(window) and window.labs.page.area.isVisible())


def test_run_stop_and_what_it_says(qtbot, window):
    window.labs.open("heavy_bench", amount=5000)
    windows.wait(qtbot, lambda: "waits for Run" in window.labs.page.message.text())
    assert runner(window).threads == 0
    window.labs.column.run.click()
    run = window.labs.column.run
    windows.wait(qtbot, lambda: runner(window).report is not None and window.labs.page.progress.isVisible())
    windows.wait(qtbot, lambda: run.text().startswith("Stop") and "%" in run.text())
    assert run.property("primary") is False and run.isEnabled()
    run.click()
    windows.wait(qtbot, lambda: runner(window).threads == 0 and run.text() == "Run again")
    assert run.property("primary") is True
    assert "Stopped" in window.labs.column.state.text()
    window.edit("seed", 2)
    windows.wait(qtbot, lambda: "Run shows it" in window.labs.column.state.text())


def test_a_handle_is_dragged_and_writes_its_fields(qtbot, window):
    card = opened(qtbot, window)["Picture"]
    card.grab()
    area = card.area()
    start = area.place(0.5, 0.25)
    drag(card, start, *(area.place(x, -1.0) for x in (0.6, 0.8, 1.0)))
    windows.wait(qtbot, lambda: ready(window))
    release(card, area.place(1.0, -1.0))
    lab = runner(window).lab
    assert lab.x == pytest.approx(1.0, abs=0.02) and lab.y == pytest.approx(-1.0, abs=0.02)
    assert window.labs.column.form().owner() == lab
    drag(card, area.place(lab.x, lab.y), area.place(5.0, -9.0))  # no further than the field goes
    release(card, area.place(5.0, -9.0))
    assert (runner(window).lab.x, runner(window).lab.y) == (2.0, -2.0)


@pytest.mark.parametrize("name", ["codes", "interpolation", "one_step", "inverse"])
def test_a_real_handle_is_dragged_and_its_laboratory_follows(qtbot, window, name):
    """The point goes with the mouse, its fields with it, and the figures are of the new place."""
    quick = LABS[name].quick()
    found = opened(qtbot, window, name, **{p.name: getattr(quick, p.name) for p in params(type(quick))})
    card = next(c for c in found.values() if getattr(c.figure, "handles", ()))
    card.grab()
    area, handle = card.area(), card.figure.handles[0]
    left, right, bottom, top = card.figure.bounds
    aims = [(handle.xy[0] + s * (right - left), handle.xy[1] - s * (top - bottom)) for s in (0.02, 0.05, 0.1)]
    drag(card, area.place(*handle.xy), *(area.place(*aim) for aim in aims))
    release(card, area.place(*aims[-1]))
    lab, written = runner(window).lab, {f: v for f, v in zip(handle.fields, aims[-1], strict=True) if f}
    assert written and type(lab) is type(quick) and lab != quick
    for field, value in written.items():
        assert getattr(lab, field) == pytest.approx(value, abs=0.02 * (right - left))
    windows.wait(qtbot, lambda: ready(window) and runner(window).shown.lab == lab)
    moved = next(c for c in window.labs.page.board.cards if getattr(c.figure, "handles", ())).figure.handles[
        0
    ]
    for field, value in zip(moved.fields, moved.xy, strict=True):
        assert not field or value == pytest.approx(getattr(lab, field))
    window.commands.undo()
    assert runner(window).lab == quick


def test_a_run_that_is_over_at_once_does_not_flicker(qtbot, window):
    run = window.labs.column.run
    opened(qtbot, window)
    seen = set()
    for x in (0.1, 0.2, 0.3):
        window.labs.column.form().row("x").entry.typed.emit(str(x))
        windows.wait(qtbot, lambda: seen.add(run.text()) or ready(window))
    assert not {words for words in seen if words.startswith("Stop")}


def test_a_small_figure_takes_the_room_when_it_is_pressed(qtbot, window):
    found = opened(qtbot, window, "schedules")
    small, first = list(found.values())[:2]  # the noise, which it names, is the second
    assert (
        small.brief
        and not first.brief
        and first.width() * first.height() > 4 * small.width() * small.height()
    )
    mouse(small, QEvent.Type.MouseButtonPress, QPoint(20, 20))
    assert first.brief and not small.brief and small.height() > 2 * first.height()
    QTest.keyClick(first, Qt.Key.Key_Return)
    assert small.brief and not first.brief


def test_a_table_unfolds_and_folds(qtbot, window):
    table = opened(qtbot, window)["Table"]
    folded = table.height()
    assert table.brief
    mouse(table, QEvent.Type.MouseButtonPress, QPoint(20, 15))
    assert not table.brief and table.height() > 1.5 * folded
    mouse(table, QEvent.Type.MouseButtonPress, QPoint(20, 15))
    assert table.brief and table.height() == folded


def test_what_can_be_dragged_is_said_and_felt(qtbot, window):
    card = opened(qtbot, window)["Picture"]
    assert window.labs.page.hint.text() == "Drag the disc" and window.labs.page.hint.isVisible()
    card.grab()
    on, off = card.area().place(0.5, 0.25), card.area().place(-1.5, -1.5)
    mouse(card, QEvent.Type.MouseMove, on, Qt.MouseButton.NoButton)
    assert card.cursor().shape() == Qt.CursorShape.OpenHandCursor
    drag(card, on, on + QPointF(3, 0))
    assert card.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    release(card, on)
    mouse(card, QEvent.Type.MouseMove, off, Qt.MouseButton.NoButton)
    assert card.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_a_figure_is_enlarged_and_shrinks(qtbot, window):
    card = opened(qtbot, window)["Plot"]
    small = card.size()
    mouse(card, QEvent.Type.MouseButtonDblClick, QPoint(60, 60))
    assert card.width() > 1.5 * small.width() and not cards(window)["Table"].isVisible()
    escape(window)
    assert card.size() == small and cards(window)["Table"].isVisible() and runner(window).lab is not None


def test_the_values_under_the_mouse(qtbot, window):
    card = opened(qtbot, window)["Plot"]
    card.grab()
    plain = card.grab().toImage()
    mouse(card, QEvent.Type.MouseMove, card.area().rect.center(), Qt.MouseButton.NoButton)
    assert card.grab().toImage() != plain


def test_closing_while_it_runs_leaves_no_thread(qapp, qtbot, tmp_path, bench):
    with windows.windowed(qtbot, tmp_path) as made:
        made.labs.open("bench", amount=100_000)
        windows.wait(qtbot, lambda: made.session.lab.report is not None)
    windows.wait(qtbot, lambda: not [t for t in threading.enumerate() if t.name.startswith("lab-")], 2)


# --- particles and scenes ------------------------------------------------------------------------------------


def test_a_click_in_a_picture_chooses_the_particle_there(qtbot, window):
    window.session.playhead.seek(1.0)
    card = opened(qtbot, window, x=-1.9, y=-1.9)["Picture"]
    card.grab()
    run, index = window.session.showing.place("A")
    place = card.area().place(*run.recording[index].x[33].tolist())
    mouse(card, QEvent.Type.MouseButtonPress, place)
    release(card, place)
    assert runner(window).lab.particle == 33


@pytest.mark.skipif("pc_microscope" not in LABS, reason="there is no microscope")
def test_look_at_this_particle(qtbot, window):
    windows.wait(qtbot, lambda: window.session.tracks["A"].full.recording.complete)
    window.session.playhead.seek(0.6)
    run, index = window.session.showing.place("A")
    x = run.recording[index].x[21].tolist()
    window.stages["A"].canvas.clicked.emit(*x, Qt.MouseButton.RightButton)
    (menu,) = (m for m in window.findChildren(QMenu) if m.isVisible())
    choose(menu, "Look at this particle")
    menu.close()
    assert (runner(window).lab.name, runner(window).lab.particle) == ("pc_microscope", 21)


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_a_scene_sets_all_and_undo_brings_it_back(qtbot, window, scene):
    before = window.session.document
    assert 1 + choose(window.scenes_menu, scene.heading, scene.title) <= 3
    assert window.session.document == replace(scene.document, lab=scene.make_lab()).linked()
    if scene.lab:
        assert window.labs.page.note.text() == f"{scene.title}. {scene.words}" and window.caption.isHidden()
    else:
        assert (window.caption.title.text(), window.caption.words.text()) == (scene.title, scene.words)
        assert not window.caption.isHidden()
    assert (runner(window).lab.name if runner(window).lab else "") == scene.lab
    window.commands.undo()
    assert window.session.document == before
    window.commands.redo()
    both_stages_show_what_is_computed_headless(qtbot, window)


def other_data(window):
    window.set_data(DISTRIBUTIONS["swiss_roll"]())


@pytest.mark.parametrize("leave", ["new", "undo", "compare", other_data])
def test_the_words_of_a_scene_leave_with_it(window, leave):
    (scene, *_) = [s for s in SCENES if s.document.compare is not None and not s.lab]
    window.labs.play_scene(scene.name)
    window.edit("sampler", replace(window.session.document.experiment.sampler, particles=20))
    if leave == "undo":
        window.commands.undo()  # of that edit: it still is the scene
    assert not window.caption.isHidden()
    leave(window) if callable(leave) else getattr(window.commands, leave)()
    assert window.caption.isHidden()


def both_stages_show_what_is_computed_headless(qtbot, window):
    """With few particles the runs of a scene come to the ends that the library comes to, and the stages show them."""
    window.labs.close()
    window.edit("sampler", replace(window.session.document.experiment.sampler, particles=20))
    session = window.session
    asked = {"A": session.document.experiment, "B": session.document.compare}
    assert set(session.shown) == {name for name, e in asked.items() if e is not None}
    for name in session.shown:
        windows.wait(qtbot, partial(complete, session, name, asked[name]), 60)
    session.playhead.playing = False
    session.playhead.seek(1.0)
    for name in session.shown:
        run, index = session.showing.place(name)
        *_, end = simulate(
            asked[name].sde, asked[name].sampler, resolve(asked[name]).score, asked[name].target
        )
        assert index == len(run.recording) - 1 and (run.recording[index].x == end.x).all()


def complete(session, name, e):
    full = session.tracks[name].full
    return full is not None and full.experiment == e and full.recording.complete


# --- copying and saving -----------------------------------------------------------------------------------------


def test_no_scene_makes_the_window_wider(qtbot, window):
    window.resize(1280, 720)
    for scene in ("pitfall_low_density", "mistake_large_eps", "over_guidance", "sde_against_ode"):
        window.labs.play_scene(scene)
        qtbot.wait(30)
        assert window.width() == 1280


def test_a_list_of_numbers_can_be_typed(qtbot, window):
    window.labs.open("convergence")
    (line,) = (x for x in window.labs.column.form().findChildren(QLineEdit) if x.accessibleName() == "Steps")
    line.selectAll()
    qtbot.keyClicks(line, "8, 16")
    assert line.text() == "8, 16" and not window.notices.notices()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert runner(window).lab.steps == "8, 16"
    qtbot.keyClicks(line, "x")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    (told,) = window.notices.notices()
    assert told.text.startswith("Steps") and "16x" in told.text and line.text() == "8, 16"


def test_samplers_are_ticked_by_their_titles(qtbot, window):
    window.labs.open("table1")
    row = window.labs.column.form().row("predictors")
    titles = {box.text(): box for box in row.boxes.values()}
    assert {t for t, box in titles.items() if box.isChecked()} == {
        "Ancestral", "Reverse diffusion", "Euler–Maruyama", "Reverse diffusion (probability flow)",
    }  # fmt: skip
    for title in ("DDIM (η)", "Euler–Maruyama", "Reverse diffusion"):
        titles[title].click()
    methods = runner(window).lab.methods(Document().experiment.sampler)
    assert {m.title for m in methods} == {"Ancestral", "DDIM (η)", "Reverse diffusion (probability flow)"}
    window.labs.edit(LABS["table1"](predictors="ancestral, edm_churn(s_churn=20)"))
    ticked = [box.text() for box in row.boxes.values() if box.isChecked()]
    assert ticked == ["Ancestral", "edm_churn(s_churn=20)"]
    for box in row.boxes.values():
        if box.isChecked():
            box.click()  # the last one stays: a table of nothing is refused
    assert runner(window).lab.methods(Document().experiment.sampler)
    assert sum(box.isChecked() for box in row.boxes.values()) == 1
    assert [n.kind for n in window.notices.notices()] == ["warn"]


def test_time_stands_still_for_what_looks_at_a_moment(qtbot, window):
    window.session.playhead.playing = True
    window.labs.open("snr")
    assert window.session.playhead.playing
    window.labs.open("error_map")
    assert not window.session.playhead.playing


def test_files_of_every_kind(qtbot, window, tmp_path):
    found = opened(qtbot, window)
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF-", ".npz": b"PK", ".tex": b"% Needs"}
    for ending in (*starts, ".csv", ".json"):
        path = tmp_path / f"all{ending}"
        window.labs.save_to(path)
        windows.wait(qtbot, lambda: not window.documents.busy)
        assert path.read_bytes().startswith(starts.get(ending, b"")) and path.stat().st_size > 50, ending
    assert json.loads((tmp_path / "all.json").read_text())["settings"]["x"] == 0.5
    assert QImage(str(tmp_path / "all.png")).text("Title") == "Bench"
    window.labs.save_to(tmp_path / "one.svg", [found["Picture"].figure])
    windows.wait(qtbot, lambda: not window.documents.busy)
    assert b"Lab" in (tmp_path / "one.svg").read_bytes() or b"Bench" in (tmp_path / "one.svg").read_bytes()
    assert b"<image" not in (tmp_path / "one.svg").read_bytes()  # dots are shapes
    window.notices.clear()
    window.labs.save_to(tmp_path / "one.tex", [found["Plot"].figure])
    window.labs.save_to(tmp_path / "nowhere" / "one.csv")
    windows.wait(qtbot, lambda: not window.documents.busy)
    assert [n.kind for n in window.notices.notices()] == ["error", "error"]
    assert not (tmp_path / "one.tex").exists()


def test_files_are_written_in_a_thread(qtbot, window, tmp_path, monkeypatch):
    opened(qtbot, window)
    writers = []
    for place, name in ((figure_render, "write_picture"), (figure_files, "write_numbers")):
        monkeypatch.setattr(place, name, lambda *_: writers.append(threading.current_thread()))
    for ending in (".png", ".csv"):
        window.labs.save_to(tmp_path / f"all{ending}")
        windows.wait(qtbot, lambda: not window.documents.busy)
    assert len(writers) == 2 and threading.main_thread() not in writers


def test_saving_asks_for_a_name(qtbot, window, tmp_path):
    opened(qtbot, window)
    window.commands.save_figures()
    dialog = window.documents.asking.dialog
    assert dialog is not None and dialog.defaultSuffix() == "png"
    dialog.fileSelected.emit(str(tmp_path / "figures.png"))
    dialog.close()
    windows.wait(qtbot, lambda: not window.documents.busy)
    assert (tmp_path / "figures.png").stat().st_size > 1000


def test_copying(qtbot, window):
    found = opened(qtbot, window)
    clipboard = QApplication.clipboard()
    for card in found.values():
        menu = card.menu()
        assert len(menu.actions()) >= 3
        menu.deleteLater()
    found["Table"].asked.emit("numbers")
    assert clipboard.text().splitlines() == ["name\tvalue", "x\t0.5", "seed\t0"]
    found["Table"].asked.emit("latex")
    assert r"\toprule" in clipboard.text()
    found["Plot"].asked.emit("numbers")
    assert clipboard.text().startswith("plot\tseries")
    found["Equation"].asked.emit("latex")
    assert clipboard.text() == "a = b"
    found["Picture"].asked.emit("picture")
    assert clipboard.image().width() > 500
    clipboard.clear()


# --- the look of it ------------------------------------------------------------------------------------------------


def test_it_is_dressed_like_the_window(qtbot, window):
    card = opened(qtbot, window)["Plot"]
    dark = card.grab().toImage()
    window.commands.toggle_theme()
    light = card.grab().toImage()
    assert dark != light
    window.commands.toggle_presentation()
    assert card.ink().scale > 1.2
    window.commands.toggle_presentation()
    window.commands.toggle_theme()


@pytest.mark.parametrize("size", [(652, 520), (1900, 1200), (330, 400)])
@pytest.mark.parametrize(
    "kinds", ["p", "pp", "ppp", "pppp", "pt", "ppt", "pee", "peet", "t", "e", "ppppp", "pppt"]
)
def test_figures_fill_the_room_and_never_meet(size, kinds):
    known = {"p": Wish(), "t": Wish(120, width=500), "e": Wish(70, width=200)}
    boxes, total = arrange([known[k] for k in kinds], *size)
    for i, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + w <= size[0] and y + h <= max(total, size[1]) and w > 100
        assert h >= (LEAST_HEIGHT if kinds[i] == "p" else known[kinds[i]].height)
        for a, b, c, d in boxes[:i]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h
    rows = [y for _, y, _, _ in boxes]
    assert "e" in kinds or max(rows.count(y) for y in rows) <= (2 if size[0] < 1500 else 3)
    if "p" in kinds and total <= size[1]:
        assert total >= size[1] - 3  # what is there is used


def test_a_picture_among_words_is_the_main_thing():
    picture, words = Wish(least=250, shape=1.05, above=60), Wish(90, width=260)
    boxes, _ = arrange([picture, words, words, Wish(260, width=400)], 620, 535)
    (_, _, wide, high), (left, *_), _, (_, table, *_) = boxes
    assert left > wide and high > 1.1 * wide and table > high  # words beside it, the table below


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "numbers", [[1e-9, 3e4], [5, 5], [-2, 7], [], [np.nan, 1], [1e300, 1e-300], [0.3, 0.31]]
)
def test_axes_hold_their_numbers(numbers, log):
    axis = axes.fitted([numbers], log=log)
    assert axis.low < axis.high and (axis.low > 0 or not log)
    good = [v for v in numbers if np.isfinite(v) and (v > 0 or not log)]
    assert all(-1e-9 <= u <= 1 + 1e-9 for u in axis.unit(good).tolist())
    ticks = axis.ticks(5)
    assert all(axis.low <= v <= axis.high for v, _ in ticks) and len(ticks) <= 12
    assert len({words for _, words in ticks}) == len(ticks)
    assert axis.value(float(axis.unit(axis.high))) == pytest.approx(axis.high)


def test_curves_are_thinned_without_losing_their_peaks():
    x = np.arange(10_000.0)
    y = np.sin(x / 900)
    y[4321], y[77] = 9.0, np.nan
    pieces = axes.runs(x, y)
    assert [len(p) for p in pieces] == [77, 9922]
    kept = axes.thinned(pieces[1], 500)
    assert len(kept) < 600 and kept[:, 1].max() == 9.0 and (np.diff(kept[:, 0]) > 0).all()


def test_cards_are_of_the_kind_of_their_figure(qtbot, window):
    found = opened(qtbot, window)
    assert isinstance(found["Equation"], EquationCard) and isinstance(found["Table"], DrawnCard)
