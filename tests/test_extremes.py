"""Every number of every process, method, corrector, control and of the sampler, at its least and at its most.

With the exact score a run is finite and near what it should be, or something is said: a refusal, advice, or a note.
"""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from explorer.base.errors import Told
from explorer.base.params import params
from explorer.data import metrics
from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS, Reverse, Sampler
from explorer.diffusion.samplers.process import LARGEST
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import Simulation, simulate
from explorer.experiment.codec import edited
from explorer.experiment.diagnostics import advice
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.guidance import CONTROLS

#: Particles and steps: enough for every method on the eight Gaussians.
N, STEPS = 200, 110
BASE = replace(
    edited(Experiment(), "score.source", "exact"), sampler=Sampler(particles=N, steps=STEPS),
    data=DISTRIBUTIONS["eight_gaussians"](),
)  # fmt: skip
ODE = {"sampler.mode": "ode"}
PC = {"sampler.mode": "pc"}
#: One way to sample for each kind of arithmetic.
WAYS = [
    {"sampler.predictor": "ancestral"}, {"sampler.predictor": "edm_churn"}, ODE | {"sampler.solver": "heun"},
    {"sampler.predictor": "sde_dpm_solver_pp_2m"}, ODE | {"sampler.solver": "dpm_solver_pp_2m"}, PC,
    {"sampler.mode": "forward"},
]  # fmt: skip
#: What costs more than a test may, and is counted in steps or particles, not in what a run does.
COUNTS = ("steps", "particles", "langevin_steps", "level_steps", "levels", "corrector_steps")


def ends(cls):
    """(field, value) for every bounded number of a class at both ends, and every choice."""
    for p in params(cls):
        if p.choices:
            yield from ((p.name, v) for v in p.choices)
        elif p.name not in COUNTS:
            yield from ((p.name, v) for v in (p.minimum, p.maximum) if v is not None)


def of_sdes():
    for name, cls in SDES.items():
        for field, value in ends(cls):
            yield from ({"sde": name, f"sde.{field}": value} | way for way in WAYS)


def of_methods():
    kinds = (("predictor", PREDICTORS, {}), ("solver", SOLVERS, ODE), ("corrector", CORRECTORS, PC))
    for kind, registry, mode in kinds:
        for name, cls in registry.items():
            if name != "none":
                yield mode | {f"sampler.{kind}": name}
            yield from (mode | {f"sampler.{kind}": name, f"sampler.{kind}.{f}": v} for f, v in ends(cls))


def of_the_sampler():
    shown = {p.name: p.visible for p in params(Sampler)}
    for field, value in ends(Sampler):
        for mode in ("reverse", "pc", "ode", "langevin", "annealed"):
            if field != "mode" and (shown[field] is None or shown[field](replace(BASE.sampler, mode=mode))):
                yield {"sampler.mode": mode, f"sampler.{field}": value}


def of_controls():
    for name, cls in CONTROLS.items():
        if not cls.for_pictures or name == "none":
            yield {"control": name}
            yield from ({"control": name, f"control.{f}": v} for f, v in ends(cls))


def cases():
    return [*of_sdes(), *of_methods(), *of_the_sampler(), *of_controls()]


def words_of(case):
    return " ".join(f"{k.removeprefix('sampler.')}={v}" for k, v in case.items())


@cache
def level_of(mixture):
    return metrics.reference(mixture).floor("sliced_wasserstein", N)


def wanted(e) -> Mixture:
    """The law that the end of a run has: that of the data, or p_t where the mode ends at another t."""
    s, sde = e.sampler, e.sde
    t = {"forward": sde.T, "langevin": s.langevin_time}.get(s.mode)
    return e.target if t is None else e.target.diffused(*sde.marginal(t))


def near(x, law):
    """Within what chance does to N samples, and 0.12 of the law's width."""
    level = level_of(law)
    return metrics.reference(law).sliced_wasserstein(x) < level.mean + 2 * level.std + 0.12 * law.std


@pytest.mark.parametrize("case", cases(), ids=words_of)
def test_at_its_ends_every_number_gives_right_samples_or_a_word(case):
    right_or_told(case)


def right_or_told(case):
    e = BASE
    try:
        for path, value in sorted(case.items(), key=lambda item: item[0].count(".")):
            e = edited(e, path, value)
    except Told:
        return  # a refusal that says why
    frames = list(simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed))
    said = [*advice(e), *(f.note for f in frames if f.note)]
    assert all(np.isfinite(f.x).all() for f in frames)
    mild = e.sampler.mode in ("langevin", "annealed")  # which mix slowly: docs/langevin.md
    assert said or mild or near(frames[-1].x, wanted(e))


def corners():
    """Every process at every corner of its parameters together, and where the two of a pair almost meet."""
    for name, cls in SDES.items():
        bounded = [p for p in params(cls) if p.minimum is not None]
        for values in product(*((p.minimum, p.maximum) for p in bounded)):
            yield {"type": name} | {p.name: v for p, v in zip(bounded, values, strict=True)}
    for name in ("vp", "subvp"):
        yield from ({"type": name, "beta_min": low, "beta_max": low + 0.001} for low in (0.01, 50.0, 99.0))
        yield from ({"type": name, "beta_min": low, "beta_max": 100.0} for low in (20.0, 50.0))
    yield from ({"type": "ve", "sigma_min": low, "sigma_max": 1.001 * low} for low in (0.1, 1.0))


SOME = [*WAYS, {"sampler.predictor": "reverse_diffusion"}, ODE | {"sampler.solver": "dpm_solver_2"}]


