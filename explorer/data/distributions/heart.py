"""A heart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import SPACING, filled, standard, standardisation
from explorer.data.distributions.mixture import Mixture


def _outline(plumpness: float) -> np.ndarray:
    """The curve (m, 2) of the classical heart, about 2 wide; `plumpness` widens it."""
    t = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    x = np.sin(t) ** 3
    y = (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    return np.stack([plumpness * x, y], axis=1)


@DISTRIBUTIONS.register("heart", title="Heart", order=120)
@dataclass(frozen=True)
class Heart(Distribution):
    """A heart, full or with a smaller heart cut out of it."""

    about = "An evenly filled area with a cusp and a notch; hollow it out and it becomes a curve."
    hollow: float = param(
        0.0, "Hollow", symbol="h", low=0.0, high=0.9, minimum=0.0, maximum=0.95,
        help="Size of the heart that is cut out, over that of the whole.",
        equation=r"H \ h H",
    )  # fmt: skip
    plumpness: float = param(
        1.05, "Width", symbol="w", low=0.6, high=1.5, minimum=0.3, maximum=3.0,
        help="Over height.",
        equation="(u₁, u₂) → (w u₁, u₂)",
    )  # fmt: skip
    jitter: float = param(
        0.07, "Edge", symbol="s", low=0.055, high=0.2, minimum=0.02, maximum=0.6, log=True,
        help="Softness of the edge.",
        equation="x = u + s z, u in the heart",
    )  # fmt: skip

    def build(self) -> Mixture:
        outline = standard(_outline(self.plumpness))
        outlines = [outline, self.hollow * outline]
        _, scale = standardisation(*filled(outlines, 0.05), self.jitter)
        points, weights = filled(outlines, SPACING * self.jitter * scale)
        points = standard(points, weights, self.jitter)
        return Mixture.of_points(points, self.jitter, weights=weights)
