"""The mistakes: each changes the result as the theory says it must, measured on a Gaussian; none changes nothing."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.diffusion import grids
from explorer.diffusion.parameterization import KINDS
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.samplers.mistakes import MISTAKES, Setup
from explorer.diffusion.samplers.mistakes.base import Misled
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import Simulation, simulate, step_terms
from explorer.experiment.diagnostics import advice
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.figures.theme import DARK
from explorer.labs import LABS, Context
from explorer.networks.learned import LearnedScore
from explorer.networks.preconditioned import Denoiser
from explorer.networks.spec import NetworkSpec, Training
from explorer.session import document
from explorer.session.document import Document
from explorer.session.scenes import scene
from explorer.training import train
from explorer.training.objectives import OBJECTIVES
from explorer.ui.painting import words
from explorer.ui.widgets.equation import coloured, typeset

MADE = [name for name in MISTAKES if name != "none"]
FINE = dict(mode="ode", solver=SOLVERS["rk4"](), steps=100, particles=2)


def gaussian(std):
    return Mixture.of_points(np.zeros((1, 2)), std)


def ends(mistake, sde, std=1.0, seed=0, **settings):
    """(start, end) of a run with the exact score of N(0, std² I)."""
    mixture = gaussian(std)
    sampler = Sampler(**settings, mistake=mistake)
    first, *_, last = simulate(sde, sampler, ExactScore(mixture, sde), mixture, seed)
    return first.x.astype(float), last.x.astype(float)


def factor(mistake, sde, std=1.0, **settings):
    """By how much the ODE scales a particle: the map is linear on a Gaussian."""
    first, last = ends(mistake, sde, std, **(FINE | settings))
    ratio = last / first
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=2e-2)
    return float(ratio.mean())


def integral(rate, low, high, n=4000):
    """∫ rate dt by the midpoint rule in log t."""
    edges = np.geomspace(low, high, n + 1)
    return sum(rate(math.sqrt(a * b)) * (b - a) for a, b in pairwise(edges))


def law(sde, std, t):
    """The variance of p_t."""
    alpha, sigma = sde.marginal(t)
    return (alpha * std) ** 2 + sigma**2


# --- none -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_without_a_mistake_everything_is_the_very_same(mode):
    """The objects of the run are those that were given, and no step is led through anything."""
    sde, mixture = SDES["vp"](), gaussian(1.0)
    sampler, score = Sampler(mode=mode), ExactScore(mixture, sde)
    run = Simulation(sde, sampler, score, mixture)
    assert run.sde is sde and run.score is score and run.sampler is sampler
    assert run.process.eta == sampler.effective_eta and run.process.score_function is score
    assert not isinstance(run.setup.begin(run.process, [1.0, 0.5]), Misled)


# --- each of them, against closed forms -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "std"), [("ve", 0.7), ("vp", 1.0), ("vp", 0.5), ("subvp", 0.8), ("exponential", 1.0)]
)
def test_without_noise_and_with_the_whole_score_the_cloud_falls_in(name, std):
    """The right factor is sqrt(v_eps/v_T); with twice the pull, that squared times what f expands."""
    sde = SDES[name]()
    alpha = [sde.marginal(t)[0] for t in (sde.eps, 1.0)]
    right = math.sqrt(law(sde, std, sde.eps) / law(sde, std, 1.0))
    assert factor(MISTAKES["none"](), sde, std, grid="log_snr") == pytest.approx(right, rel=1e-3)
    got = factor(MISTAKES["noise_dropped"](), sde, std, grid="log_snr")
    kept = alpha[1] / alpha[0]
    assert got * kept == pytest.approx((right * kept) ** 2, rel=2e-2)  # of x/α: the square, as its words say


def test_dropping_the_noise_of_a_predictor_is_its_mean():
    sde, mixture = SDES["vp"](), gaussian(1.0)
    method, mistake = PREDICTORS["euler_maruyama"](), MISTAKES["noise_dropped"]()
    run = Simulation(
        sde, Sampler(predictor=method, steps=5, mistake=mistake), ExactScore(mixture, sde), mixture
    )
    frames = list(run.frames())
    right = replace(run, sampler=Sampler(predictor=method, steps=5))
    for before, after in pairwise(frames):
        x = torch.from_numpy(before.x)
        mean = method.step(right.process, x, before.t, after.t, torch.zeros_like(x)).mean
        torch.testing.assert_close(torch.from_numpy(after.x), mean)
        assert step_terms(run, before, after).noise.abs().max() < 1e-5


def linear(sde, rate):
    """exp of minus the integral of x's growth rate backwards in time."""
    return math.exp(integral(rate, sde.eps, 1.0))


