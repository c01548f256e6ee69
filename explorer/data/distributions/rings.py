"""Concentric rings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import arc, comb
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("rings", title="Rings", order=70)
@dataclass(frozen=True)
class Rings(Distribution):
    """Circles of evenly growing radius, as dense on each; each ring is a class."""

    about = "Concentric rings: closed curves with holes, each enclosing the next."
    rings: int = param(
        3, "Rings", symbol="m", low=1, high=6, maximum=10,
        help="How many rings.", equation="rᵢ even from r₁ to 1",
    )  # fmt: skip
    inner: float = param(
        0.3, "Inner radius", symbol="r₁", low=0.1, high=0.9, minimum=0.01, maximum=0.98,
        help="Radius of the innermost ring over that of the outermost.",
        visible=lambda owner: owner.rings > 1, equation="rᵢ even from r₁ to 1",
    )  # fmt: skip
    jitter: float = param(
        0.05, "Width", symbol="s", low=0.02, high=0.15, minimum=0.005, maximum=0.5, log=True,
        help="Standard deviation around the circles.",
        equation="x = rᵢ (cos φ, sin φ) + s z",
    )  # fmt: skip

    def build(self) -> Mixture:
        radii = np.linspace(1, self.inner, self.rings)[::-1]
        points, label = comb([arc((0, 0), (r, r), 0, 360) for r in radii], self.jitter)
        names = tuple(f"ring {i + 1}" for i in range(self.rings))
        return Mixture.of_points(points, self.jitter, label, names)
