"""Likelihood of pictures: Gaussian models in 784 dimensions in closed form, and the bound on bits by quadrature."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.stats import norm

from explorer.analysis.likelihood import (
    Divergence,
    Flow,
    Hutchinson,
    estimated,
    final,
    log_likelihood,
    probes,
    within,
)
from explorer.analysis.likelihood.bits import NOISE, Coder, bits_per_dim, level_log_probability
from explorer.data.distributions import Mixture
from explorer.data.images.base import LEVEL, from_pixels, to_pixels
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDE, SDES

SIZE = (1, 28, 28)
D = math.prod(SIZE)


Y, X = np.mgrid[-1:1:28j, -1:1:28j]
MEAN = (0.4 * np.exp(-4 * (X**2 + Y**2)) - 0.2).ravel()
STD = (0.12 + 0.06 * (1 - Y)).ravel()


@dataclass(frozen=True)
class Apart:
    """The score of a Gaussian of independent pixels: its mean a disc, its spread larger at the top."""

    sde: SDE

    def __call__(self, x, t):
        alpha, sigma = self.sde.marginal(t)
        mean, std = (torch.from_numpy(a).to(x) for a in (MEAN, STD))
        return (alpha * mean - x) / (alpha**2 * std**2 + sigma**2)


def pictures(n, seed=0):
    """Draws of that Gaussian on the grey levels (n, 1, 28, 28)."""
    x = MEAN + STD * np.random.default_rng(seed).standard_normal((n, D))
    return np.moveaxis(to_pixels(x, SIZE), -1, 1)


class Smooth:
    """The score of a Gaussian with smooth pictures: neighbouring pixels go together."""

    def __init__(self, sde):
        self.sde = sde
        place = np.stack(np.mgrid[:28, :28], -1).reshape(-1, 2)
        near = np.square(place[:, None] - place[None]).sum(-1)
        covariance = 0.2 * np.exp(-near / 8) + 0.01 * np.eye(D)
        values, axes = np.linalg.eigh(covariance)
        self.values, self.axes = torch.from_numpy(values), torch.from_numpy(axes)

    def _variances(self, t):
        alpha, sigma = self.sde.marginal(t)
        return alpha**2 * self.values + sigma**2

    def __call__(self, x, t):
        return -(x @ self.axes) / self._variances(t) @ self.axes.T

    def log_density(self, x, t):
        v = self._variances(t)
        return -0.5 * ((x @ self.axes).square() / v + torch.log(2 * math.pi * v)).sum(1)

    def sample(self, n, t):
        z = torch.from_numpy(np.random.default_rng(1).standard_normal((n, D)))
        return (z * self._variances(t).sqrt()) @ self.axes.T


class Trace(Divergence):
    """The divergence of a `Smooth` score in closed form."""

    columns = 1

    def __call__(self, score, x, t, rows):
        return score(x, t), -(1 / score._variances(t)).sum().expand(len(x), 1)


@pytest.mark.parametrize("name", ["vp", "subvp", "ve"])
def test_gaussian_pictures_in_closed_form(name):
    sde = SDES[name]()
    score = Smooth(sde)
    x = score.sample(3, 0.02)
    last = final(Flow(sde, score, within(1e-6)).encode(x, 0.02, Trace()))
    found = score.log_density(last.x, sde.T) + last.divergence[:, 0]
    truth = score.log_density(x, 0.02)
    assert (found - truth).abs().max() < 2e-3, (found, truth)  # nats, of hundreds
    prior = estimated(Flow(sde, score), last).values  # the prior in place of p_T is near, but not the same
    assert (prior - truth).abs().max() < (6 if name == "ve" else 0.1)


def test_hutchinson_meets_the_closed_form_within_its_error():
    sde = SDES["vp"]()
    score = Smooth(sde)
    x = score.sample(4, 0.05)
    v = probes("rademacher", 16, tuple(x.shape), seed=3)
    found = log_likelihood(Flow(sde, score, within(1e-5)), x, 0.05, Hutchinson(v))
    gap = (found.values - score.log_density(x, 0.05)).numpy()
    error = found.error.numpy()
    assert (error > 0.1).all() and (np.abs(gap) < 4 * error).all(), (gap, error)
    mean, spread = found.mean()
    assert abs(mean - float(score.log_density(x, 0.05).mean())) < 3.5 * spread


def bound_by_quadrature(images, alpha, sigma):
    """The bound in bits/dim (n,) of independent Gaussian pixels: the mean over z by the trapezoidal rule."""
    x0 = from_pixels(images).astype(np.float64)[..., None]
    z = np.linspace(-7, 7, 141)
    weight = norm.pdf(z) * (z[1] - z[0])
    x = alpha * x0 + sigma * z
    log_p = norm.logpdf(x, alpha * MEAN[:, None], np.hypot(alpha * STD, sigma)[:, None])
    shares = np.zeros_like(x)
    for k in range(-4, 5):  # no pixel is near black or white
        shares += np.exp(0.5 * z**2 - 0.5 * ((x - alpha * (x0 + k * LEVEL)) / sigma) ** 2)
    per_pixel = ((-log_p + norm.logpdf(z) - math.log(sigma) + np.log(shares)) * weight).sum(-1)
    return per_pixel.mean(1) / math.log(2)


@pytest.mark.parametrize("name", ["vp", "ve", "exponential"])
def test_the_bound_is_what_quadrature_says(name):
    sde, images = SDES[name](), pictures(2)
    coder = Coder(sde, Apart(sde))
    level = coder.fine[0].marginal(coder.start)
    assert level[1] / level[0] == pytest.approx(NOISE)
    *_, (progress, found) = Coder(sde, Apart(sde), steps=24, probes=8).measure(images)
    assert progress == 1 and found.noise == pytest.approx(NOISE) and found.nfe == 4 * 24
    expected = bound_by_quadrature(images, *level)
    assert (np.abs(found.values - expected) < 4 * found.errors + 2e-3).all(), (found.values, expected)
    assert found.error == pytest.approx(found.values.std(ddof=1) / math.sqrt(2))


def test_a_model_without_lattice_pays_for_the_gaps():
    """It lies above the probability of the levels by the entropy that q leaves unused between them."""
    images = pictures(4, seed=5)
    x0 = from_pixels(images).astype(np.float64)
    exact = -np.log2(norm.cdf(x0 + LEVEL / 2, MEAN, STD) - norm.cdf(x0 - LEVEL / 2, MEAN, STD)).mean(1)
    smooth = -(norm.logpdf(x0, MEAN, STD).mean(1) + math.log(LEVEL)) / math.log(2)
    assert np.allclose(smooth, exact, atol=1e-3)
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((64, D)))
    levels = -float(level_log_probability(z, NOISE, torch.zeros(64, D) - 1 + 128 * LEVEL).mean()) / D
    gaps = math.log(LEVEL / (NOISE * math.sqrt(2 * math.pi * math.e)))
    bound = bound_by_quadrature(images, 1.0, NOISE)
    assert np.allclose(bound - exact, (gaps + levels) / math.log(2), atol=2e-3) and (bound > exact).all()


@pytest.mark.parametrize("at", [0.0, 0.4, 100.3, 255.0])
def test_levels_beside_each_other(at):
    """P(level | x_e) over all levels adds up to 1, at the ends too, and is sharp where noise is small."""
    near = torch.arange(256, dtype=torch.float64)
    near = -1 + LEVEL * near[(near - at).abs() < 12]
    z = (-1 + LEVEL * at - near)[:, None] / 0.01
    shares = level_log_probability(z, 0.01, near[:, None]).exp()
    assert float(shares.sum()) == pytest.approx(1.0, abs=1e-9)
    assert float(level_log_probability(z[:1] * 0, NOISE, near[:1, None]).exp()) > 0.9999


def test_more_steps_agree_with_an_adaptive_solver():
    """On a set of remembered pictures, whose field is far from linear, the steps converge."""
    rng = np.random.default_rng(0)
    kept = rng.uniform(-1, 1, (20, 64))
    mixture, sde = Mixture.of_points(kept, LEVEL / 2), SDES["vp"]()
    images = np.clip(np.round((kept[:2] + 1) / LEVEL), 0, 255).astype(np.uint8).reshape(2, 1, 8, 8)
    score = ExactScore(mixture, sde)
    fine = bits_per_dim(score, sde, images, steps=0, tolerance=1e-6).values
    gaps = [np.abs(bits_per_dim(score, sde, images, steps=n).values - fine).max() for n in (12, 24, 48)]
    assert gaps[0] > 3 * gaps[1] > 6 * gaps[2] and gaps[2] < 0.02, gaps


def test_it_follows_from_the_seed_and_not_from_the_batch(monkeypatch):
    sde, images = SDES["vp"](), pictures(3)
    run = lambda **kw: bits_per_dim(Apart(sde), sde, images, probes=2, steps=4, **kw).each  # noqa: E731
    whole = run()
    monkeypatch.setattr("explorer.analysis.likelihood.bits.BATCH", 2)
    assert np.allclose(run(), whole, atol=1e-9) and not np.allclose(run(seed=1), whole)
    draw, *_ = Coder(sde, Apart(sde), 4).draws(images)
    last = final(draw.moments())
    assert np.allclose(sum(draw.parts(last).values()), draw.bits(last))
