"""Objectives against closed forms: the minimiser of each is the score, and all differ by constants alone."""

import itertools
import math

import numpy as np
import pytest
import torch

from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.diffusion.sdes import SDES
from explorer.networks import NetworkSpec, Training
from explorer.training.loop import Watch
from explorer.training.objectives import OBJECTIVES, Batch
from explorer.training.race import gradient_variance, race
from explorer.training.run import Run

VE = SDES["ve"]()
SIGMA = 0.7
#: A tilted Gaussian: its score under noise is -A x.
GAUSSIAN = Mixture.of_covariances(np.ones(1), np.zeros((1, 2)), np.array([[[1.0, 0.4], [0.4, 0.5]]]))
COVARIANCE = torch.from_numpy(GAUSSIAN.covariance) + SIGMA**2 * torch.eye(2, dtype=torch.float64)
EIGHT = DISTRIBUTIONS["eight_gaussians"]().mixture
SMALL = NetworkSpec(width=16, depth=1, waves=2)


def batch_of(mixture, sigma, n, objective=None, seed=0):
    """One level (1, n) in double precision, with what `objective` draws for itself."""
    rng, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    draw = lambda count: torch.from_numpy(mixture.sample(count, rng)[0]).double()  # noqa: E731
    x0 = draw(n)[None]
    z = torch.randn(x0.shape, generator=random).double()
    level, one = torch.full((1, 1), sigma, dtype=torch.float64), torch.ones(1, 1).double()
    exact = lambda x: mixture.score(x[0], 1.0, sigma)[None]  # noqa: E731
    extra = objective.extra(draw, x0.shape, random) if objective else None
    return Batch(x0, z, x0 + sigma * z, level, one, level, exact, extra)


def every(**stable):
    """One of each objective, both projections of the sliced ones; `stable` for stable targets."""
    names = [name for name in OBJECTIVES if not name.startswith("ssm")]
    plain = [OBJECTIVES[name](**(stable if name == "stable_targets" else {})) for name in names]
    pairs = itertools.product(["ssm", "ssm_vr"], ["rademacher", "gaussian"])
    return plain + [OBJECTIVES[name](projection=projection) for name, projection in pairs]


# --- the minimiser ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 1.4])
@pytest.mark.parametrize("objective", every(reference=1), ids=str)
def test_every_gradient_of_a_linear_score_is_that_of_the_fisher_divergence(objective, factor):
    """For s = -A x, d/dA E sigma²|s - exact|² = 2 sigma² (A - A*) C: nothing at the truth, for each of them."""
    n = 20_000
    batch = batch_of(GAUSSIAN, SIGMA, n, objective)
    truth = torch.linalg.inv(COVARIANCE)
    a = (factor * truth).expand(n, 2, 2).clone().requires_grad_()
    loss = objective.loss(lambda x: -(a @ x[0, :, :, None])[None, ..., 0], batch)
    (gradient,) = torch.autograd.grad(loss.sum(), a)
    expected = 2 * SIGMA**2 * (factor - 1) * truth @ COVARIANCE
    error = gradient.std(0) / math.sqrt(n) + 1e-12
    assert ((gradient.mean(0) - expected).abs() < 4.5 * error).all()
    if factor != 1:
        assert (gradient.mean(0).diagonal() > 10 * error.diagonal()).all()


def test_implicit_is_explicit_up_to_a_constant():
    """Integration by parts, by quadrature in one dimension, for a field that is no score at all."""
    mixture = Mixture.of_points(np.array([[-1.0], [0.8]]), 0.3, weights=np.array([0.3, 0.7]))
    x = torch.linspace(-8, 8, 8001).double()[:, None]
    density = mixture.log_density(x, 1.0, SIGMA).exp()
    one, level = torch.ones(1, 1).double(), torch.full((1, 1), SIGMA, dtype=torch.float64)
    exact = lambda y: mixture.score(y[0], 1.0, SIGMA)[None]  # noqa: E731
    batch = Batch(x[None], x[None], x[None], level, one, level, exact)
    field = lambda y: torch.tanh(1.7 * y) - 0.3 * y + 0.2 * torch.cos(3 * y)  # noqa: E731
    mean = lambda values: float(torch.trapezoid(density * values[0].detach(), x[:, 0]))  # noqa: E731
    implicit, explicit = OBJECTIVES["ism"](), OBJECTIVES["esm"]()
    difference = mean(implicit.loss(field, batch)) - mean(explicit.loss(field, batch))
    information = mean((SIGMA * exact(x[None])).square().sum(-1))
    assert difference == pytest.approx(1 - information, abs=1e-9)  # d less sigma² E|exact|²
    assert mean(explicit.loss(field, batch)) > 0.5


