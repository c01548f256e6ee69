"""A page of figures for a file: where they go, how high they are, and the sentences at its foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter

from explorer.base.digits import with_minus
from explorer.base.errors import Refused
from explorer.figures.figure import Equation, Figure, Picture, Plot, Table
from explorer.figures.files import Source
from explorer.figures.papers import LEAST_LINE, Paper, points
from explorer.figures.theme import Theme
from explorer.ui.figures.image import image_height
from explorer.ui.figures.ink import LINE, SMALL, TITLE, Ink
from explorer.ui.figures.paint import paint_figure
from explorer.ui.figures.plot import plot_height
from explorer.ui.figures.table import table_height, table_width
from explorer.ui.figures.title import title_height
from explorer.ui.painting.svg_painter import SvgPainter
from explorer.ui.widgets import equation

AnyPainter: TypeAlias = QPainter | SvgPainter
#: Pixels of a page that is for no paper: of all figures, of one, and of one whose picture is square.
WIDE, ALONE, SQUARE = 1200.0, 760.0, 620.0
MARGIN, GAP = 22.0, 14.0
TIGHT = 4.0  # the margin of a figure that goes into a text, which has its own
#: The least width of a column of two, the height of a plot's curves over its width, and the most of it.
LEAST_COLUMN, CURVES, MOST_CURVES = 320.0, 0.5, 420.0
#: What a picture takes of the height at least, and over its width at most.
LEAST_PICTURE, MOST_PICTURE = 150.0, 1.25


@dataclass(frozen=True)
class Placed:
    """A figure in its rectangle."""

    figure: Figure
    rect: QRectF


class Page:
    """The figures under each other or side by side, with words and caption at the foot.

    `width` and `height` are in pixels of 11-pixel words; how large such a pixel is on paper, the paper says.
    """

    def __init__(
        self, figures: Sequence[Figure], source: Source, theme: Theme, paper: Paper | None, *, vector: bool
    ) -> None:
        self.paper, self._theme = paper, theme
        a_pixel = 0.75 if paper is None else paper.font / SMALL  # in points
        least = LEAST_LINE / a_pixel
        self._ink = Ink(theme, quality="vector" if vector else "still", whole=True, least=least)
        bare = paper is not None and paper.plot_only
        self._figures = [_bare(figure) for figure in figures] if bare else list(figures)
        self.width = _usual_width(figures) if paper is None else points(paper.width) / a_pixel
        self._margin = MARGIN if paper is None or paper.height else TIGHT
        inner = self.width - 2 * self._margin
        texts = [] if bare else [with_minus(source.words), with_minus(source.caption)]
        self._foot = [line for text in texts for line in self._ink.lines(text, inner, SMALL)]
        below = LINE * len(self._foot) + (GAP if self._foot else 0.0)
        fixed = None if paper is None or paper.height is None else points(paper.height) / a_pixel
        room = None if fixed is None else fixed - 2 * self._margin - below
        self._placed, high = self._arranged(inner, room)
        self.height = fixed or high + 2 * self._margin + below

    @property
    def clear(self) -> bool:
        """Whether there is nothing behind the figures."""
        return self.paper is not None and self.paper.clear

    # --- where things go ---------------------------------------------------------------------------------------

    def _arranged(self, inner: float, room: float | None) -> tuple[list[Placed], float]:
        """Every figure in its place, and the height of all; `room` is the height that there is, where it is set."""
        rows = self._rows(inner)
        widths = [(inner - GAP * (len(row) - 1)) / len(row) for row in rows]
        pairs = list(zip(rows, widths, strict=True))
        gaps = GAP * (len(rows) - 1)
        heights = [max(self._height(f, wide) for f in row) for row, wide in pairs]
        if room is not None:
            heights = self._fitted(pairs, heights, room - gaps)
        placed, y = [], self._margin
        for (row, wide), high in zip(pairs, heights, strict=True):
            for k, figure in enumerate(row):
                placed.append(Placed(figure, QRectF(self._margin + k * (wide + GAP), y, wide, high)))
            y += high + GAP
        return placed, y - GAP - self._margin

    def _rows(self, inner: float) -> list[list[Figure]]:
        """Two side by side where both have room."""
        half = (inner - GAP) / 2
        rows: list[list[Figure]] = []
        open_row = False
        for figure in self._figures:
            small = half >= LEAST_COLUMN and self._least_width(figure) <= half
            if small and open_row:
                rows[-1].append(figure)
                open_row = False
            else:
                rows.append([figure])
                open_row = small
        return rows

    def _least_width(self, figure: Figure) -> float:
        """The width below which its words have no room."""
        if isinstance(figure, Table):
            return table_width(figure, self._ink)
        if isinstance(figure, Equation):
            return max((line.width for line in self._typeset(figure)), default=0.0)
        return figure.width if isinstance(figure, Picture) else 0.0

    def _height(self, figure: Figure, wide: float, least: bool = False) -> float:
        """The height that suits a figure of this width, or the least that it can have."""
        ink = self._ink
        if isinstance(figure, Plot):
            curves = 0.0 if least else min(CURVES * wide, MOST_CURVES)
            return plot_height(figure, wide, ink, curves)
        if isinstance(figure, Picture):
            return image_height(figure, wide, ink, LEAST_PICTURE if least else MOST_PICTURE * wide)
        if isinstance(figure, Table):
            return title_height(figure, ink, wide) + table_height(figure, ink, wide)
        _, high = equation.arrange(self._typeset(figure), wide)
        words = ink.lines(with_minus(figure.words), wide, SMALL)
        return (TITLE * 1.8 if figure.title else 0.0) + high + LINE * len(words) + 8

    def _fitted(
        self, pairs: Sequence[tuple[Sequence[Figure], float]], heights: Sequence[float], room: float
    ) -> list[float]:
        """The rows in a height that is set: what is over goes to those with plots and pictures. Refused where even
        the least heights are more."""
        least = [max(self._height(f, wide, least=True) for f in row) for row, wide in pairs]
        elastic = [any(isinstance(f, Plot | Picture) for f in row) for row, _ in pairs]
        over = room - sum(least)
        if over < 0:
            raise Refused(
                "There is not so much room on a slide: choose one figure, smaller words, or the plot without its "
                "sentences."
            )
        share = over / max(sum(elastic), 1)
        return [high + share * grows for high, grows in zip(least, elastic, strict=True)]

    def _typeset(self, figure: Equation) -> tuple[equation.Line, ...]:
        return equation.typeset(equation.coloured(figure.latex, self._theme), self._theme.text, equation.SIZE)

    # --- drawing -----------------------------------------------------------------------------------------------

    def paint(self, painter: AnyPainter, ratio: float = 1.0) -> None:
        """Draw everything; `ratio` is how many pixels of an image a pixel of the page is."""
        ink = replace(self._ink, ratio=ratio)
        if not self.clear:
            painter.fillRect(QRectF(0, 0, self.width, self.height), ink.color("panel"))
        for placed in self._placed:
            if isinstance(placed.figure, Equation):
                self._equation(painter, placed.figure, placed.rect, ink)
            else:
                paint_figure(painter, placed.figure, placed.rect, ink)
        base = self.height - self._margin - (len(self._foot) - 0.75) * LINE
        self._lines(painter, self._foot, self._margin, base, ink)

    @staticmethod
    def _lines(painter: AnyPainter, lines: Sequence[str], x: float, base: float, ink: Ink) -> None:
        painter.setFont(ink.font(SMALL))
        painter.setPen(ink.color("muted"))
        for i, line in enumerate(lines):
            painter.drawText(QPointF(x, base + i * LINE), line)

    def _equation(self, painter: AnyPainter, figure: Equation, rect: QRectF, ink: Ink) -> None:
        top = rect.top()
        if figure.title:
            painter.setFont(ink.font(TITLE, True))
            painter.setPen(ink.color("text"))
            painter.drawText(QPointF(rect.left(), top + TITLE), figure.title)
            top += TITLE * 1.8
        placed, high = equation.arrange(self._typeset(figure), rect.width())
        for line, box in placed:
            at = box.translated(rect.left(), top)
            if isinstance(painter, SvgPainter):
                painter.draw_svg(line.svg.decode(), at, equation.plain(figure.latex))
            else:
                equation.paint(painter, line, at)
        words = ink.lines(with_minus(figure.words), rect.width(), SMALL)
        self._lines(painter, words, rect.left(), top + high + LINE, ink)


def _usual_width(figures: Sequence[Figure]) -> float:
    """The width of a page that is for no paper."""
    if len(figures) > 1:
        return WIDE
    (figure,) = figures
    if isinstance(figure, Picture) and figure.square:
        left, right, bottom, top = figure.bounds
        return SQUARE if right - left < 1.3 * (top - bottom) else WIDE
    return max(ALONE, min(figure.width, WIDE)) if isinstance(figure, Picture) else ALONE


def _bare(figure: Figure) -> Figure:
    """Without title and sentences."""
    return (
        replace(figure, title="", words="")
        if isinstance(figure, Equation)
        else replace(figure, title="", about="")
    )
