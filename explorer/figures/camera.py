"""The camera: which part of the plane a canvas shows. Immutable, and without Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.figures.marks import Bounds

Size: TypeAlias = tuple[float, float]  # width and height in pixels

# Beyond these the digits of float32 data are used up, and a runaway wheel has left every picture behind.
SMALLEST, LARGEST = 1e-6, 1e7


@dataclass(frozen=True)
class Camera:
    """A window `height` data units high around `center`, one unit as long across as up.

    With `stretch` it is `width` units wide whatever the shape of the canvas, as pictures of space against
    time need it.
    """

    center: tuple[float, float] = (0.0, 0.0)
    height: float = 4.0
    width: float = 4.0
    stretch: bool = False

    def bounds(self, width_px: float, height_px: float) -> Bounds:
        """Left, right, bottom and top of what a canvas of this size shows."""
        width = self.width if self.stretch else self.height * max(width_px, 1) / max(height_px, 1)
        (x, y), up = self.center, self.height / 2
        return x - width / 2, x + width / 2, y - up, y + up

    def zoomed(self, factor: float, at: tuple[float, float]) -> Camera:
        """Magnified `factor` times, while the point `at` stays where it is on the screen."""
        extents = (self.height, self.width) if self.stretch else (self.height,)
        factor = min(max(factor, max(extents) / LARGEST), min(extents) / SMALLEST)
        x, y = (a + (c - a) / factor for c, a in zip(self.center, at, strict=True))
        return replace(self, center=(x, y), height=self.height / factor, width=self.width / factor)

    def panned(self, dx: float, dy: float) -> Camera:
        """Moved by (dx, dy) data units: what is shown moves the other way."""
        return replace(self, center=(self.center[0] + dx, self.center[1] + dy))

    def fitted(self, bounds: Bounds, size: Size, margin: float = 0.05) -> Camera:
        """Showing all of `bounds` on a canvas of this size, with a margin (a share of the extent)."""
        if not all(math.isfinite(b) for b in bounds):
            return self
        left, right, bottom, top = bounds
        wide, high = (_extent(e, margin) for e in (right - left, top - bottom))
        if not self.stretch:
            high = max(high, wide * max(size[1], 1) / max(size[0], 1))
        center = ((left + right) / 2, (bottom + top) / 2)
        return replace(self, center=center, height=min(high, LARGEST), width=min(wide, LARGEST))

    def to_pixels(self, xy: ArrayLike, size: Size) -> NDArray[np.float64]:
        """Points (..., 2) of the data in pixels from the upper left corner."""
        left, right, bottom, top = self.bounds(*size)
        scale = np.array([size[0] / (right - left), -size[1] / (top - bottom)])
        with np.errstate(all="ignore"):  # the canvas leaves out what is not finite
            return (np.asarray(xy, np.float64) - (left, top)) * scale

    def to_data(self, pixels: Sequence[float], size: Size) -> tuple[float, float]:
        """The data point under a pixel."""
        left, right, bottom, top = self.bounds(*size)
        x = left + pixels[0] * (right - left) / max(size[0], 1)
        y = top - pixels[1] * (top - bottom) / max(size[1], 1)
        return x, y


def _extent(length: float, margin: float) -> float:
    length = abs(length) * (1 + 2 * margin)
    return length if length > SMALLEST else 1.0
