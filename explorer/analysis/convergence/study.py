"""The experiment behind a convergence figure: samplers at several numbers of steps, on shared paths, over seeds."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise, repeat

import numpy as np

from explorer.analysis.convergence.averages import Averages
from explorer.analysis.convergence.methods import Method, unfit
from explorer.analysis.convergence.path import SharedPath
from explorer.base.errors import Refused
from explorer.base.lazy import torch
from explorer.data import metrics
from explorer.data.distributions import Mixture
from explorer.diffusion import grids, noise
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Predictor, Reverse
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDE
from explorer.diffusion.simulate import ScoreFunction, simulate

#: What is measured: key -> words, and the words of the axis.
MEASURES = {
    "strong": "Strong: the same Brownian path",
    "weak": "Weak: averages over the samples",
    "endpoint": "Endpoint of the ODE",
    "law": "Distance to the data",
}
AXES = {
    "strong": "distance to the exact end of the same path",
    "weak": "error of averages, in standard deviations of the data",
    "endpoint": "distance to the exact end of the ODE",
    "law": "energy distance to the data",
}
#: How much finer than the finest run the path and the reference on it are.
FINER = 4
#: And how many steps they have at least: coarse runs need a reference that is right, not only finer.
FINE = 256
#: A path has at most so many steps; numbers of steps must divide one that is not larger.
MOST = 16384
#: The error at which a reference of the ODE is good.
TIGHT = 1e-9
#: The loosest and the tightest tolerance (powers of ten) that stand for few and many steps of an adaptive solver.
TOLERANCES = (-1.0, -6.0)


@dataclass(frozen=True)
class End:
    """Where a run ended: x (n, d) float64, the steps it took and the evaluations it cost per particle."""

    x: np.ndarray
    steps: int
    nfe: int


@dataclass(frozen=True, eq=False)
class Point:
    """One run measured: which method, the how-manieth number of steps, which seed, and its errors (k,).

    The errors are one number, or for the weak measure the signed errors of the test functions' averages.
    """

    method: int
    level: int
    seed: int
    steps: int
    nfe: int
    errors: np.ndarray


@dataclass(frozen=True, eq=False)
class Study:
    """Every method at every number of steps under every seed, in double precision. `points()` gives them as
    they come.

    strong and weak: the end of each path against that of the registry's best predictor on FINER times as many
    steps of the same path (FINE at least). A method whose noise is its own (`Predictor.own_noise`) is its own
    reference.
    endpoint: without noise (η = 0), against the ODE solved to TIGHT.
    law: the energy distance to one large draw of data, by the program's own loop, correctors included.
    Methods of which a measure says nothing are left out: see `unfit`. Raises ValueError for numbers of steps
    that share no path.
    """

    sde: SDE
    score: ScoreFunction
    mixture: Mixture
    methods: tuple[Method, ...]
    steps: tuple[int, ...]
    measure: str = "strong"
    seeds: tuple[int, ...] = (0,)
    particles: int = 200
    grid: str = "uniform"
    #: How particles are averaged: "median", or "rms", the root of the mean square.
    average: str = "median"
    #: The error of the ODE's reference by Richardson's estimate, by seed: filled while `points` runs.
    doubts: dict[int, float] = field(default_factory=dict)
    #: Errors of the references' own averages against the exact law, each (k,), in standard deviations.
    offsets: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        if any(m.eta for m in self.kept) and self.measure != "law" and self.fine > MOST:
            raise Refused(
                f"steps of {', '.join(map(str, self.steps))} share no path of at most {MOST} steps: "
                "let each be twice the one before"
            )

    @cached_property
    def kept(self) -> tuple[Method, ...]:
        """The methods that are run: those of which the measure says something; without noise for the endpoint."""
        good = tuple(m for m in self.methods if not unfit(m, self.measure))
        if self.measure != "endpoint":
            return good
        return tuple(replace(m, sampler=replace(m.sampler, eta=0.0)) for m in good)

    @property
    def fine(self) -> int:
        """Steps of the shared path."""
        return path_steps(self.steps)

    @property
    def total(self) -> int:
        """How many points there will be."""
        return len(self.kept) * len(self.steps) * len(self.seeds)

    def points(self) -> Iterator[Point | None]:
        """The points as they come, from few steps to many, seed by seed; None between moves, to stop at."""
        for i, seed in enumerate(self.seeds):
            path = SharedPath(seed, self.shape, grids.times(self.grid, self.fine, self.sde))
            ends: dict[object, np.ndarray] = {}
            for level, n in enumerate(self.steps):
                for j, method in enumerate(self.kept):
                    if self.measure == "law":
                        end = yield from self._simulated(method, level, seed)
                        yield Point(j, level, i, end.steps, end.nfe, self._from_data(end.x))
                        continue
                    key = j if method.own_noise else method.eta
                    if key not in ends:
                        ends[key] = yield from self._reference(method, path)
                    end = yield from self._walked(self._at(method, level), n, path, method.eta)
                    yield Point(j, level, i, end.steps, end.nfe, self._errors(end.x, ends[key]))

    # --- runs --------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Of the points that move."""
        return self.particles, self.mixture.dim

    def _at(self, method: Method, level: int) -> Predictor:
        """The method as it is at a level: an adaptive solver has a tolerance there."""
        m = method.predictor
        if not m.adaptive:
            return m
        share = level / max(len(self.steps) - 1, 1)
        tolerance = 10 ** (TOLERANCES[0] + share * (TOLERANCES[1] - TOLERANCES[0]))
        at_level: Predictor = replace(m, rtol=tolerance, atol=tolerance)  # type: ignore[type-var]
        return at_level

    def _start(self, seed: int) -> torch.Tensor:
        """x_T (n, d): the prior's draw of the seed; for averages over samples, a draw of the exact p_T."""
        z = noise.normal(self.shape, seed, noise.PRIOR).double()
        if self.measure != "weak":
            return z * self.sde.prior_std
        rng = np.random.default_rng(noise.seed_of(seed, noise.DATA))
        x0 = torch.from_numpy(self.mixture.sample(self.particles, rng)[0]).double()
        return self.sde.perturb(x0, self.sde.T, z)

    def _walked(
        self, method: Predictor, n: int, path: SharedPath, eta: float = 1.0
    ) -> Generator[None, None, End]:
        """Where `method` ends after n steps of the path."""
        process = Reverse(self.sde, doubled(self.score), eta)
        with torch.no_grad():
            x = self._start(path.seed)
        if method.adaptive:
            return (yield from _adaptive(method, process, x))
        times = path.grid(n)
        walk = method.begin(process, times)
        steps = path.increments(n, method.draws) if eta else repeat(torch.zeros_like(x))
        for (t, t_next), z in zip(pairwise(times), steps, strict=False):
            with torch.no_grad():
                x = walk.step(x, t, t_next, z).x
            yield None
        return End(x.numpy(), n, process.evaluations)

    def _simulated(self, method: Method, level: int, seed: int) -> Generator[None, None, End]:
        """Where the program's own loop ends, correctors, last step and all."""
        s = replace(method.sampler, steps=self.steps[level], particles=self.particles, grid=self.grid)
        if method.predictor.adaptive:
            s = replace(s, solver=self._at(method, level))
        frames = simulate(self.sde, s, self.score, self.mixture, seed)
        last = next(frames)
        for frame in frames:
            last = frame
            yield None
        return End(last.x, last.step, last.nfe)

    def _reference(self, method: Method, path: SharedPath) -> Generator[None, None, np.ndarray]:
        """The end of the exact path: x (n, d)."""
        if method.own_noise:
            end = yield from self._walked(method.predictor, self.fine, path, method.eta)
        elif method.eta:
            end = yield from self._walked(best_predictor(), self.fine, path, method.eta)
        else:
            end = yield from self._solved(path.seed)
        if self.measure == "weak":
            self.offsets.append(self.averages.of(end.x) - self.averages.expected)
        return end.x

    def _solved(self, seed: int) -> Generator[None, None, End]:
        """The end of the ODE: the steps of its best solver are doubled until the change says that it is TIGHT.

        Or until that helps no more: a network computes in single precision.
        """
        solver, n, most = best_solver(), 128, FINER * max(512, *self.steps)
        before, last = None, math.inf
        while True:
            path = SharedPath(seed, self.shape, grids.times("log_snr", n, self.sde))
            end = yield from self._walked(solver, n, path, 0.0)
            if before is not None:
                self.doubts[seed] = now = distance(before.x, end.x, self.average) / (2**solver.order - 1)
                if now < TIGHT or now > last / 2 or n >= most:
                    return end
                last = now
            before, n = end, 2 * n

    # --- errors ------------------------------------------------------------------------------------------

    def _errors(self, x: np.ndarray, reference: np.ndarray) -> np.ndarray:
        if self.measure == "weak":
            return self.averages.of(x) - self.averages.of(reference)
        return np.array([distance(x, reference, self.average)])

    def _from_data(self, x: np.ndarray) -> np.ndarray:
        return np.array([metrics.reference(self.mixture).energy_distance(x)])

    @cached_property
    def averages(self) -> Averages:
        """The test functions of the weak measure, under the exact law at eps."""
        return Averages(self.mixture, *self.sde.marginal(self.sde.eps))

    @cached_property
    def floor(self) -> metrics.Floor:
        """The energy distance of as many new points of the data."""
        return metrics.reference(self.mixture).floor("energy_distance", self.particles)


