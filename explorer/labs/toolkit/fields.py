"""Pieces of pictures that laboratories share: a density, and a field of arrows on a lattice."""

from __future__ import annotations

import numpy as np

from explorer.base.lazy import torch
from explorer.data.distributions import Mixture
from explorer.figures.marks import Arrows, Bounds, Image
from explorer.figures.views.base import lattice, middles

#: Cells along each side of a density.
CELLS = 120


def around(mixture: Mixture, room: float = 3.2) -> Bounds:
    """A square around the data's mean, `room` standard deviations to each side (of the wider coordinate)."""
    half = room * float(np.sqrt(np.diag(mixture.covariance).max()))
    x, y = mixture.mean
    return float(x - half), float(x + half), float(y - half), float(y + half)


def density_image(
    mixture: Mixture, alpha: float, sigma: float, bounds: Bounds, alpha_of_image: float = 0.8
) -> Image:
    """sqrt(p/max p) of the data under alpha and sigma: the root keeps faint modes visible."""
    xs, ys = (middles(a, b, CELLS) for a, b in (bounds[:2], bounds[2:]))
    values = mixture.log_density_grid(xs, ys, alpha, sigma)
    return Image(np.exp(0.5 * (values - values.max())).astype(np.float32), bounds, alpha=alpha_of_image)


def score_arrows(
    mixture: Mixture, alpha: float, sigma: float, bounds: Bounds, rows: int = 19, color: str = "score",
    largest: float | None = None,
) -> Arrows:  # fmt: skip
    """The exact score on a lattice; length goes with log(1 + |s|), `largest` is |s| of the longest arrow."""
    xy, spacing = lattice(bounds, rows)
    uv = mixture.score(torch.from_numpy(xy), alpha, sigma).numpy()
    size = np.linalg.norm(uv, axis=1)
    length = np.log1p(size) / np.log1p(largest or max(float(np.quantile(size, 0.98)), 1.0))
    arrows = uv / np.maximum(size, 1e-12)[:, None] * (np.clip(length, 0, 1) * 0.75 * spacing)[:, None]
    return Arrows(xy, arrows.astype(np.float32), color, 1.1, 0.9)
