"""Words on a picture: the theme's font, and text pinned by one of its corners."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from explorer.figures.marks import Text
from explorer.figures.theme import FONT_FAMILIES, Theme, rgb

HALO = 3.0  # width of the stage-coloured rim that keeps words readable on a busy field
HALO_ALPHA = 0.75


#: Features that put glyphs into the text that stand for no character of their own: what is written with them into a
#: file cannot be found or copied there.
ALTERNATES = ("tnum", "calt", "liga", "clig", "dlig")


def font(pixels: float, bold: bool = False, plain: bool = False) -> QFont:
    """The theme's font, with figures that are all as wide, so that changing numbers do not jump.

    `plain` is for files of lines and letters: every letter has the glyph of its character, so that text can be
    found and copied, and its own width, unrounded, so that it is as wide on any page as it was measured.
    """
    out = QFont()
    out.setFamilies(list(FONT_FAMILIES))
    out.setPixelSize(max(round(pixels), 1))
    out.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if plain:
        out.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    for feature in ALTERNATES if plain else ():
        out.setFeature(QFont.Tag(feature), 0)
    if not plain:
        out.setFeature(QFont.Tag("tnum"), 1)
    return out


def width(text: str, pixels: float, bold: bool = False, plain: bool = False) -> float:
    """How wide a line of text is."""
    return QFontMetricsF(font(pixels, bold, plain)).horizontalAdvance(text)


def baseline(mark: Text, position: tuple[float, float], scale: float, plain: bool = False) -> QPointF:
    """Where the first letter stands when the mark's anchor is at this pixel."""
    metrics = QFontMetricsF(font(mark.size * scale, plain=plain))
    x, y = position
    across = metrics.horizontalAdvance(mark.text)
    x -= 0 if "w" in mark.anchor else across if "e" in mark.anchor else across / 2
    if "n" in mark.anchor:
        y += metrics.ascent()
    elif "s" in mark.anchor:
        y -= metrics.descent()
    else:
        y += metrics.capHeight() / 2
    return QPointF(x, y) if plain else QPointF(round(x), round(y))


def draw(
    painter: QPainter,
    position: tuple[float, float],
    mark: Text,
    theme: Theme,
    scale: float,
    plain: bool = False,
) -> None:
    """Draw a text mark whose anchor is at this pixel."""
    start = baseline(mark, position, scale, plain)
    painter.setFont(font(mark.size * scale, plain=plain))
    outline = QPainterPath()
    outline.addText(start, painter.font(), mark.text)
    rim = QColor(*rgb(theme, "stage"))
    rim.setAlphaF(HALO_ALPHA)
    painter.strokePath(outline, QPen(rim, HALO * scale))
    painter.setPen(QColor(*rgb(theme, mark.color)))
    painter.drawText(start, mark.text)
