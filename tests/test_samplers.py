"""Predictors, solvers and correctors against closed forms: orders, laws, and the formulas of the papers.

On Gaussian data N(m, s²) everything is known: v = alpha² s² + sigma² is the variance at t, and the reverse
process with stochasticity η, being linear, has the solution written in `solution`.
"""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import solve_ivp

from explorer.data.distributions.mixture import Mixture
from explorer.diffusion import grids, noise
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS, Reverse
from explorer.diffusion.sdes import SDES

MEAN, STD = 0.7, 0.6
MOVERS = [name for name in PREDICTORS if name != "none"]
FIXED = [name for name in SOLVERS if not SOLVERS[name].adaptive]
WEAK_ORDERS = {"stochastic_heun": 2.0, "sra": 2.0, "edm_churn": 1.0}  # the others: 1
#: Of those that are another method without noise.
QUIET_ORDERS = {"stochastic_heun": 2.0, "sra": 2.0, "edm_churn": 2.0, "sde_dpm_solver_pp_2m": 2.0}


@pytest.fixture(params=list(SDES))
def sde(request):
    return SDES[request.param]()


def variance(sde, t):
    alpha, sigma = sde.marginal(t)
    return (alpha * STD) ** 2 + sigma**2


def gaussian(sde, eta=1.0):
    """The reverse process of Gaussian data, with the score in closed form."""
    return Reverse(sde, lambda x, t: -(x - sde.marginal(t)[0] * MEAN) / variance(sde, t), eta)


def uniform(n, start=1.0, end=0.2):
    return [start + (end - start) * i / n for i in range(n + 1)]


def walk(method, process, x, times, z):
    """x after stepping over the grid; z (steps, ...) what the method takes as noise."""
    walk = method.begin(process, times)
    for t, t_next, dz in zip(times, times[1:], z, strict=False):
        x = walk.step(x, t, t_next, dz).x
    return x


def taken(method, z, u):
    """Increments and areas (steps, ...) as the method wants them: with the areas, or without."""
    return torch.stack([z, u], 1) if method.draws == 2 else z


def coarser(z, u, n):
    """The same path's increments and areas on a grid of n steps (normalised, as the fine ones: (steps, paths))."""
    k = len(z) // n
    z, u = z.reshape(n, k, -1), u.reshape(n, k, -1)
    whole = z.sum(1) / math.sqrt(k)
    height = z.cumsum(1) - 0.5 * z  # in the middle of each fine step, over the coarse step's start
    integral = (height + u / math.sqrt(12)).sum(1) / k**1.5
    return whole, (integral - 0.5 * whole) * math.sqrt(12)


#: Steps of the paths of the strong orders, groups of them, and paths in each.
FINE, GROUPS, EACH = 2**11, 8, 30


@cache
def paths(n=FINE):
    """Increments and areas of the same paths on n steps, drawn once for all tests of strong orders."""
    if n < FINE:
        return coarser(*paths(), n)
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, FINE, EACH * GROUPS, generator=generator, dtype=torch.float64).unbind()


def solution(method, sde, eta, x, times, z, u):
    """The exact x at times[-1], with z and u increments and areas on this (fine, uniform) grid.

    y = x - alpha m is linear, dy = a(t) y dt + b(t) dw̄, so y/F has only its noise left, b/F dw̄, where F solves
    the equation without noise. That integral is summed with the integrand linear in each step.
    """
    h = times[0] - times[1]
    factor, kick = (linear_churn if method.name == "edm_churn" else linear)(method, sde, eta, times)
    weights = kick / factor * math.sqrt(h)
    middle, growth = 0.5 * (weights[1:] + weights[:-1]), np.diff(weights)
    y = (x - sde.marginal(times[0])[0] * MEAN) / factor[0]
    y = y + torch.from_numpy(middle) @ z - torch.from_numpy(growth) @ u / math.sqrt(12)
    return sde.marginal(times[-1])[0] * MEAN + factor[-1] * y


def linear(method, sde, eta, times):
    """F = v^k alpha^(1-2k) and b = η g of the reverse SDE, k = ½(1+η²)."""
    k = 0.5 * (1 + eta**2)
    factor = [variance(sde, t) ** k * sde.marginal(t)[0] ** (1 - 2 * k) for t in times]
    return np.array(factor), np.array([eta * sde.diffusion(t) for t in times])


