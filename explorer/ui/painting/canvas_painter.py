"""Marks drawn with QPainter: the stage without OpenGL, and every picture and video frame.

Thousands of points and lines reach Qt as one array of numbers each, without a Python object per item: that
makes a stage of 5,000 particles, 12,000 trail segments and 900 arrows a matter of milliseconds.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from explorer.figures.camera import Camera, Size
from explorer.figures.marks import Arrows, Curve, Drawn, Image, Mark, Points, Segments, Text
from explorer.figures.theme import LEVELS, Theme, lut, rgb
from explorer.ui.painting import geometry, legend, qt_arrays, text
from explorer.ui.painting.canvas_base import CanvasBase, thickness
from explorer.ui.painting.guard import guarded

Quality: TypeAlias = Literal["hurried", "live", "still", "vector"]
Color: TypeAlias = tuple[int, int, int]

# How many shades a colour map and how many opacities a fading trail have: each shade is a call to Qt.
SHADES = {"hurried": 32, "live": 32, "still": LEVELS, "vector": LEVELS}
OPACITIES = {"hurried": 8, "live": 12, "still": 64, "vector": 64}
# More lines than this are drawn without smoothing, in a third of the time: in such a crowd, or while all of it
# moves, nobody sees it.
CROWD = {"hurried": 300, "live": 20_000, "still": 10**9, "vector": 10**9}
# Milliseconds without a new picture after which the one there is is painted with care.
CALM_MS = 160
# A dot snaps to this fraction of a pixel, or slow particles would jump from pixel to pixel.
PHASES = 4
# Around every dot, in the colour of the stage, so that dots in a crowd are told apart.
RING, RING_ALPHA = 0.7, 0.3
DASH = (5.0, 4.0)


def paint(
    painter: QPainter,
    marks: Sequence[Mark],
    camera: Camera,
    size: Size,
    theme: Theme,
    scale: float = 1.0,
    quality: Quality = "live",
    least: float = 0.0,
    clear: bool = False,
    words: float | None = None,
) -> None:
    """Draw the marks in order on a canvas of `size` device pixels whose lines are `scale` times as thick, but none
    thinner than `least`, and whose words are `words` times as large (None: `scale`).

    `clear`: there is no ground, and what a density image has of the stage's colour is left out.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    sheet = _Sheet(painter, camera, size, theme, scale, quality, least, clear, words or scale)
    for mark in legend.laid_out(marks, camera, size, theme, words or scale, paper=words is not None):
        painter.save()
        _paint_one(sheet, mark)
        painter.restore()


@dataclass(frozen=True)
class _Sheet:
    """What every mark is drawn with."""

    painter: QPainter
    camera: Camera
    size: Size
    theme: Theme
    scale: float
    quality: Quality
    least: float
    clear: bool
    words: float

    def pen(self, color: Color, alpha: float, width: float) -> QPen:
        """A pen of a mark's width. In files of lines it is scaled with the page, like everything else."""
        return _pen(color, alpha, max(width * self.scale, self.least), cosmetic=self.quality != "vector")


def _paint_one(sheet: _Sheet, mark: Drawn) -> None:
    match mark:
        case Points():
            _points(sheet, mark)
        case Segments():
            _segments(sheet, mark)
        case Arrows():
            _arrows(sheet, mark)
        case Curve():
            _curve(sheet, mark)
        case Image():
            _image(sheet, mark)
        case Text():
            _text(sheet, mark)
        case _:
            assert_never(mark)


def _points(sheet: _Sheet, mark: Points) -> None:
    centres, seen = geometry.points(mark, sheet.camera, sheet.size, sheet.scale)
    if not len(seen):
        return
    diameter = round(max(mark.size * sheet.scale, 0.5), 2)
    colors: tuple[Color, ...] = (rgb(sheet.theme, mark.color),)
    rows = np.zeros(len(seen), np.intp)
    if mark.values is not None:
        colors = _shades(mark.colormap, sheet.theme, SHADES[sheet.quality] if diameter < 64 else 8)
        rows = geometry.levels(np.ravel(mark.values)[seen], len(colors))
    if sheet.quality == "vector":
        return _discs(sheet, centres, diameter, mark.alpha, [colors[row] for row in rows.tolist()])
    atlas, cell, phases = _atlas(colors, rgb(sheet.theme, "stage"), diameter, RING * sheet.scale * mark.ring)
    corner = np.floor(centres)
    phase = ((centres - corner) * phases).astype(np.intp)
    table = np.empty((len(seen), qt_arrays.FRAGMENT))
    table[:, 0:2] = corner
    table[:, 2] = (phase[:, 1] * phases + phase[:, 0]) * cell
    table[:, 3] = rows * cell
    table[:, 4:6] = cell
    table[:, 6:8] = 1
    table[:, 8:10] = 0, 1
    sheet.painter.setOpacity(mark.alpha)
    qt_arrays.fragments(sheet.painter, table, atlas)


