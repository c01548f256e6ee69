"""The density that a score has learned: by the probability-flow ODE, beside the exact one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np

from explorer.analysis.likelihood import (
    DIVERGENCES,
    ENDS,
    PICTURE,
    PROBES,
    START,
    Divergence,
    Exact,
    Measured,
    estimated,
    hutchinson,
    measured,
    on_points,
)
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.figures.marks import Array, Bounds, Image, Mark
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.density_parts import (
    Grid,
    draws,
    flow_of,
    line_density,
    report,
    shade,
    watched,
    whole,
)
from explorer.labs.toolkit.pace import Pace

#: Cells of the first picture, and of a density along a line.
COARSE, ALONG = 26, 400
#: Differences are shown where one of the two densities is within so many nats of the peak.
SEEN = 5.0


@LABS.register("likelihood", title="Log-likelihood", order=10)
@dataclass(frozen=True)
class Likelihood(Lab):
    """log p_t(x) of the score in use, against the closed form."""

    section = "density"
    main = ("Learned: p", "Density, t")
    about = (
        "A score determines a density: along the probability-flow ODE log p falls by the divergence of the field. "
        "The density that the score in use has learned, the exact one, and their difference in nats."
    )
    equation = (
        r"\log p_0(x) = \log p_T(x_T) + \int_0^T \nabla\cdot(\drift{f} - \frac{1}{2} g^2 \score{s})\, dt"
    )
    source = "Song et al. 2021, eq. 39, 40; Chen et al. 2018; Hutchinson 1990"

    t: float = param(
        0.0, "Time", symbol="t", low=0.0, high=1.0,
        help="The density of the noised data at this time; 0 for the data itself.", equation="log pₜ(x)",
    )  # fmt: skip
    divergence: str = param(
        "exact", "Divergence", choices=DIVERGENCES,
        help="Exact: every entry of the Jacobian's diagonal, one tangent of the network a coordinate. Hutchinson's: "
        "random probes, one pass each whatever the dimension, right on average.",
        equation="∇·s = Σ ∂sᵢ/∂xᵢ = E[vᵀ(∇s)v]",
    )  # fmt: skip
    probes: int = param(
        8, "Probes", symbol="k", low=1, high=32, minimum=1, maximum=256,
        visible=lambda lab: lab.divergence == "hutchinson",
        help="Independent probes; their spread gives the error bars, from eight on. In the plane a pair of Rademacher "
        "probes, (a, b) and (a, −b), is exact.", equation="error = std/√k",
    )  # fmt: skip
    probe: str = param(
        "rademacher", "Probe distribution", choices=PROBES, visible=lambda lab: lab.divergence == "hutchinson",
        help="Rademacher probes see only what is off the Jacobian's diagonal; Gaussian ones scatter more, with heavy "
        "tails: their error bars are too short.",
        equation="E[vvᵀ] = I",
    )  # fmt: skip
    end: str = param(
        "prior", "Density at T", choices=ENDS,
        help="The prior is what is known in practice; the exact p_T leaves the errors of score and solver alone.",
        equation="log p_T(x_T)",
    )  # fmt: skip
    points: int = param(
        400, "Samples", symbol="n", low=50, high=5000, minimum=2, maximum=50_000, log=True,
        help="Data points on which the error is averaged.", equation="(1/n) Σ |log p̂(xᵢ) − log p(xᵢ)|",
    )  # fmt: skip
    cells: int = param(
        100, "Cells", low=20, high=160, minimum=4, maximum=400,
        help="Cells of the image, up and across.",
        symbol="m", equation="∫p ≈ Σ p(xᵢⱼ) h², h = width/m",
    )  # fmt: skip
    tolerance: float = param(
        PICTURE, "Tolerance", symbol="tol", low=1e-6, high=1e-2, minimum=1e-7, maximum=0.1, log=True, advanced=True,
        help="Error that the solver allows in a step, relative and absolute.", equation="Dormand & Prince 1980",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> Likelihood:
        return cls(points=20, cells=12, tolerance=1e-3)

    def reports(self, context: Context) -> Iterator[Report]:
        work = _Work(self, context)
        if work.dim == 1:
            yield from work.on_a_line()
        else:
            yield from work.in_the_plane()


class _Work:
    """One run of the laboratory."""

    def __init__(self, lab: Likelihood, context: Context) -> None:
        self.lab, self.context, self.e = lab, context, context.experiment
        self.t = max(lab.t, START)
        self.mixture, self.dim = context.exact.mixture, self.e.data.dim
        self.level = self.e.sde.marginal(self.t)
        self.flow = flow_of(context, lab.tolerance)
        self.exact_end = self.mixture if lab.end == "exact" else None
        self.bounds: Bounds = whole(self.mixture, *self.level)

    def divergence(self, x: torch.Tensor) -> Divergence:
        if self.lab.divergence == "exact":
            return Exact()
        return hutchinson(self.lab.probe, self.lab.probes, tuple(x.shape), self.e.seed)

    def in_the_plane(self) -> Iterator[Report]:
        coarse = Grid(self.bounds, min(COARSE, self.lab.cells))
        *_, (_, values) = on_points(self.flow, coarse.points(), self.t, self.divergence, self.exact_end)
        assert values is not None
        now = report(self._pictures(coarse, values), 0.1, "A first, coarse look.")
        yield now
        m = yield from self._measure(now, 0.1, 0.3)
        now = self._report(coarse, values, m, 0.3)
        yield now
        if coarse.cells == self.lab.cells:
            yield self._report(coarse, values, m, 1.0)
            return
        fine, pace = Grid(self.bounds, self.lab.cells), Pace()
        found = on_points(self.flow, fine.points(), self.t, self.divergence, self.exact_end)
        for progress, values in found:
            if values is not None:
                now = self._report(fine, values, m, 0.3 + 0.7 * progress)
            if values is not None or pace.due():
                yield replace(now, progress=0.3 + 0.7 * progress)

    def _measure(self, now: Report, low: float, high: float) -> Generator[Report, None, Measured]:
        x = draws(self.e, self.lab.points, self.t)
        last = yield from watched(self.flow.encode(x, self.t, self.divergence(x)), now, low, high)
        found = estimated(self.flow, last, self.exact_end)
        return measured(found, self.e.sde, self.mixture, x, self.t)

    def _exact(self, grid: Grid) -> np.ndarray:
        return self.mixture.log_density_grid(grid.xs, grid.ys, *self.level).astype(np.float64)

    def _pictures(self, grid: Grid, values: torch.Tensor) -> tuple[Figure, ...]:
        found, exact = values.numpy().reshape(grid.cells, grid.cells), self._exact(grid)
        peak = float(exact.max())
        word = f"pₜ, t = {self.lab.t:.3g}"
        top = float(np.exp(peak))
        scale = (0.0, top, "density (root scale)")
        return (
            self._picture(f"Learned: {word}", (shade(found, grid.bounds, peak),), scale, "density"),
            self._picture(f"Exact: {word}", (shade(exact, grid.bounds, peak),), scale, "density"),
            self._difference(grid.bounds, found, exact, peak),
        )

    def _picture(
        self, title: str, marks: tuple[Mark, ...], scale: tuple[float, float, str], colormap: str
    ) -> Picture:
        return Picture(title, marks, self.bounds, "x₁", "x₂", scale=scale, colormap=colormap)

    def _difference(self, bounds: Bounds, found: np.ndarray, exact: np.ndarray, peak: float) -> Picture:
        seen = np.maximum(found, exact) > peak - SEEN
        gap = np.where(seen, found - exact, 0.0)
        limit = max(float(np.quantile(np.abs(gap[seen]), 0.95)) if seen.any() else 0.0, 1e-4)
        image: Array = (0.5 + 0.5 * np.clip(gap / limit, -1, 1)).astype(np.float32)
        picture = self._picture(
            "Learned minus exact log-density", (Image(image, bounds, "difference"),),
            (-limit, limit, "nats"), "difference",
        )  # fmt: skip
        about = f"Where a density is within {SEEN:g} nats of the peak; the colours end at the 95% quantile."
        return replace(picture, about=about)

    def _report(self, grid: Grid, values: torch.Tensor, m: Measured, progress: float) -> Report:
        found, exact = values.numpy(), self._exact(grid).ravel()
        totals = [float(np.exp(np.clip(v, -700, 700)).sum() * grid.cell) for v in (found, exact)]
        figures = (*self._pictures(grid, values), self._scatter(m), self._table(m, totals))
        return report(
            figures, progress, self._words(m, totals), log_density=found, exact=exact, xs=grid.xs, ys=grid.ys,
            sample_log_density=m.estimate.values.numpy(), sample_exact=m.truth,
        )  # fmt: skip

    def _words(self, m: Measured, totals: list[float]) -> str:
        error, spread = m.mean_error
        (mean, bar), exact = m.estimate.mean(), m.truth.mean()
        probed = f" ± {bar:.2g} (probes)" if bar else ""
        return (
            f"With the {self.context.resolved.named}, log p of {len(m.truth)} data points is {mean:.3f}{probed} nats "
            f"on average, the truth {exact:.3f}; the mean absolute error is {error:.2g} ± {spread:.1g} nats. "
            f"The density found integrates to {totals[0]:.3f} over the image, the exact one to {totals[1]:.3f}."
        )

    def _scatter(self, m: Measured) -> Plot:
        error = m.estimate.error
        line = np.array([m.truth.min(), m.truth.max()])
        bars = None if error is None else error.numpy()
        return Plot(
            "Data points", "exact log pₜ(x), nats", "estimated, nats",
            (
                Series("exact", line, line, "muted"),
                Series("found by the ODE", m.truth, m.estimate.values.numpy(), "score", "none", True, bars),
            ),
            about="" if bars is None else "Bars are the standard error over the probes.",
        )  # fmt: skip

    def _table(self, m: Measured, totals: list[float]) -> Table:
        (mean, bar), (error, spread) = m.estimate.mean(), m.mean_error
        rows: tuple[tuple[str | float | int, ...], ...] = (
            ("integral over the image", totals[0], "", totals[1]),
            ("mean log p over the samples, nats", mean, bar or "", float(m.truth.mean())),
            ("mean absolute error, nats", error, spread, 0.0),
            ("mean of log prior − log p_T at the codes, nats", float(m.mismatch.mean()), "", 0.0),
            (
                "largest of the same among nine in ten, nats",
                float(np.quantile(np.abs(m.mismatch), 0.9)),
                "",
                0.0,
            ),
            ("evaluations of the score (NFE)", m.estimate.nfe, "", 0),
        )
        return Table("Measured", ("quantity", "found", "±", "exact"), rows)

    def on_a_line(self) -> Iterator[Report]:
        """One-dimensional data: curves instead of pictures."""
        left, right = self.bounds[:2]
        xs = left + (np.arange(ALONG) + 0.5) * (right - left) / ALONG
        x = torch.from_numpy(xs)[:, None]
        *_, (_, values) = on_points(self.flow, x, self.t, self.divergence, self.exact_end)
        assert values is not None
        found, exact = values.numpy(), line_density(self.mixture, xs, *self.level)
        curves = self._curves(xs, found, exact)
        now = report(curves, 0.6, "")
        m = yield from self._measure(now, 0.6, 1.0)
        totals = [float(np.exp(v).sum() * (right - left) / ALONG) for v in (found, exact)]
        yield report(
            (*curves, self._scatter(m), self._table(m, totals)), 1.0, self._words(m, totals),
            xs=xs, log_density=found, exact=exact,
            sample_log_density=m.estimate.values.numpy(), sample_exact=m.truth,
        )  # fmt: skip

    def _curves(self, xs: np.ndarray, found: np.ndarray, exact: np.ndarray) -> tuple[Plot, Plot]:
        seen = np.maximum(found, exact) > exact.max() - SEEN
        gap = np.where(seen, found - exact, np.nan)
        return (
            Plot(
                f"Density, t = {self.lab.t:.3g}", "x", "pₜ(x)",
                (Series("learned", xs, np.exp(found), "score"), Series("exact", xs, np.exp(exact), "muted", "dash")),
            ),
            Plot(
                "Learned minus exact log-density", "x", "nats", (Series("difference", xs, gap, "score"),),
                about=f"Where a density is within {SEEN:g} nats of the peak.",
            ),
        )  # fmt: skip
