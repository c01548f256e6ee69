"""What figures are drawn with: colours and sizes, the axes of a figure on the picture, and the page that is left."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from explorer.figures.theme import Theme, color
from explorer.ui.painting import layout, text
from explorer.ui.painting.axes import Axis
from explorer.ui.painting.canvas_painter import Quality
from explorer.ui.painting.svg_painter import SvgPainter

TITLE = 13.0  # the size of titles
SMALL = 11.0  # and of all other words
LINE = 16.0  # from one small line to the next


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