def linear_churn(method, sde, eta, times):
    """The same for the limit of Karras' churn: y = x/alpha diffuses at rate 2 c v² per run, c = η² S_churn."""
    alpha, level = np.array([(sde.marginal(t)[0], sde.noise_level(t)) for t in times]).T
    c, total = eta**2 * method.s_churn, STD**2 + level**2
    pull = c * (level**2 / total) / (len(times) - 1)
    contraction = np.concatenate([[0], np.cumsum(0.5 * (pull[1:] + pull[:-1]))])
    factor = alpha * np.sqrt(total) * np.exp(-contraction)
    return factor, alpha * level * math.sqrt(2 * c / (times[0] - times[-1]))


def slopes(steps, errors):
    """Orders fitted to errors (steps, groups), one each: mean and 99 % confidence half-width."""
    fits = np.polyfit(np.log(steps), np.log(errors), 1)[0] * -1
    if len(fits) == 1:
        return fits[0], 0.0
    return fits.mean(), stats.t.ppf(0.995, len(fits) - 1) * fits.std(ddof=1) / math.sqrt(len(fits))


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("name", MOVERS)
def test_strong_order_is_as_declared(sde, name, eta):
    """Root mean square error over paths, against the exact solution on the same Brownian paths."""
    method, process = PREDICTORS[name](), gaussian(sde, eta)
    steps, generator = [64, 128, 256], torch.Generator().manual_seed(2)
    x = torch.randn(EACH * GROUPS, generator=generator, dtype=torch.float64) * sde.prior_std
    exact = solution(method, sde, eta, x, uniform(FINE), *paths())
    errors = []
    for n in steps:
        noises = taken(method, *paths(n))[..., None]
        end = walk(method, process, x[:, None], uniform(n), noises)[:, 0]
        errors.append((end - exact).square().reshape(GROUPS, -1).mean(1).sqrt().numpy())
    order, width = slopes(steps, np.array(errors))
    if name == "sra" and eta:
        assert abs(order - 2.0) < width + 0.12  # the drift is linear here: no term of order 1.5 (see below)
    elif name in QUIET_ORDERS and not eta:
        assert order > QUIET_ORDERS[name] - 0.12  # more where the leading error happens to vanish
    else:
        assert abs(order - method.order) < width + 0.12


def test_the_stochastic_runge_kutta_method_has_order_one_and_a_half(sde):
    """Where the drift bends, on paths refined by their own tree: against 1024 steps, with a mixture's score."""
    method, span, groups, each = PREDICTORS["sra"](), (sde.time_at(0.5), sde.time_at(2.0)), 6, 60
    process = Reverse(sde, mixture_score(sde))
    x = prior(sde, groups * each) / sde.prior_std * sde.marginal(span[1])[1]
    path = noise.BrownianArea(0, tuple(x.shape), span)

    def end(n):
        times = uniform(n, span[1], span[0])
        return walk(method, process, x, times, (z.double() for z in path.increments(times)))

    steps, exact = [16, 32, 64, 128], end(512)
    errors = [(end(n) - exact).square().reshape(groups, -1).mean(1).sqrt().numpy() for n in steps]
    order, width = slopes(steps, np.array(errors))
    assert 1.5 - width - 0.12 < order < 1.5 + width + 0.25


def moments(method, process, times, mean, var):
    """Mean and variance after the grid, without drawing: x at its end is affine in x at its start and each z.

    Row 0 starts at 0 without noise, row 1 at 1, and each of the others has one of the normal numbers at 1.
    """
    count = method.draws * (len(times) - 1)
    x = torch.zeros(count + 2, 1, dtype=torch.float64)
    x[1] = 1
    noises = torch.eye(count, dtype=torch.float64).reshape(len(times) - 1, method.draws, count, 1)
    noises = torch.cat([torch.zeros(len(times) - 1, method.draws, 2, 1), noises], 2)
    end = walk(method, process, x, times, noises if method.draws == 2 else noises[:, 0])[:, 0]
    slope, parts = float(end[1] - end[0]), end[2:] - end[0]
    return slope * mean + float(end[0]), slope**2 * var + float(parts.square().sum())


