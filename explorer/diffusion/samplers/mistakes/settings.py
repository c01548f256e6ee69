"""Settings beyond what the theory allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from explorer.base.params import param
from explorer.diffusion.samplers.mistakes.base import MISTAKES, Mistake, Setup, altered
from explorer.diffusion.sdes.base import SDE

if TYPE_CHECKING:
    from explorer.diffusion.samplers.modes import Settings


@MISTAKES.register("short_time", title="T too small", order=70)
@dataclass(frozen=True)
class ShortTime(Mistake):
    """The process stopped at T < 1, where the data still shows, and samples started from the prior there."""

    about = "Diffusion stopped early: at T the data still shows, but samples start from plain noise."
    seen = "The samples keep the shape of the wrong start: too many in the middle, the modes' weights wrong."
    why = (
        "x_T = α x₀ + σ z is noise alone only where α is small against σ. Started from N(0, I) (VE: N(0, σ_T² I)) "
        "at an earlier T, the reverse process is right and its initial distribution is not."
    )
    right = r"x_T \sim p_T \approx \noise{\mathcal N(0, \sigma_T^2 I)},\; \frac{\alpha_T}{\sigma_T} \to 0"
    wrong = r"x_T \sim \noise{\mathcal N(0, \sigma_T^2 I)} \ne p_T,\; \frac{\alpha_T}{\sigma_T} \sim 1"
    source = "Song et al. 2021, section 3.1"
    modes = ("forward", "reverse", "ode", "pc", "annealed")
    end: float = param(
        0.1, "End of time", symbol="T", low=0.05, high=1.0, minimum=0.02, maximum=1.0,
        help="Where the process stops; 1 is right.", equation="0 ≤ t ≤ T",
    )  # fmt: skip

    def idle(self, sampler: Settings, sde: SDE) -> str:
        return super().idle(sampler, sde) or ("T = 1 is as it should be." if self.end == 1 else "")

    def broken(self, setup: Setup) -> Setup:
        sde = setup.sde
        std = sde.marginal(self.end)[1] if sde.decay(1.0) == 0 and self.end < 1 else sde.prior_std
        return replace(setup, sde=altered(sde, T=self.end, prior_std=std))


@MISTAKES.register("large_eps", title="eps too large", order=80)
@dataclass(frozen=True)
class LargeEps(Mistake):
    """Sampling stopped at eps where p_eps is still blurred."""

    about = "Sampling stopped long before t = 0."
    seen = "The samples are those of p_eps: the data still under noise of standard deviation σ(eps)."
    why = (
        "The reverse process is stopped a little above 0, where the score would grow without bound. What comes "
        "out is p_eps, so σ(eps) must be below the finest detail of the data."
    )
    right = r"x \sim p_\epsilon,\; \epsilon = 10^{-3}:\; \noise{\sigma_\epsilon} \ll \text{detail}"
    wrong = r"x \sim p_\epsilon = \text{law of } \alpha_\epsilon x_0 + \noise{\sigma_\epsilon z},\; \epsilon = 0.2"
    source = "Song et al. 2021, appendix C"
    modes = ("forward", "reverse", "ode", "pc")
    end: float = param(
        0.2, "Where sampling stops", symbol="eps", low=0.01, high=0.5, minimum=1e-5, maximum=0.9, log=True,
        help="The last time of the grid. 0.001 is right for VP, sub-VP and eᵗ, 0.00001 for VE.",
        equation="t: T → eps",
    )  # fmt: skip

    def broken(self, setup: Setup) -> Setup:
        return replace(setup, sde=altered(setup.sde, eps=min(self.end, 0.9 * setup.sde.T)))


@MISTAKES.register("snr_one", title="snr = 1", order=90)
@dataclass(frozen=True)
class SnrOne(Mistake):
    """Correctors with a signal-to-noise ratio of 1."""

    about = "The corrector's step at snr = 1, where it puts in as much noise as there is."
    seen = (
        "On the way the cloud is wider than the noise allows, with annealed Langevin by more at each move, with the "
        "adaptive rule by about a factor of two in variance; what it ends in is smeared off the data."
    )
    why = (
        "On N(0, σ² I) annealed Langevin settles at σ²/(1 − snr²), which has no value at 1; the adaptive rule "
        "settles near (1 + snr²)σ²."
    )
    right = r"\epsilon = 2a\,(\noise{0.16}\,\sigma)^2:\; \frac{\sigma^2}{1 - 0.16^2} = 1.03\,\sigma^2"
    wrong = r"\epsilon = 2a\,(\noise{1}\cdot\sigma)^2:\; \frac{\sigma^2}{1 - 1} = \infty"
    source = "Song et al. 2021, Algorithms 4, 5"
    modes = ("pc",)

    def idle(self, sampler: Settings, sde: SDE) -> str:
        none = sampler.mode == "pc" and not sampler.corrector_steps
        return "Without corrector steps there is no snr: raise M." if none else super().idle(sampler, sde)

    def broken(self, setup: Setup) -> Setup:
        sampler: Any = replace(setup.sampler, snr=1.0)
        return replace(setup, sampler=sampler)
