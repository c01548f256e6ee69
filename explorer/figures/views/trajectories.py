"""The trajectories of some of the particles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.diffusion.frames import Array
from explorer.experiment.view_settings import WHOLE, Look
from explorer.figures.marks import Mark, Points, Segments
from explorer.figures.views.base import VIEWS, Scene, View

#: Over time, and in space, whole paths cover each other soon: at most this many are drawn there.
FLAT_COUNT, SPACE_COUNT = 24, 60
#: About so many lines are drawn at most, so that a stage stays fluent; but a path has at least so many of them.
MOST, FEWEST = 20_000, 64
#: Opacity of lines with room between them, and of it that of the oldest end.
ALPHA, OLDEST = 0.85, 0.25
#: The first so many paths are as strong as if they were alone: in a tangle only single ones show how they go.
LEADERS = 4
#: Pixels along a side of a stage, about: a line is one of them wide.
SIDE = 700


@VIEWS.register("trails", title="Trajectories", order=50)
@dataclass(frozen=True)
class Trails(View):
    """Lines through the positions of the first particles, over a fraction of the run's time, fading with age; and
    their heads. They are the first particles in every run, so two stages show the same ones."""

    in_space = True

    def visible(self, look: Look) -> bool:
        return look.trails

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        upright = scene.flat or scene.spatial  # time is an axis: there the whole path is
        which = shown_frames(scene, WHOLE if upright else scene.look.trajectory_length)
        if len(which) < 2:
            return ()
        n = traced(scene)
        paths = np.stack(
            [scene.to_view(scene.frames[i].x[:n], scene.frames[i].t) for i in which]
        )  # (m, n, 2)
        starts, ends = paths[:-1].reshape(-1, 2), paths[1:].reshape(-1, 2)
        age = np.linspace(1.0, 1.0 if upright else OLDEST, len(which) - 1, dtype=np.float32)[::-1]
        faint = np.full(n, _share(scene, paths), np.float32)
        faint[:LEADERS] = _share(scene, paths[:, :LEADERS])
        lines = Segments(starts, ends, color="accent", alpha=ALPHA, fade=np.outer(age, faint).ravel())
        return lines, Points(paths[-1], color="accent", size=scene.look.point_size + 1.0)


def _share(scene: Scene, paths: Array) -> float:
    """How much of their opacity paths keep."""
    return 1 / (1 + 2 * crowding(scene, paths))


def crowding(scene: Scene, paths: Array) -> float:
    """How many lines of a pixel's width lie above each other where paths (m, n, 2) are, on an average.

    With an opacity of a over 1 + 2 c, at c of them, they hide less than a half of what is below, however many.
    """
    left, right, bottom, top = scene.bounds
    across = (np.nan_to_num(paths) - np.array([left, bottom], np.float32)) / np.array(
        [right - left, top - bottom], np.float32
    )
    pixels = SIDE * np.clip(across, 0.0, 1.0)  # what goes beyond the edges covers nothing
    length = float(np.linalg.norm(np.diff(pixels, axis=0), axis=2).sum())
    # the area of a normal cloud of this spread: 1 / ∫p²
    area = 4 * np.pi * float(pixels[..., 0].std() * pixels[..., 1].std())
    return length / min(max(area, 1.0), SIDE**2)


def traced(scene: Scene) -> int:
    """How many particles, the first ones, draw a trajectory."""
    most = FLAT_COUNT if scene.flat else SPACE_COUNT if scene.spatial else len(scene.frame.x)
    return min(scene.look.trail_count, most, len(scene.frame.x))


def shown_frames(scene: Scene, length: float) -> list[int]:
    """The frames that the lines go through: those of the last `length` of the run, as many as can be told apart.

    They are every k-th of the run and the one shown, so that lines only grow while time goes on.
    """
    last = len(scene.frames) - 1
    first = 0 if length >= WHOLE else max(min(_since(scene, length), last - 1), 0)
    each = max(MOST // traced(scene), FEWEST)
    k = -(-max(scene.length - 1, last) // each) or 1
    kept = range(-(-first // k) * k, last, k)
    # a whole path begins where the run did; a shorter one at the first frame in it, if none is kept there
    return [*(kept or range(first, last)[:1]), last]


def _since(scene: Scene, length: float) -> int:
    """The first frame within this fraction of the run before the one shown."""
    last = len(scene.frames) - 1
    if scene.experiment.sampler.mode == "langevin":  # at one noise level: no time passes, steps do
        return max(0, last - round(length * max(scene.length - 1, last)))
    times: Array = np.array([f.t for f in scene.frames], np.float32)
    return int(np.argmax(np.abs(times - times[-1]) <= np.float32(length)))
