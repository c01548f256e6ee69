"""Densities and codes by the probability-flow ODE: log-likelihood, encoding, decoding (MATH.md section 4).

dx/dt = f(x, t) - ½ g² s(x, t) has the marginals of the SDE, and is invertible. Along it the log-density falls by
the divergence of the field, so log p_0(x) = log p_T(x_T) + ∫_0^T ∇·(f - ½ g² s) dt ([S21] eq. 39; Chen et al.
2018). x_T is the code of x. Everything here takes x (n, ...) of any trailing shape, and works in nats.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from explorer.analysis.likelihood.divergence import Divergence, Exact, Without
from explorer.base.lazy import torch
from explorer.base.precision import full_precision
from explorer.data.distributions import Mixture
from explorer.diffusion.samplers import SOLVERS, Predictor, Reverse
from explorer.diffusion.scores import Score
from explorer.diffusion.sdes import SDE
from explorer.networks.learned import LearnedScore

#: The solver's tolerance where nothing else is said: 2e-4 nats with the exact score (tests/test_likelihood.py).
TIGHT = 1e-6
#: Where data is taken to be: likelihood starts there under every SDE ([S21] appendix C).
START = 1e-5
#: Probes from which their scatter at one point says how far their mean is off.
ENOUGH = 8
#: Points that a network is asked about at once: its activations then stay in the cache.
CHUNK = 4096
ENDS = {"prior": "the prior N(0, σ² I)", "exact": "the exact p_T"}


class Moment(NamedTuple):
    """The ODE at one time: x (n, ...), and ∫ ∇·f̃ dt from where it began to t, (n, k), in nats.

    k is the number of probes, 1 for the exact divergence, 0 where it was not asked for. `nfe` counts
    evaluations of the score so far, `progress` runs from 0 to 1.
    """

    t: float
    x: torch.Tensor
    divergence: torch.Tensor
    nfe: int
    progress: float


@dataclass(frozen=True, eq=False)
class Estimate:
    """log p(x) in nats: `each` (n, k), one column a probe, and the codes x_T (n, ...) it was read off."""

    each: torch.Tensor
    code: torch.Tensor
    nfe: int

    @property
    def values(self) -> torch.Tensor:
        """The mean over the probes (n,)."""
        return self.each.mean(1)

    @property
    def error(self) -> torch.Tensor | None:
        """The standard error of `values` (n,), from ENOUGH probes on: fewer may agree by chance and be all wrong.

        Twice it covers 89 to 93 % of the points with 8 Rademacher probes, with Gaussian ones, whose squares have heavy
        tails, some 85 %.
        """
        return self._errors if self.each.shape[1] >= ENOUGH else None

    def mean(self) -> tuple[float, float]:
        """The mean over the points, and the standard error that the probes (not the points) leave it with.

        That is known from two probes on, since the points' variances are pooled.
        """
        n = len(self.each)
        error = float(self._errors.square().sum().sqrt()) / n if self.each.shape[1] > 1 else 0.0
        return float(self.values.mean()), error

    @property
    def _errors(self) -> torch.Tensor:
        k = self.each.shape[1]
        return self.each.std(1) / math.sqrt(k)


def within(tolerance: float) -> Predictor:
    """Dormand and Prince's method with this tolerance, relative and absolute."""
    return SOLVERS["dopri5"](rtol=tolerance, atol=tolerance)  # type: ignore[call-arg]


def _tight() -> Predictor:
    return within(TIGHT)


@dataclass(frozen=True)
class Flow:
    """The probability-flow ODE of one score, to be run either way.

    It is integrated over λ = log(sigma/alpha), in which it is smooth for every SDE: dλ/dt = g²/(2 sigma²).
    `solver` is any of SOLVERS; one that does not choose its own steps takes `steps` equal ones in λ. States
    are float64; a network is asked in the precision of its weights, never in bfloat16. `start` is where data
    is taken to be.
    """

    sde: SDE
    score: Score
    solver: Predictor = field(default_factory=_tight)
    steps: int = 40
    start: float = START

    def encode(
        self, x: torch.Tensor, t: float = 0.0, divergence: Divergence | None = None, end: float | None = None
    ) -> Iterator[Moment]:
        """From x (n, ...) at time t (at least `start`) to its code at T, or to time `end`: a Moment after each step."""
        return self._run(x, max(t, self.start), self.sde.T if end is None else end, divergence or Without())

    def decode(
        self, code: torch.Tensor, t: float = 0.0, divergence: Divergence | None = None
    ) -> Iterator[Moment]:
        """From codes x_T (n, ...) back to x at time t (at least `start`)."""
        return self._run(code, self.sde.T, max(t, self.start), divergence or Without())

    def _run(self, x: torch.Tensor, t: float, end: float, divergence: Divergence) -> Iterator[Moment]:
        joint = _Joint(self, x, divergence, -1.0 if end > t else 1.0)
        yield joint.moment(joint.state, t, 0.0)
        if t == end:
            return
        # u falls on both ways, as the solvers want it
        begin, last = (joint.sign * math.log(self.sde.noise_level(v)) for v in (t, end))
        for u, state in self._states(joint, [begin, last]):
            done = u == last
            at = end if done else self.sde.time_at(math.exp(joint.sign * u))
            yield joint.moment(state, at, 1.0 if done else (begin - u) / (begin - last))

    def _states(self, joint: _Joint, ends: list[float]) -> Iterator[tuple[float, torch.Tensor]]:
        if self.solver.adaptive:
            yield from self.solver.path(joint, joint.state, ends)
            return
        state, width = joint.state, ends[1] - ends[0]
        us = [ends[0] + width * i / self.steps for i in range(self.steps)] + [ends[1]]
        for u, u_next in pairwise(us):
            state = self.solver.step(joint, state, u, u_next, state).x
            yield u_next, state


