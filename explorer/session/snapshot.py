"""Pictures: what a stage shows at one moment, made in the worker thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion.frames import Frame
from explorer.diffusion.simulate import Simulation, step_terms
from explorer.experiment.resolution import is_exact
from explorer.experiment.schema import Experiment
from explorer.figures.marks import Mark
from explorer.figures.views import Scene, compose
from explorer.figures.views.base import density_of
from explorer.figures.views.image_parts import probe
from explorer.figures.views.outside import Outside, outside

#: Particles, and pictures, over which the terms of a step are averaged.
TERMS_OF, PICTURE_TERMS_OF = 300, 4


@dataclass(frozen=True, eq=False)
class Picture:
    """Marks, what they show, the root mean square of the step's drift, score and noise terms, and which particles
    cannot be seen."""

    experiment: Experiment
    marks: tuple[Mark, ...]
    frame: Frame
    index: int
    count: int
    terms: tuple[float, float, float] | None
    outside: Outside


def make_picture(scene: Scene, index: int, count: int, *, terms: bool = True) -> Picture:
    """Compose the scene and (unless there is no score to ask yet) take its last step apart."""
    return Picture(
        scene.experiment, compose(scene), scene.frame, index, count, _terms(scene) if terms else None,
        outside(scene),
    )  # fmt: skip


def _terms(scene: Scene) -> tuple[float, float, float] | None:
    if len(scene.frames) < 2:
        return None
    e = scene.experiment
    most = PICTURE_TERMS_OF if scene.pictures else TERMS_OF
    before, after = (_first(f, most) for f in scene.frames[-2:])
    if after.step - before.step > 1:  # thinned out: the two are not neighbours
        return None
    sampler = replace(e.sampler, particles=len(before.x))  # whose noise is that of the first of them
    terms = step_terms(Simulation(e.sde, sampler, scene.score, e.target, e.seed), before, after)
    if terms is None:
        return None
    drift, score, noise = (float(part.square().mean().sqrt()) for part in terms)
    return drift, score, noise


def _first(frame: Frame, most: int) -> Frame:
    return replace(frame, x=np.ascontiguousarray(frame.x[:most]))


def probe_text(scene: Scene, xy: tuple[float, float]) -> str:
    """x, log p_t(x) and the score at a point of the view, in words, and how far a learned one is from the exact; of
    pictures, the pixel there."""
    if scene.pictures is not None:
        return probe(scene, xy)
    frame, e = scene.frame, scene.experiment
    t = min(max(xy[0], 1e-3), 1.0) if scene.flat else frame.t
    alpha, sigma = e.sde.marginal(t) if t > 0 else (1.0, 0.0)
    values = [xy[1]] if scene.flat else list(xy)
    x = torch.tensor([values], dtype=torch.float32) * scene.scale(t)
    with torch.no_grad():
        log_p = float(scene.mixture.log_density(x, alpha, sigma)[0])
        s = scene.score(x, max(t, 1e-5))[0]
        error = "" if is_exact(scene.score) else _error_words(s, scene.exact(x, max(t, 1e-5))[0])
    of = density_of(e, scene.look)
    return f"x = {_vector(x[0].tolist())}   log p{' ' * bool(of)}{of} = {log_p:.2f}   s = {_vector(s.tolist())}{error}"


def _error_words(learned: torch.Tensor, exact: torch.Tensor) -> str:
    """How large the error of a score is, and of the size of the exact score."""
    error, size = float((learned - exact).norm()), float(exact.norm())
    share = f" = {error / size:.1%} of |s|" if size > 0 and error / size < 100 else ""
    return f"   |error| = {error:.3g}{share}"


def _vector(values: list[float]) -> str:
    parts = [f"{v:.2f}" if abs(v) < 1e4 else f"{v:.1e}" for v in values]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
