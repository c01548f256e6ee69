"""Where a learned score is wrong: over the plane at one time, and over time and distance from the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis.score_errors import angle, binned_median, nearest, relative_error
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion import noise
from explorer.diffusion.frames import Frame
from explorer.experiment.resolution import pretrained_path
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.figure import Figure, Numbers, Picture, Plot, Series
from explorer.figures.marks import Arrows, Bounds, Curve, Image, Mark
from explorer.figures.views import Scene, compose
from explorer.figures.views.base import lattice, middles
from explorer.labs.base import LABS, Context, Lab, Report

#: Half the height of the pictures, and the largest distance from the data, in units of the law's own scale.
REACH, FARTHEST = 3.0, 2.5
#: Data points that distances are measured from; arrows along the height; times between two reports.
DATA, ROWS, PULSE = 2000, 16, 4
#: Relative errors are shown between these powers of ten.
LOW, HIGH = -3.0, 1.0


@LABS.register("error_map", title="Error map", order=50)
@dataclass(frozen=True)
class ErrorMap(Lab):
    """Learned minus exact score: its size, its direction, the angle between the two, and where nobody trained."""

    section = "learning"
    main = ("Size of the error",)
    about = (
        "What the network gets wrong and where. It learns where pₜ has mass; far from the data it was never asked, "
        "and there it is wrong at every t at which the noise does not reach so far."
    )
    equation = r"\frac{\|s_\theta(x,t) - \nabla \log p_t(x)\|}{\|\nabla \log p_t(x)\|}"
    source = "Song & Ermon 2019, section 3.2.1"
    follows = True

    cells: int = param(
        72,
        "Cells",
        low=24,
        high=160,
        minimum=4,
        maximum=400,
        log=True,
        help="Along the height of the maps over x.",
        symbol="m", equation="s_θ − s on a grid m high",
    )  # fmt: skip
    times: int = param(
        32, "Times", low=8, high=80, minimum=2, maximum=500, log=True,
        help="Columns of the map over time and distance.",
        symbol="k", equation="t_1 … t_k",
    )  # fmt: skip
    distances: int = param(
        24, "Distances", low=8, high=60, minimum=2, maximum=200, help="Rows of that map.", advanced=True,
        symbol="r", equation="r bins of the distance",
    )  # fmt: skip
    points: int = param(
        600, "Points", symbol="n", low=100, high=5000, minimum=10, maximum=50_000, log=True, advanced=True,
        help="Where the score is asked at each time.",
        equation="mean of ∥s_θ − s∥² over n",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> ErrorMap:
        return cls(cells=12, times=4, distances=6, points=120)

    def unfit(self, experiment: Experiment) -> str:
        source = experiment.score.source
        if source == "exact":
            return (
                "The score in use is the exact one, without error: choose the pretrained score, or train one."
            )
        if source == "pretrained" and pretrained_path(experiment.data) is None:
            return "No network comes with this data, so the exact score is used: train one in the Score card."
        return ""

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        t = min(max(context.t, e.sde.eps), e.sde.T)
        maps = self._over_time(context) if e.data.dim == 1 else self._now(context, t)
        inside, outside, fall = self._by_density(context, t)
        words = (
            f"At t = {t:.3g} the median error is {inside:.1%} of the score where pₜ has its mass, and {outside:.1%} "
            "where its density is below that of all but 1% of the mass. "
        )
        yield Report((*maps, fall), 0.3, words)
        grid = np.full((self.distances, self.times), np.nan)
        reach = np.zeros(self.times)
        times = np.geomspace(e.sde.eps, e.sde.T, self.times)
        for i, at in enumerate(times):
            grid[:, i], reach[i] = self._at_distances(context, float(at), i)
            last = i == self.times - 1
            if last or i % PULSE == PULSE - 1:
                figures = (*maps, self._distance_map(grid, reach, times, t), fall)
                said = words + (_far(grid, reach, self.distances) if last else "")
                yield Report(
                    figures,
                    0.3 + 0.7 * (i + 1) / self.times if not last else 1.0,
                    said,
                    {"t": times, "relative_error": grid},
                )

    # --- over x ----------------------------------------------------------------------------------------------

    def _now(self, context: Context, t: float) -> tuple[Figure, ...]:
        e = context.experiment
        half = REACH * math.hypot(*e.sde.marginal(t))
        bounds = (-half, half, -half, half)
        ys = middles(-half, half, self.cells)
        grid = torch.from_numpy(np.stack(np.meshgrid(ys, ys), -1).reshape(-1, 2))
        learned, exact = _both(context, grid, t)
        shape = (self.cells, self.cells)
        size = (learned - exact).norm(dim=1).clamp(min=1e-6).log10().numpy().reshape(shape)
        turned = angle(learned, exact).numpy().reshape(shape)
        around = _contours(e, t, bounds)
        arrows = self._directions(context, t, bounds)
        return _size_and_angle(size, turned, bounds, around, arrows, ("x₁", "x₂"), f"at t = {t:.3g}")

    def _directions(self, context: Context, t: float, bounds: Bounds) -> tuple[Mark, ...]:
        xy, spacing = lattice(bounds, ROWS)
        learned, exact = _both(context, torch.from_numpy(xy), t)
        error = learned - exact
        unit = error / error.norm(dim=1, keepdim=True).clamp(min=1e-12) * (0.6 * spacing)
        return (Arrows(xy, unit.numpy().astype(np.float32), color="text", width=0.9, alpha=0.6),)

    def _over_time(self, context: Context) -> tuple[Figure, ...]:
        """One coordinate: the maps are over (t, x), x in units of the law's scale."""
        e, bounds = context.experiment, (0.0, 1.0, -REACH, REACH)
        ys, columns = middles(-REACH, REACH, self.cells), middles(0.0, 1.0, 2 * self.times)
        sizes, turns = [], []
        for at in map(float, columns):
            x = torch.from_numpy(ys * np.float32(math.hypot(*e.sde.marginal(at))))[:, None]
            learned, exact = _both(context, x, at)
            sizes.append((learned - exact).norm(dim=1).clamp(min=1e-6).log10().numpy())
            turns.append(angle(learned, exact).numpy())
        around = _contours(e, 0.5, bounds)
        return _size_and_angle(
            np.stack(sizes, 1), np.stack(turns, 1), bounds, around, (), ("t", "x / scale"), "over time"
        )

    # --- over the density ------------------------------------------------------------------------------------

    def _by_density(self, context: Context, t: float) -> tuple[float, float, Plot]:
        """The median relative error inside and outside of what holds 99% of p_t, and against log p_t."""
        e, (alpha, sigma) = context.experiment, context.experiment.sde.marginal(t)
        drawn = _draws(e, t, 2 * self.points)
        wide = self._around(e, t, 2 * self.points, 0)
        x = torch.cat([drawn, wide])
        error = relative_error(*_both(context, x, t))
        height = e.data.mixture.log_density(x, alpha, sigma)
        edge = height[: len(drawn)].quantile(0.01)
        low = height < edge
        top = float(height.max())
        edges = torch.linspace(max(float(height.quantile(0.02)), top - 60), top, 17)
        middle = (0.5 * (edges[1:] + edges[:-1]) - top).numpy()
        medians = binned_median(height, error, edges).numpy()
        plot = Plot(
            f"Error against density at t = {t:.3g}", "log pₜ(x) below its peak", "∥s_θ − s∥ / ∥s∥, median",
            (Series("relative error", middle, medians, "error", points=True),), log_y=True,
            marks=((float(edge) - top, "99% of pₜ is to the right"),),
            about="Over points of pₜ and points up to 2.5 scales away from the data.",
        )  # fmt: skip
        inside = float(error[: len(drawn)].median())
        outside = float(error[low].median()) if bool(low.any()) else math.nan
        return inside, outside, plot

    # --- over time and distance ------------------------------------------------------------------------------

    def _around(self, e: Experiment, t: float, n: int, address: int) -> torch.Tensor:
        """Points (n, d) at all distances up to FARTHEST scales from points of alpha x_0."""
        alpha, sigma = e.sde.marginal(t)
        rng = np.random.default_rng(noise.seed_of(e.seed, noise.PROBE, 2, address))
        x0 = e.data.mixture.sample(n, rng)[0]
        way = rng.standard_normal(x0.shape)
        way *= (rng.random(n) * FARTHEST * math.hypot(alpha, sigma) / np.linalg.norm(way, axis=1))[:, None]
        return torch.from_numpy((alpha * x0 + way).astype(np.float32))

    def _at_distances(self, context: Context, t: float, address: int) -> tuple[Numbers, float]:
        """log10 of the median relative error by distance (distances,), and where 99% of p_t lies."""
        e = context.experiment
        alpha, sigma = e.sde.marginal(t)
        scale = math.hypot(alpha, sigma)
        x = self._around(e, t, self.points, address)
        data = alpha * torch.from_numpy(e.data.sample(DATA, e.seed))
        far = nearest(x, data) / scale
        error = relative_error(*_both(context, x, t))
        medians = binned_median(far, error, torch.linspace(0, FARTHEST, self.distances + 1)).numpy()
        within = nearest(_draws(e, t, self.points), data).quantile(0.99)
        return np.log10(np.maximum(medians, 1e-6)), float(within) / scale

    def _distance_map(self, grid: Numbers, reach: Numbers, times: Numbers, t: float) -> Picture:
        bounds = (math.log10(times[0]), math.log10(times[-1]), 0.0, FARTHEST)
        values = _unit(_filled(grid), LOW, HIGH)
        shown = reach > 0
        line = np.column_stack([np.log10(times[shown]), reach[shown]]).astype(np.float32)
        now = np.array([[math.log10(t), 0.0], [math.log10(t), FARTHEST]], np.float32)
        marks = (
            Image(values, bounds, "batlow"),
            Curve(line, color="data", width=2.0),
            Curve(now, color="text", dash=True),
        )
        return Picture(
            "Relative error over time and distance", marks, bounds, "log₁₀ t", "distance from the data / scale",
            square=False, scale=(LOW, HIGH, "log₁₀ ∥s_θ − s∥/∥s∥"),
            about="Below the line lie 99% of pₜ: above it the density is low and nobody trains. Dashed: now. "
            "Distances are in units of √(α² + σ²).",
        )  # fmt: skip