@pytest.mark.parametrize("std", [0.6, 1.0])
def test_sub_vp_without_its_one_minus_blows_up(std):
    sde = SDES["subvp"]()

    def wrong(t):
        g2 = sde.beta(t) * math.exp(-2 * sde.integral(t))
        return 0.5 * sde.beta(t) - 0.5 * g2 / law(sde, std, t)

    got = factor(MISTAKES["subvp_diffusion"](), sde, std, grid="quadratic")
    assert got == pytest.approx(linear(sde, wrong), rel=2e-2)
    assert got > 20 * factor(MISTAKES["none"](), sde, std)


@pytest.mark.parametrize(("mistake", "share"), [("sigma_target", None), ("score_sign", -1.0)])
@pytest.mark.parametrize("name", ["vp", "subvp"])
def test_a_score_of_the_wrong_size_or_sign(name, mistake, share):
    sde, std = SDES[name](), 0.8

    def rate(t):
        pull = (sde.marginal(t)[1] if share is None else share) * sde.diffusion(t) ** 2 / law(sde, std, t)
        return -sde.decay(t) - 0.5 * pull

    got = factor(MISTAKES[mistake](), sde, std, grid="quadratic")
    assert got == pytest.approx(linear(sde, rate), rel=2e-2)
    assert got > 1.1 * factor(MISTAKES["none"](), sde, std)


@pytest.mark.parametrize("name", ["ve", "vp"])
def test_the_wrong_sign_of_time_undoes_each_step(name):
    """A small step goes as far the other way: the factor is one over the right one."""
    sde, std = SDES[name](), 1.3
    settings = dict(solver=SOLVERS["euler"](), steps=500, grid="log_snr")
    right, wrong = (factor(MISTAKES[m](), sde, std, **settings) for m in ("none", "time_sign"))
    assert wrong == pytest.approx(1 / right, rel=0.1)
    assert abs(math.log(right)) > 0.2


def test_the_wrong_sign_of_time_turns_the_terms_about():
    sde, mixture = SDES["vp"](), gaussian(0.5)
    runs = {}
    for name in ("none", "time_sign"):
        sampler = Sampler(predictor=PREDICTORS["euler_maruyama"](), steps=9, mistake=MISTAKES[name]())
        run = Simulation(sde, sampler, ExactScore(mixture, sde), mixture)
        runs[name] = step_terms(run, *list(run.frames())[:2])
    right, wrong = runs["none"], runs["time_sign"]
    torch.testing.assert_close(wrong.drift, -right.drift)
    torch.testing.assert_close(wrong.score, -right.score)
    torch.testing.assert_close(wrong.noise, right.noise, atol=1e-5, rtol=1e-5)


def test_one_data_point_for_the_run_is_where_a_particle_ends():
    """The bridge to x_0: what comes out are the data points themselves."""
    sde, mixture = SDES["vp"](), DISTRIBUTIONS["checkerboard"]().mixture
    mistake = MISTAKES["conditional_score"](redraw="run")
    sampler = Sampler(steps=500, particles=200, grid="log_snr", mistake=mistake)
    run = Simulation(sde, sampler, ExactScore(mixture, sde), mixture)
    *_, last = run.frames()
    alpha, sigma = sde.marginal(0.5)
    far = torch.zeros(200, 2)
    told = (run.score(far, 0.5) * sigma**2 / alpha).numpy()
    assert np.abs(last.x - told).max() < 0.1


@pytest.mark.parametrize("std", [0.5, 2.0])
def test_a_new_data_point_each_step_is_a_recursion(std):
    """V <- (a - b/sigma²)² V + (b alpha/sigma²)² std² + c², from the step's own a, b, c."""
    sde, method = SDES["vp"](), PREDICTORS["euler_maruyama"]()
    settings = dict(predictor=method, steps=60, denoise=False, particles=20_000)
    _, last = ends(MISTAKES["conditional_score"](), sde, std, **settings)
    run = Simulation(sde, Sampler(**settings), ExactScore(gaussian(std), sde), gaussian(std))
    times, variance = grids.times("uniform", 60, sde), 1.0
    for t, t_next in pairwise(times):
        a, b, c = method.coefficients(run.process, t, t_next)
        alpha, sigma = sde.marginal(t)
        variance = (a - b / sigma**2) ** 2 * variance + (b * alpha / sigma**2 * std) ** 2 + c**2
    assert last.var() == pytest.approx(variance, rel=0.05)
    assert abs(variance / std**2 - 1) > 0.2


