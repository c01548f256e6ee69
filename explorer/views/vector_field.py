"""The score as arrows, or the same field in another parameterisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from explorer.frames import Array
from explorer.guidance import Guided
from explorer.lazy import torch
from explorer.look import Look
from explorer.marks import Arrows, Mark
from explorer.scores.base import Score
from explorer.scores.parameterisation import from_score
from explorer.views.base import VIEWS, Scene, View, centres, lattice

#: Columns of arrows over time.
COLUMNS = 25
COLORS = {"learned": "score", "exact": "drift", "difference": "error"}
#: The kinds that are places: their arrows lead from x to there, in their true length.
PLACES = ("x0", "denoiser")
#: Arrows of places end within this, in view units, where x says nothing of x_0 any more.
FARTHEST = 1e3

#: Arrows (n, d) at view points, and the sizes (n,) that they are held against.
Field: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True)
class _Drawn:
    """Arrows at xy (n, 2) in view units, on a lattice of this spacing."""

    xy: Array
    uv: Array
    sizes: Array
    spacing: float


@VIEWS.register("vector_field", title="Vector field", order=40)
@dataclass(frozen=True)
class VectorField(View):
    """The learned field, the exact one, or their difference, on a lattice that stays put while one pans.

    Length goes with log(1 + |s|): the score spans orders of magnitude, and near the data it would bury all else.
    Arrows to x0 and to EDM's denoiser are as long as the way there.
    """

    def visible(self, look: Look) -> bool:
        return look.field != "none"

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        drawn = _over_time(scene) if scene.flat else _now(scene)
        arrows, length = _true(drawn) if scene.look.field_kind in PLACES else _compressed(scene, drawn)
        values = length if scene.look.arrow_color else None
        color = COLORS[scene.look.field]
        alpha = 0.3 if scene.look.guidance and isinstance(scene.score, Guided) else 0.85  # behind its parts
        return (
            Arrows(drawn.xy, arrows.astype(np.float32), color=color, width=1.1, alpha=alpha, values=values),
        )


def _compressed(scene: Scene, drawn: _Drawn) -> tuple[Array, Array]:
    """Arrows of at most three quarters of the spacing, and their lengths as shares of that."""
    size = np.linalg.norm(drawn.uv, axis=1)
    length = np.log1p(size) / np.log1p(np.float32(_reference(scene, drawn.sizes)))
    length = np.clip(length, 0.0, 1.0).astype(np.float32)
    direction = drawn.uv / np.maximum(size, 1e-12)[:, None]
    return direction * (length * 0.75 * drawn.spacing)[:, None], length


def _true(drawn: _Drawn) -> tuple[Array, Array]:
    """The arrows as they are, and their lengths as shares of the longest (but for a few)."""
    size = np.linalg.norm(drawn.uv, axis=1)
    largest = float(np.quantile(drawn.sizes, 0.98)) if len(drawn.sizes) else 1.0
    return drawn.uv, np.clip(size / max(largest, 1e-12), 0.0, 1.0).astype(np.float32)


def _reference(scene: Scene, size: Array) -> float:
    """The size that is drawn as a full arrow: the field's largest, but for a difference the exact score's scale,
    so that a good network's error looks small."""
    largest = float(np.quantile(size, 0.98)) if len(size) else 1.0
    plain = scene.look.field == "difference" and scene.look.field_kind == "score"
    return max(largest, 20.0 if plain else 1.0)


def _field(scene: Scene, xy: Array, t: float) -> Field:
    """The arrows at view points of time t; those of a difference are held against the exact field."""
    kind = scene.look.field_kind
    if scene.look.field != "difference":
        arrows = _arrows(scene, scene.exact if scene.look.field == "exact" else scene.score, xy, t)
        return arrows, np.linalg.norm(arrows, axis=1)
    learned, exact = (_arrows(scene, score, xy, t) for score in (scene.score, scene.exact))
    error = learned - exact
    return error, np.linalg.norm(error if kind == "score" else exact, axis=1)


def _arrows(scene: Scene, score: Score, xy: Array, t: float) -> Array:
    """The field of the look's kind at view points (n, 2) of time t -> (n, d) in view units."""
    kind = scene.look.field_kind
    value = scene.evaluate(score, xy, t)
    if kind == "score":
        return value
    scale, sde = scene.scale(t), scene.experiment.sde
    x = torch.from_numpy(
        np.ascontiguousarray(xy[:, 1:] if scene.flat else xy, np.float32) * np.float32(scale)
    )
    t = max(t, 1e-5)
    out = from_score(kind, torch.from_numpy(value) / scale, x, sde, t)
    if kind == "denoiser":
        out = out * sde.marginal(t)[0]
    out = (out - x) / scale if kind in PLACES else out / scale if kind == "flow" else out
    return np.asarray(torch.nan_to_num(out, nan=0.0).clamp(-FARTHEST, FARTHEST).numpy())


def _now(scene: Scene) -> _Drawn:
    xy, spacing = lattice(scene.bounds, scene.look.arrows)
    return _Drawn(xy, *_field(scene, xy, scene.frame.t), spacing)


def _over_time(scene: Scene) -> _Drawn:
    """Vertical arrows over (t, x): each column of the picture is the field of its own time."""
    bottom, top = scene.bounds[2:]
    spacing = (top - bottom) / max(2, scene.look.arrows // 2)
    ys = centres(bottom, top, spacing)
    times = [float(t) for t in np.linspace(0.02, 0.98, COLUMNS)]
    columns = [(np.column_stack([np.full_like(ys, t), ys]), t) for t in times]
    fields = [_field(scene, xy, t) for xy, t in columns]
    up = np.concatenate([arrows for arrows, _ in fields])
    sizes = np.concatenate([size for _, size in fields])
    xy = np.concatenate([xy for xy, _ in columns])
    return _Drawn(xy, np.column_stack([np.zeros_like(up), up]), sizes, spacing)
