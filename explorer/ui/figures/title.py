"""Titles of figures, and the lines below them."""

from __future__ import annotations

from explorer.figures.figure import Picture, Plot, Table
from explorer.ui.figures.ink import LINE, SMALL, TITLE, Ink, Sheet


def title_height(figure: Plot | Picture | Table, ink: Ink, room: float) -> float:
    """The height of the title and the lines below it, in a width of `room`."""
    if not figure.title:
        return 0.0
    titles = len(ink.lines(figure.title, room, TITLE, bold=True))
    about = len(ink.lines(figure.about, room, SMALL, most=2))
    return (TITLE * (1.3 * titles + 0.25) + LINE * about) * ink.scale


def paint_title(sheet: Sheet, title: str, about: str, most: int) -> None:
    """Draw the title, and below it what it is about in at most so many lines; both are cut off the sheet."""
    room, ink = sheet.rect.width(), sheet.ink
    for line in ink.lines(title, room, TITLE, bold=True):
        sheet.words(sheet.rect.left(), sheet.rect.top() + sheet.px(TITLE), line, TITLE, bold=True)
        sheet.cut(sheet.px(TITLE * 1.3))
    sheet.cut(sheet.px(TITLE * 0.25))
    for line in ink.lines(about, room, SMALL, most=most):
        sheet.words(sheet.rect.left(), sheet.rect.top() + sheet.px(SMALL), line, SMALL, "muted")
        sheet.cut(sheet.px(LINE))
