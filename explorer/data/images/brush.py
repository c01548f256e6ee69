"""Drawing on a small grey picture: soft strokes, as a pen's are after scanning."""

from __future__ import annotations

import numpy as np


def painted(
    levels: np.ndarray, stroke: np.ndarray, radius: float, soft: float = 1.2, erase: bool = False
) -> np.ndarray:
    """Grey levels (h, w), uint8, with a stroke along points (k, 2) drawn on it, or rubbed out.

    Points are (x, y) in pixels, (0, 0) the upper left corner of the picture. The line is 2 `radius` pixels thick,
    with an edge `soft` pixels wide.
    """
    h, w = levels.shape
    centres = np.stack(np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5), -1)
    ink = 255 * np.clip((radius - distance(centres, np.asarray(stroke, float))) / soft + 0.5, 0, 1)
    mixed = np.minimum(levels, 255 - ink) if erase else np.maximum(levels, ink)
    return np.asarray(np.round(mixed), np.uint8)


def distance(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """How far points (..., 2) are from a line through the points (k, 2); of one point, from that."""
    starts, ends = (line, line) if len(line) == 1 else (line[:-1], line[1:])
    along = ends - starts
    length = np.square(along).sum(-1)
    away = points[..., None, :] - starts
    share = np.clip((away * along).sum(-1) / np.where(length > 0, length, 1.0), 0, 1)
    return np.asarray(np.linalg.norm(away - share[..., None] * along, axis=-1).min(-1))


#: A three, in pixels of a picture 28 wide: what there is before anything is drawn.
_THREE = ((9.0, 8.0), (11.5, 6.0), (15.5, 5.8), (18.0, 8.2), (17.0, 11.3), (13.5, 13.0), (17.2, 14.4), (18.6, 17.8),
          (16.8, 21.0), (13.0, 22.0), (9.2, 20.2))  # fmt: skip


def example(height: int, width: int) -> np.ndarray:
    """A digit drawn with this brush, levels (h, w)."""
    stroke = np.array(_THREE) * (width / 28, height / 28)
    return painted(np.zeros((height, width), np.uint8), stroke, 1.1 * width / 28)
