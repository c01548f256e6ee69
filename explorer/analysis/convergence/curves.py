"""From points to curves: errors over seeds with their bars, and fitted orders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.analysis.convergence.fit import Slope, slope
from explorer.analysis.convergence.methods import Method
from explorer.analysis.convergence.study import Point, Study


@dataclass(frozen=True, eq=False)
class Curve:
    """The errors of one method by rising steps: steps, nfe, error and its standard error, each (levels,).

    `groups` (seeds, levels) are the errors of the single seeds, where they are errors by themselves. `floor`
    is what the reference is worth.
    """

    method: Method
    steps: np.ndarray
    nfe: np.ndarray
    error: np.ndarray
    spread: np.ndarray
    groups: np.ndarray | None = None
    floor: float = 0.0

    def x(self, by: str) -> np.ndarray:
        """The axis: steps or nfe."""
        return self.nfe if by == "nfe" else self.steps

    def slope(self, by: str = "steps") -> Slope:
        """How the error falls over the finest levels that can be told from the floor and from chance.

        The finer half of them, three at least: orders are limits. nan where there are fewer.
        """
        good = np.flatnonzero((self.error > 5 * self.floor) & ~(2 * self.spread > self.error))
        chosen = good[min(len(good) // 2, max(len(good) - 3, 0)) :]
        if len(chosen) < 3:
            return Slope(math.nan, math.nan)
        errors = self.error if self.groups is None else self.groups
        return slope(self.x(by)[chosen], errors[..., chosen])


def curves(study: Study, points: Sequence[Point]) -> list[Curve]:
    """One curve for each method that has a point, over the levels and seeds that have come."""
    signed = study.measure == "weak"
    floor = max(study.doubts.values(), default=0.0) if study.measure == "endpoint" else 0.0
    out = []
    for j, method in enumerate(study.kept):
        levels = sorted({p.level for p in points if p.method == j})
        rows = [[p for p in points if (p.method, p.level) == (j, level)] for level in levels]
        if rows:
            out.append(_curve(method, rows, signed, floor))
    return out


def _curve(method: Method, rows: list[list[Point]], signed: bool, floor: float) -> Curve:
    """Of the points of each level."""
    steps, nfe = ([float(np.mean([getattr(p, a) for p in row])) for row in rows] for a in ("steps", "nfe"))
    joined = np.array([_joined(np.array([p.errors for p in row]), signed) for row in rows])
    whole = min(map(len, rows))  # seeds that every level has
    groups = None if signed else np.array([[p.errors[0] for p in row[:whole]] for row in rows]).T
    return Curve(method, np.array(steps), np.array(nfe), joined[:, 0], joined[:, 1], groups, floor)


def _joined(errors: np.ndarray, signed: bool) -> tuple[float, float]:
    """The error of (seeds, k) errors and its standard error, which is nan for one seed.

    Signed errors are averaged over seeds before their size is taken, and what chance adds to that size on
    average is taken off; where nothing is left the error is nan.
    """
    mean = errors.mean(axis=0)
    if len(errors) == 1:
        return float(np.sqrt((mean**2).mean())), math.nan
    chance = float((errors.var(axis=0, ddof=1) / len(errors)).mean())
    square = float((mean**2).mean()) - (chance if signed else 0.0)
    return math.sqrt(square) if square > 0 else math.nan, math.sqrt(chance)
