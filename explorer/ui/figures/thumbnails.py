"""Thumbnails of laboratories and scenes: drawn from their own figures by tools/thumbnails.py, read from assets/."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter

from explorer.base import paths
from explorer.figures.figure import Picture, Plot
from explorer.figures.theme import Theme
from explorer.ui.figures.ink import Ink
from explorer.ui.figures.preview import paint_bare

#: Pixels of a thumbnail, which is shown at half of that on a plain screen.
SIZE = QSize(384, 216)
MARGIN = 8


def folder(theme_name: str) -> Path:
    """Where the thumbnails for a theme are."""
    return paths.assets() / "thumbnails" / theme_name


@lru_cache(maxsize=256)
def thumbnail(kind: str, name: str, theme_name: str) -> QImage:
    """That of a laboratory or a scene; a null image where there is none."""
    return QImage(str(folder(theme_name) / f"{kind}-{name}.png"))


def drawn(figures: tuple[Plot | Picture, ...], theme: Theme) -> QImage:
    """Figures side by side, as a thumbnail shows them."""
    image = QImage(SIZE, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    try:  # an image that goes while it is painted on ends the process
        ink = Ink(theme, 1.5)
        painter.fillRect(image.rect(), ink.color("panel"))
        wide = SIZE.width() / max(len(figures), 1)
        for i, figure in enumerate(figures):
            box = QRectF(i * wide, 0, wide, SIZE.height())
            paint_bare(painter, figure, box.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN), ink)
    finally:
        painter.end()
    return image
