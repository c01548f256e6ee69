"""Linear inverse problems: the posterior in closed form against quadrature and Bayes, and the methods against it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.distributions.mixture import Mixture
from explorer.data.metrics import energy_distance, floor
from explorer.diffusion.observation import Known, Replaced
from explorer.diffusion.samplers import CORRECTORS, SOLVERS, Sampler
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import Simulation, simulate, step_terms
from explorer.experiment.codec import edited
from explorer.experiment.diagnostics import advice
from explorer.experiment.migrations import from_dict, to_dict
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.guidance import CONTROLS, Guided
from explorer.guidance.posterior import conditioned

EXACT = ScoreSource("exact")
ANGLE = 40.0
A = (math.cos(math.radians(ANGLE)), math.sin(math.radians(ANGLE)))
#: Tilted and different components.
TILTED = Mixture.of_covariances(
    np.array([0.5, 0.3, 0.2]), np.array([[0.0, 0.5], [1.0, -0.5], [-1.0, 0.2]]),
    np.array([[[0.3, 0.1], [0.1, 0.2]], [[0.1, -0.05], [-0.05, 0.3]], [[0.2, 0.0], [0.0, 0.05]]]),
)  # fmt: skip
GRID = np.linspace(-6, 6, 1201)
H = GRID[1] - GRID[0]


def known(data="eight_gaussians", sde="vp", control="inpaint", **fields):
    return Experiment(
        data=DISTRIBUTIONS[data](), sde=SDES[sde](), score=EXACT, control=CONTROLS[control](**fields),
        sampler=Sampler(steps=100, particles=1000),
    )  # fmt: skip


def last_of(e):
    *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed)
    return last.x


def log_density(mixture, x, alpha=1.0, sigma=0.0):
    return mixture.log_density(torch.as_tensor(x, dtype=torch.float64), alpha, sigma).numpy()


# --- the posterior ----------------------------------------------------------------------------------------


def test_a_noisy_measurement_is_bayes_rule_point_by_point():
    """log p(x|y) - log p(x) - log N(y; aᵀx, std²) is one number: minus the log-evidence by quadrature."""
    y, std = 0.6, 0.4
    posterior = conditioned(TILTED, A, y, std)
    x = np.stack(np.meshgrid(GRID[::6], GRID[::6]), -1).reshape(-1, 2)
    likelihood = -0.5 * ((y - x @ np.array(A)) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))
    joint = log_density(TILTED, x) + likelihood
    evidence = np.log(np.exp(joint).sum() * (6 * H) ** 2)
    inside = joint > -30
    np.testing.assert_allclose(log_density(posterior, x)[inside], (joint - evidence)[inside], atol=1e-6)


def test_an_exact_projection_is_the_density_on_its_line():
    y = -0.3
    posterior = conditioned(TILTED, A, y)
    across = np.array([-A[1], A[0]])
    on_line = y * np.array(A) + GRID[:, None] * across
    density = np.exp(log_density(TILTED, on_line))
    expected = density / (density.sum() * H)
    found = np.exp(log_density(posterior.projected(across), GRID[:, None]))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(posterior.means @ np.array(A), y, atol=1e-9)
    np.testing.assert_allclose(posterior.projected(np.array(A)).scales, 0, atol=1e-7)


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("std", [0.0, 0.3])
def test_its_score_at_every_time_is_the_gradient_of_its_log(sde, std):
    posterior, process = conditioned(TILTED, A, 0.5, std), SDES[sde]()
    x = torch.randn(
        50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True
    )
    for t in (0.05, 0.4, 1.0):
        alpha, sigma = process.marginal(t)
        (gradient,) = torch.autograd.grad(posterior.log_density(x, alpha, sigma).sum(), x)
        torch.testing.assert_close(
            ExactScore(posterior, process)(x.detach(), t), gradient, rtol=1e-7, atol=1e-8
        )


def test_guidance_is_the_exact_likelihood_of_the_observation_given_the_noisy_point():
    """∇log p_t(y | x_t): p(y | x_t) by summing the joint Gaussian of (x_t, y), differentiated numerically."""
    e, t, std = known(control="measurement", angle=ANGLE, value=0.5, std=0.3), 0.3, 0.3
    alpha, sigma = e.sde.marginal(t)
    m, a = e.data.mixture, torch.tensor(A, dtype=torch.float64)
    means, s2 = torch.as_tensor(m.means), float(m.scales[0, 0]) ** 2

    def log_p(x):
        """log Σ_k p(k | x_t) N(y; aᵀE[x_0 | x_t, k], Var[aᵀx_0 | x_t, k] + std²), written out by hand."""
        v = alpha**2 * s2 + sigma**2
        gain = alpha * s2 / v
        weight = torch.log_softmax(-0.5 * ((x[:, None] - alpha * means) ** 2).sum(-1) / v, 1)
        mean = (means + gain * (x[:, None] - alpha * means)) @ a
        variance = s2 - gain * alpha * s2 + std**2
        return torch.logsumexp(weight - 0.5 * (0.5 - mean) ** 2 / variance, 1)

    x = torch.randn(
        50, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True
    )
    (gradient,) = torch.autograd.grad(log_p(x).sum(), x)
    torch.testing.assert_close(resolve(e).score.push(x.detach(), t), gradient, rtol=1e-6, atol=1e-7)


def test_an_unlikely_observation_has_a_posterior_too():
    far = conditioned(DISTRIBUTIONS["checkerboard"]().mixture, (1.0, 0.0), 40.0)
    assert np.isfinite(far.means).all() and far.weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(far.means[:, 0], 40.0, atol=1e-6)


# --- sampling ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("control", ["inpaint", "project", "measurement"])
def test_the_exact_posterior_is_sampled(sde, control):
    e = known("two_moons", sde, control)
    e = replace(e, sampler=replace(e.sampler, mode="ode", steps=50, grid="log_snr"))
    level = floor(energy_distance, e.target, 1000, range(6))
    assert energy_distance(last_of(e), e.sample(1000, 3)) < level.mean + 10 * level.std


#: Every kind of loop that must put in what is known.
SAMPLERS = {
    "reverse": Sampler(mode="reverse", steps=20, particles=100),
    "ode": Sampler(mode="ode", steps=20, particles=100),
    "adaptive": Sampler(mode="ode", solver=SOLVERS["dopri5"](rtol=1e-2, atol=1e-2), particles=50),
    "pc": Sampler(mode="pc", steps=20, corrector_steps=2, particles=100),
    "corrector first": Sampler(
        mode="pc", steps=20, order="corrector", corrector=CORRECTORS["ald"](), particles=100
    ),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_replacement_leaves_what_is_known_exactly(name):
    for coordinate, i in (("x1", 0), ("x2", 1)):
        e = known(coordinate=coordinate, value=0.37, method="replacement")
        x = last_of(replace(e, sampler=SAMPLERS[name]))
        assert (x[:, i] == np.float32(0.37)).all() and np.ptp(x[:, 1 - i]) > 1
    e = known(control="project", angle=ANGLE, value=0.37, method="replacement")
    along = last_of(replace(e, sampler=SAMPLERS[name])) @ np.array(A, np.float32)
    np.testing.assert_allclose(along, 0.37, atol=1e-6)


@pytest.mark.parametrize("mode", ["langevin", "annealed"])
def test_under_langevin_the_known_part_has_the_noise_of_its_level(mode):
    e = known(value=0.5, method="replacement")
    sampler = Sampler(
        mode=mode, particles=2000, langevin_time=0.2, langevin_steps=10, levels=4, level_steps=3
    )
    *_, last = simulate(e.sde, sampler, resolve(e).score, e.target, 0)
    assert last.x[:, 0].mean() == pytest.approx(last.alpha * 0.5, abs=4 * last.sigma / 2000**0.5)
    assert last.x[:, 0].std() == pytest.approx(last.sigma, rel=0.08)


def test_what_is_put_in_is_the_forward_marginal_and_nothing_else_moves():
    part = Known(A, 0.8, 0.3)
    x = torch.randn(20000, 2, generator=torch.Generator().manual_seed(0))
    z, error = torch.randn(2, 20000, generator=torch.Generator().manual_seed(1))
    new = part.put_in(x, 0.6, 0.5, z, error)
    along, across = new @ torch.tensor(A), torch.tensor([-A[1], A[0]])
    assert float(along.mean()) == pytest.approx(0.6 * 0.8, abs=0.02)
    assert float(along.var()) == pytest.approx(0.5**2 + (0.6 * 0.3) ** 2, rel=0.05)
    torch.testing.assert_close(new @ across, x @ across, rtol=1e-5, atol=1e-5)


def test_replacement_is_the_same_for_the_same_seed_and_its_terms_add_up():
    e = known(method="replacement")
    e = replace(e, sampler=replace(SAMPLERS["pc"], particles=50))
    score = resolve(e).score
    first, again, other = (list(simulate(e.sde, e.sampler, score, e.target, s)) for s in (0, 0, 1))
    assert all((a.x == b.x).all() for a, b in zip(first, again, strict=True))
    assert (first[-1].x != other[-1].x).any()
    run = Simulation(e.sde, e.sampler, score, e.target, 0)
    terms = step_terms(run, first[4], first[5])
    moved = torch.from_numpy(first[5].x - first[4].x)
    torch.testing.assert_close(sum(terms), moved, rtol=1e-4, atol=1e-5)


def test_replacement_is_biased_and_more_steps_do_not_help():
    e = known(control="project", angle=30.0, value=0.5)
    exact = energy_distance(last_of(e), e.sample(1000, 3))
    other = edited(e, "control.method", "replacement")
    replaced = [
        energy_distance(last_of(edited(other, "sampler.steps", n)), e.sample(1000, 3)) for n in (50, 200)
    ]
    assert min(replaced) > 15 * exact and replaced[1] > 0.5 * replaced[0]


def test_where_coordinates_are_independent_replacement_is_right():
    """On one Gaussian along the axes the known coordinate says nothing of the other: no bias."""
    e = known(method="replacement", value=0.4)
    mixture = Mixture.of_points(np.array([[0.0, 0.3]]), 0.7)
    score = Replaced(ExactScore(mixture, e.sde), e.control.known(2))
    *_, last = simulate(e.sde, e.sampler, score, mixture, 0)
    target = conditioned(mixture, (1.0, 0.0), 0.4)
    assert last.x[:, 1].mean() == pytest.approx(target.mean[1], abs=0.08)
    assert last.x[:, 1].std() == pytest.approx(math.sqrt(target.covariance[1, 1]), rel=0.1)


def test_tweedie_is_exact_for_one_point_and_only_approximate_for_a_law():
    """DPS takes x_0 for its mean: right where x_0 has no spread left, wrong elsewhere by that spread."""
    fields = dict(control="measurement", angle=ANGLE, value=0.5, std=0.3)
    exact, dps = (resolve(known(**fields, method=m)).score for m in ("exact", "tweedie"))
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))

    def apart(t):
        """The difference of the two guidance terms, relative to the exact one."""
        gap = dps.push(x, t) - exact.push(x, t)
        return float(gap.square().mean().sqrt() / exact.push(x, t).square().mean().sqrt())

    assert isinstance(exact, Guided) and isinstance(dps, Guided)
    assert apart(0.3) > 0.15
    one = Mixture.of_points(np.array([[0.2, -0.1]]), 1e-3)
    control, sde = CONTROLS["measurement"](angle=ANGLE, method="tweedie"), SDES["vp"]()
    from explorer.guidance import Sources

    sources = Sources(ExactScore(one, sde), one, sde)
    (a, _), (b, _) = control.guide(sources), replace(control, method="exact").guide(sources)
    torch.testing.assert_close(a(x, 0.3), b(x, 0.3), rtol=1e-3, atol=1e-3)


def test_a_stiff_posterior_is_advised_on():
    e = known()
    few = replace(e, sampler=Sampler(mode="ode", steps=40, particles=300))
    told = [s for s in advice(few) if "stiff" in s]
    better = edited(few, "sampler.grid", "log_snr")
    assert told and not [s for s in advice(better) if "stiff" in s] + [s for s in advice(e) if "stiff" in s]
    off, near = (np.abs(last_of(each)[:, 0] - 0.5).mean() for each in (few, better))
    assert near < 0.5 * off


# --- where it makes sense, files, shell -------------------------------------------------------------------


@pytest.mark.parametrize("control", ["inpaint", "project"])
def test_one_coordinate_leaves_nothing_to_infer(control):
    e = known("two_modes_1d", control=control)
    assert "leaves nothing to infer" in resolve(e).control and e.target is e.data.mixture


def test_a_noisy_measurement_makes_sense_on_the_line():
    e = known("two_modes_1d", control="measurement", value=0.2, std=0.5)
    assert not e.control.refusal(e.data.mixture)
    level = floor(energy_distance, e.target, 1000, range(6))
    assert energy_distance(last_of(e), e.sample(1000, 3)) < level.mean + 10 * level.std


@pytest.mark.parametrize("name", list(CONTROLS))
def test_files(name):
    e = known(control=name)
    assert from_dict(json.loads(json.dumps(to_dict(e)))) == (e, "")


def test_from_the_shell(tmp_path, capsys):
    path, out = tmp_path / "e.json", tmp_path / "run.npz"
    path.write_text(json.dumps(to_dict(Experiment(score=EXACT, sampler=Sampler(steps=40, particles=200)))))
    sets = ["control.type=inpaint", "control.value=0.5", "control.method=replacement"]
    line = ["run", str(path), "--out", str(out), "--metrics", *(v for s in sets for v in ("--set", s))]
    assert command_line(line) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert "mean_log_density" not in metrics  # all of the target lies on a line
    with np.load(out) as arrays:
        assert (arrays["x"][-1][:, 0] == np.float32(0.5)).all()
