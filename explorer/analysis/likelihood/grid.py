"""Densities at very many points: roughly everywhere, then well where there is density."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from explorer.analysis.likelihood.divergence import Divergence
from explorer.analysis.likelihood.flow import Flow, Moment, estimated
from explorer.base.lazy import torch
from explorer.data.distributions import Mixture
from explorer.diffusion.samplers import SOLVERS, Predictor
from explorer.diffusion.samplers.dopri5 import DormandPrince

#: Heun steps of the first pass: for half a nat where there is density. It does not follow the field closely, and
#: must not: where nothing was ever seen in training a network's field is rough, and such points would cost several
#: times the evaluations of all others, for densities of e⁻³⁰.
ROUGH_STEPS = 16
#: Tolerance that suits a picture: it moves log p by less than 1e-3 nats on average (moons, checkerboard,
#: tree; VP and VE), where the networks are 0.03 to 0.3 off.
PICTURE = 1e-4
#: Points down to so many nats below the peak are solved again, with so many times the tolerance: the lower ones are
#: dearer, and a hundredth of a nat is nothing at a twentieth of the peak. (The peak is a quantile: where the first
#: pass went astray it may have found any value. The last nat is for what it found too low.)
BANDS, PEAK = ((3.0, 1.0), (8.0, 2.0)), 0.98


def on_points(
    flow: Flow,
    x: torch.Tensor,
    t: float,
    divergence: Callable[[torch.Tensor], Divergence],
    exact_end: Mixture | None = None,
) -> Iterator[tuple[float, torch.Tensor | None]]:
    """log p_t at x (n, ...): pairs of progress and, when both passes end, the values (n,) in nats.

    `divergence` makes the divergence for the points it is given. Other pairs hold None: they are there so
    that whoever waits may stop.
    """
    rough, share = replace(flow, solver=SOLVERS["heun"](), steps=ROUGH_STEPS), 0.3
    last: Moment
    for last in rough.encode(x, t, divergence(x)):
        yield share * last.progress, None
    values = torch.nan_to_num(estimated(rough, last, exact_end).values, nan=-1e9, posinf=1e9, neginf=-1e9)
    yield share, values
    below, values = values.quantile(PEAK) - values, values.clone()
    shallower, done = -math.inf, 0
    for depth, factor in BANDS:
        band = torch.nonzero((below > shallower) & (below <= depth))[:, 0]
        if not len(band):
            continue
        fine = replace(flow, solver=_looser(flow.solver, factor))
        for last in fine.encode(x[band], t, divergence(x[band])):
            yield share + (1 - share) * (done + last.progress * len(band)) / len(x), None
        values[band] = estimated(fine, last, exact_end).values
        shallower, done = depth, done + len(band)
    yield 1.0, values


def _looser(solver: Predictor, factor: float) -> Predictor:
    """The same solver with so many times the tolerance, where it has one."""
    if not isinstance(solver, DormandPrince):
        return solver
    return replace(solver, rtol=factor * solver.rtol, atol=factor * solver.atol)
