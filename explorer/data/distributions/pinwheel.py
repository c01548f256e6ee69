"""A pinwheel of bent arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import MAX_POINTS, rotated, standard
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("pinwheel", title="Pinwheel", order=80)
@dataclass(frozen=True)
class Pinwheel(Distribution):
    """Radial Gaussian arms, thicker outside, twisted the more the closer to the centre; each is a class."""

    about = "Bent arms that taper to the centre: clusters that are neither round nor straight."
    arms: int = param(
        5, "Arms", symbol="m", low=2, high=8, maximum=12,
        help="How many arms.", equation="angles 2πi/m apart",
    )  # fmt: skip
    twist: float = param(
        1.5, "Twist", symbol="τ", low=-3.0, high=3.0, minimum=-6.0, maximum=6.0,
        help="How far the arms are bent, in radians per unit of length.",
        equation="angle = τ (ρ − 1), ρ ~ N(1, 0.32²)",
    )  # fmt: skip
    width: float = param(
        0.1, "Width", symbol="s", low=0.04, high=0.25, minimum=0.02, maximum=0.6, log=True,
        help="Standard deviation across an arm in its middle.",
        equation="s (0.35 + 0.65 ρ)",
    )  # fmt: skip

    def build(self) -> Mixture:
        along = np.linspace(-2.4, 2.4, min(MAX_POINTS // self.arms, 60))
        radius = 1 + 0.32 * along
        angle = self.twist * (radius - 1)
        arm = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points = np.concatenate([rotated(arm, 2 * np.pi * i / self.arms) for i in range(self.arms)])
        # evenly spaced points with Gaussian weights: finer in the tails than Gaussian points would be
        weights = np.tile(np.exp(-0.5 * along**2), self.arms)
        scales = np.tile(self.width * (0.35 + 0.65 * radius), self.arms)
        label = np.repeat(np.arange(self.arms), len(along))
        names = tuple(f"arm {i + 1}" for i in range(self.arms))
        points = standard(points, weights, self.width)
        return Mixture(
            weights / weights.sum(), points, np.stack([scales, scales], axis=1), None, label, names
        )
