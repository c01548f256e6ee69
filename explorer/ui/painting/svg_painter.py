"""Figures as SVG: the part of QPainter that they are drawn with, written as elements.

Qt's own generator cannot clip, and places words in pieces that only fit in the font of this machine. Here everything
is clipped where it is clipped on the screen, and letters are shapes, which look the same anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPen, QPolygonF

from explorer.base.printable import printable
from explorer.figures.camera import Camera
from explorer.figures.marks import Mark
from explorer.figures.theme import Theme
from explorer.ui.painting import legend
from explorer.ui.painting.svg import letters, mark_elements, number

_CAPS = {Qt.PenCapStyle.FlatCap: "butt", Qt.PenCapStyle.SquareCap: "square", Qt.PenCapStyle.RoundCap: "round"}
_JOINS = {
    Qt.PenJoinStyle.MiterJoin: "miter", Qt.PenJoinStyle.BevelJoin: "bevel", Qt.PenJoinStyle.RoundJoin: "round",
}  # fmt: skip


@dataclass(frozen=True)
class _State:
    pen: QPen
    brush: QBrush
    font: QFont
    groups: int = 0  # opened by clips since the last `save`


class SvgPainter:
    """Draws like a QPainter on a page of `width` by `height`; `text` gives the file."""

    def __init__(self, width: float, height: float) -> None:
        self._size = width, height
        self._out: list[str] = []
        self._clips = 0
        self._state = _State(QPen(), QBrush(Qt.BrushStyle.NoBrush), QFont())
        self._saved: list[_State] = []

    def text(self, width: str, height: str, title: str, description: str) -> str:
        """The file: `width` and `height` with their units are how large it is on paper."""
        wide, high = (number(v) for v in self._size)
        head = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img"'
            f' width="{width}" height="{height}" viewBox="0 0 {wide} {high}">'
        )
        words = [
            f"<{tag}>{escape(printable(said))}</{tag}>"
            for tag, said in (("title", title), ("desc", description)) if said
        ]  # fmt: skip
        return "\n".join([head, *words, *self._out, "</svg>\n"])

    # --- what it is drawn with -------------------------------------------------------------------------------

    def setPen(self, pen: QPen | QColor | Qt.PenStyle) -> None:
        """Of lines, outlines and letters."""
        self._state = replace(self._state, pen=QPen(pen))

    def setBrush(self, brush: QBrush | QColor | Qt.BrushStyle) -> None:
        """Of the inside of shapes."""
        self._state = replace(self._state, brush=QBrush(brush))

    def setFont(self, font: QFont) -> None:
        """Of letters."""
        self._state = replace(self._state, font=QFont(font))

    def setRenderHint(self, hint: QPainter.RenderHint, on: bool = True) -> None:
        """Nothing: who shows the file smooths it."""

    def save(self) -> None:
        """Remember what it draws with, until `restore`."""
        self._saved.append(self._state)
        self._state = replace(self._state, groups=0)

    def restore(self) -> None:
        """As it was at `save`."""
        self._out += ["</g>"] * self._state.groups
        self._state = self._saved.pop()

    def setClipRect(self, rect: QRectF) -> None:
        """Draw nothing beyond this rectangle, until `restore`."""
        self._clips += 1
        name = f"clip{self._clips}"
        self._out.append(f'<defs><clipPath id="{name}"><rect {_place(rect)}/></clipPath></defs>')
        self._out.append(f'<g clip-path="url(#{name})">')
        self._state = replace(self._state, groups=self._state.groups + 1)

    # --- drawing ---------------------------------------------------------------------------------------------

    def drawText(self, place: QPointF, words: str) -> None:
        """A line of text whose base line starts here."""
        color = self._state.pen.color()
        if words.strip():
            more = _opacity("fill", color)
            self._out.append(letters(place.x(), place.y(), words, self._state.font, color.name(), more))

    def drawLine(self, start: QPointF, end: QPointF) -> None:
        """A line between two points."""
        a, b, c, d = (number(v) for v in (start.x(), start.y(), end.x(), end.y()))
        self._out.append(f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}"{self._stroke()}/>')

    def drawPolyline(self, points: QPolygonF) -> None:
        """Lines through points."""
        through = " ".join(f"{number(p.x())},{number(p.y())}" for p in points)  # type: ignore[attr-defined]
        self._out.append(f'<polyline points="{through}" fill="none"{self._stroke()}/>')

    def drawEllipse(self, centre: QPointF, across: float, down: float) -> None:
        """An ellipse of these half axes."""
        x, y, a, b = (number(v) for v in (centre.x(), centre.y(), across, down))
        self._out.append(f'<ellipse cx="{x}" cy="{y}" rx="{a}" ry="{b}"{self._fill()}{self._stroke()}/>')

    def drawRect(self, rect: QRectF) -> None:
        """A rectangle."""
        self._out.append(f"<rect {_place(rect)}{self._fill()}{self._stroke()}/>")

    def fillRect(self, rect: QRectF, color: QColor) -> None:
        """The inside of a rectangle."""
        self._out.append(f'<rect {_place(rect)} fill="{color.name()}"{_opacity("fill", color)}/>')

    def draw_marks(
        self, marks: Sequence[Mark], camera: Camera, rect: QRectF, theme: Theme, scale: float, least: float
    ) -> None:
        """Marks in a rectangle, as `canvas_painter.paint` draws them."""
        size = rect.width(), rect.height()
        with self._group(f'transform="translate({number(rect.left())} {number(rect.top())})"'):
            for mark in legend.laid_out(marks, camera, size, theme, scale, paper=True):
                self._out += mark_elements(mark, camera, size, theme, scale, least, outlined=True)

    def draw_svg(self, svg: str, rect: QRectF, words: str) -> None:
        """Another drawing, which knows its own size, in a rectangle; `words` say what it shows."""
        head, _, inner = svg[svg.index("<svg") :].partition(">")
        left, top, width, _ = (float(v) for v in head[head.index("viewBox=") :].split('"')[1].split())
        k = rect.width() / width
        move = f"translate({number(rect.left() - left * k)} {number(rect.top() - top * k)}) scale({k:.5g})"
        with self._group(f'transform="{move}" role="img" aria-label={quoteattr(printable(words))}'):
            self._out.append(inner.rpartition("</svg>")[0])

    @contextmanager
    def _group(self, attributes: str) -> Iterator[None]:
        self._out.append(f"<g {attributes}>")
        yield
        self._out.append("</g>")

    def _stroke(self) -> str:
        pen = self._state.pen
        if pen.style() == Qt.PenStyle.NoPen:
            return ""
        dash = ""
        if pen.style() == Qt.PenStyle.CustomDashLine:
            lengths = " ".join(number(part * pen.widthF()) for part in pen.dashPattern())
            dash = f' stroke-dasharray="{lengths}"'
        return (
            f' stroke="{pen.color().name()}"{_opacity("stroke", pen.color())} stroke-width="{number(pen.widthF())}"'
            f' stroke-linecap="{_CAPS[pen.capStyle()]}" stroke-linejoin="{_JOINS.get(pen.joinStyle(), "bevel")}"{dash}'
        )

    def _fill(self) -> str:
        brush = self._state.brush
        if brush.style() == Qt.BrushStyle.NoBrush:
            return ' fill="none"'
        return f' fill="{brush.color().name()}"{_opacity("fill", brush.color())}'


def _place(rect: QRectF) -> str:
    x, y, width, height = (number(v) for v in (rect.x(), rect.y(), rect.width(), rect.height()))
    return f'x="{x}" y="{y}" width="{width}" height="{height}"'


def _opacity(what: str, color: QColor) -> str:
    return "" if color.alpha() == 255 else f' {what}-opacity="{number(color.alphaF())}"'
