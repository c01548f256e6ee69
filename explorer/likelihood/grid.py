"""Densities at very many points: roughly everywhere, then well where there is density."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from explorer.distributions import Mixture
from explorer.lazy import torch
from explorer.likelihood.divergence import Divergence
from explorer.likelihood.flow import Flow, Moment, estimated, within

#: Tolerance of the first pass. Where nothing was ever seen in training a network's field is rough: followed
#: closely, such points cost several times the evaluations of all others, for densities of e⁻³⁰.
ROUGH = 1e-2
#: Tolerance that suits a picture: it moves log p by less than 1e-3 nats on average (moons, checkerboard,
#: tree; VP and VE), where the networks are 0.03 to 0.3 off.
PICTURE = 1e-4
#: Points within so many nats of the peak are solved again with the flow's own solver. (The peak is a quantile: where
#: the first pass went astray it may have found any value.)
NEAR, PEAK = 9.0, 0.98


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
    rough, share = replace(flow, solver=within(ROUGH)), 0.75
    last: Moment
    for last in rough.encode(x, t, divergence(x)):
        yield share * last.progress, None
    values = torch.nan_to_num(estimated(rough, last, exact_end).values, nan=-1e9, posinf=1e9, neginf=-1e9)
    yield share, values
    best = torch.nonzero(values >= values.quantile(PEAK) - NEAR)[:, 0]
    for last in flow.encode(x[best], t, divergence(x[best])):
        yield share + (1 - share) * last.progress, None
    values = values.clone()
    values[best] = estimated(flow, last, exact_end).values
    yield 1.0, values
