"""Dormand and Prince's adaptive method for the probability-flow ODE."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.samplers.base import SOLVERS, RungeKutta, _advance
from explorer.diffusion.samplers.process import Reverse


def _rms(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt())


#: Evaluations after which the tolerance is given up: the last step then goes to the end, as large as it is.
MOST_EVALUATIONS = 20_000


@SOLVERS.register("dopri5", title="Dormand–Prince (adaptive)", order=40)
@dataclass(frozen=True)
class DormandPrince(RungeKutta):
    """RK5(4) with step control for the whole batch (Dormand & Prince 1980; [S21] section 4.3 uses it).

    An error below atol + rtol |x| (root mean square over the batch) is accepted; the last stage is the next
    step's first. Where no step is small enough (a score that is not a number), it ends in one jump.
    Chooses its own steps: the step count of the sampler does not apply, NFE is reported.
    """

    order = 5.0
    stochastic = False
    adaptive = True
    nfe_per_step = 6
    source = "Dormand & Prince 1980"
    equation = r"x' = x \drift{- h \sum_j b_j f_j} + \score{\frac{h}{2} \sum_j b_j\, g_j^2 s_j}"
    rtol: float = param(
        1e-4, "Relative tolerance", symbol="rtol", low=1e-6, high=1e-1, minimum=1e-7, maximum=1.0, log=True,
        help="Error allowed per step, relative to x.", equation="[S21] section 4.3: 1e-5",
    )  # fmt: skip
    atol: float = param(
        1e-4, "Absolute tolerance", symbol="atol", low=1e-6, high=1e-1, minimum=1e-7, maximum=1.0, log=True,
        help="Error allowed per step, absolute.", equation="[S21] section 4.3: 1e-5",
    )  # fmt: skip

    nodes = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0)
    matrix = (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    )
    weights = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
    error = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)

    def path(
        self, process: Reverse, x: torch.Tensor, times: list[float]
    ) -> Iterator[tuple[float, torch.Tensor]]:
        t, end = times[0], times[-1]
        first = process.drift(x, t)
        h, largest_growth = self._first_size(process, x, t, t - end, first), 10.0
        smallest = 1e-10 * (t - end)
        while t > end:
            give_up = h < smallest or process.evaluations > MOST_EVALUATIONS
            h = t - end if give_up else min(h, t - end)
            stages = self._stages(process, x, t, h, first)
            new = _advance(x, stages, self.weights, -h)
            t_new = end if t - h <= end else t - h
            last = process.drift(new, t_new)
            size = self._error(x, new, [*stages, last], h)
            good = size <= 1 or give_up  # not, if size is not a number
            if good:
                t, x, first = t_new, new, last
                yield t, x
            h *= min(largest_growth, max(0.2, 0.9 * max(size, 1e-10) ** -0.2)) if math.isfinite(size) else 0.2
            largest_growth = 10.0 if good else 1.0

    def _first_size(self, process: Reverse, x: torch.Tensor, t: float, span: float, f: torch.Tensor) -> float:
        """A first step for which an Euler step errs little (Hairer, Norsett & Wanner 1993, section II.4)."""
        allowed = self.atol + self.rtol * x.abs()
        size, slope = _rms(x / allowed), _rms(f / allowed)
        if not math.isfinite(slope):
            return 0.01 * span
        trial = min(0.01 * size / slope, span) if min(size, slope) > 1e-5 else 1e-6 * span
        bend = _rms((process.drift(x - trial * f, t - trial) - f) / allowed) / trial
        steepest = max(slope, bend)
        good = (0.01 / steepest) ** 0.2 if steepest > 1e-15 else span
        return min(100 * trial, good or trial, span)

    def _stages(
        self, process: Reverse, x: torch.Tensor, t: float, h: float, first: torch.Tensor
    ) -> list[torch.Tensor]:
        stages = [first]
        for c, row in zip(self.nodes[1:], self.matrix[1:], strict=True):
            stages.append(process.drift(_advance(x, stages, row, -h), t - c * h))
        return stages

    def _error(self, x: torch.Tensor, new: torch.Tensor, stages: list[torch.Tensor], h: float) -> float:
        """The estimated error of the step over what is allowed: at most 1 is good."""
        error = _advance(torch.zeros_like(x), stages, self.error, h)
        allowed = self.atol + self.rtol * torch.maximum(x.abs(), new.abs())
        return _rms(error / allowed)
