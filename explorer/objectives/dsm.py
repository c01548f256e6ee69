"""Continuous denoising score matching: three choices of what each noise level weighs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from explorer.lazy import torch
from explorer.objectives.base import OBJECTIVES, Batch, Objective, denoising_loss
from explorer.params import param
from explorer.scores.spec import NOISE_HIGH, NOISE_LOW
from explorer.sdes.base import SDE

#: Where training starts in t (Song et al. 2021, appendix C).
T_START = 1e-5


class _Denoising(Objective):
    def loss(self, score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
        return denoising_loss(score, batch)


def _normal_quantile(u: torch.Tensor) -> torch.Tensor:
    return math.sqrt(2) * torch.erfinv(2 * u - 1)


@OBJECTIVES.register("dsm", title="Denoising, balanced", order=10)
@dataclass(frozen=True)
class BalancedDSM(_Denoising):
    """DSM with the weights and noise levels of EDM (Karras 2022): each level's target counts as of unit size.

    It knows no SDE: ln sigma is mostly normal, and now and then log-uniform over all that any SDE asks for.
    """

    about = "Denoising with weights that make every noise level equally hard; the levels belong to no SDE."
    equation = r"E λ(σ)‖D(y, σ) − x₀‖², λ = (σ² + σ_data²)/(σ σ_data)²"
    source = "Karras et al. 2022, Table 1"
    centre: float = param(
        -1.2, "Centre of ln σ", low=-3.0, high=1.0, minimum=-10.0, maximum=10.0, advanced=True,
        help="Mean of ln σ: the noise levels where samples take shape.",
    )  # fmt: skip
    spread: float = param(
        1.2, "Spread of ln σ", low=0.3, high=3.0, minimum=0.01, maximum=10.0, advanced=True,
        help="Standard deviation of ln σ.",
    )  # fmt: skip
    wide: float = param(
        0.1, "Part spread wide", low=0.0, high=1.0, maximum=1.0, advanced=True,
        help="Part of the points whose noise level is log-uniform over the whole range instead.",
    )  # fmt: skip

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        inner = ((u - self.wide) / (1 - self.wide + 1e-9)).clamp(1e-6, 1 - 1e-6)
        narrow = self.centre + self.spread * _normal_quantile(inner)
        low, high = math.log(NOISE_LOW), math.log(NOISE_HIGH)
        broad = low + (high - low) * u / max(self.wide, 1e-9)
        noise = torch.where(u < self.wide, broad, narrow).exp().clamp(NOISE_LOW, NOISE_HIGH)
        return noise, 1 + (noise / sigma_data) ** 2


@OBJECTIVES.register("dsm_sigma2", title="Denoising, weight σ²", order=20)
@dataclass(frozen=True)
class SigmaSquaredDSM(_Denoising):
    """[S21] eq. 7 with lambda = sigma² and t uniform: the loss of Song's code, |sigma s + z|²."""

    about = "The loss of Song et al.: t is uniform and every t weighs the same in units of the noise."
    equation = r"E_t ‖σ s(x_t, t) + z‖²"
    source = "Song et al. 2021, eq. 7"

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        noise = sde.noise_level(T_START + (sde.T - T_START) * u)
        return noise, torch.ones_like(u)


@OBJECTIVES.register("dsm_likelihood", title="Denoising, likelihood weight g²", order=30)
@dataclass(frozen=True)
class LikelihoodDSM(_Denoising):
    """lambda = g²: bounds the likelihood (Song et al. 2021b, Theorem 1), drawn with the importance of each t.

    With the sigma² already in the loss the weight is g²/sigma², and g²/sigma² dt = d ln(sigma²/alpha²) for
    every SDE here. So drawing t in proportion to it is drawing ln(sigma/alpha) uniformly, with one weight.
    """

    about = "Weights each time by g²: the loss then bounds the likelihood, and small noise counts most."
    equation = r"E_t g(t)² ‖s(x_t, t) + z/σ‖²"
    source = "Song et al. 2021b (maximum likelihood training), Theorem 1"

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = math.log(sde.noise_level(T_START)), math.log(min(sde.noise_level(sde.T), 1e9))
        return torch.exp(low + (high - low) * u), torch.ones_like(u)
