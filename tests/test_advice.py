"""Advice: each rule speaks where its setting is bad, and only there; the picture agrees."""

import numpy as np
import pytest

from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.samplers.base import PREDICTORS, SOLVERS
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.diagnostics import advice, mode_width
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment


def with_(**sets):
    """The default experiment (exact score) with dotted fields set, __ for the dot; plain ones are the sampler's."""
    e = edited(Experiment(), "score.source", "exact")
    for name, value in sets.items():
        path = name.replace("__", ".")
        e = edited(
            e, path if path.split(".")[0] in ("data", "sde", "seed", "control") else f"sampler.{path}", value
        )
    return e


#: What a sentence of each rule has in it.
RULES = {
    "few": "too few", "prior": "a share α", "snr": "usual", "ald": "snr ≥ 1", "alone": "Without a predictor",
    "eta": "η", "unstable": "Langevin is unstable there", "wide": "stationary law", "annealed": "is 4 or more",
    "annealed wide": "too wide, by", "few particles": "few for the snr rule", "mean": "the mean of p_T",
    "loose": "tolerance above", "loud": "S_noise", "far": "standard deviations from what the data",
    "end": "blurred by it", "growth": "In one step α grows", "coarse": "the noise falls by a factor",
    "narrow": "come out at", "away": "every step scales x", "scaled": "scales x step by step",
}  # fmt: skip


def gaussian(mean, scale=0.4):
    return {"type": "gaussian_mixture", "means": [mean], "scales": scale}


def fired(e):
    return {name for name, words in RULES.items() if any(words in text for text in advice(e))}


