"""Tables drawn as in a book: rules above, below the heading and at the foot, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter

from explorer.figures.figure import Table
from explorer.figures.files import cell_texts
from explorer.ui.figures.ink import LINE, SMALL, Ink
from explorer.ui.painting.svg_painter import SvgPainter

TEXT, ROW, GAP = 12.0, 21.0, 18.0
#: A table that is too wide shrinks to this at most, and its gaps to these; then its words are shortened, never
#: its numbers.
SMALLEST, LEAST_GAP = 0.75, 9.0
#: Lines that words have on a screen at most.
MOST_LINES = 2
#: Between two parts of a table whose columns have no room side by side.
APART = 14.0


@dataclass(frozen=True)
class _Plan:
    """A table as it is set: the lines of each cell, heads first; which columns are numbers; the size of the words,
    the width of each column and the gap between two."""

    rows: list[list[list[str]]]
    numeric: list[bool]
    size: float
    widths: list[float]
    gap: float

    @property
    def wide(self) -> float:
        return sum(self.widths) + self.gap * (len(self.widths) - 1)

    def height(self, row: int) -> float:
        """Of a row, at scale 1."""
        return ROW + LINE * (max(len(lines) for lines in self.rows[row]) - 1)


def table_height(table: Table, ink: Ink, room: float) -> float:
    """How high the rows, the heading and the rules are in this width."""
    parts = [sum(plan.height(i) for i in range(len(plan.rows))) for plan in _plans(table, room, ink)]
    return (sum(parts) + APART * (len(parts) - 1) + 8) * ink.scale


def table_width(table: Table, ink: Ink) -> float:
    """How wide it is, with words that are a little smaller than usual."""
    return _natural(table, _text(ink) * (1.0 if ink.whole else 0.88), GAP, ink).wide


def _text(ink: Ink) -> float:
    """The size of its words: in files that of all others."""
    return SMALL if ink.whole else TEXT


def _plans(table: Table, room: float, ink: Ink) -> list[_Plan]:
    """How it is set in this width: with smaller gaps where that is enough, else turned on its side where that helps;
    then on the screen with smaller and shorter words, in files with words in several lines, and in parts below each
    other where not all columns have room."""
    ways = [table, *([_turned(table)] if len(table.columns) > len(table.rows) + 1 else [])]
    shares = (1.0, 1.0) if ink.whole else (1.0, 1.0, 0.87, SMALLEST)
    for way in ways:
        for share, gap in zip(shares, (GAP, LEAST_GAP, LEAST_GAP, LEAST_GAP), strict=False):
            made = _natural(way, _text(ink) * share, gap, ink)
            if made.wide <= room:
                return [made]
    if not ink.whole:
        return [_squeezed(_natural(table, _text(ink) * SMALLEST, LEAST_GAP, ink), room, ink)]
    plans = [_in_lines(way, room, ink) for way in ways]
    plan = next((plan for plan in plans if plan.wide <= room + 1), None)
    return [plan] if plan else [_fitted(part, room, ink) for part in _parts(table, room, ink)]


def _in_lines(table: Table, room: float, ink: Ink) -> _Plan:
    """In a file, its words in as many lines as they need."""
    return _squeezed(_natural(table, _text(ink), LEAST_GAP, ink), room, ink)


def _parts(table: Table, room: float, ink: Ink) -> list[Table]:
    """Tables of as many columns as have room, each after the columns of words at the left; ± stays with its value."""
    words = [
        not any(isinstance(row[i], int | float) for row in table.rows) for i in range(len(table.columns))
    ]
    lead = max(1, words.index(False) if False in words else 1)
    groups: list[list[int]] = []
    for i in range(lead, len(table.columns)):
        if groups and table.columns[i].startswith("±"):
            groups[-1].append(i)
        else:
            groups.append([i])
    parts: list[list[int]] = []
    for group in groups:
        longer = [*parts[-1], *group] if parts else group
        if parts and _in_lines(_columns(table, lead, longer), room, ink).wide <= room + 1:
            parts[-1] = longer
        else:
            parts.append(group)
    return [_columns(table, lead, part) for part in parts]


def _columns(table: Table, lead: int, which: list[int]) -> Table:
    """The first columns, and some others."""
    kept = [*range(lead), *which]
    rows = tuple(tuple(row[i] for i in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[i] for i in kept), rows=rows)


def _fitted(table: Table, room: float, ink: Ink) -> _Plan:
    """In a file: words in lines, smaller ones where that is not enough."""
    plan = _in_lines(table, room, ink)
    return plan if plan.wide <= room + 1 else _shrunk(table, room, ink)


def _shrunk(table: Table, room: float, ink: Ink) -> _Plan:
    """In a file, words so small that even its numbers have room side by side."""
    size = _text(ink)
    for _ in range(40):
        size *= 0.95
        made = _squeezed(_natural(table, size, LEAST_GAP * size / _text(ink), ink), room, ink)
        if made.wide <= room + 1:
            break
    return made


def _natural(table: Table, size: float, gap: float, ink: Ink) -> _Plan:
    cells = [cell_texts(table, row) for row in table.rows]
    columns = zip(*([list(table.columns)] + cells), strict=True)
    widths = [max(ink.width(w, size, bold=i == 0) for i, w in enumerate(c)) + 2 * ink.scale for c in columns]
    numeric = [any(isinstance(row[i], int | float) for row in table.rows) for i in range(len(table.columns))]
    rows = [[[words] for words in row] for row in [list(table.columns), *cells]]
    return _Plan(rows, numeric, size, widths, gap * ink.scale)


def _turned(table: Table) -> Table:
    """Rows as columns."""
    heads = (table.columns[0], *(str(row[0]) for row in table.rows))
    rows = tuple(
        (name, *(row[i] for row in table.rows)) for i, name in enumerate(table.columns) if i
    )  # fmt: skip
    return Table(table.title, heads, rows, table.about)


def _squeezed(plan: _Plan, room: float, ink: Ink) -> _Plan:
    """With the widest columns of words narrower, and in files their words, and those of all heads, in lines."""
    widths = list(plan.widths)
    least = [40 * ink.scale] * len(widths)
    if ink.whole:
        least = [_longest(plan, i, ink) for i in range(len(widths))]
    for _ in range(400):
        words = [
            i
            for i, numeric in enumerate(plan.numeric)
            if (ink.whole or not numeric) and widths[i] > least[i] + 0.5
        ]
        over = sum(widths) + plan.gap * (len(widths) - 1) - room
        if over <= 0 or not words:
            break
        i = max(words, key=lambda i: widths[i])
        widths[i] = max(least[i], widths[i] - min(over, widths[i] * 0.1))
    rows = [
        [
            ink.lines(cell[0], wide, plan.size, bold=i == 0, most=MOST_LINES) or [""]
            for cell, wide in zip(row, widths, strict=True)
        ]
        for i, row in enumerate(plan.rows)
    ]
    return replace(plan, widths=widths, rows=rows)


def _longest(plan: _Plan, column: int, ink: Ink) -> float:
    """The width of the longest word of a column, and of its longest number."""
    numeric = plan.numeric[column]
    parts = [
        (part, i == 0)
        for i, row in enumerate(plan.rows)
        for part in (row[column][0].split() if i == 0 or not numeric else [row[column][0]])
    ]
    return max([ink.width(part, plan.size, bold) for part, bold in parts], default=0.0) + 2 * ink.scale


def paint_table(painter: QPainter | SvgPainter, table: Table, rect: QRectF, ink: Ink) -> None:
    """Draw a table at the top of `rect`; rows that do not fit are told of in the last line."""
    for plan in _plans(table, rect.width(), ink):
        foot = _paint_part(painter, plan, rect, ink)
        rect = rect.adjusted(0, foot - rect.top() + (APART - 2) * ink.scale, 0, 0)


def _paint_part(painter: QPainter | SvgPainter, plan: _Plan, rect: QRectF, ink: Ink) -> float:
    """Draw a part of it at the top of `rect`; returns where it ends."""
    heads, *heights = [plan.height(i) * ink.scale for i in range(len(plan.rows))]
    fitting = _fitting(heights, rect.height() - heads - 6, ROW * ink.scale)
    top, left, right = rect.top() + 2, rect.left(), rect.left() + plan.wide
    _rule(painter, ink, left, right, top, 1.4)
    _row(painter, ink, plan, 0, left, top)
    top += heads
    _rule(painter, ink, left, right, top, 0.8)
    for i in range(fitting):
        _row(painter, ink, plan, i + 1, left, top)
        top += heights[i]
    if fitting < len(heights):
        painter.setPen(ink.color("muted"))
        painter.setFont(ink.font(plan.size))
        words = f"… {len(heights) - fitting} more rows"
        painter.drawText(QPointF(left, top + ROW * ink.scale * 0.7), words)
        top += ROW * ink.scale
    _rule(painter, ink, left, right, top, 1.4)
    return top


def _fitting(heights: list[float], room: float, note: float) -> int:
    """How many rows there are; where not all have room, so many that a note has some below them."""
    if sum(heights) <= room + 0.5:
        return len(heights)
    used, count = note, 0
    for high in heights:
        used += high
        if used > room:
            break
        count += 1
    return count


def _row(painter: QPainter | SvgPainter, ink: Ink, plan: _Plan, index: int, left: float, top: float) -> None:
    x, heading = left, index == 0
    painter.setFont(ink.font(plan.size, heading))
    painter.setPen(ink.color("muted" if heading else "text"))
    for lines, width, right_aligned in zip(plan.rows[index], plan.widths, plan.numeric, strict=True):
        for i, words in enumerate(lines):
            shift = width - ink.width(words, plan.size, heading) if right_aligned else 0.0
            base = top + (ROW * 0.69 + LINE * i) * ink.scale
            painter.drawText(QPointF(x + shift, base), words)
        x += width + plan.gap


def _rule(
    painter: QPainter | SvgPainter, ink: Ink, left: float, right: float, y: float, width: float
) -> None:
    painter.setPen(ink.pen("muted" if width > 1 else "line", width))
    painter.drawLine(QPointF(left, ink.crisp(y)), QPointF(right, ink.crisp(y)))
