"""The space-time figure: its lines carry the probability that the exact flow carries."""

import math

import numpy as np
import pytest

from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.sdes import SDES
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures.figure import Picture
from explorer.figures.marks import Curve, Image
from explorer.labs import LABS, Context

SpaceTime = LABS["space_time"]


def figures(e, **params):
    reports = list(SpaceTime(**params).reports(Context(e, resolve(e))))
    assert reports[-1].progress == 1.0
    return reports[-1]


def exact(data, sde="vp"):
    return Experiment(DISTRIBUTIONS[data](), SDES[sde](), ScoreSource("exact"))


def cdf(mixture, x, alpha, sigma):
    z = (x - alpha * mixture.means[:, 0]) / np.hypot(alpha * mixture.scales[:, 0], sigma) / math.sqrt(2)
    return float(mixture.weights @ [(1 + math.erf(v)) / 2 for v in z])


@pytest.mark.parametrize("sde", ["vp", "ve", "subvp", "exponential"])
def test_each_line_keeps_its_share_of_the_probability_below_it(sde):
    """In one dimension the flow moves quantiles into quantiles."""
    e = exact("three_modes_1d", sde)
    arrays = figures(e, lines=7, paths=0).arrays
    places = [0, 30, 60, 90, 110]
    for i in places:
        t = arrays["ode_t"][i]
        shares = [cdf(e.data.mixture, x, *e.sde.marginal(t)) for x in arrays["ode_x"][i, :, 0]]
        np.testing.assert_allclose(shares, (np.arange(7) + 0.5) / 7, atol=0.02)


@pytest.mark.parametrize("shown, halves", [("both", 2), ("forward", 1), ("reverse", 1)])
def test_the_heat_map_is_the_density_and_every_half_has_its_paths(shown, halves):
    e = exact("eight_gaussians")
    report = figures(e, shown=shown, lines=3, paths=4, angle=30.0, follow=False)
    (picture,) = report.figures
    assert isinstance(picture, Picture)
    maps = [m for m in picture.marks if isinstance(m, Image)]
    curves = [m for m in picture.marks if isinstance(m, Curve)]
    assert len(maps) == halves and len(curves) == halves * (3 + 4) + halves + 1
    column = maps[0].values[:, 0 if shown != "reverse" else -1] ** 2  # nearest to the data
    top = maps[0].bounds[3]
    turn = math.radians(30)
    rng = np.random.default_rng(0)
    x = e.data.mixture.sample(200_000, rng)[0] @ [math.cos(turn), math.sin(turn)]
    drawn = np.histogram(x, np.linspace(-top, top, len(column) + 1))[0]
    assert np.abs(np.cumsum(column) / column.sum() - np.cumsum(drawn) / drawn.sum()).max() < 0.01


def test_the_direction_is_the_side_from_which_the_plane_is_seen():
    e = exact("line")
    spread = [
        figures(e, angle=a, lines=3, paths=0, shown="forward").figures[0].bounds[3] for a in (0.0, 90.0)
    ]
    assert spread[0] != spread[1]
