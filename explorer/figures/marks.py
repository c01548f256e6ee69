"""Marks: the closed set of things a canvas can draw.

A view turns numbers into marks; a canvas (OpenGL, painter, file) turns marks into pixels. Coordinates are
those of the data; sizes and widths are in pixels of a 1x screen and scale with the resolution. Colours are
theme roles ("score", "noise", "accent", ...) or "#rrggbb"; `alpha` is an opacity in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
Bounds: TypeAlias = tuple[float, float, float, float]  # left, right, bottom, top


@dataclass(frozen=True, eq=False)
class Points:
    """Discs at xy (n, 2). `values` (n,) in [0, 1] take their colours from `colormap` where given. `ring`: whether a
    thin line in the colour of the stage tells those in a crowd apart; it hides what is below."""

    xy: Array
    color: str = "text"
    size: float = 4.0
    alpha: float = 1.0
    values: Array | None = None
    colormap: str = "batlow"
    ring: bool = True


@dataclass(frozen=True, eq=False)
class Segments:
    """Lines from starts (n, 2) to ends (n, 2). `fade` (n,) in [0, 1] multiplies the opacity of each."""

    starts: Array
    ends: Array
    color: str = "accent"
    width: float = 1.0
    alpha: float = 1.0
    fade: Array | None = None


@dataclass(frozen=True, eq=False)
class Arrows:
    """Arrows from xy (n, 2) along uv (n, 2), both in data units; `values` (n,) in [0, 1] colour them."""

    xy: Array
    uv: Array
    color: str = "score"
    width: float = 1.2
    alpha: float = 1.0
    values: Array | None = None
    colormap: str = "batlow"


@dataclass(frozen=True, eq=False)
class Curve:
    """A polyline through xy (n, 2); NaN rows lift the pen. `dash` draws it dashed."""

    xy: Array
    color: str = "muted"
    width: float = 1.0
    alpha: float = 1.0
    dash: bool = False


@dataclass(frozen=True, eq=False)
class Image:
    """values in [0, 1], row 0 at the bottom, stretched over `bounds`.

    (height, width): seen through a colour map. (height, width, 3): red, green and blue as they are, with nothing
    drawn where one of them is NaN. Without `smooth` every pixel is a plain rectangle.
    """

    values: Array
    bounds: Bounds
    colormap: str = "density"
    alpha: float = 1.0
    smooth: bool = True


@dataclass(frozen=True, eq=False)
class Text:
    """`text` at xy in data units; `anchor` is one of nw, n, ne, w, c, e, sw, s, se (which corner sits there)."""

    xy: tuple[float, float]
    text: str
    color: str = "text"
    size: float = 13.0
    anchor: str = "c"


@dataclass(frozen=True)
class Entry:
    """A line of a legend: words, after an arrow along `uv` (in data units, drawn to the scale of the stage), or
    after a short arrow of no length in particular where `arrow` is set, or after nothing."""

    text: str
    color: str = "text"
    uv: tuple[float, float] = (0.0, 0.0)
    arrow: bool = False
    width: float = 1.6


@dataclass(frozen=True)
class Legend:
    """What the stage shows, in words, in its upper left corner. Those of several layers stand one below the other."""

    entries: tuple[Entry, ...]


#: What is drawn as it is; a legend is laid out into these once it is known how large the canvas is.
Drawn: TypeAlias = Points | Segments | Arrows | Curve | Image | Text
Mark: TypeAlias = Drawn | Legend
