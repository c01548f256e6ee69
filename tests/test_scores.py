"""Scores against what they must equal."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.data.distributions import Mixture
from explorer.diffusion.scores import DifferenceScore, ExactScore
from explorer.diffusion.sdes import SDES
from explorer.networks import NetworkSpec
from explorer.networks.learned import LearnedScore
from explorer.networks.preconditioned import Denoiser
from explorer.networks.spec import NOISE_LOW

SPEC = NetworkSpec(width=16, depth=2, waves=4)
levels = st.floats(0.01, 50.0)


def network(spec=SPEC, dim=2, sigma_data=0.8, seed=0):
    """A network whose last layer is not zero, as if trained."""
    random = torch.Generator().manual_seed(seed)
    net = Denoiser(spec, dim, sigma_data, random).requires_grad_(False)
    net.last.weight.normal_(generator=random)
    net.last.bias.normal_(generator=random)
    return net


def points(n=50, dim=2, scale=1.0):
    return scale * torch.randn(n, dim, generator=torch.Generator().manual_seed(1))


@settings(deadline=None, max_examples=30)
@given(sigma=levels, alpha=st.floats(0.05, 1.0))
def test_one_level_for_all_is_the_same_as_that_level_for_each(sigma, alpha):
    net, x = network(), points()
    each = net.score(x, torch.full((50,), alpha), torch.full((50,), sigma), 0.5)
    torch.testing.assert_close(net.score(x, alpha, sigma, 0.5), each, rtol=1e-3, atol=1e-4 / sigma)


@settings(deadline=None, max_examples=30)
@given(sigma=levels, alpha=st.floats(0.05, 1.0))
def test_score_is_the_denoiser_by_tweedie(sigma, alpha):
    net, x = network().double(), points().double()
    naive = (alpha * net(x / alpha, sigma / alpha) - x) / sigma**2
    torch.testing.assert_close(net.score(x, alpha, sigma, 0.5), naive, rtol=1e-5, atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(sigma=levels, alpha=st.floats(0.05, 1.0))
def test_one_network_serves_every_sde(sigma, alpha):
    """p_t of x is p of y = x/alpha at noise sigma/alpha, stretched: the score scales by 1/alpha."""
    net, x = network().double(), points().double()
    y_score = net.score(x / alpha, 1.0, sigma / alpha, 0.5)
    torch.testing.assert_close(net.score(x, alpha, sigma, 0.5), y_score / alpha, rtol=1e-6, atol=1e-8)


def test_a_new_network_is_the_best_linear_denoiser():
    scale = 0.7
    net = Denoiser(SPEC, 2, scale)
    mixture = Mixture.of_points(np.zeros((1, 2)), scale)
    x = points()
    for alpha, sigma in ((1.0, 0.01), (0.9, 0.3), (0.01, 1.0)):
        exact = mixture.score(x, alpha, sigma)
        torch.testing.assert_close(net.score(x, alpha, sigma, 0.5), exact, rtol=1e-4, atol=1e-4)


def test_below_the_lowest_trained_level_the_score_stays():
    net, x = network(), points()
    torch.testing.assert_close(net.score(x, 1.0, 1e-5, 0.0), net.score(x, 1.0, NOISE_LOW, 0.0))
    each = net.score(x, torch.ones(50), torch.full((50,), 1e-5), 0.0)
    torch.testing.assert_close(each, net.score(x, 1.0, NOISE_LOW, 0.0), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", SDES)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_finite_under_every_sde_at_every_time(name, dim):
    sde = SDES[name]()
    score = LearnedScore(network(dim=dim), sde)
    for t in (1e-5, sde.eps, 0.01, 0.5, 1.0):
        for scale in (0.01, 1.0, 1e4):
            out = score(points(dim=dim, scale=scale), t)
            assert out.shape == (50, dim)
            assert torch.isfinite(out).all()


def test_finite_where_nothing_is_left_of_the_data():
    sde = SDES["vp"](beta_max=400.0)
    score = LearnedScore(network(), sde)
    x = points()
    torch.testing.assert_close(score(x, 1.0), -x, rtol=1e-5, atol=1e-5)  # p_1 is N(0, I)


def test_native_outputs():
    x, t = points(), 0.4
    alpha, sigma = SDES["ve"]().marginal(t)
    for output, factor in (("noise", -1 / sigma), ("score", 1.0)):
        net = network(NetworkSpec(width=16, depth=2, output=output))
        raw = net.raw(x, torch.tensor(t))
        torch.testing.assert_close(LearnedScore(net, SDES["ve"]())(x, t), factor * raw)
        each = net.score(x, torch.full((50,), alpha), torch.full((50,), sigma), torch.full((50,), t))
        torch.testing.assert_close(each, factor * raw, rtol=1e-4, atol=1e-5)


def test_labels():
    net = network(NetworkSpec(width=16, depth=2, classes=3))
    net.labels.weight.normal_(generator=torch.Generator().manual_seed(3))
    x, ve = points(), SDES["ve"]()
    none = LearnedScore(net, ve)(x, 0.5)
    torch.testing.assert_close(none, LearnedScore(net, ve, label=3)(x, 0.5))  # 3 stands for no label
    one = LearnedScore(net, ve, label=1)(x, 0.5)
    assert not torch.allclose(none, one)
    _, sigma = ve.marginal(0.5)
    mixed = net.score(x, 1.0, sigma, 0.5, torch.tensor([1, 3] * 25))
    torch.testing.assert_close(mixed[::2], one[::2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mixed[1::2], none[1::2], rtol=1e-4, atol=1e-5)


def test_difference_and_gradient():
    mixture, ve = Mixture.of_points(np.eye(2), 0.3), SDES["ve"]()
    exact, learned = ExactScore(mixture, ve), LearnedScore(network(), ve)
    x = points().requires_grad_()
    difference = DifferenceScore(learned, exact)(x, 0.3)
    torch.testing.assert_close(difference, learned(x, 0.3) - exact(x, 0.3))
    (gradient,) = torch.autograd.grad(learned(x, 0.3).sum(), x)  # likelihoods need it
    assert torch.isfinite(gradient).all()


def test_a_network_needs_no_random_state_of_torch():
    a, b = Denoiser(SPEC).state_dict(), Denoiser(SPEC).state_dict()
    assert all(torch.equal(w, b[name]) for name, w in a.items())


def test_the_descriptions_load_without_torch():
    code = (
        "import sys, explorer.networks, explorer.training; from explorer.training.objectives import OBJECTIVES; "
        "list(OBJECTIVES); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("output", ["edm", "noise"])
def test_levels_embedded_at_once_give_the_same_score(sde, output):
    """Ahead of a run or one by one; at other times than those prepared nothing is lost."""
    net = network(NetworkSpec(width=16, depth=2, waves=4, output=output))
    plain, ready = LearnedScore(net, SDES[sde]()), LearnedScore(net, SDES[sde]())
    times = [1.0, 0.61, 0.2, 1e-3, 1e-5]
    ready.prepare(times)
    assert bool(ready._embedded) == (output == "edm")
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        for t in (*times, 0.4):
            torch.testing.assert_close(ready(x, t), plain(x, t), rtol=2e-4, atol=1e-4)
    assert plain == ready
