"""Langevin dynamics: step conventions, temperature, the Metropolis test; and the laboratories about them."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.analysis.equilibrium import measure, recursion, stationary
from explorer.base.params import params
from explorer.cli import main as command_line
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion import noise
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import Simulation, simulate, step_terms
from explorer.experiment.codec import edited
from explorer.experiment.diagnostics import advice
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.views import Scene
from explorer.figures.views.base import VIEWS
from explorer.labs import LABS, Context
from explorer.labs.annealing import ladder
from explorer.labs.snr import RULES
from explorer.ui.painting import words

VP = SDES["vp"]()
GAUSSIAN = Mixture.of_points(np.array([[0.5, -0.5]]), 0.7)
LINE = Mixture.of_points(np.array([[-0.9], [0.2], [1.0]]), 0.2, weights=np.array([0.5, 0.2, 0.3]))
TIME = 0.1


def variance(mixture=GAUSSIAN, t=TIME):
    """Of the (one) Gaussian at time t."""
    alpha, sigma = VP.marginal(t)
    return (alpha * mixture.scales[0, 0]) ** 2 + sigma**2


def run(mixture=GAUSSIAN, seed=0, score=None, start=None, **settings):
    settings = dict(mode="langevin", langevin_time=TIME, particles=500) | settings
    return Simulation(VP, Sampler(**settings), score or ExactScore(mixture, VP), mixture, seed, start=start)


def late(simulation, after):
    return np.stack([f.x for f in simulation.frames() if f.step >= after])


# --- conventions and temperature -------------------------------------------------------------------------


@pytest.mark.parametrize("convention", ["whole", "half"])
@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_the_stationary_variance_of_a_finite_step(convention, temperature):
    """On N(m, v) the moves settle in N(m, T v/(1 - ε/(2v))), ε being what multiplies the score."""
    v = variance()
    epsilon = 0.5 * v
    x = late(
        run(
            convention=convention, temperature=temperature, langevin_steps=150,
            langevin_step=epsilon * (2 if convention == "half" else 1),
        ), 40,
    )  # fmt: skip
    mean = VP.marginal(TIME)[0] * GAUSSIAN.means[0]
    assert ((x - mean) ** 2).mean() == pytest.approx(temperature * v / 0.75, rel=0.02)


@pytest.mark.parametrize("metropolis", [False, True])
def test_the_conventions_are_one_move_with_two_names(metropolis):
    common = dict(langevin_steps=20, metropolis=metropolis, temperature=0.7)
    whole = list(run(convention="whole", langevin_step=0.01, **common).frames())
    half = list(run(convention="half", langevin_step=0.02, **common).frames())
    other = list(run(convention="half", langevin_step=0.01, **common).frames())
    assert all(np.array_equal(a.x, b.x) for a, b in zip(whole, half, strict=True))
    assert not np.array_equal(whole[-1].x, other[-1].x)
    assert {f.epsilon for f in half[1:]} == {0.01} and {f.epsilon for f in other[1:]} == {0.005}


def test_the_move_is_what_its_name_says():
    for convention, (a, b) in {"whole": (1.0, 2.0), "half": (0.5, 1.0)}.items():
        before, after, *_ = run(convention=convention, langevin_step=0.03, temperature=0.4).frames()
        z = noise.normal((500, 2), 0, noise.CORRECTOR, 1, 0).numpy()
        s = GAUSSIAN.score(torch.from_numpy(before.x), *VP.marginal(TIME)).numpy()
        want = before.x + a * 0.03 * s + math.sqrt(b * 0.03 * 0.4) * z
        assert after.x == pytest.approx(want, abs=1e-5)


def test_without_temperature_it_climbs():
    """T = 0: no noise, no test; all particles end on the top of the mode."""
    frames = list(run(temperature=0.0, metropolis=True, langevin_step=0.2, langevin_steps=200).frames())
    assert frames[-1].x == pytest.approx(
        np.broadcast_to(VP.marginal(TIME)[0] * GAUSSIAN.means, (500, 2)), abs=1e-4
    )
    assert frames[-1].accepted is None


# --- the Metropolis test ---------------------------------------------------------------------------------


def shares(temperature, edges, t=0.3):
    """The probability of p_t^(1/T) between edges, by quadrature."""
    x = torch.linspace(-6, 6, 120_001, dtype=torch.float64)
    log_p = LINE.log_density(x[:, None], *VP.marginal(t)).numpy() / temperature
    p = np.exp(log_p - log_p.max())
    cdf = np.concatenate([[0.0], np.cumsum(0.5 * (p[1:] + p[:-1]))])
    return np.diff(np.interp([-6, *edges, 6], x.numpy(), cdf / cdf[-1]))


@pytest.mark.parametrize(("metropolis", "temperature", "factor"), [
    (True, 1.0, 1.0), (True, 0.5, 1.0), (True, 2.0, 1.0), (True, 1.0, 0.6), (True, 1.0, 1.5), (False, 1.0, 1.0),
])  # fmt: skip
def test_the_law_is_exact_for_every_step_and_any_proposal(metropolis, temperature, factor):
    """Chi-square of 5000 independent chains against quadrature, with a step so large that without the test the
    same moves are far off; `factor` makes the score that proposes wrong, as a network's is."""
    edges = np.linspace(-1.5, 1.5, 13)
    exact = ExactScore(LINE, VP)
    simulation = run(
        LINE, score=lambda x, t: factor * exact(x, t), metropolis=metropolis, temperature=temperature,
        langevin_time=0.3, langevin_step=0.35, langevin_steps=120, particles=5000,
    )  # fmt: skip
    *_, frame = simulation.frames()
    counts = np.bincount(np.searchsorted(edges, frame.x[:, 0]), minlength=len(edges) + 1)
    p = stats.chisquare(counts, 5000 * shares(temperature, edges)).pvalue
    assert p > 0.005 if metropolis else p < 1e-10