def _adaptive(method: Predictor, process: Reverse, x: torch.Tensor) -> Generator[None, None, End]:
    taken = 0
    steps = method.path(process, x, [process.sde.T, process.sde.eps])
    while True:
        with torch.no_grad():  # not across the yield: the consumer is another's code
            now = next(steps, None)
        if now is None:
            return End(x.numpy(), taken, process.evaluations)
        taken, x = taken + 1, now[1]
        yield None


def path_steps(steps: tuple[int, ...]) -> int:
    """The smallest number that all of these divide, FINER times as large as any and at least FINE."""
    shared = math.lcm(*steps)
    return shared * math.ceil(max(FINER * max(steps), FINE) / shared)


def best_predictor() -> Predictor:
    """The registered predictor of the highest strong order on a given path."""
    return max((cls() for cls in PREDICTORS.values() if not cls.own_noise), key=lambda p: p.order)


def best_solver() -> Predictor:
    """The registered fixed-step solver of the highest order."""
    return max((cls() for cls in SOLVERS.values() if not cls.adaptive), key=lambda p: p.order)


def doubled(score: ScoreFunction) -> ScoreFunction:
    """The score for points in double precision: the exact one computes so, a network in its own precision."""
    if isinstance(score, ExactScore):
        return score
    return lambda x, t: score(x.float(), t).double()


def distance(a: np.ndarray, b: np.ndarray, average: str = "median") -> float:
    """The median over the points (n, d) of ∥a - b∥, or the root of its mean square ("rms").

    Between modes the flow pulls apart: a few points end in another mode whatever the method. The mean square
    then shows how seldom that is, which falls with order 1/2, and the median how exact the others are.
    """
    squares = ((a - b) ** 2).sum(axis=1)
    return float(np.sqrt(np.median(squares) if average == "median" else squares.mean()))