@pytest.mark.parametrize("name", SDES)
def test_a_short_time_keeps_the_wrong_start(name):
    """The ODE maps N(0, prior²) at T to prior² v_eps/v_T, where v_eps would be right."""
    sde, std = SDES[name](), 0.4
    first, last = ends(MISTAKES["short_time"](end=0.4), sde, std, **(FINE | dict(grid="log_snr")))
    _, sigma = sde.marginal(0.4)
    expected = math.sqrt(law(sde, std, sde.eps) / law(sde, std, 0.4))
    np.testing.assert_allclose(last / first, expected, rtol=5e-3)
    z, _ = ends(MISTAKES["none"](), sde, std, **FINE)
    np.testing.assert_allclose(
        first / z, (sigma if name in ("ve", "exponential") else 1.0) / sde.prior_std, rtol=1e-5
    )


@pytest.mark.parametrize("name", SDES)
@pytest.mark.parametrize("mode", ["ode", "forward"])
def test_a_large_eps_leaves_its_noise(name, mode):
    sde, std = SDES[name](), 0.3
    if mode == "ode":
        got = factor(MISTAKES["large_eps"](end=0.3), sde, std, grid="log_snr")
        assert got == pytest.approx(math.sqrt(law(sde, std, 0.3) / law(sde, std, 1.0)), rel=5e-3)
        return
    sampler, mixture = Sampler(mode=mode, steps=4, mistake=MISTAKES["large_eps"](end=0.3)), gaussian(std)
    times = [f.t for f in simulate(sde, sampler, ExactScore(mixture, sde), mixture)]
    assert times[0] == 0 and min(times[1:]) > 0.3  # the first step goes past eps


@pytest.mark.parametrize("corrector", ["ald", "langevin"])
def test_snr_one(corrector):
    """On N(0, v): annealed Langevin adds 4v a move for ever, the rule with norms swings about 2v.

    Its ε is 2v²/V at variance V, so V <- (1 - 2v/V)² V + 4v²/V, whose slope at 2v is -1.
    """
    sde, std, moves = SDES["ve"](sigma_min=0.099, sigma_max=0.1), 0.0001, 20
    settings = dict(
        mode="pc", predictor=PREDICTORS["none"](), corrector=CORRECTORS[corrector](), steps=moves, corrector_steps=1,
        denoise=False, particles=5000,
    )  # fmt: skip
    _, last = ends(MISTAKES["snr_one"](), sde, std, **settings)
    v = sde.marginal(sde.eps)[1] ** 2
    variance = 1.0
    for _ in range(moves):
        variance = variance + 4 if corrector == "ald" else (1 - 2 / variance) ** 2 * variance + 4 / variance
    expected = variance * v
    assert last.var() == pytest.approx(expected, rel=0.1)
    _, right = ends(MISTAKES["none"](), sde, std, **settings)
    assert right.var() == pytest.approx(
        v / (1 - 0.16**2) if corrector == "ald" else v * (1 + 0.16**2), rel=0.1
    )


# --- what is said, and where nothing happens ----------------------------------------------------------------------


def samplers(few):
    """Every mode, with every predictor and solver."""
    for mode in MODES:
        if mode in ("reverse", "pc"):
            yield from (Sampler(mode=mode, predictor=cls(), **few) for cls in PREDICTORS.values())
        elif mode == "ode":
            yield from (Sampler(mode=mode, solver=cls(), **few) for cls in SOLVERS.values())
        else:
            yield Sampler(mode=mode, **few)
    yield Sampler(mode="reverse", eta=0.0, **few)
    yield Sampler(mode="pc", **(few | {"corrector_steps": 0}))


@pytest.mark.parametrize(("name", "sde"), [*((name, "subvp") for name in MADE), ("subvp_diffusion", "vp")])
def test_it_changes_the_run_or_says_why_not(name, sde):
    few = dict(steps=4, particles=8, corrector_steps=1, langevin_steps=3, levels=2, level_steps=1)
    process, mixture, mistake = SDES[sde](), DISTRIBUTIONS["eight_gaussians"]().mixture, MISTAKES[name]()
    score, changed = ExactScore(mixture, process), 0
    for sampler in samplers(few):
        right, wrong = (
            list(simulate(process, replace(sampler, mistake=m), score, mixture, 1))[-1].x
            for m in (MISTAKES["none"](), mistake)
        )
        same = np.array_equal(right, wrong)
        said = mistake.idle(sampler, process)
        assert same == bool(said), (sampler.mode, sampler.method.name, said)
        assert np.isfinite(wrong).all()
        changed += not same
    assert changed or (name == "subvp_diffusion" and sde == "vp")