def _discs(
    sheet: _Sheet, centres: NDArray[np.float64], diameter: float, alpha: float, colors: list[Color]
) -> None:
    """Dots as shapes, for files that can be edited and enlarged."""
    sheet.painter.setOpacity(alpha)
    sheet.painter.setPen(Qt.PenStyle.NoPen)
    for (x, y), color in zip(centres.tolist(), colors, strict=True):
        sheet.painter.setBrush(QColor(*color))
        sheet.painter.drawEllipse(QPointF(x, y), diameter / 2, diameter / 2)


@lru_cache(maxsize=64)
def _atlas(colors: tuple[Color, ...], ring: Color, diameter: float, width: float) -> tuple[QPixmap, int, int]:
    """Antialiased dots (a row for each colour, a column for each place within a pixel), cell size, phases."""
    phases = PHASES if diameter < 32 else 1
    # Even, so that a fragment centred on a pixel's corner covers whole pixels.
    cell = 2 * int(np.ceil(diameter / 2 + width + 1.5))
    atlas = QPixmap(cell * phases**2, cell * len(colors))
    atlas.fill(Qt.GlobalColor.transparent)
    painter = QPainter(atlas)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    halo = QColor(*ring)
    halo.setAlphaF(RING_ALPHA)
    for row, color in enumerate(colors):
        for column in range(phases**2):
            x, y = column % phases + 0.5, column // phases + 0.5
            centre = QPointF(column * cell + cell / 2 + x / phases, row * cell + cell / 2 + y / phases)
            for radius, brush in ((diameter / 2 + width, halo), (diameter / 2, QColor(*color))):
                if brush is halo and not width:
                    continue
                painter.setBrush(brush)
                painter.drawEllipse(centre, radius, radius)
    painter.end()
    return atlas, cell, phases


# Pixmaps must not outlive the application; this runs before PySide ends it.
atexit.register(_atlas.cache_clear)


@lru_cache(maxsize=32)
def _shades(colormap: str, theme: Theme, count: int) -> tuple[Color, ...]:
    table = lut(colormap, theme)[np.linspace(0, LEVELS - 1, count).astype(int), :3]
    return tuple((int(r), int(g), int(b)) for r, g, b in table)


def _segments(sheet: _Sheet, mark: Segments) -> None:
    lines, seen = geometry.segments(mark, sheet.camera, sheet.size, sheet.scale)
    color = rgb(sheet.theme, mark.color)
    if len(seen) > CROWD[sheet.quality]:
        sheet.painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if mark.fade is None:
        _lines(sheet.painter, lines, sheet.pen(color, mark.alpha, mark.width))
        return
    steps = OPACITIES[sheet.quality]
    for level, members in geometry.groups(geometry.levels(np.ravel(mark.fade)[seen], steps + 1)):
        if level:
            _lines(sheet.painter, lines[members], sheet.pen(color, mark.alpha * level / steps, mark.width))


def _arrows(sheet: _Sheet, mark: Arrows) -> None:
    lines, which = geometry.arrows(mark, sheet.camera, sheet.size, sheet.scale)
    if mark.values is None:
        _lines(sheet.painter, lines, sheet.pen(rgb(sheet.theme, mark.color), mark.alpha, mark.width))
        return
    shades = _shades(mark.colormap, sheet.theme, SHADES[sheet.quality])
    for level, members in geometry.groups(geometry.levels(np.ravel(mark.values)[which], len(shades))):
        _lines(sheet.painter, lines[members], sheet.pen(shades[level], mark.alpha, mark.width))


def _pen(color: Color, alpha: float, width: float, cosmetic: bool) -> QPen:
    shade = QColor(*color)
    shade.setAlphaF(min(max(alpha, 0.0), 1.0))
    # Round caps are ten times slower: only these two kinds of cap have a fast path in Qt.
    cap = Qt.PenCapStyle.SquareCap if width > 1 else Qt.PenCapStyle.FlatCap
    pen = QPen(shade, width, Qt.PenStyle.SolidLine, cap)
    pen.setCosmetic(cosmetic)
    return pen


