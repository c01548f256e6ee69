"""The laboratories of control measure what they say; the layers of the stage show it."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.simulate import simulate
from explorer.experiment.resolution import exact_score, resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.experiment.view_settings import Look
from explorer.figures.figure import Picture, Plot, Table
from explorer.figures.marks import Arrows, Curve, Image
from explorer.figures.views import VIEWS, Scene
from explorer.figures.views.density import log_density
from explorer.guidance import CONTROLS
from explorer.guidance.trained_classifiers import CLASSIFIERS
from explorer.labs import LABS, Context
from explorer.labs.toolkit.control_runs import reverse

EXACT = ScoreSource("exact")
ARM = Experiment(data=DISTRIBUTIONS["pinwheel"](), score=EXACT)


def last_report(lab, e):
    *_, report = lab.reports(Context(e, resolve(e)))
    return report


def plot(report, title):
    (found,) = (f for f in report.figures if isinstance(f, Plot) and f.title == title)
    return found


def test_the_weight_is_best_at_one():
    report = last_report(LABS["guidance"](weight=6.0, steps=40, particles=250, repeats=2), ARM)
    a = report.arrays
    assert a["weight"][a["distance"].argmin()] == 1.0
    assert a["distance"][-1] > 10 * a["distance"].min()
    assert a["share"][0] == pytest.approx(0.2, abs=0.06)  # one of five arms
    assert a["share"][2] > 0.99 and a["spread"][2] == pytest.approx(1, abs=0.1)
    assert a["spread"][6] < 0.9  # w = 4
    assert "w = 6" in report.words and "arm 1" in report.words


def test_the_tilted_law_is_the_conditional_one_at_weight_one_and_sharper_beyond():
    """∝ p(x) p(y|x)^w on the line, against quadrature."""
    e = Experiment(data=DISTRIBUTIONS["three_modes_1d"](), score=EXACT)
    lab = LABS["guidance"](weight=8.0, label=1, particles=60, steps=8, repeats=1)
    law = plot(last_report(lab, e), "From the data to the class")
    tilted = next(s for s in law.series if "∝" in s.name)
    width = np.diff(tilted.x)
    assert (tilted.y * width).sum() == pytest.approx(1, abs=0.01)
    import torch

    x = np.linspace(-5, 5, 4001)[:, None]
    t = torch.from_numpy(x)
    p = e.data.mixture.log_density(t).exp() * e.data.mixture.class_probabilities(t)[:, 1] ** 8.0
    cumulative = np.cumsum(p.numpy()) / float(p.sum())
    u = np.sign(e.data.mixture.where(1).mean - e.data.mixture.mean)[0] or 1.0
    below = np.interp(u * tilted.x, x[:, 0], cumulative)
    np.testing.assert_allclose(tilted.y * width, np.abs(np.diff(below)), atol=0.02)


def test_replacement_is_measured_as_biased_and_the_posterior_is_not():
    e = Experiment(data=DISTRIBUTIONS["eight_gaussians"](), score=EXACT)
    lab = LABS["inverse"](problem="project", steps=50, particles=300, corrections=1, repeats=2)
    report = last_report(lab, e)
    (table,) = (f for f in report.figures if isinstance(f, Table))
    rows = {row[0]: row for row in table.rows}
    replaced, exact = rows["replacement"], rows["exact posterior"]
    assert abs(replaced[2]) > 0.3 > 0.15 > abs(exact[2])  # the mean of the free coordinate
    assert replaced[6] > 8 * exact[6] and exact[6] < 3 * rows["floor"][6]
    assert rows["replacement, 1 corrector"][1] == 2 * replaced[1] == 100
    curves = {s.name: s for s in plot(report, "Distance to the exact posterior").series}
    np.testing.assert_array_equal(curves["replacement"].x, [10, 20, 50])
    assert (curves["replacement"].y > 5 * curves["exact posterior"].y[-1]).all()
    pictures = [f for f in report.figures if isinstance(f, Picture)]
    assert len(pictures) == 2 and all(any(isinstance(m, Curve) for m in f.marks) for f in pictures)


@pytest.mark.parametrize(("sampler", "wanted"), [
    (Sampler(mode="ode"), 20), (Sampler(mode="ode", solver=SOLVERS["dopri5"]()), 20),
    (Sampler(predictor=PREDICTORS["none"]()), 10), (Sampler(predictor=PREDICTORS["stochastic_heun"]()), 20),
])  # fmt: skip
def test_evaluations_are_those_that_a_run_takes(sampler, wanted):
    """Also of methods with two in each step, and where the stage's method has no steps to choose."""
    e = replace(ARM, sampler=sampler)
    chosen = reverse(e.sampler, 20, 10)
    *_, last = simulate(e.sde, chosen, resolve(e).score, e.data.mixture)
    assert last.nfe == chosen.steps * chosen.nfe_per_step == wanted


