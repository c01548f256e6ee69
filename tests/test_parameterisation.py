"""One field under six names: closed forms, the definitions of the papers, and ways there and back."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.diffusion.frames import Frame
from explorer.diffusion.parameterization import KINDS, Through, convert, from_score, to_score
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import FIELD_KINDS, Look
from explorer.figures.views import VIEWS, Scene
from explorer.networks.preconditioned import Denoiser
from explorer.networks.spec import NetworkSpec

TIMES = (0.01, 0.2, 0.7, 1.0)
MIXTURE = Mixture.of_points(np.array([[1.0, 0.5], [-1.0, 0.3], [0.2, -1.4]]), 0.2)


def at(sde, t, n=64):
    """Points of p_t in double precision, and the exact score there."""
    alpha, sigma = sde.marginal(t)
    random = torch.Generator().manual_seed(1)
    x0 = torch.from_numpy(MIXTURE.sample(n, np.random.default_rng(1))[0]).double()
    x = alpha * x0 + sigma * torch.randn(x0.shape, generator=random, dtype=torch.float64)
    return x, MIXTURE.score(x, alpha, sigma)


def posterior_means(sde, t, x):
    """E[x_0 | x_t = x] and E[z | x_t = x] of the mixture, component by component: conditional Gaussians."""
    alpha, sigma = sde.marginal(t)
    r = MIXTURE.responsibilities(x, alpha, sigma)
    means, variance = torch.from_numpy(MIXTURE.means), float(MIXTURE.scales[0, 0]) ** 2
    total = alpha**2 * variance + sigma**2
    offset = x[:, None, :] - alpha * means
    x0 = (r[..., None] * (means + alpha * variance / total * offset)).sum(1)
    return x0, (r[..., None] * (sigma / total * offset)).sum(1)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("name", SDES)
def test_each_is_the_conditional_mean_that_its_paper_says(name, t):
    sde = SDES[name]()
    x, s = at(sde, t)
    x0, z = posterior_means(sde, t, x)
    alpha, sigma = sde.marginal(t)
    close = dict(rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(from_score("x0", s, x, sde, t), x0, **close)
    torch.testing.assert_close(from_score("denoiser", s, x, sde, t), x0, **close)
    torch.testing.assert_close(from_score("noise", s, x, sde, t), z, **close)
    torch.testing.assert_close(from_score("v", s, x, sde, t), alpha * z - sigma * x0, **close)
    torch.testing.assert_close(from_score("score", s, x, sde, t), s, rtol=0, atol=0)


@pytest.mark.parametrize("t", (0.05, 0.4, 0.9))
@pytest.mark.parametrize("name", SDES)
def test_the_flow_velocity_is_that_of_flow_matching(name, t):
    """u = alpha' E[x_0 | x] + sigma' E[z | x], the derivatives by central differences."""
    sde, h = SDES[name](), 1e-6
    x, s = at(sde, t)
    x0, z = posterior_means(sde, t, x)
    (a1, s1), (a0, s0) = sde.marginal(t + h), sde.marginal(t - h)
    want = (a1 - a0) / (2 * h) * x0 + (s1 - s0) / (2 * h) * z
    torch.testing.assert_close(from_score("flow", s, x, sde, t), want, rtol=1e-6, atol=1e-6)


def test_v_rotates_where_alpha_and_sigma_are_sine_and_cosine():
    """Salimans & Ho: under VP x0 = alpha x - sigma v and ε = sigma x + alpha v."""
    sde, t = SDES["vp"](), 0.3
    alpha, sigma = sde.marginal(t)
    x, s = at(sde, t)
    v = from_score("v", s, x, sde, t)
    torch.testing.assert_close(convert("v", "x0", v, x, sde, t), alpha * x - sigma * v)
    torch.testing.assert_close(convert("v", "noise", v, x, sde, t), sigma * x + alpha * v)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("name", SDES)
def test_every_way_there_and_back(name, t):
    sde = SDES[name]()
    x, s = at(sde, t)
    for a, b in itertools.permutations(KINDS, 2):
        value = from_score(a, s, x, sde, t)
        there = convert(a, b, value, x, sde, t)
        torch.testing.assert_close(there, from_score(b, s, x, sde, t), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(convert(b, a, there, x, sde, t), value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SDES)
def test_one_time_for_each_point(name, kind):
    sde = SDES[name]()
    x, s = at(sde, 0.4, 8)
    times = torch.linspace(0.1, 0.9, 8, dtype=torch.float64)
    together = from_score(kind, s, x, sde, times)
    each = torch.cat([from_score(kind, s[i : i + 1], x[i : i + 1], sde, float(times[i])) for i in range(8)])
    torch.testing.assert_close(together, each)
    torch.testing.assert_close(to_score(kind, together, x, sde, times), s)


def test_an_unknown_kind_says_which_there_are():
    x, s = at(SDES["vp"](), 0.4)
    with pytest.raises(ValueError, match="denoiser"):
        from_score("w", s, x, SDES["vp"](), 0.4)


@pytest.mark.parametrize("mode", ["reverse", "ode", "pc"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SDES)
def test_the_samples_do_not_depend_on_the_name(name, kind, mode):
    """A sampler that is told x0 (or v, ...) makes the same samples from the same noise, to rounding.

    (Under sub-VP's sigma of 1e-4 at the end a score made from x0 has lost its last digits.)
    """
    sde, sampler = SDES[name](), Sampler(mode=mode, steps=20, particles=100)
    data = DISTRIBUTIONS["eight_gaussians"]().mixture
    exact = ExactScore(data, sde)
    *_, plain = simulate(sde, sampler, exact, data)
    *_, through = simulate(sde, sampler, Through(kind, exact, sde), data)
    assert np.abs(plain.x - through.x).max() < (1e-2 if name == "subvp" else 2e-3)


@pytest.mark.parametrize("kind", ["score", "noise", "x0", "v", "flow"])
@pytest.mark.parametrize("name", SDES)
def test_a_native_network_says_that_kind(kind, name):
    """What a native network puts out is its score in that parameterisation, for one level and for many."""
    sde, t = SDES[name](), 0.4
    net = Denoiser(NetworkSpec(16, 2, output=kind), 2, sde=sde).requires_grad_(False)
    net.last.weight.normal_(generator=torch.Generator().manual_seed(2))
    x = at(sde, t)[0].float()
    levels = sde.marginal(t)
    raw, score = net.raw(x, torch.tensor(t)), net.score(x, *levels, t)
    torch.testing.assert_close(from_score(kind, score, x, sde, t), raw, rtol=1e-3, atol=1e-3)
    many = net.score(x, *(torch.full((64,), float(v)) for v in levels), torch.full((64,), t))
    torch.testing.assert_close(many, score, rtol=1e-3, atol=1e-3)


def test_a_network_of_velocities_must_know_its_sde():
    net = Denoiser(NetworkSpec(16, 2, output="flow"))
    with pytest.raises(ValueError, match="SDE"):
        net.score(torch.zeros(1, 2), 1.0, 0.5, 0.5)


def test_a_field_of_another_kind():
    sde = SDES["vp"]()
    exact = ExactScore(MIXTURE, sde)
    x = at(sde, 0.5)[0]
    field = from_score("x0", exact(x, 0.5), x, sde, 0.5)
    torch.testing.assert_close(field, posterior_means(sde, 0.5, x)[0])


# --- on the stage ---------------------------------------------------------------------------------------------


def drawn(kind, field="exact", t=0.4, data="eight_gaussians", score=None, **look):
    """The arrows of the vector field at time t, the exact score there, and the places of the arrows in data units."""
    e = replace(Experiment(), data=DISTRIBUTIONS[data](), sde=SDES["vp"]())
    alpha, sigma = e.sde.marginal(t)
    exact = ExactScore(e.data.mixture, e.sde)
    frame = Frame(np.zeros((2, e.data.dim), np.float32), t, alpha, sigma, 1, 1, 1)
    scene = Scene(
        e, Look(field=field, field_kind=kind, **look), [frame], score or exact, (-2.0, 2.0, -2.0, 2.0)
    )
    arrows, _ = VIEWS["vector_field"]().marks(scene)
    return arrows, exact, scene.scale(t), e.sde


def test_the_look_knows_the_kinds():
    assert list(FIELD_KINDS) == list(KINDS)


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_arrows_point_along_the_field(kind, follow):
    arrows, exact, scale, sde = drawn(kind, follow=follow)
    x = torch.from_numpy(arrows.xy * np.float32(scale))
    value = from_score(kind, exact(x, 0.4), x, sde, 0.4)
    if kind in ("x0", "denoiser"):
        tip = (arrows.xy + arrows.uv) * scale
        there = value if kind == "x0" else sde.marginal(0.4)[0] * value
        np.testing.assert_allclose(tip, there.numpy(), atol=1e-4)
    else:
        cosine = torch.nn.functional.cosine_similarity(torch.from_numpy(arrows.uv), value)
        assert float(cosine[value.norm(dim=1) > 1e-3].min()) > 0.999
        lengths = np.linalg.norm(arrows.uv, axis=1)
        assert lengths.max() <= 0.7501 * 4 / 24 and lengths.max() > 0.02


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_a_score_that_errs_by_little_has_a_small_difference(kind, data):
    e = replace(Experiment(), data=DISTRIBUTIONS[data](), sde=SDES["vp"]())
    exact = ExactScore(e.data.mixture, e.sde)
    whole, *_ = drawn(kind, "exact", data=data)
    off = {}
    for share in (0.0, 1e-5):
        arrows, *_ = drawn(kind, "difference", data=data, score=lambda x, t, s=share: (1 + s) * exact(x, t))
        off[share] = np.linalg.norm(arrows.uv, axis=1).max()
    assert off[0.0] == 0 and 0 < off[1e-5] < 0.05 * np.linalg.norm(whole.uv, axis=1).max()


def test_arrows_stay_finite_where_nothing_is_left_of_the_data():
    e = replace(Experiment(), sde=SDES["vp"](beta_max=400.0))
    frame = Frame(np.zeros((2, 2), np.float32), 1.0, *e.sde.marginal(1.0), 0, 1, 0)
    for kind in KINDS:
        look = Look(field="exact", field_kind=kind, arrow_color=True)
        scene = Scene(e, look, [frame], ExactScore(e.data.mixture, e.sde), (-2.0, 2.0, -2.0, 2.0))
        arrows, _ = VIEWS["vector_field"]().marks(scene)
        assert np.isfinite(arrows.uv).all() and np.isfinite(arrows.values).all()
