"""The noise levels that belong to no SDE: ln sigma mostly normal, now and then anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.sdes.base import SDE
from explorer.networks.spec import NOISE_HIGH, NOISE_LOW
from explorer.training.objectives.base import Objective

#: Where training starts in t (Song et al. 2021, appendix C).
T_START = 1e-5


@dataclass(frozen=True)
class AnyLevel(Objective):
    """Levels as in EDM (Karras 2022): ln sigma is normal, and sometimes log-uniform over all any SDE asks for."""

    centre: float = param(
        -1.2, "Centre of ln σ", symbol="P_mean", low=-3.0, high=1.0, minimum=-10.0, maximum=10.0, advanced=True,
        help="Mean of ln σ: the noise levels where samples take shape.", equation="ln σ ~ N(P_mean, P_std²)",
    )  # fmt: skip
    spread: float = param(
        1.2, "Spread of ln σ", symbol="P_std", low=0.3, high=3.0, minimum=0.01, maximum=10.0, advanced=True,
        help="Standard deviation of ln σ.", equation="ln σ ~ N(P_mean, P_std²)",
    )  # fmt: skip
    wide: float = param(
        0.1, "Part spread wide", symbol="w", low=0.0, high=1.0, maximum=1.0, advanced=True,
        help="Part of the points whose noise level is log-uniform over the whole range instead.",
        equation="w U(ln σ_low, ln σ_high) + (1 − w) N(P_mean, P_std²)",
    )  # fmt: skip

    low: float = param(
        NOISE_LOW, "Lowest σ", symbol="σ_low", low=1e-4, high=1e-2, minimum=1e-9, maximum=1.0, log=True,
        advanced=True, help="The lowest noise level there is.", equation="σ ≥ σ_low",
    )  # fmt: skip

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        inner = ((u - self.wide) / (1 - self.wide + 1e-9)).clamp(1e-6, 1 - 1e-6)
        narrow = self.centre + self.spread * _normal_quantile(inner)
        low, high = math.log(self.low), math.log(NOISE_HIGH)
        broad = low + (high - low) * u / max(self.wide, 1e-9)
        noise = torch.where(u < self.wide, broad, narrow).exp().clamp(self.low, NOISE_HIGH)
        return noise, self.weight(noise, sigma_data)

    def weight(self, noise: torch.Tensor, sigma_data: float) -> torch.Tensor:
        """EDM's weight over sigma²: with it the last layer's target has unit size at every level."""
        return 1 + (noise / sigma_data) ** 2


def _normal_quantile(u: torch.Tensor) -> torch.Tensor:
    return math.sqrt(2) * torch.erfinv(2 * u - 1)
