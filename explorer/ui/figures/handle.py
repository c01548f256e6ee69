"""Handles on figures: discs to be dragged."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen

from explorer.figures.figure import Handle
from explorer.figures.marks import Text
from explorer.ui.figures.ink import Ink
from explorer.ui.painting import text

HANDLE = 7.0  # radius of the disc that is dragged
WAYS = 6.0  # how far the arrow heads around it reach


def _paint_ways(painter: QPainter, handle: Handle, place: QPointF, radius: float, ink: Ink) -> None:
    """Arrow heads around a disc, on the sides that it can be dragged to."""
    away, half = radius + 3 * ink.scale, 3.5 * ink.scale
    heads = [(sign, axis) for axis, name in enumerate(handle.fields) if name for sign in (-1, 1)]
    for role, width in (("stage", 4.0), ("text", 1.6)):
        made = QPen(ink.color(role), width * ink.scale)
        made.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(made)
        for sign, axis in heads:
            tip, back = sign * (away + half), sign * away
            ends = [(back, -half), (tip, 0.0), (back, half)]
            painter.drawPolyline([place + (QPointF(a, b) if axis == 0 else QPointF(b, a)) for a, b in ends])


def paint_handle(painter: QPainter, handle: Handle, place: QPointF, ink: Ink, held: bool) -> None:
    """A disc to be dragged, and its word."""
    radius = (HANDLE + (1.5 if held else 0)) * ink.scale
    painter.setPen(QPen(ink.color("stage"), 3.0 * ink.scale))
    painter.setBrush(ink.color("accent"))
    painter.drawEllipse(place, radius, radius)
    painter.setPen(QPen(ink.color("text"), 1.4 * ink.scale))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(place, radius, radius)
    _paint_ways(painter, handle, place, radius, ink)
    if handle.word:
        mark = Text((0.0, 0.0), handle.word, size=12.0, anchor="w")
        text.draw(
            painter, (place.x() + radius + (WAYS + 5) * ink.scale, place.y()), mark, ink.theme, ink.scale
        )
