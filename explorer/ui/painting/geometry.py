"""From marks to pixel geometry, with numpy only: what every canvas shares, so that all draw the same.

Pixels have their origin in the upper left corner. Nothing that leaves here is NaN, infinite or far outside
the picture, so whoever draws it may convert it to integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.figures.camera import Camera, Size
from explorer.figures.marks import Arrows, Curve, Image, Points, Segments

Pixels: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
Rect: TypeAlias = tuple[float, float, float, float]  # x, y, width, height

HEAD = 5.5  # length of an arrow head, in pixels of a 1x screen
HEAD_SLOPE = 0.45  # its half width over its length
FAR = 4.0  # an image reaches at most so many canvases beyond the canvas


def points(mark: Points, camera: Camera, size: Size, scale: float) -> tuple[Pixels, Indices]:
    """The centres of the discs that can be seen, and which ones they are."""
    centres = camera.to_pixels(mark.xy, size).reshape(-1, 2)
    reach = mark.size * scale
    with np.errstate(invalid="ignore"):
        inside = _both((centres > -reach) & (centres < np.add(size, reach)))
    seen = np.flatnonzero(inside)
    return centres[seen], seen


def clip(a: Pixels, b: Pixels, size: Size, margin: float) -> tuple[Pixels, Pixels, Indices]:
    """The parts of the lines from a to b within the canvas, and which lines they are (Liang and Barsky)."""
    low, high = np.full(2, -margin), np.add(size, margin)
    with np.errstate(invalid="ignore"):
        lower, upper = np.minimum(a, b), np.maximum(a, b)  # NaN where either is
        whole = _both((lower >= low) & (upper <= high))
        if whole.all():
            return a, b, np.arange(len(a))
        crossing = _both((lower <= high) & (upper >= low) & np.isfinite(lower) & np.isfinite(upper))
    seen = np.flatnonzero(crossing)
    a, b = a[seen], b[seen]
    cut = np.flatnonzero(~whole[seen])
    a[cut], b[cut], kept = _cut(a[cut], b[cut], low, high)
    keep = np.ones(len(seen), bool)
    keep[cut[~kept]] = False
    return (a, b, seen) if keep.all() else (a[keep], b[keep], seen[keep])


def _both(pairs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    # Many times faster than .all(axis=1), and this runs for every segment of every frame.
    both: NDArray[np.bool_] = pairs[:, 0] & pairs[:, 1]
    return both


def _cut(a: Pixels, b: Pixels, low: Pixels, high: Pixels) -> tuple[Pixels, Pixels, NDArray[np.bool_]]:
    with np.errstate(all="ignore"):
        step = b - a
        near, far = (low - a) / step, (high - a) / step
        # fmin and fmax pass over 0/0, of lines along the border of the canvas.
        enter = np.fmax(np.fmax.reduce(np.fmin(near, far), axis=1), 0.0)[:, None]
        leave = np.fmin(np.fmin.reduce(np.fmax(near, far), axis=1), 1.0)[:, None]
        start, end = a + enter * step, a + leave * step
    # With huge numbers rounding can leave the canvas again.
    start, end = np.clip(start, low, high), np.clip(end, low, high)
    return start, end, (enter < leave)[:, 0] & _both(np.isfinite(start) & np.isfinite(end))


def segments(mark: Segments, camera: Camera, size: Size, scale: float) -> tuple[Pixels, Indices]:
    """The lines that can be seen as rows (x1, y1, x2, y2), and which ones they are."""
    a = camera.to_pixels(mark.starts, size).reshape(-1, 2)
    b = camera.to_pixels(mark.ends, size).reshape(-1, 2)
    a, b, seen = clip(a, b, size, mark.width * scale + 1)
    return np.hstack([a, b]), seen


def arrows(mark: Arrows, camera: Camera, size: Size, scale: float) -> tuple[Pixels, Indices]:
    """Shafts and heads as rows (x1, y1, x2, y2), and the arrow that each belongs to."""
    with np.errstate(all="ignore"):
        a = camera.to_pixels(mark.xy, size).reshape(-1, 2)
        b = camera.to_pixels(np.add(mark.xy, mark.uv, dtype=np.float64), size).reshape(-1, 2)
        length = np.hypot(*(b - a).T)
        along = (b - a) / length[:, None]
        head = np.minimum(HEAD * scale, 0.45 * length)[:, None]
        across = HEAD_SLOPE * np.stack([-along[:, 1], along[:, 0]], axis=1)
        barbs = b - head * (along + across), b - head * (along - across)
    margin = (HEAD + mark.width) * scale
    which = np.arange(len(a))
    pointed = length > 2 * mark.width * scale  # a shorter one would be all head
    shaft_a, shaft_b, seen = clip(a, b, size, margin)
    left_a, left_b, left = clip(barbs[0][pointed], b[pointed], size, margin)
    right_a, right_b, right = clip(barbs[1][pointed], b[pointed], size, margin)
    lines = np.hstack(
        [np.concatenate([shaft_a, left_a, right_a]), np.concatenate([shaft_b, left_b, right_b])]
    )
    return lines, np.concatenate([seen, which[pointed][left], which[pointed][right]])


def runs(mark: Curve, camera: Camera, size: Size, scale: float) -> Iterator[Pixels]:
    """The visible pieces of a curve as polylines (n, 2)."""
    xy = camera.to_pixels(mark.xy, size).reshape(-1, 2)
    a, b, seen = clip(xy[:-1], xy[1:], size, 8 * mark.width * scale)
    if not len(seen):
        return
    joined = (np.diff(seen) == 1) & (a[1:] == b[:-1]).all(axis=1)
    breaks = np.flatnonzero(~joined) + 1
    for starts, ends in zip(np.split(a, breaks), np.split(b, breaks), strict=True):
        yield np.concatenate([starts, ends[-1:]])


def image(mark: Image, camera: Camera, size: Size) -> tuple[NDArray[np.floating], Rect] | None:
    """The visible cells of an image, row 0 on top, and where they go; None where nothing of it is seen.

    NaN is the lowest value of a colour map; in red, green and blue it stays (nothing is drawn there).
    """
    gap = np.nan if np.ndim(mark.values) == 3 else 0.0
    values = np.nan_to_num(np.atleast_2d(mark.values), nan=gap, posinf=1.0, neginf=0.0)[::-1]
    left, right, bottom, top = mark.bounds
    corners = camera.to_pixels([(left, top), (right, bottom)], size)
    if not values.size or not np.isfinite(corners).all() or not (corners[0] < corners[1]).all():
        return None
    columns, x, width = _cells(corners[0, 0], corners[1, 0], values.shape[1], size[0])
    rows, y, height = _cells(corners[0, 1], corners[1, 1], values.shape[0], size[1])
    if not len(columns) or not len(rows):
        return None
    return values[np.ix_(rows, columns)], (x, y, width, height)


def smoothed(mark: Image, cells: tuple[int, ...], rect: Rect) -> bool:
    """Whether neighbouring pixels are blended: always where there are more of them than the canvas has."""
    return bool(mark.smooth or rect[2] < cells[1] or rect[3] < cells[0])


def _cells(start: float, end: float, count: int, length: float) -> tuple[Indices, float, float]:
    """Which of `count` cells between two pixels touch the canvas (0, length), where they start, their length.

    Two more are kept at either side, so that smoothing sees its neighbours; cells larger than the canvas by
    far are cut, since pixels must stay small numbers.
    """
    cell = (end - start) / count
    first = max(int(np.floor(max(-start / cell, 0))) - 2, 0)
    last = min(int(np.ceil(min((length - start) / cell, count))) + 2, count)
    if start >= length or end <= 0 or first >= last:
        return np.arange(0), 0.0, 0.0
    low, high = start + first * cell, start + last * cell
    if high - low <= 2 * FAR * length:
        return np.arange(first, last), low, high - low
    # Deep inside a few cells: take the nearest cell of many small steps over the canvas instead.
    steps = (np.arange(64) + 0.5) / 64 * length
    nearest = np.floor((steps - start) / cell).astype(np.intp)
    return np.clip(nearest, 0, count - 1), 0.0, length


def levels(values: NDArray[np.floating], count: int) -> Indices:
    """Values in [0, 1] as whole numbers below `count`; NaN is 0."""
    clean = np.clip(np.nan_to_num(np.asarray(values, np.float64).ravel(), nan=0.0), 0, 1)
    return np.rint(clean * (count - 1)).astype(np.intp)


def groups(keys: Indices) -> Iterator[tuple[int, Indices]]:
    """Each key that occurs, with where it does."""
    if not len(keys):
        return
    order = np.argsort(keys, kind="stable")
    breaks = np.flatnonzero(np.diff(keys[order])) + 1
    for members in np.split(order, breaks):
        yield int(keys[members[0]]), members


def dashed(run: Pixels, on: float, off: float) -> Pixels:
    """A polyline's dashes as rows (x1, y1, x2, y2), the pattern going on around its corners."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(run, axis=0).T))])
    starts = np.arange(0.0, length[-1], on + off)
    # A dash that turns a corner is two lines, so cut at the corners too.
    cuts = np.unique(np.concatenate([starts, np.minimum(starts + on, length[-1]), length]))
    middle = (cuts[:-1] + cuts[1:]) / 2
    drawn = np.mod(middle, on + off) < on
    x, y = np.interp(cuts, length, run[:, 0]), np.interp(cuts, length, run[:, 1])
    return np.stack([x[:-1], y[:-1], x[1:], y[1:]], axis=1)[drawn]


def quads(lines: Pixels, half: float, cap: float) -> tuple[Pixels, Pixels]:
    """Four corners (n, 4, 2) around each line, `cap` longer at its ends; their distance from it (n, 4)."""
    a, b = lines[:, :2], lines[:, 2:]
    step = b - a
    length = np.hypot(step[:, 0], step[:, 1])[:, None]
    along = np.divide(step, length, out=np.tile([1.0, 0.0], (len(a), 1)), where=length > 0)
    across = half * np.stack([-along[:, 1], along[:, 0]], axis=1)
    start, end = a - cap * along, b + cap * along
    corners = np.stack([start - across, start + across, end + across, end - across], axis=1)
    return corners, np.tile([-half, half, half, -half], (len(a), 1))
