"""Noise as data: its law on every grid, and what it must not depend on."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.diffusion import grids, noise
from explorer.diffusion.noise import Brownian, BrownianArea
from explorer.diffusion.sdes import SDES

SHAPE = (20_000, 1)


def uniform(n, low=0.0, high=1.0):
    return [low + (high - low) * i / n for i in range(n + 1)]


def stacked(iterator):
    return torch.stack(list(iterator)).double().squeeze(-1).numpy()


@pytest.mark.parametrize("times", [
    uniform(1), uniform(7), uniform(16)[::-1], uniform(5, 0.25, 3.0),
    [0.0, 1e-6, 0.3, 0.3001, 0.9, 1.0], [2.0 ** -k for k in range(12)] + [0.0],
], ids=["one", "seven", "falling", "wide", "uneven", "halving"])  # fmt: skip
def test_increments_are_independent_standard_normals(times):
    """Means, covariance matrix and the normal law itself, at 5 standard errors over all entries."""
    span = (min(times), max(times))
    z = stacked(Brownian(3, SHAPE, span).increments(times))
    n = SHAPE[0]
    assert z.shape == (len(times) - 1, n)
    assert np.abs(z.mean(1)).max() < 5 / math.sqrt(n)
    assert np.abs(z @ z.T / n - np.eye(len(z))).max() < 5 * math.sqrt(2 / n)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4


@pytest.mark.parametrize("n", [1, 2, 8, 64])
def test_power_of_two_grids_nest_exactly(n):
    coarse = list(Brownian(0, (50, 2), (0.0, 1.0)).values(uniform(n)))
    fine = list(Brownian(0, (50, 2), (0.0, 1.0)).values(uniform(2 * n)))
    for a, b in zip(coarse, fine[::2], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("n", "m"), [(3, 5), (20, 27), (100, 101), (199, 300)])
def test_any_two_grids_read_one_path_to_their_resolution(n, m):
    """At the nearest common times two grids differ by no more than a Brownian motion does in a few steps."""
    values = [stacked(Brownian(1, (4000, 1), (0.0, 1.0)).values(uniform(k))) for k in (n, m)]
    at = [round(i * m / n) for i in range(n + 1)]
    gap = max(abs(j / m - i / n) for i, j in enumerate(at)) + 1 / n
    difference = values[0] - values[1][at]
    assert difference.std(1).max() < 3 * math.sqrt(gap)
    end = values[0][-1]
    assert np.array_equal(end, values[1][-1])
    other = stacked(Brownian(2, (4000, 1), (0.0, 1.0)).values(uniform(n)))
    if n > 20:  # far below the distance of two paths
        assert difference.std() < 0.3 * (values[0] - other).std()


def test_falling_is_the_same_path_as_rising():
    times = uniform(13)
    path = Brownian(5, (10, 3), (0.0, 1.0))
    rising, falling = list(path.values(times)), list(path.values(times[::-1]))
    assert all(torch.equal(a, b) for a, b in zip(rising, falling[::-1], strict=True))
    up, down = list(path.increments(times)), list(path.increments(times[::-1]))
    assert all(torch.allclose(a, -b) for a, b in zip(up, down[::-1], strict=True))


@pytest.mark.parametrize("falling", [False, True])
def test_one_increment_alone(falling):
    times = sorted([0.0, 0.01, 0.013, 0.2, 0.45, 0.9, 1.0], reverse=falling)
    path = Brownian(5, (10, 3), (0.0, 1.0))
    for i, z in enumerate(path.increments(times)):
        assert torch.equal(path.increment(times, i), z)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 1000])
def test_more_particles_keep_the_old_ones(count):
    few = noise.normal((count, 2), 4, 1, 2)
    many = noise.normal((count + 333, 2), 4, 1, 2)
    assert torch.equal(few, many[:count])
    paths = [list(Brownian(9, (k, 2), (0.0, 1.0)).increments(uniform(6))) for k in (count, count + 50)]
    assert all(torch.equal(a, b[:count]) for a, b in zip(*paths, strict=True))


def test_seeds_streams_and_addresses_are_independent():
    addresses = [(0, 0), (1, 0), (0, 1), (0, 1, 2), (0, 2, 1), (0, 12), (10, 2), (0, 0, 0)]
    draws = torch.stack([noise.normal((20_000,), *a) for a in dict.fromkeys(addresses)]).double()
    correlation = torch.corrcoef(draws)
    off = correlation - torch.eye(len(draws))
    assert float(off.abs().max()) < 5 / math.sqrt(20_000)
    assert len({noise.seed_of(s, a, b) for s in range(20) for a in range(20) for b in range(20)}) > 7990


def test_the_same_seed_gives_the_same_noise_whatever_was_drawn_before():
    first = noise.normal((64, 2), 1, 2, 3)
    torch.manual_seed(0)
    torch.randn(1000)
    assert torch.equal(first, noise.normal((64, 2), 1, 2, 3))


@pytest.mark.parametrize("name", list(SDES))
def test_noise_of_an_sde_has_its_law_at_every_time(name):
    """Y(t) has standard deviation sigma(t), and Y(t) - (alpha(t)/alpha(s)) Y(s) is independent of Y(s)."""
    sde = SDES[name]()
    times = grids.times("log_snr", 9, sde)[::-1]
    y = stacked(Brownian(2, SHAPE, (times[0], times[-1]), marginal=sde.marginal).values(times))
    alpha = np.array([sde.marginal(t)[0] for t in times])
    sigma = np.array([sde.marginal(t)[1] for t in times])
    n = SHAPE[0]
    assert np.abs(y.std(1) / sigma - 1).max() < 5 / math.sqrt(2 * n)
    keep = alpha[1:] / alpha[:-1]
    width = np.sqrt(sigma[1:] ** 2 - (keep * sigma[:-1]) ** 2)
    z = (y[1:] - keep[:, None] * y[:-1]) / width[:, None]
    assert np.abs(z @ z.T / n - np.eye(len(z))).max() < 5 * math.sqrt(2 / n)
    assert np.abs((y[:-1] / sigma[:-1, None] * z).mean(1)).max() < 5 / math.sqrt(n)


@pytest.mark.parametrize("name", list(SDES))
def test_noise_of_an_sde_nests(name):
    sde = SDES[name]()
    span = (sde.eps, sde.T)
    read = [list(Brownian(0, (9, 2), span, marginal=sde.marginal).values(grids.uniform(n, sde)[::-1]))
            for n in (8, 16)]  # fmt: skip
    assert all(torch.equal(a, b) for a, b in zip(read[0], read[1][::2], strict=True))


@pytest.mark.parametrize("name", ["vp", "subvp"])
def test_noise_stays_finite_where_nothing_of_the_data_is_left(name):
    """alpha(T) is 4e-44 at beta_max 400: x/alpha does not fit into float32."""
    sde = SDES[name](beta_max=400.0)
    times = grids.uniform(50, sde)[::-1]
    y = stacked(Brownian(2, (4000, 1), (times[0], times[-1]), marginal=sde.marginal).values(times))
    assert y.std(1) == pytest.approx([sde.marginal(t)[1] for t in times], rel=0.08)


def test_long_grids_are_no_deep_recursion():
    times = [1 - 1e-9 * i for i in range(1000)] + [0.5 - 1e-9 * i for i in range(1000)] + [0.0]
    z = stacked(Brownian(0, (64, 1), (0.0, 1.0)).increments(times))
    assert z.shape == (2000, 64) and np.isfinite(z).all()


# --- paths with their areas ------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [
    uniform(1), uniform(7)[::-1], uniform(5, 0.25, 3.0), [0.0, 1e-6, 0.3, 0.3001, 0.9, 1.0],
], ids=["one", "falling", "wide", "uneven"])  # fmt: skip
def test_increments_and_areas_are_independent_standard_normals(times):
    pairs = list(BrownianArea(3, SHAPE, (min(times), max(times))).increments(times))
    z = torch.cat(pairs).double().squeeze(-1).numpy()
    n = SHAPE[0]
    assert z.shape == (2 * (len(times) - 1), n)
    assert np.abs(z.mean(1)).max() < 5 / math.sqrt(n)
    assert np.abs(z @ z.T / n - np.eye(len(z))).max() < 5 * math.sqrt(2 / n)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4


def integrals(path, times):
    """W and its integral over time at each time of a grid, from the start of travel."""
    w, total = [torch.zeros(path.shape)], [torch.zeros(path.shape)]
    for (t, t_next), (z, u) in zip(itertools.pairwise(times), path.increments(times), strict=True):
        h = abs(t_next - t)
        total.append(total[-1] + h * w[-1] + h**1.5 * (z / 2 + u / math.sqrt(12)))
        w.append(w[-1] + math.sqrt(h) * z)
    return torch.stack(w), torch.stack(total)


@pytest.mark.parametrize("falling", [False, True])
def test_refining_keeps_path_and_integral(falling):
    """At the times that a grid of 8 and one of 256 share, both read the same W and the same integral of W."""
    path = BrownianArea(4, (200, 2), (0.2, 1.0))
    coarse, fine = (sorted(uniform(n, 0.2, 1.0), reverse=falling) for n in (8, 256))
    for a, b in zip(integrals(path, coarse), integrals(path, fine), strict=True):
        assert torch.allclose(a, b[::32], atol=3e-6)
    w, total = integrals(path, fine)
    trapezoids = torch.cumulative_trapezoid(w, dx=0.8 / 256, dim=0)
    assert float((trapezoids - total[1:]).square().mean().sqrt()) < 0.8 / 256  # the area is that of the path


@pytest.mark.parametrize("falling", [False, True])
def test_one_increment_with_its_area_alone(falling):
    times = sorted([0.0, 0.01, 0.013, 0.2, 0.45, 0.9, 1.0], reverse=falling)
    path = BrownianArea(5, (10, 3), (0.0, 1.0))
    for i, z in enumerate(path.increments(times)):
        assert torch.equal(path.increment(times, i), z)


def test_areas_keep_the_particles_and_the_whole_rise():
    few, many = (list(BrownianArea(9, (k, 2), (0.0, 1.0)).increments(uniform(6))) for k in (7, 90))
    assert all(torch.equal(a, b[:, :7]) for a, b in zip(few, many, strict=True))
    plain = sum(Brownian(9, (7, 2), (0.0, 1.0)).increments(uniform(6)))
    assert torch.allclose(sum(few)[0], plain, atol=1e-5)


@pytest.mark.parametrize("size", [1, 5000, 10**6])
def test_drawing_ahead_changes_nothing(size):
    drawn = []

    def draws():
        for i in range(40):
            drawn.append(i)
            yield torch.full((size,), float(i))

    out = noise.ahead(draws())
    assert float(next(out)[0]) == 0 and drawn == [0]
    assert [float(x[0]) for x in out] == list(range(1, 40))
