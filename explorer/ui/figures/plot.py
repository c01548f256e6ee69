"""Plots: curves, dots and error bars between axes, with a key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPen

from explorer.figures.figure import Guide, Plot, Series
from explorer.ui.figures.axes import most_ticks, paint_x_label, paint_x_ticks
from explorer.ui.figures.ink import LINE, SMALL, Area, Ink, Sheet
from explorer.ui.figures.key import AFTER_SAMPLE, GAP, SAMPLE, Entry, Key, Rows, key_of
from explorer.ui.figures.title import title_height
from explorer.ui.painting import axes as ax
from explorer.ui.painting.axes import Axis
from explorer.ui.painting.qt_arrays import polygon

DOT = 2.4  # radius of a value's dot
MOST_POINTS = 1600
LEAST_CURVES = 88.0  # the least height of the curves themselves
SEEN = 40.0  # the height below which there would be nothing left of them
DASHES = {"dash": [5.0, 3.5], "dot": [1.2, 3.0], "dashdot": [7.0, 2.5, 1.2, 2.5]}


@dataclass(frozen=True)
class _Words:
    """The words around the curves: the label of the y axis in lines, those of the dashed lines (words, where they
    begin, in which row above the curves), and how many rows there are."""

    label: list[str]
    marks: list[tuple[str, float, int]]
    rows: int


def paint_plot(sheet: Sheet, plot: Plot) -> Area:
    """Draw curves with axes and key into what is left of the sheet; returns where its numbers are."""
    ink, whole = sheet.ink, QRectF(sheet.rect)
    x, y = axes_of(plot)
    names = key_of(plot, whole.width(), whole.height() - sheet.px(3 * LINE), ink)
    if (
        names.where == "below"
        and whole.height() < sheet.px(LINE * (names.lines + 4) + SEEN)
        and not ink.whole
    ):
        names = Key()  # a card so small shows the curves alone
    right = whole.right() - (names.width + sheet.px(GAP) if names.where == "beside" else 0.0)
    foot = whole.bottom() - (sheet.px(LINE * names.lines + 4) if names.where == "below" else 0.0)
    under = ink.lines(plot.x_label, right - whole.left(), SMALL)
    foot -= sheet.px(LINE * (1 + len(under)) + 3)
    most_up = max(2, int((foot - whole.top() - sheet.px(LINE)) / sheet.px(34)))
    left = whole.left() + sheet.px(8)
    left += max([ink.width(words, SMALL) for _, words in y.ticks(most_up)], default=0)
    last = x.ticks(most_ticks(right - left, sheet))
    right -= max(ink.width(last[-1][1], SMALL) / 2 if last else 0.0, sheet.px(6))
    across = Area(QRectF(left, whole.top(), right - left, 1), x, y)
    words = _words_above(sheet, across, plot, names)
    top = whole.top() + sheet.px(LINE * words.rows + 5)
    area = Area(ink.box(QRectF(left, top, right - left, max(foot - top, 1.0))), x, y)
    _grid(sheet, area, most_up)
    paint_x_label(sheet, area, under)
    _dashed(sheet, area, plot)
    _write_above(sheet, area, words)
    sheet.painter.save()
    sheet.painter.setClipRect(area.rect.adjusted(-3, -3, 3, 3))
    for guide in plot.guides:
        _guide(sheet, area, guide)
    for series in plot.series:
        _series(sheet, area, series)
    sheet.painter.restore()
    paint_key(sheet, area, names, len(words.label))
    return area


def _words_above(sheet: Sheet, across: Area, plot: Plot, names: Key) -> _Words:
    """Where the words above the curves go: on one line where they fit there, else the dashed lines' below."""
    ink, left = sheet.ink, sheet.rect.left()
    room = sheet.rect.width() - (
        names.width + sheet.px(GAP) if names.where == "above" and names.entries else 0
    )
    label = ink.lines(plot.y_label, room, SMALL)
    shared, own = Rows(sheet.px(10)), Rows(sheet.px(10))
    if label:
        shared.take(left, left + max(ink.width(line, SMALL) for line in label))
    if names.where == "above" and names.entries:
        shared.take(sheet.rect.right() - names.width, sheet.rect.right())
    marks, beside = [], []
    for at, words in plot.marks:
        x = across.place(at, across.y.low).x()
        if not words or not across.rect.left() - 1 <= x <= across.rect.right() + 1:
            continue
        wide = ink.width(words, SMALL)
        start = min(max(x - wide / 2, left), max(sheet.rect.right() - wide, left))
        beside.append((words, start, shared.take(start, start + wide)))
        marks.append((words, start, own.take(start, start + wide)))
    lines = max(len(label), 1 if names.where == "above" and names.entries else 0)
    if all(row == 0 for *_, row in beside):
        return _Words(label, beside, max(lines, len(shared)))
    return _Words(label, marks, lines + len(own))