def test_the_share_accepted_is_on_the_frames():
    """It tends to 1 with ε, and on N(0, v) it is that of the closed form."""
    shares_of = []
    for step in (0.02, 0.2, 0.9):
        frames = list(run(langevin_step=step, langevin_steps=60, metropolis=True).frames())
        moved = [(a.x != b.x).any(axis=1).mean() for a, b in itertools.pairwise(frames)]
        assert [f.accepted for f in frames[1:]] == pytest.approx(moved)
        assert frames[0].accepted is None and frames[-1].nfe == 61
        shares_of.append(np.mean([f.accepted for f in frames[20:]]))
    assert shares_of[0] > 0.98 and shares_of[0] > shares_of[1] > shares_of[2] > 0.2
    # log ratio of a move x -> x' on N(0, v): (ε/4v²)(|x|² - |x'|²), from the drift's second order
    v, rng = variance(), np.random.default_rng(0)
    x = math.sqrt(v) * rng.standard_normal((400_000, 2))
    y = (1 - 0.2 / v) * x + math.sqrt(0.4) * rng.standard_normal(x.shape)
    ratio = 0.2 / (4 * v**2) * ((x**2).sum(1) - (y**2).sum(1))
    assert shares_of[1] == pytest.approx(np.minimum(1, np.exp(ratio)).mean(), abs=0.01)


@pytest.mark.parametrize("metropolis", [False, True])
def test_the_same_seed_gives_the_same_bits_for_any_number_of_particles(metropolis):
    settings = dict(metropolis=metropolis, langevin_steps=15, langevin_step=0.1, temperature=0.8)
    one, again, few = (list(run(particles=n, **settings).frames()) for n in (64, 64, 32))
    assert all(np.array_equal(a.x, b.x) for a, b in zip(one, again, strict=True))
    assert all(a.x[:32] == pytest.approx(b.x, abs=1e-5) for a, b in zip(one, few, strict=True))
    other = list(run(particles=64, seed=1, **settings).frames())
    assert not np.array_equal(one[-1].x, other[-1].x)


def test_what_is_refused_has_no_terms():
    simulation = run(metropolis=True, langevin_step=0.6, langevin_steps=3)
    before, after, *_ = simulation.frames()
    drift, score, left = (part.numpy() for part in step_terms(simulation, before, after))
    still = (before.x == after.x).all(axis=1)
    assert 0 < still.sum() < len(still)
    assert not score[still].any() and not left[still].any() and not drift.any()
    assert score[~still].any(axis=1).all()
    assert before.x + score + left == pytest.approx(after.x, abs=1e-5)


