"""The pictures of a set that are nearest to a sample."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from explorer.base.lazy import torch

#: Samples that are compared with all pictures at once.
CHUNK = 256


class Nearest(NamedTuple):
    """Which pictures are nearest to each sample (n, k), and how far: RMS over the numbers of a picture (n, k).

    These run from -1 to 1: 2 is black against white.
    """

    rows: np.ndarray
    distance: np.ndarray


class Neighbours:
    """Flat pictures (m, d) in [-1, 1], to be searched by brute force.

    picture: the shape (c, h, w) of pictures that count as near as they are or as their mirror image is, whichever is
    nearer. It is one picture all the same: nearly symmetric ones would else be their own second nearest.
    """

    def __init__(self, points: np.ndarray, picture: tuple[int, int, int] | None = None) -> None:
        self.picture = picture
        self._points = torch.from_numpy(np.ascontiguousarray(points)).float()
        self._squares = self._points.square().sum(1)

    def __len__(self) -> int:
        return len(self._points)

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For points (n, d) the rows (n,) of those nearest to them, and how far they are (n,)."""
        found = self.nearest(x, 1)
        return found.rows[:, 0], found.distance[:, 0]

    def nearest(self, x: np.ndarray, k: int = 2) -> Nearest:
        """The k nearest to each of x (n, d), nearest first."""
        parts = [self._of(some, k) for some in torch.from_numpy(np.ascontiguousarray(x)).float().split(CHUNK)]
        rows, distances = (torch.cat(v).numpy() for v in zip(*parts, strict=True))
        return Nearest(rows, distances)

    def _of(self, x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        ways = [x] if self.picture is None else [x, x.view(-1, *self.picture).flip(-1).flatten(1)]
        squares = (w.square().sum(1, keepdim=True) + self._squares - 2 * w @ self._points.T for w in ways)
        rows = torch.topk(reduce(torch.minimum, squares), k, largest=False).indices
        # anew for those found: the difference of large squares above is not exact near 0
        away = reduce(
            torch.minimum, ((w[:, None] - self._points[rows]).square().mean(-1).sqrt() for w in ways)
        )
        order = away.argsort(1)
        return rows.gather(1, order), away.gather(1, order)
