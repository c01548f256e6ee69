"""Where the last steps took some of the particles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.look import Look
from explorer.marks import Mark, Segments
from explorer.views.base import VIEWS, Scene, View

#: Whole paths over time cover each other soon: at most this many are drawn (flat, and in space).
FLAT_COUNT, SPACE_COUNT = 24, 60


@VIEWS.register("trails", title="Trails", order=50)
@dataclass(frozen=True)
class Trails(View):
    """Lines through the last positions of the first particles, fading with age. Over time: the whole path."""

    in_space = True

    def visible(self, look: Look) -> bool:
        return look.trails

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        whole = scene.flat or scene.spatial
        length = len(scene.frames) if whole else scene.look.trail_length + 1
        most = FLAT_COUNT if scene.flat else SPACE_COUNT if scene.spatial else scene.look.trail_count
        count = min(scene.look.trail_count, most)
        recent = scene.frames[-length:]
        if len(recent) < 2:
            return ()
        paths = np.stack([scene.to_view(f.x[:count], f.t) for f in recent])  # (m, n, 2)
        starts, ends = paths[:-1].reshape(-1, 2), paths[1:].reshape(-1, 2)
        age = np.ones(len(recent) - 1) if whole else np.arange(1, len(recent)) / (len(recent) - 1)
        fade = np.repeat(age.astype(np.float32), paths.shape[1])
        return (Segments(starts, ends, color="accent", alpha=0.55, fade=fade),)
