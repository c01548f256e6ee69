"""A draw from the data distribution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from explorer.data.distributions import Distribution
from explorer.diffusion.frames import Array
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Mark, Points
from explorer.figures.views.base import VIEWS, Scene, View


@lru_cache(maxsize=8)
def sample_of(data: Distribution, n: int = 1000, seed: int = 1) -> Array:
    """A fixed draw of n points, kept."""
    return data.sample(n, seed)


@VIEWS.register("data_points", title="Data", order=30)
@dataclass(frozen=True)
class DataPoints(View):
    """1,000 points of the data, where they lie at t = 0 (over time: at that end)."""

    in_space = True

    def visible(self, look: Look) -> bool:
        return look.data

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        at = 0.0 if scene.flat or scene.spatial else scene.frame.t
        xy = scene.to_view(sample_of(scene.experiment.data), at)
        return (Points(xy, color="data", size=0.8 * scene.look.point_size, alpha=0.7),)