def test_bad_numbers_are_refused():
    simulation = run(metropolis=True, score=lambda x, t: x * math.nan, langevin_steps=5)
    frames = list(simulation.frames())
    assert np.array_equal(frames[-1].x, frames[0].x) and frames[-1].accepted == 0


def test_it_starts_where_it_is_told():
    start = torch.full((500, 2), 3.0)
    first, *_ = run(start=start, langevin_steps=1).frames()
    assert np.array_equal(first.x, start.numpy())


# --- what is shown ---------------------------------------------------------------------------------------


def experiment(**sets):
    e = edited(Experiment(), "score.source", "exact")
    for name, value in sets.items():
        path = name.replace("__", ".")
        e = edited(e, path if path.split(".")[0] in ("data", "sde", "seed") else f"sampler.{path}", value)
    return e


@pytest.mark.parametrize("mode", ["langevin", "annealed"])
def test_controls_have_symbol_equation_and_help(mode):
    shown = {p.name: p for p in params(Sampler) if p.shown(Sampler(mode=mode))}
    wanted = {
        "langevin": {
            "langevin_step": "ε", "convention": "", "temperature": "T", "metropolis": "", "langevin_steps": "N",
            "langevin_time": "t",
        },
        "annealed": {"levels": "L", "level_steps": "T", "annealed_step": "ε"},
    }[mode]  # fmt: skip
    assert set(wanted) <= set(shown)
    for name, symbol in wanted.items():
        assert shown[name].symbol == symbol and shown[name].help and shown[name].equation
    assert not any(p.shown(Sampler(mode="reverse")) for p in params(Sampler) if p.name in wanted)


def test_the_equation_is_that_of_the_convention():
    frame = Frame(np.zeros((1, 2), np.float32), 0.1, 1.0, 0.1, 1, 1, 1, part="langevin", accepted=0.5)
    whole = words.equation_of(experiment(mode="langevin"), frame)
    half = words.equation_of(experiment(mode="langevin", convention="half", temperature=0.5), frame)
    annealed = words.equation_of(experiment(mode="annealed"), frame)
    assert r"\sqrt{2\epsilon" in whole and "frac" not in whole
    assert r"\frac{\epsilon}{2}" in half and r"\sqrt{\epsilon T}" in half
    assert r"\alpha_i" in annealed
    assert "50%" in words.part(experiment(mode="langevin"), frame).replace(" ", "")
    assert "T = 0.5" in words.subtitle(experiment(mode="langevin", temperature=0.5))


def test_the_field_on_the_stage_is_that_of_the_present_level():
    e = experiment(mode="annealed", levels=5, level_steps=2, particles=20, sde="ve")
    score = ExactScore(e.data.mixture, e.sde)
    seen = set()
    for frame in simulate(e.sde, e.sampler, score, e.data.mixture):
        if not frame.step or frame.t in seen:
            continue
        seen.add(frame.t)
        look = Look(field="learned", arrows=6, follow=False)
        scene = Scene(e, look, (frame,), score, (-3.0, 3.0, -3.0, 3.0))
        arrows, _ = VIEWS["vector_field"]().marks(scene)
        field = e.data.mixture.score(torch.from_numpy(arrows.xy), 1.0, frame.sigma).numpy()
        cosine = (arrows.uv * field).sum(1) / (
            np.linalg.norm(arrows.uv, axis=1) * np.linalg.norm(field, axis=1)
        )
        assert cosine.min() > 0.999
    assert len(seen) == 5


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_the_density_on_the_stage_is_that_of_the_temperature(data):
    frame = Frame(np.zeros((1, 2 if data == "eight_gaussians" else 1), np.float32), 0.05, 0.98, 0.2, 0, 1, 0)

    def shown(**sets):
        e = experiment(data=data, **sets)
        scene = Scene(e, Look(), (frame,), ExactScore(e.data.mixture, e.sde), (-3.0, 3.0, -3.0, 3.0))
        (image,) = VIEWS["density"]().marks(scene)
        return image.values

    plain = shown(mode="langevin")
    visible = plain > 1e-10
    assert shown(mode="langevin", temperature=2.0)[visible] == pytest.approx(
        np.sqrt(plain[visible]), rel=1e-3
    )
    assert np.array_equal(shown(mode="reverse", temperature=2.0), plain)
    assert np.array_equal(shown(mode="langevin", temperature=0.0), plain)


