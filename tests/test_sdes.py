"""SDEs against the moment equations, independent quadrature and their own inverses."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from explorer.base.params import ParamError, params
from explorer.diffusion.sdes import SDES

NAMES = list(SDES)
TIMES = [1e-3, 0.01, 0.1, 0.3, 0.5, 0.8, 0.999]


@st.composite
def any_sde(draw, names=NAMES):
    """An SDE with parameters over all that may be typed."""
    cls = SDES[draw(st.sampled_from(names))]
    values = {}
    for p in params(cls):
        low, high = max(p.minimum, 1e-6), p.maximum
        values[p.name] = math.exp(draw(st.floats(math.log(low), math.log(high))))
        values[p.name] = min(max(values[p.name], p.minimum), p.maximum)
    for low, high in (("beta_min", "beta_max"), ("sigma_min", "sigma_max")):
        if high in values and values[high] < 1.01 * values[low]:
            values[low] = values[high] / 2
    return cls(**values)


def derivative(f, t, h):
    """Five-point central difference."""
    return (f(t - 2 * h) - 8 * f(t - h) + 8 * f(t + h) - f(t + 2 * h)) / (12 * h)


@settings(max_examples=150, deadline=None)
@given(any_sde(), st.floats(0.01, 0.99))
def test_moments_satisfy_their_equations(sde, t):
    """d alpha/dt = f alpha and d sigma²/dt = 2 f sigma² + g², from dx = f x dt + g dw."""
    f, g = sde.decay(t), sde.diffusion(t)
    alpha, sigma = sde.marginal(t)
    h = 1e-3 * min(t, 1 / (1 + 2 * abs(f)))
    slope_alpha = derivative(lambda u: sde.marginal(u)[0], t, h)
    slope_variance = derivative(lambda u: sde.marginal(u)[1] ** 2, t, h)
    assert slope_alpha == pytest.approx(f * alpha, rel=1e-6, abs=1e-9)
    assert slope_variance == pytest.approx(2 * f * sigma**2 + g**2, rel=1e-6, abs=1e-6 * g**2)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("name", NAMES)
def test_marginal_is_the_integral_of_drift_and_diffusion(name, t):
    """alpha = exp(∫f), sigma² = ∫ exp(2∫_u^t f) g² du (plus what VE has at 0), by quadrature."""
    sde = SDES[name]()
    alpha, sigma = sde.marginal(t)
    log_alpha = quad(sde.decay, 0, t, epsabs=1e-13)[0]
    assert alpha == pytest.approx(math.exp(log_alpha), rel=1e-9)
    added = quad(lambda u: (alpha / sde.marginal(u)[0] * sde.diffusion(u)) ** 2, 0, t, epsrel=1e-11)[0]
    start = sde.marginal(0.0)[1] ** 2
    assert sigma**2 == pytest.approx(start * alpha**2 + added, rel=1e-8)


@pytest.mark.parametrize("name", ["vp", "subvp"])
@pytest.mark.parametrize("t", TIMES)
def test_vp_table(name, t):
    """MATH.md section 1: alpha = exp(-½∫beta); sigma² = 1 - alpha² for VP, sigma = 1 - alpha² for sub-VP."""
    integral = quad(lambda u: 0.1 + u * 19.9, 0, t)[0]
    alpha, sigma = SDES[name]().marginal(t)
    assert alpha == pytest.approx(math.exp(-integral / 2), rel=1e-12)
    rest = -math.expm1(-integral)
    assert sigma == pytest.approx(math.sqrt(rest) if name == "vp" else rest, rel=1e-12)


def test_known_values():
    """Figures stated in the literature: sigma at eps, the priors, the ends of VE and of s = e."""
    assert SDES["vp"]().marginal(1e-3)[1] == pytest.approx(0.0105, rel=0.01)
    assert SDES["subvp"]().marginal(1e-3)[1] == pytest.approx(1.1e-4, rel=0.01)
    ve = SDES["ve"](sigma_min=0.01, sigma_max=50.0)
    assert [ve.marginal(t)[1] for t in (0.0, 0.5, 1.0)] == pytest.approx([0.01, math.sqrt(0.5), 50.0])
    assert ve.diffusion(1.0) == pytest.approx(50 * math.sqrt(2 * math.log(5000)))
    song = SDES["exponential"](s=math.e)
    assert song.diffusion(0.7) == pytest.approx(math.exp(0.7))
    assert song.marginal(1.0)[1] == pytest.approx(math.sqrt((math.e**2 - 1) / 2))


@settings(max_examples=100, deadline=None)
@given(any_sde(), st.floats(1e-6, 1.0))
def test_time_at_inverts_the_noise_level(sde, t):
    assert sde.time_at(sde.noise_level(t)) == pytest.approx(t, rel=1e-6, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(any_sde())
def test_time_at_stays_within_the_span(sde):
    for ratio in (0.0, 1e-12, sde.noise_level(1.0), 2 * sde.noise_level(1.0)):
        assert 0 <= sde.time_at(ratio) <= sde.T
    assert sde.time_at(0.0) == 0


@settings(max_examples=60, deadline=None)
@given(any_sde(), st.lists(st.floats(1e-5, 1.0), min_size=1, max_size=5))
def test_tensors_and_numbers_agree(sde, times):
    t = torch.tensor(times, dtype=torch.float64)
    for of_tensor, of_number in (
        (sde.marginal(t)[0], [sde.marginal(u)[0] for u in times]),
        (sde.marginal(t)[1], [sde.marginal(u)[1] for u in times]),
        (sde.diffusion(t), [sde.diffusion(u) for u in times]),
        (sde.decay(t), [sde.decay(u) for u in times]),
        (sde.log_snr(t), [sde.log_snr(u) for u in times]),
    ):
        assert of_tensor.shape == t.shape and of_tensor.dtype == t.dtype
        assert of_tensor.tolist() == pytest.approx(of_number, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_sigma_is_accurate_near_zero_in_float32(name):
    """1 - exp(-b) in float32 has no correct digit at b = 1e-7; expm1 has all."""
    sde = SDES[name]()
    t = torch.logspace(-6, -2, 30)
    want = torch.tensor([sde.marginal(float(u))[1] for u in t])
    assert torch.allclose(sde.marginal(t)[1], want, rtol=3e-6, atol=0)


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 3, 4, 4)])
@pytest.mark.parametrize("name", NAMES)
def test_any_trailing_shape(name, shape):
    """One t for all and one t each; a row's result depends on its own t alone."""
    sde, generator = SDES[name](), torch.Generator().manual_seed(0)
    x, z = torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)
    t = torch.linspace(0.1, 0.9, 5)
    moved, drift = sde.perturb(x, t, z), sde.drift(x, t)
    assert moved.shape == drift.shape == x.shape
    for i, u in enumerate(t.tolist()):
        assert torch.allclose(moved[i], sde.perturb(x[i : i + 1], u, z[i : i + 1])[0], rtol=1e-5, atol=1e-6)
        assert torch.allclose(drift[i], sde.drift(x[i : i + 1], u)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_prior_is_the_marginal_at_the_end(name):
    """The prior's standard deviation is sigma(T), to the little of the data that is left there."""
    sde = SDES[name]()
    alpha, sigma = sde.marginal(sde.T)
    assert sde.prior_std == pytest.approx(sigma, rel=1e-3)
    assert alpha == 1 or alpha < 0.01
    assert sde.log_snr(sde.T) == pytest.approx(2 * math.log(alpha / sigma))


@pytest.mark.parametrize("name", ["vp", "subvp"])
def test_beta_runs_between_its_bounds(name):
    sde = SDES[name](beta_min=0.2, beta_max=9.0)
    assert [sde.beta(t) for t in (0.0, 0.5, 1.0)] == pytest.approx([0.2, 4.6, 9.0])
    assert sde.integral(1.0) == pytest.approx(quad(sde.beta, 0, 1)[0])


@pytest.mark.parametrize("name", NAMES)
def test_bad_parameters_are_refused_by_name(name):
    for p in params(SDES[name]):
        beyond = [math.nan, math.inf, -math.inf, p.maximum * 2 + 1, p.minimum - 1, 10**400]
        for value in beyond:
            with pytest.raises(ParamError, match=rf"^{name}\.{p.name} must be"):
                SDES[name](**{p.name: value})


@pytest.mark.parametrize(
    ("name", "low", "high"), [("vp", "beta_min", "beta_max"), ("subvp", "beta_min", "beta_max"),
                              ("ve", "sigma_min", "sigma_max")],
)  # fmt: skip
def test_bounds_in_the_wrong_order_are_refused(name, low, high):
    with pytest.raises(ParamError, match=rf"{name}\.{high} \(0.5\) must be above {name}\.{low} \(1\)"):
        SDES[name](**{low: 1.0, high: 0.5})


@pytest.mark.parametrize("name", NAMES)
def test_sdes_are_frozen_values(name):
    sde = SDES[name]()
    assert sde == SDES[name]() and hash(sde) == hash(SDES[name]())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(sde, params(SDES[name])[0].name, 1.0)
    assert sde.source and sde.equation_now() and "nan" not in sde.equation_now()
