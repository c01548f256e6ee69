"""Figures as files: PNG, SVG and PDF, one figure or all of a laboratory on a page, without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSize, QSizeF
from PySide6.QtGui import QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator, QSvgRenderer

from explorer.errors import Refused
from explorer.figure_files import Source
from explorer.figures import Equation, Figure, Picture, Table
from explorer.files import write_bytes
from explorer.theme import Theme
from explorer.ui import equation, layout
from explorer.ui.figure_grid import Wish, arrange, shape_of
from explorer.ui.figure_paint import LINE, SMALL, TITLE, Ink, paint_figure, title_height
from explorer.ui.render import ensure_app
from explorer.ui.table_paint import table_height, table_width

#: Pixels of a page at scale 1, around its figures, and how many pixels of a PNG one of them is.
WIDE, ALONE, SQUARE = 1200, (760, 500), (620, 640)
ROW_HIGH, MARGIN, ENLARGED = 380, 22, 2.0
ENDINGS = (".png", ".svg", ".pdf")


def write_picture(path: str | Path, figures: Sequence[Figure], source: Source, theme: Theme) -> None:
    """Write the figures on one page; the ending says how. The old file stays whole where that fails (OSError).

    The caption names the laboratory, its settings and the experiment. ValueError where the ending is none of
    ENDINGS or there is nothing to draw.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS or not figures:
        raise Refused(f"An image of figures needs a figure and one of the endings {', '.join(ENDINGS)}.")
    ensure_app()
    draw, end = {".png": (_png, b"IEND"), ".svg": (_svg, b"</svg>"), ".pdf": (_pdf, b"%%EOF")}[ending]
    # into memory first: Qt's writers report nothing when a disk is full
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    draw(Page(figures, source, theme), buffer, source)
    raw = buffer.data().data()
    if end not in raw[-20:]:
        raise OSError(f"{path} came out without its end")
    write_bytes(path, raw)


def to_image(figures: Sequence[Figure], source: Source, theme: Theme, enlarged: float = ENLARGED) -> QImage:
    """The page as pixels."""
    ensure_app()
    return Page(figures, source, theme).image(enlarged)