@pytest.mark.parametrize("name", MISTAKES)
def test_each_says_what_is_right_and_what_is_wrong(name):
    cls = MISTAKES[name]
    e = replace(Experiment(), sampler=Sampler(mode="pc", mistake=cls()), sde=SDES["subvp"]())
    said = [text for text in advice(e) if "on purpose" in text]
    if name == "none":
        assert not said
        return
    assert (
        cls.seen
        and cls.why
        and cls.right
        and cls.wrong
        and cls.right != cls.wrong
        and cls.source
        and cls.about
    )
    assert len(said) == 1 and cls.title in said[0] and said[0] == advice(e)[0]


@pytest.mark.parametrize("name", MISTAKES)
def test_files_keep_it(name):
    e = Experiment()
    beside = replace(e, sampler=replace(e.sampler, mistake=MISTAKES[name]()))
    found, _ = document.loads(document.dumps(Document(e, beside)))
    assert found.compare.sampler.mistake == MISTAKES[name]() and found.experiment == e


def test_a_file_without_one_is_right_and_one_with_another_is_refused():
    assert document.loads('{"sampler": {}}')[0].experiment.sampler.mistake == MISTAKES["none"]()
    with pytest.raises(ExperimentError, match="mistake"):
        document.loads('{"sampler": {"mistake": "typo"}}')


def test_the_step_of_a_setup_without_a_mistake_is_the_methods_own():
    sde, sampler = SDES["vp"](), Sampler()
    setup = Setup(sde, ExactScore(gaussian(1.0), sde), sampler, gaussian(1.0), 0, 1.0)
    assert MISTAKES["none"]().broken(setup) is setup


# --- in the window ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_each_has_a_scene_in_which_it_shows(name):
    made = scene(f"mistake_{name}")
    right, wrong = made.document.experiment, made.document.compare
    assert made.heading == "Break it" and not right.sampler.mistake.made
    assert replace(wrong, sampler=replace(wrong.sampler, mistake=MISTAKES["none"]())) == right
    assert (
        wrong.sampler.mistake == MISTAKES[name]()
        and wrong.sampler.mistake.idle(wrong.sampler, wrong.sde) == ""
    )


@pytest.mark.parametrize("name", MADE)
def test_the_laboratory_puts_right_and_wrong_side_by_side(name):
    document = scene(f"mistake_{name}").document
    e = replace(document.experiment, sampler=replace(document.experiment.sampler, steps=20))
    lab = replace(LABS["mistakes"].quick(), mistake=MISTAKES[name]())
    assert lab.refusal(e) == ""
    *_, last = lab.reports(Context(e, resolve(e)))
    right, wrong, plot, table = last.figures
    assert (right.latex, wrong.latex) == (MISTAKES[name].right, MISTAKES[name].wrong)
    assert not np.array_equal(last.arrays["right"], last.arrays["wrong"])
    assert [row[0] for row in table.rows] == ["right", "wrong", "points of the data (floor)"] and len(
        plot.series
    ) == 3
    assert last.progress == 1 and f"{table.rows[1][1]:.3g}" in last.words


def test_the_laboratory_says_why_it_has_nothing_to_show():
    e = scene("mistake_snr_one").document.experiment
    lab = LABS["mistakes"](mistake=MISTAKES["subvp_diffusion"]())
    assert "sub-VP" in lab.refusal(e)
    assert "choose a mistake" in LABS["mistakes"](mistake=MISTAKES["none"]()).refusal(e)


@pytest.mark.parametrize("name", MISTAKES)
def test_the_caption_and_the_step_are_marked(name):
    e = (
        scene("mistake_snr_one").document.experiment
        if name == "none"
        else scene(f"mistake_{name}").document.compare
    )
    *_, frame = simulate(e.sde, replace(e.sampler, steps=2), resolve(e).score, e.data.mixture)
    cls = MISTAKES[name]
    assert (cls.title in words.subtitle(e)) == (name != "none")
    assert (cls.wrong in words.equation_of(e, frame)) and ("✗" in words.equation_of(e, frame)) == (
        name != "none"
    )


def test_the_equations_can_be_typeset():
    for name in MADE:
        for latex in (MISTAKES[name].right, MISTAKES[name].wrong):
            assert typeset(coloured(latex, DARK), DARK.text, 16.0)
    for kind in KINDS.values():
        assert typeset(coloured(kind.equation, DARK), DARK.text, 16.0)