def _both(context: Context, x: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The score in use and the exact one at x (n, d), finite."""
    with torch.no_grad():
        return context.resolved.score(x, t), context.exact(x, t)


def _draws(e: Experiment, t: float, n: int) -> torch.Tensor:
    """n draws of p_t (n, d)."""
    rng = np.random.default_rng(noise.seed_of(e.seed, noise.PROBE, 1))
    x0 = torch.from_numpy(e.data.mixture.sample(n, rng)[0])
    return e.sde.perturb(x0, t, noise.normal((n, e.data.dim), e.seed, noise.PROBE, 1))


def _contours(e: Experiment, t: float, bounds: Bounds) -> tuple[Mark, ...]:
    """Lines of equal density of p_t."""
    look = Look(
        particles=False,
        trails=False,
        moves=False,
        density=False,
        field="none",
        contours=True,
        follow=e.data.dim == 1,
    )
    frame = Frame(np.zeros((1, e.data.dim), np.float32), t, *e.sde.marginal(t), 1, 1, 0)
    return compose(Scene(e, look, [frame], lambda x, t: x, bounds))


def _size_and_angle(
    size: Numbers, turned: Numbers, bounds: Bounds, around: tuple[Mark, ...], arrows: tuple[Mark, ...],
    labels: tuple[str, str], when: str,
) -> tuple[Picture, Picture]:  # fmt: skip
    low, high = math.floor(np.quantile(size, 0.02)), math.ceil(np.quantile(size, 0.98))
    high = max(high, low + 1)
    square = labels[0] != "t"
    of_size = Picture(
        f"Size of the error {when}", (Image(_unit(size, low, high), bounds, "batlow"), *around, *arrows), bounds,
        *labels, square=square, scale=(low, high, "log₁₀ ∥s_θ − s∥"),
        about="The arrows point along the error; the lines are of equal density of p_t." if arrows else
        "The lines are of equal density of p_t.",
    )  # fmt: skip
    of_angle = Picture(
        f"Angle, learned to exact, {when}", (Image(_unit(turned, 0, 180), bounds, "batlow"), *around), bounds,
        *labels, square=square, scale=(0.0, 180.0, "degrees"),
        about="Up to 90° a step along the learned score still goes uphill in density.",
    )  # fmt: skip
    return of_size, of_angle


def _unit(values: Numbers, low: float, high: float) -> np.ndarray:
    """float32 in [0, 1] for an image."""
    return np.clip((values - low) / (high - low), 0.0, 1.0).astype(np.float32)


def _filled(grid: Numbers) -> Numbers:
    """Cells without a point take the value of the next one below that has one, else of the next above."""
    out = grid.copy()
    for column in out.T:
        known = np.flatnonzero(np.isfinite(column))
        if len(known):
            column[:] = column[
                known[np.maximum(np.searchsorted(known, np.arange(len(column)), "right") - 1, 0)]
            ]
        else:
            column[:] = LOW
    return out


def _far(grid: Numbers, reach: Numbers, rows: int) -> str:
    """The medians below and above the line, over all times."""
    middles = (np.arange(rows) + 0.5) * FARTHEST / rows
    above = middles[:, None] > reach
    near, far = (
        10 ** np.nanmedian(grid[where]) if np.isfinite(grid[where]).any() else math.nan
        for where in (~above, above)
    )
    return f"Over all t it is {near:.1%} within reach of 99% of pₜ and {far:.1%} beyond."
