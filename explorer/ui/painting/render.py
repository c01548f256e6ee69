"""Marks as pictures of any size, without a screen and without OpenGL: what exports and the shell use.

A picture is one pane, or two side by side, each with an optional title strip, over an optional caption. All
lines, dots and words grow with the resolution, so that 480p and 4K show the same picture.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen

from explorer.figures.camera import Camera, Size
from explorer.figures.marks import Mark
from explorer.figures.theme import Theme, rgb
from explorer.ui.painting import layout, svg, text
from explorer.ui.painting.canvas_painter import Quality, paint
from explorer.ui.painting.layout import Header, Panel

__all__ = ["Header", "Panel", "ensure_app", "render", "render_svg", "to_array", "to_image", "to_svg"]

_kept: list[QGuiApplication] = []


def ensure_app() -> QGuiApplication:
    """The Qt application, made here where there is none: fonts need one. Call it first in the main thread."""
    app = QGuiApplication.instance()
    if app is None:
        # nothing is shown, and a display that is named need not be there; Qt would end the process
        arguments = ["score-explorer", "-platform", "offscreen"] if sys.platform == "linux" else []
        app = QGuiApplication(arguments)
        _kept.append(app)
    assert isinstance(app, QGuiApplication)
    return app


def to_image(
    marks: Sequence[Mark],
    camera: Camera,
    width: int,
    height: int,
    theme: Theme,
    header: Header | str | None = None,
    caption: str | None = None,
    scale: float | None = None,
) -> QImage:
    """One pane as a picture of exactly this many pixels."""
    return render([Panel(marks, camera, header)], width, height, theme, caption, scale)


def to_svg(
    marks: Sequence[Mark],
    camera: Camera,
    width: int,
    height: int,
    theme: Theme,
    header: Header | str | None = None,
    caption: str | None = None,
    scale: float | None = None,
) -> bytes:
    """The same picture as an SVG file."""
    return render_svg([Panel(marks, camera, header)], width, height, theme, caption, scale)


def render(
    panels: Sequence[Panel],
    width: int,
    height: int,
    theme: Theme,
    caption: str | None = None,
    scale: float | None = None,
) -> QImage:
    """The panes side by side as one picture."""
    return render_sheet(layout.arrange(panels, width, height, caption, scale), theme)


def render_sheet(sheet: layout.Sheet, theme: Theme) -> QImage:
    """A picture whose parts have their places."""
    ensure_app()
    kind = QImage.Format.Format_ARGB32 if sheet.clear else QImage.Format.Format_RGB32
    image = QImage(sheet.width, sheet.height, kind)
    if sheet.clear:
        image.fill(0)
    painter = QPainter(image)
    try:  # an image that goes while it is painted on ends the process
        paint_sheet(painter, sheet, theme)
    finally:
        painter.end()
    return image


def paint_sheet(
    painter: QPainter, sheet: layout.Sheet, theme: Theme, vector: bool = False, least: float = 0.0
) -> None:
    """Draw it; `vector`: into a file of lines and letters, whose lines are never thinner than `least`."""
    for fill in sheet.fills:
        painter.fillRect(QRect(*fill.rect), _color(theme, fill.color))
    for pane in sheet.panes:
        _pane(painter, pane, sheet, theme, vector, least)
    for rule in sheet.rules:
        pen = QPen(_color(theme, rule.color), max(rule.width, least))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawLine(QPointF(*rule.start), QPointF(*rule.end))
    for label in sheet.labels:
        painter.setFont(text.font(label.size, label.bold, vector))
        painter.setPen(_color(theme, label.color))
        painter.drawText(QPointF(label.x, label.y), label.text)


def _pane(
    painter: QPainter, pane: layout.Pane, sheet: layout.Sheet, theme: Theme, vector: bool, least: float
) -> None:
    x, y, width, height = pane.rect
    painter.save()
    painter.translate(x, y)
    painter.setClipRect(QRect(0, 0, width, height))
    if not sheet.clear:
        painter.fillRect(QRectF(0, 0, width, height), _color(theme, "stage"))
    size: Size = (width, height)
    quality: Quality = "vector" if vector else "still"
    paint(
        painter, pane.marks, pane.camera, size, theme, sheet.marks, quality, least, sheet.clear, sheet.scale
    )
    painter.restore()


def _color(theme: Theme, role: str) -> QColor:
    return QColor(*rgb(theme, role))


def render_svg(
    panels: Sequence[Panel],
    width: int,
    height: int,
    theme: Theme,
    caption: str | None = None,
    scale: float | None = None,
) -> bytes:
    """The panes side by side as one SVG file."""
    ensure_app()
    return svg.write(layout.arrange(panels, width, height, caption, scale), theme)


def to_array(image: QImage) -> NDArray[np.uint8]:
    """A picture as red, green and blue (height, width, 3); converted by Qt straight into the array."""
    width, height = image.width(), image.height()
    stride = -(-width * 3 // 4) * 4  # Qt wants rows of whole 32-bit words
    rows = np.empty((height, stride), np.uint8)
    out = QImage(rows.data, width, height, stride, QImage.Format.Format_RGB888)
    painter = QPainter(out)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    painter.drawImage(0, 0, image)
    painter.end()
    return np.ascontiguousarray(rows[:, : width * 3]).reshape(height, width, 3)
