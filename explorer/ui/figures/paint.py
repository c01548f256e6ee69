"""Figures drawn with QPainter: on the screen, on paper and in files by the same lines of code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from explorer.figures.camera import Camera
from explorer.figures.figure import Guide, Handle, Picture, Plot, Series, Table
from explorer.figures.marks import Entry as LegendEntry
from explorer.figures.marks import Legend
from explorer.figures.theme import LEVELS, Theme, color, lut
from explorer.ui.figures.key import AFTER_SAMPLE, GAP, LINE, SAMPLE, SMALL, Entry, Key, Rows, key_of
from explorer.ui.figures.table_paint import paint_table
from explorer.ui.painting import axes as ax
from explorer.ui.painting import layout, text
from explorer.ui.painting.axes import Axis
from explorer.ui.painting.canvas_painter import Quality, paint
from explorer.ui.painting.geometry import HEAD, HEAD_SLOPE
from explorer.ui.painting.legend import LONGEST
from explorer.ui.painting.qt_arrays import polygon
from explorer.ui.painting.svg_painter import SvgPainter

TITLE = 13.0
DOT = 2.4  # radius of a value's dot
MOST_POINTS = 1600
HANDLE = 7.0  # radius of the disc that is dragged
WAYS = 6.0  # how far the arrow heads around it reach
BAR = 11.0  # width of a colour bar
LEAST_CURVES = 88.0  # the least height of the curves themselves
SEEN = 40.0  # the height below which there would be nothing left of them
ROOMY = 300.0  # a figure higher than this has room for two lines about it
DASHES = {"dash": [5.0, 3.5], "dot": [1.2, 3.0], "dashdot": [7.0, 2.5, 1.2, 2.5]}


@dataclass(frozen=True)
class Ink:
    """What everything is drawn with: colours, the size of words, device pixels per pixel, and how carefully.

    `whole`: nothing is shortened, as in files, where no mouse can ask for the rest. `least` is the width that every
    line has at least.
    """

    theme: Theme
    scale: float = 1.0
    ratio: float = 1.0
    quality: Quality = "still"
    whole: bool = False
    least: float = 0.0

    def color(self, role: str) -> QColor:
        return QColor(color(self.theme, role))

    @property
    def vector(self) -> bool:
        """Whether it is for a file of lines and letters, which knows no pixels."""
        return self.quality == "vector"

    def font(self, size: float, bold: bool = False) -> QFont:
        return text.font(size * self.scale, bold, self.vector)

    def width(self, words: str, size: float, bold: bool = False) -> float:
        return text.width(words, round(size * self.scale), bold, self.vector) if words else 0.0

    def lines(self, words: str, room: float, size: float, *, bold: bool = False, most: int = 1) -> list[str]:
        """The words in lines of so much room: at most so many, or as many as they need where all is to be whole."""
        if not words:
            return []
        size, count = round(size * self.scale), None if self.whole else most
        return layout.wrapped(words, room, size, count, bold, self.vector)

    def pen(self, role: str, width: float = 0.0) -> QPen:
        """A pen of this width; 0 is as thin as a line is drawn: one pixel on a screen."""
        hair = self.scale if self.vector else 1.0
        return QPen(self.color(role), max(width * self.scale or hair, self.least))

    def crisp(self, place: float) -> float:
        """Where a thin line along an axis is not blurred: the middle of a pixel, where there are any."""
        return place if self.vector else round(place) + 0.5

    def box(self, rect: QRectF) -> QRectF:
        """A rectangle on whole pixels, where there are any."""
        return QRectF(rect) if self.vector else QRectF(rect.toRect())


@dataclass(frozen=True)
class Area:
    """Where a figure's numbers are on the picture."""

    rect: QRectF
    x: Axis
    y: Axis

    def place(self, x: float, y: float) -> QPointF:
        """The pixel of a point."""
        across, up = float(self.x.unit(x)), float(self.y.unit(y))
        return QPointF(
            self.rect.left() + across * self.rect.width(), self.rect.bottom() - up * self.rect.height()
        )

    def numbers(self, position: QPointF) -> tuple[float, float]:
        """The point under a pixel."""
        across = (position.x() - self.rect.left()) / max(self.rect.width(), 1)
        up = (self.rect.bottom() - position.y()) / max(self.rect.height(), 1)
        return self.x.value(across), self.y.value(up)


