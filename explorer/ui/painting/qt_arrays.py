"""Arrays of numbers handed to Qt as they lie in memory, without a Python object for each point or line.

pyqtgraph has the like, but importing it takes as long as the whole window may take to open.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QLineF
from PySide6.QtGui import QPainter, QPixmap, QPolygonF

#: Numbers of a piece: x, y, left, top, width, height, scale x, scale y, turn, opacity.
FRAGMENT = 10


def polygon(xy: NDArray[np.float64]) -> QPolygonF:
    """Points (n, 2) as Qt wants them."""
    made: Any = QPolygonF()
    made.resize(len(xy))
    if len(xy):
        memory: Any = shiboken6.VoidPtr(made.data(), xy.size * 8, True)  # type: ignore[call-arg]
        np.frombuffer(memory, np.float64)[:] = np.ravel(xy)
    return made


def lines(painter: QPainter, table: NDArray[np.float64]) -> None:
    """Lines of the painter's pen, as rows x1, y1, x2, y2 (n, 4)."""
    if len(table):
        table = np.ascontiguousarray(table, np.float64)  # named, so that it lives until it is drawn
        first: Any = shiboken6.wrapInstance(table.ctypes.data, QLineF)
        painter.drawLines(first, len(table))


def fragments(painter: QPainter, table: NDArray[np.float64], atlas: QPixmap) -> None:
    """Pieces of `atlas`, as rows of FRAGMENT numbers (n, 10)."""
    if len(table):
        table = np.ascontiguousarray(table, np.float64)
        first: Any = shiboken6.wrapInstance(table.ctypes.data, QPainter.PixmapFragment)
        painter.drawPixmapFragments(first, len(table), atlas)