def _write_above(sheet: Sheet, area: Area, words: _Words) -> None:
    top = sheet.rect.top() + sheet.px(SMALL)
    for i, line in enumerate(words.label):
        sheet.words(sheet.rect.left(), top + i * sheet.px(LINE), line, SMALL, "muted")
    for said, x, row in words.marks:
        sheet.words(x, top + sheet.px(LINE) * (words.rows - 1 - row), said, SMALL, "muted")


def _dashed(sheet: Sheet, area: Area, plot: Plot) -> None:
    """The vertical lines that mark a place on the x axis."""
    pen = sheet.ink.pen("muted")
    pen.setDashPattern([4.0, 3.0])
    sheet.painter.setPen(pen)
    for at, _ in plot.marks:
        x = area.place(at, area.y.low).x()
        if area.rect.left() - 1 <= x <= area.rect.right() + 1:
            sheet.painter.drawLine(QPointF(x, area.rect.top()), QPointF(x, area.rect.bottom()))


def paint_key(sheet: Sheet, area: Area, names: Key, label_lines: int) -> None:
    """Each curve's name after a bit of its line."""
    line = sheet.px(LINE)
    left, top = {
        "above": (sheet.rect.left(), sheet.rect.top() + line * max(label_lines - 1, 0)),
        "beside": (sheet.rect.right() - names.width, area.rect.top()),
        "below": (sheet.rect.left(), sheet.rect.bottom() - line * names.lines),
    }[names.where]
    for entry in names.entries:
        _entry(sheet, entry, left + entry.x, top + sheet.px(SMALL) + entry.line * line)


def _entry(sheet: Sheet, entry: Entry, x: float, base: float) -> None:
    _sample(sheet, entry.series, x, base)
    for i, words in enumerate(entry.words):
        sheet.words(x + sheet.px(SAMPLE + AFTER_SAMPLE), base + i * sheet.px(LINE), words, SMALL)


def _guide(sheet: Sheet, area: Area, guide: Guide) -> None:
    """A dashed line as far as it is on the plot, its word at that end."""
    a, b = (QPointF(area.place(float(x), float(y))) for x, y in zip(guide.x[:2], guide.y[:2], strict=True))
    line = sheet.ink.pen("muted")
    line.setDashPattern([6.0, 4.0])
    sheet.painter.setPen(line)
    sheet.painter.drawLine(a, b)
    inside, across = area.rect, sheet.ink.width(guide.word, SMALL)
    share = 1.0 if b.y() == a.y() else min((inside.bottom() - a.y()) / (b.y() - a.y()), 1.0)
    end = a + (b - a) * (share if share > 0 else 1.0)
    left = min(end.x() + sheet.px(4), inside.right() - across)
    base = min(end.y() + sheet.px(SMALL * 0.36), inside.bottom() - sheet.px(4))
    box = QRectF(left - 2, base - sheet.px(SMALL), across + 4, sheet.px(LINE - 2))
    sheet.painter.fillRect(box, sheet.ink.color("panel"))
    sheet.words(left, base, guide.word, SMALL, "muted")


def axes_of(plot: Plot) -> tuple[Axis, Axis]:
    """The axes that hold every number of a plot."""
    xs = [s.x for s in plot.series]
    # what a dashed line marks belongs on the plot, unless it would squeeze the curves into a corner
    axis = ax.fitted(xs, log=plot.log_x, room=0.02)
    marked = ax.fitted([*xs, [m for m, _ in plot.marks]], log=plot.log_x, room=0.02)
    wide = float(axis.unit(marked.high) - axis.unit(marked.low))
    ys = [_reach(s, sign) for s in plot.series for sign in (-1, 0, 1)]
    bars = any(s.steps for s in plot.series) and not plot.log_y
    return (marked if wide < 1.8 else axis), ax.fitted(ys, log=plot.log_y, zero=bars or _near_zero(ys))


def _reach(series: Series, sign: int) -> np.ndarray:
    """y, or the end of its error bars."""
    y = np.asarray(series.y, np.float64)
    return y if series.error is None else y + sign * np.nan_to_num(np.asarray(series.error, np.float64))


def _near_zero(arrays: Sequence[np.ndarray]) -> bool:
    """Whether all is positive and comes so close to 0 that the axis had better begin there."""
    axis = ax.fitted(arrays, room=0.0)
    return 0 <= axis.low < 0.3 * axis.high


