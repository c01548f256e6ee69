"""Continuous denoising score matching: three choices of what each noise level weighs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.diffusion.sdes.base import SDE
from explorer.training.objectives.base import OBJECTIVES, Denoising
from explorer.training.objectives.levels import T_START, AnyLevel


@OBJECTIVES.register("dsm", title="Denoising, balanced", order=10)
@dataclass(frozen=True)
class BalancedDSM(AnyLevel, Denoising):
    """DSM with the weights and noise levels of EDM (Karras 2022): each level's target counts as of unit size.

    It knows no SDE: ln sigma is mostly normal, and now and then log-uniform over all that any SDE asks for.
    """

    short = "DSM"
    about = "Denoising with weights that make every noise level equally hard; the levels belong to no SDE."
    equation = r"E λ(σ)∥D(y, σ) − x₀∥², λ = (σ² + σ_data²)/(σ σ_data)²"
    source = "Karras et al. 2022, Table 1"


@OBJECTIVES.register("dsm_sigma2", title="Denoising, weight σ²", order=20)
@dataclass(frozen=True)
class SigmaSquaredDSM(Denoising):
    """[S21] eq. 7 with lambda = sigma² and t uniform: the loss of Song's code, |sigma s + z|²."""

    short = "DSM, σ²"
    about = "The loss of Song et al.: t is uniform and every t weighs the same in units of the noise."
    equation = r"E_t ∥σ s(x_t, t) + z∥²"
    source = "Song et al. 2021, eq. 7"

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        noise = sde.noise_level(T_START + (sde.T - T_START) * u)
        return noise, torch.ones_like(u)


@OBJECTIVES.register("dsm_likelihood", title="Denoising, likelihood weight g²", order=30)
@dataclass(frozen=True)
class LikelihoodDSM(Denoising):
    """lambda = g²: bounds the likelihood (Song et al. 2021b, Theorem 1), drawn with the importance of each t.

    With the sigma² already in the loss the weight is g²/sigma², and g²/sigma² dt = d ln(sigma²/alpha²) for
    every SDE here. So drawing t in proportion to it is drawing ln(sigma/alpha) uniformly, with one weight.
    """

    short = "DSM, g²"
    about = "Weights each time by g²: the loss then bounds the likelihood, and small noise counts most."
    equation = r"E_t g(t)² ∥s(x_t, t) + z/σ∥²"
    source = "Song et al. 2021b (maximum likelihood training), Theorem 1"

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = math.log(sde.noise_level(T_START)), math.log(min(sde.noise_level(sde.T), 1e9))
        return torch.exp(low + (high - low) * u), torch.ones_like(u)
