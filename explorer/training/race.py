"""Several objectives trained side by side, and the noise in their gradients, against one yardstick."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion.sdes import SDE, SDES
from explorer.networks.spec import NetworkSpec, Training
from explorer.training.batches import Pool, Sampling
from explorer.training.frame import TrainingError
from explorer.training.held import HeldOut
from explorer.training.objectives import OBJECTIVES, Batch, Objective
from explorer.training.run import Run

if TYPE_CHECKING:
    from explorer.data.distributions import Mixture

#: Iterations that one objective runs before the next has its turn.
TURN = 5


@dataclass(eq=False)
class Lane:
    """One objective's course: iterations, seconds of its own work and Fisher divergence at each measurement.

    `by_level` (bins,) is the last Fisher divergence at the noise levels of the race, `turns` the seconds that one
    iteration took in each turn. `note` says why it ended early, if it did.
    """

    objective: Objective
    run: Run
    iterations: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    fisher: list[float] = field(default_factory=list)
    by_level: np.ndarray = field(default_factory=lambda: np.empty(0))
    turns: list[float] = field(default_factory=list)
    spent: float = 0.0
    note: str = ""

    def advance(self, until: int) -> None:
        """Train until so many iterations are done; only this counts as its time."""
        began, before = time.perf_counter(), self.run.iteration
        try:
            while self.run.iteration < until:
                self.run.iterate()
        except TrainingError as error:
            self.note = str(error)
        took = time.perf_counter() - began
        self.spent += took
        self.turns.append(took / max(self.run.iteration - before, 1))

    def measure(self, yardstick: HeldOut) -> None:
        """Note the Fisher divergence of the averaged weights, unless it was out of the race before."""
        if self.note and self.iterations[-1:] == [self.run.iteration]:
            return
        with self.run.optimiser.averaged(), torch.no_grad():
            yardstick.measure(self.run.net)
        self.iterations.append(self.run.iteration)
        self.seconds.append(self.spent)
        self.fisher.append(yardstick.excess)
        self.by_level = yardstick.excess_by_level

    @property
    def milliseconds(self) -> float:
        """Of one iteration: the median over the turns of the last half, where batches are larger."""
        return 1e3 * float(np.median(self.turns[len(self.turns) // 2 :])) if self.turns else 0.0


@dataclass(frozen=True, eq=False)
class Race:
    """The lanes as they stand, the levels sigma/alpha (bins,) of `Lane.by_level`, and the part done, 0 to 1."""

    lanes: Sequence[Lane]
    level: np.ndarray
    progress: float


def race(
    mixture: Mixture, sde: SDE, objectives: Sequence[Objective], network: NetworkSpec, training: Training,
    seed: int, measurements: int = 30,
) -> Iterator[Race]:  # fmt: skip
    """Train a network for each objective from the same first weights on the same data, in turns.

    The budget is `training.iterations`. The Fisher divergence is E sigma²|s - exact|² over the noise levels of
    implicit score matching with one weight for all, whatever an objective visits itself. Seconds are those of
    each objective's own iterations; everything else follows from the seed.
    """
    _warm_up(objectives)
    lanes = [Lane(o, Run(mixture, sde, o, network, training, seed, None)) for o in objectives]
    yardstick = _yardstick(mixture, sde, network, lanes[0].run, seed)
    last = training.iterations
    stops = {0, *np.geomspace(min(TURN, last), last, measurements).astype(int).tolist()}
    for stop in sorted(stops):
        for reached in _in_turns(lanes, stop):
            yield Race(lanes, yardstick.level, reached / last)
        for lane in lanes:
            lane.measure(yardstick)
        yield Race(lanes, yardstick.level, stop / last)


def _warm_up(objectives: Sequence[Objective]) -> None:
    """Pay the first-use costs of every objective before anybody's clock runs."""
    from explorer.data.distributions import Mixture

    tiny, budget = Mixture.of_points(np.eye(2), 0.1), Training(seconds=0, iterations=9, batch=8, device="cpu")
    for objective in objectives:
        run = Run(tiny, SDES["ve"](), objective, NetworkSpec(16, 1), budget, 0, None)
        run.iterate()
        run.iterate()


def _in_turns(lanes: Sequence[Lane], stop: int) -> Iterator[int]:
    """All lanes up to `stop` iterations, a few at a time: what slows the machine down then slows all of them."""
    while behind := [lane for lane in lanes if lane.run.iteration < stop and not lane.note]:
        until = min(min(lane.run.iteration for lane in behind) + TURN, stop)
        for lane in behind:
            lane.advance(until)
        yield until


def _yardstick(mixture: Mixture, sde: SDE, network: NetworkSpec, run: Run, seed: int) -> HeldOut:
    random = torch.Generator(run.device).manual_seed(seed)
    sampling = Sampling(OBJECTIVES["ism"](), sde, network.native, run.net.sigma_data, random)
    return HeldOut(mixture, sampling, seed)


def gradient_variance(
    run: Run, weights: Mapping[str, torch.Tensor], level: float, batches: int, points: int, seed: int
) -> tuple[float, float]:
    """Variance of one point's gradient by all weights (the trace of its covariance), and its standard error.

    It is estimated from the scatter of the gradients of `batches` batches of `points` points at the noise level
    sigma/alpha `level`, for the loss before its weight. At the same weights the mean gradient of every objective
    is the same, so this is what they differ in.
    """
    run.net.load_state_dict(dict(weights))
    pool = Pool(run.mixture, seed, run.device)
    random = torch.Generator(run.device).manual_seed(seed)
    sampling = Sampling(_At(run.objective, level), run.sampling.sde, run.net.spec.native, 1.0, random)
    losses = (run.loss_of(sampling.draw(pool, 1, points)) for _ in range(batches))
    gradients = torch.stack([gradient(run.net, loss) for loss in losses])
    scatter = (gradients - gradients.mean(0)).square().sum(1) * points * batches / (batches - 1)
    return float(scatter.mean()), float(scatter.std()) / batches**0.5


def gradient(net: torch.nn.Module, loss: torch.Tensor) -> torch.Tensor:
    """The gradient of a loss by all weights of a network, as one float64 vector."""
    parts = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True, materialize_grads=True)
    return torch.cat([p.flatten() for p in parts]).double()


@dataclass(frozen=True)
class _At(Objective):
    """An objective at one noise level alone, without its weight."""

    objective: Objective
    level: float

    def levels(self, u: torch.Tensor, sde: SDE, sigma_data: float) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full_like(u, self.level), torch.ones_like(u)

    def loss(self, score: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
        return self.objective.loss(score, batch)

    def floor(self, exact: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.objective.floor(exact, batch)

    def extra(
        self, points: Callable[[int], torch.Tensor], shape: torch.Size, random: torch.Generator
    ) -> torch.Tensor | None:
        return self.objective.extra(points, shape, random)
