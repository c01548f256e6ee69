"""The scene, what a view is, and how views make a picture."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import Validated
from explorer.base.registry import Registry
from explorer.data.distributions import Mixture
from explorer.data.images import ImageSet
from explorer.diffusion.frames import Array, Frame
from explorer.diffusion.scores import Score
from explorer.experiment.resolution import exact_score
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Bounds, Mark

#: How long time is in space, in units of the plane.
TIME_LENGTH = 7.0

VIEWS: Registry[View] = Registry("view", "explorer.figures.views")


def density_of(e: Experiment, look: Look) -> str:
    """Whether the control in force is part of the density that is shown, in words; "" where there is none."""
    return ("given the control" if look.conditional else "of the whole data") if e.given else ""


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a picture is made from: an experiment, how to look at it, the frames up to the playhead.

    `frames` ends with the frame shown. `score` is the one in use. `bounds` are the edges of the picture in
    view units: data units, over the noise scale where the look follows the noise. One-dimensional data is
    drawn over time: the horizontal axis of the view is then t, from 0 to 1. `length` is how many frames the run
    will have (0: those that are given); `run` are all that there are, which only pictures need.
    """

    experiment: Experiment
    look: Look
    frames: Sequence[Frame]
    score: Score
    bounds: Bounds
    run: Sequence[Frame] = ()
    length: int = 0

    @property
    def pictures(self) -> ImageSet | None:
        """The data, where they are pictures: another kind of stage (`views.picture_parts`)."""
        return self.experiment.pictures

    @property
    def frame(self) -> Frame:
        """The frame shown."""
        return self.frames[-1]

    @property
    def flat(self) -> bool:
        """Whether the data is one-dimensional and drawn over time."""
        return self.experiment.data.dim == 1

    @property
    def exact(self) -> Score:
        """What the score in use should be: guided as it is."""
        return exact_score(self.experiment)

    @property
    def mixture(self) -> Mixture:
        """The law whose density is shown: of the data, or of what a control asks of them."""
        return self.experiment.target if self.look.conditional else self.experiment.data.mixture

    @property
    def spatial(self) -> bool:
        """Whether the paths are drawn in space, over (x, y, t)."""
        return self.look.space and not self.flat and self.pictures is None

    def lift(self, xy: Array, t: Array | float) -> Array:
        """Points (n, 2) of the plane at times t, seen in space by an orthographic camera: (n, 2).

        Time runs across and away from the noise, x away from the eye at azimuth 0, y up.
        """
        turn, tilt = math.radians(self.look.azimuth), math.radians(self.look.elevation)
        along = TIME_LENGTH * (0.5 - np.asarray(t, np.float32))
        across = math.cos(turn) * along + math.sin(turn) * xy[:, 0]
        away = math.cos(turn) * xy[:, 0] - math.sin(turn) * along
        up = math.cos(tilt) * xy[:, 1] + math.sin(tilt) * away
        return np.column_stack([across, up]).astype(np.float32)

    def scale(self, t: float) -> float:
        """How many data units a view unit is at time t: sqrt(alpha² + sigma²), unit data under this noise."""
        alpha, sigma = self.experiment.sde.marginal(t) if t > 0 else (1.0, 0.0)
        return math.hypot(alpha, sigma) if self.look.follow else 1.0

    def to_view(self, x: Array, t: float) -> Array:
        """Particles (n, d) at time t in view units (n, 2)."""
        y = x / np.float32(self.scale(t))
        if self.spatial:
            return self.lift(y, t)
        return np.column_stack([np.full(len(y), t, np.float32), y[:, 0]]) if self.flat else y

    def evaluate(self, score: Score, xy: Array, t: float) -> Array:
        """A score at view points (n, 2) of time t -> (n, d), in units of one over the view's."""
        scale = self.scale(t)
        x = torch.from_numpy(
            np.ascontiguousarray(xy[:, 1:] if self.flat else xy, np.float32) * np.float32(scale)
        )
        with torch.no_grad():
            return np.asarray(score(x, max(t, 1e-5)).numpy() * np.float32(scale))


class View(Validated, ABC):
    """One layer. Subclasses are frozen dataclasses registered in VIEWS; `menu_order` is the order of painting."""

    name: ClassVar[str]
    title: ClassVar[str]
    menu_order: ClassVar[int]
    #: Whether it can be drawn in space; what cannot is left out there.
    in_space: ClassVar[bool] = False
    #: Whether it is one for pictures; all others are for points.
    of_pictures: ClassVar[bool] = False

    @abstractmethod
    def visible(self, look: Look) -> bool:
        """Whether the look asks for this layer."""

    @abstractmethod
    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        """The layer's marks."""


def compose(scene: Scene) -> tuple[Mark, ...]:
    """The picture: the marks of every visible view, back to front."""
    views = (VIEWS[name]() for name in VIEWS)
    fitting = (v for v in views if v.of_pictures == (scene.pictures is not None))
    shown = (v for v in fitting if v.visible(scene.look) and (v.in_space or not scene.spatial))
    return tuple(mark for view in shown for mark in view.marks(scene))


def rounded(value: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not above a value."""
    power = 10.0 ** math.floor(math.log10(value))
    return max((m * power for m in (1, 2, 5) if m * power <= value), default=power)


def number(value: float) -> str:
    """A number beside an arrow, short: 0.02, 5, 2,000, 1e6."""
    return f"{value:,.0f}" if 1000 <= value < 1e5 else f"{value:.3g}".replace("e+0", "e").replace("e+", "e")


def lattice(bounds: Bounds, rows: int) -> tuple[Array, float]:
    """Points of a square lattice inside bounds (n, 2), and its spacing; fixed in the plane while one pans."""
    left, right, bottom, top = bounds
    spacing = (top - bottom) / rows
    grid = np.stack(np.meshgrid(centres(left, right, spacing), centres(bottom, top, spacing)), -1)
    return grid.reshape(-1, 2), spacing


def middles(low: float, high: float, n: int) -> Array:
    """The middles of n equal cells between two edges (n,)."""
    return (low + (np.arange(n) + 0.5) * (high - low) / n).astype(np.float32)


def centres(low: float, high: float, spacing: float) -> Array:
    """The odd multiples of half a spacing between two edges: they stay where they are when the edges move."""
    first, last = math.ceil(low / spacing - 0.5), math.floor(high / spacing - 0.5)
    return ((np.arange(first, last + 1) + 0.5) * spacing).astype(np.float32)
