"""Images in figures: marks in a frame, with axes, a legend and a color bar where they have any."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from explorer.figures.camera import Camera
from explorer.figures.figure import Picture
from explorer.figures.marks import Entry as LegendEntry
from explorer.figures.marks import Legend
from explorer.figures.theme import LEVELS, lut
from explorer.ui.figures.axes import paint_x_label, paint_x_ticks, paint_y_ticks
from explorer.ui.figures.ink import LINE, SMALL, Area, Ink, Sheet
from explorer.ui.figures.key import AFTER_SAMPLE, GAP, SAMPLE
from explorer.ui.figures.title import title_height
from explorer.ui.painting.axes import Axis
from explorer.ui.painting.canvas_painter import paint
from explorer.ui.painting.geometry import HEAD, HEAD_SLOPE
from explorer.ui.painting.legend import LONGEST
from explorer.ui.painting.svg_painter import SvgPainter

BAR = 11.0  # width of a color bar


def paint_image(sheet: Sheet, picture: Picture) -> Area:
    """Draw an image with its axes into what is left of the sheet; returns where its numbers are."""
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
        paint_y_ticks(sheet, area, sheet.ink.lines(picture.y_label, sheet.rect.width(), SMALL))
    if picture.scale is not None:
        _color_bar(sheet, area, picture, picture.scale)
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


def image_height(picture: Picture, room: float, ink: Ink, most: float) -> float:
    """The height of a picture of this width, its title and axes included; of the picture itself at most `most`."""
    wide_axes, above, right, below = _room_for_axes(picture, room, room, ink)
    inner = max(room - wide_axes + right, 1.0)
    left, end, bottom, top = picture.bounds
    shape = (end - left) / (top - bottom) if picture.square else 1.5
    return title_height(picture, ink, room) + above - below + min(inner / shape, most)


def _room_for_axes(
    picture: Picture, width: float, height: float, ink: Ink
) -> tuple[float, float, float, float]:
    """What the axes and the color bar take at the left, above, at the right and below, the last two negative."""
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


def _ends(scale: tuple[float, float, str]) -> tuple[str, str]:
    low, high, _ = scale
    return tuple(f"{v:.3g}".replace("-", "−") for v in (low, high))  # type: ignore[return-value]


def _wrapped_word(word: str) -> list[str]:
    """The word of a color bar in lines that are not wider than need be."""
    lines: list[str] = []
    for part in word.split():
        if lines and len(lines[-1]) + len(part) < 10:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines or [""]


def _color_bar(sheet: Sheet, area: Area, picture: Picture, scale: tuple[float, float, str]) -> None:
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
