"""Why a run left every bound, in one sentence."""

from __future__ import annotations

from explorer.base.lazy import torch
from explorer.diffusion.samplers import Reverse, Sampler

#: Growth of alpha in one step from which float32's seven digits do not keep what is left of the data.
LOST = 1e4
#: How much stronger than that of any law with this noise a score may look before it is called wrong.
STRONG = 2.0


def cause(
    sampler: Sampler,
    process: Reverse,
    x: torch.Tensor,
    t: float,
    growth: float = 1.0,
    corrected: bool = False,
) -> str:
    """A sentence about a run that diverged at x (n, d) and t.

    growth: alpha(t_next)/alpha(t) of the step; corrected: whether it was the corrector's move.
    """
    if sampler.mistake.made:
        return f"Diverged: that is what this mistake does ({sampler.mistake.title})."
    return "Diverged: " + (_of_the_score(process, x, t) or _of_the_steps(sampler, growth, corrected))


def _of_the_score(process: Reverse, x: torch.Tensor, t: float) -> str:
    """p_t is a law with noise sigma on it: far away its score is -x/v with v >= sigma²."""
    s = process.score_function(x, t)
    if not torch.isfinite(s).all():
        return f"the score is not a number at t = {t:.3g}; no setting of the sampler would hold it."
    inwards = -float((s * x).sum(dtype=torch.float64) / x.square().sum(dtype=torch.float64))
    if inwards < 0:
        return f"the score points away from the data at t = {t:.3g}, so it is wrong; more steps would not hold it."
    strength = inwards * process.sde.marginal(t)[1] ** 2
    if strength > STRONG:
        return (
            f"at t = {t:.3g} the score is {strength:.3g} times as strong as that of any law with this noise: "
            "it is wrong, or a control weighs too much."
        )
    return ""


def _of_the_steps(sampler: Sampler, growth: float, corrected: bool) -> str:
    if sampler.mode == "langevin":
        return (
            f"ε = {sampler.langevin_step:g} is too large for the narrowest mode; a smaller ε would hold it."
        )
    if sampler.mode == "annealed":
        return f"ε/σ_L² = {sampler.annealed_step:g} is too large; a smaller one, below 4, would hold it."
    if corrected:
        return f"the corrector's moves are too large; an snr below {sampler.snr:g} would hold it."
    if growth > LOST:
        return (
            f"in this step α grows {growth:.1g} times, more than single precision has digits for; more steps, the "
            "log-SNR grid or a smaller β_max would hold it."
        )
    if sampler.method.adaptive:
        return "the solver's tolerance is too loose here; a smaller one would hold it."
    more = "more steps" + (" or a smaller η" if sampler.effective_eta > 1 else "")
    return f"the steps are too large here; {more} would hold it."
