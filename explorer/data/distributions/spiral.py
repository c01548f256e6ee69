"""Archimedean spirals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import comb, rotated
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("spiral", title="Spirals", order=50)
@dataclass(frozen=True)
class Spiral(Distribution):
    """Arms r = a (theta + b), turned against each other; each arm is a class."""

    about = "Interleaved spiral arms: a long thin curve that folds close to itself."
    arms: int = param(
        2, "Arms", symbol="m", low=1, high=5, maximum=12,
        help="How many spirals.", equation="angles 2πi/m apart",
    )  # fmt: skip
    turns: float = param(
        1.5, "Turns", symbol="τ", low=0.4, high=3.0, minimum=0.1, maximum=6.0, help="Turns of each arm.",
        equation="u = ρ (cos 2πτρ, sin 2πτρ)",
    )  # fmt: skip
    jitter: float = param(
        0.04, "Width", symbol="s", low=0.02, high=0.15, minimum=0.005, maximum=0.5, log=True,
        help="Standard deviation around the curves.",
        equation="x = u + s z, u on the curves",
    )  # fmt: skip

    def build(self) -> Mixture:
        u = np.linspace(0.12, 1, 400)
        angle = 2 * np.pi * self.turns * u
        arm = u[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        arms = [rotated(arm, 2 * np.pi * i / self.arms) for i in range(self.arms)]
        points, label = comb(arms, self.jitter)
        names = tuple(f"arm {i + 1}" for i in range(self.arms))
        return Mixture.of_points(points, self.jitter, label, names)
