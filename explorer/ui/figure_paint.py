"""Figures drawn with QPainter: on the screen, on paper and in files by the same lines of code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from explorer.camera import Camera
from explorer.figures import Handle, Picture, Plot, Series, Table
from explorer.theme import LEVELS, Theme, color, lut
from explorer.ui import axes as ax
from explorer.ui import layout, text
from explorer.ui.axes import Axis
from explorer.ui.canvas_painter import Quality, paint
from explorer.ui.qt_arrays import polygon
from explorer.ui.table_paint import paint_table

TITLE, SMALL = 13.0, 11.0
LINE = 16.0  # from one small line to the next
SAMPLE = 18.0  # the bit of line before a word of the key
DOT = 2.4  # radius of a value's dot
MOST_POINTS = 1600
HANDLE = 7.0  # radius of the disc that is dragged
BAR = 11.0  # width of a colour bar
LEAST_CURVES = 88.0  # the least height of the curves themselves
ROOMY = 300.0  # a figure higher than this has room for two lines about it
DASHES = {"dash": [5.0, 3.5], "dot": [1.2, 3.0]}


@dataclass(frozen=True)
class Ink:
    """What everything is drawn with: colours, the size of words, device pixels per pixel, and how carefully."""

    theme: Theme
    scale: float = 1.0
    ratio: float = 1.0
    quality: Quality = "still"

    def color(self, role: str) -> QColor:
        return QColor(color(self.theme, role))

    def font(self, size: float, bold: bool = False) -> QFont:
        return text.font(size * self.scale, bold)

    def width(self, words: str, size: float, bold: bool = False) -> float:
        return text.width(words, round(size * self.scale), bold) if words else 0.0


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

    painter: QPainter
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


def paint_figure(painter: QPainter, figure: Plot | Picture | Table, rect: QRectF, ink: Ink) -> Area | None:
    """Draw a figure with its title into `rect`; returns where its numbers are (None for a table)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    sheet = Sheet(painter, ink, QRectF(rect))
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
    return (TITLE * 1.55 + LINE * len(_about_lines(figure.about, room, ink))) * ink.scale


def _about_lines(about: str, room: float, ink: Ink, most: int = 2) -> list[str]:
    return layout.wrapped(about, room, round(SMALL * ink.scale), most=most) if about else []


def _title(sheet: Sheet, title: str, about: str, most: int) -> None:
    room, ink = sheet.rect.width(), sheet.ink
    words = layout.elided(title, room, round(TITLE * ink.scale), True)
    sheet.words(sheet.rect.left(), sheet.rect.top() + sheet.px(TITLE), words, TITLE, bold=True)
    sheet.cut(sheet.px(TITLE * 1.55))
    for line in _about_lines(about, room, ink, most):
        sheet.words(sheet.rect.left(), sheet.rect.top() + sheet.px(SMALL), line, SMALL, "muted")
        sheet.cut(sheet.px(LINE))


# --- plots ----------------------------------------------------------------------------------------------


def _plot(sheet: Sheet, plot: Plot) -> Area:
    _key(sheet, plot)
    x, y = axes_of(plot)
    labels = plot.x_label != ""
    most_up = int(sheet.rect.height() / sheet.px(34))
    left = max([sheet.ink.width(words, SMALL) for _, words in y.ticks(most_up)], default=0) + sheet.px(8)
    below = sheet.px(LINE * (2 if labels else 1) + 3)
    last = sheet.ink.width(x.ticks(5)[-1][1], SMALL) / 2 if x.ticks(5) else 0.0
    inner = sheet.rect.adjusted(left, sheet.px(5), -max(last, sheet.px(6)), -below)
    area = Area(QRectF(inner.toRect()), x, y)
    _grid(sheet, area, most_up)
    _x_label(sheet, area, plot.x_label)
    _vertical_marks(sheet, area, plot)
    sheet.painter.save()
    sheet.painter.setClipRect(area.rect.adjusted(-3, -3, 3, 3))
    for series in plot.series:
        _series(sheet, area, series)
    sheet.painter.restore()
    return area


def axes_of(plot: Plot) -> tuple[Axis, Axis]:
    """The axes that hold every number of a plot."""
    xs = [s.x for s in plot.series]
    # what a dashed line marks belongs on the plot, unless it would squeeze the curves into a corner
    axis = ax.fitted(xs, log=plot.log_x, room=0.02)
    marked = ax.fitted([*xs, [m for m, _ in plot.marks]], log=plot.log_x, room=0.02)
    wide = float(axis.unit(marked.high) - axis.unit(marked.low))
    ys = [_reach(s, sign) for s in plot.series for sign in (-1, 1)]
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


def _key(sheet: Sheet, plot: Plot) -> None:
    """What is up the axis at the left, and each curve's name after a bit of its line: at the right where all fit
    beside it, else one after the other."""
    ink, left, top = sheet.ink, sheet.rect.left(), sheet.rect.top() + sheet.px(SMALL)
    if plot.y_label:
        sheet.words(left, top, plot.y_label, SMALL, "muted")
    places, lines = key_places(plot, sheet.rect.width(), ink)
    sample = sheet.px(SAMPLE + 5)
    for series, (x, line, width) in places:
        base = top + line * sheet.px(LINE)
        _sample(sheet, series, left + x, base)
        words = layout.elided(series.name, width - sample + 1, round(SMALL * ink.scale))
        sheet.words(left + x + sample, base, words, SMALL)
    sheet.cut(sheet.px(LINE * lines))


