"""The paper that a figure is made for: how wide it is, how large its words are, and what stands on it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from explorer.base.errors import Refused
from explorer.base.params import Validated, param

MM_PER_INCH, POINTS_PER_INCH = 25.4, 72.0
#: Millimetres of the units in which a width may be given.
UNITS = {"mm": 1.0, "cm": 10.0, "in": MM_PER_INCH, "pt": MM_PER_INCH / POINTS_PER_INCH}
#: Widths that have a name: a column and a page of a journal (3.3 and 6.9 inches), a slide.
WIDTHS = {"column": 3.3 * MM_PER_INCH, "page": 6.9 * MM_PER_INCH, "slide": 13 * MM_PER_INCH + MM_PER_INCH / 3}
#: A slide is so high, 16:9; any other paper is as high as its figures.
SLIDE_HEIGHT = 7.5 * MM_PER_INCH
#: The size of words where none is asked for, in points.
USUAL_FONT, SLIDE_FONT = 8.0, 18.0
LEAST_WIDTH, MOST_WIDTH = 40.0, 1000.0
LEAST_FONT, MOST_FONT = 4.0, 72.0
#: The thinnest line that is printed well, in points.
LEAST_LINE = 0.5
#: Dots an inch of a picture of pixels.
DOTS = 300
#: The name of the dialog for papers and slides among what menus offer.
PAPER = "paper"


@dataclass(frozen=True)
class Paper:
    """`width` and `height` in mm (height None: as the figures need it), `font` the size of words in points: of axes,
    keys, tables and captions; titles are a fifth larger. `plot_only` leaves out titles and all sentences, `clear`
    the ground. Refused where something is out of its range."""

    width: float = WIDTHS["page"]
    font: float = USUAL_FONT
    height: float | None = None
    plot_only: bool = False
    clear: bool = False

    def __post_init__(self) -> None:
        if not LEAST_WIDTH <= self.width <= MOST_WIDTH:
            raise Refused(f"A figure is {LEAST_WIDTH:g} to {MOST_WIDTH:g} mm wide, not {self.width:.4g}.")
        if not LEAST_FONT <= self.font <= MOST_FONT:
            raise Refused(f"Words are {LEAST_FONT:g} to {MOST_FONT:g} points large, not {self.font:.4g}.")


def paper(width: str, font: float | None = None, *, plot_only: bool = False, clear: bool = False) -> Paper:
    """A paper by the name or the measure of its width: "column", "page", "slide", "84mm", "3.3in".

    Refused where it is none of these or out of range.
    """
    name = width.strip().lower()
    slide = name == "slide"
    usual = SLIDE_FONT if slide else USUAL_FONT
    size = usual if font is None else font
    return Paper(millimetres(name), size, SLIDE_HEIGHT if slide else None, plot_only, clear)


def millimetres(width: str) -> float:
    """A width in words as mm. Refused where it is none."""
    name = width.strip().lower()
    if name in WIDTHS:
        return WIDTHS[name]
    found = re.fullmatch(rf"(\d+(?:\.\d*)?|\.\d+)\s*({'|'.join(UNITS)})", name)
    if found is None:
        raise Refused(
            f"“{width}” is no width: name {', '.join(WIDTHS)}, or a number with {', '.join(UNITS)}, such as 84mm."
        )
    return float(found[1]) * UNITS[found[2]]


def points(mm: float) -> float:
    """Millimetres as points."""
    return mm * POINTS_PER_INCH / MM_PER_INCH


def dots(mm: float) -> int:
    """Millimetres as pixels of a picture."""
    return math.ceil(mm * DOTS / MM_PER_INCH)


@dataclass(frozen=True)
class Choice(Validated):
    """What a person chooses of a paper."""

    name = "paper"

    width: str = param(
        "column", "Width",
        choices={"column": "Column", "page": "Page", "slide": "Slide", "own": "Own"},
        help="A column (3.3 in) or a page (6.9 in) of a journal, a slide (16:9), or a width of your own.",
    )  # fmt: skip
    own: float = param(
        WIDTHS["column"], "Own width", unit="mm", low=LEAST_WIDTH, high=300.0, maximum=MOST_WIDTH,
        visible=lambda o: o.width == "own", help="Of the file on paper; the height follows.",
    )  # fmt: skip
    font: float = param(
        USUAL_FONT, "Font size", unit="pt", low=5.0, high=28.0, minimum=LEAST_FONT, maximum=MOST_FONT,
        help="Of the words at the axes, in the key, tables and captions. Titles are a fifth larger.",
    )  # fmt: skip
    plot_only: bool = param(
        False,
        "Plot only",
        help="Without titles, sentences and settings: those stand in the paper's own caption.",
    )
    clear: bool = param(False, "Transparent ground", help="Nothing behind the figure.")

    @property
    def paper(self) -> Paper:
        """The paper that is meant. Refused where it is out of range."""
        width = f"{self.own!r}mm" if self.width == "own" else self.width
        return paper(width, self.font, plot_only=self.plot_only, clear=self.clear)

    def after(self, before: Choice) -> Choice:
        """With the usual words of a slide, or of a page again, where the kind of paper has changed."""
        if (
            self.width == before.width
            or self.font != before.font
            or before.font not in (USUAL_FONT, SLIDE_FONT)
        ):
            return self
        return replace(self, font=SLIDE_FONT if self.width == "slide" else USUAL_FONT)