def test_what_the_wrong_target_teaches_is_sigma_times_the_score():
    """The minimiser of E|s(x) + z|² is E[-z | x]: measured in bins, it is sigma times the exact score."""
    mixture, sde, t, n = DISTRIBUTIONS["two_modes_1d"]().mixture, SDES["vp"](), 0.1, 400_000
    alpha, sigma = sde.marginal(t)
    x0 = torch.from_numpy(mixture.sample(n, np.random.default_rng(0))[0])
    z = torch.randn(n, 1, generator=torch.Generator().manual_seed(0))
    x = alpha * x0 + sigma * z
    taught = (
        MISTAKES["sigma_target"]()
        .broken(Setup(sde, ExactScore(mixture, sde), Sampler(), mixture, 0, 1.0))
        .score(x, t)
    )
    edges = x.quantile(torch.linspace(0.01, 0.99, 30))
    which = torch.bucketize(x[:, 0], edges)
    for i in range(1, 30):
        inside = which == i
        assert float(taught[inside].mean()) == pytest.approx(float(-z[inside].mean()), abs=0.03)


class Slipped(OBJECTIVES["dsm_sigma2"]):
    """The loss with the slip in it: ∥s + z∥² where ∥s + z/sigma∥² belongs (times sigma², as all losses here)."""

    def target(self, batch):
        return -batch.sigma[..., None] * batch.z


def test_a_network_trained_with_the_wrong_target_learns_sigma_times_the_score():
    mixture, sde, spec = gaussian(0.7), SDES["vp"](), NetworkSpec(32, 2, output="noise")
    budget = Training(seconds=0, iterations=500, device="cpu", batch=512)
    *_, last = train(mixture, sde, Slipped(), spec, budget, 0)
    net = Denoiser(spec, 2, sde=sde).requires_grad_(False)
    net.load_state_dict(last.weights)
    for t in (0.15, 0.3):
        alpha, sigma = sde.marginal(t)
        x = math.sqrt(law(sde, 0.7, t)) * torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
        exact, learned = mixture.score(x, alpha, sigma), LearnedScore(net, sde)(x, t)
        assert float((learned - sigma * exact).norm() / exact.norm()) < 0.12
        assert float((learned * exact).sum() / exact.square().sum()) == pytest.approx(sigma, rel=0.15)


# --- words that are true in the mode and under the SDE where they stand ---------------------------------------------


def ring_run(name, sde, **settings):
    """Distances from the middle of the eight Gaussians' ring at the end, and the words for it."""
    data, mistake = DISTRIBUTIONS["eight_gaussians"](), MISTAKES[name]()
    sampler = Sampler(**(dict(particles=300, steps=150, mistake=mistake) | settings))
    *_, last = simulate(SDES[sde](), sampler, ExactScore(data.mixture, SDES[sde]()), data.mixture, 0)
    ring = np.linalg.norm(data.mixture.means, axis=1).mean()
    return np.linalg.norm(last.x, axis=1) / ring, mistake.seen_in(sampler, SDES[sde]())


ODE = dict(mode="ode", solver=SOLVERS["heun"]())


@pytest.mark.parametrize(("sde", "settings", "collapses"), [
    ("ve", ODE, True), ("exponential", ODE, True), ("vp", ODE, False), ("subvp", ODE, False),
    ("ve", dict(mode="reverse"), False), ("vp", dict(mode="reverse"), False),
])  # fmt: skip
def test_sigma_in_the_target_draws_together_only_where_it_is_said(sde, settings, collapses):
    far, said = ring_run("sigma_target", sde, **settings)
    assert (np.median(far) < 0.3) == collapses == ("draws the cloud together" in said)
    assert collapses == ("blurred" not in said)


@pytest.mark.parametrize(("sde", "settings", "middle"), [
    ("vp", ODE, True), ("subvp", ODE, True), ("vp", dict(mode="reverse", eta=0.0), True),
    ("ve", ODE, False), ("exponential", ODE, False), ("vp", dict(mode="reverse"), False),
])  # fmt: skip
def test_a_wrong_sign_of_time_leaves_gaps_or_leaves_altogether_as_it_is_said(sde, settings, middle):
    far, said = ring_run("time_sign", sde, **settings)
    assert ((far < 0.4).mean() > 0.4) == middle == ("gaps between" in said)
    assert middle or np.median(far) > 2


def test_advice_and_laboratory_say_what_is_so_in_this_mode():
    e = replace(Experiment(), sde=SDES["ve"](), sampler=Sampler(**ODE, mistake=MISTAKES["sigma_target"]()))
    said = e.sampler.mistake.seen_in(e.sampler, e.sde)
    assert said != e.sampler.mistake.seen and any(said in text for text in advice(e))
    lab = replace(LABS["mistakes"].quick(), mistake=e.sampler.mistake)
    *_, report = lab.reports(Context(replace(e, sampler=replace(e.sampler, steps=6)), resolve(e)))
    assert report.words.startswith(said)
