"""The space-time figure: the density over (t, x) with the paths of the SDE and the lines of the ODE on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.data.distributions import Mixture
from explorer.diffusion import grids, noise
from explorer.diffusion.samplers import SOLVERS, Reverse, Sampler
from explorer.diffusion.sdes import SDE
from explorer.diffusion.simulate import simulate
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Picture
from explorer.figures.marks import Curve, Image, Mark, Text
from explorer.figures.views.base import middles
from explorer.labs.base import LABS, Context, Lab, Report

#: Cells of the heat map: across for each half, and up.
ACROSS, UP = 160, 200
#: Steps of the paths and of the lines: more than a figure shows.
PATH_STEPS, LINE_STEPS = 240, 120
#: How far the densities at the ends stand out, in units of t.
WING = 0.16
#: Share of the particles' spread that the picture shows above and below.
REACH = 3.4


@LABS.register("space_time", title="Space-time figure", order=20)
@dataclass(frozen=True)
class SpaceTime(Lab):
    """Data turns into noise and noise into data: Song's figure, for any data and any SDE."""

    section = "see"
    about = (
        "The exact density of x(t) as a heat map over time, stochastic paths of the SDE and smooth lines of "
        "the probability-flow ODE over it. Both have these densities; each line belongs to one starting point."
    )
    equation = r"dx = [f - g^2 \score{s}]\, dt + \noise{g\, d\bar{w}} \qquad dx = [f - \frac{1}{2} g^2 \score{s}]\, dt"
    source = "Song et al. 2021, Figures 1 and 2, eq. 6 and 13"

    shown: str = param(
        "both", "Shown", choices={"both": "There and back", "forward": "Forward", "reverse": "Reverse"},
        help="Data to noise by the forward SDE, noise to data by the reverse SDE, or one after the other.",
        equation="dx = f dt + g dw | dx = (f − g²s) dt + g dw̄",
    )  # fmt: skip
    paths: int = param(
        6, "SDE paths", low=0, high=40, minimum=0, maximum=500, help="Stochastic paths in each half.",
        symbol="m", equation="dx = f dt + g dw",
    )  # fmt: skip
    lines: int = param(
        9, "ODE lines", low=0, high=40, minimum=0, maximum=500,
        help="Lines of the probability flow, from evenly spaced quantiles of the prior where the data is "
        "one-dimensional, else from random points of it.", symbol="k", equation="dx/dt = f − ½ g² s",
    )  # fmt: skip
    angle: float = param(
        0.0, "Direction", symbol="θ", unit="°", low=0.0, high=180.0, minimum=-360.0, maximum=360.0,
        help="Data in the plane is seen along one direction: u·x with u = (cos θ, sin θ).",
        equation="u·x ~ Σ w_k N(α u·m_k, α² uᵀS_k u + σ²)",
    )  # fmt: skip
    follow: bool = param(
        True, "In units of the noise",
        help="Divide x by √(α² + σ²), so that data and noise fill the same height. Off: x itself.",
        equation="x / √(α² + σ²)",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> SpaceTime:
        return cls(paths=2, lines=2)

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        flat = _Flat(e, self.angle, self.follow)
        halves = ("forward", "reverse") if self.shown == "both" else (self.shown,)
        maps = [m for i, half in enumerate(halves) for m in flat.half(i, half == "forward")]
        yield self._report(flat, halves, maps, 0.2)
        ode = _ode_lines(context, self.lines) if self.lines else None
        drawn: list[Mark] = []
        arrays = {}
        for i, half in enumerate(halves):
            if ode is not None:
                drawn += flat.curves(*ode, i, half == "forward", "text", 1.2)
                arrays["ode_t"], arrays["ode_x"] = ode
            if self.paths:
                times, x = _sde_paths(context, half, self.paths)
                drawn += flat.curves(times, x, i, half == "forward", "noise", 1.0)
                arrays |= {f"{half}_t": times, f"{half}_x": x}
            yield self._report(flat, halves, maps + drawn, (i + 2) / (len(halves) + 1), arrays)

    def _report(
        self,
        flat: _Flat,
        halves: tuple[str, ...],
        marks: list[Mark],
        progress: float,
        arrays: dict[str, np.ndarray] | None = None,
    ) -> Report:
        top = flat.top
        starts, ends = halves[0] == "forward", halves[-1] == "forward"
        ticks: list[Mark] = [
            _tick(0.0, top, "t = 0, data" if starts else "t = 1, noise", "nw"),
            _tick(len(halves), top, "t = 1, noise" if ends else "t = 0, data", "ne"),
        ]
        if len(halves) == 2:
            ticks.append(_tick(1.0, top, "t = 1, noise", "n"))
        bounds = (-WING - 0.02, len(halves) + WING + 0.02, -1.16 * top, top)
        title = {"both": "Forward SDE, then reverse SDE", "forward": "Forward SDE", "reverse": "Reverse SDE"}
        figure = Picture(
            title[self.shown], (*marks, *ticks), bounds, "", flat.label, square=False,
            about="Heat map: density of each time, the root of its share of that time's peak. Orange: paths of "
            "the SDE. Thin lines: the probability flow.",
        )  # fmt: skip
        return Report((figure,), min(progress, 1.0), flat.words(), arrays or {})


class _Flat:
    """One coordinate of the data over time, in the units of the picture."""

    def __init__(self, e: Experiment, angle: float, follow: bool) -> None:
        self.e, self.follow = e, follow
        turn = math.radians(angle)
        self.u = np.ones(1) if e.data.dim == 1 else np.array([math.cos(turn), math.sin(turn)])
        self.mixture: Mixture = e.data.mixture.projected(self.u)
        spread = math.hypot(self.mixture.std, float(self.mixture.mean[0]))
        widest = max(math.hypot(a * spread, s) / self.unit(t) for t, a, s in _levels(e.sde))
        self.top = REACH * widest

    @property
    def label(self) -> str:
        axis = "x" if self.e.data.dim == 1 else "u·x"
        return f"{axis} / √(α² + σ²)" if self.follow else axis

    def unit(self, t: float) -> float:
        """How many data units a unit of the picture is at time t."""
        return math.hypot(*self.e.sde.marginal(t)) if self.follow and t > 0 else 1.0

    def density(self, t: float, y: np.ndarray) -> np.ndarray:
        """The density of the picture's coordinate at y (n,)."""
        alpha, sigma = self.e.sde.marginal(t) if t > 0 else (1.0, 0.0)
        unit = self.unit(t)
        x = torch.from_numpy(y * unit)[:, None]
        return np.asarray(self.mixture.log_density(x, alpha, sigma).exp().numpy() * unit)

    def half(self, place: int, forward: bool) -> list[Mark]:
        """The heat map of one half, from `place` to `place` + 1, and the densities at its ends."""
        y, ts = middles(-self.top, self.top, UP), middles(0.0, 1.0, ACROSS)
        columns = np.stack([self.density(float(t), y) for t in (ts if forward else ts[::-1])], axis=1)
        values = np.sqrt(columns / columns.max(axis=0, keepdims=True)).astype(np.float32)
        marks: list[Mark] = [Image(values, (place, place + 1, -self.top, self.top))]
        if place == 0:
            marks.append(self._wing(0.0 if forward else 1.0, y, 0.0, -1))
        data_last = 1.0 if forward else 0.0
        marks.append(self._wing(data_last, y, place + 1.0, 1))
        return marks

    def _wing(self, t: float, y: np.ndarray, edge: float, side: int) -> Curve:
        p = self.density(t, y)
        out = edge + side * (0.02 + (WING - 0.02) * p / p.max())
        return Curve(np.column_stack([out, y]).astype(np.float32), "accent", 1.4)

    def curves(
        self, times: np.ndarray, x: np.ndarray, place: int, forward: bool, color: str, width: float
    ) -> list[Mark]:
        """Paths x (m, n, d) at times (m,) as curves of the half at `place`."""
        across = place + (times if forward else 1 - times)
        y = (x @ self.u) / np.array([self.unit(float(t)) for t in times])[:, None]
        return [Curve(np.column_stack([across, path]).astype(np.float32), color, width, 0.85) for path in y.T]

    def words(self) -> str:
        e = self.e
        alpha, sigma = e.sde.marginal(e.sde.T)
        left = alpha * math.hypot(self.mixture.std, float(self.mixture.mean[0]))
        lines = (
            "lines of the ODE never do: each keeps its share of the probability below it"
            if e.data.dim == 1
            else "lines of the ODE never meet in the plane, though they may seem to from one side"
        )
        return (
            f"{e.sde.title}: at t = 1: signal {left:.2g}, noise {sigma:.3g}. Stochastic paths cross; {lines}."
        )


def _levels(sde: SDE) -> list[tuple[float, float, float]]:
    return [(t, *sde.marginal(t)) for t in np.linspace(1e-3, 1.0, 25).tolist()]


def _tick(x: float, top: float, words: str, anchor: str) -> Text:
    return Text((x, -1.02 * top), words, "muted", 12.0, anchor)


def _sde_paths(context: Context, half: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Times (m,) and paths (m, n, d) of the forward or the reverse SDE."""
    e = context.experiment
    sampler = Sampler(mode=half, particles=count, steps=PATH_STEPS)
    frames = list(simulate(e.sde, sampler, context.resolved.score, e.data.mixture, e.seed))
    return np.array([f.t for f in frames]), np.stack([f.x for f in frames]).astype(np.float64)


def _ode_lines(context: Context, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Times (m,) and lines (m, n, d) of the probability flow, from points of the prior."""
    e = context.experiment
    process, solver = Reverse(e.sde, context.resolved.score, 0.0), SOLVERS["heun"]()
    x = _starts(count, e.data.dim, e.seed) * e.sde.prior_std
    times, lines = grids.times("uniform", LINE_STEPS, e.sde), [x]
    with torch.no_grad():
        for t, t_next in pairwise(times):
            x = solver.step(process, x, t, t_next, torch.zeros_like(x)).x
            lines.append(x)
    return np.array(times), torch.stack(lines).double().numpy()


def _starts(count: int, dim: int, seed: int) -> torch.Tensor:
    if dim == 1:
        return torch.special.ndtri((torch.arange(count) + 0.5) / count)[:, None]
    return noise.normal((count, dim), seed, noise.PRIOR)
