"""Langevin correctors."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.diffusion.samplers.base import CORRECTORS, Corrector
from explorer.diffusion.samplers.process import Reverse


@CORRECTORS.register("langevin", title="Langevin (snr rule)", order=10)
@dataclass(frozen=True)
class Langevin(Corrector):
    """ε = 2a (snr ∥z∥/∥s∥)², [S21] Algorithms 4 and 5.

    The norms are means over the batch, as in the paper's code. So the step depends on the n particles that there are,
    and more the fewer they are: on N(0, sigma² I) in d dimensions it settles at variance (1 + snr² + 4/(n d)) sigma²,
    measured from n d of about 40 on. For one particle in the plane ε has no mean, and the variance none that is finite.
    """

    source = "Song et al. 2021, Algorithms 4, 5"

    def epsilon(
        self, process: Reverse, score: torch.Tensor, t: float, a: float, snr: float, z: torch.Tensor
    ) -> float:
        norms = torch.linalg.vector_norm(torch.stack([score, z]).flatten(2), dim=2)
        score_norm, noise_norm = norms.mean(1).tolist()
        # a vanishing score allows any step; the prior's own scale is the largest that means anything
        return min(2 * a * (snr * noise_norm / max(score_norm, 1e-12)) ** 2, process.sde.prior_std**2 * 1e3)


@CORRECTORS.register("ald", title="Annealed Langevin", order=20)
@dataclass(frozen=True)
class AnnealedLangevin(Corrector):
    """ε = 2a (snr sigma)²: the step of annealed Langevin dynamics as a corrector ([S21] appendix G).

    On N(0, sigma² I) it settles at variance sigma²/(1 - snr²) and diverges for snr >= 1.
    """

    source = "Song et al. 2021, appendix G"

    def epsilon(
        self, process: Reverse, score: torch.Tensor, t: float, a: float, snr: float, z: torch.Tensor
    ) -> float:
        _, sigma = process.sde.marginal(t)
        return 2 * a * (snr * sigma) ** 2
