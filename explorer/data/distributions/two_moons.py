"""Two interleaved half circles."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import arc, comb
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("two_moons", title="Two moons", order=30)
@dataclass(frozen=True)
class TwoMoons(Distribution):
    """Two half circles of radius 1, the lower one shifted into the upper one; each is a class."""

    about = "Two interleaved half circles: two classes that no straight line separates."
    shift: float = param(
        1.0, "Shift", symbol="Δ", low=0.0, high=2.5, minimum=-5.0, maximum=5.0,
        help="How far the lower moon is moved to the right, in radii.",
        equation="lower moon about (Δ, δ)",
    )  # fmt: skip
    gap: float = param(
        0.35, "Overlap", symbol="δ", low=-0.5, high=1.0, minimum=-3.0, maximum=3.0,
        help="How far the moons reach into each other, in radii; negative moves them apart.",
        equation="lower moon about (Δ, δ)",
    )  # fmt: skip
    jitter: float = param(
        0.07, "Width", symbol="s", low=0.02, high=0.3, minimum=0.005, maximum=0.8, log=True,
        help="Standard deviation around the curves.",
        equation="x = u + s z, u on the curves",
    )  # fmt: skip

    def build(self) -> Mixture:
        upper = arc((0, 0), (1, 1), 180, 0)
        lower = arc((self.shift, self.gap), (1, 1), 180, 360)
        points, label = comb([upper, lower], self.jitter)
        return Mixture.of_points(points, self.jitter, label, ("upper moon", "lower moon"))
