"""Regular point sets from curves and areas, which jitter turns into smooth densities.

A comb of Gaussians looks continuous when their standard deviation is about half their distance: then the
ripple is about one per cent. So a shape is given by as few points as its jitter asks for, evenly spaced
(clumps of random points would show), and never more than MAX_POINTS: an exact score costs time for each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Components of one mixture at most.
MAX_POINTS = 1000
#: Distance of neighbouring points over their jitter: a ripple of 0.3 % along a curve, and for area 1 %.
SPACING = 1.75

Outline = Sequence[tuple[float, float]]


def standard(points: np.ndarray, weights: np.ndarray | None = None, jitter: float = 0.0) -> np.ndarray:
    """`points` (k, d) moved to mean 0 and scaled, alike in all directions, to a mean variance of 1.

    `jitter` is the standard deviation, after scaling, that will be added to them.
    """
    shift, scale = standardisation(points, weights, jitter)
    return np.asarray((points - shift) / scale)


def standardisation(
    points: np.ndarray, weights: np.ndarray | None = None, jitter: float = 0.0
) -> tuple[np.ndarray, float]:
    """The shift (d,) and the scale of `standard`."""
    mean = np.average(points, axis=0, weights=weights)
    variance = float(np.average(((points - mean) ** 2).mean(axis=1), weights=weights))
    return mean, float(np.sqrt(variance / max(1 - jitter**2, 0.1)))


def lengths(curve: np.ndarray) -> np.ndarray:
    """Distance along the polyline `curve` (m, d) up to each corner, (m,), from 0."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])


def along(curve: np.ndarray, n: int) -> np.ndarray:
    """n points (n, d) evenly along the polyline `curve` (m, d), half a spacing from either end."""
    s = lengths(curve)
    at = s[-1] * (np.arange(n) + 0.5) / n
    return np.stack([np.interp(at, s, column) for column in curve.T], axis=1)


def on_curves(curves: Sequence[np.ndarray], spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (k, d) about `spacing` apart on all curves, and the curve (k,) that each is on."""
    total = np.array([lengths(c)[-1] for c in curves])
    spacing = max(spacing, float(total.sum()) / MAX_POINTS)
    while (counts := np.maximum(1, np.rint(total / spacing)).astype(int)).sum() > MAX_POINTS:
        spacing *= 1.02
    points = np.concatenate([along(c, n) for c, n in zip(curves, counts.tolist(), strict=True)])
    return points, np.repeat(np.arange(len(curves)), counts)


def comb(curves: Sequence[np.ndarray], jitter: float) -> tuple[np.ndarray, np.ndarray]:
    """All curves in standard size as points (k, d) fit for `jitter`, and the curve (k,) that each is on."""
    coarse, _ = on_curves(curves, 0.0)
    _, scale = standardisation(coarse, jitter=jitter)
    points, curve = on_curves(curves, SPACING * jitter * scale)
    return standard(points, jitter=jitter), curve


def filled(outlines: Sequence[np.ndarray], spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (k, 2) and their weights (k,) for an even density inside closed polygons (m, 2).

    An outline inside another cuts a hole (the even-odd rule). Each row is filled from edge to edge, so that
    the edges come out smooth: a lattice would leave steps.
    """
    y0, y1 = (float(f([f(o[:, 1]) for o in outlines])) for f in (np.min, np.max))
    while True:
        rows = max(1, round((y1 - y0) / spacing))
        heights = y0 + (y1 - y0) * (np.arange(rows) + 0.5) / rows
        chords = [(y, *chord) for y in heights for chord in _chords(outlines, y)]
        counts = [max(1, round((right - left) / spacing)) for _, left, right in chords]
        if sum(counts) <= MAX_POINTS:
            break
        spacing *= 1.02
    points = [along(np.array([(x0, y), (x1, y)]), n) for (y, x0, x1), n in zip(chords, counts, strict=True)]
    weights = [np.full(n, (right - left) / n) for (_, left, right), n in zip(chords, counts, strict=True)]
    return np.concatenate(points), np.concatenate(weights)


def _chords(outlines: Sequence[np.ndarray], y: float) -> list[tuple[float, float]]:
    """The intervals of x where height y is inside."""
    crossings: list[float] = []
    for a in outlines:
        b = np.roll(a, -1, axis=0)
        cut = (a[:, 1] > y) != (b[:, 1] > y)
        a, b = a[cut], b[cut]
        crossings += (a[:, 0] + (b[:, 0] - a[:, 0]) * (y - a[:, 1]) / (b[:, 1] - a[:, 1])).tolist()
    crossings.sort()
    return list(zip(crossings[::2], crossings[1::2], strict=True))


def arc(centre: tuple[float, float], radii: tuple[float, float], start: float, stop: float) -> np.ndarray:
    """An arc of an ellipse as a polyline (m, 2), from angle `start` to `stop` in degrees."""
    angle = np.radians(np.linspace(start, stop, max(3, int(abs(stop - start) / 3))))
    return np.asarray(centre) + np.asarray(radii) * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def smooth(corners: Outline, closed: bool = False, steps: int = 12) -> np.ndarray:
    """A polyline (m, 2) through `corners`, rounded by a Catmull-Rom spline."""
    p = np.asarray(corners, dtype=np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    u = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [_catmull_rom(p[i : i + 4], u) for i in range(len(p) - 3)]
    return np.concatenate([*pieces, p[-2:-1]])


def _catmull_rom(p: np.ndarray, u: np.ndarray) -> np.ndarray:
    a = 2 * p[1]
    b = p[2] - p[0]
    c = 2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]
    d = -p[0] + 3 * p[1] - 3 * p[2] + p[3]
    return np.asarray(0.5 * (a + b * u + c * u**2 + d * u**3))


def rotated(points: np.ndarray, angle: float) -> np.ndarray:
    """`points` (k, 2) turned by `angle` in radians, anticlockwise."""
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, s], [-s, c]]))
