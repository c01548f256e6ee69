"""Stills: the picture at the playhead."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from explorer.base.params import param
from explorer.export.base import Exporter, ExportError, Outline, Progress
from explorer.export.page import Page, Renderer, Trim
from explorer.export.replay import Replay
from explorer.figures.papers import LEAST_FONT, LEAST_WIDTH, MOST_FONT, MOST_WIDTH, USUAL_FONT, points

#: Of a page on paper: pixels a point, so that words can have any tenth of a point.
FINE = 10
#: The size of small words at scale 1, in pixels.
SMALL = 12.0


@dataclass(frozen=True)
class Still(Exporter):
    """One picture. Subclasses say how it becomes bytes."""

    kind: ClassVar[str] = "still"

    width: int = param(1920, "Width", unit="px", low=320, high=3840, minimum=16, maximum=7680)
    height: int = param(1080, "Height", unit="px", low=240, high=2160, minimum=16, maximum=4320)
    axes: bool = param(
        False, "Axes", help="Axes with ticks and numbers around each stage (not for pictures)."
    )
    bar: bool = param(
        False, "Scale bar", help="A bar that shows how long a unit of the data is (of data in the plane)."
    )
    clear: bool = param(False, "Transparent ground", help="Nothing behind the stages.")

    @abstractmethod
    def encoded(self, page: Page, renderer: Renderer) -> bytes:
        """The file."""

    @property
    def trim(self) -> Trim:
        """What it has besides the stages."""
        return Trim(self.axes, self.bar, self.clear)

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Width and height that it is drawn in."""
        return self.width, self.height

    @property
    def scale(self) -> float | None:
        """The size of its words at that size; None: by its pixels."""
        return None

    def page(self, replay: Replay, position: float, width: int, height: int, renderer: Renderer) -> Page:
        scale = self.scale
        if scale is not None:
            scale *= width / self.pixel_size[0]
        return replay.page(replay.indices(position), width, height, renderer, trim=self.trim, scale=scale)

    def outline(self, replay: Replay) -> Outline:
        return Outline(self.width, self.height, 1)

    def _bytes(self, replay: Replay, renderer: Renderer) -> bytes:
        self._refuse(replay)
        return self.encoded(self.page(replay, replay.position, *self.pixel_size, renderer), renderer)

    def _refuse(self, replay: Replay) -> None:
        """What is asked for and cannot be had is said, not left out."""
        for track in replay.tracks:
            data = track.experiment.data
            if track.experiment.pictures is not None and (self.axes or self.bar):
                raise ExportError("pictures have no axes and no scale bar")
            if data.dim == 1 and self.bar:
                raise ExportError(
                    "over time a scale bar would hold for one of the two axes only: choose axes"
                )

    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        raw = self._bytes(replay, renderer)
        yield Progress(0, 1)  # a chance to cancel
        path.write_bytes(raw)
        yield Progress(1, 1)

    def size(self, replay: Replay, renderer: Renderer) -> int:
        return len(self._bytes(replay, renderer))


@dataclass(frozen=True)
class Drawing(Still):
    """A still of lines and letters, which has a width on paper."""

    paper: bool = param(
        False, "For paper", help="As wide and with words as large as is said here; the pixels give its shape."
    )
    mm: float = param(
        84.0, "Width on paper", unit="mm", low=LEAST_WIDTH, high=400.0, maximum=MOST_WIDTH,
        visible=lambda s: s.paper, help="A column is about 84 mm wide, a page 175.",
    )  # fmt: skip
    font: float = param(
        USUAL_FONT, "Font size", unit="pt", low=5.0, high=28.0, minimum=LEAST_FONT, maximum=MOST_FONT,
        visible=lambda s: s.paper, help="Of all words but titles.",
    )  # fmt: skip

    @property
    def pixel_size(self) -> tuple[int, int]:
        if not self.paper:
            return self.width, self.height
        wide = round(points(self.mm) * FINE)
        return wide, max(round(wide * self.height / self.width), 1)

    @property
    def scale(self) -> float | None:
        return self.font * FINE / SMALL if self.paper else None
