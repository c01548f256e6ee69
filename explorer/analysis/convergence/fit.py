"""Orders of convergence: straight lines through errors on double logarithmic axes, with how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

#: Of the intervals given with fitted slopes.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Slope:
    """log y = value · log x + offset. `width` is half the 95 % interval of `value`; nan where it is unknown."""

    value: float
    width: float
    offset: float = math.nan

    def line(self, x: ArrayLike) -> np.ndarray:
        """y on the fitted line."""
        return np.exp(self.value * np.log(np.asarray(x, float)) + self.offset)

    def __str__(self) -> str:
        value = f"{self.value:.2f}".replace("-", "−")
        return value if math.isnan(self.width) else f"{value} ± {self.width:.2f}"


def slope(x: ArrayLike, y: ArrayLike) -> Slope:
    """The least-squares line through (log x, log y) for x (n,) and y (n,) or (groups, n), all positive.

    Each group (a seed, say) has its own line. The interval is Student's over the groups' slopes; with one
    group it comes from the points' distances to the line. Points that are not finite in every group are left
    out; nan where fewer than two are left.
    """
    x, groups = np.asarray(x, float), np.atleast_2d(np.asarray(y, float))
    good = np.isfinite(np.log(np.where(groups > 0, groups, np.nan))).all(axis=0) & np.isfinite(x)
    if good.sum() < 2:
        return Slope(math.nan, math.nan)
    u, v = np.log(x[good]), np.log(groups[:, good])
    centred = u - u.mean()
    slopes = (v @ centred) / (centred @ centred)
    value, offset = float(slopes.mean()), float(v.mean() - slopes.mean() * u.mean())
    if len(slopes) > 1:
        spread = float(slopes.std(ddof=1)) / math.sqrt(len(slopes))
        return Slope(value, student(len(slopes) - 1) * spread, offset)
    residual = v[0] - (value * u + offset)
    if len(u) == 2:
        return Slope(value, math.nan, offset)
    spread = math.sqrt(float(residual @ residual) / (len(u) - 2) / float(centred @ centred))
    return Slope(value, student(len(u) - 2) * spread, offset)


@cache
def student(freedom: int, confidence: float = CONFIDENCE) -> float:
    """t with P(|T| <= t) = confidence for Student's distribution with `freedom` degrees of freedom.

    With T = sqrt(freedom) tan(angle) the density of the angle is proportional to cos(angle)^(freedom - 1).
    """
    angles = np.linspace(0, math.pi / 2, 200_001)
    density = np.cos(angles) ** (freedom - 1)
    mass = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return math.sqrt(freedom) * math.tan(float(np.interp(confidence, mass / mass[-1], angles)))
