"""What samplers have in common: one step from t to t_next < t, given the noise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, NamedTuple

from explorer.base.lazy import torch
from explorer.base.params import Validated
from explorer.base.registry import Registry
from explorer.diffusion.samplers.process import Reverse

PREDICTORS: Registry[Predictor] = Registry("predictor", "explorer.diffusion.samplers")
SOLVERS: Registry[Predictor] = Registry("ODE solver", "explorer.diffusion.samplers")
CORRECTORS: Registry[Corrector] = Registry("corrector", "explorer.diffusion.samplers")


class Step(NamedTuple):
    """x after the step, and the same without its noise (for the last step, [S21] appendix C)."""

    x: torch.Tensor
    mean: torch.Tensor


class Terms(NamedTuple):
    """A step taken apart: x_next = x + drift + score + noise, each (n, d)."""

    drift: torch.Tensor
    score: torch.Tensor
    noise: torch.Tensor


class Predictor(Validated, ABC):
    """One step of the reverse process. Subclasses are frozen dataclasses in PREDICTORS or SOLVERS.

    order: of strong convergence on one Brownian path (ODE solver: of the endpoint), given an exact score.
    nfe_per_step: evaluations of the score per step. adaptive: it chooses its own steps (see `path`).
    memory: a step uses what was found in the steps before it; `step` alone is then a first step.
    draws: normal numbers per step and coordinate: 1, or 2 for those that need the area under the path too.
    own_noise: its noise follows a rule of its own and not η g dw̄, so that it tends to other paths of the same law.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[float]
    stochastic: ClassVar[bool]
    nfe_per_step: ClassVar[int] = 1
    adaptive: ClassVar[bool] = False
    memory: ClassVar[bool] = False
    draws: ClassVar[int] = 1
    own_noise: ClassVar[bool] = False
    source: ClassVar[str] = ""
    #: One step in LaTeX, the terms wrapped as \\drift{}, \\score{}, \\noise{}.
    equation: ClassVar[str] = ""

    @abstractmethod
    def step(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        """From x (n, d) at t to t_next < t with z ~ N(0, I) of x's shape, z = ΔW/sqrt(t - t_next).

        With draws = 2, z is (2, n, d): the same and the area, as `noise.BrownianArea` gives them.
        """

    @abstractmethod
    def terms(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        """The same step as drift, score and noise parts that add up to it."""

    def begin(self, process: Reverse, times: list[float]) -> Walk:
        """The method at work on a grid of falling times; what it remembers from step to step is in there."""
        return Walk(self, process, times)

    def path(
        self, process: Reverse, x: torch.Tensor, times: list[float]
    ) -> Iterator[tuple[float, torch.Tensor]]:
        """For an adaptive solver: (t, x) after each, from times[0] to times[-1]."""
        raise TypeError(f"{self.title} steps over a given grid")


class Walk:
    """A predictor on its way over one grid, step by step. A method that needs more than x derives its own."""

    def __init__(self, method: Predictor, process: Reverse, times: list[float]) -> None:
        self.method, self.process, self.times = method, process, times

    def step(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        """The next step, as `Predictor.step`."""
        return self.method.step(self.process, x, t, t_next, z)

    def terms(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        """Any one step, as `Predictor.terms`: the walk does not move."""
        return self.method.terms(self.process, x, t, t_next, z)


class LinearPredictor(Predictor):
    """A predictor with one evaluation: x_next = a x + b s(x, t) + c z, so only (a, b, c) need be given."""

    @abstractmethod
    def coefficients(self, process: Reverse, t: float, t_next: float) -> tuple[float, float, float]:
        """(a, b, c) of the step from t to t_next."""

    def begin(self, process: Reverse, times: list[float]) -> Walk:
        return _Planned(self, process, times)

    def step(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        return self._stepped(process, x, t, z, *self.coefficients(process, t, t_next))

    @staticmethod
    def _stepped(
        process: Reverse, x: torch.Tensor, t: float, z: torch.Tensor, a: float, b: float, c: float
    ) -> Step:
        mean = (a * x).add_(process.score(x, t), alpha=b) if b else a * x
        return Step(torch.add(mean, z, alpha=c) if c else mean, mean)

    def terms(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        a, b, c = self.coefficients(process, t, t_next)
        return Terms((a - 1) * x, b * process.score(x, t), c * z)


class _Planned(Walk):
    """The coefficients of all steps at once: between two evaluations of a network they cost far more."""

    def __init__(self, method: LinearPredictor, process: Reverse, times: list[float]) -> None:
        super().__init__(method, process, times)
        steps = pairwise(times)
        self.plan = {(t, t_next): method.coefficients(process, t, t_next) for t, t_next in steps}
        self.stepped = method._stepped

    def step(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        return self.stepped(self.process, x, t, z, *self.plan[t, t_next])


class RungeKutta(Predictor):
    """An explicit Runge-Kutta step for the drift, with the noise of an additive-noise SDE in every stage.

    nodes (c), matrix (a) and weights (b) are the Butcher tableau. The noise is the step's increment times η
    and the mean of g over the step's two ends; a stage at t - c h has the share c of it.
    """

    nodes: ClassVar[tuple[float, ...]]
    matrix: ClassVar[tuple[tuple[float, ...], ...]]
    weights: ClassVar[tuple[float, ...]]

    def terms(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        h = t - t_next
        noise = z * self._noise_scale(process, t, t_next) if process.eta else torch.zeros_like(x)
        stages: list[tuple[torch.Tensor, torch.Tensor]] = []
        for c, row in zip(self.nodes, self.matrix, strict=True):
            at = x + sum(
                ((f + p) * (-h * a) for a, (f, p) in zip(row, stages, strict=True)), torch.zeros_like(x)
            )
            stages.append(process.drift_terms(at + c * noise, t - c * h))
        drift = sum(
            (f * (-h * b) for b, (f, _) in zip(self.weights, stages, strict=True)), torch.zeros_like(x)
        )
        score = sum(
            (p * (-h * b) for b, (_, p) in zip(self.weights, stages, strict=True)), torch.zeros_like(x)
        )
        return Terms(drift, score, noise)

    def step(self, process: Reverse, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        h = t - t_next
        noise = z * self._noise_scale(process, t, t_next) if process.eta else None
        stages: list[torch.Tensor] = []
        for c, row in zip(self.nodes, self.matrix, strict=True):
            at = _advance(x, stages, row, -h)
            stages.append(process.drift(at if noise is None or not c else at + c * noise, t - c * h))
        mean = _advance(x, stages, self.weights, -h)
        return Step(mean if noise is None else mean + noise, mean)

    @staticmethod
    def _noise_scale(process: Reverse, t: float, t_next: float) -> float:
        return float(0.5 * (process.diffusion(t) + process.diffusion(t_next)) * (t - t_next) ** 0.5)


def _advance(
    x: torch.Tensor, stages: list[torch.Tensor], weights: tuple[float, ...], h: float
) -> torch.Tensor:
    """x + h Σ weights_j stages_j, leaving out the zeros."""
    for stage, weight in zip(stages, weights, strict=True):
        if weight:
            x = torch.add(x, stage, alpha=h * weight)
    return x


class Corrector(Validated, ABC):
    """One move at a fixed noise level that leaves p_t as it is. Subclasses: frozen, in CORRECTORS."""

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""
    equation: ClassVar[str] = r"x \leftarrow x + \score{\epsilon\, s} + \noise{\sqrt{2\epsilon}\, z}"

    @abstractmethod
    def epsilon(
        self, process: Reverse, score: torch.Tensor, t: float, a: float, snr: float, z: torch.Tensor
    ) -> float:
        """The step size ε. `a` is (alpha(t)/alpha(t_next))² of the step it belongs to.

        That is 1 for VE and 1 - β_i for VP and sub-VP.
        """

    def step(
        self, process: Reverse, x: torch.Tensor, t: float, a: float, snr: float, z: torch.Tensor
    ) -> tuple[Step, float]:
        """x + ε s + sqrt(2ε) z at time t, its mean, and ε."""
        s = process.score(x, t)
        epsilon = self.epsilon(process, s, t, a, snr, z)
        mean = torch.add(x, s, alpha=epsilon)
        return Step(torch.add(mean, z, alpha=(2 * epsilon) ** 0.5), mean), epsilon
