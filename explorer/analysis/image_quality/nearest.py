"""The training pictures nearest to a sample: whether a network makes pictures or gives some back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from explorer.data.images.nearest import Nearest, Neighbours

#: A sample is called a copy where its nearest training picture is nearer than this part of the second nearest.
COPY = 1 / 3


def nearest(
    x: np.ndarray, among: np.ndarray, k: int = 2, picture: tuple[int, int, int] | None = None
) -> Nearest:
    """The k nearest of `among` (m, d) to each of x (n, d), nearest first; `picture` where mirror images count too."""
    return Neighbours(among, picture).nearest(x, k)


@dataclass(frozen=True)
class Copies:
    """Shares of samples, beside those of held-out pictures, which nobody can have copied.

    rate: the nearest training picture is less than a third as far as the second nearest (Yoon et al. 2023).
    close: it is nearer than to 19 of 20 held-out pictures; of these themselves 0.05 by definition. distance: the
    median of the distance to the nearest, RMS over pixels of [-1, 1].
    """

    n: int
    rate: float
    held_rate: float
    close: float
    distance: float
    held_distance: float

    @property
    def error(self) -> float:
        """The standard error of `rate`."""
        return math.sqrt(max(self.rate * (1 - self.rate), 1 / self.n) / self.n)


def copies(
    x: np.ndarray, train: np.ndarray, held_out: np.ndarray, picture: tuple[int, int, int] | None = None
) -> Copies:
    """How often samples x (n, d) are training pictures given back; all are flat pictures in [-1, 1].

    picture: their shape (c, h, w) where a mirror image is a copy too; see `Neighbours`.
    """
    pool = Neighbours(train, picture)
    found, held = (pool.nearest(v).distance for v in (x, held_out))
    near = np.quantile(held[:, 0], 0.05)
    return Copies(
        len(x), copied(found), copied(held), float((found[:, 0] < near).mean()),
        float(np.median(found[:, 0])), float(np.median(held[:, 0])),
    )  # fmt: skip


def copied(distance: np.ndarray) -> float:
    """The share of copies among samples, from the distances (n, 2) to their two nearest training pictures."""
    return float((distance[:, 0] < COPY * distance[:, 1]).mean())
