"""What every import ends in: a few support points in standard size, and the words for what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explorer.base.errors import Told
from explorer.base.printable import printable
from explorer.data.distributions.points import Points
from explorer.data.distributions.units import Units

#: Rows looked at: of a longer file, an even random sample.
MAX_ROWS = 100_000
#: Points whose neighbours say how wide the jitter is (of more an even part), and distances in memory at once.
ROWS_OF_JITTER, PAIRS_AT_ONCE = 2000, 4_000_000


class DataFileError(Told, ValueError):
    """A file that holds no data that can be used. The message is one sentence that names it."""


class UndecidedError(DataFileError):
    """Numbers that can be read in two ways: `readings` (of imports.columns), of which `Choice.decimal` says one."""

    def __init__(self, message: str, readings: tuple[Any, ...]) -> None:
        super().__init__(message)
        self.readings = readings


@dataclass(frozen=True, eq=False)
class Imported:
    """Support points (k, d), d 1 or 2, of mean 0 and standard deviation 1, and how they were got.

    A point of the file is `scale * point + shift`, coordinate by coordinate; `scale` is the same for both unless each
    was to have its own. `labels` (k,) are the names of their classes, all of which are `classes`, or empty. `columns`
    are the names of the coordinates in the file. `held_out` (m, d) are points in the same units that no support point
    was chosen from. Of `rows` that were read, `left_out` tells how many were not used, by reason. `sentence` says all
    of it.
    """

    points: np.ndarray
    jitter: float
    shift: tuple[float, ...]
    scale: tuple[float, ...]
    rows: int
    sentence: str
    name: str = ""
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    held_out: np.ndarray | None = None

    @property
    def dropped(self) -> int:
        """Rows that were left out, for whatever reason."""
        return sum(self.left_out.values())

    def distribution(self) -> Points:
        """The distribution of these points."""
        units = self.units
        held_out = () if self.held_out is None else self.held_out
        return Points(
            points=self.points, jitter=self.jitter, labels=self.labels, held_out=held_out, file=self.name,
            columns=units.columns, shift=units.shift, scale=units.scale, note=self.sentence,
        )  # fmt: skip

    @property
    def units(self) -> Units:
        """Those of the file."""
        return Units(self.columns or tuple("xy"[: self.points.shape[1]]), self.shift, self.scale)

    def original(self, x: np.ndarray) -> np.ndarray:
        """Points x (n, d) in the units of the file."""
        return self.units.to_file(x)


class Kept:
    """Rows (n, d) as they are read, each with the number of its class: all, or an even random sample if many."""

    def __init__(self, dim: int) -> None:
        self.count = 0
        # a stream of its own: the file may well have been made with seed 0, and its rows follow that stream
        self._rng = np.random.default_rng(list(b"rows kept"))
        self._rows = np.empty((0, dim + 2))

    def add(self, rows: np.ndarray, labels: np.ndarray) -> None:
        """Take rows (n, d) of classes (n,). Each gets a random key, and the smallest keys stay: a reservoir."""
        self.count += len(rows)
        keyed = np.concatenate([self._rows, np.column_stack([rows, labels, self._rng.random(len(rows))])])
        if len(keyed) > MAX_ROWS:
            keyed = keyed[np.sort(np.argpartition(keyed[:, -1], MAX_ROWS)[:MAX_ROWS])]
        self._rows = keyed

    def clear(self) -> None:
        """Forget all rows."""
        self.count = 0
        self._rows = self._rows[:0]

    @property
    def points(self) -> np.ndarray:
        """(m, d)."""
        return np.asarray(self._rows[:, :-2])

    @property
    def labels(self) -> np.ndarray:
        """(m,)."""
        return np.asarray(self._rows[:, -2].astype(int))


def spread(points: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of `points` (n, d), spread evenly in proportion to `weights` (n,)."""
    return np.asarray(points[spread_places(points, weights, most)])


