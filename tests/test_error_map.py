"""Error maps and the laboratory of parameterisations: errors that are known in advance are found."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.analysis.score_errors import angle, binned_median, nearest, relative_error
from explorer.diffusion.parameterization import KINDS, round_trip_error
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.experiment.codec import edited
from explorer.experiment.resolution import Resolved, resolve
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Picture, Plot, Table
from explorer.figures.marks import Arrows, Curve, Image
from explorer.labs import LABS, Context


def turned(degrees):
    a = math.radians(degrees)
    return torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])


@pytest.mark.parametrize("degrees", [0.0, 1e-3, 30.0, 90.0, 179.0, 180.0])
def test_angles(degrees):
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    found = angle(3.0 * x @ turned(degrees).T, x)
    torch.testing.assert_close(found, torch.full((20,), degrees), atol=2e-5, rtol=1e-4)


def test_relative_error_and_distance():
    x = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    torch.testing.assert_close(relative_error(1.1 * x, x), torch.tensor([0.1, 0.1]))
    torch.testing.assert_close(nearest(x, torch.tensor([[3.0, 0.0], [0.0, 0.0]])), torch.tensor([4.0, 2.0]))


def test_medians_of_bins():
    at, values = torch.tensor([0.1, 0.2, 0.3, 1.5]), torch.tensor([1.0, 5.0, 2.0, 7.0])
    found = binned_median(at, values, torch.tensor([0.0, 1.0, 2.0, 3.0]))
    assert found[:2].tolist() == [2.0, 7.0] and found[2].isnan()


def context(data="eight_gaussians", sde="vp", score=None, t=0.3, source="pretrained"):
    e = edited(edited(edited(Experiment(), "data", data), "sde", sde), "score.source", source)
    exact = ExactScore(e.data.mixture, e.sde)
    return Context(e, Resolved(score(exact), False, "", e.data.dim) if score else resolve(e), t)


def last(lab, at):
    reports = list(lab.reports(at))
    progress = [r.progress for r in reports]
    assert progress == sorted(progress) and progress[-1] == 1 and len(reports) > 1
    return reports[-1]


SMALL = LABS["error_map"].quick()


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("data", ["eight_gaussians", "anisotropic", "three_modes_1d"])
def test_a_score_that_is_a_tenth_too_long(data, sde):
    """Every cell of every map then says a tenth, and no angle."""
    report = last(SMALL, context(data, sde, lambda exact: lambda x, t: 1.1 * exact(x, t)))
    found = report.arrays["relative_error"]  # NaN where no point has that distance
    np.testing.assert_allclose(found[np.isfinite(found)], -1.0, atol=1e-3)
    assert np.isfinite(found).mean() > 0.6
    size, turn, over, fall = report.figures
    assert all(isinstance(f, Picture) for f in (size, turn, over)) and isinstance(fall, Plot)
    seen = fall.series[0].y[np.isfinite(fall.series[0].y)]
    np.testing.assert_allclose(seen, 0.1, rtol=1e-3)
    (angles,) = (m for m in turn.marks if isinstance(m, Image))
    assert angles.values.max() < 1e-3
    assert "10.0%" in report.words
    for figure in (size, turn, over):
        assert all(np.isfinite(m.values).all() for m in figure.marks if isinstance(m, Image))


def test_the_size_of_the_error_over_the_plane():
    """An error of known length and direction: 0.01 to the right."""
    e = context()
    off = context(score=lambda exact: lambda x, t: exact(x, t) + torch.tensor([0.01, 0.0]))
    size = last(SMALL, off).figures[0]
    (image,) = (m for m in size.marks if isinstance(m, Image))
    low, high, _ = size.scale
    np.testing.assert_allclose(low + image.values * (high - low), -2.0, atol=1e-2)
    (arrows,) = (m for m in size.marks if isinstance(m, Arrows))
    assert (arrows.uv[:, 0] > 0).all() and np.abs(arrows.uv[:, 1]).max() < 1e-3 * arrows.uv[:, 0].min()
    half = 3.0 * math.hypot(*e.experiment.sde.marginal(0.3))
    np.testing.assert_allclose(size.bounds, (-half, half, -half, half))


def test_the_angle_over_the_plane():
    turn = last(SMALL, context(score=lambda exact: lambda x, t: exact(x, t) @ turned(60.0).T)).figures[1]
    (image,) = (m for m in turn.marks if isinstance(m, Image))
    np.testing.assert_allclose(180 * image.values, 60.0, atol=1e-2)


@pytest.mark.parametrize("data", ["eight_gaussians", "line", "two_modes_1d"])
def test_the_pitfall_of_low_density_is_there(data):
    """The networks that come with the program err far more where nobody trained than where p_t is."""
    report = last(replace(SMALL, points=300), context(data, "ve"))
    near, far = _shares(report)
    assert far > 10 * near > 0


def _shares(report):
    said = report.words.split("Over all t it is ")[1]
    return float(said.split("%")[0]), float(said.split(" and ")[1].split("%")[0])


def test_the_line_of_the_law_rises_with_the_noise():
    over = last(SMALL, context()).figures[2]
    line, now = (m for m in over.marks if isinstance(m, Curve))
    assert line.xy[-1, 1] > 5 * line.xy[0, 1]
    np.testing.assert_allclose(now.xy[:, 0], math.log10(0.3), rtol=1e-5)


def test_it_refuses_where_there_is_no_error():
    e = context().experiment
    assert SMALL.refusal(e) == ""
    assert "exact" in SMALL.refusal(edited(e, "score.source", "exact"))
    own = edited(e, "data", {"type": "points", "points": [[0.0, 0.0], [1.0, 1.0]]})
    assert "train one" in SMALL.refusal(own) and SMALL.refusal(edited(own, "score.source", "trained")) == ""


# --- parameterisations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_six_pictures_and_the_same_samples(data, sde):
    report = last(LABS["parameterisations"].quick(), context(data, sde))
    *pictures, table = report.figures
    assert [p.title for p in pictures] == [kind.title for kind in KINDS.values()] and isinstance(table, Table)
    assert all(any(isinstance(m, Arrows) for m in p.marks) for p in pictures)
    assert report.arrays["samples_differ"].max() < 1e-2
    single, double = (np.array([row[i] for row in table.rows], float) for i in (2, 3))
    assert (double < 1e-12).all() and (single >= double).all() and single.max() < 1e-3


def test_sizes_are_what_theory_says():
    """Under VP on data of unit variance, E∥ε∥² = σ² E∥s∥², and v's parts are measured at the same points."""
    at = context(score=lambda exact: exact)
    table = last(LABS["parameterisations"].quick(), at).figures[-1]
    size = {row[0]: row[1] for row in table.rows}
    _, sigma = at.experiment.sde.marginal(0.3)
    assert size["Noise ε"] == pytest.approx(sigma * size["Score"], rel=1e-4)
    assert size["Clean x₀"] == size["EDM denoiser"]


def test_digits_are_lost_where_sigma_is_small():
    """A score of size 1/sigma out of x0: the error grows like the rounding of x over sigma."""
    sde = SDES["vp"]()
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    errors = []
    for t in (1e-4, 1e-2):
        _, sigma = sde.marginal(t)
        errors.append(round_trip_error("x0", x / sigma, x, sde, t) * sigma)
    assert errors[0] == pytest.approx(errors[1], rel=1.0) and 1e-9 < errors[0] < 1e-6
