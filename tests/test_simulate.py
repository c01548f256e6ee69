"""The loop: every mode against closed forms, the full matrix finite, the same bits for the same seed."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.data.distributions.mixture import Mixture
from explorer.diffusion import grids, noise
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS, Reverse, Sampler
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import LIMIT, Simulation, annealing_times, simulate, step_terms

MIXTURE = Mixture.of_points(np.array([[1.3, 0.0], [-1.0, 0.9], [-0.6, -1.2]]), 0.2)
GAUSSIAN = Mixture.of_points(np.array([[0.5, -0.5]]), 0.7)
LINE = Mixture.of_points(np.array([[-1.0], [0.2], [1.2]]), 0.15, weights=np.array([0.5, 0.2, 0.3]))
FIXED = [name for name in SOLVERS if not SOLVERS[name].adaptive]
MOVERS = [name for name in PREDICTORS if name != "none"]


@pytest.fixture(params=list(SDES))
def sde(request):
    return SDES[request.param]()


def exact(sde, mixture=MIXTURE):
    """The score of a mixture of round Gaussians of one width (written anew: quick, and independent)."""
    means, log_w = (
        torch.tensor(mixture.means, dtype=torch.float32),
        torch.tensor(np.log(mixture.weights)).float(),
    )
    width = float(mixture.scales[0, 0])

    def score(x, t):
        alpha, sigma = sde.marginal(t)
        v = (alpha * width) ** 2 + sigma**2
        offset = alpha * means - x[:, None]
        share = torch.softmax(log_w - offset.square().sum(-1) / (2 * v), 1)
        return (share[..., None] * offset).sum(1) / v

    return score


@pytest.mark.parametrize("mixture", [MIXTURE, GAUSSIAN, LINE], ids=["modes", "gaussian", "line"])
def test_the_score_used_here_is_the_mixtures(sde, mixture):
    x = torch.randn(50, mixture.dim, generator=torch.Generator().manual_seed(0))
    for t in (1.0, 0.3, sde.eps):
        theirs = mixture.score(x, *sde.marginal(t))
        assert torch.allclose(
            exact(sde, mixture)(x, t), theirs, rtol=1e-3, atol=1e-3 * float(theirs.abs().max())
        )


def run(sde, mixture=MIXTURE, seed=0, score=None, **settings):
    """A Simulation; predictor, solver and corrector may be given by name."""
    for key, registry in (("predictor", PREDICTORS), ("solver", SOLVERS), ("corrector", CORRECTORS)):
        if isinstance(settings.get(key), str):
            settings[key] = registry[settings[key]]()
    return Simulation(sde, Sampler(**settings), score or exact(sde, mixture), mixture, seed)


def last(simulation):
    *_, frame = simulation.frames()
    return frame


# --- every SDE with every method at every N --------------------------------------------------------------

MATRIX = [
    *({"mode": "reverse", "predictor": p, "eta": eta} for p in PREDICTORS for eta in (0.0, 2.0)),
    {"mode": "reverse", "predictor": PREDICTORS["ancestral"](variance="forward")},
    *({"mode": "ode", "solver": s} for s in SOLVERS),
    *({"mode": "pc", "predictor": p, "corrector": c, "order": o, "corrector_steps": m}
      for p in PREDICTORS for c in CORRECTORS for o, m in (("predictor", 1), ("corrector", 2))),
    {"mode": "forward"},
]  # fmt: skip


def name_of(settings):
    return "-".join(str(getattr(v, "name", v)) for v in settings.values())


@pytest.mark.parametrize("settings", MATRIX, ids=name_of)
def test_every_combination_is_finite(sde, settings):
    """Public code gives NaN for VP ancestral at N = 20 and crashes for sub-VP with Langevin."""
    for n, grid in [*itertools.product((1, 2, 5, 20), grids.GRIDS), (100, "log_snr")]:
        simulation = run(sde, particles=4, steps=n, grid=grid, **settings)
        count = 0
        for frame in simulation.frames():
            count += 1
            assert np.isfinite(frame.x).all() and np.abs(frame.x).max() <= LIMIT
        assert frame.t == (sde.T if settings["mode"] == "forward" else sde.eps)
        assert count == simulation.sampler.expected_frames or not simulation.sampler.expected_frames


@pytest.mark.parametrize(("predictor", "name"), list(zip(PREDICTORS, itertools.cycle(SDES), strict=False)))
def test_the_most_steps_there_are_are_finite_and_do_not_diverge(predictor, name):
    """Every predictor, every SDE; all of their pairs take a thousand below."""
    sde, frame = SDES[name](), None
    for frame in run(sde, particles=2, steps=2000, predictor=predictor).frames():
        assert not frame.note
    assert np.isfinite(frame.x).all() and (frame.step, frame.t) == (2000, sde.eps)


@pytest.mark.parametrize("settings", [
    *({"predictor": p} for p in PREDICTORS),
    {"mode": "pc", "corrector": "langevin"}, {"mode": "pc", "corrector": "ald"}, {"mode": "forward"},
    *({"mode": "ode", "solver": s} for s in FIXED),
], ids=name_of)  # fmt: skip
def test_a_thousand_steps_are_finite_and_do_not_diverge(sde, settings):
    frame = None
    for frame in run(sde, particles=4, steps=1000, **settings).frames():
        assert not frame.note
    assert np.isfinite(frame.x).all()
    assert (frame.step, frame.t) == (1000, sde.T if settings.get("mode") == "forward" else sde.eps)


@pytest.mark.parametrize("settings", MATRIX, ids=name_of)
@pytest.mark.parametrize("name", ["vp", "subvp"])
def test_the_most_noise_there_is(name, settings):
    """At the largest beta the signal at t = 1 is below what float32 holds: one step from it must not overflow."""
    for beta_min in (0.0, 100.0):
        sde = SDES[name](beta_min=beta_min, beta_max=400.0)
        for frame in run(sde, particles=4, steps=1, **settings).frames():
            assert np.isfinite(frame.x).all()


@pytest.mark.parametrize("distances", [0.001, 1e5])
@pytest.mark.parametrize("mode", list(MODES))
def test_odd_scores_stay_finite(sde, mode, distances):
    """A score that is wrong by any factor, or not a number, ends in finite numbers and a note."""
    for score in (lambda x, t: x * distances, lambda x, t: x * math.nan):
        frames = list(run(sde, score=score, mode=mode, particles=4, steps=30, langevin_steps=30).frames())
        assert all(np.isfinite(f.x).all() for f in frames)
        if mode != "forward" and math.isnan(score(1.0, 0.5)):
            assert "Diverged" in frames[-1].note


def test_scores_are_accurate_at_tiny_sigma_in_float32():
    """Sub-VP ends at sigma 1e-4; the score of narrow data there, single against double precision."""
    sde = SDES["subvp"]()
    narrow = Mixture.of_points(MIXTURE.means, 0.01)
    alpha, sigma = sde.marginal(sde.eps)
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = alpha * torch.from_numpy(narrow.means[0]) + math.hypot(0.01 * alpha, sigma) * z
    single = narrow.score(x.float(), alpha, sigma).double()
    double = narrow.score(x.float().double(), alpha, sigma)
    assert float((single - double).norm() / double.norm()) < 1e-4


# --- what comes out is the data --------------------------------------------------------------------------


def cdf(sde, t, x):
    alpha, sigma = sde.marginal(t)
    scale = np.sqrt((alpha * LINE.scales[:, 0]) ** 2 + sigma**2)
    return (LINE.weights * stats.norm.cdf((x[:, None] - alpha * LINE.means[:, 0]) / scale)).sum(1)


@pytest.mark.parametrize(("settings", "steps"), [
    *(({"predictor": p, "eta": eta}, 400) for p in ("reverse_diffusion", "ancestral") for eta in (0.0, 0.5, 1.0, 1.5)),
    ({"predictor": "stochastic_heun"}, 200), ({"predictor": "euler_maruyama"}, 600),
    ({"mode": "ode", "solver": "heun"}, 150), ({"mode": "ode", "solver": "dopri5"}, 1),
    ({"predictor": "sra"}, 200), ({"predictor": "sde_dpm_solver_pp_2m"}, 100), ({"predictor": "edm_churn"}, 100),
    ({"mode": "ode", "solver": "dpm_solver_2"}, 40), ({"mode": "ode", "solver": "dpm_solver_pp_2m"}, 60),
    ({"mode": "pc", "corrector": "langevin", "snr": 0.1}, 200), ({"mode": "pc", "corrector": "ald", "snr": 0.1}, 200),
    ({"mode": "pc", "predictor": "none", "corrector": "langevin", "corrector_steps": 2}, 400),
], ids=lambda v: name_of(v) if isinstance(v, dict) else str(v))  # fmt: skip
def test_reverse_recovers_the_data(sde, settings, steps):
    """Kolmogorov-Smirnov against the exact law at eps: the same for every eta (1 % level, and 2.5 %)."""
    frame = last(run(sde, LINE, seed=3, particles=3000, steps=steps, grid="log_snr", **settings))
    ks = stats.kstest(frame.x[:, 0], lambda x: cdf(sde, sde.eps, x)).statistic
    assert ks < 1.63 / math.sqrt(3000) + 0.025


def test_annealed_langevin_gives_the_modes_their_places(sde):
    """Default settings; the law comes out 1/(1 - step/4) times too wide within each mode."""
    frame = last(run(sde, particles=1000, mode="annealed"))
    x = frame.x / frame.alpha
    nearest = np.argmin(((x[:, None] - MIXTURE.means) ** 2).sum(-1), axis=1)
    off = x - MIXTURE.means[nearest]
    width = math.sqrt(0.2**2 + 0.01**2)
    assert off.std() == pytest.approx(width, rel=0.15) and np.abs(off).max() < 6 * width
    assert np.bincount(nearest, minlength=3).min() > 1000 / 3 * 0.7


def test_annealed_steps_are_song_and_ermons():
    """Algorithm 1 with sigma from 10 to 0.01 in L = 10, T = 3, ε = 2e-5: α_i = ε sigma_i²/sigma_L²."""
    sde = SDES["ve"]()
    frames = list(
        run(sde, particles=8, mode="annealed", levels=10, level_steps=3, annealed_step=0.2).frames()
    )
    assert len(frames) == 31
    sigmas = np.geomspace(10, 0.01, 10)
    alphas = np.repeat(2e-5 * sigmas**2 / sigmas[-1] ** 2, 3)
    assert [f.sigma for f in frames[1:]] == pytest.approx(np.repeat(sigmas, 3), rel=1e-3)
    assert [2 * f.epsilon for f in frames[1:]] == pytest.approx(alphas, rel=3e-3)
    z = noise.normal((8, 2), 0, noise.CORRECTOR, 7, 0).numpy()
    before, after = frames[6], frames[7]
    s = MIXTURE.score(torch.from_numpy(before.x), 1.0, after.sigma).numpy()
    a = 2 * after.epsilon
    assert after.x == pytest.approx(before.x + a / 2 * s + math.sqrt(a) * z, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("levels", [1, 2, 10, 50])
def test_annealing_levels_fall_in_equal_ratios(sde, levels):
    times = annealing_times(sde, levels)
    ratios = [sde.noise_level(t) for t in times]
    assert len(times) == levels and times[0] == sde.T
    if levels > 1:
        assert ratios[-1] == pytest.approx(0.01, rel=1e-3)
        quotients = [a / b for a, b in itertools.pairwise(ratios)]
        assert quotients == pytest.approx([quotients[0]] * len(quotients), rel=1e-3)


@pytest.mark.parametrize("levels", [1, 3])
def test_annealing_with_a_coarse_ve(levels):
    times = annealing_times(SDES["ve"](sigma_min=0.5), levels)
    assert times[0] == 1 and (levels == 1 or times[-1] == pytest.approx(1e-5, rel=1e-3))


def test_langevin_settles_where_its_step_says(sde):
    """x + ε s + sqrt(2ε) z on N(m, v) has the stationary law N(m, v/(1 - ε/(2v)))."""
    alpha, sigma = sde.marginal(0.3)
    v = (0.7 * alpha) ** 2 + sigma**2
    frames = list(run(sde, GAUSSIAN, mode="langevin", particles=500, langevin_time=0.3,
                      langevin_step=min(0.3 * v, 10.0), langevin_steps=120).frames())  # fmt: skip
    x = np.stack([f.x for f in frames[40:]])
    assert x.var() == pytest.approx(v / (1 - 0.15) + np.var(alpha * GAUSSIAN.means), rel=0.03)
    assert x.mean((0, 1)) == pytest.approx(alpha * GAUSSIAN.means[0], abs=0.03 * math.sqrt(v))
    assert {f.t for f in frames} == {0.3} and frames[-1].nfe == 120


# --- forward ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", list(grids.GRIDS))
def test_forward_has_the_exact_moments_at_every_time(sde, grid):
    n = 4000
    frames = list(run(sde, GAUSSIAN, mode="forward", particles=n, steps=7, grid=grid).frames())
    assert [f.t for f in frames] == [0.0, *grids.times(grid, 7, sde)[-2::-1]]
    assert [(f.step, f.steps) for f in frames] == [(i, 7) for i in range(8)]
    for f in frames[1:]:
        alpha, sigma = sde.marginal(f.t)
        std = math.hypot(0.7 * alpha, sigma)
        assert (f.alpha, f.sigma, f.nfe, f.part) == (alpha, sigma, 0, "diffuse")
        assert f.x.mean(0) == pytest.approx(alpha * GAUSSIAN.means[0], abs=5 * std / math.sqrt(n))
        assert f.x.std(0) == pytest.approx([std, std], rel=5 / math.sqrt(2 * n))
        assert abs(np.corrcoef(f.x.T)[0, 1]) < 5 / math.sqrt(n)


def test_forward_follows_one_path_whatever_the_steps(sde):
    paths = [list(run(sde, mode="forward", particles=50, steps=n).frames()) for n in (1, 2, 8, 64)]
    for coarse, fine in itertools.pairwise(paths):
        by_time = {f.t: f.x for f in fine}
        for f in coarse:
            assert np.array_equal(f.x, by_time[f.t])


def test_forward_keeps_what_is_left_of_the_data(sde):
    """E[x_t x_0] = alpha E[x_0²]: the path starts from the data, not only from its law."""
    frames = list(run(sde, GAUSSIAN, mode="forward", particles=4000, steps=4).frames())
    x0 = frames[0].x - GAUSSIAN.means
    for f in frames[1:]:
        slope = float((x0 * f.x).mean() / (x0**2).mean())
        std = math.hypot(0.7 * f.alpha, f.sigma) / 0.7
        assert slope == pytest.approx(f.alpha, abs=5 * std / math.sqrt(8000))


def test_reverse_of_forward_is_the_data(sde):
    """The ODE, run from the law at T to eps, maps each particle of one Gaussian where the closed form says."""
    frames = list(
        run(sde, GAUSSIAN, mode="ode", solver="rk4", steps=300, grid="log_snr", particles=50).frames()
    )
    start, end = frames[0], frames[-1]
    v = [(0.7 * f.alpha) ** 2 + f.sigma**2 for f in (start, end)]
    m = GAUSSIAN.means
    want = m * end.alpha + (start.x - m * start.alpha) * math.sqrt(v[1] / v[0])
    assert end.x == pytest.approx(want, abs=2e-4)


# --- the loop itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["predictor", "corrector"])
@pytest.mark.parametrize("moves", [0, 1, 3])
def test_predictor_corrector_order_and_cost(sde, moves, order):
    """NFE = N(M+1); [S21] Algorithms 2 and 3 predict first, the authors' code corrects first."""
    frames = list(run(sde, mode="pc", steps=4, corrector_steps=moves, order=order, particles=8).frames())
    times = grids.uniform(4, sde)
    assert frames[-1].nfe == 4 * (moves + 1) and len(frames) == 1 + 4 * (moves + 1)
    assert [f.part for f in frames].count("predict") == 4
    for i in range(4):
        group = frames[1 + i * (moves + 1) : 1 + (i + 1) * (moves + 1)]
        assert {f.step for f in group} == {i + 1}
        parts, at = [f.part for f in group], [f.t for f in group]
        if order == "predictor":
            assert parts == ["predict"] + ["correct"] * moves and set(at) == {times[i + 1]}
        else:
            assert parts == ["correct"] * moves + ["predict"]
            assert at == [times[i]] * moves + [times[i + 1]]
        assert [f.sub for f in group if f.part == "correct"] == list(range(1, moves + 1))
        assert all(f.epsilon > 0 for f in group if f.part == "correct")


