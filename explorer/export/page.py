"""A page: what is drawn, and the renderer that draws it. Exporters know no more of drawing than this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.figures.camera import Camera
from explorer.figures.marks import Mark
from explorer.figures.theme import Theme

#: Blue, green, red and a byte of no meaning, (height, width, 4): as painters make them, so nothing is converted
#: that need not be.
Pixels: TypeAlias = NDArray[np.uint8]


def rgb(pixels: Pixels) -> NDArray[np.uint8]:
    """Red, green and blue, (height, width, 3); a view."""
    return pixels[..., 2::-1]


@dataclass(frozen=True, eq=False)
class Pane:
    """One stage of a page, with the words above it."""

    marks: Sequence[Mark]
    camera: Camera
    title: str = ""
    subtitle: str = ""
    figures: str = ""
    #: What the axes are called where there are any, and whether a bar shows how long a unit is.
    axes: tuple[str, str] | None = None
    bar: bool = False


@dataclass(frozen=True, eq=False)
class Page:
    """Stages side by side over a caption, to be drawn in `width` by `height` pixels.

    `moving` says that it is one of many: what nobody sees in a movie may be left out for speed, and words that are
    too long are shortened, so that nothing jumps. `scale` is how large words and lines are (None: by its pixels),
    `clear` that there is nothing behind the stages.
    """

    panes: tuple[Pane, ...]
    width: int
    height: int
    theme: Theme
    caption: str = ""
    moving: bool = False
    scale: float | None = None
    clear: bool = False


@dataclass(frozen=True)
class Trim:
    """What a still may have besides: axes with ticks, a scale bar, and no ground."""

    axes: bool = False
    bar: bool = False
    clear: bool = False


class Renderer(Protocol):
    """Draws pages; safe to call from any one thread at a time. `explorer.ui.dialogs.exporting.QtRenderer` is one."""

    def stages(self, page: Page) -> tuple[tuple[int, int], ...]:
        """Width and height in pixels that each pane's stage will have."""

    def pixels(self, page: Page) -> Pixels:
        """The page as an image."""

    def svg(self, page: Page, width: float | None = None) -> bytes:
        """The page as an SVG file, `width` mm wide on paper."""

    def pdf(self, page: Page, width: float | None = None) -> bytes:
        """The page as a PDF file, `width` mm wide (None: 96 pixels an inch)."""
