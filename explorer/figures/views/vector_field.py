"""The score as arrows, or the same field in another parameterisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion.frames import Array
from explorer.diffusion.parameterization import from_score
from explorer.diffusion.scores import Score
from explorer.experiment.resolution import is_exact
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Arrows, Entry, Legend, Mark
from explorer.figures.theme import DARK, LEVELS, lut
from explorer.figures.views.base import VIEWS, Scene, View, centres, lattice, number, rounded
from explorer.guidance import Guided

#: Columns of arrows over time.
COLUMNS = 25
#: The longest arrow, in spacings of the lattice.
LONGEST = 0.75
#: What a field is called beside its arrows.
NAMES = {
    "score": "score", "noise": "noise ε", "x0": "to the clean point x₀", "v": "velocity v",
    "flow": "flow velocity u", "denoiser": "to the denoiser αD",
}  # fmt: skip
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
        true = scene.look.field_kind in PLACES
        arrows, length = _true(drawn) if true else _compressed(scene, drawn)
        values = length if scene.look.arrow_color else None
        color = COLORS[scene.look.field]
        alpha = 0.3 if scene.look.guidance and isinstance(scene.score, Guided) else 0.85  # behind its parts
        keys = _keys(scene, drawn, color) if drawn.uv.any() and not true else ()
        return (
            Arrows(drawn.xy, arrows.astype(np.float32), color=color, width=1.1, alpha=alpha, values=values),
            Legend((Entry(field_words(scene), color), *keys)),
        )


def field_words(scene: Scene) -> str:
    """Which field the arrows are: "score, learned"; "noise ε, learned − exact"."""
    look, exact = scene.look, is_exact(scene.score)
    kind = NAMES[look.field_kind] + (" given y" if isinstance(scene.score, Guided) else "")
    if look.field == "difference":
        return f"{kind}, learned − exact" + (": none, the exact score is in use" if exact else "")
    return f"{kind}, {'exact' if exact or look.field == 'exact' else 'learned'}"


def _keys(scene: Scene, drawn: _Drawn, color: str) -> tuple[Entry, ...]:
    """Two arrows and how large the field is where it is drawn so long: their lengths go with the logarithm.

    Of the score in one over the units of the data, as the numbers under the pointer are.
    """
    s = scene.scale(scene.frame.t)
    unit = {"score": s, "flow": 1 / s}.get(scene.look.field_kind, 1.0)  # what the view makes of a field of 1
    if scene.flat and scene.look.follow:
        unit = 1.0  # each column has a scale of its own: in units of the view
    full = _reference(drawn.sizes)
    values = (rounded(math.expm1(0.5 * math.log1p(full)) / unit), rounded(full / unit))
    return tuple(_key(scene, v, float(_share(v * unit, full)), drawn.spacing, color) for v in values)


def _key(scene: Scene, value: float, share: float, spacing: float, color: str) -> Entry:
    length = share * LONGEST * spacing
    if scene.look.arrow_color:
        color = "#{:02x}{:02x}{:02x}".format(*lut(Arrows.colormap, DARK)[round(share * (LEVELS - 1)), :3])
    return Entry(number(value), color, (0.0, length) if scene.flat else (length, 0.0))


def _share(size: Array | float, full: float) -> Any:
    """The length of an arrow of this size, as a share of the longest: it goes with log(1 + size)."""
    return np.clip(np.log1p(size) / np.log1p(full), 0.0, 1.0)


def _compressed(scene: Scene, drawn: _Drawn) -> tuple[Array, Array]:
    """Arrows of at most three quarters of the spacing, and their lengths as shares of that."""
    size = np.linalg.norm(drawn.uv, axis=1)
    length = _share(size, _reference(drawn.sizes)).astype(np.float32)
    direction = drawn.uv / np.maximum(size, 1e-12)[:, None]
    return direction * (length * LONGEST * drawn.spacing)[:, None], length


def _true(drawn: _Drawn) -> tuple[Array, Array]:
    """The arrows as they are, and their lengths as shares of the longest (but for a few)."""
    size = np.linalg.norm(drawn.uv, axis=1)
    largest = float(np.quantile(drawn.sizes, 0.98)) if len(drawn.sizes) else 1.0
    return drawn.uv, np.clip(size / max(largest, 1e-12), 0.0, 1.0).astype(np.float32)


def _reference(size: Array) -> float:
    """The size that is drawn as a full arrow: the field's largest, for a difference the exact field's, so that the
    error of a good network looks small."""
    return max(float(np.quantile(size, 0.98)) if len(size) else 1.0, 1.0)


def _field(scene: Scene, xy: Array, t: float) -> Field:
    """The arrows at view points of time t; those of a difference are held against the exact field."""
    if scene.look.field != "difference":
        arrows = _arrows(scene, scene.exact if scene.look.field == "exact" else scene.score, xy, t)
        return arrows, np.linalg.norm(arrows, axis=1)
    learned, exact = (_arrows(scene, score, xy, t) for score in (scene.score, scene.exact))
    return learned - exact, np.linalg.norm(exact, axis=1)


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
