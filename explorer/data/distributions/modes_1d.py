"""One-dimensional mixtures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture


@DISTRIBUTIONS.register("two_modes_1d", title="Two modes, 1D", order=300)
@dataclass(frozen=True)
class TwoModes1D(Distribution):
    """Two Gaussians on the line, mean 0; each is a class."""

    dim = 1
    about = "Two modes on a line: the whole of p(x, t) fits in one image, with time across."
    weight: float = param(
        0.6, "Weight", symbol="w", low=0.1, high=0.9, minimum=0.001, maximum=0.999, help="Of the left mode.",
        equation="p = w N(μ₁, s²) + (1 − w) N(μ₂, s²)",
    )  # fmt: skip
    distance: float = param(
        2.0, "Distance", symbol="D", low=0.5, high=4.0, minimum=0.0, maximum=20.0, help="Between the modes.",
        equation="μ₂ − μ₁ = D",
    )  # fmt: skip
    scale: float = param(
        0.2, "Width", symbol="s", low=0.05, high=1.0, minimum=0.005, maximum=5.0, log=True,
        help="Standard deviation of each mode.",
        equation="N(μᵢ, s²)",
    )  # fmt: skip

    def build(self) -> Mixture:
        means = self.distance * np.array([[self.weight - 1], [self.weight]])
        weights = np.array([self.weight, 1 - self.weight])
        return Mixture.of_points(means, self.scale, np.arange(2), ("left mode", "right mode"), weights)


@DISTRIBUTIONS.register("three_modes_1d", title="Three modes, 1D", order=310)
@dataclass(frozen=True)
class ThreeModes1D(Distribution):
    """A middle Gaussian and one on either side of it; each is a class."""

    dim = 1
    about = "Three modes on a line, the middle one narrow: paths must choose between them."
    weight: float = param(
        0.4, "Middle weight", symbol="w", low=0.1, high=0.8, minimum=0.001, maximum=0.999,
        help="Of the middle mode; the outer ones share the rest.",
        equation="(1 − w)/2, w, (1 − w)/2",
    )  # fmt: skip
    distance: float = param(
        1.3, "Distance", symbol="D", low=0.5, high=2.5, minimum=0.0, maximum=20.0,
        help="From the middle mode to either outer one.",
        equation="μ = −D, 0, D",
    )  # fmt: skip
    scale: float = param(
        0.18, "Width", symbol="s", low=0.05, high=0.6, minimum=0.005, maximum=5.0, log=True,
        help="Standard deviation of the outer modes; the middle one has half of it.",
        equation="N(±D, s²), N(0, s²/4)",
    )  # fmt: skip

    def build(self) -> Mixture:
        outer = (1 - self.weight) / 2
        weights = np.array([outer, self.weight, outer])
        means = self.distance * np.array([[-1.0], [0.0], [1.0]])
        scales = self.scale * np.array([[1.0], [0.5], [1.0]])
        return Mixture(weights, means, scales, None, np.arange(3), ("left", "middle", "right"))
