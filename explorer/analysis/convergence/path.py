"""One Brownian path, drawn finely, that every coarser grid of its family reads exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from explorer.base.errors import Refused
from explorer.base.lazy import torch
from explorer.diffusion import noise


@dataclass
class SharedPath:
    """Increments and areas of one path for every grid that takes each k-th of the fine, falling `times`.

    Drawn once as `noise.BrownianArea` and added up for coarser grids: bridging anew on each grid would read
    one path only to the grid's own resolution, which on uneven grids is as large as the errors to be seen.
    """

    seed: int
    shape: tuple[int, ...]
    times: list[float]
    _kept: dict[int, np.ndarray] = field(default_factory=dict, init=False)

    def grid(self, n: int) -> list[float]:
        """The n+1 times of the coarser grid."""
        return self.times[:: self._stride(n)]

    def increments(self, n: int, draws: int = 1) -> Iterator[torch.Tensor]:
        """The normalised increments z (shape) of each of n steps, or with two draws (2, *shape): z and the area.

        In double precision; what they mean is said at `noise.BrownianArea`.
        """
        stride = self._stride(n)
        if stride not in self._kept:
            self._kept[stride] = self._added(stride)
        for pair in self._kept[stride]:
            yield torch.from_numpy(pair if draws == 2 else pair[0])

    def _stride(self, n: int) -> int:
        fine = len(self.times) - 1
        if fine % n:
            raise Refused(f"{n} steps do not divide the {fine} of the path")
        return fine // n

    def _added(self, stride: int) -> np.ndarray:
        """(z, u) of the steps of `stride` fine ones, (n, 2, *shape): ∫ W of a step is that of its parts, each
        with what the path had risen before it."""
        if stride == 1:
            return self._fine()
        fine = self._kept.setdefault(1, self._fine())
        h = -np.diff(self.times).reshape(-1, stride, *([1] * len(self.shape)))
        z, u = (fine[:, k].reshape(-1, stride, *self.shape) for k in range(2))
        rises = np.sqrt(h) * z
        before = np.cumsum(rises, axis=1) - rises
        areas = (h**1.5 * (0.5 * z + u / math.sqrt(12)) + h * before).sum(axis=1)
        whole = h.sum(axis=1)
        z = rises.sum(axis=1) / np.sqrt(whole)
        return np.stack([z, (areas / whole**1.5 - 0.5 * z) * math.sqrt(12)], axis=1)

    def _fine(self) -> np.ndarray:
        area = noise.BrownianArea(self.seed, self.shape, (self.times[-1], self.times[0]))
        return np.stack([pair.double().numpy() for pair in area.increments(self.times)])
