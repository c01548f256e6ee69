"""PDF: whatever a QPainter draws as a page of lines and letters, in memory."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QSizeF
from PySide6.QtGui import QPageSize, QPainter, QPdfWriter

from explorer.figures.papers import MM_PER_INCH, points

#: Of the coordinates in the file.
DOTS_PER_INCH = 1440


def written(paint: Callable[[QPainter], None], size: tuple[float, float], width: float, title: str) -> bytes:
    """The file of a page `width` mm wide, on which `paint` draws in a space of `size`."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    sides = QSizeF(points(width), points(width) * size[1] / size[0])
    writer.setPageSize(QPageSize(sides, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    writer.setResolution(DOTS_PER_INCH)
    writer.setTitle(title)
    writer.setCreator("Score Explorer")
    painter = QPainter(writer)
    try:
        painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)
        unit = width / MM_PER_INCH * DOTS_PER_INCH / size[0]
        painter.scale(unit, unit)
        paint(painter)
    finally:
        painter.end()
    return bytes(buffer.data().data())
