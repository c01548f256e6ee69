"""What a setting does to the result where it is numerically bad: one sentence each, for the status line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from explorer.diffusion import grids
from explorer.diffusion.divergence_cause import LOST
from explorer.diffusion.samplers.base import LinearPredictor
from explorer.diffusion.samplers.dopri5 import DormandPrince
from explorer.diffusion.samplers.edm import EDMChurn
from explorer.diffusion.samplers.process import Reverse
from explorer.experiment.schema import Experiment
from explorer.guidance.linear import Linear


def advice(experiment: Experiment) -> tuple[str, ...]:
    """Sentences about this experiment, the gravest first; empty where all is well."""
    return tuple(text for rule in _RULES for text in rule(experiment))


def _mistake(e: Experiment) -> Iterator[str]:
    """A run that is broken on purpose says so, or why nothing is seen of it."""
    mistake = e.sampler.mistake
    if mistake.made:
        idle = mistake.idle(e.sampler, e.sde)
        yield f"Broken on purpose ({mistake.title}). {idle or mistake.seen_in(e.sampler, e.sde)}"


#: Shares of the noise at t = 1 from which what is left of the data's spread, or of its mean, is seen in the samples.
SPREAD, OFF = 0.25, 0.15
#: The same of the mean of all pixels together: σ_max = 50 for pictures is usual, and their mean is 0.4 of it.
OFF_PICTURES = 0.5
#: Distance of the data from 0 beyond which the error of the steps that scale x is seen, however little p_T is off.
AWAY = 30.0


def _prior(e: Experiment) -> Iterator[str]:
    """The reverse modes start from the prior: is p_T that prior?"""
    if e.sampler.mode in ("forward", "langevin"):
        return
    alpha, sigma = e.sde.marginal(1.0)
    mixture = e.data.mixture
    if alpha * mixture.std > SPREAD * sigma:
        yield (
            f"At t = 1 a share α = {alpha:.2g} of the data is still there, against noise σ = {sigma:.2g}: "
            "the prior is not p_T. More noise at the end fixes it."
        )
    # a prior whose mean is off by a share of its width gives samples that are off by that share of the data's
    off = alpha * float(np.linalg.norm(mixture.mean)) / mixture.spread(alpha, sigma)
    if off > (OFF_PICTURES if e.pictures else OFF) and not any(_sigma_max(e)):  # which says more of images
        yield (
            f"At t = 1 the mean of p_T is {off:.2g} standard deviations of the prior from 0: the prior is not p_T, and "
            "the samples are shifted. Center the data, or choose more noise at t = 1."
        )
    elif alpha < 1 and not e.pictures and np.linalg.norm(mixture.mean) > AWAY:
        yield (
            f"The data is {np.linalg.norm(mixture.mean):.3g} from 0, and every step scales x: a relative error of the "
            "steps shifts the samples by that times as much. Center the data."
        )


def _end(e: Experiment) -> Iterator[str]:
    """Sampling stops at eps: what noise is left there?"""
    if e.sampler.mode in ("forward", "langevin"):
        return
    alpha, sigma = e.sde.marginal(e.sde.eps)
    if sigma > SPREAD * alpha * e.data.mixture.std:
        yield (
            f"At the end of sampling the noise is still σ = {sigma:.2g}, against data of width "
            f"{e.data.mixture.std:.2g}: the samples are blurred by it. Less noise at t = 0 fixes it."
        )


def _sigma_max(e: Experiment) -> Iterator[str]:
    """Of images the noise at the end must hide their distances: Song & Ermon 2020, Technique 1."""
    if e.pictures is None or e.sampler.mode in ("forward", "langevin"):
        return
    alpha, sigma = e.sde.marginal(1.0)
    apart = e.pictures.apart
    if sigma < 0.5 * alpha * apart:
        yield (
            f"σ_max = {sigma / alpha:.3g} is too small for these images, which are up to {apart:.3g} apart: part of "
            "them is still there at t = 1, which the prior does not know. VE with "
            f"σ_max ≥ {apart:.2g}, VP or sub-VP start from noise alone."
        )


#: Steps below which the error of a method is seen: on points, and on pictures, where noise that is left is grain.
#: Those of the ODE are evaluations: with five steps of Runge and Kutta's method nothing is to be seen.
FEW = {"reverse": 20, "pc": 15, "ode": 12}
FEW_PICTURES = {"reverse": 50, "pc": 40, "ode": 12}


def _steps(e: Experiment) -> Iterator[str]:
    s = e.sampler
    few: float = (FEW_PICTURES if e.pictures else FEW).get(s.mode, 0)
    if few:  # a step may halve or double sigma/alpha, hardly more
        few = max(few, math.log(e.sde.noise_level(e.sde.T) / e.sde.noise_level(e.sde.eps)))
    ode = s.mode == "ode"
    if s.steps * (s.solver.nfe_per_step if ode else 1) < few and not (ode and s.solver.adaptive):
        steps = "1 step is" if s.steps == 1 else f"{s.steps} steps are"
        yield f"N = {steps} too few for {s.method.title}: what you see is its discretization error."


#: Above these a solver's tolerance, and the factor of the noise that Karras' sampler puts in, are seen in the samples.
LOOSE, LOUD = 0.1, 1.2


def _method(e: Experiment) -> Iterator[str]:
    """Numbers of a method itself that spoil it."""
    s = e.sampler
    method = s.method if s.mode in ("reverse", "pc", "ode") else None
    if isinstance(method, DormandPrince) and max(method.rtol, method.atol) > LOOSE:
        yield f"A tolerance above {LOOSE:g} is loose: what you see is the solver's error."
    elif isinstance(method, EDMChurn) and s.eta and method.s_noise > LOUD:
        yield (
            f"S_noise = {method.s_noise:g} puts in {method.s_noise:g} times the noise that the step then takes out: "
            "too much is left. 1 to 1.1 does good."
        )


def _alphas(e: Experiment, times: Sequence[float]) -> list[float]:
    """What is left of x_0 at these times."""
    return [e.sde.marginal(t)[0] for t in times]


#: Methods whose step scales x by the first terms of the exponential, and their relative error in units of (∫β dt / 2)².
EULER = {"reverse_diffusion": 1.0, "euler_maruyama": 0.5, "euler": 0.5}
#: Standard deviations of the data from which what such steps do to its mean or its width is seen.
SCALED = 0.1
#: Of data within this distance of 0 the other errors of a step are larger.
NEAR = 3.0


def _scaled(e: Experiment) -> Iterator[str]:
    """Data that is wide or far from 0 under an SDE that scales x: Euler's error of the scaling grows with it."""
    s = e.sampler
    if s.mode not in ("reverse", "pc", "ode") or s.method.name not in EULER or e.pictures or any(_steps(e)):
        return
    mixture, times = e.data.mixture, grids.times(s.grid, s.steps, e.sde)
    variance, far = mixture.std**2, float(np.linalg.norm(mixture.mean))
    if max(mixture.std, far) < NEAR:
        return
    error = 0.0
    for t_next, (a, b) in zip(times[1:], pairwise(_alphas(e, times)), strict=True):
        grown = math.log(b / a)
        # an error is drawn back by the steps that follow, the more the narrower the data is than the noise
        error += EULER[s.method.name] * grown**2 * variance / (variance + e.sde.noise_level(t_next) ** 2)
    error *= max(1.0, far / mixture.std)
    if error > SCALED and not any(_prior(e)):  # which says more
        yield (
            f"{s.method.title} scales x step by step, and on data so wide or so far from 0 its errors add up to "
            f"{error:.2g} of the data's width. Standardize the data, take more steps, or DDIM or ancestral steps."
        )


