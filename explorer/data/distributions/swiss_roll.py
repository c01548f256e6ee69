"""The Swiss roll, seen from its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import SPACING, along, lengths, standard
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("swiss_roll", title="Swiss roll", order=60)
@dataclass(frozen=True)
class SwissRoll(Distribution):
    """r = theta for theta uniform on an interval, so the density falls off as 1/r towards the outside."""

    about = "One rolled-up sheet whose density falls towards the outside: inner windings come first."
    turns: float = param(
        1.75, "Turns", symbol="τ", low=0.5, high=3.0, minimum=0.2, maximum=6.0,
        help="Of the roll.",
        equation="u = θ (cos θ, sin θ), θ ≤ 2π(θ₀ + τ)",
    )  # fmt: skip
    start: float = param(
        0.75, "Hollow", symbol="θ₀", low=0.1, high=1.5, minimum=0.0, maximum=5.0,
        help="Where the roll starts, in turns: the larger, the wider the hole in its middle.",
        equation="θ ≥ 2πθ₀",
    )  # fmt: skip
    jitter: float = param(
        0.08, "Thickness", symbol="s", low=0.02, high=0.2, minimum=0.005, maximum=0.6, log=True,
        help="Standard deviation around the sheet.",
        equation="x = u + s z, u on the sheet",
    )  # fmt: skip

    def build(self) -> Mixture:
        theta = 2 * np.pi * np.linspace(self.start, self.start + self.turns, 2000)
        curve = theta[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=1)
        length = float(lengths(curve / curve.std(axis=0).mean())[-1])
        points = along(curve, min(800, int(1.2 * length / (SPACING * self.jitter)) + 2))
        # even spacing keeps the comb fine everywhere; the weights make theta uniform
        weights = 1 / np.sqrt(1 + (points**2).sum(axis=1))
        return Mixture.of_points(standard(points, weights, self.jitter), self.jitter, weights=weights)
