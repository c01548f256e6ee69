"""Figures drawn with QPainter: on the screen, on paper and in files by the same lines of code."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from explorer.figures.figure import Picture, Plot, Table
from explorer.ui.figures.image import paint_image
from explorer.ui.figures.ink import Area, Ink, Sheet
from explorer.ui.figures.plot import paint_plot
from explorer.ui.figures.rows import paint_rows
from explorer.ui.figures.table import paint_table
from explorer.ui.figures.title import paint_title
from explorer.ui.painting.svg_painter import SvgPainter

ROOMY = 300.0  # a figure higher than this has room for two lines about it


def paint_figure(
    painter: QPainter | SvgPainter, figure: Plot | Picture | Table, rect: QRectF, ink: Ink
) -> Area | None:
    """Draw a figure with its title into `rect`; returns where its numbers are (None for a table)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    sheet = Sheet(painter, ink, QRectF(rect))
    if figure.title:
        paint_title(sheet, figure.title, figure.about, 2 if rect.height() > sheet.px(ROOMY) else 1)
    if sheet.rect.height() < sheet.px(24) or sheet.rect.width() < sheet.px(40):
        return None
    if isinstance(figure, Plot):
        return paint_rows(sheet, figure) if figure.rows else paint_plot(sheet, figure)
    if isinstance(figure, Picture):
        return paint_image(sheet, figure)
    paint_table(painter, figure, sheet.rect, ink)
    return None
