"""The noise-conditional score network's objective: a ladder of noise levels."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import ParamError, param
from explorer.diffusion.sdes.base import SDE
from explorer.networks.spec import NOISE_HIGH, NOISE_LOW
from explorer.training.objectives.base import OBJECTIVES, Denoising


@OBJECTIVES.register("ncsn", title="Denoising on a ladder (NCSN)", order=50)
@dataclass(frozen=True)
class LadderDSM(Denoising):
    """Song & Ermon 2019: L levels in geometric steps, each equally often, weighted by lambda = sigma².

    Between two levels the network fills in by itself.
    """

    short = "NCSN"
    about = "A ladder of L noise levels with weight σ², since ∥s∥ is of size 1/σ; between them it fills in."
    equation = r"1/L Σᵢ σᵢ² E ∥s(x̃, σᵢ) + (x̃ − x)/σᵢ²∥²"
    source = "Song & Ermon 2019, eq. 6"
    count: int = param(
        10, "Levels", symbol="L", low=2, high=50, minimum=1, maximum=10000,
        help="Number of levels on the ladder.",
        equation="σᵢ = σ₁ (σ_L/σ₁)^((i−1)/(L−1))",
    )  # fmt: skip
    high: float = param(
        10.0, "Highest level", symbol="σ_1", low=1.0, high=50.0, minimum=NOISE_LOW, maximum=NOISE_HIGH,
        log=True, help="About the largest distance between two data points, so that all modes melt into one.",
        equation="σ₁ > σ₂ > … > σ_L",
    )  # fmt: skip
    low: float = param(
        0.01, "Lowest level", symbol="σ_L", low=0.005, high=0.5, minimum=NOISE_LOW, maximum=NOISE_HIGH,
        log=True, help="So small that p_σ is the data to the eye.",
        equation="σ₁ > σ₂ > … > σ_L",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low > self.high:
            raise ParamError(f"ncsn.low must be at most ncsn.high, not {self.low:g} > {self.high:g}")

    def ladder(self) -> list[float]:
        """sigma_1 > ... > sigma_L, in geometric steps."""
        ratio = (self.low / self.high) ** (1 / max(self.count - 1, 1))
        return [self.high * ratio**i for i in range(self.count)]

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        rung = (u * self.count).long().clamp(0, self.count - 1)
        return torch.tensor(self.ladder(), dtype=u.dtype, device=u.device)[rung], torch.ones_like(u)
