"""Gaussians on a square grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import standard
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("grid25", title="5×5 grid", order=20)
@dataclass(frozen=True)
class Grid25(Distribution):
    """Equal Gaussians on a square grid; each is a class."""

    about = "Twenty-five equal modes on a grid: many modes to cover, with empty space between them."
    side: int = param(
        5, "Modes per side", symbol="m", low=2, high=8, maximum=16,
        help="The grid is m × m.", equation="p = 1/m² Σᵢⱼ N(μᵢⱼ, s² I)",
    )  # fmt: skip
    scale: float = param(
        0.08, "Width", symbol="s", low=0.02, high=0.3, minimum=0.001, maximum=0.8, log=True,
        help="Standard deviation of each Gaussian.",
        equation="N(μᵢⱼ, s² I)",
    )  # fmt: skip

    def build(self) -> Mixture:
        line = np.arange(self.side, dtype=np.float64)
        means = np.stack(np.meshgrid(line, -line), axis=-1).reshape(-1, 2)
        names = tuple(f"row {i + 1}, column {j + 1}" for i in range(self.side) for j in range(self.side))
        return Mixture.of_points(standard(means, jitter=self.scale), self.scale, np.arange(len(means)), names)