def test_the_known_value_is_dragged_on_the_picture():
    report = last_report(LABS["inverse"].quick(), Experiment(score=EXACT))
    (handle,) = next(f for f in report.figures if isinstance(f, Picture)).handles
    assert handle.fields == ("value", "") and handle.xy[0] == 0.5


def test_the_classifier_is_kept_when_it_is_the_standard_one(monkeypatch):
    monkeypatch.setattr(CLASSIFIERS, "_kept", {})
    monkeypatch.setattr("explorer.labs.classifier.ITERATIONS", 40)
    e = Experiment(data=DISTRIBUTIONS["two_modes_1d"](), score=EXACT)
    other = last_report(LABS["classifier"](iterations=30), e)
    assert CLASSIFIERS.of(e.data) is None and "not this one" in other.words
    report = last_report(LABS["classifier"](iterations=40), e)
    assert CLASSIFIERS.of(e.data) is not None and "now uses it" in report.words
    accuracy = plot(report, "Accuracy on noisy points")
    assert accuracy.series[0].y[0] > 0.99 and accuracy.series[0].y[-1] < 0.75


@pytest.mark.parametrize("name", ["guidance", "classifier"])
def test_data_without_classes_is_refused_in_words(name):
    assert "no classes" in LABS[name]().refusal(Experiment(data=DISTRIBUTIONS["heart"]()))


def test_other_laboratories_look_at_the_run_without_what_bends_it():
    """Neither a control nor a mistake on the stage may bend what they measure."""
    wrong = replace(ARM.sampler, mistake=MISTAKES["time_sign"]())
    e = replace(ARM, control=CONTROLS["class_guidance"](weight=4.0), sampler=wrong)
    context = Context(e, resolve(e))
    assert context.free.experiment == ARM
    assert isinstance(context.free.resolved.score, ExactScore)
    assert LABS["guidance"]().looks_at(context).experiment == ARM
    assert LABS["pc_microscope"]().looks_at(context) is context  # it takes the run on the stage apart


# --- layers -----------------------------------------------------------------------------------------------


def scene(e, look=None, t=0.3):
    alpha, sigma = e.sde.marginal(t)
    frame = Frame(np.zeros((1, e.data.dim), np.float32), t, alpha, sigma, 1, 5, 1)
    return Scene(e, look or Look(follow=False), [frame], resolve(e).score, (-3.0, 3.0, -3.0, 3.0))


def test_the_three_arrows_of_a_place_close_the_triangle():
    """s(x | y) - s(x) is the guidance at weight 1: all three are drawn to one scale."""
    e = replace(ARM, control=CONTROLS["class_guidance"](label=2))
    plain, conditional, push = (m for m in VIEWS["guidance"]().marks(scene(e)) if isinstance(m, Arrows))
    np.testing.assert_allclose(conditional.uv - plain.uv, push.uv, atol=1e-5)
    assert np.linalg.norm(push.uv, axis=1).max() > 0.1


def test_the_density_is_that_of_the_target_or_of_the_data():
    e = replace(ARM, control=CONTROLS["class_guidance"](label=2))
    xs, ys, given = log_density(scene(e), 40)
    _, _, whole = log_density(scene(e, Look(follow=False, conditional=False)), 40)
    _, _, free = log_density(scene(e.free), 40)
    np.testing.assert_array_equal(whole, free)
    cell = (xs[1] - xs[0]) * (ys[1] - ys[0])
    assert np.exp(given).sum() * cell == pytest.approx(1, abs=0.02)
    assert np.abs(given - whole).max() > 1


def test_a_law_on_a_line_is_visible_at_the_end():
    e = Experiment(score=EXACT, control=CONTROLS["inpaint"](value=0.5), sampler=Sampler())
    (image,) = (m for m in VIEWS["density"]().marks(scene(e, t=1e-3)) if isinstance(m, Image))
    columns = image.values.max(axis=0) > 0.1
    centres = -3 + 6 * (np.arange(len(columns)) + 0.5) / len(columns)
    assert columns.any() and np.abs(centres[columns] - 0.5).max() < 0.15


def test_the_exact_field_under_a_control_is_guided_too():
    e = replace(ARM, control=CONTROLS["class_guidance"](weight=3.0))
    import torch

    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(scene(e).exact(x, 0.3), resolve(e).score(x, 0.3))
    assert isinstance(exact_score(e.free), ExactScore)
    assert not VIEWS["guidance"]().marks(scene(e.free))