def key_places(
    plot: Plot, room: float, ink: Ink
) -> tuple[list[tuple[Series, tuple[float, int, float]]], int]:
    """Where each name stands (how far across, on which line, how wide), and how many lines there are."""
    named = [s for s in plot.series if s.name]
    gap, sample = 14 * ink.scale, (SAMPLE + 5) * ink.scale
    start = ink.width(plot.y_label, SMALL) + gap if plot.y_label else 0.0
    widths = [min(sample + ink.width(s.name, SMALL), room) for s in named]
    all_of_them = sum(widths) + gap * (len(widths) - 1)
    x, line = max(room - all_of_them, 0.0) if start + all_of_them <= room else start, 0
    places = []
    for series, width in zip(named, widths, strict=True):
        if x + width > room + 1 and x > 0:
            x, line = 0.0, line + 1
        places.append((series, (x, line, width)))
        x += width + gap
    return places, line + 1 if named or plot.y_label else 0


def least_height(plot: Plot, room: float, ink: Ink) -> float:
    """The height at which a plot of this width still shows its curves."""
    lines = key_places(plot, room, ink)[1] + (1 if plot.about else 0) + (2 if plot.x_label else 1)
    return (TITLE * 1.55 + LINE * lines + LEAST_CURVES) * ink.scale


def _sample(sheet: Sheet, series: Series, x: float, base: float) -> None:
    y = base - sheet.px(SMALL * 0.36)
    if series.line != "none":
        sheet.painter.setPen(pen(sheet.ink, series))
        sheet.painter.drawLine(QPointF(x, y), QPointF(x + sheet.px(SAMPLE), y))
    if series.points or series.line == "none":
        _dots(sheet, series, [QPointF(x + sheet.px(SAMPLE) / 2, y)])


def pen(ink: Ink, series: Series) -> QPen:
    """How a series is drawn."""
    made = QPen(ink.color(series.role), 1.6 * ink.scale)
    made.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    made.setCapStyle(Qt.PenCapStyle.FlatCap)
    if series.line in DASHES:
        made.setDashPattern(DASHES[series.line])
    return made


def _grid(sheet: Sheet, area: Area, most_up: int) -> None:
    ink, rect, painter = sheet.ink, area.rect, sheet.painter
    faint, base = QPen(ink.color("line"), 1.0), QPen(ink.color("muted"), 1.0)
    for value, words in area.y.ticks(most_up):
        y = round(area.place(area.x.low, value).y()) + 0.5
        painter.setPen(faint)
        painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
        across = ink.width(words, SMALL)
        sheet.words(rect.left() - sheet.px(6) - across, y + sheet.px(SMALL * 0.36), words, SMALL, "muted")
    _x_ticks(sheet, area)
    painter.setPen(base)
    painter.drawLine(QPointF(rect.left(), rect.bottom() + 0.5), QPointF(rect.right(), rect.bottom() + 0.5))


def _x_ticks(sheet: Sheet, area: Area) -> None:
    rect, foot, ink = area.rect, area.rect.bottom(), sheet.ink
    marks = area.x.ticks(max(2, int(rect.width() / sheet.px(70))))
    sheet.painter.setPen(QPen(ink.color("muted"), 1.0))
    for length, values in ((2.0, area.x.minor()), (4.0, [v for v, _ in marks])):
        for value in values:
            x = round(area.place(value, area.y.low).x()) + 0.5
            sheet.painter.drawLine(QPointF(x, foot), QPointF(x, foot + sheet.px(length)))
    for value, words in marks:
        x = area.place(value, area.y.low).x() - ink.width(words, SMALL) / 2
        sheet.words(x, foot + sheet.px(LINE), words, SMALL, "muted")


def _x_label(sheet: Sheet, area: Area, words: str) -> None:
    if words:
        x = area.rect.center().x() - sheet.ink.width(words, SMALL) / 2
        sheet.words(x, area.rect.bottom() + sheet.px(2 * LINE - 1), words, SMALL, "muted")


def _vertical_marks(sheet: Sheet, area: Area, plot: Plot) -> None:
    dashed = QPen(sheet.ink.color("muted"), 1.0)
    dashed.setDashPattern([4.0, 3.0])
    taken: list[QRectF] = []
    for at, words in plot.marks:
        x = area.place(at, area.y.low).x()
        if not area.rect.left() - 1 <= x <= area.rect.right() + 1:
            continue
        sheet.painter.setPen(dashed)
        sheet.painter.drawLine(QPointF(x, area.rect.top()), QPointF(x, area.rect.bottom()))
        if words:
            _mark_word(sheet, area, x, words, taken)


