"""What the laboratories on density and codes share: flows, grids, heat maps, codes over the prior's rings."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from explorer.analysis.likelihood import START, Flow, Moment, final, within
from explorer.base.lazy import torch
from explorer.data.distributions import Mixture
from explorer.data.distributions.mixture import LOWEST
from explorer.diffusion import noise
from explorer.diffusion.sdes import SDE
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Handle, Picture
from explorer.figures.marks import Array, Bounds, Curve, Image, Mark, Points
from explorer.labs.base import Context, Report
from explorer.labs.toolkit.pace import Pace

#: Tolerance of the solver where a figure shows the result. (On its way out of a narrow mode an error grows as the
#: density falls: 1e-3 would be seen among the codes.)
TOLERANCE = 1e-5
#: Cells up and across of a density behind other things.
CELLS = 160
#: Codes are shown this many standard deviations of the prior out.
REACH = 3.6
M = TypeVar("M", bound=Moment)


def flow_of(context: Context, tolerance: float = TOLERANCE) -> Flow:
    """The probability flow of the score in use."""
    return Flow(context.experiment.sde, context.resolved.score, within(tolerance))


def watched(moments: Iterator[M], report: Report, low: float, high: float) -> Generator[Report, None, M]:
    """Run to the end and return the last moment; now and then the report again with more progress."""
    pace = Pace()
    for last in moments:
        if pace.due():
            yield replace(report, progress=low + (high - low) * last.progress)
    return last


def draws(e: Experiment, n: int, t: float = 0.0) -> torch.Tensor:
    """n data points at time t (n, d), float64, from the experiment's seed."""
    x0 = torch.from_numpy(e.data.sample(n, e.seed)).double()
    return e.sde.perturb(x0, max(t, START), noise.normal(tuple(x0.shape), e.seed, noise.DATA, 1).double())


def whole(mixture: Mixture, alpha: float = 1.0, sigma: float = 0.0) -> Bounds:
    """A square (in one dimension: a strip along x) around all of p_t that one would draw."""
    spread = np.sqrt(alpha**2 * mixture.covariance.diagonal() + sigma**2).max()
    low, high = alpha * mixture.means.min(), alpha * mixture.means.max()
    narrow = math.hypot(alpha * mixture.scales.max(), sigma)
    edge = 1.04 * max(abs(low), abs(high)) + min(3.5 * narrow, 3 * spread)
    return -edge, edge, -edge, edge


@dataclass(frozen=True)
class Grid:
    """The centres of cells x cells over bounds."""

    bounds: Bounds
    cells: int

    @property
    def xs(self) -> np.ndarray:
        left, right = self.bounds[:2]
        return np.asarray(left + (np.arange(self.cells) + 0.5) * (right - left) / self.cells)

    @property
    def ys(self) -> np.ndarray:
        low, high = self.bounds[2:]
        return np.asarray(low + (np.arange(self.cells) + 0.5) * (high - low) / self.cells)

    @property
    def cell(self) -> float:
        """The area of one cell."""
        left, right, low, high = self.bounds
        return (right - left) * (high - low) / self.cells**2

    def points(self) -> torch.Tensor:
        """Row by row from the bottom (cells², 2), float64."""
        return torch.from_numpy(np.stack(np.meshgrid(self.xs, self.ys), -1).reshape(-1, 2))


def shade(log_density: np.ndarray, bounds: Bounds, peak: float | None = None) -> Image:
    """sqrt(p/peak): the root keeps faint modes visible beside strong ones."""
    top = float(log_density.max()) if peak is None else peak
    return Image(np.exp(0.5 * np.clip(log_density - top, -80, 0)).astype(np.float32), bounds)


def backdrop(mixture: Mixture, bounds: Bounds, alpha: float = 1.0, sigma: float = START) -> Image:
    """The exact p_t over bounds of the plane."""
    grid = Grid(bounds, CELLS)
    return shade(mixture.log_density_grid(grid.xs, grid.ys, alpha, sigma), bounds)


