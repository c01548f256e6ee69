"""What every objective has in common: which noise levels it visits, and a loss at them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from explorer.lazy import torch
from explorer.params import Validated
from explorer.registry import Registry
from explorer.sdes.base import SDE

OBJECTIVES: Registry[Objective] = Registry("objective", "explorer.objectives")


@dataclass(frozen=True)
class Batch:
    """x = alpha x0 + sigma z: clean x0, noise z and noisy x (m, r, d); t, alpha, sigma (m, 1).

    r points share each of m noise levels, so that a level is embedded once for r points.
    """

    x0: torch.Tensor
    z: torch.Tensor
    x: torch.Tensor
    t: torch.Tensor
    alpha: torch.Tensor
    sigma: torch.Tensor


class Objective(Validated, ABC):
    """Subclasses are frozen dataclasses registered in OBJECTIVES."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: One sentence for the card, the equation, and where it stands.
    about: ClassVar[str] = ""
    equation: ClassVar[str] = ""
    source: ClassVar[str] = ""

    @abstractmethod
    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise levels sigma/alpha (m,) for u (m,) uniform on (0, 1), and their weights (m,).

        A map from u lets the trainer draw u stratified, one in each of m equal intervals, which is
        low-variance time sampling for every objective at once.
        """

    @abstractmethod
    def loss(self, score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
        """The loss of each point (m, r), times sigma² and before the weight. `score`: x -> s of x's shape."""


def denoising_loss(score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
    """|sigma s(x) + z|², Vincent 2011 with weight sigma²; its minimiser is the score of p_t."""
    error = batch.sigma[..., None] * score(batch.x) + batch.z
    return error.square().sum(-1)
