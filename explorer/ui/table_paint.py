"""Tables drawn as in a book: rules above, below the heading and at the foot, nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPen

from explorer.figure_files import number_text
from explorer.figures import Table
from explorer.ui import layout

if TYPE_CHECKING:
    from explorer.ui.figure_paint import Ink

TEXT, ROW, GAP = 12.0, 21.0, 18.0
SMALLEST = 0.75  # a table that is too wide shrinks to this at most; then words are shortened


def table_height(table: Table, ink: Ink) -> float:
    """How high the rows, the heading and the rules are."""
    return (ROW * (len(table.rows) + 1) + 8) * ink.scale


def table_width(table: Table, ink: Ink) -> float:
    """How wide it is, with words that are a little smaller than usual."""
    cells = [[number_text(v) for v in row] for row in table.rows]
    gaps = GAP * ink.scale * (len(table.columns) - 1)
    return sum(_widths(table, cells, math.inf, ink)[1]) * 0.88 + gaps


def paint_table(painter: QPainter, table: Table, rect: QRectF, ink: Ink) -> None:
    """Draw a table at the top of `rect`; rows that do not fit are told of in the last line."""
    cells = [[number_text(v) for v in row] for row in table.rows]
    numeric = [_numeric(table, i) for i in range(len(table.columns))]
    size, widths = _widths(table, cells, rect.width(), ink)
    row = ROW * ink.scale
    fitting = max(int((rect.height() - row - 6) / row), 0)
    shown = cells if len(cells) <= fitting else cells[: max(fitting - 1, 0)]
    top = rect.top() + 2
    right = rect.left() + sum(widths) + GAP * ink.scale * (len(widths) - 1)
    _rule(painter, ink, rect.left(), right, top, 1.4)
    _row(painter, ink, list(table.columns), widths, numeric, rect.left(), top, size, heading=True)
    _rule(painter, ink, rect.left(), right, top + row, 0.8)
    for i, line in enumerate(shown):
        _row(painter, ink, line, widths, numeric, rect.left(), top + (i + 1) * row, size)
    foot = top + (len(shown) + 1) * row
    if len(shown) < len(cells):
        painter.setPen(ink.color("muted"))
        painter.setFont(ink.font(size))
        painter.drawText(QPointF(rect.left(), foot + row * 0.7), f"… {len(cells) - len(shown)} more rows")
        foot += row
    _rule(painter, ink, rect.left(), right, foot, 1.4)


def _numeric(table: Table, column: int) -> bool:
    return any(isinstance(row[column], int | float) for row in table.rows)


def _widths(table: Table, cells: list[list[str]], room: float, ink: Ink) -> tuple[float, list[float]]:
    """The size of the words, and the width of each column."""
    columns = list(zip(*([list(table.columns)] + cells), strict=True))
    gaps = GAP * ink.scale * (len(columns) - 1)

    def natural(size: float) -> list[float]:
        return [
            max(ink.width(w, size, bold=i == 0) for i, w in enumerate(column)) + 2 * ink.scale
            for column in columns
        ]

    size, widths = TEXT, natural(TEXT)
    if sum(widths) + gaps > room:
        size = max(TEXT * SMALLEST, TEXT * (room - gaps) / sum(widths))
        widths = natural(size)
    over = sum(widths) + gaps - room
    while over > 1 and max(widths) > 30 * ink.scale:  # the widest gives way
        i = widths.index(max(widths))
        less = min(over, max(widths[i] - 30 * ink.scale, 1.0), widths[i] * 0.3)
        widths[i] -= less
        over -= less
    return size, widths


def _row(
    painter: QPainter, ink: Ink, cells: list[str], widths: list[float], numeric: list[bool], left: float,
    top: float, size: float, *, heading: bool = False,
) -> None:  # fmt: skip
    x = left
    painter.setFont(ink.font(size, heading))
    painter.setPen(ink.color("muted" if heading else "text"))
    for words, width, right_aligned in zip(cells, widths, numeric, strict=True):
        shown = layout.elided(words, width, round(size * ink.scale), heading)
        shift = width - ink.width(shown, size, heading) if right_aligned else 0.0
        painter.drawText(QPointF(x + shift, top + ROW * ink.scale * 0.69), shown)
        x += width + GAP * ink.scale


def _rule(painter: QPainter, ink: Ink, left: float, right: float, y: float, width: float) -> None:
    painter.setPen(QPen(ink.color("muted" if width > 1 else "line"), width * ink.scale))
    painter.drawLine(QPointF(left, round(y) + 0.5), QPointF(right, round(y) + 0.5))
