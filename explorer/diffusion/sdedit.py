"""Partial noising and return: a picture is taken up to time t0 and back (SDEdit, Meng et al. 2022).

The noise hides what is finer than it and leaves what is coarser; the way back fills the fine part in as the data has
it. t0 sets how much is kept: nothing at T, everything at 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion import grids, noise
from explorer.diffusion.samplers import Predictor, Reverse, Sampler
from explorer.diffusion.scores import Score
from explorer.diffusion.sdes import SDE

#: Steps of the grid between which times are read off it.
FINE = 512


@dataclass(frozen=True)
class Return:
    """Where a return is: time, the states x (n, d), and evaluations of the score so far."""

    t: float
    x: torch.Tensor
    nfe: int


def noised(sde: SDE, x0: torch.Tensor, t0: float, n: int, seed: int) -> torch.Tensor:
    """n draws (n, d) of q(x_t0 | x_0) for one picture x0 (1, d)."""
    z = noise.normal((n, x0.shape[1]), seed, noise.PRIOR).to(x0)
    return sde.perturb(x0.expand(n, -1), t0, z)


def returned(
    sde: SDE, score: Score, sampler: Sampler, x: torch.Tensor, t0: float, seed: int
) -> Iterator[Return]:
    """From x (n, d) at t0 to eps by the sampler's method: the ODE's solver in that mode, else the predictor.

    Its `steps` are taken between t0 and eps, spaced as its grid spaces them between T and eps.
    """
    ode = sampler.mode == "ode"
    method = sampler.solver if ode else sampler.predictor
    process = Reverse(sde, score, 0.0 if ode else sampler.eta)
    times = times_below(sampler.grid, sampler.steps, sde, t0)
    yield Return(t0, x, 0)
    quiet = torch.no_grad()
    states = (
        method.path(process, x, [t0, times[-1]])
        if method.adaptive
        else _states(process, method, sampler, x, times, seed)
    )
    while True:
        with quiet:
            found = next(states, None)
        if found is None:
            return
        yield Return(*found, process.evaluations)


def _states(
    process: Reverse, method: Predictor, sampler: Sampler, x: torch.Tensor, times: list[float], seed: int
) -> Iterator[tuple[float, torch.Tensor]]:
    """(t, x) after each step over `times`; the last without its noise where the sampler denoises."""
    kind = noise.BrownianArea if method.draws == 2 else noise.Brownian
    draws = kind(seed, tuple(x.shape), (times[-1], times[0])).increments(times)
    walk = method.begin(process, times)
    for (t, t_next), z in zip(pairwise(times), draws, strict=True):
        step = walk.step(x, t, t_next, z.to(x) if process.eta else torch.zeros_like(x))
        x = step.mean if t_next == times[-1] and sampler.denoise else step.x
        yield t_next, x


def times_below(grid: str, steps: int, sde: SDE, t0: float) -> list[float]:
    """`steps` + 1 falling times from t0 to eps, spaced as the grid's between T and eps."""
    whole = np.array(grids.times(grid, FINE, sde))
    if t0 <= sde.eps:
        return [t0, 0.5 * t0]
    first = float(np.interp(t0, whole[::-1], np.arange(FINE, -1.0, -1.0)))
    inside = np.interp(np.linspace(first, FINE, steps + 1), np.arange(FINE + 1.0), whole)
    return [t0, *inside[1:-1].tolist(), sde.eps]
