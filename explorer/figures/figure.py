"""Figures: the closed set of things a laboratory can show. Numbers and words, no pixels, no Qt.

A figure is drawn by the window and by the file writers alike. Colours are theme roles, as in marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.figures.marks import Bounds, Mark

Numbers: TypeAlias = NDArray[np.floating]
#: How a series is joined.
LINES = ("solid", "dash", "dot", "dashdot", "none")


@dataclass(frozen=True, eq=False)
class Series:
    """y (n,) against x (n,). `error` (n,) is drawn as bars of ±error. Rows that are not finite are gaps.

    `line` is one of LINES; with `points` each value has a dot. `steps` draws a histogram's outline: x then
    holds the n + 1 edges.
    """

    name: str
    x: Numbers
    y: Numbers
    role: str = "accent"
    line: str = "solid"
    points: bool = False
    error: Numbers | None = None
    steps: bool = False


@dataclass(frozen=True, eq=False)
class Guide:
    """A dashed line from (x[0], y[0]) to (x[1], y[1]) to compare curves with; its word is at its end."""

    word: str
    x: Numbers
    y: Numbers


@dataclass(frozen=True, eq=False)
class Plot:
    """Series over two axes. `marks` are vertical lines: a place on the x axis and its word.

    `rows` are the names of the places x = 1, 2, …: the plot is then drawn with a row for each, the names at the left
    and y along the foot; a mark at x is a line between rows, with its word as a heading. Guides do not widen the axes.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    marks: tuple[tuple[float, str], ...] = ()
    about: str = ""
    guides: tuple[Guide, ...] = ()
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Handle:
    """A disc on a picture that a person drags. Its place is written into two fields of the laboratory.

    A field of "" does not move: a handle that slides along one axis alone.
    """

    fields: tuple[str, str]
    xy: tuple[float, float]
    word: str = ""


@dataclass(frozen=True)
class Canvas:
    """A picture that is drawn on with the mouse: columns x rows grey levels, kept in a field of the laboratory.

    The field holds them row by row from the top, or anything else where nothing is drawn yet: then what the picture
    shows is drawn on. The line is 2 `radius` of its pixels thick, white on black, or black where the paper is `light`.
    """

    field: str
    columns: int
    rows: int
    radius: float = 1.1
    light: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """Marks inside bounds (left, right, bottom, top), with axes where they have labels.

    `square` keeps data units equally long on both axes. `scale` is (lowest, highest, word) of the colour
    map `colormap`, drawn as a bar beside the picture where given. `width` is the least one, in pixels at 1x, that
    leaves its words room.
    """

    title: str
    marks: tuple[Mark, ...]
    bounds: Bounds
    x_label: str = ""
    y_label: str = ""
    square: bool = True
    scale: tuple[float, float, str] | None = None
    colormap: str = "batlow"
    handles: tuple[Handle, ...] = ()
    about: str = ""
    canvas: Canvas | None = None
    width: int = 0


@dataclass(frozen=True, eq=False)
class Table:
    """Rows under columns; numbers stay numbers, so that files carry all their digits."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]
    about: str = ""


@dataclass(frozen=True)
class Equation:
    """A typeset equation (LaTeX, terms wrapped as \\drift{}, \\score{}, \\noise{}) and words below it."""

    title: str
    latex: str
    words: str = ""


Figure: TypeAlias = Plot | Picture | Table | Equation