def _mark_word(sheet: Sheet, area: Area, x: float, words: str, taken: list[QRectF]) -> None:
    """Beside the line, on the side where there is room, below other words there."""
    across, height = sheet.ink.width(words, SMALL), sheet.px(LINE)
    start = x + sheet.px(4) if x + across + sheet.px(6) < area.rect.right() else x - across - sheet.px(4)
    box = QRectF(start, area.rect.top(), across, height)
    near = sheet.px(10)  # words side by side would read as one
    wide = [other.adjusted(-near, 0, near, 0) for other in taken]
    while any(box.intersects(other) for other in wide) and box.bottom() < area.rect.bottom():
        box.translate(0, height)
    taken.append(box)
    sheet.words(box.left(), box.top() + sheet.px(SMALL), words, SMALL, "muted")


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
    thin, cap = QPen(sheet.ink.color(series.role), 1.0 * sheet.ink.scale), sheet.px(3)
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
    room = _room_for_axes(sheet, picture, x, y)
    inner = sheet.rect.adjusted(*room)
    if picture.square:
        inner = _square(inner, right - left, top - bottom)
    area = Area(QRectF(inner.toRect()), x, y)
    _marks(sheet, area, picture)
    sheet.painter.setPen(QPen(sheet.ink.color("line"), 1.0))
    sheet.painter.setBrush(Qt.BrushStyle.NoBrush)
    sheet.painter.drawRect(area.rect.adjusted(-0.5, -0.5, 0.5, 0.5))
    if picture.x_label:
        _x_ticks(sheet, area)
        _x_label(sheet, area, picture.x_label)
    if picture.y_label:
        _y_ticks(sheet, area, picture.y_label)
    if picture.scale is not None:
        _colour_bar(sheet, area, picture, picture.scale)
    return area


def _room_for_axes(sheet: Sheet, picture: Picture, x: Axis, y: Axis) -> tuple[float, float, float, float]:
    ink = sheet.ink
    ticks = [w for _, w in y.ticks(int(sheet.rect.height() / sheet.px(40)))] if picture.y_label else []
    left = max([ink.width(words, SMALL) for words in ticks], default=0.0) + (sheet.px(8) if ticks else 1)
    above = sheet.px(LINE + 3) if picture.y_label else 1.0
    below = sheet.px(2 * LINE + 2) if picture.x_label else 1.0
    right = sheet.px(8) if picture.x_label else 1.0
    if picture.scale is not None:
        ends = [ink.width(w, SMALL) for w in (*_ends(picture.scale), *_wrapped_word(picture.scale[2]))]
        right = max(ends) + sheet.px(BAR + 18)
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
    painter.save()
    painter.setClipRect(area.rect)
    painter.fillRect(area.rect, ink.color("stage"))
    painter.translate(area.rect.topLeft())
    painter.scale(1 / ratio, 1 / ratio)  # sprites of dots are in device pixels
    size = area.rect.width() * ratio, area.rect.height() * ratio
    paint(painter, picture.marks, camera, size, ink.theme, ink.scale * ratio, ink.quality)
    painter.restore()


def _y_ticks(sheet: Sheet, area: Area, label: str) -> None:
    rect, ink = area.rect, sheet.ink
    for value, words in area.y.ticks(max(2, int(rect.height() / sheet.px(40)))):
        y = round(area.place(area.x.low, value).y()) + 0.5
        sheet.painter.setPen(QPen(ink.color("muted"), 1.0))
        sheet.painter.drawLine(QPointF(rect.left() - sheet.px(4), y), QPointF(rect.left(), y))
        x = rect.left() - sheet.px(6) - ink.width(words, SMALL)
        sheet.words(x, y + sheet.px(SMALL * 0.36), words, SMALL, "muted")
    sheet.words(rect.left(), rect.top() - sheet.px(5), label, SMALL, "muted")


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
        painter.fillRect(QRectF(x, a, sheet.px(BAR), b - a), QColor(red, green, blue))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    low, high = _ends(scale)
    beside = x + sheet.px(BAR + 4)
    sheet.words(beside, top + sheet.px(SMALL * 0.8), high, SMALL, "muted")
    sheet.words(beside, top + height, low, SMALL, "muted")
    for i, line in enumerate(words):
        sheet.words(x, rect.top() + sheet.px(SMALL) + i * sheet.px(LINE), line, SMALL, "muted")


def paint_handle(painter: QPainter, handle: Handle, place: QPointF, ink: Ink, held: bool) -> None:
    """A disc to be dragged, and its word."""
    radius = (HANDLE + (1.5 if held else 0)) * ink.scale
    painter.setPen(QPen(ink.color("stage"), 3.0 * ink.scale))
    painter.setBrush(ink.color("accent"))
    painter.drawEllipse(place, radius, radius)
    painter.setPen(QPen(ink.color("text"), 1.4 * ink.scale))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(place, radius, radius)
    if handle.word:
        from explorer.marks import Text

        mark = Text((0.0, 0.0), handle.word, size=12.0, anchor="w")
        text.draw(painter, (place.x() + radius + 5 * ink.scale, place.y()), mark, ink.theme, ink.scale)