@pytest.mark.parametrize("way", SOME, ids=words_of)
@pytest.mark.parametrize("sde", [*corners()], ids=words_of)
def test_at_its_corners_too(sde, way):
    right_or_told({"sde": sde} | way)


MORE_NOISE = [
    {"type": "vp", "beta_max": 100.0}, {"type": "subvp", "beta_max": 100.0}, {"type": "ve", "sigma_max": 1e3},
]  # fmt: skip


@pytest.mark.parametrize(
    "way", [{"sampler.predictor": "reverse_diffusion"}, ODE | {"sampler.solver": "heun"}], ids=words_of
)
@pytest.mark.parametrize("scale", [0.4, 5.0, 100.0])
@pytest.mark.parametrize("mean", [(0, 0), (3, 3), (-10, 5), (300, 300)], ids=str)
@pytest.mark.parametrize("sde", [*SDES, *MORE_NOISE], ids=str)
def test_shifted_and_scaled_data_is_sampled_or_told(sde, mean, scale, way):
    right_or_told(
        {"data": {"type": "gaussian_mixture", "means": [list(mean)], "scales": scale}, "sde": sde} | way
    )


@pytest.mark.parametrize("steps", [110, 60])
@pytest.mark.parametrize(
    "way", [{"sampler.predictor": "ancestral"}, ODE | {"sampler.solver": "heun"}], ids=words_of
)
@pytest.mark.parametrize("betas", [(99.0, 100.0), (50.0, 100.0)])
def test_steps_that_jump_over_the_details_are_told_and_the_cure_that_is_named_is_one(betas, way, steps):
    e = edited(BASE, "sde", {"type": "subvp", "beta_min": betas[0], "beta_max": betas[1]})
    for path, value in {"sampler.steps": steps, **way}.items():
        e = edited(e, path, value)
    cured = edited(e, "sampler.grid", "log_snr")
    told = any("log-SNR grid" in text for text in advice(e))
    ends = []
    for each in (e, cured):
        *_, last = simulate(each.sde, each.sampler, resolve(each).score, each.target, each.seed)
        ends.append(near(last.x, each.target))
    assert (told or ends[0]) and ends[1] and not any("factor" in text for text in advice(cured))


@pytest.mark.parametrize("sde", ["vp", "subvp"])
@pytest.mark.parametrize("beta_max", [280.0, 356.0, 400.0])
@pytest.mark.parametrize("way", [
    {"sampler.predictor": "edm_churn"}, {"sampler.predictor": "sde_dpm_solver_pp_2m"}, {"sampler.predictor": "ddim"},
    ODE | {"sampler.solver": "dpm_solver_pp_2m"}, ODE | {"sampler.solver": "dpm_solver_2"},
], ids=words_of)  # fmt: skip
def test_signals_below_single_precision_are_brought_back(way, beta_max, sde):
    """1/alpha of up to 1e43, by every method that divides by it, without a word but that on the discretization."""
    e = edited(edited(edited(BASE, "sde", sde), "sde.beta_max", beta_max), "sampler.steps", 200)
    for path, value in way.items():
        e = edited(e, path, value)
    *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.target, e.seed)
    assert not last.note and near(last.x, e.target)
    assert not [text for text in advice(e) if "come out at" not in text]


@pytest.mark.parametrize("sde", SDES)
def test_the_unit_of_x_over_alpha_changes_no_bit_of_what_was_right(sde):
    """It is 1 for the usual schedules, and else a power of two, by which single precision scales exactly."""
    assert Reverse(SDES[sde](), lambda x, t: x).unit == 1
    if sde in ("vp", "subvp"):
        for beta_max in (250.0, 300.0, 400.0):
            process = Reverse(SDES[sde](beta_max=beta_max), lambda x, t: x)
            power = np.log2(process.unit)
            assert power == round(power) and process.unit / process.sde.marginal(1.0)[0] <= LARGEST
            assert (process.unit == 1) == (1 / process.sde.marginal(1.0)[0] <= LARGEST)


# --- a run that diverges says why -----------------------------------------------------------------------------------


CAUSES = {
    "nothing can hold it: no number": (lambda x, t: x * np.nan, {}, "not a number"),
    "it points outwards": (lambda x, t: 50 * x, {}, "points away"),
    "it is too strong": (lambda x, t: -1e6 * x, {}, "times as strong"),
    "snr": (None, {"mode": "pc", "corrector": CORRECTORS["ald"](), "snr": 2.5, "corrector_steps": 9}, "snr"),
    "a Langevin step": (None, {"mode": "langevin", "langevin_step": 5.0}, "ε = 5 is too large"),
    "an annealed step": (None, {"mode": "annealed", "annealed_step": 20.0}, "ε/σ_L² = 20"),
    "too few steps": (None, {"predictor": PREDICTORS["euler_maruyama"](), "steps": 40}, "more steps would hold it"),
    "what alpha grows": (None, {"mode": "ode", "solver": SOLVERS["ddim"](), "steps": 2}, "digits"),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_a_run_that_diverges_names_its_cause(name):
    score, settings, words = CAUSES[name]
    sde = SDES["vp"](beta_max=400.0) if name in ("too few steps", "what alpha grows") else SDES["vp"]()
    law = BASE.data.mixture
    sampler = Sampler(**(dict(particles=20, steps=30) | settings))
    frames = list(Simulation(sde, sampler, score or ExactScore(law, sde), law).frames())
    notes = [f.note for f in frames if f.note]
    assert notes and notes[0].startswith("Diverged") and words in notes[0]
    assert len(set(notes)) == 1  # the first cause is the cause