def line_density(mixture: Mixture, xs: np.ndarray, alpha: float, sigma: float) -> np.ndarray:
    """log p_t (n,) of one-dimensional data at xs (n,)."""
    x = torch.from_numpy(np.asarray(xs, np.float64))[:, None]
    return np.asarray(mixture.log_density(x, alpha, sigma).clamp(min=LOWEST).numpy())


def size(sde: SDE, t: float) -> float:
    """sqrt(alpha² + sigma²): the spread of unit data at t, by which paths are divided to stay in the picture."""
    return math.hypot(*sde.marginal(max(t, START)))


def over_time(mixture: Mixture, sde: SDE, edge: float) -> Image:
    """One-dimensional p_t over (t, x/size), each moment with its own peak."""
    grid = Grid((0.0, 1.0, -edge, edge), CELLS)
    columns = [line_density(mixture, grid.ys * size(sde, float(t)), *sde.marginal(float(t))) for t in grid.xs]
    return shade(np.stack([c - c.max() for c in columns], 1), grid.bounds, 0.0)


@lru_cache(maxsize=8)
def codes_of_data(sde: SDE, score: Any, mixture: Mixture, seed: int, n: int) -> tuple[Array, Array]:
    """n data points (n, d) and their codes (n, d), kept: a handle that is dragged changes neither."""
    x0, _ = mixture.sample(n, np.random.default_rng([seed, *b"codes"]))
    code = final(Flow(sde, score, within(TOLERANCE)).encode(torch.from_numpy(x0))).x
    return x0, code.numpy().astype(np.float32)


def hues(x: Array) -> Array:
    """A value in [0, 1] for each point (n, d), neighbours alike: where it stands around the origin, or along."""
    if x.shape[1] == 1:
        order = np.argsort(np.argsort(x[:, 0]))
        return np.asarray(order / max(len(x) - 1, 1), np.float32)
    return np.asarray((np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)) % 1, np.float32)


def flat(code: Array, spread: Array | None = None) -> Array:
    """Codes as points of a picture (n, 2): those of one dimension lie on a line, or at heights `spread`."""
    if code.shape[1] == 2:
        return np.asarray(code, np.float32)
    height = np.zeros(len(code)) if spread is None else spread
    return np.column_stack([code[:, 0], height]).astype(np.float32)


def rings(radii: Sequence[float] = (1.0, 2.0, 3.0)) -> tuple[Curve, ...]:
    """Circles of the standard normal law, one, two and three standard deviations out."""
    angle = np.linspace(0, 2 * np.pi, 121)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    return tuple(Curve((r * circle).astype(np.float32), "muted", alpha=0.5) for r in radii)


def code_picture(
    title: str, marks: Sequence[Mark], dim: int, about: str = "", reach: float = REACH
) -> Picture:
    """Marks in units of the prior's standard deviation, over its rings, out to `reach` at least."""
    base = rings() if dim == 2 else tuple(_bar(r) for r in (-3, -2, -1, 1, 2, 3))
    reach = min(max(reach, REACH), 10 * REACH)
    bounds = (-reach, reach, -reach, reach)
    labels = ("z₁ / σ_prior", "z₂ / σ_prior") if dim == 2 else ("z / σ_prior", "")
    return Picture(title, (*base, *marks), bounds, *labels, about=about)


def _bar(x: float) -> Curve:
    return Curve(np.array([[x, -REACH], [x, REACH]], np.float32), "muted", alpha=0.5)


def dots(x: Array, color: str = "text", size: float = 4.0, alpha: float = 1.0) -> Points:
    """Discs at x (n, 2)."""
    return Points(np.asarray(x, np.float32), color, size, alpha)


def array(x: torch.Tensor) -> Array:
    """As float32 on the CPU."""
    return np.asarray(x.detach().cpu().numpy(), np.float32)


def report(figures: Sequence[Figure], progress: float, words: str, **arrays: np.ndarray) -> Report:
    """A Report."""
    return Report(tuple(figures), progress, words, arrays)


def handle(dim: int, fields: tuple[str, str], xy: tuple[float, float], word: str = "") -> Handle:
    """A handle in the plane; of one-dimensional data it moves up and down at xy[0] and writes the first field."""
    return Handle(fields if dim == 2 else ("", fields[0]), xy, word)
