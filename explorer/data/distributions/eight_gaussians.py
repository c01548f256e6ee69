"""Eight Gaussians on a circle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("eight_gaussians", title="Eight Gaussians", order=10)
@dataclass(frozen=True)
class EightGaussians(Distribution):
    """Equal Gaussians at the corners of a regular polygon; each is a class."""

    about = "Eight equal modes on a ring: the standard first test of mode coverage."
    modes: int = param(
        8, "Modes", symbol="k", low=2, high=16, minimum=1, maximum=64,
        help="How many Gaussians.",
        equation="p = 1/k Σᵢ N(μᵢ, s² I)",
    )  # fmt: skip
    radius: float = param(
        1.4, "Radius", symbol="r", low=0.2, high=2.5, minimum=0.0, maximum=10.0,
        help="Of the ring.",
        equation="μᵢ = r (cos 2πi/k, sin 2πi/k)",
    )  # fmt: skip
    scale: float = param(
        0.12, "Width", symbol="s", low=0.02, high=0.5, minimum=0.001, maximum=5.0, log=True,
        help="Standard deviation of each Gaussian.",
        equation="N(μᵢ, s² I)",
    )  # fmt: skip

    def build(self) -> Mixture:
        angle = 2 * np.pi * np.arange(self.modes) / self.modes
        means = self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        names = tuple(f"mode {i + 1}" for i in range(self.modes))
        return Mixture.of_points(means, self.scale, np.arange(self.modes), names)
