"""Bits per dimension of 8-bit pictures: a bound on -log2 P(levels), by the probability-flow ODE.

Networks are trained on the lattice of grey levels itself, x = 2 level/255 - 1, and not on levels made continuous by
uniform noise. A density there would be infinite, so the bound is that of variational diffusion models (Kingma et al.
2021, eq. 11 to 14, with the flow's density in place of the diffusion loss): for x_e = alpha_e x_0 + sigma_e z with a
tiny sigma_e,

    -log P(x_0) <= E[ -log p_e(x_e) + log q(x_e | x_0) - log P(x_0 | x_e) ].

P(x_0 | x_e) takes each pixel by itself and is proportional to q(x_e | level) over the 256 levels. log p_e comes from
the ODE with Hutchinson's divergence, each probe with a draw of x_e of its own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from explorer.analysis.likelihood.divergence import Hutchinson
from explorer.analysis.likelihood.flow import Flow, Moment, prior_log_density, within
from explorer.base.lazy import torch
from explorer.data.images.base import LEVEL, from_pixels
from explorer.diffusion import noise
from explorer.diffusion.samplers import SOLVERS
from explorer.diffusion.scores import Score
from explorer.diffusion.sdes import SDE
from explorer.networks.learned import LearnedScore

#: sigma_e/alpha_e: 2.6 standard deviations reach to the middle between two levels, so that P(x_0 | x_e) is sharp, and
#: it is within what networks are trained on (scores.spec.PICTURE_NOISE_LOW).
NOISE = 0.0015
#: Runge-Kutta steps (RK4), equal in log(sigma/alpha). Few steps flatter: see docs/likelihood-pictures.md.
STEPS = 48
#: Draws that a network is asked about at once.
BATCH = 32
LEVELS = 256
#: Levels so many sigma_e/alpha_e away from a pixel's own have no share in P(x_0 | x_e).
MOST = 20.0


@dataclass(frozen=True, eq=False)
class Bits:
    """Bits per dimension: `each` (n, k), one column a probe with its own draw of x_e, NaN where not yet known.

    `nfe` counts evaluations of the score for one draw, `noise` is sigma_e/alpha_e.
    """

    each: np.ndarray
    nfe: int
    noise: float

    @property
    def values(self) -> np.ndarray:
        """The mean over the probes (n,)."""
        return np.asarray(self.each.mean(1))

    @property
    def errors(self) -> np.ndarray:
        """The standard error that probes and draws leave each picture with (n,); NaN for one probe."""
        k = self.each.shape[1]
        return (
            np.asarray(self.each.std(1, ddof=1) / math.sqrt(k))
            if k > 1
            else np.full(len(self.each), math.nan)
        )

    @property
    def mean(self) -> float:
        """The mean over the pictures."""
        return float(self.values.mean())

    @property
    def error(self) -> float:
        """Its standard error over the pictures, which holds that of the probes; NaN for one picture."""
        n = len(self.each)
        return float(self.values.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan


@dataclass(frozen=True)
class Coder:
    """How bits are measured. `steps` of RK4, or with 0 the adaptive method within `tolerance`."""

    sde: SDE
    score: Score
    steps: int = STEPS
    probes: int = 1
    seed: int = 0
    tolerance: float = 1e-5

    @cached_property
    def fine(self) -> tuple[SDE, Score]:
        """SDE and score down to NOISE: VE begins at sigma_min, above which no level is told from the next.

        A score serves every SDE, so one with a smaller sigma_min is asked instead.
        """
        if self.sde.noise_level(0.0) <= NOISE:
            return self.sde, self.score
        sde, score = cast("Any", self.sde), cast("Any", self.score)
        finer = replace(sde, sigma_min=NOISE)
        return finer, replace(score, sde=finer)

    @property
    def flow(self) -> Flow:
        """The probability flow of the score."""
        sde, score = self.fine
        solver = SOLVERS["rk4"]() if self.steps else within(self.tolerance)
        return Flow(sde, score, solver, self.steps, self.start)

    @property
    def start(self) -> float:
        """The time of x_e."""
        return self.fine[0].time_at(NOISE)

    def draws(self, images: np.ndarray) -> Iterator[Draw]:
        """x_e of pictures (n, c, h, w), uint8, every one `probes` times, BATCH at a time."""
        x0 = torch.from_numpy(from_pixels(images)).double().repeat_interleave(self.probes, 0)
        z = noise.normal(tuple(x0.shape), self.seed, noise.DATA, 2).double()
        v = noise.normal(tuple(x0.shape), self.seed, noise.PROBE, 0)
        for i in range(0, len(x0), BATCH):
            rows = slice(i, i + BATCH)
            yield Draw(self, x0[rows].to(self._device), z[rows].to(self._device), v[rows].sign())

    @property
    def _device(self) -> torch.device:
        if isinstance(self.score, LearnedScore):
            return next(self.score.denoiser.parameters()).device
        return torch.device("cpu")

    def measure(self, images: np.ndarray) -> Iterator[tuple[float, Bits | None]]:
        """Pairs of progress and, at the end, the bits of pictures (n, c, h, w) of levels 0 to 255."""
        total, done, found, nfe = len(images) * self.probes, 0, [], 0
        for draw in self.draws(images):
            for moment in draw.moments():
                yield (done + len(draw.x0) * moment.progress) / total * 0.9999, None
            found.append(draw.bits(moment))
            done, nfe = done + len(draw.x0), moment.nfe
        each = np.concatenate(found).reshape(-1, self.probes)
        yield 1.0, Bits(each, nfe, self.fine[0].noise_level(self.start))


@dataclass(frozen=True, eq=False)
class Draw:
    """Some x_e (n, d) = alpha_e x_0 + sigma_e z, and a probe (n, d) for each."""

    coder: Coder
    x0: torch.Tensor
    z: torch.Tensor
    probe: torch.Tensor

    @cached_property
    def _level(self) -> tuple[float, float]:
        return self.coder.fine[0].marginal(self.coder.start)

    def moments(self) -> Iterator[Moment]:
        """From x_e to its code."""
        alpha, sigma = self._level
        x = alpha * self.x0 + sigma * self.z
        return self.coder.flow.encode(x, self.coder.start, Hutchinson(self.probe[None]))

    def parts(self, moment: Moment) -> dict[str, np.ndarray]:
        """The parts of the bound in bits/dim (n,), as they are at `moment`; their sum at the end is the bound.

        code: -log of the prior at where x_e has come to; volume: -∫ ∇·f̃ so far; noise: log q(x_e | x_0);
        levels: -log P(x_0 | x_e).
        """
        parts = {
            "code": -prior_log_density(self.coder.fine[0], moment.x),
            "volume": -moment.divergence[:, 0],
            "noise": self._log_noise(),
            "levels": -level_log_probability(self.z, self._level[1] / self._level[0], self.x0),
        }
        scale = 1 / (self.x0.shape[1] * math.log(2))
        return {name: (part * scale).cpu().numpy() for name, part in parts.items()}

    def bits(self, moment: Moment) -> np.ndarray:
        """Bits/dim (n,) from the last moment."""
        return np.asarray(sum(self.parts(moment).values()))

    def _log_noise(self) -> torch.Tensor:
        """log q(x_e | x_0) (n,)."""
        constant = self.z.shape[1] * math.log(self._level[1] * math.sqrt(2 * math.pi))
        return -0.5 * self.z.square().sum(1) - constant


def level_log_probability(z: torch.Tensor, ratio: float, x0: torch.Tensor) -> torch.Tensor:
    """log P(x_0 | x_0 + ratio z) (n,): for every pixel the share of its own level among all 256."""
    own, apart = ((x0 + 1) / LEVEL).round(), LEVEL / ratio
    total = torch.zeros_like(z)  # log of the sum over levels, relative to its own
    reach = min(LEVELS - 1, math.ceil(MOST / apart))
    for k in (k for k in range(-reach, reach + 1) if k):
        there = (own + k >= 0) & (own + k < LEVELS)
        share = (z * k * apart - 0.5 * (k * apart) ** 2).where(there, torch.full_like(z, -math.inf))
        total = torch.logaddexp(total, share)
    return -total.sum(1)


def bits_per_dim(
    score: Score, sde: SDE, images: np.ndarray, probes: int = 1, steps: int = STEPS, seed: int = 0,
    tolerance: float = 1e-5,
) -> Bits:  # fmt: skip
    """Bits/dim of pictures (n, c, h, w), uint8, under a score; with steps = 0 by an adaptive solver."""
    found = deque(Coder(sde, score, steps, probes, seed, tolerance).measure(images), maxlen=1).pop()[1]
    assert found is not None
    return found