@pytest.mark.parametrize("eta", [0.6, 1.0])
@pytest.mark.parametrize("name", MOVERS)
def test_weak_order(sde, name, eta):
    """Error of the variance at t = 0.2, started from the exact marginal."""
    method, process = PREDICTORS[name](), gaussian(sde, eta)
    start = (sde.marginal(1.0)[0] * MEAN, variance(sde, 1.0))
    errors = []
    steps = [50, 100, 200]
    for n in steps:
        _, var = moments(method, process, uniform(n), *start)
        errors.append([abs(var - variance(sde, 0.2))])
    order, _ = slopes(steps, np.array(errors))
    assert order > WEAK_ORDERS.get(name, 1.0) - 0.15  # more where the leading error happens to vanish


@pytest.mark.parametrize(
    ("eta", "grid"),
    [(0.0, "log_snr"), (0.5, "log_snr"), (1.5, "log_snr"), (1.0, "uniform")],
)
@pytest.mark.parametrize("name", MOVERS)
def test_every_eta_has_the_same_law(sde, name, eta, grid):
    """500 steps from the marginal at T down to eps, where mean and variance are those of p_eps."""
    start = (sde.marginal(1.0)[0] * MEAN, variance(sde, 1.0))
    mean, var = moments(PREDICTORS[name](), gaussian(sde, eta), grids.times(grid, 500, sde), *start)
    assert mean == pytest.approx(sde.marginal(sde.eps)[0] * MEAN, abs=0.03)
    assert math.sqrt(var) == pytest.approx(math.sqrt(variance(sde, sde.eps)), rel=0.1)


@pytest.mark.parametrize("variance_choice", ["posterior", "forward"])
def test_both_ancestral_variances_tend_to_the_law(sde, variance_choice):
    start = (sde.marginal(1.0)[0] * MEAN, variance(sde, 1.0))
    method = PREDICTORS["ancestral"](variance=variance_choice)
    mean, var = moments(method, gaussian(sde), grids.times("log_snr", 600, sde), *start)
    assert mean == pytest.approx(sde.marginal(sde.eps)[0] * MEAN, abs=0.02)
    assert math.sqrt(var) == pytest.approx(math.sqrt(variance(sde, sde.eps)), rel=0.03)


# --- the probability-flow ODE ----------------------------------------------------------------------------

MIXTURE = Mixture.of_points(np.array([[1.0, 0.4], [-1.1, 0.3], [0.2, -1.2]]), 0.35)


def mixture_score(sde):
    return lambda x, t: MIXTURE.score(x, *sde.marginal(t))


def prior(sde, n=20):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, generator=generator, dtype=torch.float64) * sde.prior_std


@cache
def exact_end(sde, end):
    """Where the ODE takes `prior(sde)`."""
    return reference(sde, prior(sde), end)[0]


def reference(sde, x, end, method="DOP853", tol=1e-10):
    """scipy's solution of dx/dt = f x - ½ g² s for a mixture, and its number of calls."""
    score = mixture_score(sde)

    def slope(t, flat):
        x = torch.from_numpy(flat).reshape(-1, 2)
        return (sde.decay(t) * x - 0.5 * sde.diffusion(t) ** 2 * score(x, t)).flatten().numpy()

    out = solve_ivp(slope, (sde.T, end), x.flatten().numpy(), method=method, rtol=tol, atol=tol)
    return torch.from_numpy(out.y[:, -1]).reshape(-1, 2), out.nfev


