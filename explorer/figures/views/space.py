"""The frame around paths in space: the box of (x, y, t), and the density on three of its planes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from explorer.experiment.view_settings import Look
from explorer.figures.marks import Bounds, Curve, Mark, Segments, Text
from explorer.figures.views.base import VIEWS, Scene, View
from explorer.figures.views.contours import level_lines

#: Half the width of the box, in units of the plane, and cells of the density on a plane.
HALF, CELLS = 3.0, 64
PLANE: Bounds = (-HALF, HALF, -HALF, HALF)


@VIEWS.register("space", title="Space-time (3D)", order=5)
@dataclass(frozen=True)
class Space(View):
    """Edges of the box, and lines of equal density at t = 0, at the time shown, and at t = 1."""

    in_space = True

    def visible(self, look: Look) -> bool:
        return look.space

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        if not scene.spatial:
            return ()
        now = scene.frame.t
        planes = [(0.0, "data"), (1.0, "noise"), (now, "text")]
        lines = [c for t, color in planes for c in _plane(scene, t, color)]
        foot = np.array([[0.0, -HALF], [0.0, -HALF]], np.float32)
        at = scene.lift(foot, np.array([0.0, 1.0], np.float32))
        words = [
            Text((float(x), float(y)), word, "muted", anchor="n")
            for (x, y), word in zip(at, ("t = 0, data", "t = 1, noise"), strict=True)
        ]
        return (_box(scene), *lines, *words)


def _box(scene: Scene) -> Segments:
    corners = np.array(list(product((0.0, 1.0), (-HALF, HALF), (-HALF, HALF))), np.float32)
    seen = scene.lift(corners[:, 1:], corners[:, 0])
    edges = [(i, j) for i in range(8) for j in range(i) if (corners[i] != corners[j]).sum() == 1]
    first, second = (list(ends) for ends in zip(*edges, strict=True))
    return Segments(seen[first], seen[second], color="line", width=1.2)


def _plane(scene: Scene, t: float, color: str) -> list[Curve]:
    """The lines of equal density of p_t on its plane."""
    flat = replace(
        scene,
        look=replace(scene.look, space=False),
        frames=[replace(scene.frame, t=t)],
        bounds=PLANE,
    )
    return [
        replace(c, xy=scene.lift(c.xy, t), color=color, alpha=0.9 * c.alpha) for c in level_lines(flat, CELLS)
    ]
