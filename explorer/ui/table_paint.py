"""Tables drawn as in a book: rules above, below the heading and at the foot, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPen

from explorer.figure_files import number_text
from explorer.figures import Table
from explorer.ui import layout

if TYPE_CHECKING:
    from explorer.ui.figure_paint import Ink

TEXT, ROW, GAP = 12.0, 21.0, 18.0
#: A table that is too wide shrinks to this at most, and its gaps to these; then its words are shortened, never
#: its numbers.
SMALLEST, LEAST_GAP = 0.75, 9.0


@dataclass(frozen=True)
class _Plan:
    """The words of a table, the size of them, the width of each column and the gap between two."""

    heads: list[str]
    cells: list[list[str]]
    numeric: list[bool]
    size: float
    widths: list[float]
    gap: float

    @property
    def wide(self) -> float:
        return sum(self.widths) + self.gap * (len(self.widths) - 1)


def table_height(table: Table, ink: Ink, room: float) -> float:
    """How high the rows, the heading and the rules are in this width."""
    return (ROW * (len(_plan(table, room, ink).cells) + 1) + 8) * ink.scale


def table_width(table: Table, ink: Ink) -> float:
    """How wide it is, with words that are a little smaller than usual."""
    return _natural(table, TEXT * 0.88, GAP, ink).wide


def _plan(table: Table, room: float, ink: Ink) -> _Plan:
    """How it is set in this width: smaller where that is enough, else turned on its side where that helps."""
    ways = [table, *([_turned(table)] if len(table.columns) > len(table.rows) + 1 else [])]
    for way in ways:
        for share, gap in ((1.0, GAP), (1.0, LEAST_GAP), (0.87, LEAST_GAP), (SMALLEST, LEAST_GAP)):
            made = _natural(way, TEXT * share, gap, ink)
            if made.wide <= room:
                return made
    return _squeezed(_natural(table, TEXT * SMALLEST, LEAST_GAP, ink), room, ink)


def _natural(table: Table, size: float, gap: float, ink: Ink) -> _Plan:
    cells = [[number_text(v) for v in row] for row in table.rows]
    columns = zip(*([list(table.columns)] + cells), strict=True)
    widths = [max(ink.width(w, size, bold=i == 0) for i, w in enumerate(c)) + 2 * ink.scale for c in columns]
    numeric = [any(isinstance(row[i], int | float) for row in table.rows) for i in range(len(table.columns))]
    return _Plan(list(table.columns), cells, numeric, size, widths, gap * ink.scale)


def _turned(table: Table) -> Table:
    """Rows as columns."""
    heads = (table.columns[0], *(str(row[0]) for row in table.rows))
    rows = tuple(
        (name, *(row[i] for row in table.rows)) for i, name in enumerate(table.columns) if i
    )  # fmt: skip
    return Table(table.title, heads, rows, table.about)


def _squeezed(plan: _Plan, room: float, ink: Ink) -> _Plan:
    """With the widest columns of words narrower."""
    widths = list(plan.widths)
    least = 40 * ink.scale
    for _ in range(200):
        words = [i for i, numeric in enumerate(plan.numeric) if not numeric and widths[i] > least]
        over = sum(widths) + plan.gap * (len(widths) - 1) - room
        if over <= 1 or not words:
            break
        i = max(words, key=lambda i: widths[i])
        widths[i] = max(least, widths[i] - min(over, widths[i] * 0.1))
    return replace(plan, widths=widths)


def paint_table(painter: QPainter, table: Table, rect: QRectF, ink: Ink) -> None:
    """Draw a table at the top of `rect`; rows that do not fit are told of in the last line."""
    plan = _plan(table, rect.width(), ink)
    row = ROW * ink.scale
    fitting = max(int((rect.height() - row - 6) / row), 0)
    shown = plan.cells if len(plan.cells) <= fitting else plan.cells[: max(fitting - 1, 0)]
    top, left, right = rect.top() + 2, rect.left(), rect.left() + plan.wide
    _rule(painter, ink, left, right, top, 1.4)
    _row(painter, ink, plan, plan.heads, left, top, heading=True)
    _rule(painter, ink, left, right, top + row, 0.8)
    for i, line in enumerate(shown):
        _row(painter, ink, plan, line, left, top + (i + 1) * row)
    foot = top + (len(shown) + 1) * row
    if len(shown) < len(plan.cells):
        painter.setPen(ink.color("muted"))
        painter.setFont(ink.font(plan.size))
        painter.drawText(QPointF(left, foot + row * 0.7), f"… {len(plan.cells) - len(shown)} more rows")
        foot += row
    _rule(painter, ink, left, right, foot, 1.4)


def _row(
    painter: QPainter,
    ink: Ink,
    plan: _Plan,
    cells: list[str],
    left: float,
    top: float,
    *,
    heading: bool = False,
) -> None:
    x = left
    painter.setFont(ink.font(plan.size, heading))
    painter.setPen(ink.color("muted" if heading else "text"))
    for words, width, right_aligned in zip(cells, plan.widths, plan.numeric, strict=True):
        shown = layout.elided(words, width, round(plan.size * ink.scale), heading)
        shift = width - ink.width(shown, plan.size, heading) if right_aligned else 0.0
        painter.drawText(QPointF(x + shift, top + ROW * ink.scale * 0.69), shown)
        x += width + plan.gap


def _rule(painter: QPainter, ink: Ink, left: float, right: float, y: float, width: float) -> None:
    painter.setPen(QPen(ink.color("muted" if width > 1 else "line"), width * ink.scale))
    painter.drawLine(QPointF(left, round(y) + 0.5), QPointF(right, round(y) + 0.5))
