"""The axes of figures: their numbers, ticks and labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF

from explorer.ui.figures.ink import LINE, SMALL, Area, Sheet


def most_ticks(width: float, sheet: Sheet) -> int:
    """How many ticks there may be along a width."""
    return max(2, int(width / sheet.px(70)))


def paint_x_ticks(sheet: Sheet, area: Area) -> None:
    """The ticks of the lower axis and their numbers."""
    rect, foot, ink = area.rect, area.rect.bottom(), sheet.ink
    marks = area.x.ticks(most_ticks(rect.width(), sheet))
    sheet.painter.setPen(ink.pen("muted"))
    for length, values in ((2.0, area.x.minor()), (4.0, [v for v, _ in marks])):
        for value in values:
            x = ink.crisp(area.place(value, area.y.low).x())
            sheet.painter.drawLine(QPointF(x, foot), QPointF(x, foot + sheet.px(length)))
    free = -math.inf
    for value, words in marks:
        wide = ink.width(words, SMALL)
        x = area.place(value, area.y.low).x() - wide / 2
        x = max(min(x, sheet.rect.right() - wide), sheet.rect.left())
        if x >= free:  # a word that would touch the one before is left out
            sheet.words(x, foot + sheet.px(LINE), words, SMALL, "muted")
            free = x + wide + sheet.px(4)


def paint_x_label(sheet: Sheet, area: Area, lines: Sequence[str]) -> None:
    """What is along the lower axis, in the middle below its numbers."""
    for i, words in enumerate(lines):
        wide = sheet.ink.width(words, SMALL)
        x = min(area.rect.center().x() - wide / 2, sheet.rect.right() - wide)
        y = area.rect.bottom() + sheet.px((2 + i) * LINE - 1)
        sheet.words(max(x, sheet.rect.left()), y, words, SMALL, "muted")


def paint_y_ticks(sheet: Sheet, area: Area, label: Sequence[str]) -> None:
    """The ticks of the left axis and their numbers, and its label in lines above it."""
    rect, ink = area.rect, sheet.ink
    for value, words in area.y.ticks(max(2, int(rect.height() / sheet.px(40)))):
        y = ink.crisp(area.place(area.x.low, value).y())
        sheet.painter.setPen(ink.pen("muted"))
        sheet.painter.drawLine(QPointF(rect.left() - sheet.px(4), y), QPointF(rect.left(), y))
        x = rect.left() - sheet.px(6) - ink.width(words, SMALL)
        sheet.words(x, y + sheet.px(SMALL * 0.36), words, SMALL, "muted")
    for i, words in enumerate(reversed(label)):
        x = min(rect.left(), sheet.rect.right() - ink.width(words, SMALL))
        y = rect.top() - sheet.px(5 + i * LINE)
        sheet.words(max(x, sheet.rect.left()), y, words, SMALL, "muted")