CASES = [
    (dict(), set()),
    (dict(mode="ode", solver={"type": "dopri5", "rtol": 0.5}), {"loose"}),
    (dict(mode="ode", solver={"type": "dopri5", "atol": 0.05}), set()),
    (dict(predictor={"type": "edm_churn", "s_noise": 3.0}), {"loud"}),
    (dict(predictor={"type": "edm_churn", "s_noise": 3.0}, eta=0.0), set()),
    (dict(predictor={"type": "edm_churn", "s_noise": 1.1}), set()),
    (dict(control={"type": "inpaint", "value": -30.0}), {"far"}),
    (dict(control={"type": "inpaint", "value": 2.0}), set()),
    (dict(control={"type": "measurement", "value": 30.0, "std": 0.1}), {"far"}),
    (dict(control={"type": "measurement", "value": 30.0, "std": 10.0}), set()),
    (dict(mode="pc", particles=49), {"few particles"}), (dict(mode="pc", particles=50), set()),
    (dict(mode="pc", particles=99, data="two_modes_1d"), {"few particles"}),
    (dict(mode="pc", particles=100, data="two_modes_1d"), set()),
    (dict(mode="pc", particles=5, corrector="ald"), set()), (dict(mode="pc", particles=5, corrector_steps=0), set()),
    (dict(particles=5), set()),
    (dict(data=gaussian([300, 300])), {"mean"}),
    (dict(data=gaussian([300, 300]), sde="ve"), {"mean"}),
    (dict(data=gaussian([300, 300]), sde="exponential"), {"mean"}),
    (dict(data=gaussian([300, 300]), sde="subvp", mode="ode"), {"mean"}),
    (dict(data=gaussian([300, 300]), mode="forward"), set()),
    (dict(data=gaussian([300, 300]), sde={"type": "vp", "beta_max": 100.0}), {"away"}),
    (dict(data=gaussian([0, -50], 5.0), sde={"type": "subvp", "beta_max": 100.0}), {"away"}),
    (dict(data=gaussian([20, 20]), sde={"type": "vp", "beta_max": 100.0}), {"scaled"}),
    (dict(data=gaussian([20, 20]), sde={"type": "vp", "beta_max": 100.0}, predictor="ancestral"), set()),
    (dict(data=gaussian([0, 0], 100.0), sde={"type": "vp", "beta_max": 100.0}, steps=110), {"scaled"}),
    (dict(data=gaussian([0, 0], 1.0), sde={"type": "vp", "beta_max": 100.0}, steps=110), set()),
    (dict(data=gaussian([20, 20], 2.0), sde={"type": "ve", "sigma_max": 1000.0}), set()),
    (dict(data=gaussian([5, 0]), sde="ve"), {"mean"}), (dict(data=gaussian([5, 0])), set()),
    (dict(data=gaussian([1, 0]), sde="ve"), set()), (dict(data=gaussian([-3, 0], 1.0), sde="ve"), {"mean"}),
    (dict(sde={"type": "ve", "sigma_min": 1.0}), {"end"}), (dict(sde={"type": "ve", "sigma_min": 0.1}), set()),
    (dict(sde={"type": "vp", "beta_max": 400.0}), set()),
    (dict(sde={"type": "subvp", "beta_min": 99.0, "beta_max": 100.0}, steps=110), {"coarse"}),
    (dict(sde={"type": "subvp", "beta_min": 99.0, "beta_max": 100.0}, steps=110, mode="ode"), {"coarse"}),
    (dict(sde={"type": "subvp", "beta_min": 99.0, "beta_max": 100.0}, steps=110, mode="ode", solver="dopri5"), set()),
    (dict(sde={"type": "subvp", "beta_min": 99.0, "beta_max": 100.0}, steps=110, grid="log_snr"), {"narrow"}),
    (dict(sde={"type": "subvp", "beta_min": 99.0, "beta_max": 100.0}, steps=400), {"narrow"}),
    (dict(data="line", steps=50), {"coarse"}), (dict(data="line", steps=200), set()),
    (dict(sde={"type": "vp", "beta_max": 400.0}, grid="edm"), {"growth"}),
    (dict(sde={"type": "subvp", "beta_max": 400.0}, steps=21), {"growth", "few"}),
    (dict(sde={"type": "vp", "beta_max": 400.0}, mode="ode", steps=21, solver="dopri5"), set()),
    (dict(data=gaussian([0, 0], 0.05), predictor="ancestral"), {"narrow"}),
    (dict(data=gaussian([0, 0], 0.05), predictor="ancestral", steps=1000), set()),
    (dict(data=gaussian([0, 0], 0.05), predictor="ancestral", grid="log_snr"), set()),
    (dict(data=gaussian([0, 0], 0.05), predictor="sra"), set()),
    (dict(data=gaussian([0, 0], 0.05), mode="ode", solver="ddim", steps=60), {"narrow"}),
    (dict(data=gaussian([0, 0], 0.01), predictor="reverse_diffusion", sde="subvp"), {"narrow"}),
    (dict(data=gaussian([0, 0], 0.01), predictor="reverse_diffusion", sde="subvp", steps=1000), set()),
    (dict(data=gaussian([0, 0], 0.05), predictor="ancestral", mode="pc"), set()),
    (dict(steps=20), set()), (dict(steps=19), {"few"}), (dict(steps=1), {"few"}),
    (dict(mode="pc", steps=15), set()), (dict(mode="pc", steps=14), {"few"}),
    (dict(mode="ode", steps=6), set()), (dict(mode="ode", steps=5), {"few"}),
    (dict(mode="ode", steps=5, solver="dopri5"), set()), (dict(mode="ode", steps=3, solver="rk4"), set()),
    (dict(mode="ode", steps=2, solver="rk4"), {"few"}), (dict(mode="ode", steps=11, solver="euler"), {"few"}),
    (dict(mode="forward", steps=1), set()), (dict(mode="langevin", steps=1), set()),
    (dict(mode="annealed", steps=1), set()),
    (dict(sde__beta_max=1), {"prior"}), (dict(sde__beta_max=1, mode="ode"), {"prior"}),
    (dict(sde__beta_max=1, mode="annealed"), {"prior"}),
    (dict(sde__beta_max=1, mode="forward"), set()), (dict(sde__beta_max=1, mode="langevin"), set()),
    (dict(sde={"type": "ve", "sigma_max": 3}), {"prior"}), (dict(sde={"type": "ve", "sigma_max": 8}), set()),
    (dict(mode="pc", snr=0.5), set()), (dict(mode="pc", snr=0.51), {"snr"}), (dict(mode="pc", snr=3), {"snr"}),
    (dict(mode="pc", snr=3, corrector_steps=0), set()), (dict(mode="reverse", snr=3), set()),
    (dict(mode="pc", corrector="ald", snr=1), {"ald"}), (dict(mode="pc", corrector="ald", snr=0.99), {"snr"}),
    (dict(mode="pc", predictor="none", steps=100), {"alone"}),
    (dict(mode="pc", predictor="none", steps=100, corrector_steps=5), set()),
    (dict(eta=1.5), set()), (dict(eta=1.6), {"eta"}), (dict(eta=1.6, steps=300), set()),
    (dict(eta=2, mode="ode"), set()),
    (dict(mode="langevin"), set()), (dict(mode="reverse", langevin_step=9), set()),
    (dict(mode="annealed", annealed_step=1), set()), (dict(mode="annealed", annealed_step=1.1), {"annealed wide"}),
    (dict(mode="annealed", annealed_step=4), {"annealed"}), (dict(mode="reverse", annealed_step=5), set()),
]  # fmt: skip


