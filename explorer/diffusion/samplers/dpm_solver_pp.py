"""DPM-Solver++(2M): two steps of memory in log-SNR, for the ODE and with noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.samplers.base import PREDICTORS, SOLVERS, Predictor, Step, Terms, Walk
from explorer.diffusion.samplers.process import Reverse


@dataclass(frozen=True)
class _DPMSolverPP(Predictor):
    memory = True
    lower_order_final: bool = param(
        True, "Lower-order final step",
        help="With fewer than 15 steps the last one does not look back: it is much longer in log-SNR than the "
        "one before, from which it would extrapolate.",
        equation="Lu et al. 2022b, section 5 (as in the authors' code)",
    )  # fmt: skip

    def begin(self, process: Reverse, times: list[float]) -> Walk:
        return _Remembering(self, process, times, self.lower_order_final and len(times) <= 15)

    def step(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        return self.begin(process, [t, t_next]).step(x, t, t_next, z)

    def terms(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        step = self.step(process, x, t, t_next, z)
        drift = (process.growth(t, t_next) - 1) * x
        return Terms(drift, step.mean - x - drift, step.x - step.mean)


class _Remembering(Walk):
    """Keeps the x_0 that the last step predicted (in the process's unit), and how long that step was in log-SNR."""

    def __init__(self, method: Predictor, process: Reverse, times: list[float], cautious: bool) -> None:
        super().__init__(method, process, times)
        self.cautious = cautious
        self.before: tuple[torch.Tensor, float] | None = None

    def step(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        (alpha_next, sigma_next), noise = self.process.sde.marginal(t_next), self.process.eta**2
        _, sigma = self.process.sde.marginal(t)
        level, level_next = self.process.sde.noise_level(t), self.process.sde.noise_level(t_next)
        h = math.log(level / level_next)
        x0 = self._extrapolated(self.process.denoised(x, t), h, last=t_next == self.times[-1])
        mean = (x * (sigma_next / sigma * math.exp(-noise * h))).add_(
            x0, alpha=-alpha_next / self.process.unit * math.expm1(-(1 + noise) * h)
        )
        c = sigma_next * math.sqrt(-math.expm1(-2 * noise * h))
        return Step(torch.add(mean, z, alpha=c) if c else mean, mean)

    def _extrapolated(self, x0: torch.Tensor, h: float, last: bool) -> torch.Tensor:
        """x_0 in the middle of the step: along the line through this prediction and the one before."""
        before, self.before = self.before, (x0, h)
        if before is None or (last and self.cautious):
            return x0
        x0_before, h_before = before
        return torch.lerp(x0_before, x0, 1 + 0.5 * h / h_before)


@SOLVERS.register("dpm_solver_pp_2m", title="DPM-Solver++(2M)", order=70)
@dataclass(frozen=True)
class DPMSolverPP2M(_DPMSolverPP):
    """The predicted x_0 extrapolated from this step's and the last one's: order 2 at one evaluation a step.

    Lu et al. 2022b, Algorithm 2. With h the step in log(alpha/sigma) and D̃ = D + (h/2h₋)(D - D₋).
    """

    order = 2.0
    stochastic = False
    source = "Lu et al. 2022b, Algorithm 2"
    equation = (
        r"x' = x \drift{+ (\frac{\alpha'}{\alpha} - 1) x} "
        r"+ \score{\alpha'(1 - e^{-h})(\tilde D - \frac{x}{\alpha})},\;"
        r"\tilde D = D + \frac{h}{2h_{i-1}}(D - D_{i-1})"
    )


@PREDICTORS.register("sde_dpm_solver_pp_2m", title="SDE-DPM-Solver++(2M)", order=60)
@dataclass(frozen=True)
class SDEDPMSolverPP2M(_DPMSolverPP):
    """DPM-Solver++(2M) for the reverse SDE with stochasticity η: the linear part and its noise exactly.

    Lu et al. 2022b, section 6.2 (η = 1). For η = 0 it is DPM-Solver++(2M).
    """

    order = 1.0
    stochastic = True
    source = "Lu et al. 2022b, eq. 18"
    equation = (
        r"x' = x \drift{+ (\frac{\alpha'}{\alpha} - 1) x} \quad "
        r"+ \score{\alpha'(1 - e^{-(1+\eta^2)h})(\tilde D - \frac{x}{\alpha})} "
        r"+ \noise{\sigma' \sqrt{1 - e^{-2\eta^2 h}}\, z}"
    )
