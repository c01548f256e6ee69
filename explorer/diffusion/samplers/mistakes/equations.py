"""Terms of the equations left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from explorer.base.lazy import ops
from explorer.diffusion.samplers.mistakes.base import MISTAKES, Mistake, Setup, altered, same_step
from explorer.diffusion.sdes.base import SDE

if TYPE_CHECKING:
    from explorer.diffusion.samplers.modes import Settings


@MISTAKES.register("noise_dropped", title="Noise dropped, g² not halved", order=10)
@dataclass(frozen=True)
class NoiseDropped(Mistake):
    """The reverse SDE without its noise: neither the SDE nor the probability-flow ODE."""

    about = "The noise of the reverse SDE left out, in the hope of the ODE, without halving g²."
    seen = "The cloud falls in on the middle of the data and the tops of its modes: the pull is twice what the ODE has."
    why = (
        "The ODE has the SDE's marginals because it has half of g²s. Without noise the whole of it has no "
        "spreading to balance: on a Gaussian the spread of x/α shrinks with the square of the right factor."
    )
    right = r"dx = [f \score{\;- \frac{1}{2} g^2 s}]\,dt"
    wrong = r"dx = [f \score{\;- g^2 s}]\,dt"
    source = "Song et al. 2021, eq. 6, 13"
    modes = ("reverse", "ode", "pc")

    def idle(self, sampler: Settings, sde: SDE) -> str:
        if sampler.mode in ("reverse", "pc") and sampler.eta == 0:
            return "With η = 0 there is no noise to drop: raise η."
        by_mode = super().idle(sampler, sde)
        if by_mode or not same_step(self, sampler, sde):
            return by_mode
        return (
            f"{sampler.method.title} has no noise to drop here: choose Euler–Maruyama, or Euler for the ODE."
        )

    def broken(self, setup: Setup) -> Setup:
        eta = 1.0 if setup.sampler.mode == "ode" else setup.eta
        return replace(setup, eta=eta, noise=0.0)


@MISTAKES.register("subvp_diffusion", title='sub-VP without its "1 −"', order=20)
@dataclass(frozen=True)
class SubVPDiffusion(Mistake):
    """g² = beta exp(-2 ∫beta) where it should be beta (1 - exp(-2 ∫beta))."""

    about = "The diffusion of sub-VP with e^(−2∫β) where 1 − e^(−2∫β) belongs."
    seen = (
        "The cloud blows up at once: near t = 1, g vanishes, and nothing holds the drift that expands. Near the data "
        "g is far too large instead, and adds far too much noise."
    )
    why = (
        "The two agree nowhere but where e^(−2∫β) = ½: near t = 1 the wrong g² is almost 0 where it should be β, "
        "and near the data it is β where it should be almost 0."
    )
    right = r"g^2 = \beta\,(\noise{1 -} e^{-2\int\beta})"
    wrong = r"g^2 = \beta\,e^{-2\int\beta}"
    source = "Song et al. 2021, eq. 12, 29"
    modes = ("reverse", "ode", "pc")

    def idle(self, sampler: Settings, sde: SDE) -> str:
        if sde.name != "subvp":
            return "It is a mistake of sub-VP alone: choose that process."
        by_mode = super().idle(sampler, sde)
        if by_mode or not same_step(self, sampler, sde):
            return by_mode
        return f"{sampler.method.title} steps by α and σ and never asks for g: choose Euler–Maruyama, or the ODE."

    def broken(self, setup: Setup) -> Setup:
        return replace(setup, sde=_without(setup.sde)) if setup.sde.name == "subvp" else setup


def _without(sde: SDE) -> SDE:
    def diffusion(self: Any, t: Any) -> Any:
        m = ops(t)
        return m.sqrt(self.beta(t) * m.exp(-2 * self.integral(t)))

    return altered(sde, diffusion=diffusion)
