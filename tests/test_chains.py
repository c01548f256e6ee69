"""The discrete chains against sampling, quadrature and independent formulas, and their limits as N grows."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from explorer.analysis import chains
from explorer.analysis.convergence import slope
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion import grids, noise
from explorer.diffusion.samplers import PREDICTORS, Reverse, Sampler
from explorer.diffusion.samplers.ancestral import Ancestral
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import decode
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.labs import LABS, Context

DATA = chains.Moments(2, 2.0)


@pytest.fixture(params=list(SDES))
def sde(request):
    return SDES[request.param]()


@pytest.mark.parametrize("name", list(chains.CHAINS))
def test_the_marginals_are_those_of_the_chain_walked(sde, name):
    """Ten thousand walkers from x_0 = 3: mean alpha_i 3 and standard deviation sigma_i, at every step."""
    chain = chains.CHAINS[name][1](sde, 30)
    x = np.full(10_000, 3.0) + chain.start * np.random.default_rng(0).standard_normal(10_000)
    alpha, sigma = chain.marginal
    for i, (keep, variance) in enumerate(zip(chain.keep, chain.variance, strict=True), start=1):
        x = keep * x + math.sqrt(variance) * np.random.default_rng(i).standard_normal(len(x))
        assert abs(x.mean() - 3 * alpha[i]) < 4.5 * sigma[i] / 100 + 1e-12
        assert x.std() == pytest.approx(sigma[i], rel=0.04, abs=1e-12)
    assert chain.times[0] == 0 and chain.times[-1] == 1 and len(alpha) == 31


def test_ddpm_is_the_papers_product():
    """ᾱ_i = Π (1 - β_j) with β_j = β(j/N)/N, and sigma² = 1 - ᾱ."""
    n, sde = 100, SDES["vp"]()
    beta = (0.1 + np.arange(1, n + 1) / n * 19.9) / n
    bar = np.cumprod(1 - beta)
    alpha, sigma = chains.ddpm(sde, n).marginal
    assert np.allclose(alpha[1:] ** 2, bar, rtol=1e-12) and np.allclose(sigma[1:] ** 2, 1 - bar, rtol=1e-12)


def test_smld_is_a_geometric_ladder():
    sde = SDES["ve"](sigma_min=0.02, sigma_max=5.0)
    alpha, sigma = chains.smld(sde, 10).marginal
    assert np.all(alpha == 1) and sigma[0] == 0
    assert np.allclose(sigma[1:], np.geomspace(0.02, 5.0, 10), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 5, 19, 20, 21, 400])
def test_ratios_of_alpha_give_the_sdes_marginals_for_every_n(sde, n):
    chain = chains.exact(sde, n)
    truth = chains.law(sde, chain.times)
    assert np.allclose(chain.marginal, truth, rtol=1e-9, atol=1e-12)
    assert (chain.beta >= 0).all() and (chain.beta < 1).all() and chains.finite(chain) == n


@pytest.mark.parametrize(("n", "finite"), [(5, 1), (10, 4), (19, 18), (20, 20), (21, 21)])
def test_beta_reaches_one_at_twenty_steps(n, finite):
    """β(i/N)/N <= 1 means i <= N (N - 0.1)/19.9: below 20 steps there is no square root."""
    chain = chains.ddpm(SDES["vp"](), n)
    assert chains.finite(chain) == finite
    assert np.isnan(chain.keep[finite:]).all()
    assert (chain.keep[-1] == 0) == (n == 20)


@pytest.mark.parametrize("name", ["paper", "euler"])
def test_the_distance_falls_with_first_order(sde, name):
    sizes = [200, 400, 800, 1600]
    laws = [(c.marginal, chains.law(sde, c.times)) for c in (chains.CHAINS[name][1](sde, n) for n in sizes)]
    fall = slope(sizes, [chains.wasserstein(a, b, DATA)[1:].mean() for a, b in laws])
    assert fall.value == pytest.approx(-1, abs=0.03) and fall.width < 0.03
    late = [chains.divergence(a, b, DATA)[len(a[0]) // 4 :].mean() for a, b in laws]
    assert slope(sizes, late).value == pytest.approx(-2, abs=0.06)


def test_the_ladder_is_the_sde_at_its_own_times(sde):
    if sde.decay(0.5):
        pytest.skip("it adds more than noise")
    chain = chains.smld(sde, 50)
    mine = tuple(values[1:] for values in chain.marginal)
    assert chains.wasserstein(mine, chains.law(sde, chains.ladder_times(50)), DATA).max() < 1e-12


def test_the_paper_has_a_chain_for_each():
    kinds = {
        name: chains.of_the_paper(SDES[name](), 30).title for name in ("ve", "exponential", "vp", "subvp")
    }
    assert kinds == {
        "ve": "SMLD ladder", "exponential": "SMLD ladder", "vp": "DDPM chain", "subvp": "Euler–Maruyama chain",
    }  # fmt: skip


def test_divergence_and_distance_by_quadrature():
    """In one dimension, for data at ±m: the mean of both over the two points."""
    a, b, m = (np.array([0.7]), np.array([0.5])), (np.array([0.6]), np.array([0.8])), 1.3
    data = chains.Moments(1, m**2)
    p, q = stats.norm(0.7 * m, 0.5), stats.norm(0.6 * m, 0.8)
    kl, _ = integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -6, 8)
    assert chains.divergence(a, b, data)[0] == pytest.approx(kl, rel=1e-8)
    w2, _ = integrate.quad(lambda u: (p.ppf(u) - q.ppf(u)) ** 2, 0, 1)
    assert chains.wasserstein(a, b, data)[0] == pytest.approx(math.sqrt(w2), rel=1e-4)
    assert chains.divergence((a[0], np.zeros(1)), b, data)[0] == math.inf


# --- the reverse step ------------------------------------------------------------------------------------


def conditioned(sde, t, t_next, variance):
    """Var[x_t' | x_t] from the joint covariance of (x_t', x_t), by inverting it."""
    alpha, sigma = sde.marginal(t)
    alpha_next, sigma_next = sde.marginal(t_next)
    keep = alpha / alpha_next
    early = alpha_next**2 * variance + sigma_next**2
    joint = np.array([[early, keep * early], [keep * early, alpha**2 * variance + sigma**2]])
    return 1 / np.linalg.inv(joint)[0, 0]


@pytest.mark.parametrize("variance", [0.0, 0.3, 1.0, 4.0])
def test_the_reverse_variance_is_gaussian_conditioning(sde, variance):
    for t, t_next in ((1.0, 0.9), (0.5, 0.3), (0.1, 0.05)):
        found = chains.reverse_variance(sde, t, t_next, variance)
        assert found == pytest.approx(conditioned(sde, t, t_next, variance), rel=1e-6)
        bounds = chains.reverse_variance(sde, t, t_next, 0.0), chains.forward_variance(sde, t, t_next)
        assert bounds[0] <= found * (1 + 1e-12)
        if sde.name != "subvp" and (sde.name != "vp" or variance <= 1):
            assert found <= bounds[1] * (1 + 1e-12)


def test_beta_and_beta_tilde_are_ddpms():
    """Ho et al. 2020, eq. 7: β̃ = β (1 - ᾱ')/(1 - ᾱ); unit data under VP has β itself."""
    sde, t, u = SDES["vp"](), 0.5, 0.45
    bar, bar_next = (math.exp(-0.5 * s * s * 19.9 - 0.1 * s) for s in (t, u))
    beta = 1 - bar / bar_next
    assert chains.forward_variance(sde, t, u) == pytest.approx(beta, rel=1e-12)
    assert chains.beta_of(sde, t, u) == pytest.approx(beta, rel=1e-12)
    tilde = beta * (1 - bar_next) / (1 - bar)
    assert chains.reverse_variance(sde, t, u, 0.0) == pytest.approx(tilde, rel=1e-12)
    assert chains.reverse_variance(sde, t, u, 1.0) == pytest.approx(beta, rel=1e-12)


@pytest.mark.parametrize("choice", ["forward", "posterior"])
def test_the_variance_of_the_samples_is_predicted(sde, choice):
    """Gaussian data: samples drawn by the program's loop against the recursion."""
    mixture = Mixture.of_points(np.zeros((1, 2)), 0.6)
    s = Sampler(predictor=Ancestral(variance=choice), steps=12, particles=20_000)
    *_, last = simulate(sde, s, ExactScore(mixture, sde), mixture)
    expected = chains.sampled_variance(s.predictor, sde, grids.times("uniform", 12, sde), 0.36)
    assert last.x.var() == pytest.approx(expected, rel=4 * math.sqrt(2 / 40_000))


def test_many_steps_have_the_datas_variance(sde):
    times = grids.times("log_snr", 500, sde)
    alpha, sigma = sde.marginal(sde.eps)
    for choice in ("forward", "posterior"):
        found = chains.sampled_variance(Ancestral(variance=choice), sde, times, 0.36)
        assert found == pytest.approx(0.36 * alpha**2 + sigma**2, rel=0.05)


def test_a_step_of_a_given_size(sde):
    for beta in (1e-3, 0.1, 0.4):
        h = chains.step_size_for(sde, 0.6, beta)
        assert chains.beta_of(sde, 0.6, 0.6 - h) == pytest.approx(beta, rel=1e-9)
    assert math.isnan(chains.step_size_for(sde, 2 * sde.eps, 0.999999))


@pytest.mark.parametrize(
    "names", [("ancestral", "reverse_diffusion"), ("reverse_diffusion", "euler_maruyama")]
)
def test_the_means_of_the_steps_differ_in_second_order(sde, names):
    """[S21] appendix E, by an arbitrary field in place of the score; for VE the first two are one."""
    process = Reverse(sde, lambda x, t: torch.sin(2 * x) - t * x)
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z, gaps = torch.zeros_like(x), []
    betas = [0.001, 0.002, 0.004, 0.008]
    for beta in betas:
        t_next = 0.5 - chains.step_size_for(sde, 0.5, beta)
        a, b = (PREDICTORS[name]().step(process, x, 0.5, t_next, z).mean for name in names)
        gaps.append(float((a - b).norm()))
    if "ancestral" in names and sde.decay(0.5) == 0:
        assert max(gaps) < 1e-12
    else:
        assert slope(betas, gaps).value == pytest.approx(2, abs=0.03)


# --- the laboratories ------------------------------------------------------------------------------------


def context(sde="vp", data="eight_gaussians", t=0.5, source="exact", **sampler):
    e = Experiment(data=DISTRIBUTIONS[data](), sde=SDES[sde]())
    e = replace(e, score=replace(e.score, source=source), sampler=replace(e.sampler, **sampler))
    return Context(e, resolve(e), t)


def last(lab, at):
    *_, report = lab.reports(at)
    assert report.progress == 1 and "nan" not in report.words
    return report


@pytest.mark.parametrize("data", ["two_modes_1d", "spiral"])
@pytest.mark.parametrize("name", ["ladder", "one_step", "posterior_variance"])
def test_the_labs_work_everywhere(name, data, sde):
    report = last(LABS[name].quick(), context(sde.name, data))
    assert len(report.figures) >= 3 and report.words


def test_the_ladder_says_first_order_and_shows_the_trap():
    report = last(LABS["ladder"](n=10), context())
    assert "−1.00" in report.words and "ends at step 4" in report.words
    assert "rounding" in last(LABS["ladder"](chain="exact"), context()).words
    assert "divides by" in last(LABS["ladder"](n=20), context()).words


@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_one_step_measures_second_order(sde, t):
    report = last(LABS["one_step"].quick(), context(sde.name, t=t))
    rows = {row[0]: row[3] for row in report.figures[-1].rows}
    order = rows["Reverse diffusion and Euler–Maruyama, means"]
    assert order == pytest.approx(2, abs=0.2 if t == 0 else 0.02)
    if t and sde.decay(0.5):
        assert rows["Ancestral and reverse diffusion, means"] == pytest.approx(2, abs=0.02)


def test_the_handle_of_one_step_is_its_start():
    """A dragged handle writes its place into x and y: the picture must be in their units."""
    report = last(LABS["one_step"](x=-0.7, y=1.2), context())
    (handle,) = report.figures[0].handles
    assert handle.fields == ("x", "y") and handle.xy == pytest.approx((-0.7, 1.2), abs=1e-5)
    (handle,) = last(LABS["one_step"](x=0.4), context(data="two_modes_1d")).figures[0].handles
    assert handle.fields == ("", "x") and handle.xy == pytest.approx((0.5, 0.4), abs=1e-5)


def test_one_step_uses_the_particles_own_noise():
    """The noise drawn is the same for all four ways, and another particle has another."""
    ends = {k: last(LABS["one_step"](particle=k), context()).figures[0].marks[2].xy for k in (0, 1)}
    assert not np.allclose(ends[0], ends[1])
    z = noise.normal((64, 2), 0, noise.PROBE)
    assert not torch.equal(z[0], z[1])


def test_the_posterior_variance_lab_measures_what_it_predicts():
    """One Gaussian: the measured spread is the closed form within its own chance."""
    mixture = {"type": "gaussian_mixture", "means": [[0.0, 0.0]], "scales": [0.5], "weights": [1.0]}
    e = decode(Experiment, {"data": mixture, "score": {"source": "exact"}}, "experiment")
    report = last(LABS["posterior_variance"](most=20, particles=4000), Context(e, resolve(e), 1.0))
    for _, forward, posterior, forward_expected, posterior_expected in report.figures[-1].rows:
        assert forward == pytest.approx(forward_expected, rel=4 / math.sqrt(16_000))
        assert posterior == pytest.approx(posterior_expected, rel=4 / math.sqrt(16_000))