def _growth(e: Experiment) -> Iterator[str]:
    """Steps over which x_0 is scaled up by more than single precision has digits for."""
    s = e.sampler
    if s.mode not in ("reverse", "pc", "ode") or s.method.adaptive:
        return
    times = grids.times(s.grid, s.steps, e.sde)
    growth = max(b / a for a, b in pairwise(_alphas(e, times)))
    if growth > LOST:
        yield (
            f"In one step α grows {growth:.1g} times, more than single precision has digits for: the samples may be "
            "wrong. More steps, the log-SNR grid or a smaller β_max fixes it."
        )


#: How many times smaller a step may make the noise together with the narrowest mode: beyond it the error is seen.
COARSE = {"reverse": 2.5, "pc": 2.5, "ode": 4.0}
#: The ODE's smooth paths bear that where log α grows by less than this for each evaluation in the step.
FADED = 0.17


def _coarse(e: Experiment) -> Iterator[str]:
    """A grid with a step that jumps over the sizes that the data has, from its width down to its narrowest mode."""
    s = e.sampler
    if s.mode not in COARSE or s.method.adaptive or e.pictures or any((*_steps(e), *_growth(e))):
        return
    mixture, times = e.data.mixture, grids.times(s.grid, s.steps, e.sde)
    narrowest = float(mixture.scales.min())
    widths = [math.hypot(min(e.sde.noise_level(t), mixture.std), narrowest) for t in times]
    logs = [math.log(alpha) for alpha in _alphas(e, times)]
    least = FADED * s.solver.nfe_per_step if s.mode == "ode" else -1.0
    jumps = [w / v for (w, v), (a, b) in zip(pairwise(widths), pairwise(logs), strict=True) if b - a > least]
    if max(jumps, default=0.0) > COARSE[s.mode]:
        yield (
            f"In one step the noise falls by a factor of {max(jumps):.2g} where the data has its details: what you see "
            "is the discretization error. The log-SNR grid or more steps fix it."
        )


