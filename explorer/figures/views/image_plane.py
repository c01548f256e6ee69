"""A plane through the data in the space of pictures, with the score in it and the ways of the samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from explorer.data.images import ImageSet
from explorer.data.images.base import from_pixels
from explorer.diffusion.frames import Array, Frame
from explorer.diffusion.scores import Score
from explorer.experiment.resolution import is_exact
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Arrows, Curve, Entry, Legend, Mark, Points, Segments, Text
from explorer.figures.views import image_parts as parts
from explorer.figures.views.base import VIEWS, Scene, View, lattice, number, rounded
from explorer.guidance import Guided

#: Training pictures that the directions are of, those that are drawn in the plane, and the side of each.
MEASURED, DRAWN, SIDE = 1000, 40, 0.11
#: Rows of arrows, and frames of a way at most.
ROWS, WAY = 7, 60
#: How far the picture reaches: so many standard deviations, or so many times as far as the three pictures.
DEVIATIONS, BEYOND = 2.6, 1.5


@dataclass(frozen=True, eq=False)
class Plane:
    """The points origin + u₁ axes[0] + u₂ axes[1], axes (2, d) orthonormal, |u| up to about `reach`.

    `words` name the axes, `corners` (k, d) are the pictures that it was laid through.
    """

    origin: Array
    axes: Array
    reach: float
    words: tuple[str, str]
    corners: Array

    def project(self, x: Array, alpha: float, scale: float) -> Array:
        """Points (n, d) of a noise level in view units (n, 2): u/reach of (x - alpha origin)/scale."""
        return np.asarray(
            (x - np.float32(alpha) * self.origin) @ self.axes.T / np.float32(scale * self.reach)
        )

    def lift(self, uv: Array, alpha: float, scale: float) -> Array:
        """The points (n, d) of the plane that `project` takes to uv (n, 2)."""
        return np.asarray(np.float32(alpha) * self.origin + np.float32(scale * self.reach) * (uv @ self.axes))


@lru_cache(maxsize=4)
def plane_of(data: ImageSet, kind: str, triple: int) -> Plane:
    """The plane that the look asks for."""
    return principal(data) if kind == "principal" else through_three(data, triple)


def principal(data: ImageSet) -> Plane:
    """Through the mean along the two directions of greatest variance, of MEASURED training pictures.

    The directions are found from the n x n products of the centred pictures, which are fewer than their numbers.
    """
    y = from_pixels(data.train.images[:MEASURED])
    origin = y.mean(axis=0)
    centred = (y - origin).astype(np.float64)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    values = np.maximum(values, 1e-9)  # of pictures that are there several times little is left
    axes = (vectors[:, :-3:-1].T @ centred) / np.sqrt(values[:-3:-1])[:, None]
    share = values[:-3:-1] / values.sum()
    names = tuple(
        f"{n} principal direction, {s:.0%} of the variance"
        for n, s in zip(("1st", "2nd"), share, strict=True)
    )
    deviation = math.sqrt(values[-1] / len(y))
    return Plane(origin, axes.astype(np.float32), DEVIATIONS * deviation, (names[0], names[1]), y[:0])


def through_three(data: ImageSet, triple: int) -> Plane:
    """Through three training pictures of different classes, their mean in the middle."""
    rows = three_rows(data, triple)
    corners = from_pixels(data.train.images[rows])
    origin = corners.mean(axis=0)
    first = corners[1] - corners[0]
    first /= max(np.linalg.norm(first), 1e-6)
    second = corners[2] - corners[0]
    second -= (second @ first) * first
    second /= max(np.linalg.norm(second), 1e-6)
    axes = np.stack([first, second]).astype(np.float32)
    reach = BEYOND * float(np.linalg.norm((corners - origin) @ axes.T, axis=1).max())
    return Plane(
        origin, axes, max(reach, 1e-3), ("from the first image to the second", "towards the third"), corners
    )


def three_rows(data: ImageSet, triple: int) -> list[int]:
    """The rows of three different training pictures; of three classes where there are so many."""
    labels = data.train.labels
    order = np.roll(np.arange(len(labels)), -(3 * triple % len(labels)))
    fresh = np.sort(np.unique(labels[order], return_index=True)[1])
    others = np.setdiff1d(np.arange(len(labels)), fresh)
    return [int(row) for row in order[np.concatenate([fresh, others])[:3]]]


@VIEWS.register("picture_plane", title="A plane through the data", order=240)
@dataclass(frozen=True)
class PicturePlane(View):
    """Training pictures where they lie, the score at points of the plane projected on it, samples and their ways."""

    of_pictures = True

    def visible(self, look: Look) -> bool:
        return parts.shows(look, "plane")

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        assert scene.pictures is not None
        plane = plane_of(scene.pictures, scene.look.plane, scene.look.triple)
        return (
            *_axes(scene, plane), *_pictures(scene, plane), *_field(scene, plane), *_ways(scene, plane),
            parts.noise_words(scene),
        )  # fmt: skip


def _axes(scene: Scene, plane: Plane) -> Iterator[Mark]:
    """Two lines through the origin, the numbers on them, and what they are."""
    width, height = parts.extent(scene)
    w, h = width / 2 - 0.04, height / 2 - 2 * parts.LINE
    for end in ((w, 0.0), (0.0, h)):
        line = np.array([(-end[0], -end[1]), end], np.float32)
        yield Curve(line, "line", 1.2)
    unit = plane.reach * _level(scene, scene.frame, plane)[1]
    step = rounded(0.4 * unit)
    for k in (-2, -1, 1, 2):
        at = k * step / unit
        if abs(at) < w - 0.1:
            yield Text((at, -0.015), f"{k * step:g}", "muted", 11.0, "n")
        if abs(at) < h - 0.05:
            yield Text((-0.015, at), f"{k * step:g}", "muted", 11.0, "e")
    yield Text((w, 0.02), f"{plane.words[0]} →", "muted", 12.0, "se")
    yield Text((0.02, h), f"↑ {plane.words[1]}", "muted", 12.0, "nw")


def _pictures(scene: Scene, plane: Plane) -> Iterator[Mark]:
    """Training pictures at alpha times themselves; those that the plane was laid through larger."""
    data = scene.pictures
    assert data is not None
    alpha, scale = _level(scene, scene.frame, plane)
    many = from_pixels(data.train.images[:DRAWN])
    for x, side, opacity in ((many, SIDE, 0.5), (plane.corners, 2 * SIDE, 1.0)):
        places = plane.project(np.float32(alpha) * x, alpha, scale).tolist()
        for (u, v), pixels in zip(places, parts.rgb(x, data), strict=True):
            box = (u - side / 2, u + side / 2, v - side / 2, v + side / 2)
            yield replace(parts.image(pixels[None], box), alpha=opacity)


def _level(scene: Scene, frame: Frame, plane: Plane) -> tuple[float, float]:
    """alpha, and what x is divided by: where the look follows the noise, so that the cloud keeps its size here."""
    alpha, sigma = scene.experiment.sde.marginal(frame.t) if frame.t > 0 else (1.0, 0.0)
    return alpha, math.hypot(alpha, sigma * DEVIATIONS / plane.reach) if scene.look.follow else 1.0


def _field(scene: Scene, plane: Plane) -> tuple[Arrows, Legend]:
    """The score at points of the plane, projected on it, and what an arrow means; lengths go with the logarithm."""
    uv, spacing = lattice(scene.bounds, ROWS)
    alpha, scale = _level(scene, scene.frame, plane)
    # where each image has a class of its own, the field is that of none
    own = isinstance(scene.score, Guided) and getattr(scene.experiment.control_in_force, "each", False)
    asked: Score = scene.score.plain if own else scene.score  # type: ignore[attr-defined]
    score = parts.ANSWERS.get(
        scene.score, (scene.frame, plane, scene.bounds, scene.look.follow),
        lambda: parts.evaluate(asked, plane.lift(uv, alpha, scale), scene.frame.t) @ plane.axes.T,
    )  # fmt: skip
    size = np.linalg.norm(score, axis=1)
    longest = max(float(np.quantile(size, 0.98)), 1e-12)
    length = np.clip(np.log1p(10 * size / longest) / math.log(11), 0, 1) * 0.75 * spacing
    arrows = score / np.maximum(size, 1e-12)[:, None] * length[:, None]
    key = rounded(longest)
    drawn = float(np.log1p(10 * key / longest) / math.log(11)) * 0.75 * spacing
    entries = (
        Entry(f"score, {'exact' if is_exact(scene.score) else 'learned'}, projected", "score"),
        Entry(f"{number(key)} (logarithmic)", "score", (drawn, 0.0)),
    )
    return Arrows(uv, arrows.astype(np.float32), color="score", alpha=0.8), Legend(entries)


def _ways(scene: Scene, plane: Plane) -> Iterator[Mark]:
    """The samples, and how they came here."""
    count = min(len(scene.frame.x), parts.MOST)
    here = next((i for i, f in enumerate(scene.run) if f is scene.frame), None)
    past = [scene.frame] if here is None else [scene.run[i] for i in _thinned(here)]
    paths = np.stack([plane.project(f.x[:count], *_level(scene, f, plane)) for f in past])
    if len(past) > 1:
        starts, ends = paths[:-1].reshape(-1, 2), paths[1:].reshape(-1, 2)
        yield Segments(starts, ends, color="accent", alpha=0.5)
    yield Points(paths[-1], color="noise", size=8.0)


def _thinned(last: int) -> list[int]:
    """At most WAY of the frames 0 to last, with both."""
    return [int(i) for i in np.unique(np.linspace(0, last, min(WAY, last + 1)).round())]
