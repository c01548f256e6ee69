"""Distances against scipy, closed forms and invariance."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.data import metrics
from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.data.metrics import Reference, energy_distance, floor, reference, sliced_wasserstein

DISTANCES = [energy_distance, sliced_wasserstein]
sizes = st.integers(1, 40)


def normal(n, d=2, seed=0, shift=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) + shift


@settings(max_examples=40, deadline=None)
@given(n=sizes, m=sizes, seed=st.integers(0, 99))
def test_scipy_agrees_on_a_line(n, m, seed):
    x, y = normal(n, 1, seed), normal(m, 1, seed + 100, 0.5)
    peer = scipy.stats.energy_distance(x[:, 0], y[:, 0]) ** 2
    assert energy_distance(x, y) == pytest.approx(peer, rel=1e-9, abs=1e-12)
    peer = scipy.stats.wasserstein_distance(x[:, 0], y[:, 0])
    assert sliced_wasserstein(x, y) == pytest.approx(peer, rel=1e-9)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_energy_distance_is_its_definition(d):
    x, y = normal(37, d), normal(611, d, 1, 0.3)

    def mean(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=-1).mean()

    assert energy_distance(x, y) == pytest.approx(2 * mean(x, y) - mean(x, x) - mean(y, y), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(n=sizes, m=sizes, d=st.integers(1, 4), seed=st.integers(0, 99))
def test_a_distance_is_symmetric_never_negative_and_knows_no_order(n, m, d, seed):
    x, y = normal(n, d, seed), normal(m, d, seed + 100)
    rng = np.random.default_rng(seed)
    for distance in DISTANCES:
        value = distance(x, y)
        assert value >= 0 and distance(x, x) == pytest.approx(0, abs=1e-12)
        assert distance(y, x) == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert distance(rng.permutation(x), rng.permutation(y)) == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_a_shift_is_found_whole():
    # |shift · direction| averages to 2/pi of its length over the directions of the plane
    x = normal(500)
    assert sliced_wasserstein(x, x + [3.0, 4.0]) == pytest.approx(5 * 2 / math.pi, rel=1e-3)


def test_two_draws_of_one_law_are_as_far_apart_as_theory_says():
    # E of the V-statistic is E∥X-X'∥ (1/n + 1/m), and E∥X-X'∥ is sqrt(pi) for normal X in the plane
    values = [energy_distance(normal(200, 2, i), normal(300, 2, i + 1000)) for i in range(80)]
    expected = math.sqrt(math.pi) * (1 / 200 + 1 / 300)
    assert abs(np.mean(values) - expected) < 4 * np.std(values) / math.sqrt(80)


@pytest.mark.parametrize("distance", DISTANCES)
def test_kinds_of_points(distance):
    x, y = normal(50).astype(np.float32), normal(70, seed=1)
    expected = distance(x.astype(np.float64), y)
    for other in (torch.as_tensor(y), torch.as_tensor(y).float(), y.astype(np.float32)):
        assert distance(x, other) == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match=r"shape \(n, d\)"):
        distance(x[:0], y)
    with pytest.raises(ValueError, match=r"not \(50,\)"):
        distance(x[:, 0], y)


def test_blocks_do_not_show(monkeypatch):
    x, y = normal(100), normal(77, seed=1)
    whole = energy_distance(x, y)
    monkeypatch.setattr(metrics, "CPU_BLOCK", 13)
    assert energy_distance(x, y) == pytest.approx(whole, rel=1e-9)


def law(d=2):
    """A law of two modes in d dimensions."""
    return Mixture(np.array([0.4, 0.6]), np.array([[-1.0] * d, [1.0] * d]), np.full((2, d), 0.3))


@pytest.mark.parametrize("d", [1, 2, 3, 6])
@pytest.mark.parametrize("n", [1, 7, 500])
@pytest.mark.parametrize("metric", DISTANCES)
def test_a_reference_measures_as_the_metric_does(metric, n, d):
    of, x = Reference(law(d), 1000), normal(n, d, seed=n).astype(np.float32)
    assert of.measure(metric.__name__, x) == pytest.approx(metric(x, of.points), rel=1e-6)
    assert len(of.points) == of.size == 1000


def test_a_reference_is_drawn_once_and_the_same_everywhere():
    mixture = law()
    assert reference(mixture) is reference(mixture) and reference(mixture).size == 20_000
    assert (reference(law()).points == reference(mixture).points).all()  # as in another process
    few = reference(law(100))
    assert few.points.size == 400_000


@pytest.mark.parametrize("metric", ["sliced_wasserstein", "energy_distance"])
def test_more_samples_than_are_measured_are_thinned_evenly(metric, monkeypatch):
    monkeypatch.setattr(metrics, "MOST", 100)
    of, x = Reference(law(), 500), normal(250)
    assert metrics.measured(250) == 84 and metrics.measured(100) == 100
    assert of.measure(metric, x) == of.measure(metric, x[::3])


@pytest.mark.parametrize("metric", ["sliced_wasserstein", "energy_distance"])
def test_the_floor_of_a_reference_is_what_samples_of_the_law_come_to(metric):
    mixture = law()
    of = Reference(mixture, 5000)
    floor_of = of.floor(metric, 200, 40)
    others = [of.measure(metric, mixture.sample(200, np.random.default_rng(i))[0]) for i in range(40)]
    apart = math.hypot(floor_of.std, np.std(others)) / math.sqrt(40)
    assert abs(np.mean(others) - floor_of.mean) < 4 * apart
    if metric == "energy_distance":  # E of the V-statistic, with E∥X-X'∥ from the reference's own points
        within = metrics._mean_distance(*[torch.from_numpy(of.points)] * 2)
        assert floor_of.mean == pytest.approx(within * (1 / 200 + 1 / 5000), rel=0.3)


def test_a_law_in_time_is_that_of_the_noised_points():
    mixture = DISTRIBUTIONS["two_moons"]().mixture
    x = torch.from_numpy(mixture.sample(50, np.random.default_rng(0))[0]).double()
    assert torch.allclose(mixture.diffused(0.6, 0.8).log_density(x), mixture.log_density(x, 0.6, 0.8))
    tilted = Mixture.of_covariances(np.ones(1), np.zeros((1, 2)), np.array([[[2.0, 0.9], [0.9, 1.0]]]))
    assert tilted.diffused(0.5, 0.3).covariance == pytest.approx(0.25 * tilted.covariance + 0.09 * np.eye(2))


def test_mean_log_density():
    # minus the entropy of a normal law in the plane
    mixture = DISTRIBUTIONS["gaussian_mixture"](means=[[0, 0]], scales=0.5).mixture
    x, _ = mixture.sample(50_000, np.random.default_rng(0))
    assert metrics.mean_log_density(mixture, x) == pytest.approx(
        -math.log(2 * math.pi * math.e * 0.25), abs=0.02
    )


def test_mode_weight_error():
    mixture = DISTRIBUTIONS["unequal_modes"](weight=0.8, distance=5.0).mixture
    x, k = mixture.sample(4000, np.random.default_rng(0))
    assert metrics.mode_weight_error(mixture, x) < 0.03
    assert metrics.mode_weight_error(mixture, x[k == 0]) == pytest.approx(0.2, abs=1e-6)
    assert metrics.mode_weight_error(mixture, x[k == 1]) == pytest.approx(0.8, abs=1e-6)
    assert math.isnan(metrics.mode_weight_error(DISTRIBUTIONS["heart"]().mixture, x))


def test_the_floor_is_of_independent_draws():
    mixture = DISTRIBUTIONS["rings"]().mixture
    small, large = (floor(energy_distance, mixture, n, range(12)) for n in (100, 400))
    assert large.mean < 0.5 * small.mean and 0 < small.std < small.mean
    assert floor(energy_distance, mixture, 100, range(12)) == small
    shifted = mixture.sample(100, np.random.default_rng(5))[0] + 1
    assert energy_distance(shifted, mixture.sample(100, np.random.default_rng(6))[0]) > 5 * small.mean
    assert math.isnan(floor(sliced_wasserstein, mixture, 50, [1]).std)


def test_the_noise_of_counting_is_that_of_multinomial_draws():
    p, rng = np.array([0.5, 0.3, 0.15, 0.05]), np.random.default_rng(0)
    counts = rng.multinomial(400, p, size=4000) / 400
    assert metrics.counting_noise(p, 400) == pytest.approx(0.5 * np.abs(counts - p).sum(1).mean(), rel=0.02)