def test_corrector_moves_are_the_correctors_own(sde):
    frames = list(run(sde, mode="pc", steps=3, corrector="ald", particles=8, denoise=False).frames())
    times = grids.uniform(3, sde)
    for i, (before, after) in enumerate(itertools.pairwise(frames)):
        if after.part == "correct":
            t, t_next = times[i // 2], times[i // 2 + 1]
            a = (sde.marginal(t)[0] / sde.marginal(t_next)[0]) ** 2
            epsilon = 2 * a * (0.16 * after.sigma) ** 2
            z = noise.normal((8, 2), 0, noise.CORRECTOR, after.step, 1)
            s = exact(sde)(torch.from_numpy(before.x), after.t)
            want = torch.from_numpy(before.x) + epsilon * s + math.sqrt(2 * epsilon) * z
            assert after.epsilon == pytest.approx(epsilon)
            assert after.x == pytest.approx(want.numpy(), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("settings", [
    {"predictor": "ancestral"}, {"predictor": "stochastic_heun"}, {"mode": "pc"}, {"mode": "pc", "order": "corrector"},
    {"mode": "pc", "corrector_steps": 0},
], ids=name_of)  # fmt: skip
def test_the_last_step_drops_its_noise(sde, settings):
    """Two seeds of the last noise would differ; the mean does not know it. All earlier frames are alike."""
    noisy, clean = (
        list(run(sde, steps=6, particles=16, denoise=d, **settings).frames()) for d in (False, True)
    )
    assert all(np.array_equal(a.x, b.x) for a, b in zip(noisy[:-1], clean[:-1], strict=True))
    assert not np.array_equal(noisy[-1].x, clean[-1].x)
    terms = step_terms(run(sde, steps=6, particles=16, **settings), *clean[-2:])
    left = terms.noise.norm() / (terms.drift.norm() + terms.score.norm())
    assert left < (1e-4 if settings.get("predictor") != "stochastic_heun" else 1)


def test_annealed_corrector_diverges_from_snr_one_on_and_says_so():
    """sigma²/(1 - snr²) on a Gaussian: at snr 1.2 each move grows the variance."""
    sde = SDES["ve"]()
    settings = dict(mode="pc", predictor="none", corrector="ald", corrector_steps=100, steps=3, particles=16)
    frames = list(run(sde, GAUSSIAN, snr=1.2, order="corrector", **settings).frames())
    assert any("Diverged" in f.note for f in frames) and all(np.isfinite(f.x).all() for f in frames)
    assert not any(f.note for f in run(sde, GAUSSIAN, snr=0.3, order="corrector", **settings).frames())


@pytest.mark.parametrize("settings", [
    {"mode": "forward"}, {"mode": "langevin"}, {"mode": "annealed"}, {"mode": "ode", "solver": "dopri5"},
    {"mode": "pc", "corrector_steps": 2}, *({"predictor": p} for p in PREDICTORS),
    *({"mode": "ode", "solver": s} for s in FIXED),
], ids=name_of)  # fmt: skip
def test_the_same_seed_gives_the_same_bits(sde, settings):
    common = dict(particles=32, steps=8, levels=3, level_steps=3, langevin_steps=9)
    first, again, other = (list(run(sde, seed=s, **common, **settings).frames()) for s in (5, 5, 6))
    assert len(first) == len(again)
    assert all(np.array_equal(a.x, b.x) and a.nfe == b.nfe for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[-1].x, other[-1].x)


@pytest.mark.parametrize("settings", [
    {"mode": "pc", "corrector": "ald"}, {"mode": "langevin"}, {"mode": "annealed"}, {"predictor": "stochastic_heun"},
], ids=name_of)  # fmt: skip
def test_more_particles_keep_the_old_ones(sde, settings):
    few, many = (last(run(sde, particles=n, steps=5, langevin_steps=5, levels=2, level_steps=3, **settings)).x
                 for n in (40, 90))  # fmt: skip
    assert many[:40] == pytest.approx(few, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", MOVERS)
def test_changing_the_steps_keeps_the_path(sde, name):
    """The particles end near where they ended with another N, closer than with another seed."""

    def end(n, seed=0):
        return last(run(sde, GAUSSIAN, predictor=name, steps=n, particles=100, denoise=False, seed=seed)).x

    fine = end(256)
    assert np.abs(end(128) - fine).mean() < 0.25 * np.abs(end(128, seed=1) - fine).mean()


def test_all_sdes_start_from_one_draw():
    starts = [next(run(SDES[name]()).frames()).x / SDES[name]().prior_std for name in SDES]
    assert all(s == pytest.approx(starts[0], rel=1e-5) for s in starts)


def test_gradients_are_neither_kept_nor_leaked(sde):
    for _ in run(sde, steps=3, particles=4).frames():
        assert torch.is_grad_enabled()


def test_frames_are_never_written_to_again(sde):
    frames = []
    copies = []
    for frame in run(sde, mode="pc", steps=5, particles=8, corrector_steps=2).frames():
        frames.append(frame)
        copies.append(frame.x.copy())
        assert frame.x.dtype == np.float32
    assert all(np.array_equal(f.x, c) for f, c in zip(frames, copies, strict=True))


def test_simulate_is_the_simulation(sde):
    sampler = Sampler(steps=3, particles=4)
    frames = list(simulate(sde, sampler, exact(sde), MIXTURE, 7))
    want = list(Simulation(sde, sampler, exact(sde), MIXTURE, 7).frames())
    assert all(np.array_equal(a.x, b.x) for a, b in zip(frames, want, strict=True))


# --- taking steps apart ----------------------------------------------------------------------------------

APART = [
    *({"mode": "reverse", "predictor": p, "eta": eta} for p in MOVERS for eta in (0.0, 1.0)),
    *({"mode": "ode", "solver": s} for s in SOLVERS),
    {"mode": "pc", "corrector_steps": 2}, {"mode": "pc", "order": "corrector"},
    {"mode": "langevin"}, {"mode": "annealed"},
]  # fmt: skip


@pytest.mark.parametrize("settings", APART, ids=name_of)
def test_step_terms_are_the_move(sde, settings):
    """They add up to it; drift is the SDE's, score is along s, and what is left is noise of the right size."""
    simulation = run(
        sde, steps=40, particles=400, levels=4, level_steps=3, langevin_steps=5, denoise=False, **settings
    )
    frames = list(simulation.frames())
    evaluations = simulation.process.evaluations
    assert step_terms(simulation, frames[0], frames[0]) is None
    method = simulation.sampler.method
    for before, after in itertools.pairwise(frames[:10]):
        drift, score, left = (term.numpy() for term in step_terms(simulation, before, after))
        assert before.x + drift + score + left == pytest.approx(after.x, rel=1e-4, abs=1e-4)
        size = float(np.abs(after.x).max())
        s = exact(sde)(torch.from_numpy(before.x), after.t if after.epsilon else before.t).numpy()
        if after.part in ("correct", "langevin"):
            scale = after.alpha / before.alpha
            assert drift == pytest.approx((scale - 1) * before.x, rel=1e-4, abs=1e-6)
            s = exact(sde)(torch.from_numpy(scale * before.x), after.t).numpy()
            assert score == pytest.approx(after.epsilon * s, rel=1e-3, abs=float(1e-5 * size))
            assert left.std() == pytest.approx(math.sqrt(2 * after.epsilon), rel=0.15)
        elif method.nfe_per_step == 1 and not method.memory:
            assert (score * s).sum() > 0.9999 * math.sqrt((score**2).sum() * (s**2).sum())
        if after.part == "predict" and not simulation.process.eta:
            assert np.abs(left).max() < 1e-4 * max(size, 1)
        elif after.part == "predict" and simulation.process.eta and method.name not in ("ancestral", "ddim"):
            times = grids.uniform(40, sde)
            z = simulation.path(times).increment(times, after.step - 1)
            if method.draws == 1 and left.std() > 1e-4 * size:  # churn has no room at first
                assert np.corrcoef(left.ravel(), z.numpy().ravel())[0, 1] > 0.999
            walk = method.begin(Reverse(sde, exact(sde)), times)
            own = walk.terms(torch.from_numpy(before.x), before.t, after.t, z).noise.numpy()
            assert left == pytest.approx(own, abs=2e-5 * size, rel=1e-3)
    assert simulation.process.evaluations == evaluations


def test_a_forward_step_has_no_score_and_the_start_no_terms(sde):
    simulation = run(sde, mode="forward", steps=3, particles=4)
    frames = list(simulation.frames())
    assert step_terms(simulation, frames[0], frames[0]) is None
    terms = step_terms(simulation, *frames[:2])
    assert not terms.score.any() and terms.noise.any()
    assert (
        step_terms(simulation, *[replace(f, x=f.x[:n]) for f, n in zip(frames, (2, 3), strict=False)]) is None
    )
