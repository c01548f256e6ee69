"""The particles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.experiment.view_settings import Look
from explorer.figures.marks import Curve, Mark, Points, Text
from explorer.figures.views.base import VIEWS, Scene, View

#: How much of their opacity particles keep beside trajectories.
DIMMED = 0.6


@VIEWS.register("cloud", title="Particles", order=60)
@dataclass(frozen=True)
class Cloud(View):
    """The points being moved; over time they stand on the line of the time shown."""

    in_space = True

    def visible(self, look: Look) -> bool:
        return look.particles

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        frame, look = scene.frame, scene.look
        # beside trajectories they are the ground: what is to be seen are the lines, and the density
        dim = DIMMED if look.trails else 1.0
        points = Points(
            scene.to_view(frame.x, frame.t), size=look.point_size, alpha=dim * look.point_opacity, ring=False
        )
        if not scene.flat:
            return (points,)
        line = np.array([[frame.t, scene.bounds[2]], [frame.t, scene.bounds[3]]], np.float32)
        foot = scene.bounds[2] + 0.03 * (scene.bounds[3] - scene.bounds[2])
        ends = (
            Text((0.0, foot), "t = 0, data", "muted", anchor="sw"),
            Text((1.0, foot), "t = 1, noise", "muted", anchor="se"),
        )
        return Curve(line, color="muted", dash=True), points, *ends