def _lines(painter: QPainter, lines: NDArray[np.float64], pen: QPen) -> None:
    painter.setPen(pen)
    qt_arrays.lines(painter, lines)


def _curve(sheet: _Sheet, mark: Curve) -> None:
    pen = sheet.pen(rgb(sheet.theme, mark.color), mark.alpha, mark.width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if mark.dash:
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([d * sheet.scale / max(pen.widthF(), 0.1) for d in DASH])
    sheet.painter.setPen(pen)
    for run in geometry.runs(mark, sheet.camera, sheet.size, sheet.scale):
        sheet.painter.drawPolyline(qt_arrays.polygon(run))


def _image(sheet: _Sheet, mark: Image) -> None:
    patch = geometry.image(mark, sheet.camera, sheet.size)
    if patch is None:
        return
    pixels = colored(patch[0], mark.colormap, sheet.theme, sheet.clear)
    rows, columns = pixels.shape
    picture = QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32)
    sheet.painter.setRenderHint(
        QPainter.RenderHint.SmoothPixmapTransform, geometry.smoothed(mark, pixels.shape, patch[1])
    )
    sheet.painter.setOpacity(mark.alpha)
    sheet.painter.drawImage(QRectF(*patch[1]), picture)


def colored(
    values: NDArray[np.floating], colormap: str, theme: Theme, clear: bool = False
) -> NDArray[np.uint32]:
    """Values in [0, 1] as 0xaarrggbb pixels: through a colour map, or, (h, w, 3), as they are, NaN as nothing.

    `clear`: a density, whose map begins with the colour of the stage, is seen through where it is low.
    """
    if values.ndim == 3:
        return _direct(values)
    colors = lut(colormap, theme)
    if clear and colormap == "density":
        colors = without(colors, rgb(theme, "stage"))
    red, green, blue, alpha = colors.astype(np.uint32).T
    table = alpha << 24 | red << 16 | green << 8 | blue
    return table[(np.clip(values, 0, 1) * (LEVELS - 1) + 0.5).astype(np.intp)]


def without(colors: NDArray[np.uint8], ground: Color) -> NDArray[np.uint8]:
    """The clearest colours (n, 4) that look like these over `ground`."""
    below = np.array(ground, float)
    over = colors[:, :3].astype(float) - below
    # a colour is (1 - a) ground + a paint, and no channel of the paint leaves 0..255
    alpha = np.max(
        np.where(over > 0, over / np.maximum(255 - below, 1), -over / np.maximum(below, 1)), axis=1
    )
    alpha = np.ceil(np.clip(alpha, 0, 1) * 255) / 255
    paint = below + over / np.maximum(alpha, 1 / 255)[:, None]
    return np.column_stack([np.clip(np.rint(paint), 0, 255), alpha * 255]).astype(np.uint8)


def _direct(values: NDArray[np.floating]) -> NDArray[np.uint32]:
    empty = np.isnan(values).any(axis=-1)
    levels = (np.clip(np.where(empty[..., None], 0, values), 0, 1) * 255 + 0.5).astype(np.uint32)
    red, green, blue = (levels[..., i] for i in range(3))
    return np.where(empty, np.uint32(0), np.uint32(0xFF000000) | red << 16 | green << 8 | blue)


def _text(sheet: _Sheet, mark: Text) -> None:
    x, y = sheet.camera.to_pixels(mark.xy, sheet.size)
    if -sheet.size[0] < x < 2 * sheet.size[0] and -sheet.size[1] < y < 2 * sheet.size[1]:
        text.draw(sheet.painter, (x, y), mark, sheet.theme, sheet.words, plain=sheet.quality == "vector")


class PainterCanvas(CanvasBase):
    """The stage without OpenGL."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self.update)
        self.listen_to(self)

    def redraw(self) -> None:
        self._calm.start()
        self.update()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        # Everything below is in device pixels, sprites of dots included.
        painter.scale(1 / ratio, 1 / ratio)
        size = self.width() * ratio, self.height() * ratio
        try:  # a painter left open ends the process
            painter.fillRect(QRectF(0, 0, *size), QBrush(QColor(*rgb(self.theme, "stage"))))
            quality: Quality = "hurried" if self._calm.isActive() else "live"
            scale = thickness(size, ratio)
            paint(painter, self.all_marks(), self.camera, size, self.theme, scale, quality)
        finally:
            painter.end()
