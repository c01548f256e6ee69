"""Regular point sets from curves and areas, which jitter turns into smooth densities.

A comb of Gaussians looks continuous when their standard deviation is about half their distance: then the
ripple is about one per cent. So a shape is given by as few points as its jitter asks for, evenly spaced
(clumps of random points would show), and never more than MAX_POINTS: an exact score costs time for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

#: Components of one mixture at most.
MAX_POINTS = 1000
#: Distance of neighbouring points over their jitter: 2 % ripple along a curve, 1 % on a hexagonal lattice.
SPACING = 2.0

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
    total = [float(lengths(c)[-1]) for c in curves]
    spacing = max(spacing, sum(total) / (MAX_POINTS - len(curves)))
    counts = [max(1, int(length / spacing)) for length in total]
    points = np.concatenate([along(c, n) for c, n in zip(curves, counts, strict=True)])
    return points, np.repeat(np.arange(len(curves)), counts)


def filling(inside: Callable[[np.ndarray], np.ndarray], box: Outline, spacing: float) -> np.ndarray:
    """The points (k, 2) of a hexagonal lattice in `box` ((x0, y0), (x1, y1)) where `inside` says so.

    The lattice is made coarser until at most MAX_POINTS are left.
    """
    while True:
        points = hexagonal(box, spacing)
        points = points[inside(points)]
        if len(points) <= MAX_POINTS:
            return points
        spacing *= 1.02


def hexagonal(box: Outline, spacing: float) -> np.ndarray:
    """A hexagonal lattice (k, 2) with neighbours `spacing` apart, centred in `box`."""
    (x0, y0), (x1, y1) = box
    rows = np.arange(-int((y1 - y0) / spacing), int((y1 - y0) / spacing) + 1)
    columns = np.arange(-int((x1 - x0) / spacing) - 1, int((x1 - x0) / spacing) + 2)
    j, i = np.meshgrid(rows, columns, indexing="ij")
    x = (x0 + x1) / 2 + spacing * (i + 0.5 * (j % 2))
    y = (y0 + y1) / 2 + spacing * np.sqrt(0.75) * j
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    return np.asarray(points[((points >= (x0, y0)) & (points <= (x1, y1))).all(axis=1)])


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
