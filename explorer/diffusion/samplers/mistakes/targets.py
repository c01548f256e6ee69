"""Wrong targets: what a network learns from them, as the field that it would have in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion import noise
from explorer.diffusion.samplers.mistakes.base import MISTAKES, Mistake, Setup
from explorer.diffusion.sdes.base import SDE

if TYPE_CHECKING:
    from explorer.diffusion.samplers.modes import Settings

#: Data points drawn for a run, of which each particle is told one.
POOL = 8192


@MISTAKES.register("sigma_target", title="σ for σ² in the target", order=30)
@dataclass(frozen=True)
class SigmaTarget(Mistake):
    """Denoising score matching with the target -(x̃ - x)/sigma: its minimiser is sigma times the score."""

    about = "The denoising target divided by σ instead of σ²: what a network learns from it is σ·s."
    seen = "The pull is σ(t) times what it should be: too weak near the data, where the samples stay blurred."
    why = (
        "The minimiser of the loss is the mean of its target given x. Of −(x̃ − x)/σ² that is the score; of "
        "−(x̃ − x)/σ it is σ times the score, which is far too small where σ is."
    )
    right = (
        r"\score{s^*} = E\!\left[-\frac{\tilde x - x}{\sigma^2} \,\middle|\, \tilde x\right] = \nabla \log p"
    )
    wrong = r"\score{s^*} = E\!\left[-\frac{\tilde x - x}{\sigma} \,\middle|\, \tilde x\right] = \sigma\,\nabla \log p"
    source = "Vincent 2011, section 4.2"
    modes = ("reverse", "ode", "pc", "langevin", "annealed")

    def seen_in(self, sampler: Settings, sde: SDE) -> str:
        if sampler.mode != "ode" or sde.marginal(sde.T)[1] < 2:
            return self.seen
        return (
            "The pull is σ(t) times what it should be: where σ > 1 that is too much, and the ODE draws the cloud "
            "together into the middle; near the data it is too weak to take it apart again."
        )

    def broken(self, setup: Setup) -> Setup:
        right, sde = setup.score, setup.sde
        return replace(setup, score=lambda x, t: right(x, t) * sde.marginal(t)[1])


@MISTAKES.register("conditional_score", title="∇log q(xₜ | x₀) for the score", order=60)
@dataclass(frozen=True)
class ConditionalScore(Mistake):
    """The score of the transition from one data point, (alpha x_0 - x)/sigma², where that of p_t belongs."""

    about = "The score of the transition from one random data point used as if it were the marginal score."
    seen = (
        "With a new x₀ at every step the particles are pulled to and fro and end between the modes; with one x₀ "
        "for the whole run each ends on that data point: a copy of the data, and no field at all."
    )
    why = (
        "∇log q(xₜ) is the mean of ∇log q(xₜ | x₀) over the x₀ that could have become x, not that of any one x₀. "
        "In the loss either may stand, since the minimisers agree; in a sampler not."
    )
    right = r"\score{\nabla \log q(x_t)} = E_{x_0 \mid x_t}\!\left[\frac{\alpha x_0 - x_t}{\sigma^2}\right]"
    wrong = r"\score{\nabla \log q(x_t \mid x_0)} = \frac{\alpha x_0 - x_t}{\sigma^2},\; x_0 \sim p_0"
    source = "Vincent 2011; Song et al. 2021, eq. 7"
    modes = ("reverse", "ode", "pc", "langevin", "annealed")
    redraw: str = param(
        "step", "Data point", choices={"step": "a new one each time", "run": "one for the run"},
        help="Which x₀ each particle is told: another one at every noise level, or the same one all along.",
        equation="x₀ ~ p₀",
    )  # fmt: skip

    def idle(self, sampler: Settings, sde: SDE) -> str:
        if self._jumps(sampler):
            return "An adaptive solver cannot follow a score that jumps: choose another one, or one x₀ for the run."
        return super().idle(sampler, sde)

    def broken(self, setup: Setup) -> Setup:
        return setup if self._jumps(setup.sampler) else replace(setup, score=self._score(setup))

    def _jumps(self, sampler: Settings) -> bool:
        """Whether an adaptive solver would be asked to follow another x_0 at every t: it would try for ever."""
        return self.redraw == "step" and sampler.mode == "ode" and sampler.solver.adaptive

    def _score(self, setup: Setup) -> Callable[[torch.Tensor, float], torch.Tensor]:
        rng = np.random.default_rng(noise.seed_of(setup.seed, noise.DATA, 1))
        pool = torch.from_numpy(setup.mixture.sample(POOL, rng)[0])

        def score(x: torch.Tensor, t: float) -> torch.Tensor:
            # which point a particle is told follows from its row and t, so that a step can be taken apart again
            first = 0 if self.redraw == "run" else noise.seed_of(setup.seed, noise.DATA, int(t * 2**52))
            x0 = pool[(torch.arange(len(x)) + first) % POOL].to(x)
            alpha, sigma = setup.sde.marginal(t)
            return (alpha * x0 - x) / sigma**2

        return score
