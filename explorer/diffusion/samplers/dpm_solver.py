"""DPM-Solver-2: the single-step exponential integrator of order two."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.diffusion.samplers.base import SOLVERS, Predictor, Step, Terms
from explorer.diffusion.samplers.ddim import towards
from explorer.diffusion.samplers.process import Reverse


@SOLVERS.register("dpm_solver_2", title="DPM-Solver-2", order=60)
@dataclass(frozen=True)
class DPMSolver2(Predictor):
    """A DDIM step to the middle in log-SNR, whose noise prediction then serves for the whole step.

    Lu et al. 2022a, Algorithm 1 (r = ½).
    """

    order = 2.0
    stochastic = False
    nfe_per_step = 2
    source = "Lu et al. 2022a, Algorithm 1"
    equation = (
        r"x' = x \drift{+ (\frac{\alpha'}{\alpha} - 1) x} "
        r"+ \score{\tilde\sigma(\frac{\alpha'}{\alpha}\sigma - \sigma')\, \tilde s}"
    )

    def terms(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        middle = process.sde.time_at(math.sqrt(process.sde.noise_level(t) * process.sde.noise_level(t_next)))
        a, b, _ = towards(process, t, middle, 0.0)
        s = process.score((a * x).add_(process.score(x, t), alpha=b), middle)
        a, b, _ = towards(process, t, t_next, 0.0)
        _, sigma = process.sde.marginal(t)
        _, sigma_middle = process.sde.marginal(middle)
        return Terms((a - 1) * x, s * (b * (sigma_middle / sigma)), torch.zeros_like(x))

    def step(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        drift, score, _ = self.terms(process, x, t, t_next, z)
        x = drift.add_(x).add_(score)
        return Step(x, x)
