"""The Fokker-Planck equation on a grid: dp/dt = -div(f p) + ½ g² Δp, in one or two dimensions.

A finite-volume scheme with Scharfetter and Gummel's fluxes (1969; Chang and Cooper 1970 by another road), and
backward Euler steps along one axis after the other. What holds for every step size: mass is kept to rounding, no
density becomes negative, and the Boltzmann law exp(-U/T) at the cell centres stays exactly as it is. The error is
of second order in the cell width h, of first order in the time step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.base.lazy import torch
from explorer.data import metrics
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.sdes.base import SDE

#: Values at the cell centres: (n,) in one dimension, (n, n) in two, the first axis being x.
Density: TypeAlias = NDArray[np.float64]
#: e^700 is about the largest number that a float holds.
_LARGEST = 700.0


@dataclass(frozen=True)
class Grid:
    """`cells` equal cells along each of `dim` axes, over `centre` ± `half`."""

    cells: int
    half: float
    centre: tuple[float, ...] = (0.0,)

    @property
    def dim(self) -> int:
        """1 or 2."""
        return len(self.centre)

    @property
    def h(self) -> float:
        """The width of a cell."""
        return 2 * self.half / self.cells

    @property
    def volume(self) -> float:
        """The volume of a cell."""
        return self.h**self.dim

    @cached_property
    def offsets(self) -> Density:
        """Cell centres along an axis (n,), from `centre`."""
        return np.asarray(-self.half + self.h * (np.arange(self.cells) + 0.5), np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a density."""
        return (self.cells,) * self.dim

    def axis(self, i: int) -> Density:
        """Cell centres along axis i (n,)."""
        return np.asarray(self.centre[i] + self.offsets)

    def points(self) -> Density:
        """All cell centres (cells^dim, dim), in the order of a flattened density."""
        axes = np.meshgrid(*(self.axis(i) for i in range(self.dim)), indexing="ij")
        return np.stack(axes, -1).reshape(-1, self.dim)

    def log_density(self, mixture: Mixture, alpha: float = 1.0, sigma: float = 0.0) -> Density:
        """log p_t of a mixture at the cell centres, without a lowest value."""
        flat = mixture.log_density(torch.from_numpy(self.points()), alpha, sigma)
        return np.asarray(flat.numpy().reshape(self.shape))

    def law(self, log_density: Density) -> Density:
        """exp(log_density), scaled to mass 1 on this grid."""
        p = np.exp(log_density - log_density.max())
        return np.asarray(p / (p.sum() * self.volume))

    def mass(self, p: Density) -> float:
        """The integral of a density."""
        return float(p.sum() * self.volume)

    def histogram(self, x: np.ndarray) -> Density:
        """The density of points x (n, dim); those outside count in the cells at the edge."""
        place = np.floor((x - (np.array(self.centre) - self.half)) / self.h).astype(int)
        index = tuple(np.clip(place, 0, self.cells - 1).T)
        count = np.zeros(self.shape)
        np.add.at(count, index, 1.0)
        return np.asarray(count / (len(x) * self.volume))

    def coarser(self, factor: int) -> Grid:
        """The grid whose cells are `factor` times as wide."""
        return Grid(self.cells // factor, self.half, self.centre)

    def merged(self, p: Density, factor: int) -> Density:
        """A density on the grid `coarser(factor)`: means over its cells."""
        for i in range(self.dim):
            p = p.reshape(*p.shape[:i], -1, factor, *p.shape[i + 1 :]).mean(axis=i + 1)
        return p

    def total_variation(self, p: Density, q: Density) -> float:
        """½ ∫ |p - q|: 0 for equal laws, 1 for laws that share nothing."""
        return float(0.5 * np.abs(p - q).sum() * self.volume)

    def divergence(self, p: Density, q: Density) -> float:
        """KL(p ∥ q) in nats; cells where p is 0 give nothing. The free energy above equilibrium, over T."""
        tiny = np.finfo(float).tiny
        return float((p * np.log(np.maximum(p, tiny) / np.maximum(q, tiny))).sum() * self.volume)

    def sampling_noise(self, p: Density, n: int) -> float:
        """The expected total variation between p and the histogram of n draws from it, about."""
        return metrics.counting_noise(p * self.volume, n)


def bernoulli(x: Density) -> Density:
    """x/(e^x - 1), 1 at 0."""
    near = np.abs(x) < 1e-4
    safe = np.where(near, 1.0, np.minimum(x, _LARGEST))
    return np.where(near, 1 - x / 2 + x * x / 12, safe / np.expm1(safe))


class Lines:
    """One backward Euler step along the first axis, for all lines at once: p -> (1 - dt A)^-1 p.

    steps (n-1, m): (U_i+1 - U_i)/D between neighbouring cells of m lines (m = 1 where all are alike); rate:
    D dt/h². The flux D/h (B(δ) p_i - B(-δ) p_i+1) vanishes for exp(-U/D), and there is none through the ends.
    The elimination never subtracts, so every value keeps its digits however small it is.
    """

    def __init__(self, steps: Density, rate: float) -> None:
        up, down = rate * bernoulli(steps), rate * bernoulli(-steps)
        pivots = np.empty((len(steps) + 1, steps.shape[1]))
        rest = np.ones(steps.shape[1])
        for i in range(len(steps)):
            pivots[i] = rest + up[i]
            rest = 1 + down[i] * (rest / pivots[i])
        pivots[-1] = rest
        self._onward, self._back = up / pivots[:-1], down / pivots[:-1]
        self._scale = 1 / pivots

    def solve(self, p: Density) -> Density:
        """p (n, m) after the step."""
        p = p.copy()
        for i, share in enumerate(self._onward):
            p[i + 1] += share * p[i]
        p *= self._scale
        for i in range(len(p) - 2, -1, -1):
            p[i] += self._back[i] * p[i + 1]
        return p


def _sweep(p: Density, lines: Sequence[Lines], backwards: bool) -> Density:
    """Each axis in turn; the order changes from step to step, so that no axis comes first."""
    if p.ndim == 1:
        return lines[0].solve(p[:, None])[:, 0]
    for i in (1, 0) if backwards else (0, 1):
        p = lines[i].solve(p if i == 0 else np.ascontiguousarray(p.T))
        p = p if i == 0 else np.ascontiguousarray(p.T)
    return p


class Langevin:
    """The law of dx = -∇U dτ + sqrt(2T) dw: dp/dτ = ∇·(p ∇U + T ∇p), which settles in exp(-U/T).

    potential: U at the cell centres of `grid`. One `step` takes `dt` of τ.
    """

    def __init__(self, grid: Grid, potential: Density, temperature: float, dt: float) -> None:
        self.grid, self.dt, self._count = grid, dt, 0
        self.equilibrium = grid.law(-potential / temperature)
        rate = temperature * dt / grid.h**2
        along = [np.diff(u, axis=0) / temperature for u in (potential, potential.T)[: grid.dim]]
        self._lines = [Lines(d[:, None] if grid.dim == 1 else d, rate) for d in along]

    def step(self, p: Density) -> Density:
        """p after dt more."""
        self._count += 1
        return _sweep(p, self._lines, self._count % 2 == 0)


class Forward:
    """The law of a forward SDE dx = f(t) x dt + g(t) dw, in a frame that grows with it.

    The grid is that of y = (x - alpha m)/r with r² = alpha² s² + sigma² (m, s: mean and standard deviation of
    the data), so the cloud keeps its size while VE spreads by a thousand. There dy = (f - r'/r) y dt + (g/r) dw.
    """

    def __init__(self, grid: Grid, sde: SDE, mixture: Mixture) -> None:
        self.grid, self.sde, self.mixture = grid, sde, mixture
        self._faces = grid.offsets[:-1, None] + 0.5 * grid.h

    def scale(self, t: float) -> float:
        """r(t)."""
        return self.mixture.spread(*self.sde.marginal(t))

    def exact(self, t: float) -> Density:
        """The closed form of p_t in this frame, of mass 1 on the grid."""
        alpha, sigma = self.sde.marginal(t)
        y = torch.from_numpy(self.grid.points())
        x = alpha * torch.from_numpy(self.mixture.mean) + self.scale(t) * y
        return self.grid.law(self.mixture.log_density(x, alpha, sigma).numpy().reshape(self.grid.shape))

    def to_frame(self, x: np.ndarray, t: float) -> np.ndarray:
        """Points x (n, d) at time t as y."""
        return np.asarray((x - self.sde.marginal(t)[0] * self.mixture.mean) / self.scale(t))

    def times(self, steps: int) -> list[float]:
        """steps + 1 times from `start` to T, sigma/alpha growing in equal ratios."""
        return self.between(self.start(), self.sde.T, steps)

    def between(self, t: float, t_next: float, steps: int) -> list[float]:
        """steps + 1 times from t to t_next, sigma/alpha growing in equal ratios."""
        low, high = self.sde.noise_level(t), self.sde.noise_level(t_next)
        inside = (self.sde.time_at(low * (high / low) ** (k / steps)) for k in range(1, steps))
        return [t, *inside, t_next]

    def start(self, cells: float = 1.25) -> float:
        """The first t at which the narrowest mode is `cells` cells wide: before that the grid cannot show it."""
        low, high = 1e-5, self.sde.T
        narrowest = float(self.mixture.scales.min())

        def wide(t: float) -> bool:
            alpha, sigma = self.sde.marginal(t)
            return math.hypot(alpha * narrowest, sigma) >= cells * self.grid.h * self.scale(t)

        if wide(low):
            return low
        for _ in range(50):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if wide(middle) else (middle, high)
        return high

    def step(self, p: Density, t: float, t_next: float) -> Density:
        """p at t_next, from p at t < t_next. Drift and diffusion are averaged over the step (Simpson)."""
        middle = 0.5 * (t + t_next)
        weighted = [(t, 1 / 6), (middle, 4 / 6), (t_next, 1 / 6)]
        dt = t_next - t
        shrink = dt * sum(w * self.sde.decay(s) for s, w in weighted)
        pull = math.log(self.scale(t_next) / self.scale(t)) - shrink
        spread = dt * sum(w * 0.5 * (self.sde.diffusion(s) / self.scale(s)) ** 2 for s, w in weighted)
        h = self.grid.h
        lines = [Lines(pull * h / spread * self._faces, spread / h**2)] * self.grid.dim
        return _sweep(p, lines, False)