@pytest.mark.parametrize(("sets", "word"), [
    (dict(langevin_step=0.04), "unstable"), (dict(langevin_step=0.04, convention="half"), "too wide"),
    (dict(langevin_step=0.04, metropolis=True), "accepted"), (dict(langevin_step=0.01, metropolis=True), ""),
])  # fmt: skip
def test_advice_knows_the_convention_and_the_test(sets, word):
    data = {"type": "gaussian_mixture", "means": [[0, 0]], "scales": 0.1}
    texts = advice(experiment(mode="langevin", langevin_time=0.01, data=data, **sets))
    assert any(word in t for t in texts) if word else not texts


def test_the_shell_says_how_many_moves_were_accepted(capsys, tmp_path):
    file = tmp_path / "e.json"
    file.write_text(
        json.dumps({"score": {"source": "exact"}, "sampler": {"mode": "langevin", "particles": 50}})
    )
    summaries = []
    for on in ("true", "false"):
        sets = [f"--set=sampler.metropolis={on}", "--set=sampler.langevin_steps=5"]
        assert command_line(["run", str(file), *sets]) == 0
        summaries.append(json.loads(capsys.readouterr().out))
    assert 0.5 < summaries[0]["accepted"] <= 1 and "accepted" not in summaries[1]


# --- laboratories ----------------------------------------------------------------------------------------


def last_report(lab, t=0.5, **sets):
    e = experiment(**sets)
    assert not lab.refusal(e)
    *_, report = lab.reports(Context(e, resolve(e), t))
    assert report.progress == 1 and report.words
    return report


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("snr", [0.2, 0.6])
def test_both_correctors_settle_where_snr_says(sde, snr):
    arrays = last_report(LABS["snr"](snr=snr, moves=150, particles=1000), sde=sde).arrays
    for rule in RULES:
        measured = arrays[f"{rule}_measured"]
        assert measured[75:].mean() == pytest.approx(stationary(rule, snr, 2000), rel=0.03)
        assert arrays[f"{rule}_predicted"][-1] == pytest.approx(stationary(rule, snr), rel=1e-2)
        assert measured[:10] == pytest.approx(arrays[f"{rule}_predicted"][:10], rel=0.08)


@pytest.mark.parametrize(("n", "d", "snr"), [(20, 2, 0.16), (50, 1, 0.16), (10, 8, 0.16), (20, 2, 0.05)])
def test_few_particles_widen_the_snr_rule(n, d, snr):
    """1 + snr² + 4/(n d): chains of n particles by plain numpy, and by the corrector itself."""
    rng, own = np.random.default_rng(0), []
    x = rng.standard_normal((80, n, d))
    for i in range(1200):
        z = rng.standard_normal(x.shape)
        norms = [np.linalg.norm(v, axis=2).mean(axis=1) for v in (z, x)]
        e = 2 * (snr * norms[0] / norms[1])[:, None, None] ** 2
        x = (1 - e) * x + np.sqrt(2 * e) * z
        own += [np.square(x).mean(axis=(1, 2))] if i >= 300 else []
    chains = np.mean(own, axis=0)
    error = chains.std() / math.sqrt(80)
    excess = stationary("langevin", snr, n * d) - 1
    assert chains.mean() - 1 == pytest.approx(excess, abs=0.12 * excess + 3 * error)
    assert excess == pytest.approx(snr**2 + 4 / (n * d))


def test_the_corrector_itself_is_as_wide_as_its_law_for_few_particles():
    run = measure(SDES["vp"](), 0.5, "langevin", 0.3, 6000, (20, 2), 0)
    assert run.rest == pytest.approx(1 + 0.09 + 0.1)
    assert run.measured[500:].mean() == pytest.approx(run.rest, abs=0.06)