@dataclass
class Sheet:
    """A painter, what it draws with, and what is left of the page below what is drawn already."""

    painter: QPainter | SvgPainter
    ink: Ink
    rect: QRectF
    area: Area | None = field(default=None)

    def words(
        self, x: float, y: float, words: str, size: float, role: str = "text", bold: bool = False
    ) -> None:
        """A line of text whose base line starts here."""
        self.painter.setFont(self.ink.font(size, bold))
        self.painter.setPen(self.ink.color(role))
        self.painter.drawText(QPointF(x, y), words)

    def px(self, length: float) -> float:
        return length * self.ink.scale

    def cut(self, top: float) -> None:
        """What is drawn takes so much off the top."""
        self.rect = self.rect.adjusted(0, top, 0, 0)


def paint_figure(
    painter: QPainter | SvgPainter, figure: Plot | Picture | Table, rect: QRectF, ink: Ink
) -> Area | None:
    """Draw a figure with its title into `rect`; returns where its numbers are (None for a table)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    sheet = Sheet(painter, ink, QRectF(rect))
    if figure.title:
        _title(sheet, figure.title, figure.about, 2 if rect.height() > sheet.px(ROOMY) else 1)
    if sheet.rect.height() < sheet.px(24) or sheet.rect.width() < sheet.px(40):
        return None
    if isinstance(figure, Plot):
        return _plot(sheet, figure)
    if isinstance(figure, Picture):
        return _picture(sheet, figure)
    paint_table(painter, figure, sheet.rect, ink)
    return None


def title_height(figure: Plot | Picture | Table, ink: Ink, room: float) -> float:
    """The height of the title and the lines below it, in a width of `room`."""
    if not figure.title:
        return 0.0
    titles = len(ink.lines(figure.title, room, TITLE, bold=True))
    about = len(ink.lines(figure.about, room, SMALL, most=2))
    return (TITLE * (1.3 * titles + 0.25) + LINE * about) * ink.scale


def _title(sheet: Sheet, title: str, about: str, most: int) -> None:
    room, ink = sheet.rect.width(), sheet.ink
    for line in ink.lines(title, room, TITLE, bold=True):
        sheet.words(sheet.rect.left(), sheet.rect.top() + sheet.px(TITLE), line, TITLE, bold=True)
        sheet.cut(sheet.px(TITLE * 1.3))
    sheet.cut(sheet.px(TITLE * 0.25))
    for line in ink.lines(about, room, SMALL, most=most):
        sheet.words(sheet.rect.left(), sheet.rect.top() + sheet.px(SMALL), line, SMALL, "muted")
        sheet.cut(sheet.px(LINE))


# --- plots ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Words:
    """The words around the curves: the label of the y axis in lines, those of the dashed lines (words, where they
    begin, in which row above the curves), and how many rows there are."""

    label: list[str]
    marks: list[tuple[str, float, int]]
    rows: int


def _plot(sheet: Sheet, plot: Plot) -> Area:
    ink, whole = sheet.ink, QRectF(sheet.rect)
    if plot.rows:
        return _row_plot(sheet, plot)
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
    last = x.ticks(_across(right - left, sheet))
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
    _key(sheet, area, names, len(words.label))
    return area


def _row_plot(sheet: Sheet, plot: Plot) -> Area:
    """A plot with a name for every row: its key above or below, the rows in what is left."""
    from explorer.ui.figures.rows_paint import paint_rows  # which draws with what is here

    whole, line = QRectF(sheet.rect), sheet.px(LINE)
    names = key_of(replace(plot, y_label=""), whole.width(), 0.0, sheet.ink)
    if names.entries:
        _key(sheet, Area(whole, *axes_of(plot)), names, 1)
    if names.where == "above" and names.entries:
        sheet.cut(line)
    elif names.entries:
        sheet.rect = whole.adjusted(0, 0, 0, -line * names.lines - sheet.px(4))
    return paint_rows(sheet, plot)


def _across(width: float, sheet: Sheet) -> int:
    """How many ticks there may be along a width."""
    return max(2, int(width / sheet.px(70)))


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


def _key(sheet: Sheet, area: Area, names: Key, label_lines: int) -> None:
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


def paint_x_ticks(sheet: Sheet, area: Area) -> None:
    """The ticks of the lower axis and their numbers."""
    rect, foot, ink = area.rect, area.rect.bottom(), sheet.ink
    marks = area.x.ticks(_across(rect.width(), sheet))
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


# --- pictures -------------------------------------------------------------------------------------------


def _picture(sheet: Sheet, picture: Picture) -> Area:
    left, right, bottom, top = picture.bounds
    x, y = Axis(left, right), Axis(bottom, top)
    inner = sheet.rect.adjusted(*_room_for_axes(picture, sheet.rect.width(), sheet.rect.height(), sheet.ink))
    if picture.square:
        inner = _square(inner, right - left, top - bottom)
    area = Area(sheet.ink.box(inner), x, y)
    _marks(sheet, area, picture)
    sheet.painter.setPen(sheet.ink.pen("line"))
    sheet.painter.setBrush(Qt.BrushStyle.NoBrush)
    sheet.painter.drawRect(area.rect.adjusted(-0.5, -0.5, 0.5, 0.5))
    if picture.x_label:
        paint_x_ticks(sheet, area)
        paint_x_label(sheet, area, sheet.ink.lines(picture.x_label, sheet.rect.width(), SMALL))
    if picture.y_label:
        _y_ticks(sheet, area, sheet.ink.lines(picture.y_label, sheet.rect.width(), SMALL))
    if picture.scale is not None:
        _colour_bar(sheet, area, picture, picture.scale)
    paint_legend(sheet, area, picture)
    return area


def lines_above(picture: Picture, width: float, ink: Ink) -> int:
    """Lines of words above an image: its y axis and its legend, on one line where both fit."""
    label = ink.lines(picture.y_label, width, SMALL)
    key = legend_width(picture, width, ink)
    if not key:
        return len(label)
    together = len(label) == 1 and ink.width(label[0], SMALL) + GAP * ink.scale + key <= width
    return len(label) + (not together)


def legend_width(picture: Picture, width: float, ink: Ink) -> float:
    """How wide a legend is, in an image of at most this width; 0 for none, as in a small card without axes."""
    parts = [sum(part) for _, *part in _legend_parts(picture, width, ink)]
    return sum(parts) + GAP * ink.scale * (len(parts) - 1) if parts else 0.0


def _legend_parts(picture: Picture, width: float, ink: Ink) -> list[tuple[LegendEntry, float, float]]:
    """Entries that are not too long, with the widths of arrow and words."""
    left, right, _, _ = picture.bounds
    found = []
    for mark in picture.marks if picture.x_label else ():
        for entry in mark.entries if isinstance(mark, Legend) else ():
            arrow = SAMPLE * ink.scale if entry.arrow else math.hypot(*entry.uv) / (right - left) * width
            if arrow <= LONGEST * width:
                gap = AFTER_SAMPLE * ink.scale if arrow else 0.0
                found.append((entry, arrow, gap + ink.width(entry.text, SMALL)))
    return found


def paint_legend(sheet: Sheet, area: Area, picture: Picture) -> None:
    """What the arrows of an image are, in a line above it: beside it nothing has to make room, over it nothing is
    hidden."""
    ink, rect = sheet.ink, area.rect
    wide = legend_width(picture, rect.width(), ink)
    x = max(min(rect.right(), sheet.rect.right()) - wide, sheet.rect.left())
    label = ink.lines(picture.y_label, sheet.rect.width(), SMALL)
    own = lines_above(picture, sheet.rect.width(), ink) > len(label)
    base = rect.top() - sheet.px(5 + LINE * (len(label) if own else 0))
    for entry, arrow, words in _legend_parts(picture, rect.width(), ink):
        if arrow:
            _arrow(sheet, QPointF(x, base - sheet.px(SMALL * 0.36)), arrow, ink.pen(entry.color, entry.width))
        role = "text" if arrow else entry.color
        sheet.words(x + arrow + words - ink.width(entry.text, SMALL), base, entry.text, SMALL, role)
        x += arrow + words + sheet.px(GAP)


def _arrow(sheet: Sheet, tail: QPointF, length: float, made: QPen) -> None:
    """An arrow to the right, with a head as in a field of arrows."""
    tip, head = tail + QPointF(length, 0), min(sheet.px(HEAD), 0.45 * length)
    sheet.painter.setPen(made)
    sheet.painter.drawLine(tail, tip)
    for side in (-1, 1):
        sheet.painter.drawLine(tip + QPointF(-head, side * HEAD_SLOPE * head), tip)


def picture_height(picture: Picture, room: float, ink: Ink, most: float) -> float:
    """The height of a picture of this width, its title and axes included; of the picture itself at most `most`."""
    wide_axes, above, right, below = _room_for_axes(picture, room, room, ink)
    inner = max(room - wide_axes + right, 1.0)
    left, end, bottom, top = picture.bounds
    shape = (end - left) / (top - bottom) if picture.square else 1.5
    return title_height(picture, ink, room) + above - below + min(inner / shape, most)


def _room_for_axes(
    picture: Picture, width: float, height: float, ink: Ink
) -> tuple[float, float, float, float]:
    """What the axes and the colour bar take at the left, above, at the right and below, the last two negative."""
    _, _, bottom, top = picture.bounds
    ticks = [w for _, w in Axis(bottom, top).ticks(int(height / (40 * ink.scale)))] if picture.y_label else []
    left = max([ink.width(words, SMALL) for words in ticks], default=0.0) + (8 * ink.scale if ticks else 1)
    beside = lines_above(picture, width, ink)
    above = (LINE * beside + 3) * ink.scale if beside else 1.0
    under = len(ink.lines(picture.x_label, width, SMALL))
    below = (LINE * (1 + under) + 2) * ink.scale if picture.x_label else 1.0
    right = 8 * ink.scale if picture.x_label else 1.0
    if picture.scale is not None:
        ends = [ink.width(w, SMALL) for w in _ends(picture.scale)]
        words = [ink.width(w, SMALL) for w in _wrapped_word(picture.scale[2])]
        right = max(*words, BAR + 4 * ink.scale + max(ends)) + 14 * ink.scale
    return left, above, -right, -below


def _square(rect: QRectF, wide: float, high: float) -> QRectF:
    """The largest rectangle of this shape in the middle of `rect`."""
    unit = min(rect.width() / wide, rect.height() / high)
    width, height = wide * unit, high * unit
    return QRectF(rect.center().x() - width / 2, rect.center().y() - height / 2, width, height)


def _marks(sheet: Sheet, area: Area, picture: Picture) -> None:
    left, right, bottom, top = picture.bounds
    camera = Camera(((left + right) / 2, (bottom + top) / 2), top - bottom, right - left, stretch=True)
    painter, ratio, ink = sheet.painter, sheet.ink.ratio, sheet.ink
    scale = ink.scale * min(1.0, sheet.rect.width() / max(picture.width * ink.scale, 1))
    marks = [mark for mark in picture.marks if not isinstance(mark, Legend)]  # which stands above
    painter.save()
    painter.setClipRect(area.rect)
    painter.fillRect(area.rect, ink.color("stage"))
    if isinstance(painter, SvgPainter):
        painter.draw_marks(marks, camera, area.rect, ink.theme, scale, ink.least)
    else:
        painter.translate(area.rect.topLeft())
        painter.scale(1 / ratio, 1 / ratio)  # sprites of dots are in device pixels
        size = area.rect.width() * ratio, area.rect.height() * ratio
        least = ink.least * ratio
        paint(painter, marks, camera, size, ink.theme, scale * ratio, ink.quality, least)
    painter.restore()


def _y_ticks(sheet: Sheet, area: Area, label: Sequence[str]) -> None:
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


def _ends(scale: tuple[float, float, str]) -> tuple[str, str]:
    low, high, _ = scale
    return tuple(f"{v:.3g}".replace("-", "−") for v in (low, high))  # type: ignore[return-value]


def _wrapped_word(word: str) -> list[str]:
    """The word of a colour bar in lines that are not wider than need be."""
    lines: list[str] = []
    for part in word.split():
        if lines and len(lines[-1]) + len(part) < 10:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines or [""]


def _colour_bar(sheet: Sheet, area: Area, picture: Picture, scale: tuple[float, float, str]) -> None:
    rect, painter = area.rect, sheet.painter
    words = _wrapped_word(scale[2])
    above = sheet.px(LINE) * len(words)
    x, top = rect.right() + sheet.px(10), rect.top() + above
    height = max(rect.height() - above, sheet.px(20))
    table = lut(picture.colormap, sheet.ink.theme)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    bands = 64
    for i in range(bands):
        red, green, blue = (int(v) for v in table[round((1 - i / (bands - 1)) * (LEVELS - 1)), :3])
        a, b = round(top + i * height / bands), round(top + (i + 1) * height / bands)
        over = 0.5 if i < bands - 1 and sheet.ink.vector else 0.0  # or readers show seams
        painter.fillRect(QRectF(x, a, sheet.px(BAR), b - a + over), QColor(red, green, blue))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    low, high = _ends(scale)
    beside = x + sheet.px(BAR + 4)
    sheet.words(beside, top + sheet.px(SMALL * 0.8), high, SMALL, "muted")
    sheet.words(beside, top + height, low, SMALL, "muted")
    for i, line in enumerate(words):
        sheet.words(x, rect.top() + sheet.px(SMALL) + i * sheet.px(LINE), line, SMALL, "muted")


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
        from explorer.figures.marks import Text

        mark = Text((0.0, 0.0), handle.word, size=12.0, anchor="w")
        text.draw(
            painter, (place.x() + radius + (WAYS + 5) * ink.scale, place.y()), mark, ink.theme, ink.scale
        )
