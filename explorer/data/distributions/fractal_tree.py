"""A tree whose branches are small trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import comb
from explorer.data.distributions.mixture import Mixture

_NAMES = ("trunk", "left half", "right half")
#: Length of the trunk; the branches that grow from it would have the ratio's power 0 without it.
_TRUNK = 0.75


@DISTRIBUTIONS.register("fractal_tree", title="Fractal tree", order=100)
@dataclass(frozen=True)
class FractalTree(Distribution):
    """Each branch ends in two shorter ones; the classes are the trunk and the halves of the crown."""

    about = "Structure at every scale: noise hides the twigs first, and denoising brings them back last."
    depth: int = param(
        6, "Generations", symbol="g", low=2, high=7, minimum=1, maximum=8,
        help="Of branches.", equation="2^g − 1 branches",
    )  # fmt: skip
    angle: float = param(
        27.0, "Spread", symbol="φ", unit="°", low=10.0, high=60.0, minimum=1.0, maximum=120.0,
        help="Angle of a branch with the one it grows from.",
        equation="heading ± φ",
    )  # fmt: skip
    ratio: float = param(
        0.76, "Shrinking", symbol="r", low=0.55, high=0.85, minimum=0.3, maximum=1.0,
        help="Length of a branch over that of the one it grows from.",
        equation="length ∝ rⁱ in generation i",
    )  # fmt: skip
    jitter: float = param(
        0.022, "Width", symbol="s", low=0.015, high=0.08, minimum=0.005, maximum=0.5, log=True,
        help="Standard deviation around the branches.",
        equation="x = u + s z, u on the branches",
    )  # fmt: skip

    def _branches(self) -> Iterator[tuple[np.ndarray, int]]:
        """Each branch as its two ends (2, 2), with its class."""
        level = [(np.zeros(2), np.pi / 2, 0)]
        for generation in range(self.depth):
            following = []
            for start, heading, label in level:
                length = self.ratio**generation if generation else _TRUNK
                end = start + length * np.array([np.cos(heading), np.sin(heading)])
                yield np.stack([start, end]), label
                for turn, side in ((1, 1), (-1, 2)):
                    following.append((end, heading + turn * np.radians(self.angle), label or side))
            level = following

    def build(self) -> Mixture:
        branches, labels = zip(*self._branches(), strict=True)
        points, branch = comb(branches, self.jitter)
        label = np.asarray(labels)[branch]
        return Mixture.of_points(points, self.jitter, label, _NAMES)
