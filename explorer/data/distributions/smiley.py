"""A face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import SPACING, arc, filled, on_curves, standard
from explorer.data.distributions.mixture import Mixture

_NAMES = ("outline", "left eye", "right eye", "mouth")
#: About the standard deviation of a face whose outline has radius 1.
_SCALE = 0.6


@DISTRIBUTIONS.register("smiley", title="Smiley", order=110)
@dataclass(frozen=True)
class Smiley(Distribution):
    """A circle, two filled eyes and a mouth; each part is a class."""

    about = "A face: curves and filled areas of different size in one density."
    smile: float = param(
        0.75, "Smile", symbol="κ", low=-1.0, high=1.0, minimum=-1.5, maximum=1.5, help="Negative is sad.",
        equation="u₂ = c − 0.17 κ (1 − 2 v²)",
    )  # fmt: skip
    eyes: float = param(
        0.17, "Eyes", symbol="r", low=0.08, high=0.3, minimum=0.03, maximum=0.35,
        help="Height of an eye over the radius of the face, from its middle.",
        equation="half-height r of the radius 1",
    )  # fmt: skip
    jitter: float = param(
        0.045, "Width", symbol="s", low=0.02, high=0.1, minimum=0.01, maximum=0.5, log=True,
        help="Standard deviation around the curves.",
        equation="x = u + s z, u on the curves",
    )  # fmt: skip

    def _eye(self, x: float, spacing: float) -> np.ndarray:
        outline = arc((x, 0.3), (0.68 * self.eyes, self.eyes), 0, 360)
        return filled([outline[:-1]], max(spacing, 0.15 * self.eyes))[0]

    def build(self) -> Mixture:
        x = np.linspace(-0.52, 0.52, 40)
        mouth = np.stack([x, -0.33 - 0.17 * self.smile * (1 - 2 * (x / 0.52) ** 2)], axis=1)
        spacing = SPACING * _SCALE * self.jitter
        curves, part = on_curves([arc((0, 0), (1, 1), 0, 360), mouth], spacing)
        left, right = self._eye(-0.34, spacing), self._eye(0.34, spacing)
        points = np.concatenate([curves, left, right])
        label = np.concatenate([part * 3, np.full(len(left), 1), np.full(len(right), 2)])
        return Mixture.of_points(standard(points, jitter=self.jitter), self.jitter, label, _NAMES)
