"""Wrong signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from explorer.diffusion.samplers.mistakes.base import MISTAKES, Mistake, Setup, same_step
from explorer.diffusion.sdes.base import SDE

if TYPE_CHECKING:
    from explorer.diffusion.samplers.modes import Settings


@MISTAKES.register("score_sign", title="Wrong sign of the score", order=40)
@dataclass(frozen=True)
class ScoreSign(Mistake):
    """-s in place of s."""

    about = "The network's noise ε taken for the score, without the minus of s = −ε/σ."
    seen = "The particles are driven away from the data, faster and faster."
    why = (
        "The score points uphill in log p, to the data; its negative points downhill, to where nothing is. "
        "It happens where a network that predicts noise is used as a score: s = −ε/σ has a minus."
    )
    right = r"dx = [f - g^2 \score{s}]\,dt + g\,d\bar w"
    wrong = r"dx = [f - g^2 \score{(-s)}]\,dt + g\,d\bar w"
    source = "Song et al. 2021, eq. 6"
    modes = ("reverse", "ode", "pc", "langevin", "annealed")

    def broken(self, setup: Setup) -> Setup:
        right = setup.score
        return replace(setup, score=lambda x, t: -right(x, t))


@MISTAKES.register("time_sign", title="Wrong sign of time", order=50)
@dataclass(frozen=True)
class TimeSign(Mistake):
    """dt > 0 in the reverse SDE: what should be subtracted is added."""

    about = "The step in time taken as positive, although the reverse SDE runs from T to 0."
    seen = "The particles leave: the drift carries them where the forward SDE would, and the score pushes them on."
    why = (
        "dt is negative in the reverse SDE. With h = t − t′ > 0 the move is −[f − g²s]h; with the other sign f "
        "forgets the data as in the forward SDE, and the score drives away from it."
    )
    right = r"x' = x \drift{- f h} \score{+ g^2 s\, h} + \noise{g\sqrt h\, z}"
    wrong = r"x' = x \drift{+ f h} \score{- g^2 s\, h} + \noise{g\sqrt h\, z}"
    source = "Anderson 1982; Song et al. 2021, eq. 6"
    modes = ("reverse", "ode", "pc")

    def idle(self, sampler: Settings, sde: SDE) -> str:
        if sampler.mode in self.modes and sampler.method.adaptive:
            return "It needs steps of a given size: choose another ODE solver."
        by_mode = super().idle(sampler, sde)
        still = not by_mode and same_step(self, sampler, sde)
        return "There is no predictor step to spoil: choose a predictor." if still else by_mode

    def seen_in(self, sampler: Settings, sde: SDE) -> str:
        # without noise the score's push is half as strong, and f's pull inwards balances it in the prior
        if sampler.effective_eta > 0.5 or sde.decay(sde.T) == 0:
            return self.seen
        return (
            "The wrong signs of drift and score nearly cancel as long as pₜ is like the prior; then the score pushes "
            "the particles away from the modes: most into the gaps between them, the others outwards."
        )

    def broken(self, setup: Setup) -> Setup:
        return replace(setup, direction=-1.0)
