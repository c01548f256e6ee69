"""Plots with a name for every place: a row for each, the names at the left and the values along the foot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt

from explorer.figures.figure import Plot, Series
from explorer.ui.figures.axes import paint_x_label, paint_x_ticks
from explorer.ui.figures.ink import LINE, SMALL, Area, Sheet
from explorer.ui.figures.key import key_of
from explorer.ui.figures.plot import DOT, axes_of, paint_key, pen
from explorer.ui.painting import axes as ax
from explorer.ui.painting import layout
from explorer.ui.painting.axes import Axis
from explorer.ui.painting.qt_arrays import polygon

#: The share of the width that the names may have, and of a row's height that its values are spread over.
NAMES, SPREAD = 0.45, 0.6
CAP = 2.5  # half the height of an error bar's ends


def paint_rows(sheet: Sheet, plot: Plot) -> Area:
    """Draw a plot with a name for every row: its key above or below, the rows in what is left of the sheet; returns
    where its numbers are: x are the values, y the places."""
    whole, line = QRectF(sheet.rect), sheet.px(LINE)
    names = key_of(replace(plot, y_label=""), whole.width(), 0.0, sheet.ink)
    if names.entries:
        paint_key(sheet, Area(whole, *axes_of(plot)), names, 1)
    if names.where == "above" and names.entries:
        sheet.cut(line)
    elif names.entries:
        sheet.rect = whole.adjusted(0, 0, 0, -line * names.lines - sheet.px(4))
    return _rows(sheet, plot)


def _rows(sheet: Sheet, plot: Plot) -> Area:
    ink, rect = sheet.ink, sheet.rect
    heads = max([ink.width(word, SMALL, True) for _, word in plot.marks], default=0.0)
    heads += sheet.px(10) if heads else 0.0
    names = max(ink.width(name, SMALL) for name in plot.rows)
    names = names if ink.whole else min(names, NAMES * rect.width() - heads)
    under = ink.lines(plot.y_label, rect.width(), SMALL)
    below = sheet.px(LINE * (1 + len(under)) + 3)
    left = heads + max(names, 0.0) + (sheet.px(10) if names else 1.0)
    inner = rect.adjusted(left, sheet.px(4), -sheet.px(14), -below)
    area = Area(ink.box(inner), axes_of(plot)[1], Axis(len(plot.rows) + 0.5, 0.5))
    _grid(sheet, area, plot, names, heads)
    scattered = [s for s in plot.series if s.line == "none"]
    sheet.painter.save()
    sheet.painter.setClipRect(area.rect.adjusted(-3, -3, 3, 3))
    for series in plot.series:
        if series.line == "none":
            k = scattered.index(series) - (len(scattered) - 1) / 2
            _values(sheet, area, series, k * SPREAD / len(scattered))
        else:
            _line(sheet, area, series)
    sheet.painter.restore()
    return area


def row_values(plot: Plot, place: int) -> list[tuple[Series, float, float | None]]:
    """(series, value, error) of what stands in a row, the first of which is 1."""
    found = []
    for series in plot.series:
        at = np.flatnonzero(np.round(np.asarray(series.x, float)) == place)
        if len(at) and np.isfinite(float(series.y[at[0]])):
            error = None if series.error is None else float(series.error[at[0]])
            found.append((series, float(series.y[at[0]]), error))
    return found


def _grid(sheet: Sheet, area: Area, plot: Plot, names: float, heads: float) -> None:
    ink, rect, painter = sheet.ink, area.rect, sheet.painter
    painter.setPen(ink.pen("line"))
    for value, _ in area.x.ticks(max(2, int(rect.width() / sheet.px(70)))):
        x = ink.crisp(area.place(value, 1.0).x())
        painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
    paint_x_ticks(sheet, area)
    paint_x_label(sheet, area, ink.lines(plot.y_label, sheet.rect.width(), SMALL))
    for place, name in enumerate(plot.rows, start=1):
        y = area.place(area.x.low, place).y() + sheet.px(SMALL * 0.36)
        words = name if ink.whole else layout.elided(name, names + 1, round(SMALL * ink.scale))
        sheet.words(rect.left() - sheet.px(8) - ink.width(words, SMALL), y, words, SMALL)
    for at, word in plot.marks:
        y = ink.crisp(area.place(area.x.low, at).y())
        painter.setPen(ink.pen("line"))
        painter.drawLine(QPointF(sheet.rect.left(), y), QPointF(rect.right(), y))
        if heads:
            base = area.place(area.x.low, at + 0.5).y() + sheet.px(SMALL * 0.36)
            sheet.words(sheet.rect.left(), base, word, SMALL, "text", bold=True)
    painter.setPen(ink.pen("muted"))
    foot = ink.crisp(rect.bottom())
    painter.drawLine(QPointF(rect.left(), foot), QPointF(rect.right(), foot))


def _values(sheet: Sheet, area: Area, series: Series, shift: float) -> None:
    """Dots with bars of ±error along the row."""
    y = np.asarray(series.y, float)
    error = np.zeros(len(y)) if series.error is None else np.nan_to_num(np.asarray(series.error, float))
    low = np.where(y - error > 0, y - error, area.x.low) if area.x.log else y - error
    cap, radius = sheet.px(CAP), sheet.px(DOT * 1.25)
    for place, value, a, b in zip(
        np.asarray(series.x, float).tolist(), y.tolist(), low.tolist(), (y + error).tolist(), strict=True
    ):
        middle = area.place(value, place + shift)
        if not np.isfinite([middle.x(), middle.y()]).all():
            continue
        sheet.painter.setPen(sheet.ink.pen(series.role, 1.2))
        ends = [area.place(end, place + shift) for end in (a, b)] if b > a else []
        if ends:
            sheet.painter.drawLine(*ends)
        for end in ends:
            sheet.painter.drawLine(QPointF(end.x(), end.y() - cap), QPointF(end.x(), end.y() + cap))
        sheet.painter.setPen(Qt.PenStyle.NoPen)
        sheet.painter.setBrush(sheet.ink.color(series.role))
        sheet.painter.drawEllipse(middle, radius, radius)


def _line(sheet: Sheet, area: Area, series: Series) -> None:
    """A value of each row across the whole of it, joined from row to row."""
    x, y = np.asarray(series.x, float), np.asarray(series.y, float)
    x, y = np.column_stack([x - 0.5, x + 0.5]).ravel(), np.repeat(y, 2)
    sheet.painter.setPen(pen(sheet.ink, series))
    points = [area.place(value, place) for value, place in zip(y.tolist(), x.tolist(), strict=True)]
    for run in ax.runs(np.array([p.x() for p in points]), np.array([p.y() for p in points])):
        sheet.painter.drawPolyline(polygon(run))