#: Error of a mode's width that is seen: as a share of that width, and of the data's standard deviation.
MISSED, SEEN = 0.1, 0.01


def mode_width(e: Experiment) -> float:
    """The standard deviation that the narrowest mode comes out with, were it alone: its score is linear, and so exact.

    Of a method whose step is x' = a x + b s + c z, in the reverse modes without a corrector; a mode of variance v_t
    then goes from step to step by (a - b/v_t)² and c². Raises TypeError for other methods.
    """
    s, sde = e.sampler, e.sde
    method = s.method
    if not isinstance(method, LinearPredictor):
        raise TypeError(f"a step of {method.title} is not linear")
    process = Reverse(sde, lambda x, t: x, s.effective_eta)
    times, scale = grids.times(s.grid, s.steps, sde), float(e.data.mixture.scales.min())
    variance = math.hypot(sde.marginal(times[0])[0] * scale, sde.marginal(times[0])[1]) ** 2
    for t, t_next in pairwise(times):
        alpha, sigma = sde.marginal(t)
        a, b, c = method.coefficients(process, t, t_next)
        if s.denoise and t_next == times[-1]:
            c = 0.0
        factor = a - b / math.hypot(alpha * scale, sigma) ** 2
        variance = factor * factor * variance + c * c
    return math.sqrt(variance)


def _narrow(e: Experiment) -> Iterator[str]:
    """Modes that the steps make narrower or wider than they are."""
    s = e.sampler
    if s.mode not in ("reverse", "ode") or e.pictures or not isinstance(s.method, LinearPredictor):
        return
    if s.mistake.made or any((*_steps(e), *_growth(e), *_coarse(e), *_scaled(e), *_end(e))):
        return
    mixture, width = e.data.mixture, mode_width(e)
    scale, (alpha, sigma) = float(mixture.scales.min()), e.sde.marginal(e.sde.eps)
    # with the noise that is left at eps, or without it: both are right
    error = min(abs(width - scale), abs(width - math.hypot(alpha * scale, sigma)))
    if error > max(MISSED * scale, SEEN * mixture.std):
        yield (
            f"With N = {s.steps} steps of this method, modes of standard deviation {scale:.2g} come out at "
            f"{width:.2g}: that is its discretization error. More steps"
            f"{'' if s.grid == 'log_snr' else ' or the log-SNR grid'} make it smaller."
        )


#: Numbers (particles times dimensions) below which the snr rule's step depends much on the particles that there are.
FEW_NUMBERS = 100
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
    numbers = s.particles * e.data.dim
    if s.corrector.name == "langevin" and numbers < FEW_NUMBERS:
        yield (
            f"{s.particles} particles are few for the snr rule, whose step size is an average over them: the variance "
            f"comes out too large by about {4 / numbers:.2g} beyond snr². Take at least "
            f"{math.ceil(FEW_NUMBERS / e.data.dim)}."
        )
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


#: Standard deviations of the data's own value from which an observation is called far.
FAR = 6


def _observed(e: Experiment) -> Iterator[str]:
    """An observation that the data would hardly ever give."""
    control = e.control_in_force
    if not isinstance(control, Linear) or e.sampler.mode == "forward":
        return
    known = control.known(e.data.dim)
    law = e.data.mixture.projected(np.array(known.direction))
    away = abs(known.value - float(law.mean[0])) / math.hypot(law.std, known.std)
    if away > FAR:
        yield (
            f"y = {known.value:g} is {away:.2g} standard deviations from what the data has there: no sample of it is "
            "like the data, and the prior at t = 1 is not where the run should start."
        )


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
    _growth,
    _method,
    _observed,
    _steps,
    _coarse,
    _narrow,
    _prior,
    _scaled,
    _end,
    _sigma_max,
    _eta,
    _known,
)
