"""What is known of x_0: coordinates of it in an orthonormal basis ([S21] appendix I.2, I.3)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion.scores import Score


class Observation(ABC):
    """B x_0 = y + std ξ is known, the rows of B (k, d) being orthonormal and ξ (k,) standard normal.

    A coordinate, a projection, pixels, grey values and means of blocks are all of this kind. What is not known is
    the rest of an orthonormal basis that begins with the rows of B.
    """

    std: float

    @property
    @abstractmethod
    def y(self) -> np.ndarray:
        """What was observed (k,)."""

    @abstractmethod
    def seen(self, x: torch.Tensor) -> torch.Tensor:
        """B x (n, k) of x (n, d)."""

    @abstractmethod
    def placed(self, seen: torch.Tensor) -> torch.Tensor:
        """Bᵀ (n, k) -> (n, d): what is seen put in its place, and 0 along the rest."""

    def observed(self, like: torch.Tensor) -> torch.Tensor:
        """y (k,), of the type and device of a tensor."""
        return torch.as_tensor(self.y, dtype=like.dtype, device=like.device)

    def put_in(
        self, x: torch.Tensor, alpha: float, sigma: float, z: torch.Tensor, error: torch.Tensor
    ) -> torch.Tensor:
        """x (n, d) with its known part replaced by the observation under the forward noise; the rest stays.

        z and error, n k numbers each, are standard normal: the noise of the diffusion and that of the observation.
        """
        noisy = self.observed(x) + self.std * error.view(len(x), -1)
        return x - self.placed(self.seen(x)) + self.placed(alpha * noisy + sigma * z.view(len(x), -1))


@dataclass(frozen=True)
class Known(Observation):
    """One projection: aᵀx_0 = value + std ξ, ∥a∥ = 1."""

    direction: tuple[float, ...]
    value: float
    std: float = 0.0

    @property
    def y(self) -> np.ndarray:
        return np.array([self.value])

    def seen(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self._a(x))[:, None]

    def placed(self, seen: torch.Tensor) -> torch.Tensor:
        return seen * self._a(seen)

    def _a(self, like: torch.Tensor) -> torch.Tensor:
        return torch.tensor(self.direction, dtype=like.dtype, device=like.device)

    @property
    def words(self) -> str:
        """What is known, as "x₁ = 0.5"."""
        noise = f" ± {self.std:g}" if self.std else ""
        return f"{self._projection} = {self.value:.3g}{noise}"

    @property
    def _projection(self) -> str:
        """aᵀx in words: x, x₁, x₂ or the angle of the projection."""
        if len(self.direction) == 1:
            return "x"
        a = self.direction
        if abs(a[1]) < 1e-9:
            return "x₁"
        return "x₂" if abs(a[0]) < 1e-9 else f"aᵀx at {math.degrees(math.atan2(a[1], a[0])):.0f}°"


@dataclass(frozen=True, eq=False)
class GroupMeans(Observation):
    """The means (k,) of k groups of m coordinates each, no coordinate in two: `groups` (k, m) are their places in x.

    A row of B is 1/√m on its group, so y is √m times the means. Pixels are groups of one; a grey value is the mean
    of a pixel's channels; a pixel of low resolution is the mean of a block.
    """

    dim: int
    groups: np.ndarray
    means: np.ndarray
    std: float = 0.0

    @property
    def y(self) -> np.ndarray:
        return np.asarray(self.means * self._root)

    @property
    def _root(self) -> float:
        return math.sqrt(self.groups.shape[1])

    @cached_property
    def _places(self) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.groups, np.int64))

    def seen(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self._places.to(x.device)].sum(-1) / self._root

    def placed(self, seen: torch.Tensor) -> torch.Tensor:
        whole = seen.new_zeros(len(seen), self.dim)
        whole[:, self._places.to(seen.device)] = (seen / self._root)[..., None]
        return whole


@dataclass(frozen=True)
class Replaced:
    """A score whose sampler replaces what is `known` after each step (see simulate.Simulation)."""

    score: Score
    known: Observation

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return self.score(x, t)
