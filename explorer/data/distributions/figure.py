"""Drawn figures, after the Datasaurus: data whose summary statistics say nothing of its shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import Outline, comb, smooth
from explorer.data.distributions.mixture import Mixture

#: A part is its name, its corners, and whether it is closed.
Part = tuple[str, Outline, bool]

_DINOSAUR: tuple[Part, ...] = (
    (
        "body",
        (
            (1.0, 8.6), (1.4, 9.4), (2.3, 9.8), (3.2, 9.5), (3.7, 8.7), (3.9, 7.6), (4.4, 6.5), (5.4, 6.1),
            (6.8, 6.4), (8.2, 6.2), (9.4, 5.4), (10.6, 4.2), (12.0, 3.2), (13.6, 2.8), (15.0, 3.2),
            (13.6, 1.9), (11.8, 1.8), (10.2, 2.4), (9.4, 2.6), (9.3, 1.2), (9.2, 0.1), (8.0, 0.1), (7.9, 1.4),
            (7.4, 2.2), (6.2, 2.2), (5.6, 1.5), (5.5, 0.1), (4.3, 0.1), (4.2, 1.6), (3.6, 2.9), (3.0, 4.4),
            (2.7, 6.0), (2.6, 7.4), (2.0, 7.8), (1.2, 7.9),
        ),
        True,
    ),
    ("eye", ((2.3, 8.95), (2.5, 8.8), (2.3, 8.65), (2.1, 8.8)), True),
)  # fmt: skip

_CAT: tuple[Part, ...] = (
    (
        "head",
        (
            (-3.0, 3.9), (-3.6, 5.6), (-3.9, 6.6), (-3.0, 6.0), (-1.7, 5.0), (0.0, 5.2), (1.7, 5.0),
            (3.0, 6.0), (3.9, 6.6), (3.6, 5.6), (3.0, 3.9), (3.5, 2.4), (3.2, 0.6), (1.8, -0.8), (0.0, -1.2),
            (-1.8, -0.8), (-3.2, 0.6), (-3.5, 2.4),
        ),
        True,
    ),
    ("left eye", ((-1.5, 3.1), (-1.05, 2.6), (-1.5, 2.1), (-1.95, 2.6)), True),
    ("right eye", ((1.5, 3.1), (1.95, 2.6), (1.5, 2.1), (1.05, 2.6)), True),
    ("mouth", ((-1.2, 0.4), (-0.7, 0.15), (0.0, 0.9), (0.7, 0.15), (1.2, 0.4)), False),
    ("left whiskers", ((-2.2, 1.1), (-5.0, 1.6)), False),
    ("left whiskers", ((-2.2, 0.7), (-5.0, 0.4)), False),
    ("right whiskers", ((2.2, 1.1), (5.0, 1.6)), False),
    ("right whiskers", ((2.2, 0.7), (5.0, 0.4)), False),
)  # fmt: skip

_FIGURES = {"dinosaur": _DINOSAUR, "cat": _CAT}


@DISTRIBUTIONS.register("figure", title="Figure", order=140)
@dataclass(frozen=True)
class Figure(Distribution):
    """An animal in outline; each part is a class."""

    about = "A drawn animal: its mean and covariance say nothing of it, so a model must learn the shape."
    shape: str = param(
        "dinosaur", "Parameters", choices={"dinosaur": "Dinosaur", "cat": "Cat"}, help="Which animal."
    )  # fmt: skip
    stretch: float = param(
        1.0, "Stretch", symbol="a", low=0.6, high=1.6, minimum=0.2, maximum=5.0, log=True,
        help="Width over height.",
        equation="(u₁, u₂) → (a u₁, u₂)",
    )  # fmt: skip
    jitter: float = param(
        0.03, "Width", symbol="s", low=0.02, high=0.1, minimum=0.01, maximum=0.5, log=True,
        help="Standard deviation around the outline.",
        equation="x = u + s z, u on the curves",
    )  # fmt: skip

    def build(self) -> Mixture:
        parts = _FIGURES[self.shape]
        curves = [smooth(corners, closed) for _, corners, closed in parts]
        points, part = comb([c * (self.stretch, 1.0) for c in curves], self.jitter)
        names = tuple(dict.fromkeys(name for name, _, _ in parts))
        label = np.array([names.index(name) for name, _, _ in parts])[part]
        return Mixture.of_points(points, self.jitter, label, names)
