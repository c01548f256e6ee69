"""Karras' stochastic sampler: Heun's method with noise put in before each step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.samplers.base import PREDICTORS, Predictor, Step, Terms, Walk
from explorer.diffusion.samplers.process import LARGEST, Reverse


@PREDICTORS.register("edm_churn", title="EDM Heun with churn", order=70)
@dataclass(frozen=True)
class EDMChurn(Predictor):
    """In y = x/alpha at level v = sigma/alpha: up to v̂ = (1 + γ) v with noise, then Heun's step down to v'.

    γ = min(η² S_churn/N, sqrt(2) - 1) where S_tmin <= v <= S_tmax, else 0: η = 1 is Karras et al. 2022,
    Algorithm 2, η = 0 its Algorithm 1. Above the SDE's highest level the denoiser of that level is asked. The
    noise is taken out again by the step it belongs to, so the last step is its own mean. `step` alone is a
    run of one.
    """

    order = 1.0
    stochastic = True
    nfe_per_step = 2
    own_noise = True
    source = "Karras et al. 2022, Algorithm 2"
    equation = (
        r"x' = x \drift{+ (\frac{\alpha'}{\alpha} - 1) x} \quad "
        r"+ \score{\frac{\alpha'}{2}(v' - \hat v)(d + d')} "
        r"+ \noise{\alpha' S_{noise} \sqrt{\hat v^2 - v^2}\, z}"
    )
    s_churn: float = param(
        10.0, "Churn", symbol="S_churn", low=0.0, high=100.0, minimum=0.0, maximum=1e4,
        help="How much noise goes in during the whole run: γ = η² S_churn/N of the level at each step, at most "
        "√2 − 1.",
        equation="Karras et al. 2022, Alg. 2",
    )  # fmt: skip
    s_tmin: float = param(
        0.0, "Churn from level", symbol="S_tmin", low=0.0, high=1.0, minimum=0.0, maximum=1e9,
        help="No noise goes in where σ/α is below this.", equation="Karras et al. 2022, Alg. 2",
    )  # fmt: skip
    s_tmax: float = param(
        1000.0, "Churn to level", symbol="S_tmax", low=0.1, high=1000.0, minimum=0.0, maximum=1e9, log=True,
        help="No noise goes in where σ/α is above this.", equation="Karras et al. 2022, Alg. 2",
    )  # fmt: skip
    s_noise: float = param(
        1.0, "Noise factor", symbol="S_noise", low=0.9, high=1.1, minimum=0.0, maximum=10.0,
        help="Standard deviation of the new noise; a little above 1 makes up for a network that denoises too "
        "much.",
        equation="Karras et al. 2022, Alg. 2",
    )  # fmt: skip

    def begin(self, process: Reverse, times: list[float]) -> Walk:
        return _Churning(self, process, times)

    def step(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        return self.begin(process, [t, t_next]).step(x, t, t_next, z)

    def terms(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        return self.begin(process, [t, t_next]).terms(x, t, t_next, z)

    def churned(self, process: Reverse, level: float, steps: int) -> float:
        """v̂ for a step that starts at `level`, one of `steps`."""
        if not self.s_tmin <= level <= self.s_tmax:
            return level
        gamma = min(process.eta**2 * self.s_churn / steps, math.sqrt(2) - 1)
        return (1 + gamma) * level


class _Churning(Walk):
    """Knows the number of steps."""

    method: EDMChurn

    def terms(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        sde, unit = self.process.sde, self.process.unit
        (alpha, _), (alpha_next, _) = sde.marginal(t), sde.marginal(t_next)
        level, next_level = sde.noise_level(t), sde.noise_level(t_next)
        hat = self.method.churned(self.process, level, len(self.times) - 1)
        noise = z * (self.method.s_noise * math.sqrt(hat**2 - level**2) * unit)
        y = torch.add(noise, x, alpha=unit / alpha)
        slope = self._slope(y, hat, sde.time_at(hat) if hat > level else t)
        end = torch.add(y, slope, alpha=(next_level - hat) * unit)
        slope = slope + self._slope(end, next_level, t_next)
        score = slope.mul_(max(0.5 * alpha_next * (next_level - hat), -LARGEST))
        return Terms(x * (self.process.growth(t, t_next) - 1), score, noise.mul_(alpha_next / unit))

    def step(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        drift, score, noise = self.terms(x, t, t_next, z)
        x = drift.add_(x).add_(score).add_(noise)
        return Step(x, x)

    def _slope(self, y: torch.Tensor, level: float, t: float) -> torch.Tensor:
        """dy/dv = (y - D(y; v))/v, D from the score at t: -sigma s, but for a level above the highest."""
        alpha, sigma = self.process.sde.marginal(t)
        return self.process.score(y * (alpha / self.process.unit), t) * (-sigma * (sigma / alpha / level))
