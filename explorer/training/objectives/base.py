"""What every objective has in common: which noise levels it visits, and a loss at them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from explorer.base.lazy import torch
from explorer.base.params import Validated
from explorer.base.registry import Registry
from explorer.diffusion.sdes.base import SDE

OBJECTIVES: Registry[Objective] = Registry("objective", "explorer.training.objectives")


@dataclass(frozen=True)
class Batch:
    """x = alpha x0 + sigma z: clean x0, noise z and noisy x (m, r, d); t, alpha, sigma (m, 1).

    r points share each of m noise levels, so that a level is embedded once for r points. `exact` gives the
    exact score at points (m, r, d) of these levels, for the one objective that may ask for it. `extra` is
    what the objective drew for itself (`Objective.extra`).
    """

    x0: torch.Tensor
    z: torch.Tensor
    x: torch.Tensor
    t: torch.Tensor
    alpha: torch.Tensor
    sigma: torch.Tensor
    exact: Callable[[torch.Tensor], torch.Tensor] | None = None
    extra: torch.Tensor | None = None


class Objective(Validated, ABC):
    """Subclasses are frozen dataclasses registered in OBJECTIVES.

    In expectation every loss here is sigma²|s - exact|², the Fisher divergence in units of the noise, plus a
    constant that no network can change (`floor` is that constant). So all have the same minimiser, and before
    their weights the same gradients on average; what differs is their noise and their cost.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    #: Its name in the papers, for legends.
    short: ClassVar[str] = ""
    #: One sentence for the card, the equation, and where it stands.
    about: ClassVar[str] = ""
    equation: ClassVar[str] = ""
    source: ClassVar[str] = ""
    #: Whether a step may be replayed from a CUDA graph (one that differentiates twice is not).
    capturable: ClassVar[bool] = True
    #: Whether it also learns the scores of classes, when the network has labels.
    labelled: ClassVar[bool] = True

    @abstractmethod
    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise levels sigma/alpha (m,) for u (m,) uniform on (0, 1), and their weights (m,).

        A map from u lets the trainer draw u stratified, one in each of m equal intervals, which is
        low-variance time sampling for every objective at once.
        """

    @abstractmethod
    def loss(self, score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
        """The loss of each point (m, r), times sigma² and before the weight. `score`: x -> s of x's shape."""

    @abstractmethod
    def floor(self, exact: torch.Tensor, batch: Batch) -> torch.Tensor:
        """What has the mean of the exact score's loss, for each point (m, r); `exact` is that score (m, r, d)."""

    def extra(
        self, points: Callable[[int], torch.Tensor], shape: torch.Size, random: torch.Generator
    ) -> torch.Tensor | None:
        """What the objective draws for a batch of `shape` (m, r, d) beyond x0 and z; None for nothing.

        `points` gives so many independent draws of the data (n, d).
        """
        return None

    def terms(self, score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> dict[str, torch.Tensor]:
        """The parts (m, r) of the loss by their formulas; they sum to it."""
        return {"loss": self.loss(score, batch)}


class Regression(Objective):
    """Objectives that pull sigma s(x) to a target: |sigma s - target|²."""

    @abstractmethod
    def target(self, batch: Batch) -> torch.Tensor:
        """What sigma s(x) is pulled to (m, r, d): of unit size at every noise level."""

    def loss(self, score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
        return self._squared(score(batch.x), batch)

    def floor(self, exact: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self._squared(exact, batch)

    def terms(self, score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> dict[str, torch.Tensor]:
        return {"∥σ s − target∥²": self.loss(score, batch)}

    def _squared(self, score: torch.Tensor, batch: Batch) -> torch.Tensor:
        return (batch.sigma[..., None] * score - self.target(batch)).square().sum(-1)


class Denoising(Regression):
    """Regression on the noise that was added (Vincent 2011): |sigma s + z|²; its minimiser is the score of p_t."""

    def target(self, batch: Batch) -> torch.Tensor:
        return -batch.z