@pytest.mark.parametrize("name", ["ssm", "ssm_vr"])
@pytest.mark.parametrize("projection", ["rademacher", "gaussian"])
def test_sliced_is_implicit_on_average_over_projections(name, projection):
    """Quadratures that are exact for the squares that occur: all signs; Gauss-Hermite with three nodes."""
    plain = batch_of(EIGHT, SIGMA, 50)
    field = lambda x: torch.sin(x @ torch.tensor([[1.0, 0.3], [0.8, -0.5]]).double()) - x  # noqa: E731
    nodes, weights = ((-1, 1), (0.5, 0.5))
    if projection == "gaussian":
        nodes, weights = (-math.sqrt(3), 0, math.sqrt(3)), (1 / 6, 2 / 3, 1 / 6)
    total = 0.0
    for (v1, w1), (v2, w2) in itertools.product(zip(nodes, weights, strict=True), repeat=2):
        v = torch.tensor([v1, v2], dtype=torch.float64).expand(plain.x.shape)
        total = total + w1 * w2 * OBJECTIVES[name](projection=projection).loss(
            field, Batch(**{**vars(plain), "extra": v})
        )
    torch.testing.assert_close(total, OBJECTIVES["ism"]().loss(field, plain))


@pytest.mark.parametrize("projection", ["rademacher", "gaussian"])
def test_projections_have_unit_covariance(projection):
    random = torch.Generator().manual_seed(0)
    v = OBJECTIVES["ssm"](projection=projection).extra(None, torch.Size((1, 40_000, 2)), random)[0]
    torch.testing.assert_close(torch.cov(v.T), torch.eye(2), atol=0.03, rtol=0.0)
    assert ((v.abs() == 1).all()) == (projection == "rademacher")


def test_rademacher_projections_leave_less_variance():
    spread = {}
    for name, projection in itertools.product(["ssm", "ssm_vr"], ["rademacher", "gaussian"]):
        objective = OBJECTIVES[name](projection=projection)
        batch = batch_of(GAUSSIAN, SIGMA, 20_000, objective)
        spread[name, projection] = float(objective.loss(batch.exact, batch).detach().std())
    for name in ("ssm", "ssm_vr"):
        assert spread[name, "rademacher"] < spread[name, "gaussian"]


# --- stable targets --------------------------------------------------------------------------------------


def test_a_reference_of_one_is_denoising():
    objective = OBJECTIVES["stable_targets"](reference=1)
    batch = batch_of(EIGHT, SIGMA, 100, objective)
    assert torch.equal(objective.target(batch), -batch.z)


def test_the_target_becomes_the_exact_score_as_the_reference_grows():
    """Its squared error falls like one over the size of the reference."""
    errors = []
    for reference in (30, 300, 3000):
        objective = OBJECTIVES["stable_targets"](reference=reference)
        batch = batch_of(EIGHT, SIGMA, 400, objective)
        error = objective.target(batch) - SIGMA * batch.exact(batch.x)
        errors.append(float(error.square().sum(-1).mean()))
    dsm = float(OBJECTIVES["dsm"]().floor(batch.exact(batch.x), batch).mean())
    assert errors[0] < 0.2 * dsm
    np.testing.assert_allclose(np.log10(errors[:-1]) - np.log10(errors[1:]), 1.0, atol=0.35)


@pytest.mark.parametrize("sde", ["ve", "vp", "subvp"])
def test_stable_targets_know_every_scale(sde):
    """With alpha below 1 the posterior is that of x_t: x is alpha x_k + sigma z_k for each k."""
    alpha, sigma = SDES[sde]().marginal(0.4)
    objective = OBJECTIVES["stable_targets"](reference=4000)
    plain = batch_of(EIGHT, sigma, 200, objective)
    x = alpha * plain.x0 + sigma * plain.z
    batch = Batch(**{**vars(plain), "x": x, "alpha": alpha * torch.ones_like(plain.alpha)})
    exact = sigma * EIGHT.score(x[0], alpha, sigma)[None]
    error = (objective.target(batch) - exact).square().sum(-1).mean()
    assert float(error) < 0.02


# --- levels, weights, floors -----------------------------------------------------------------------------


def test_the_ladder_of_ncsn():
    """L levels in geometric steps, equally often, weighted so that the loss is sigma² times Vincent's."""
    objective = OBJECTIVES["ncsn"](count=5, high=16.0, low=1.0)
    noise, weight = objective.levels((torch.arange(1000) + 0.5) / 1000, VE, 1.0)
    found, often = torch.unique(noise, return_counts=True)
    torch.testing.assert_close(found, torch.tensor([1.0, 2, 4, 8, 16]))
    assert often.tolist() == [200] * 5 and (weight == 1).all()
    batch = batch_of(EIGHT, 2.0, 100)
    field = lambda x: 0.3 * x.cos()  # noqa: E731
    vincent = (field(batch.x) + (batch.x - batch.x0) / 4.0).square().sum(-1)
    torch.testing.assert_close(objective.loss(field, batch), 4.0 * vincent)
    with pytest.raises(ValueError, match="at most"):
        OBJECTIVES["ncsn"](high=1.0, low=2.0)


