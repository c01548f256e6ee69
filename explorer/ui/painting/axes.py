"""Axes: from numbers to places between 0 and 1, and the round numbers to write beside them. Without Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.base.digits import power, scientific

Floats = NDArray[np.float64]
#: The share of its length by which an axis reaches beyond the numbers, on either side.
ROOM = 0.04


@dataclass(frozen=True)
class Axis:
    """From `low` to `high` in data units; both are positive where `log`."""

    low: float
    high: float
    log: bool = False

    def unit(self, values: ArrayLike) -> Floats:
        """Places in [0, 1] for what is between low and high; NaN where there is none (log of what is not positive)."""
        ends = self._scaled(np.array([self.low, self.high]))
        out: Floats = (self._scaled(np.asarray(values, np.float64)) - ends[0]) / (ends[1] - ends[0])
        return out

    def value(self, unit: float) -> float:
        """The number at a place."""
        low, high = self._scaled(np.array([self.low, self.high])).tolist()
        at = low + unit * (high - low)
        return float(10.0**at if self.log else at)

    def _scaled(self, values: Floats) -> Floats:
        if not self.log:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(values > 0, np.log10(values), np.nan)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most about `most` round numbers and their words."""
        most = max(most, 2)
        return _log_ticks(self.low, self.high, most) if self.log else _ticks(self.low, self.high, most)

    def minor(self) -> list[float]:
        """The places between decades, for small marks."""
        if not self.log or math.log10(self.high / self.low) > 8:
            return []
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = (m * 10.0**k for k in range(first, last + 1) for m in range(2, 10))
        return [v for v in every if self.low <= v <= self.high]


def fitted(arrays: Iterable[ArrayLike], *, log: bool = False, room: float = ROOM, zero: bool = False) -> Axis:
    """An axis that holds every finite number of the arrays (every positive one where `log`)."""
    flat = [np.asarray(a, np.float64).ravel() for a in arrays]
    every = np.concatenate(flat) if flat else np.zeros(0)
    every = every[np.isfinite(every) & (every > 0 if log else True)]
    if not len(every):
        return Axis(0.1, 10.0, True) if log else Axis(0.0, 1.0)
    low, high = float(every.min()), float(every.max())
    if log:
        wide = max(math.log10(high / low), 0.3)
        middle = (math.log10(high) + math.log10(low)) / 2
        half = wide * (0.5 + room)
        return Axis(10.0 ** max(middle - half, -300), 10.0 ** min(middle + half, 300), True)
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    wide = high - low
    if wide <= 1e-9 * max(abs(low), abs(high), 1e-300):
        half = max(abs(low) * 0.1, 0.5 if low == 0 else 0.0)
        return Axis(low - half, high + half)
    return Axis(low - room * wide if low or not zero else 0.0, high + room * wide)


def _ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    if not (math.isfinite(high - low) and high > low):
        return []
    unit = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(m * unit for m in (1, 2, 5, 10, 20) if (high - low) / (m * unit) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(k * step, words(k * step, step)) for k in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    decades = list(range(first, last + 1))
    if len(decades) >= 2:
        every = max(1, math.ceil(len(decades) / most))
        return [(10.0**k, power(k)) for k in decades if k % every == 0]
    for parts in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        found = [m * 10.0**k for k in range(first - 2, last + 2) for m in parts]
        found = [v for v in found if low <= v <= high]
        if len(found) >= 2:
            return [(v, _short(v)) for v in found]
    return [t for t in _ticks(low, high, most) if t[0] > 0]


def _short(value: float) -> str:
    """A round number."""
    if 1e-4 <= value < 1e4:
        return f"{value:.3g}"
    return scientific(value, 1 if f"{value:.1e}".startswith(f"{value:.0e}"[0] + ".0") else 2)


def words(value: float, step: float) -> str:
    """A number as the tick of a scale that goes in steps of `step`."""
    if abs(value) < step / 1e6:
        return "0"
    if abs(value) >= 1e6 or step < 1e-5:
        text = f"{value:.3g}"
    else:
        text = f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
    return text.replace("-", "−")


def runs(x: Floats, y: Floats) -> list[Floats]:
    """The pieces (n, 2) of a curve between its gaps."""
    good = np.isfinite(x) & np.isfinite(y)
    cuts = np.flatnonzero(np.diff(good.astype(np.int8))) + 1
    xy = np.column_stack([x, y])
    return [part for part in np.split(xy, cuts) if len(part) and np.isfinite(part[0]).all()]


def thinned(xy: Floats, most: int) -> Floats:
    """At most about `most` points of a curve that look the same: of each stretch its least and greatest y."""
    if len(xy) <= most:
        return xy
    parts = np.array_split(np.arange(len(xy)), most // 2)
    keep = {0, len(xy) - 1}
    for part in parts:
        keep |= {int(part[xy[part, 1].argmin()]), int(part[xy[part, 1].argmax()])}
    return xy[sorted(keep)]


def outline(edges: ArrayLike, heights: ArrayLike) -> tuple[Floats, Floats]:
    """The outline of a histogram: n + 1 edges and n heights."""
    x, y = np.asarray(edges, np.float64), np.asarray(heights, np.float64)
    return np.repeat(x, 2)[1:-1], np.repeat(y, 2)


def nearest(xs: Sequence[float] | Floats, x: float) -> int | None:
    """Where the finite number nearest to x is."""
    away = np.abs(np.asarray(xs, np.float64) - x)
    return int(np.nanargmin(away)) if np.isfinite(away).any() else None
