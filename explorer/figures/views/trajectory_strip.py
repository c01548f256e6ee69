"""One picture large, and its whole way from noise as a film strip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.diffusion.frames import Array, Frame
from explorer.experiment.resolution import searched
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Bounds, Curve, Mark, Text
from explorer.figures.views import image_parts as parts
from explorer.figures.views.base import VIEWS, Scene, View

#: Frames of the strip for a stage as wide as it is high, and at least and at most.
FRAMES, FEWEST, MOST = 7, 4, 16
#: Room at the left of the strip for the names of its rows, and the largest side of a frame.
GUTTER, LARGEST = 0.16, 0.3
ROWS = {"now": "x", "estimate": "x̂₀", "score": "σ s"}


@VIEWS.register("film_strip", title="One image", order=230)
@dataclass(frozen=True)
class FilmStrip(View):
    """x(t), its denoised estimate and its score, large at the playhead and small along the whole run."""

    of_pictures = True

    def visible(self, look: Look) -> bool:
        return look.picture > 0

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        which = parts.chosen(scene)
        assert which is not None
        width, height = parts.extent(scene)
        strip = _Strip.within(width)
        below = -height / 2 + parts.LINE
        top = below + strip.height + parts.GAP
        large = _large(scene, which, (-width / 2, width / 2, top, height / 2))
        return *large, *strip.marks(scene, which, -width / 2, below), parts.noise_words(scene)


# --- large -----------------------------------------------------------------------------------------------------


def _large(scene: Scene, which: int, room: Bounds) -> Iterator[Mark]:
    """The picture at the playhead, its estimate, its score, and the training picture nearest to it."""
    now, *rest = parts.TITLES.values()
    titles = (f"image {which + 1}: {now}", *rest)
    shown = list(zip(titles, _rows(scene, scene.frame, which), strict=True))
    if scene.look.nearest:
        shown.append(_nearest(scene, which))
    left, right, bottom, top = room
    under = searched(scene.experiment) if scene.look.nearest else ""
    bottom += parts.LINE if under else 0.0
    n = len(shown)
    side = min(top - bottom - parts.LINE, (right - left - (n + 1) * parts.GAP) / n)
    start = (left + right - n * side - (n - 1) * parts.GAP) / 2
    for i, (title, pixels) in enumerate(shown):
        x, y = start + i * (side + parts.GAP), (bottom + top - parts.LINE - side) / 2
        yield parts.image(pixels, (x, x + side, y, y + side))
        yield Text((x, y + side + 0.02), title, "muted", 13.0, "sw")
    if under:
        yield Text((x + side, y - 0.02), under, "muted", 13.0, "ne")


def _rows(scene: Scene, frame: Frame, which: int) -> tuple[Array, Array, Array]:
    """x, estimate and score of one picture as pixels, (1, h, w, ...) each."""
    assert scene.pictures is not None
    one = slice(which, which + 1)
    return (
        parts.now(scene, frame, one),
        parts.rgb(parts.estimate_of(scene, frame, which), scene.pictures),
        parts.noise_like(parts.scaled_score(scene, frame, which), scene.pictures),
    )


def _nearest(scene: Scene, which: int) -> tuple[str, Array]:
    """The training picture nearest to the estimate, and how far it is."""
    data = scene.pictures
    assert data is not None
    rows, away = data.neighbours(parts.estimate_of(scene, scene.frame, which))
    title = f"nearest: {away[0]:.2f} away"
    levels = data.train.images[rows].astype(np.float32) / 255
    pixels = np.moveaxis(levels, 1, -1)
    return title, np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


# --- the strip ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Strip:
    """`count` frames of side `side`, `gap` apart."""

    count: int
    side: float
    gap: float = 0.02

    @staticmethod
    def within(width: float) -> _Strip:
        count = int(np.clip(round(FRAMES * width / 2), FEWEST, MOST))
        room = width - GUTTER - parts.GAP
        return _Strip(count, min((room - (count - 1) * 0.02) / count, LARGEST))

    @property
    def height(self) -> float:
        """Three rows, and the times below them."""
        return 3 * self.side + 2 * self.gap + parts.LINE

    def marks(self, scene: Scene, which: int, left: float, bottom: float) -> Iterator[Mark]:
        """The strip with its lower left corner there."""
        run: Sequence[Frame] = scene.run or [scene.frame]
        places = frames_of_strip(len(run), scene.length, self.count)
        here = next((i for i, f in enumerate(run) if f is scene.frame), None)
        column = None if here is None else int(np.abs(np.array(places) - here).argmin())
        if here is not None and column is not None:
            places[column] = here  # the one shown large stands in the strip too
        top = bottom + self.height - self.side
        for row, word in enumerate(ROWS.values()):
            y = top - row * (self.side + self.gap) + self.side / 2
            yield Text((left + GUTTER - 0.03, y), word, "muted", 12.0, "e")
        yield Text((left + GUTTER - 0.03, self._foot(top)), "t", "muted", 11.0, "ne")
        for i, place in enumerate(places):
            x = left + GUTTER + i * (self.side + self.gap)
            yield from self._column(scene, run[place], which, x, top)
        if column is not None:
            yield self._frame(left + GUTTER + column * (self.side + self.gap), top)

    def _column(self, scene: Scene, frame: Frame, which: int, x: float, top: float) -> Iterator[Mark]:
        for row, pixels in enumerate(_rows(scene, frame, which)):
            y = top - row * (self.side + self.gap)
            yield parts.image(pixels, (x, x + self.side, y, y + self.side))
        yield Text((x + self.side / 2, self._foot(top)), f"{frame.t:.2g}", "muted", 11.0, "n")

    def _foot(self, top: float) -> float:
        """Where the times stand, under the lowest row."""
        return top - 2 * (self.side + self.gap) - 0.015

    def _frame(self, left: float, top: float) -> Curve:
        """A line around the column of what is shown large."""
        edge = self.gap / 2
        low, high = top - 2 * (self.side + self.gap) - edge, top + self.side + edge
        low_left, low_right = (left - edge, low), (left + self.side + edge, low)
        corners = [low_left, low_right, (low_right[0], high), (low_left[0], high), low_left]
        return Curve(np.array(corners, np.float32), "accent", 2.0)


def frames_of_strip(there: int, due: int, count: int) -> list[int]:
    """Which of the `there` frames stand in a strip of at most `count`, evenly spaced over the `due` that there will
    be: while a run goes on, frames are added, and none is replaced."""
    spaced = np.unique(np.linspace(0, max(there, due) - 1, count).round().astype(int))
    return [int(i) for i in spaced if i < there]