class _Joint(Reverse):
    """x and its divergences as one state (n, d + k), moving with u = ±λ, as the solvers of samplers take it."""

    def __init__(self, flow: Flow, x: torch.Tensor, divergence: Divergence, sign: float) -> None:
        super().__init__(flow.sde, flow.score, eta=0.0)
        self.divergence, self.sign, self.shape = divergence, sign, x.shape[1:]
        self.size = math.prod(self.shape)
        self.dtype = _precision(flow.score)
        x = x.detach().double()
        self.state = torch.cat([x.flatten(1), x.new_zeros(len(x), divergence.columns)], 1)

    def drift(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """d state/du at u = `t`: (f - ½ g² s) dt/dλ and its divergence, with dt/dλ = 2 sigma²/g²."""
        self.evaluations += 1
        now = self.sde.time_at(math.exp(self.sign * t))
        variance = self.sde.marginal(now)[1] ** 2
        decay = 2 * variance * self.sde.decay(now) / self.sde.diffusion(now) ** 2
        pieces = [self._piece(x, slice(i, i + CHUNK), now) for i in range(0, len(x), CHUNK)]
        s, trace = (torch.cat(parts) for parts in zip(*pieces, strict=True))
        motion = decay * x[:, : self.size] - variance * s
        return torch.cat([motion, self.size * decay - variance * trace], 1) * self.sign

    def _piece(self, state: torch.Tensor, rows: slice, t: float) -> tuple[torch.Tensor, torch.Tensor]:
        x = state[rows, : self.size].reshape(-1, *self.shape).to(self.dtype)
        with full_precision():
            s, trace = self.divergence(self.score_function, x, t, rows)
        return s.flatten(1).double(), trace.double()

    def moment(self, state: torch.Tensor, t: float, progress: float) -> Moment:
        x = state[:, : self.size].reshape(-1, *self.shape)
        return Moment(t, x, state[:, self.size :], self.evaluations, progress)


def _precision(score: Score) -> torch.dtype:
    """float64, but for a network the precision of its weights."""
    if isinstance(score, LearnedScore):
        return next(score.denoiser.parameters()).dtype
    return torch.float64


def prior_log_density(sde: SDE, x: torch.Tensor) -> torch.Tensor:
    """log N(x; 0, prior_std² I) for x (n, ...) -> (n,)."""
    z = x.flatten(1) / sde.prior_std
    return -0.5 * z.square().sum(1) - z.shape[1] * math.log(math.sqrt(2 * math.pi) * sde.prior_std)


def end_log_density(sde: SDE, code: torch.Tensor, exact: Mixture | None = None) -> torch.Tensor:
    """log p_T of codes (n, ...) -> (n,): the prior's, or that of a mixture where one is given."""
    if exact is None:
        return prior_log_density(sde, code)
    return exact.log_density(code.flatten(1), *sde.marginal(sde.T))


def estimated(flow: Flow, last: Moment, exact_end: Mixture | None = None) -> Estimate:
    """The log-density of what was encoded, from the last Moment of `Flow.encode` with a divergence."""
    end = end_log_density(flow.sde, last.x, exact_end)
    return Estimate(end[:, None] + last.divergence, last.x, last.nfe)


def log_likelihood(
    flow: Flow,
    x: torch.Tensor,
    t: float = 0.0,
    divergence: Divergence | None = None,
    exact_end: Mixture | None = None,
) -> Estimate:
    """log p_t(x) for x (n, ...) by the ODE from t to T; the density at T is the prior's or `exact_end`'s.

    The divergence is exact where none is given.
    """
    return estimated(flow, final(flow.encode(x, t, divergence or Exact())), exact_end)


def final(moments: Iterator[Moment]) -> Moment:
    """Run to the end."""
    return deque(moments, maxlen=1).pop()
