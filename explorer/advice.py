"""What a setting does to the result where it is numerically bad: one sentence each, for the status line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from explorer.experiment import Experiment
from explorer.guidance.linear import Linear


def advice(experiment: Experiment) -> tuple[str, ...]:
    """Sentences about this experiment, the gravest first; empty where all is well."""
    return tuple(text for rule in _RULES for text in rule(experiment))


def _mistake(e: Experiment) -> Iterator[str]:
    """A run that is broken on purpose says so, or why nothing is seen of it."""
    mistake = e.sampler.mistake
    if mistake.made:
        idle = mistake.idle(e.sampler, e.sde)
        yield f"Broken on purpose ({mistake.title}). {idle or mistake.seen}"


def _prior(e: Experiment) -> Iterator[str]:
    """The reverse modes start from the prior: is p_T that prior?"""
    if e.sampler.mode in ("forward", "langevin"):
        return
    alpha, sigma = e.sde.marginal(1.0)
    spread = e.data.mixture.std
    if alpha * spread > 0.25 * sigma:
        yield (
            f"At t = 1 a share α = {alpha:.2g} of the data is still there, against noise σ = {sigma:.2g}: "
            "the prior is not p_T. More noise at the end fixes it."
        )


#: Steps below which the error of a method is seen: on points, and on pictures, where noise that is left is grain.
#: Those of the ODE are evaluations: with five steps of Runge and Kutta's method nothing is to be seen.
FEW = {"reverse": 20, "pc": 15, "ode": 12}
FEW_PICTURES = {"reverse": 50, "pc": 40, "ode": 12}


def _steps(e: Experiment) -> Iterator[str]:
    s = e.sampler
    few = (FEW_PICTURES if e.pictures else FEW).get(s.mode, 0)
    ode = s.mode == "ode"
    if s.steps * (s.solver.nfe_per_step if ode else 1) < few and not (ode and s.solver.adaptive):
        yield f"N = {s.steps} steps are too few for {s.method.title}: what you see is its discretisation error."


#: The snr above which the corrector is warned of.
LARGE_SNR = 0.5


def _snr(e: Experiment) -> Iterator[str]:
    s = e.sampler
    if s.mode != "pc" or not s.corrector_steps:
        return
    if s.snr >= 1 and s.corrector.name == "ald":
        yield "snr ≥ 1: annealed Langevin's step is beyond stability (1/(1 − snr²) has no value); each move grows."
    elif e.pictures and s.snr > LARGE_SNR:
        yield (
            f"snr = {s.snr:g} is large: correctors settle at {1 + s.snr**2:.2g} times the variance of the noise that "
            "belongs to t, and the network is told t. [S21] took 0.16 for images."
        )
    elif s.snr > LARGE_SNR:
        yield f"snr = {s.snr:g} makes the corrector's steps so large that it adds noise: 0.05 to 0.35 is usual."
    if s.predictor.name == "none" and s.steps * s.corrector_steps < 500:
        yield "Without a predictor the corrector alone must follow pₜ: it needs many more moves."


def _eta(e: Experiment) -> Iterator[str]:
    s = e.sampler
    if s.mode in ("reverse", "pc") and s.eta > 1.5 and s.steps < 300:
        yield f"η = {s.eta:g} puts in much noise and takes it out again: more steps are needed for the same error."


def _langevin(e: Experiment) -> Iterator[str]:
    s = e.sampler
    if s.mode != "langevin":
        return
    alpha, sigma = e.sde.marginal(s.langevin_time)
    narrowest = float((alpha**2 * e.data.mixture.scales**2 + sigma**2).min())
    epsilon = s.langevin_epsilon
    if s.adjusted:
        if epsilon > narrowest:
            yield (
                f"ε = {s.langevin_step:g} is large for the narrowest mode (variance {narrowest:.2g}): "
                "few moves are accepted there. A smaller ε mixes better."
            )
    elif epsilon > 2 * narrowest:
        yield (
            f"ε = {s.langevin_step:g} is too large for the narrowest variance ({narrowest:.2g}): "
            "Langevin is unstable there."
        )
    elif epsilon > 0.5 * narrowest:
        yield "ε is large for the narrowest mode: the stationary law is visibly too wide."


def _annealed(e: Experiment) -> Iterator[str]:
    """The variance comes out 1/(1 - a/4) times too large, a = ε/σ_L²."""
    s = e.sampler
    if s.mode != "annealed":
        return
    if s.annealed_step >= 4:
        yield f"ε/σ_L² = {s.annealed_step:g} is 4 or more: annealed Langevin is unstable. It diverges."
    elif s.annealed_step > 1:
        yield f"ε/σ_L² = {s.annealed_step:g} makes the result visibly too wide, by 1/(1 − ε/4σ_L²) in variance."


def _known(e: Experiment) -> Iterator[str]:
    """What is known exactly makes the posterior's score as stiff as 1/sigma² at the end."""
    s, control = e.sampler, e.control_in_force
    hard = isinstance(control, Linear) and control.method == "exact" and not control.known(e.data.dim).std
    if hard and s.mode == "ode" and s.grid == "uniform" and s.steps < 150 and not s.solver.adaptive:
        yield (
            "What is known exactly makes the score stiff near t = 0: on the uniform grid so few steps of the ODE "
            "miss it. More steps or the log-SNR grid come closer."
        )


_RULES: tuple[Callable[[Experiment], Iterator[str]], ...] = (
    _mistake,
    _snr,
    _langevin,
    _annealed,
    _steps,
    _prior,
    _eta,
    _known,
)