@pytest.mark.parametrize(("sets", "expected"), CASES, ids=[str(c[0]) for c in CASES])
def test_each_rule_speaks_where_it_should(sets, expected):
    assert fired(with_(**sets)) == expected
    assert len(advice(with_(**sets))) == len(expected)


@pytest.mark.parametrize("ratio", [0.49, 0.51, 1.99, 2.01])
def test_langevins_step_is_held_against_the_narrowest_variance(ratio):
    base = with_(
        mode="langevin", data={"type": "gaussian_mixture", "means": [[0, 0], [1, 1]], "scales": [0.5, 0.2]}
    )
    alpha, sigma = base.sde.marginal(base.sampler.langevin_time)
    e = edited(base, "sampler.langevin_step", ratio * ((alpha * 0.2) ** 2 + sigma**2))
    assert fired(e) == ({"unstable"} if ratio > 2 else {"wide"} if ratio > 0.5 else set())


def farthest(e):
    """How far a particle ever goes in a run, over sqrt(alpha² + sigma²)."""
    frames = list(simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, e.seed))
    return max(np.abs(f.x).max() / np.hypot(f.alpha, f.sigma) for f in frames)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (dict(mode="langevin", langevin_step=0.01, langevin_steps=300), dict(langevin_step=0.2)),
        (dict(mode="annealed", levels=5), dict(annealed_step=4.4)),
        (dict(mode="pc", corrector="ald", steps=30), dict(snr=1.5)),
    ],
)
def test_where_it_says_unstable_the_run_is(good, bad):
    """On one Gaussian, whose score is linear, the run leaves the data by far; beside it, it does not."""
    one = dict(data={"type": "gaussian_mixture", "means": [[0, 0]], "scales": 0.2}, particles=50)
    assert farthest(with_(**one, **good)) < 40 and farthest(with_(**one, **(good | bad))) > 200


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("method", ["euler_maruyama", "reverse_diffusion", "ancestral", "ddim"])
@pytest.mark.parametrize("scale", [0.01, 0.4])
def test_the_width_of_a_mode_is_that_of_a_run(sde, method, scale):
    """The recursion of variances against 20,000 particles; one standard error is 0.35 %."""
    e = with_(sde=sde, predictor=method, data=gaussian([0, 0], scale), particles=20_000, steps=60)
    *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.data.mixture, e.seed)
    assert mode_width(e) == pytest.approx(float(np.std(last.x)), rel=0.015)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sde", SDES)
def test_defaults_need_no_advice(mode, sde):
    """What a person gets without touching a number is sound, for every data set, process and mode. (Langevin
    has one step for all: too large for the narrowest data under the least noise.)"""
    for data in DISTRIBUTIONS:
        texts = advice(with_(mode=mode, data=data, sde=sde))
        assert texts == () or (mode == "langevin" and len(texts) == 1 and "narrowest" in texts[0]), data


@pytest.mark.parametrize("steps, said", [(1, "N = 1 step is too few"), (2, "N = 2 steps are too few")])
def test_one_step_is_one(steps, said):
    assert any(said in text for text in advice(with_(mode="ode", solver="euler", steps=steps)))


@pytest.mark.parametrize("method", [*PREDICTORS, *SOLVERS])
def test_the_method_is_named(method):
    sets = dict(mode="ode", solver=method) if method in SOLVERS else dict(mode="reverse", predictor=method)
    e = with_(steps=2, **sets)
    texts = [t for t in advice(e) if "too few" in t]
    assert bool(texts) != e.sampler.method.adaptive
    assert all(e.sampler.method.title in t for t in texts)