def least_height(plot: Plot, room: float, ink: Ink) -> float:
    """The height at which a plot of this width still shows its curves and all of its words."""
    return plot_height(plot, room, ink, 0.0)


def plot_height(plot: Plot, room: float, ink: Ink, curves: float) -> float:
    """The height of a plot of this width whose curves have so much of it, or the least that they need."""
    names = key_of(plot, room, math.inf, ink)
    around = float(len(ink.lines(plot.y_label, room, SMALL)) or names.where == "above")
    around += bool(plot.marks) + 1 + len(ink.lines(plot.x_label, room, SMALL))
    curves = max(curves / ink.scale, LEAST_CURVES, 1.2 * LINE * len(plot.rows))
    if names.where == "below":
        around += names.lines + 0.5
    elif names.where == "beside":
        curves = max(curves, LINE * names.lines)
    return title_height(plot, ink, room) + (LINE * around + curves) * ink.scale


def _sample(sheet: Sheet, series: Series, x: float, base: float) -> None:
    y = base - sheet.px(SMALL * 0.36)
    if series.line != "none":
        sheet.painter.setPen(pen(sheet.ink, series))
        sheet.painter.drawLine(QPointF(x, y), QPointF(x + sheet.px(SAMPLE), y))
    if series.points or series.line == "none":
        _dots(sheet, series, [QPointF(x + sheet.px(SAMPLE) / 2, y)])


def pen(ink: Ink, series: Series) -> QPen:
    """How a series is drawn."""
    made = ink.pen(series.role, 1.6)
    made.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    made.setCapStyle(Qt.PenCapStyle.FlatCap)
    if series.line in DASHES:
        made.setDashPattern(DASHES[series.line])
    return made


def _grid(sheet: Sheet, area: Area, most_up: int) -> None:
    ink, rect, painter = sheet.ink, area.rect, sheet.painter
    for value, words in area.y.ticks(most_up):
        y = ink.crisp(area.place(area.x.low, value).y())
        painter.setPen(ink.pen("line"))
        painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
        across = ink.width(words, SMALL)
        sheet.words(rect.left() - sheet.px(6) - across, y + sheet.px(SMALL * 0.36), words, SMALL, "muted")
    paint_x_ticks(sheet, area)
    painter.setPen(ink.pen("muted"))
    foot = ink.crisp(rect.bottom())
    painter.drawLine(QPointF(rect.left(), foot), QPointF(rect.right(), foot))


def _series(sheet: Sheet, area: Area, series: Series) -> None:
    x, y = np.asarray(series.x, np.float64), np.asarray(series.y, np.float64)
    if series.steps:
        x, y = ax.outline(x, y)
    elif series.error is not None:
        _error_bars(sheet, area, series)
    across = area.rect.left() + area.x.unit(x) * area.rect.width()
    up = area.rect.bottom() - area.y.unit(y) * area.rect.height()
    far = 20 * (area.rect.height() + area.rect.width())  # painters count in small numbers
    up, across = np.clip(up, -far, far), np.clip(across, -far, far)
    if series.line != "none":
        sheet.painter.setPen(pen(sheet.ink, series))
        sheet.painter.setBrush(Qt.BrushStyle.NoBrush)
        for run in ax.runs(across, up):
            sheet.painter.drawPolyline(polygon(ax.thinned(run, MOST_POINTS)))
    if (series.points or series.line == "none") and not series.steps:
        _dots(sheet, series, [QPointF(a, b) for run in ax.runs(across, up) for a, b in run.tolist()])


def _dots(sheet: Sheet, series: Series, places: list[QPointF]) -> None:
    sheet.painter.setPen(Qt.PenStyle.NoPen)
    sheet.painter.setBrush(sheet.ink.color(series.role))
    radius = sheet.px(DOT if len(places) < 300 else DOT * 0.6)
    for place in places:
        sheet.painter.drawEllipse(place, radius, radius)


def _error_bars(sheet: Sheet, area: Area, series: Series) -> None:
    thin, cap = sheet.ink.pen(series.role, 1.0), sheet.px(3)
    sheet.painter.setPen(thin)
    low, high = _reach(series, -1), _reach(series, 1)
    low = np.where(low > 0, low, area.y.low) if area.y.log else low
    for x, a, b in zip(np.asarray(series.x, float).tolist(), low.tolist(), high.tolist(), strict=True):
        ends = area.place(x, a), area.place(x, b)
        if all(np.isfinite([p.x(), p.y()]).all() for p in ends):
            sheet.painter.drawLine(*ends)
            for p in ends:
                sheet.painter.drawLine(QPointF(p.x() - cap, p.y()), QPointF(p.x() + cap, p.y()))
