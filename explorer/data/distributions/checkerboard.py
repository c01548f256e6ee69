"""The black squares of a board."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import MAX_POINTS, SPACING, standard
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("checkerboard", title="Checkerboard", order=40)
@dataclass(frozen=True)
class Checkerboard(Distribution):
    """Every other square of a board, evenly filled; each square is a class."""

    about = "Uniform squares with hard edges and shared corners: hard to learn, easy to judge by eye."
    side: int = param(
        4, "Squares per side", symbol="m", low=2, high=8, maximum=12,
        help="The board is m × m.",
        equation="squares (i, j) with i + j ≡ m mod 2",
    )  # fmt: skip
    jitter: float = param(
        0.045, "Edge", symbol="s", low=0.04, high=0.15, minimum=0.02, maximum=0.5, log=True,
        help="Softness of the edges.",
        equation="x = u + s z, u on the squares",
    )  # fmt: skip

    def build(self) -> Mixture:
        squares = [(i, j) for j in range(self.side) for i in range(self.side) if (i + j) % 2 == self.side % 2]
        # a board of unit variance is sqrt(12) wide
        per_side = np.sqrt(12) / (self.side * SPACING * self.jitter)
        m = max(1, min(round(per_side), int(np.sqrt(MAX_POINTS / len(squares)))))
        cell = (np.stack(np.meshgrid(np.arange(m), np.arange(m)), axis=-1).reshape(-1, 2) + 0.5) / m
        points = np.concatenate([cell + square for square in squares])
        label = np.repeat(np.arange(len(squares)), m * m)
        names = tuple(f"square {i + 1}" for i in range(len(squares)))
        return Mixture.of_points(standard(points, jitter=self.jitter), self.jitter, label, names)
