"""Words on a picture: the theme's font, and text pinned by one of its corners."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from explorer.marks import Text
from explorer.theme import FONT_FAMILIES, Theme, rgb

HALO = 3.0  # width of the stage-coloured rim that keeps words readable on a busy field
HALO_ALPHA = 0.75


def font(pixels: float, bold: bool = False) -> QFont:
    """The theme's font, with figures that are all as wide, so that changing numbers do not jump."""
    out = QFont()
    out.setFamilies(list(FONT_FAMILIES))
    out.setPixelSize(max(round(pixels), 1))
    out.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    out.setFeature(QFont.Tag("tnum"), 1)
    return out


def width(text: str, pixels: float, bold: bool = False) -> float:
    """How wide a line of text is."""
    return QFontMetricsF(font(pixels, bold)).horizontalAdvance(text)


def baseline(mark: Text, position: tuple[float, float], scale: float) -> QPointF:
    """Where the first letter stands when the mark's anchor is at this pixel."""
    metrics = QFontMetricsF(font(mark.size * scale))
    x, y = position
    across = metrics.horizontalAdvance(mark.text)
    x -= 0 if "w" in mark.anchor else across if "e" in mark.anchor else across / 2
    if "n" in mark.anchor:
        y += metrics.ascent()
    elif "s" in mark.anchor:
        y -= metrics.descent()
    else:
        y += metrics.capHeight() / 2
    return QPointF(round(x), round(y))


def draw(painter: QPainter, position: tuple[float, float], mark: Text, theme: Theme, scale: float) -> None:
    """Draw a text mark whose anchor is at this pixel."""
    start = baseline(mark, position, scale)
    painter.setFont(font(mark.size * scale))
    outline = QPainterPath()
    outline.addText(start, painter.font(), mark.text)
    rim = QColor(*rgb(theme, "stage"))
    rim.setAlphaF(HALO_ALPHA)
    painter.strokePath(outline, QPen(rim, HALO * scale))
    painter.setPen(QColor(*rgb(theme, mark.color)))
    painter.drawText(start, mark.text)
