"""Noise as data: what is drawn depends on (seed, stream, interval), never on what was drawn before.

Brownian increments come from a binary tree of bridges over the time span. A grid of any number of steps reads
the same path at its own times, so changing the number of steps or the sampler shows accuracy and not luck.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from jaxtyping import Float

from explorer.lazy import torch

#: Streams: independent noise for independent uses under one seed.
PRIOR, PATH, CORRECTOR, DATA, PROBE = range(5)


def seed_of(seed: int, *address: int) -> int:
    """A 32-bit seed (all that torch's CPU generator takes in) for an address of whole numbers."""
    text = ",".join(map(str, (seed, *address)))
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little")


def normal(shape: tuple[int, ...], seed: int, *address: int) -> Float[torch.Tensor, "..."]:
    """Standard normal numbers (shape), float32 on the CPU, the same for the same seed and address.

    The numbers of the first rows do not depend on how many rows there are: adding particles keeps the old
    ones. (torch fills blocks of 16, so whole blocks are drawn.)
    """
    generator = torch.Generator().manual_seed(seed_of(seed, *address))
    count = math.prod(shape)
    return torch.randn(-(-count // 16) * 16, generator=generator)[:count].view(shape)


@dataclass(frozen=True)
class Brownian:
    """One Brownian motion per element of `shape` over the times `span` = (low, high), W(low) = 0.

    A grid is visited from its middle outwards: the wanted time nearest to the middle of an interval is bridged
    between the interval's ends (Lévy's construction) with the noise of that node of the tree. So the law is
    exact on every grid, each step costs one draw, and two grids read the same path, to their resolution.
    """

    seed: int
    shape: tuple[int, ...]
    span: tuple[float, float]
    stream: int = PATH

    def increments(self, times: Sequence[float]) -> Iterator[torch.Tensor]:
        """(W(t_next) - W(t))/sqrt|t_next - t| (shape) for each step of the grid: standard normal.

        times: N+1 distinct values from one end of the span to the other, rising or falling.
        """
        values = self.values(times)
        before = next(values)
        for t, t_next, after in zip(times, times[1:], values, strict=False):
            yield (after - before).div_(math.sqrt(abs(t_next - t)))
            before = after

    def values(self, times: Sequence[float]) -> Iterator[torch.Tensor]:
        """W at each time of a grid as in `increments`, in its order."""
        low, high = self.span
        falling = times[0] > times[-1]
        rising = sorted(times)
        start = torch.zeros(self.shape)
        end = normal(self.shape, self.seed, self.stream, 0, 0) * math.sqrt(high - low)
        inside = self._between((low, start), (high, end), rising[1:-1], falling, 1, 0)
        first, last = (end, start) if falling else (start, end)
        yield first
        yield from inside
        yield last

    def _between(
        self,
        left: tuple[float, torch.Tensor],
        right: tuple[float, torch.Tensor],
        times: list[float],
        falling: bool,
        level: int,
        index: int,
    ) -> Iterator[torch.Tensor]:
        """W at `times` (rising, strictly between left and right), yielded in the order of travel."""
        if not times:
            return
        middle = 0.5 * (left[0] + right[0])
        i = bisect.bisect_left(times, middle)
        i = min((j for j in (i - 1, i) if 0 <= j < len(times)), key=lambda j: abs(times[j] - middle))
        centre = (times[i], self._bridge(left, right, times[i], level, index))
        below = self._between(left, centre, times[:i], falling, level + 1, 2 * index)
        above = self._between(centre, right, times[i + 1 :], falling, level + 1, 2 * index + 1)
        yield from above if falling else below
        yield centre[1]
        yield from below if falling else above

    def _bridge(
        self,
        left: tuple[float, torch.Tensor],
        right: tuple[float, torch.Tensor],
        t: float,
        level: int,
        index: int,
    ) -> torch.Tensor:
        (a, wa), (b, wb) = left, right
        std = math.sqrt((t - a) * (b - t) / (b - a))
        z = normal(self.shape, self.seed, self.stream, level, index).mul_(std)
        return z.add_(torch.lerp(wa, wb, (t - a) / (b - a)))