class Page:
    """The figures under each other or side by side, with words and caption at the foot."""

    def __init__(self, figures: Sequence[Figure], source: Source, theme: Theme) -> None:
        self._figures, self._source = figures, source
        self._ink, self.theme = Ink(theme), theme
        alone = len(figures) == 1
        width = _alone(figures[0])[0] if alone else WIDE
        self._lines = self._caption_lines(width - 2 * MARGIN)
        inner = width - 2 * MARGIN
        wishes = [self._wish(figure, inner if alone else inner // 2) for figure in figures]
        self._boxes, high = arrange(wishes, inner, self._room(wishes, alone))
        below = len(self._lines) * LINE + (10 if self._lines else 0)
        self.size = QSize(width, round(high + 2 * MARGIN + below))

    def _room(self, wishes: Sequence[Wish], alone: bool) -> int:
        """A height for the rows that take what they are given."""
        if alone:
            return _alone(self._figures[0])[1] if not wishes[0].height else 0
        rows = sum(w.height is None for w in wishes)
        natural = sum(w.height or 0 for w in wishes)
        return ROW_HIGH * ((rows + 1) // 2) + natural

    def _wish(self, figure: Figure, room: float) -> Wish:
        if isinstance(figure, Table):
            wide = round(table_width(figure, self._ink))
            room = room if wide <= room else WIDE - 2 * MARGIN  # it will have a row of its own
            high = title_height(figure, self._ink, room) + table_height(figure, self._ink, room)
            return Wish(round(high) + 12, width=wide)
        if isinstance(figure, Equation):
            lines = self._typeset(figure)
            _, high = equation.arrange(lines, room)
            words = layout.wrapped(figure.words, room, round(SMALL))
            wide = round(max((line.width for line in lines), default=0))
            return Wish(round(high + TITLE * 1.8 + LINE * len(words)) + 8, width=wide)
        wide = figure.width if isinstance(figure, Picture) else 0
        return Wish(shape=shape_of(figure), width=wide)

    def _typeset(self, figure: Equation) -> tuple[equation.Line, ...]:
        theme = self._ink.theme
        return equation.typeset(equation.coloured(figure.latex, theme), theme.text, equation.SIZE)

    def _caption_lines(self, room: float) -> list[str]:
        texts = [t for t in (self._source.words, self._source.caption) if t]
        return [line for text in texts for line in layout.wrapped(text, room, round(SMALL), most=4)]

    def paint(self, painter: QPainter, ink: Ink) -> None:
        """Draw everything."""
        whole = QRectF(0, 0, self.size.width(), self.size.height())
        painter.fillRect(whole, ink.color("panel"))
        for figure, (x, y, width, height) in zip(self._figures, self._boxes, strict=True):
            rect = QRectF(x + MARGIN, y + MARGIN, width, height)
            if isinstance(figure, Equation):
                self._equation(painter, figure, rect, ink)
            else:
                paint_figure(painter, figure, rect, ink)
        base = self.size.height() - MARGIN - (len(self._lines) - 0.75) * LINE
        painter.setFont(ink.font(SMALL))
        painter.setPen(ink.color("muted"))
        for i, line in enumerate(self._lines):
            painter.drawText(MARGIN, round(base + i * LINE), line)

    def image(self, enlarged: float) -> QImage:
        """It as pixels."""
        image = QImage(self.size * enlarged, QImage.Format.Format_RGB32)
        painter = QPainter(image)
        try:  # an image that goes while it is painted on ends the process
            painter.scale(enlarged, enlarged)
            self.paint(painter, Ink(self._ink.theme, 1.0, enlarged, "still"))
        finally:
            painter.end()
        return image

    def _equation(self, painter: QPainter, figure: Equation, rect: QRectF, ink: Ink) -> None:
        painter.setFont(ink.font(TITLE, True))
        painter.setPen(ink.color("text"))
        painter.drawText(round(rect.left()), round(rect.top() + TITLE), figure.title)
        placed, high = equation.arrange(self._typeset(figure), rect.width())
        top = rect.top() + TITLE * 1.8
        for line, box in placed:
            QSvgRenderer(QByteArray(line.svg)).render(painter, box.translated(rect.left(), top))
        painter.setFont(ink.font(SMALL))
        painter.setPen(ink.color("muted"))
        for i, words in enumerate(layout.wrapped(figure.words, rect.width(), round(SMALL))):
            painter.drawText(round(rect.left()), round(top + high + LINE * (i + 1)), words)


def _alone(figure: Figure) -> tuple[int, int]:
    """Width and height of a figure that has the page for itself."""
    if not (isinstance(figure, Picture) and figure.square):
        return ALONE
    shape = shape_of(figure)
    return SQUARE if shape < 1.3 else (WIDE, round(WIDE / shape) + SQUARE[1] - SQUARE[0] + 40)


def _png(page: Page, device: QIODevice, source: Source) -> None:
    image = page.image(ENLARGED)
    image.setText("Title", source.title)
    image.setText("Description", source.caption)
    if not image.save(device, "PNG"):  # type: ignore[call-overload]
        raise OSError("the figure cannot be encoded as PNG")


def _svg(page: Page, device: QIODevice, source: Source) -> None:
    generator = QSvgGenerator()
    generator.setOutputDevice(device)
    generator.setSize(page.size)
    generator.setViewBox(QRectF(0, 0, page.size.width(), page.size.height()))
    generator.setTitle(source.title)
    generator.setDescription(source.caption)
    painter = QPainter(generator)
    try:
        page.paint(painter, Ink(page.theme, quality="vector"))
    finally:
        painter.end()


def _pdf(page: Page, device: QIODevice, source: Source) -> None:
    writer = QPdfWriter(device)
    points = QSizeF(page.size.width() * 0.75, page.size.height() * 0.75)
    writer.setPageSize(QPageSize(points, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    writer.setResolution(960)
    writer.setTitle(f"{source.title}. {source.caption}"[:500])
    painter = QPainter(writer)
    try:
        painter.scale(10, 10)  # 960 dots an inch are ten for each pixel of 96
        page.paint(painter, Ink(page.theme, quality="vector"))
    finally:
        painter.end()
