"""Time grids: strictly falling, exact ends, and the spacing that each promises."""

import math
from itertools import pairwise

import pytest

from explorer.diffusion import grids
from explorer.diffusion.sdes import SDES

STEPS = [1, 2, 3, 10, 20, 100, 2000]
SDE_LIST = [
    *(SDES[name]() for name in SDES),
    SDES["vp"](beta_min=0.0, beta_max=400.0),
    SDES["subvp"](beta_min=0.0, beta_max=400.0),
    SDES["vp"](beta_min=0.0, beta_max=0.01),
    SDES["ve"](sigma_min=1e-5, sigma_max=1e4),
    SDES["ve"](sigma_min=1.0, sigma_max=1.1),
    SDES["exponential"](s=1.01),
    SDES["exponential"](s=1e4),
]


@pytest.mark.parametrize("sde", SDE_LIST, ids=repr)
@pytest.mark.parametrize("name", list(grids.GRIDS))
def test_falls_strictly_between_exact_ends(name, sde):
    for n in STEPS:
        times = grids.times(name, n, sde)
        assert len(times) == n + 1
        assert (times[0], times[-1]) == (sde.T, sde.eps)
        assert all(a > b for a, b in pairwise(times))


def _equal_after(f, times):
    steps = [f(a) - f(b) for a, b in pairwise(times)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-5)


@pytest.mark.parametrize("sde", SDE_LIST[:4], ids=repr)
@pytest.mark.parametrize("n", [2, 7, 50])
def test_spacing_is_as_promised(sde, n):
    _equal_after(lambda t: t, grids.uniform(n, sde))
    _equal_after(math.sqrt, grids.quadratic(n, sde))
    _equal_after(lambda t: float(sde.log_snr(t)), grids.log_snr(n, sde))
    _equal_after(lambda t: sde.noise_level(t) ** (1 / 7), grids.edm(n, sde))


@pytest.mark.parametrize("name", list(grids.GRIDS))
def test_twice_the_steps_keep_the_times(name):
    """Every second time of 2N steps is a time of N: what makes the refinement of a path exact."""
    sde = SDES["vp"]()
    assert grids.times(name, 40, sde)[::2] == pytest.approx(grids.times(name, 20, sde), rel=1e-9)
    if name == "uniform":
        assert grids.times(name, 40, sde)[::2] == grids.times(name, 20, sde)
