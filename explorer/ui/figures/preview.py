"""Figures as small cards show them: the curves or the image, a title, and none of the words around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter

from explorer.figures.figure import Picture, Plot
from explorer.figures.marks import Text
from explorer.ui.figures.ink import SMALL, Ink
from explorer.ui.figures.paint import paint_figure
from explorer.ui.painting import layout

#: Pixels of a line of the title, at 13 px text; and its most lines.
LINE, MOST_LINES = 15.0, 3
_NO_WORDS: dict[str, Any] = dict.fromkeys(("title", "about", "x_label", "y_label"), "")


def bare(figure: Plot | Picture) -> Plot | Picture:
    """The figure without title, labels, words on it, legend, colour bar and handles."""
    if isinstance(figure, Picture):
        drawn = tuple(mark for mark in figure.marks if not isinstance(mark, Text))
        return replace(figure, **_NO_WORDS, marks=drawn, scale=None, handles=())
    series = tuple(replace(s, name="") for s in figure.series)
    marks = tuple((at, "") for at, _ in figure.marks)
    rows, guides = ("",) * len(figure.rows), tuple(replace(g, word="") for g in figure.guides)
    return replace(figure, **_NO_WORDS, series=series, marks=marks, rows=rows, guides=guides)


def paint_small(painter: QPainter, figure: Plot | Picture, rect: QRectF, ink: Ink) -> None:
    """Draw it into `rect` with the whole of its title above, in as many lines as that takes (at most MOST_LINES)."""
    size = SMALL * ink.scale
    lines = layout.wrapped(figure.title, rect.width(), size, MOST_LINES)
    painter.setFont(ink.font(SMALL))
    painter.setPen(ink.color("muted"))
    for i, line in enumerate(lines):
        painter.drawText(QPointF(rect.left(), rect.top() + size + i * LINE * ink.scale), line)
    above = LINE * ink.scale * len(lines) + 3 * ink.scale
    paint_bare(painter, figure, rect.adjusted(0, above, 0, 0), ink)


def paint_bare(painter: QPainter, figure: Plot | Picture, rect: QRectF, ink: Ink) -> None:
    """Draw it into `rect` without any of its words."""
    paint_figure(painter, bare(figure), rect, replace(ink, scale=ink.scale * 0.85))
