"""The training pictures nearest to a sample: whether a network makes pictures or gives some back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from explorer.lazy import torch

#: A sample is called a copy where its nearest training picture is nearer than this part of the second nearest.
COPY = 1 / 3
#: Samples that are compared with all training pictures at once.
CHUNK = 256


class Nearest(NamedTuple):
    """Which training pictures are nearest to each sample (n, k), and how far: RMS over pixels (n, k)."""

    rows: np.ndarray
    distance: np.ndarray


def nearest(
    x: np.ndarray, among: np.ndarray, k: int = 2, picture: tuple[int, int, int] | None = None
) -> Nearest:
    """The k nearest of `among` (m, d) to each of x (n, d), nearest first.

    picture: the shape (c, h, w) of pictures that count as near as they are or as their mirror image is, whichever is
    nearer. It is one picture all the same: nearly symmetric ones would else be their own second nearest.
    """
    pool = torch.from_numpy(np.ascontiguousarray(among)).float()
    size = pool.square().sum(1)
    parts = []
    for some in torch.from_numpy(np.ascontiguousarray(x)).float().split(CHUNK):
        ways = [some] if picture is None else [some, some.view(-1, *picture).flip(-1).flatten(1)]
        squares = (w.square().sum(1, keepdim=True) + size - 2 * w @ pool.T for w in ways)
        index = torch.topk(reduce(torch.minimum, squares), k, largest=False).indices
        # anew for those found: the difference of large squares above is not exact near 0
        away = reduce(torch.minimum, ((w[:, None] - pool[index]).square().mean(-1).sqrt() for w in ways))
        order = away.argsort(1)
        parts.append((index.gather(1, order), away.gather(1, order)))
    rows, distances = (torch.cat(v).numpy() for v in zip(*parts, strict=True))
    return Nearest(rows, distances)


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

    picture: their shape (c, h, w) where a mirror image is a copy too; see `nearest`.
    """
    found, held = (nearest(v, train, picture=picture).distance for v in (x, held_out))
    near = np.quantile(held[:, 0], 0.05)
    return Copies(
        len(x), copied(found), copied(held), float((found[:, 0] < near).mean()),
        float(np.median(found[:, 0])), float(np.median(held[:, 0])),
    )  # fmt: skip


def copied(distance: np.ndarray) -> float:
    """The share of copies among samples, from the distances (n, 2) to their two nearest training pictures."""
    return float((distance[:, 0] < COPY * distance[:, 1]).mean())