def spread_places(points: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """The places of at most `most` of `points` (n, d), spread evenly in proportion to `weights` (n,).

    The points are put in the order of a Hilbert curve (on a line, in their order), which is cut into pieces of equal
    weight; of each piece the point nearest its centre is taken. Neighbours on the curve are neighbours in the plane,
    so no region gets more or less than its share. A point heavier than a piece is taken more than once.
    """
    if len(points) <= most and (weights == weights[0]).all():
        return np.arange(len(points))
    order = np.argsort(points[:, 0] if points.shape[1] == 1 else hilbert(points), kind="stable")
    points, weights = points[order], weights[order]
    total = np.cumsum(weights)
    chosen = np.searchsorted(total, total[-1] * (np.arange(most) + 0.5) / most)
    piece = np.minimum((total - weights / 2) * (most / total[-1]), most - 1).astype(int)
    share = np.maximum(np.bincount(piece, weights, most), 1e-300)
    centre = np.stack([np.bincount(piece, c * weights, most) / share for c in points.T], axis=1)
    distance = ((points - centre[piece]) ** 2).sum(axis=1)
    by_piece = np.lexsort((distance, piece))
    filled, first = np.unique(piece[by_piece], return_index=True)
    chosen[filled] = by_piece[first]
    return np.asarray(order[np.minimum(chosen, len(points) - 1)])


def hilbert(points: np.ndarray, bits: int = 10) -> np.ndarray:
    """The place (n,) of each of `points` (n, 2) on a Hilbert curve through a 2^bits grid laid over them."""
    low, high = points.min(axis=0), points.max(axis=0)
    unit = (points - low) / max(float((high - low).max()), 1e-300)
    x, y = np.minimum(unit * 2**bits, 2**bits - 1).astype(np.int64).T
    place = np.zeros(len(points), np.int64)
    for bit in 1 << np.arange(bits)[::-1]:
        right, upper = (x & bit) > 0, (y & bit) > 0
        place += int(bit) ** 2 * ((3 * right) ^ upper)
        # the lower quarters hold turned copies of the curve
        flip = ~upper & right
        x, y = np.where(flip, 2**bits - 1 - x, x), np.where(flip, 2**bits - 1 - y, y)
        x, y = np.where(upper, x, y), np.where(upper, y, x)
    return place


def jitter_for(points: np.ndarray) -> float:
    """A standard deviation that joins neighbours among `points` (k, d), neither dotted nor blurred."""
    rank = min(3, len(points) - 1)  # the third nearest: the nearest is close by chance
    some = points[:: max(1, len(points) // ROWS_OF_JITTER)]
    third = [
        np.partition(np.sqrt(((part[:, None, :] - points) ** 2).sum(axis=-1)), rank, axis=1)[:, rank]
        for part in np.array_split(some, 1 + len(some) * len(points) // PAIRS_AT_ONCE)
    ]
    return float(np.clip(0.7 * np.median(np.concatenate(third)), 0.02, 0.15))


def transform_of(
    points: np.ndarray, name: str, per_axis: bool = False
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The shift and scale (d,) that give `points` (n, d) mean 0 and standard deviation 1: that of all coordinates
    together, or of each."""
    mean = points.mean(axis=0)
    spread = np.sqrt(((points - mean) ** 2).mean(axis=0))
    if not per_axis:
        spread = np.full_like(spread, np.sqrt((spread**2).mean()))
    if not (spread > 1e-12 * np.abs(points).max(axis=None if not per_axis else 0)).all():
        what = "a constant column" if per_axis else "constant data: all of its points are (nearly) the same"
        raise DataFileError(f"{name} holds {what}")
    return tuple(mean.tolist()), tuple(spread.tolist())


def said_of(shift: tuple[float, ...], scale: tuple[float, ...]) -> str:
    moved = ", ".join(f"{-v:.4g}" for v in shift)
    if len(set(scale)) == 1:
        return f"moved by {f'({moved})' if len(shift) > 1 else moved}, then divided by {scale[0]:.4g}"
    return f"moved by ({moved}), then divided by ({', '.join(f'{v:.4g}' for v in scale)})"


def short(text: str) -> str:
    """`text` quoted, printable, and cut where it is long."""
    shown = printable(text)
    return repr(shown if len(shown) <= 24 else shown[:23] + "…")