@pytest.mark.parametrize("snr", [0.4, 1.2])
def test_the_shortest_run_of_correctors_has_its_numbers(snr):
    report = last_report(LABS["snr"](snr=snr, moves=4, particles=50))
    assert all(math.isfinite(v) for row in report.figures[-1].rows for v in row[2:4])


def test_from_one_on_neither_rests():
    """The annealed rule grows by (1 - 2 snr²)² a move; the snr rule swings in the cycle of its recursion."""
    arrays = last_report(LABS["snr"](snr=1.2, particles=1000, dimension=8)).arrays
    ald = arrays["ald_measured"]
    assert ald[-1] > 1e11 and (ald[-1] / ald[5]) ** (1 / (len(ald) - 6)) == pytest.approx(
        (1 - 2 * 1.44) ** 2, rel=0.01
    )
    swings = arrays["langevin_measured"][-20:]
    assert swings.min() < 2.0 and swings.max() > 3.5
    assert stationary("ald", 1.0) == math.inf and stationary("langevin", 1.0) == 2
    assert recursion("ald", 1.0, 50) == pytest.approx(1 + 4 * np.arange(51))


def test_langevin_keeps_the_weights_of_its_start_and_the_others_find_the_true_ones():
    lab = LABS["mode_weights"](seeds=2, particles=1500, evaluations=320)
    arrays = last_report(lab, data="unequal_modes").arrays
    error = {
        name: np.abs(arrays[name][:, 0] - arrays["truth"][0]).mean() for name in arrays if name != "truth"
    }
    assert arrays["truth"] == pytest.approx([0.8, 0.2])
    assert arrays["langevin"] == pytest.approx(arrays["start"], abs=0.01)
    assert error["langevin"] > 0.15 and error["annealed"] < 0.07 and error["pc"] < 0.05


def test_mode_weights_are_refused_where_there_are_no_modes():
    lab = LABS["mode_weights"]()
    assert "no modes" in lab.refusal(experiment(data="heart")) and "no modes" in lab.refusal(
        experiment(data="line")
    )
    assert not lab.refusal(experiment(data="checkerboard"))
    sizes = {name: s.langevin_steps for name, s in lab.samplers(experiment()).items()}
    assert sizes["langevin"] == 500


@pytest.mark.parametrize("sde", SDES)
def test_levels_are_song_and_ermons(sde):
    e = experiment(sde=sde)
    levels = ladder(e, 10, 0.2)
    noises = np.array([level.noise for level in levels])
    assert noises[1:] / noises[:-1] == pytest.approx(noises[1] / noises[0], rel=1e-3)
    for level in levels:
        alpha, sigma = e.sde.marginal(level.t)
        # with y = x/alpha, whose noise is sigma/alpha: ε sigma_i²/sigma_L², ε = 0.2 sigma_L²
        assert level.step / alpha**2 == pytest.approx(0.2 * level.noise**2) and level.std >= sigma


def test_what_a_level_keeps_is_what_the_gaussian_says():
    one = {"type": "gaussian_mixture", "means": [[0, 0]], "scales": 1.0}
    lab = LABS["annealing"](levels=6, level_steps=5, particles=1000)
    *_, table = last_report(lab, data=one, sde="ve").figures
    rows = np.array(table.rows, float)
    kept, predicted, changed = rows[:, 4], rows[:, 5], rows[:, 6]
    assert kept == pytest.approx(predicted, abs=0.05)
    assert predicted[0] < 0.3 and predicted[-1] > 0.98 and changed == pytest.approx(0, abs=1e-6)


def test_large_noise_mixes_the_modes_and_small_noise_does_not():
    table = last_report(LABS["annealing"](particles=300), data="unequal_modes", t=0.02).figures[-1]
    changed = np.array(table.rows, float)[:, 6]
    assert changed[0] == pytest.approx(1 - 0.8**2 - 0.2**2, abs=0.02) and changed[-1] < 0.01


def test_the_field_follows_the_playhead():
    lab = LABS["annealing"].quick()
    titles = [last_report(lab, t).figures[0].title for t in (1.0, 0.001)]
    assert "level 1 of 4" in titles[0] and "level 4 of 4" in titles[1]
