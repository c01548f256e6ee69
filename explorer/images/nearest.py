"""The training picture that is nearest to a sample: is it a copy?"""

from __future__ import annotations

import numpy as np

from explorer.images.base import Pixels, from_pixels


class Neighbours:
    """The pictures of a set as points, to be searched. Distances are root mean squares over the d numbers of a
    picture, whose values run from -1 to 1: 2 is black against white."""

    def __init__(self, pixels: Pixels) -> None:
        self._points = from_pixels(pixels.images)
        self._squares = np.einsum("nd,nd->n", self._points, self._points)

    def __len__(self) -> int:
        return len(self._points)

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For points (n, d) the rows (n,) of those nearest to them, and how far they are (n,), by brute force."""
        x = np.asarray(x, np.float32)
        products = self._squares - 2 * (x @ self._points.T)
        rows = products.argmin(axis=1)
        away = np.square(x - self._points[rows], dtype=np.float64).mean(axis=1)
        return rows, np.sqrt(away)
