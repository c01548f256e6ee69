"""Figures as files: PNG, SVG and PDF, one figure or all of a laboratory on a page, without a screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QSize
from PySide6.QtGui import QImage, QPainter

from explorer.base.errors import Refused
from explorer.base.files import write_bytes
from explorer.figures.figure import Figure
from explorer.figures.files import Source
from explorer.figures.papers import MM_PER_INCH, Paper, dots
from explorer.figures.theme import Theme
from explorer.ui.figures.page import Page
from explorer.ui.painting import pdf
from explorer.ui.painting.render import ensure_app
from explorer.ui.painting.svg import number
from explorer.ui.painting.svg_painter import SvgPainter

#: How many pixels of a PNG a pixel of the page is, where it is for no paper.
ENLARGED = 2.0
ENDINGS = (".png", ".svg", ".pdf")


def write_picture(
    path: str | Path, figures: Sequence[Figure], source: Source, theme: Theme, paper: Paper | None = None
) -> None:
    """Write the figures on one page; the ending says how. The old file stays whole where that fails (OSError).

    The caption names the laboratory, its settings and the experiment. `paper` says how wide the page is and how
    large the words; without one it is as large as on a screen. ValueError where the ending is none of ENDINGS, there
    is nothing to draw, or it does not fit on the paper.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS or not figures:
        raise Refused(f"An image of figures needs a figure and one of the endings {', '.join(ENDINGS)}.")
    ensure_app()
    draw, end = {".png": (_png, b"IEND"), ".svg": (_svg, b"</svg>"), ".pdf": (_pdf, b"%%EOF")}[ending]
    page = Page(figures, source, theme, paper, vector=ending != ".png")
    raw = draw(page, source)
    if end not in raw[-20:]:
        raise OSError(f"{path} came out without its end")
    write_bytes(path, raw)


def to_image(
    figures: Sequence[Figure],
    source: Source,
    theme: Theme,
    enlarged: float = ENLARGED,
    paper: Paper | None = None,
) -> QImage:
    """The page as pixels."""
    ensure_app()
    return _image(Page(figures, source, theme, paper, vector=False), enlarged)


def _image(page: Page, enlarged: float) -> QImage:
    size = QSize(round(page.width * enlarged), round(page.height * enlarged))
    image = QImage(size, QImage.Format.Format_ARGB32 if page.clear else QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    try:  # an image that goes while it is painted on ends the process
        painter.scale(enlarged, enlarged)
        page.paint(painter, enlarged)
    finally:
        painter.end()
    return image


def _png(page: Page, source: Source) -> bytes:
    paper = page.paper
    image = _image(page, ENLARGED if paper is None else dots(paper.width) / page.width)
    if paper is not None:
        a_metre = round(1000 * image.width() / paper.width)
        image.setDotsPerMeterX(a_metre)
        image.setDotsPerMeterY(a_metre)
    image.setText("Title", source.title)
    image.setText("Description", source.caption)
    return _written(lambda device: image.save(device, "PNG"))  # type: ignore[call-overload]


def _written(save: Callable[[QIODevice], bool]) -> bytes:
    """What is written into a device, in memory: Qt's writers report nothing when a disk is full."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not save(buffer):
        raise OSError("the figure cannot be encoded")
    return bytes(buffer.data().data())


def _svg(page: Page, source: Source) -> bytes:
    painter = SvgPainter(page.width, page.height)
    page.paint(painter)
    if page.paper is None:
        sides = number(page.width), number(page.height)
    else:
        sides = f"{page.paper.width:.6g}mm", f"{page.paper.width * page.height / page.width:.6g}mm"
    return painter.text(*sides, source.title, source.caption).encode()


def _pdf(page: Page, source: Source) -> bytes:
    # without a paper a pixel of the page is that of a screen, 96 an inch
    wide = page.width * MM_PER_INCH / 96 if page.paper is None else page.paper.width
    title = ". ".join(words for words in (source.title, source.caption) if words)
    return pdf.written(page.paint, (page.width, page.height), wide, title)


def preview(
    figures: Sequence[Figure], source: Source, theme: Theme, paper: Paper, room: QSize
) -> tuple[QImage, tuple[float, float]]:
    """The page as pixels that fit into `room`, and how wide and high it is on paper in mm."""
    page = Page(figures, source, theme, paper, vector=True)
    image = _image(page, min(room.width() / page.width, room.height() / page.height))
    return image, (paper.width, paper.width * page.height / page.width)
