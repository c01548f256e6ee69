"""Data on a line: a manifold of lower dimension."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture

#: Long Gaussians laid end to end make a segment of even density.
_LINKS = 24


@DISTRIBUTIONS.register("line", title="Line", order=210)
@dataclass(frozen=True)
class Line(Distribution):
    """Dashes of even density on one straight line, very thin; each dash is a class.

    As the thickness goes to 0 the density of the data stops existing and its score across the line grows
    without bound, the manifold pitfall (Song and Ermon 2019, section 3.2.1).
    """

    about = "Thin data on a line in the plane: without added noise the score across it has no bound."
    angle: float = param(
        30.0, "Direction", symbol="φ", unit="°", low=-90.0, high=90.0, minimum=-180.0, maximum=180.0,
        help="Angle of the line.",
        equation="u = l (cos φ, sin φ)",
    )  # fmt: skip
    dashes: int = param(
        1, "Dashes", symbol="m", low=1, high=5, maximum=8,
        help="Pieces that the line is cut into.",
        equation="m pieces along a length of √24",
    )  # fmt: skip
    thickness: float = param(
        0.01, "Thickness", symbol="s", low=0.001, high=0.2, minimum=1e-4, maximum=1.0, log=True,
        help="Standard deviation across the line; a manifold is the limit 0.",
        equation="N(0, s²) across, s → 0",
    )  # fmt: skip

    def build(self) -> Mixture:
        direction = np.array([np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))])
        # a uniform segment of this length has variance 2, that is 1 for each coordinate on average
        length = np.sqrt(24.0)
        cell = (np.arange(_LINKS * self.dashes) + 0.5) / (_LINKS * self.dashes)
        dash = np.arange(len(cell)) // _LINKS
        middle = (dash + 0.5) / self.dashes
        filled = 1.0 if self.dashes == 1 else 0.6
        at = length * (middle + filled * (cell - middle) - 0.5)
        along = 0.5 * length * filled / len(cell)
        axes = np.stack([direction, [-direction[1], direction[0]]], axis=1)
        k = len(at)
        return Mixture(
            np.full(k, 1 / k), at[:, None] * direction, np.tile([along, self.thickness], (k, 1)),
            np.tile(axes, (k, 1, 1)), dash, tuple(f"dash {i + 1}" for i in range(self.dashes)),
        )  # fmt: skip