def test_one_level_is_one_level():
    noise, weight = OBJECTIVES["dsm_single"](sigma=0.25).levels(torch.rand(9), VE, 1.0)
    assert (noise == 0.25).all() and (weight == 1).all()


@pytest.mark.parametrize("objective", every(reference=300), ids=str)
def test_the_floor_is_the_loss_of_the_exact_score(objective):
    batch = batch_of(EIGHT, SIGMA, 4000, objective)
    loss = objective.loss(batch.exact, batch).detach()[0]
    floor = objective.floor(batch.exact(batch.x), batch)[0]
    error = float((loss - floor).std()) / math.sqrt(len(loss)) + 1e-9
    assert float((loss - floor).mean()) == pytest.approx(0.0, abs=4 * error)


@pytest.mark.parametrize("objective", every(), ids=str)
def test_the_terms_sum_to_the_loss(objective):
    batch = batch_of(EIGHT, SIGMA, 20, objective)
    field = lambda x: -x / (1 + SIGMA**2)  # noqa: E731
    torch.testing.assert_close(sum(objective.terms(field, batch).values()), objective.loss(field, batch))


# --- training with them ----------------------------------------------------------------------------------


def runs(name, **network):
    budget = Training(seconds=0.0, iterations=60, batch=128, device="cpu")
    spec = NetworkSpec(width=16, depth=1, waves=2, **network)
    return Run(EIGHT, VE, OBJECTIVES[name](), spec, budget, 0, None)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_only_what_differentiates_once_is_captured(name):
    run = runs(name)
    run.device = torch.device("cuda")
    assert (run._stepper() == run.step) == (name in ("esm", "ism", "ssm", "ssm_vr"))


def test_losses_may_be_negative_and_small_without_alarm():
    watch = Watch(1.0)
    assert all(watch.sound(mean) for mean in (0.02, -0.5, 0.1, -1.0, -0.6, -0.02))
    assert not watch.sound(3.0) and not watch.sound(math.nan)


def test_a_race_is_fair_and_repeatable():
    """The same first weights for all; a curve of a race is that of the objective trained alone."""
    names = ("dsm", "ism", "ssm_vr", "esm")
    budget = Training(seconds=0.0, iterations=40, batch=128, device="cpu")
    start = lambda: race(EIGHT, VE, [OBJECTIVES[n]() for n in names], SMALL, budget, 0, 4)  # noqa: E731
    *_, last = start()
    *_, again = start()
    assert last.progress == 1 and all(lane.run.iteration == 40 for lane in last.lanes)
    first = [lane.fisher[0] for lane in last.lanes]
    assert first == [first[0]] * len(names)
    assert [lane.fisher for lane in last.lanes] == [lane.fisher for lane in again.lanes]
    assert all(lane.fisher[-1] < lane.fisher[0] for lane in last.lanes)
    assert all(lane.spent == lane.seconds[-1] > 0 and lane.iterations[-1] == 40 for lane in last.lanes)
    *_, alone = race(EIGHT, VE, [OBJECTIVES["ism"]()], SMALL, budget, 0, 4)
    assert alone.lanes[0].fisher == last.lanes[1].fisher


def test_gradients_scatter_least_where_the_target_is_known():
    """At equal weights explicit < stable < denoising, and the more projections are left to chance the more."""
    weights = runs("esm").net.state_dict()
    weights["last.weight"] = 0.1 * torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    found = {n: gradient_variance(runs(n), weights, 1.0, 40, 64, 3)[0] for n in OBJECTIVES}
    assert found["esm"] < found["stable_targets"] < 0.8 * found["dsm"]
    assert found["ism"] < found["ssm_vr"] < found["ssm"]
    assert found["ncsn"] == found["dsm"] == found["dsm_single"]


def test_gradient_variance_of_a_closed_form():
    """Where only the last bias moves (weights 0): the gradient by it is 2 c (sigma s + z), c = d(sigma s)/dF."""
    gaussian = Mixture.of_points(np.zeros((1, 2)), 0.6)
    budget = Training(seconds=0.0, iterations=1, batch=64, device="cpu")
    run = Run(gaussian, VE, OBJECTIVES["dsm"](), SMALL, budget, 0, None)
    weights = {k: torch.zeros_like(v) for k, v in run.net.state_dict().items()}
    sigma, scale = 0.5, gaussian.rms
    found, error = gradient_variance(run, weights, sigma, 400, 16, 0)
    c = scale / math.sqrt(sigma**2 + scale**2)
    expected = 4 * c**2 * 2 * c**2  # E|sigma s + z|² = 2 s²/(s² + sigma²) = 2c²
    assert abs(found - expected) < 4 * error and error < 0.1 * expected
