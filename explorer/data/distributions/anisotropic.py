"""Tilted Gaussians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("anisotropic", title="Tilted Gaussians", order=90)
@dataclass(frozen=True)
class Anisotropic(Distribution):
    """Long Gaussians around a circle, each tilted against its radius; each is a class."""

    about = "Long thin modes in every direction: the score is steep across them and flat along them."
    modes: int = param(
        6, "Modes", symbol="k", low=2, high=10, minimum=1, maximum=40,
        help="How many Gaussians.",
        equation="p = 1/k Σᵢ N(μᵢ, Rᵢ diag(a², b²) Rᵢᵀ)",
    )  # fmt: skip
    tilt: float = param(
        35.0, "Tilt", symbol="φ", unit="°", low=-90.0, high=90.0, minimum=-180.0, maximum=180.0,
        help="Angle between the long axis of a mode and the radius through it.",
        equation="Rᵢ turns by 2πi/k + φ",
    )  # fmt: skip
    length: float = param(
        0.42, "Length", symbol="a", low=0.1, high=0.8, minimum=0.01, maximum=2.0,
        help="Standard deviation along the long axis.",
        equation="Rᵢ diag(a², b²) Rᵢᵀ",
    )  # fmt: skip
    thickness: float = param(
        0.07, "Thickness", symbol="b", low=0.02, high=0.4, minimum=0.005, maximum=2.0, log=True,
        help="Standard deviation along the short axis.",
        equation="Rᵢ diag(a², b²) Rᵢᵀ",
    )  # fmt: skip

    def build(self) -> Mixture:
        around = 2 * np.pi * np.arange(self.modes) / self.modes
        means = 1.35 * np.stack([np.cos(around), np.sin(around)], axis=1)
        c, s = np.cos(around + np.radians(self.tilt)), np.sin(around + np.radians(self.tilt))
        axes = np.stack([np.stack([c, -s], axis=1), np.stack([s, c], axis=1)], axis=1)
        scales = np.tile([self.length, self.thickness], (self.modes, 1))
        names = tuple(f"mode {i + 1}" for i in range(self.modes))
        weights = np.full(self.modes, 1 / self.modes)
        return Mixture(weights, means, scales, axes, np.arange(self.modes), names)
