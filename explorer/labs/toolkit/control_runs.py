"""What the laboratories on control share: guided runs, how far they are from p(x | y), and their pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from explorer.base.lazy import torch
from explorer.data.distributions.mixture import Mixture
from explorer.data.metrics import reference
from explorer.diffusion.frames import Array
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.simulate import simulate
from explorer.experiment.resolution import Resolved, controlled
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Series
from explorer.figures.marks import Bounds, Image, Mark, Points
from explorer.guidance import Control
from explorer.labs.toolkit import fields


def reverse(sampler: Sampler, particles: int, steps: int, corrections: int = 0) -> Sampler:
    """The sampler of the experiment on so many particles and steps; reverse SDE where its mode has no such run.

    A method without steps (an adaptive solver, no predictor) gives way to the usual one.
    """
    usual = Sampler()
    return replace(
        sampler, mode="pc" if corrections else "ode" if sampler.mode == "ode" else "reverse",
        predictor=sampler.predictor if sampler.predictor.nfe_per_step else usual.predictor,
        solver=usual.solver if sampler.solver.adaptive else sampler.solver,
        particles=particles, steps=steps, corrector_steps=corrections,
    )  # fmt: skip


def run(e: Experiment, plain: Resolved, control: Control, sampler: Sampler, seed: int) -> Array:
    """The last particles (n, d) of a run under `control`."""
    guided = replace(e, control=control)
    score = controlled(plain, guided).score
    frames = deque(simulate(e.sde, sampler, score, guided.target, seed), maxlen=1)
    return frames[0].x


def draw(mixture: Mixture, n: int, seed: int) -> Array:
    """n points of a mixture (n, d), of a stream of their own."""
    return mixture.sample(n, np.random.default_rng([seed, *b"control"]))[0]


@dataclass(frozen=True, eq=False)
class Distances:
    """The energy distance of n samples to p(x | y), against the one large draw of it."""

    target: Mixture
    n: int
    _known: dict[int, tuple[Array, float]] = field(default_factory=dict)

    @cached_property
    def floor(self) -> float:
        """What n points of the law itself come to, on average."""
        return reference(self.target).floor("energy_distance", self.n).mean

    def __call__(self, x: Array) -> float:
        """Of an array of samples (n, d) that does not change: it is measured once."""
        if id(x) not in self._known:
            self._known[id(x)] = (x, reference(self.target).energy_distance(x))
        return self._known[id(x)][1]


def spread_of(x: Array, target: Mixture) -> float:
    """Root mean variance of x over that of the target: 1 where the samples are as wide as they should be."""
    wanted = float(np.sqrt(np.trace(target.covariance)))
    return float(np.sqrt(x.astype(np.float64).var(axis=0).sum())) / max(wanted, 1e-12)


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """The mean over seeds and its standard error (0 for one)."""
    v = np.asarray(values, np.float64)
    return float(v.mean()), float(v.std(ddof=1) / np.sqrt(len(v))) if len(v) > 1 else 0.0


def bounds_of(mixture: Mixture, margin: float = 1.25) -> Bounds:
    """A square around nearly all of a mixture in the plane."""
    reach = np.abs(mixture.means).max() + 3 * mixture.scales.max()
    half = float(margin * min(reach, 5 * mixture.std + np.abs(mixture.mean).max()))
    return (-half, half, -half, half)


def bounds_around(target: Mixture, mixture: Mixture) -> Bounds:
    """A square around a conditional distribution in the plane, with room for samples that are pushed beyond it: no
    larger than all of the data needs, no smaller than two fifths of that."""
    whole = bounds_of(mixture)
    spread = float(np.sqrt(np.linalg.eigvalsh(target.covariance)[-1]))
    half = min(max(5 * spread, 0.4 * whole[1]), whole[1])
    x, y = (float(np.clip(v, -(whole[1] - half), whole[1] - half)) for v in target.mean)
    return (x - half, x + half, y - half, y + half)


def density_image(mixture: Mixture, bounds: Bounds) -> Image:
    """sqrt(p/max p) of a mixture in the plane, blurred by less than a cell: a posterior may lie on a line."""
    left, right, *_ = bounds
    return fields.density_image(mixture, 1.0, 0.4 * (right - left) / fields.CELLS, bounds, 1.0)


def cloud(x: Array, color: str = "text", size: float = 3.5, alpha: float = 0.8) -> Mark:
    """Particles in the plane as points."""
    return Points(np.ascontiguousarray(x[:, :2], np.float32), color, size, alpha)


def law_on(mixture: Mixture, xs: Array, width: float = 0.0) -> np.ndarray:
    """The density of a one-dimensional mixture at xs, blurred by a Gaussian of this width."""
    x = torch.from_numpy(xs.astype(np.float64))[:, None]
    return np.asarray(mixture.log_density(x, 1.0, width).exp().numpy())


def histogram(name: str, values: np.ndarray, edges: np.ndarray, role: str, line: str = "solid") -> Series:
    """The density of some numbers as a histogram's outline."""
    counts = np.histogram(values, edges)[0] / (len(values) * np.diff(edges))
    return Series(name, edges, counts, role, line, steps=True)


def edges_for(mixture: Mixture, *more: np.ndarray, bins: int = 48) -> np.ndarray:
    """Edges over nearly all of a one-dimensional mixture, and of some numbers (their rare outliers aside)."""
    std = float(np.sqrt(mixture.covariance[0, 0])) + 1e-6
    lows = [mixture.mean[0] - 3.2 * std, *(float(np.quantile(v, 0.005)) for v in more)]
    highs = [mixture.mean[0] + 3.2 * std, *(float(np.quantile(v, 0.995)) for v in more)]
    return np.linspace(min(lows), max(highs), bins + 1)


def seeds(first: int, count: int) -> Iterator[int]:
    """Seeds of the repetitions, of which the first is the experiment's own."""
    return iter(range(first, first + count))