def test_mixture_scores_keep_double_precision(sde):
    """Finite differences of the log-density in float64: 1e-7 would not be reached in float32."""
    x = prior(sde, 5) * 0.3 / sde.prior_std
    alpha, sigma = sde.marginal(0.3)
    s, h = MIXTURE.score(x, alpha, sigma), 1e-5
    assert s.dtype == torch.float64
    for j in range(2):
        e = torch.zeros(2, dtype=torch.float64)
        e[j] = h
        ahead, behind = (MIXTURE.log_density(x + d, alpha, sigma) for d in (e, -e))
        assert torch.allclose((ahead - behind) / (2 * h), s[:, j], rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", FIXED)
def test_endpoint_order_of_the_ode_solvers(sde, name):
    """Against scipy's DOP853 at 1e-10 on a mixture, in double precision throughout."""
    method, x = SOLVERS[name](), prior(sde)
    exact = exact_end(sde, 0.2)
    steps = [32, 64, 128] if method.order > 2 else [75, 150, 300]
    zero = torch.zeros_like(x)
    ends = [walk(method, Reverse(sde, mixture_score(sde), 0.0), x, uniform(n), [zero] * n) for n in steps]
    assert all(end.dtype == torch.float64 for end in ends)
    # the particles in groups: each fits an order of its own, and the interval is over them
    errors = np.array([(end - exact).square().reshape(5, -1).mean(1).sqrt().numpy() for end in ends])
    order, width = slopes(steps, errors)
    assert 0 < width < 0.15
    assert abs(order - method.order) < width + 0.02 * method.order  # steps are not infinitely small


@pytest.mark.parametrize("name", FIXED)
def test_ode_endpoint_on_gaussian_data(sde, name):
    """x_eps = m alpha_eps + (x_T - m alpha_T) sqrt(v_eps/v_T)."""
    x = prior(sde)
    n = 2000 if SOLVERS[name].order == 1 else 300
    times = grids.times("log_snr", n, sde)
    end = walk(SOLVERS[name](), gaussian(sde, 0.0), x, times, [torch.zeros_like(x)] * n)
    (a_T, _), (a, _) = sde.marginal(1.0), sde.marginal(sde.eps)
    exact = MEAN * a + (x - MEAN * a_T) * math.sqrt(variance(sde, sde.eps) / variance(sde, 1.0))
    tolerance = {1.0: 2e-2, 2.0: 2e-3}.get(SOLVERS[name].order, 1e-6)
    assert torch.allclose(end, exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize("tol", [1e-3, 1e-4, 1e-6])
def test_dormand_prince_keeps_its_tolerance_at_scipys_cost(sde, tol):
    x = prior(sde)
    exact = exact_end(sde, sde.eps)
    theirs, nfev = reference(sde, x, sde.eps, "RK45", tol)
    calls = []
    score = mixture_score(sde)
    process = Reverse(sde, lambda x, t: calls.append(t) or score(x, t), 0.0)
    *_, (t, end) = SOLVERS["dopri5"](rtol=tol, atol=tol).path(process, x, [sde.T, sde.eps])
    assert t == sde.eps and process.evaluations == len(calls)
    assert all(sde.eps - 1e-12 < u <= sde.T for u in calls)
    assert float((end - exact).abs().max()) < max(30 * tol, 3 * float((theirs - exact).abs().max()))
    assert len(calls) <= nfev * 1.2 + 6


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_dormand_prince_ends_even_without_a_score(sde, bad):
    process = Reverse(sde, lambda x, t: torch.full_like(x, bad), 0.0)
    path = list(SOLVERS["dopri5"]().path(process, prior(sde), [sde.T, sde.eps]))
    assert path[-1][0] == sde.eps and process.evaluations < 1000


def test_fixed_solvers_have_no_path(sde):
    with pytest.raises(TypeError, match="Euler steps over a given grid"):
        SOLVERS["euler"]().path(gaussian(sde), prior(sde), [1.0, 0.1])


# --- the formulas of the papers --------------------------------------------------------------------------


def one_step(name, sde, score, eta=1.0, t=0.5, t_next=0.45, **options):
    generator = torch.Generator().manual_seed(3)
    x, z = torch.randn(2, 6, 2, generator=generator, dtype=torch.float64).unbind()
    process, method = Reverse(sde, score, eta), PREDICTORS[name](**options)
    if method.draws == 2:
        z = torch.stack([z, z.flip(0)])
    return x, z, score(x, t), method.step(process, x, t, t_next, z)


def same(a, b):
    return torch.allclose(a, b, rtol=1e-9, atol=1e-12)


def anything(x, t):
    """Some function of x and t in place of a score."""
    return torch.sin(3 * x) - t * x


@pytest.mark.parametrize("choice", ["posterior", "forward"])
def test_ancestral_vp_is_ddpm(choice):
    """Ho et al. 2020, Algorithm 2: (x - β/sqrt(1-ᾱ) ε)/sqrt(1-β) + std z, with ε = -sqrt(1-ᾱ) s."""
    sde = SDES["vp"]()
    x, z, s, step = one_step("ancestral", sde, anything, variance=choice)
    bar, bar_next = (math.exp(-0.5 * t * t * 19.9 - 0.1 * t) for t in (0.5, 0.45))
    beta = 1 - bar / bar_next
    epsilon = -math.sqrt(1 - bar) * s
    mean = (x - beta / math.sqrt(1 - bar) * epsilon) / math.sqrt(1 - beta)
    std = math.sqrt(beta if choice == "forward" else beta * (1 - bar_next) / (1 - bar))
    assert same(step.mean, mean) and same(step.x, mean + std * z)


def test_ancestral_ve_is_smld():
    """[S21] appendix F, eq. 47."""
    sde = SDES["ve"]()
    x, z, s, step = one_step("ancestral", sde, anything)
    a, b = (0.01 * 1000**t for t in (0.5, 0.45))
    mean = x + (a**2 - b**2) * s
    assert same(step.mean, mean)
    assert same(step.x, mean + math.sqrt(b**2 * (a**2 - b**2) / a**2) * z)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ancestral_is_the_ddim_family(sde, eta):
    """Song et al. 2020, eq. 12 and 16, for x_t = alpha x_0 + sigma ε of any SDE."""
    x, z, s, step = one_step("ancestral", sde, anything, eta=eta)
    (alpha, sigma), (alpha_next, sigma_next) = sde.marginal(0.5), sde.marginal(0.45)
    epsilon = -sigma * s
    x0 = (x - sigma * epsilon) / alpha
    std = eta * sigma_next / sigma * math.sqrt(sigma**2 - (alpha / alpha_next * sigma_next) ** 2)
    mean = alpha_next * x0 + math.sqrt(sigma_next**2 - std**2) * epsilon
    assert same(step.mean, mean) and same(step.x, mean + std * z)


def test_reverse_diffusion_is_the_papers():
    """[S21] appendix E: for VE with sigma_i² - sigma_{i-1}²; for VP with beta_i."""
    x, z, s, step = one_step("reverse_diffusion", SDES["ve"](), anything)
    added = (0.01 * 1000**0.5) ** 2 - (0.01 * 1000**0.45) ** 2
    assert same(step.mean, x + added * s) and same(step.x, step.mean + math.sqrt(added) * z)
    x, z, s, step = one_step("reverse_diffusion", SDES["vp"](), anything)
    beta = 1 - math.exp(-(0.5 * 19.9 * (0.5**2 - 0.45**2) + 0.1 * 0.05))
    assert same(step.mean, (2 - math.sqrt(1 - beta)) * x + beta * s)
    assert same(step.x, step.mean + math.sqrt(beta) * z)


def test_euler_maruyama_is_the_reverse_sde(sde):
    x, z, s, step = one_step("euler_maruyama", sde, anything, eta=0.7)
    f, g, h = sde.drift(x, 0.5), sde.diffusion(0.5), 0.05
    assert same(step.mean, x - (f - 0.5 * (1 + 0.7**2) * g**2 * s) * h)
    assert same(step.x, step.mean + 0.7 * g * math.sqrt(h) * z)


@pytest.mark.parametrize("name", ["vp", "subvp"])
def test_the_discrete_beta_never_passes_one(name):
    """Where public code has sqrt(1 - beta(t)/N) of a negative number: N = 20 and below."""
    sde = SDES[name]()
    for n in (1, 2, 5, 20):
        for predictor in ("reverse_diffusion", "ancestral"):
            for t, t_next in pairwise(uniform(n, end=sde.eps)):
                a, b, c = PREDICTORS[predictor]().coefficients(gaussian(sde), t, t_next)
                assert all(map(math.isfinite, (a, b, c))) and b >= 0 and c >= 0


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("name", list(PREDICTORS))
def test_terms_add_up_to_the_step(sde, name, eta):
    x, z, _, step = one_step(name, sde, anything, eta=eta)
    drift, score, noise = PREDICTORS[name]().terms(Reverse(sde, anything, eta), x, 0.5, 0.45, z)
    assert torch.allclose(x + drift + score + noise, step.x, rtol=1e-9, atol=1e-9)
    if name != "edm_churn":  # which takes its noise out again
        assert torch.allclose(x + drift + score, step.mean, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("registry", [PREDICTORS, SOLVERS], ids=lambda r: r.kind)
def test_evaluations_are_as_declared(sde, registry):
    for name in registry:
        method, process = registry[name](), gaussian(sde, 0.0)
        if method.adaptive:
            continue
        x = prior(sde)
        assert method.step(process, x, 0.5, 0.4, torch.zeros_like(x)).x.shape == x.shape
        assert process.evaluations == method.nfe_per_step


@pytest.mark.parametrize("registry", [PREDICTORS, SOLVERS, CORRECTORS], ids=lambda r: r.kind)
def test_steps_leave_their_arguments_alone(sde, registry):
    for name in registry:
        method = registry[name]()
        x, z = prior(sde), prior(sde)
        z = torch.stack([z, z]) if getattr(method, "draws", 1) == 2 else z
        x_before, z_before = x.clone(), z.clone()
        for eta in (0.0, 1.0):
            if registry is CORRECTORS:
                method.step(gaussian(sde, eta), x, 0.5, 1.0, 0.1, z)
            else:
                walk = method.begin(gaussian(sde, eta), [0.5, 0.4, 0.3])
                first = walk.step(x, 0.5, 0.4, z).x
                kept = first.clone()
                walk.step(first, 0.4, 0.3, z)
                assert torch.equal(first, kept)
        assert torch.equal(x, x_before) and torch.equal(z, z_before)


@pytest.mark.parametrize("shape", [(4, 1), (4, 2), (4, 3, 5, 5)])
def test_images_take_the_same_path_as_points(sde, shape):
    x, z, u = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)).unbind()
    flat = [v.flatten(1) for v in (x, z, u)]
    for registry in (PREDICTORS, SOLVERS):
        for name in registry:
            method = registry[name]()

            def end(x, z, u, method=method):
                noises = taken(method, torch.stack([z, u]), torch.stack([u, z]))
                return walk(method, gaussian(sde), x, [0.5, 0.4, 0.3], noises)

            assert torch.allclose(end(x, z, u).flatten(1), end(*flat))
    for name in CORRECTORS:
        step, _ = CORRECTORS[name]().step(gaussian(sde), x, 0.5, 1.0, 0.1, z)
        assert step.x.shape == x.shape


def test_two_normal_numbers_are_asked_for(sde):
    x = prior(sde)
    with pytest.raises(ValueError, match=r"SRA1 takes z of shape \(2, 20, 2\), not \(20, 2\)"):
        PREDICTORS["sra"]().step(gaussian(sde), x, 0.5, 0.4, torch.zeros_like(x))


# --- correctors ------------------------------------------------------------------------------------------


def settled(name, sde, snr, t=0.5, a=1.0, moves=400, n=2000):
    """Variance over sigma² after many moves on N(0, sigma² I), averaged over the second half of them."""
    sigma = sde.marginal(t)[1]
    process = Reverse(sde, lambda x, t: x / -(sigma**2))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 2, generator=generator) * sigma
    total = 0.0
    for i in range(moves):
        z = torch.randn(n, 2, generator=generator)
        x = CORRECTORS[name]().step(process, x, t, a, snr, z)[0].x
        total += float(x.square().mean()) / sigma**2 * (i >= moves // 2)
    return total / (moves // 2)


@pytest.mark.parametrize("snr", [0.16, 0.4, 0.7])
def test_where_correctors_settle(sde, snr):
    """sigma²/(1 - snr²) for the fixed step, (1 + snr²) sigma² for the snr rule (MATH.md section 3)."""
    assert settled("ald", sde, snr) == pytest.approx(1 / (1 - snr**2), rel=0.02)
    assert settled("langevin", sde, snr) == pytest.approx(1 + snr**2, rel=0.02)


def test_the_step_sizes_are_the_papers(sde):
    """[S21] Algorithms 4 and 5, with a = 1 - beta_i."""
    generator = torch.Generator().manual_seed(0)
    x, z = torch.randn(2, 50, 2, generator=generator).unbind()
    process = Reverse(sde, anything)
    s = anything(x, 0.3)
    rule = 2 * 0.9 * (0.2 * z.norm(dim=1).mean() / s.norm(dim=1).mean()) ** 2
    step, epsilon = CORRECTORS["langevin"]().step(process, x, 0.3, 0.9, 0.2, z)
    assert epsilon == pytest.approx(float(rule))
    assert torch.allclose(step.mean, x + rule * s) and torch.allclose(
        step.x, step.mean + (2 * rule).sqrt() * z
    )
    _, epsilon = CORRECTORS["ald"]().step(process, x, 0.3, 0.9, 0.2, z)
    assert epsilon == pytest.approx(2 * 0.9 * (0.2 * sde.marginal(0.3)[1]) ** 2)


def test_a_vanishing_score_gives_a_finite_step(sde):
    process = Reverse(sde, lambda x, t: torch.zeros_like(x))
    x = torch.zeros(5, 2)
    step, epsilon = CORRECTORS["langevin"]().step(process, x, 0.5, 1.0, 1.0, torch.ones(5, 2))
    assert 0 < epsilon < math.inf and step.x.isfinite().all()
