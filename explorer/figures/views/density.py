"""The exact density of p_t, as a heat map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from explorer.base.lazy import torch
from explorer.data.distributions import Distribution
from explorer.diffusion.frames import Array
from explorer.diffusion.sdes import SDE
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Bounds, Image, Mark
from explorer.figures.views.base import VIEWS, Scene, View, middles
from explorer.guidance import Control

#: Cells along the height of the picture.
CELLS = 160
#: Components of a smaller standard deviation than this are flat.
FLAT = 1e-6


def log_density(scene: Scene, cells: int = CELLS) -> tuple[Array, Array, Array]:
    """(xs, ys, values): log p_t of the view's own coordinate on cell centres, values (len(ys), len(xs)).

    Where Langevin dynamics has a temperature T, (log p_t)/T, the law that it settles in up to a factor.
    """
    xs, ys, values = _log_p(scene, cells)
    temperature = scene.experiment.sampler.law_temperature
    return xs, ys, values if temperature == 1 else values / np.float32(temperature)


def _log_p(scene: Scene, cells: int) -> tuple[Array, Array, Array]:
    left, right, bottom, top = scene.bounds
    e, t = scene.experiment, scene.frame.t
    if scene.flat:
        control = e.control_in_force if scene.look.conditional else None
        return _over_time(e.data, control, e.sde, scene.look.follow, (bottom, top), cells)
    wide = max(2, min(2 * cells, round(cells * (right - left) / (top - bottom))))
    xs, ys = middles(left, right, wide), middles(bottom, top, cells)
    alpha, sigma = e.sde.marginal(t) if t > 0 else (1.0, 0.0)
    s = scene.scale(t)
    if scene.mixture.scales.min() < FLAT:  # all on a line, thinner than a cell at the end
        sigma = max(sigma, 0.6 * s * float(ys[1] - ys[0]))
    return xs, ys, scene.mixture.log_density_grid(xs * s, ys * s, alpha, sigma) + np.float32(2 * np.log(s))


@lru_cache(maxsize=16)
def _over_time(
    data: Distribution,
    control: Control | None,
    sde: SDE,
    follow: bool,
    edges: tuple[float, float],
    cells: int,
) -> tuple[Array, Array, Array]:
    """log p_t(x) over (t, x) for one-dimensional data: it depends on no frame, so it is kept."""
    mixture = control.target(data.mixture) if control else data.mixture
    ts, ys = middles(0.0, 1.0, 2 * cells), middles(*edges, cells)
    columns = []
    for t in ts:
        alpha, sigma = sde.marginal(float(t))
        s = float(np.hypot(alpha, sigma)) if follow else 1.0
        x = torch.from_numpy(ys * np.float32(s))[:, None]
        columns.append(mixture.log_density(x, alpha, sigma).numpy() + np.float32(np.log(s)))
    return ts, ys, np.stack(columns, axis=1)


@VIEWS.register("density", title="Density", order=10)
@dataclass(frozen=True)
class Density(View):
    """sqrt(p_t / max p_t) over the picture: the root keeps faint modes visible beside strong ones."""

    def visible(self, look: Look) -> bool:
        return look.density

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        _, _, values = log_density(scene)
        # over time each column has its own peak, else the data's would blot out the noise
        peak = values.max(axis=0, keepdims=True) if scene.flat else values.max()
        bounds: Bounds = (0.0, 1.0, *scene.bounds[2:]) if scene.flat else scene.bounds
        return (Image(np.exp(0.5 * (values - peak)).astype(np.float32), bounds),)
