"""The exact density and score, against finite differences, quadrature, scipy and each other."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.data.distributions.mixture import LOWEST
from explorer.diffusion.sdes import SDES

MIXTURES = {name: DISTRIBUTIONS[name]().mixture for name in DISTRIBUTIONS}
MIXTURES["upright ellipses"] = DISTRIBUTIONS["gaussian_mixture"](scales=[[0.1, 0.5], [0.7, 0.2]]).mixture
PLANAR = [name for name, m in MIXTURES.items() if m.dim == 2]
by_name = pytest.mark.parametrize("name", MIXTURES)


def noised(mixture, alpha, sigma, n=24, seed=0):
    rng = np.random.default_rng(seed)
    x0, _ = mixture.sample(n, rng)
    return torch.as_tensor(alpha * x0.astype(np.float64) + sigma * rng.standard_normal(x0.shape))


def random_mixture(k=5, d=2, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k, d, d)) * 0.5
    covariances = root @ root.transpose(0, 2, 1) + 0.02 * np.eye(d)
    return rng.dirichlet(np.ones(k)), rng.normal(size=(k, d)), covariances


@by_name
@pytest.mark.parametrize("sde", SDES)
def test_score_is_the_gradient_of_the_log_density(name, sde):
    mixture, process = MIXTURES[name], SDES[sde]()
    for t in (process.eps, 0.02, 0.3, 1.0):
        alpha, sigma = process.marginal(t)
        narrow = math.sqrt(alpha**2 * mixture.scales.min() ** 2 + sigma**2)
        x, h = noised(mixture, alpha, sigma), 1e-4 * narrow
        steps = h * torch.eye(mixture.dim, dtype=torch.float64)
        rise = [
            mixture.log_density(x + e, alpha, sigma) - mixture.log_density(x - e, alpha, sigma) for e in steps
        ]
        slope = torch.stack(rise, dim=1) / (2 * h)
        assert torch.allclose(mixture.score(x, alpha, sigma) * narrow, slope * narrow, rtol=1e-4, atol=1e-5)


@by_name
def test_float32_is_as_good_as_float64(name):
    mixture = MIXTURES[name]
    for sigma in (1e-4, 0.01, 0.3, 20.0):
        x = noised(mixture, 1.0, sigma, n=200).float()
        narrow = math.hypot(mixture.scales.min(), sigma)
        for f, unit in ((mixture.score, narrow), (mixture.log_density, 1.0)):
            error = f(x, 1.0, sigma).double() - f(x.double(), 1.0, sigma)
            assert error.abs().max() * unit < 2e-3


@by_name
def test_density_integrates_to_one(name):
    mixture, sigma = MIXTURES[name], 0.06
    line = np.arange(-6, 6, 0.05)
    if mixture.dim == 1:
        density = mixture.log_density(torch.as_tensor(line[:, None]), 1.0, sigma).exp().numpy()
    else:
        density = np.exp(mixture.log_density_grid(line, line, 1.0, sigma).astype(np.float64))
    assert density.sum() * 0.05**mixture.dim == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", PLANAR)
@pytest.mark.parametrize(("alpha", "sigma"), [(1.0, 0.0), (0.7, 0.3), (0.01, 1.0)])
def test_the_grid_is_the_density(name, alpha, sigma):
    mixture = MIXTURES[name]
    xs, ys = np.linspace(-2, 2, 17), np.linspace(-1.5, 1.8, 13)
    grid = mixture.log_density_grid(xs, ys, alpha, sigma)
    points = torch.as_tensor(np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2))
    direct = mixture.log_density(points, alpha, sigma).reshape(len(ys), len(xs)).numpy()
    assert grid.shape == (13, 17) and grid.dtype == np.float32
    assert np.allclose(grid, np.maximum(direct, LOWEST), rtol=1e-3, atol=1e-3)


@by_name
def test_samples_have_the_mean_and_the_covariance(name):
    mixture, n = MIXTURES[name], 40_000
    x = mixture.sample(n, np.random.default_rng(1))[0].astype(np.float64) - mixture.mean
    products = x[:, :, None] * x[:, None, :]
    # five standard errors, and what float32 rounds away
    assert np.all(np.abs(x.mean(0)) < 5 * x.std(0) / math.sqrt(n) + 1e-6)
    off = np.abs(products.mean(0) - mixture.covariance)
    assert np.all(off < 5 * products.std(0) / math.sqrt(n) + 1e-6)
    assert mixture.std == pytest.approx(math.sqrt(np.trace(mixture.covariance) / mixture.dim))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_scipy_agrees(d):
    weights, means, covariances = random_mixture(d=d)
    mixture = Mixture.of_covariances(weights, means, covariances)
    x, alpha, sigma = np.random.default_rng(2).normal(size=(50, d)) * 2, 0.6, 0.4
    parts = [
        w * multivariate_normal(alpha * m, alpha**2 * c + sigma**2 * np.eye(d)).pdf(x)
        for w, m, c in zip(weights, means, covariances, strict=True)
    ]
    ours = mixture.log_density(torch.as_tensor(x), alpha, sigma).numpy()
    assert np.allclose(ours, np.log(np.sum(parts, axis=0)), rtol=1e-10)
    ours = mixture.responsibilities(torch.as_tensor(x), alpha, sigma).numpy()
    assert np.allclose(ours, (np.array(parts) / np.sum(parts, axis=0)).T, atol=1e-12)


@by_name
@pytest.mark.parametrize("sigma", [0.0, 1e-4, 1.0, 50.0])
def test_finite_far_away(name, sigma):
    mixture = MIXTURES[name]
    x = torch.tensor([[1e4], [-1e4], [300.0], [0.0]]).expand(4, mixture.dim)
    assert torch.isfinite(mixture.log_density(x, 1.0, sigma)).all()
    score = mixture.score(x, 1.0, sigma)
    assert torch.isfinite(score).all()
    assert ((score * x)[:2].sum(dim=1) < 0).all(), "far away the score points back"


@pytest.mark.parametrize("alpha", [3.7e-44, 1e-30, 1e-20, 1e-10, 1e-3])
def test_pictures_that_the_noise_has_drowned(alpha):
    """VP with a large beta leaves x_T without any of the data; alpha may be a number or one for each point."""
    rng = np.random.default_rng(0)
    m = Mixture.of_points(rng.uniform(-1, 1, (30, 300)), 0.004)
    x = torch.from_numpy(rng.standard_normal((5, 300)).astype(np.float32))
    away = np.square(x.double().numpy()[:, None] - alpha * m.means).sum(-1)
    variance = (alpha * 0.004) ** 2 + 1
    terms = -0.5 * away / variance - 150 * math.log(2 * math.pi * variance) - math.log(30)
    expected = torch.from_numpy(terms).logsumexp(1).float()
    for a, s in ((alpha, 1.0), (torch.full((5,), alpha), torch.ones(5))):
        torch.testing.assert_close(m.log_density(x, a, s), expected, rtol=1e-5, atol=1e-3)
        assert (m.score(x, a, s) + x).abs().max() < 2 * alpha + 1e-4


@pytest.mark.parametrize("name", ["pinwheel", "anisotropic", "heart", "three_modes_1d"])
def test_one_level_for_each_point(name):
    mixture = MIXTURES[name]
    x = noised(mixture, 1.0, 0.5, n=7)
    alpha, sigma = torch.linspace(0.2, 1, 7).double(), torch.linspace(2, 0.05, 7).double()
    for f in (mixture.score, mixture.log_density, mixture.responsibilities, mixture.class_probabilities):
        rows = [f(x[i : i + 1], float(alpha[i]), float(sigma[i])) for i in range(7)]
        assert torch.allclose(f(x, alpha, sigma), torch.cat(rows), rtol=1e-9, atol=1e-12)


def test_chunks_do_not_show(monkeypatch):
    mixture, x = MIXTURES["rings"], noised(MIXTURES["rings"], 1.0, 0.1, n=101)
    whole = mixture.score(x, 1.0, 0.1)
    monkeypatch.setattr("explorer.data.distributions.mixture.CPU_CHUNK", 1)
    assert torch.allclose(mixture.score(x, 1.0, 0.1), whole, rtol=1e-12)


@pytest.mark.parametrize("name", ["heart", "anisotropic"])
def test_no_points_give_no_scores(name):
    empty = torch.empty(0, 2)
    assert MIXTURES[name].score(empty).shape == (0, 2)
    assert MIXTURES[name].log_density(empty).shape == (0,)


@pytest.mark.parametrize("name", ["anisotropic", "letters"])
def test_autograd_passes_through(name):
    mixture = MIXTURES[name]
    x = noised(mixture, 0.8, 0.3).requires_grad_()
    (slope,) = torch.autograd.grad(mixture.log_density(x, 0.8, 0.3).sum(), x)
    score = mixture.score(x, 0.8, 0.3)
    assert torch.allclose(score, slope, rtol=1e-8)
    (curvature,) = torch.autograd.grad(score.sum(), x)
    assert torch.isfinite(curvature).all()


@pytest.mark.parametrize("name", [n for n, m in MIXTURES.items() if m.labels is not None])
def test_classes_together_are_the_whole(name):
    mixture = MIXTURES[name]
    x, classes = noised(mixture, 0.9, 0.2), sorted(set(mixture.labels.tolist()))
    assert len(mixture.label_names) > mixture.labels.max()
    parts = [math.log(mixture.label_weights[c]) + mixture.where(c).log_density(x, 0.9, 0.2) for c in classes]
    assert torch.allclose(torch.logsumexp(torch.stack(parts), 0), mixture.log_density(x, 0.9, 0.2), atol=1e-9)
    share = mixture.class_probabilities(x, 0.9, 0.2)
    assert torch.allclose(share.sum(1), torch.ones(len(x), dtype=torch.float64))
    bayes = torch.stack(parts).T - mixture.log_density(x, 0.9, 0.2)[:, None]
    assert torch.allclose(share[:, classes], bayes.exp(), atol=1e-9)


def test_no_such_class():
    with pytest.raises(ValueError, match="no component has the class 99"):
        MIXTURES["rings"].where(99)
    with pytest.raises(ValueError, match="class 0"):
        MIXTURES["heart"].where(0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(0, 6.3), sigma=st.floats(0.01, 10))
def test_turning_the_data_turns_the_score(seed, angle, sigma):
    weights, means, covariances = random_mixture(seed=seed)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    x = np.random.default_rng(seed).normal(size=(6, 2))
    turned = Mixture.of_covariances(weights, means @ turn.T, turn @ covariances @ turn.T)
    expected = Mixture.of_covariances(weights, means, covariances).score(torch.as_tensor(x), 0.8, sigma)
    actual = turned.score(torch.as_tensor(x @ turn.T), 0.8, sigma)
    assert np.allclose(actual.numpy(), expected.numpy() @ turn.T, rtol=1e-6, atol=1e-8)


def test_a_projection_is_the_integral_over_the_other_axis():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    means, scales = np.array([[0.5, -0.3], [-1.0, 0.4]]), np.array([[0.3, 0.7], [0.2, 0.5]])
    mixture = Mixture(np.array([0.7, 0.3]), means, scales, np.stack([turn, np.eye(2)]))
    u, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    grid = np.linspace(-8, 8, 4001)
    for place in (-0.9, 0.0, 0.7):
        line = torch.from_numpy(place * u + grid[:, None] * across)
        wanted = np.trapezoid(mixture.log_density(line, 0.8, 0.1).exp().numpy(), grid)
        found = mixture.projected(u).log_density(torch.tensor([[place]], dtype=torch.float64), 0.8, 0.1)
        assert found.exp().item() == pytest.approx(wanted, rel=1e-9)


def test_sizes_of_a_law_are_those_of_its_draws():
    mixture = Mixture(np.array([0.7, 0.3]), np.array([[2.0, -0.3], [-1.0, 0.4]]), np.full((2, 2), 0.5))
    x = mixture.sample(200_000, np.random.default_rng(0))[0].astype(float)
    assert mixture.rms == pytest.approx(np.sqrt((x**2).mean()), rel=5e-3)
    noisy = 0.6 * x + 1.5 * np.random.default_rng(1).standard_normal(x.shape)
    assert mixture.spread(0.6, 1.5) == pytest.approx(np.sqrt(noisy.var(axis=0).mean()), rel=5e-3)
