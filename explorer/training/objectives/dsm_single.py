"""Denoising score matching as it was first written: one noise level."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.sdes.base import SDE
from explorer.networks.spec import NOISE_HIGH, NOISE_LOW
from explorer.training.objectives.base import OBJECTIVES, Denoising


@OBJECTIVES.register("dsm_single", title="Denoising at one σ", order=40)
@dataclass(frozen=True)
class SingleDSM(Denoising):
    """Vincent 2011: the score of p_sigma for one sigma alone. At other levels the network learns nothing."""

    short = "DSM, one σ"
    about = (
        "One noise level: the network learns the score of p_σ there and nothing elsewhere, so samplers that "
        "visit other levels go astray."
    )
    equation = r"E ∥s(x̃) + (x̃ − x)/σ²∥²"
    source = "Vincent 2011, eq. 9"
    sigma: float = param(
        0.3, "Noise level", symbol="σ", low=0.01, high=3.0, minimum=NOISE_LOW, maximum=NOISE_HIGH, log=True,
        help="The one σ/α that is learned. Small: hardly any bias, but targets of size 1/σ; large: the "
        "reverse. A network of one SDE takes the nearest level that its SDE has.",
        equation="target −z/σ",
    )  # fmt: skip

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full_like(u, self.sigma), torch.ones_like(u)
