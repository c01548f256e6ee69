"""What every import ends in: a few support points in standard size, and the words for what was done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.distributions.geometry import MAX_POINTS
from explorer.distributions.points import Points
from explorer.errors import Told

#: Rows looked at: of a longer file, an even random sample.
MAX_ROWS = 100_000
#: Larger numbers are no coordinates, and their squares would overflow.
_LARGEST = 1e100


class DataFileError(Told, ValueError):
    """A file that holds no data that can be used. The message is one sentence that names it."""


@dataclass(frozen=True, eq=False)
class Imported:
    """Support points (k, 2) of mean 0 and standard deviation 1, and how they were got.

    A point of the file is `scale * point + shift`. `rows` were read, of which `dropped` had a missing or
    infinite number. `sentence` says all of it.
    """

    points: np.ndarray
    jitter: float
    shift: tuple[float, float]
    scale: float
    rows: int
    dropped: int
    sentence: str

    def distribution(self) -> Points:
        """The distribution of these points."""
        return Points(points=tuple(map(tuple, self.points.tolist())), jitter=self.jitter, note=self.sentence)

    def original(self, x: np.ndarray) -> np.ndarray:
        """Points x (n, 2) in the units of the file."""
        return np.asarray(x) * self.scale + np.asarray(self.shift)


class Rows:
    """Rows as they are read: the finite ones counted and kept, or an even random sample of them if many."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.read = self.finite = 0
        self.remarks: list[str] = []
        # a stream of its own: the file may well have been made with seed 0, and its rows follow that stream
        self._rng = np.random.default_rng(list(b"rows kept"))
        self._kept = np.empty((0, 3))

    def refuse(self, what: str) -> DataFileError:
        return DataFileError(f"{self.name} {what}")

    def add(self, rows: np.ndarray) -> None:
        """Take rows (n, 2). Each gets a random key, and the smallest keys stay: a reservoir."""
        self.read += len(rows)
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows) and np.abs(rows).max() > _LARGEST:
            raise self.refuse(f"holds {np.abs(rows).max():.3g}, which is too large for a coordinate")
        self.finite += len(rows)
        keyed = np.concatenate([self._kept, np.column_stack([rows, self._rng.random(len(rows))])])
        if len(keyed) > MAX_ROWS:
            keyed = keyed[np.sort(np.argpartition(keyed[:, 2], MAX_ROWS)[:MAX_ROWS])]
        self._kept = keyed

    def imported(self) -> Imported:
        points = self._kept[:, :2]
        if self.read == 0:
            raise self.refuse("is empty: there is not one row of numbers in it")
        if len(points) < 2:
            raise self.refuse(
                f"has {len(points) or 'no'} row with two finite numbers (of {self.read}); two are needed"
            )
        shift, scale = transform_of(points, self.name)
        support = (spread(points, np.ones(len(points)), MAX_POINTS) - shift) / scale
        said = [f"{self.name}: {self.read:,} rows read", *self._counted(len(points), len(support))]
        sentence = "; ".join([", ".join(said), *self.remarks, said_of(shift, scale)]) + "."
        dropped = self.read - self.finite
        return Imported(support, jitter_for(support), shift, scale, self.read, dropped, sentence)

    def _counted(self, looked_at: int, support: int) -> Iterator[str]:
        if self.finite < self.read:
            yield f"{self.read - self.finite:,} without two finite numbers left out"
        if looked_at < self.finite:
            yield f"a random {looked_at:,} of them looked at"
        if support < looked_at:
            yield f"{support:,} of them kept as support points"


def spread(points: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of `points` (n, 2), spread evenly in proportion to `weights` (n,).

    The points are put in the order of a Hilbert curve, which is cut into pieces of equal weight; of each
    piece the point nearest its centre is taken. Neighbours on the curve are neighbours in the plane, so no
    region gets more or less than its share. A point heavier than a piece is taken more than once.
    """
    if len(points) <= most and (weights == weights[0]).all():
        return points
    order = np.argsort(hilbert(points), kind="stable")
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
    return np.asarray(points[np.minimum(chosen, len(points) - 1)])


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
    """A standard deviation that joins neighbours among `points` (k, 2), neither dotted nor blurred."""
    distance = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    # the third nearest: the nearest is close by chance
    third = np.sort(distance, axis=1)[:, min(3, len(points) - 1)]
    return float(np.clip(0.7 * np.median(third), 0.02, 0.15))


def transform_of(points: np.ndarray, name: str) -> tuple[tuple[float, float], float]:
    """The shift and scale that give `points` (n, 2) mean 0 and standard deviation 1."""
    mean = points.mean(axis=0)
    scale = float(np.sqrt(((points - mean) ** 2).mean()))
    if not scale > 1e-12 * float(np.abs(points).max()):
        raise DataFileError(f"{name} holds constant data: all of its points are the same")
    return (float(mean[0]), float(mean[1])), scale


def said_of(shift: tuple[float, float], scale: float) -> str:
    return f"moved by ({-shift[0]:.4g}, {-shift[1]:.4g}), then divided by {scale:.4g}"


def short(text: str) -> str:
    """`text` quoted, printable, and cut where it is long."""
    shown = "".join(c if c.isprintable() else "�" for c in text)
    return repr(shown if len(shown) <= 24 else shown[:23] + "…")
