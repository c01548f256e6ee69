"""Two far modes of unequal weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("unequal_modes", title="Unequal modes", order=200)
@dataclass(frozen=True)
class UnequalModes(Distribution):
    """Two Gaussians on a diagonal, mean 0; each is a class.

    Where they do not overlap, the score near each is the same whatever the weights are: so Langevin dynamics
    cannot find the weights (Song and Ermon 2019, section 3.2.2).
    """

    about = (
        "Weights 0.8 and 0.2, far apart: the score hardly knows the weights, so Langevin mixes too slowly."
    )
    weight: float = param(
        0.8, "Weight", symbol="w", low=0.5, high=0.95, minimum=0.001, maximum=0.999,
        help="Of the mode at the lower left; the other has the rest.",
        equation="p = w N(μ₁, s² I) + (1 − w) N(μ₂, s² I)",
    )  # fmt: skip
    distance: float = param(
        3.2, "Distance", symbol="D", low=1.0, high=5.0, minimum=0.0, maximum=20.0, help="Between the modes.",
        equation="∥μ₁ − μ₂∥ = D",
    )  # fmt: skip
    scale: float = param(
        0.25, "Width", symbol="s", low=0.1, high=0.8, minimum=0.01, maximum=5.0, log=True,
        help="Standard deviation of each mode.",
        equation="N(μᵢ, s² I)",
    )  # fmt: skip

    def build(self) -> Mixture:
        weights = np.array([self.weight, 1 - self.weight])
        along = self.distance * np.array([self.weight - 1, self.weight])
        means = np.stack([along, along], axis=1) / np.sqrt(2)
        return Mixture.of_points(means, self.scale, np.arange(2), ("heavy mode", "light mode"), weights)
