"""The score as arrows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.frames import Array
from explorer.look import Look
from explorer.marks import Arrows, Mark
from explorer.scores.base import DifferenceScore, Score
from explorer.views.base import VIEWS, Scene, View, centres, lattice

#: Columns of arrows over time.
COLUMNS = 25
COLORS = {"learned": "score", "exact": "drift", "difference": "error"}


@VIEWS.register("vector_field", title="Vector field", order=40)
@dataclass(frozen=True)
class VectorField(View):
    """The learned score, the exact one, or their difference, on a lattice that stays put while one pans.

    Length goes with log(1 + |s|): the score spans orders of magnitude, and near the data it would bury all else.
    """

    def visible(self, look: Look) -> bool:
        return look.field != "none"

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        field = _field(scene)
        xy, uv, spacing = _over_time(scene, field) if scene.flat else _now(scene, field)
        size = np.linalg.norm(uv, axis=1)
        length = np.log1p(size) / np.log1p(np.float32(_reference(scene, size)))
        length = np.clip(length, 0.0, 1.0).astype(np.float32)
        direction = uv / np.maximum(size, 1e-12)[:, None]
        arrows = direction * (length * 0.75 * spacing)[:, None]
        values = length if scene.look.arrow_color else None
        color = COLORS[scene.look.field]
        return (Arrows(xy, arrows.astype(np.float32), color=color, width=1.1, alpha=0.85, values=values),)


def _field(scene: Scene) -> Score:
    choices: dict[str, Score] = {"learned": scene.score, "exact": scene.exact}
    return choices.get(scene.look.field) or DifferenceScore(scene.score, scene.exact)


def _reference(scene: Scene, size: Array) -> float:
    """The size that is drawn as a full arrow: the field's largest, but for a difference the exact score's scale,
    so that a good network's error looks small."""
    largest = float(np.quantile(size, 0.98)) if len(size) else 1.0
    return max(largest, 20.0 if scene.look.field == "difference" else 1.0)


def _now(scene: Scene, field: Score) -> tuple[Array, Array, float]:
    xy, spacing = lattice(scene.bounds, scene.look.arrows)
    return xy, scene.evaluate(field, xy, scene.frame.t), spacing


def _over_time(scene: Scene, field: Score) -> tuple[Array, Array, float]:
    """Vertical arrows over (t, x): each column of the picture is the field of its own time."""
    bottom, top = scene.bounds[2:]
    spacing = (top - bottom) / max(2, scene.look.arrows // 2)
    ys = centres(bottom, top, spacing)
    times = [float(t) for t in np.linspace(0.02, 0.98, COLUMNS)]
    columns = [(np.column_stack([np.full_like(ys, t), ys]), t) for t in times]
    up = np.concatenate([scene.evaluate(field, xy, t) for xy, t in columns])
    return np.concatenate([xy for xy, _ in columns]), np.column_stack([np.zeros_like(up), up]), spacing
