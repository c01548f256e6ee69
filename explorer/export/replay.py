"""A replay: finished runs, and how they are to be seen. Every exporter starts from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from explorer.diffusion.frames import Frame, Recording
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.export.page import Page, Pane, Renderer, Trim, rgb
from explorer.figures.camera import Camera
from explorer.figures.marks import Bounds
from explorer.figures.theme import DARK, Theme
from explorer.figures.views import Scene, compose
from explorer.figures.views.base import density_of
from explorer.figures.views.image_parts import HOME, is_home
from explorer.figures.views.outside import outside_words
from explorer.session.playback import index_at, linked_index, same_clock

#: What is shown where nobody has chosen: unit data with room around it; over time, for one dimension.
PLANE: Bounds = (-3.2, 3.2, -3.2, 3.2)
OVER_TIME: Bounds = (-0.04, 1.04, -3.5, 3.5)
PLAIN = Trim()


@dataclass(frozen=True, eq=False)
class Track:
    """One run. `title` and `subtitle` stand above its stage."""

    experiment: Experiment
    resolved: Resolved
    recording: Recording
    title: str = ""
    subtitle: str = ""

    def frozen(self) -> Track:
        """The same over a copy of the list of frames, to which nobody appends meanwhile."""
        old = self.recording
        return replace(self, recording=Recording(old.budget, list(old.frames), old.stride, complete=True))


@dataclass(frozen=True, eq=False)
class Replay:
    """One run, or two side by side, the second linked to the first by t where both clocks run the same way.

    `position` is the playhead, 0 to 1: what pictures of one moment show. `bounds` are the part of the plane
    that must be seen (None: as the program first shows it); a page of another shape shows more, never less.
    """

    tracks: tuple[Track, ...]
    look: Look = field(default_factory=Look)
    theme: Theme = DARK
    caption: str = ""
    position: float = 1.0
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tracks", tuple(track.frozen() for track in self.tracks))

    def indices(self, position: float) -> tuple[int, ...]:
        """The frame of each track at a position of the playhead."""
        first, *others = self.tracks
        index = index_at(first.recording, 0, position)
        return (index, *(self._beside(first, index, track, position) for track in others))

    @staticmethod
    def _beside(first: Track, index: int, other: Track, position: float) -> int:
        if same_clock(first.experiment, other.experiment):
            return linked_index(other.recording, first.recording, index)
        return index_at(other.recording, 0, position)

    def page(
        self,
        indices: Sequence[int],
        width: int,
        height: int,
        renderer: Renderer,
        moving: bool = False,
        trim: Trim = PLAIN,
        scale: float | None = None,
    ) -> Page:
        """The picture of these frames, by itself or (moving) in a row of many; `scale` is the size of its words."""
        headed = tuple(self._headed(*pair, trim) for pair in self._shown(indices))
        empty = Page(headed, width, height, self.theme, self._said, moving, scale, trim.clear)
        sizes = renderer.stages(empty)
        panes = [self._filled(*item) for item in zip(headed, self.tracks, indices, sizes, strict=True)]
        return replace(empty, panes=tuple(panes))

    @property
    def _said(self) -> str:
        """The caption, where there is one, with what the density is of under a control."""
        look, experiments = (
            self.look,
            [track.experiment for track in self.tracks if not track.experiment.pictures],
        )
        seen = look.density or look.contours or look.space
        of = next(filter(None, (density_of(e, look) for e in experiments)), "") if seen else ""
        return f"{self.caption} · density {of}" if self.caption and of else self.caption

    def pixels(
        self, indices: Sequence[int], width: int, height: int, renderer: Renderer
    ) -> NDArray[np.uint8]:
        """The same drawn: red, green and blue, (height, width, 3)."""
        return rgb(renderer.pixels(self.page(indices, width, height, renderer)))

    def _shown(self, indices: Sequence[int]) -> list[tuple[Track, Frame]]:
        return [(track, track.recording[i]) for track, i in zip(self.tracks, indices, strict=True)]

    @staticmethod
    def _headed(track: Track, frame: Frame, trim: Trim) -> Pane:
        figures = f"t = {frame.t:.3f} · NFE {frame.nfe}"
        e = track.experiment
        names = None if e.pictures else ("t", "x") if e.data.dim == 1 else ("x₁", "x₂")
        bar = (
            trim.bar and e.pictures is None and e.data.dim > 1
        )  # over time the two axes have units of their own
        return Pane((), Camera(), track.title, track.subtitle, figures, names if trim.axes else None, bar)

    def _filled(self, pane: Pane, track: Track, index: int, size: tuple[int, int]) -> Pane:
        camera = self._camera(track.experiment, size)
        recording = track.recording
        run = recording.frames if track.experiment.pictures else ()
        scene = Scene(
            track.experiment, self.look, recording.frames[: index + 1], track.resolved.score, camera.bounds(*size), run,
            len(recording),
        )  # fmt: skip
        return replace(pane, marks=(*compose(scene), *outside_words(scene)), camera=camera)

    def _camera(self, e: Experiment, size: tuple[int, int]) -> Camera:
        if e.pictures is not None and (self.bounds is None or is_home(self.bounds)):
            return HOME  # pictures are laid out anew for a page of any shape
        flat = e.data.dim == 1
        bounds = self.bounds or (OVER_TIME if flat else PLANE)
        return Camera(stretch=flat).fitted(bounds, size, margin=0.0)
