"""Noise as data: what is drawn depends on (seed, stream, interval), never on what was drawn before.

Paths come from a binary tree of bridges over the time span. A grid of any number of steps reads the same path
at its own times, so changing the number of steps or the sampler shows accuracy and not luck.
"""

from __future__ import annotations

import bisect
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from explorer.base.lazy import torch

# For annotations, which the tests check; else importing it would take a tenth of the time to open the window.
if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Float

#: Streams: independent noise for independent uses under one seed.
PRIOR, PATH, CORRECTOR, DATA, PROBE, OBSERVED, AREA = range(7)


def seed_of(seed: int, *address: int) -> int:
    """A 32-bit seed (all that torch's CPU generator takes in) for an address of whole numbers."""
    text = ",".join(map(str, (seed, *address)))
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little")


def normal(
    shape: tuple[int, ...], seed: int, *address: int, std: float = 1.0
) -> Float[torch.Tensor, "*shape"]:
    """Normal numbers (shape) of mean 0, float32 on the CPU, the same for the same seed and address.

    The numbers of the first rows do not depend on how many rows there are: adding particles keeps the old
    ones. (torch fills blocks of 16, so whole blocks are drawn.)
    """
    generator = torch.Generator().manual_seed(seed_of(seed, *address))
    count = math.prod(shape)
    if count % 16 == 0:
        return torch.empty(shape).normal_(0, std, generator=generator)
    return torch.empty(-(-count // 16) * 16).normal_(0, std, generator=generator)[:count].view(shape)


def ahead(draws: Iterator[torch.Tensor], bytes_at_once: int = 1 << 18) -> Iterator[torch.Tensor]:
    """`draws`, some at a time: between two evaluations of a network each would find the caches cold.

    They cost twice as much there. At most 32 at a time, and no more than the caches hold.
    """
    for first in draws:
        yield first
        more = min(bytes_at_once // max(first.nbytes, 1), 32) - 1
        yield from list(islice(draws, max(more, 0)))


class Node(NamedTuple):
    """The path at one time: x = alpha W(clock), with W a Brownian motion."""

    t: float
    alpha: float
    clock: float
    x: torch.Tensor


@dataclass(frozen=True)
class Brownian:
    """One Brownian motion per element of `shape` over the times `span` = (low, high), W(low) = 0.

    With `marginal`, t -> (alpha, sigma), instead the noise of that SDE: alpha W(sigma²/alpha²), which has
    standard deviation sigma(t) at every t and x_t = alpha x_0 + it for the law of whole paths.

    A grid is visited from its middle outwards: the wanted time nearest to an interval's middle is bridged
    between the interval's ends (Lévy's construction) with the noise of that node of the tree. So the law is
    exact on every grid, each step costs one draw, and two grids read the same path, to their resolution.
    """

    seed: int
    shape: tuple[int, ...]
    span: tuple[float, float]
    stream: int = PATH
    marginal: Callable[[float], tuple[float, float]] | None = None

    def increments(self, times: Sequence[float]) -> Iterator[torch.Tensor]:
        """(W(t_next) - W(t))/sqrt|t_next - t| (shape) for each step of the grid: standard normal.

        times: N+1 distinct values from one end of the span to the other, rising or falling.
        """
        values = self.values(times)
        before = next(values)
        for t, t_next, after in zip(times, times[1:], values, strict=False):
            yield (after - before).div_(math.sqrt(abs(t_next - t)))
            before = after

    def increment(self, times: Sequence[float], i: int) -> torch.Tensor:
        """The i-th (from 0) of `increments(times)` alone, for as many draws as the tree is deep."""
        width = math.sqrt(abs(times[i + 1] - times[i]))
        return (self._value(times, i + 1) - self._value(times, i)).div_(width)

    def values(self, times: Sequence[float]) -> Iterator[torch.Tensor]:
        """W at each time of a grid as in `increments`, in its order."""
        falling = times[0] > times[-1]
        start, end = self._ends()
        first, last = (end, start) if falling else (start, end)
        yield first.x
        yield from self._between(start, end, sorted(times)[1:-1], falling, 1, 0)
        yield last.x

    def _value(self, times: Sequence[float], i: int) -> torch.Tensor:
        """W(times[i]), found by descending the tree to it."""
        left, right = self._ends()
        wanted, inside = times[i], sorted(times)[1:-1]
        level, index = 1, 0
        while left.t < wanted < right.t:
            j = _middle(left.t, right.t, inside)
            centre = self._bridge(left, right, inside[j], level, index)
            below = wanted <= centre.t
            left, right = (left, centre) if below else (centre, right)
            inside = inside[:j] if below else inside[j + 1 :]
            level, index = level + 1, 2 * index + (not below)
        return right.x if wanted == right.t else left.x

    def _law(self, t: float) -> tuple[float, float]:
        """(alpha, clock) at t."""
        if self.marginal is None:
            return 1.0, t - self.span[0]
        alpha, sigma = self.marginal(t)
        return alpha, (sigma / alpha) ** 2

    def _ends(self) -> tuple[Node, Node]:
        low, high = self.span
        (a, c), (a_high, c_high) = self._law(low), self._law(high)
        z = normal(self.shape, self.seed, self.stream, 0, 0)
        start = normal(self.shape, self.seed, self.stream, 0, 1) if c else torch.zeros(self.shape)
        start = start.mul_(a * math.sqrt(c))
        end = z.mul_(a_high * math.sqrt(c_high - c)).add_(start, alpha=a_high / a)
        return Node(low, a, c, start), Node(high, a_high, c_high, end)

    def _between(
        self, left: Node, right: Node, times: list[float], falling: bool, level: int, index: int
    ) -> Iterator[torch.Tensor]:
        """W at `times` (rising, strictly between left and right), yielded in the order of travel."""
        if not times:
            return
        i = _middle(left.t, right.t, times)
        centre = self._bridge(left, right, times[i], level, index)
        below = self._between(left, centre, times[:i], falling, level + 1, 2 * index)
        above = self._between(centre, right, times[i + 1 :], falling, level + 1, 2 * index + 1)
        yield from above if falling else below
        yield centre.x
        yield from below if falling else above

    def _bridge(self, left: Node, right: Node, t: float, level: int, index: int) -> Node:
        """The path at t, given both ends and the noise of this node of the tree."""
        alpha, clock = self._law(t)
        width = right.clock - left.clock
        near, far = (clock - left.clock) / width, (right.clock - clock) / width
        std = alpha * math.sqrt((clock - left.clock) * far)
        x = normal(self.shape, self.seed, self.stream, level, index, std=std)
        x.add_(left.x, alpha=alpha / left.alpha * far).add_(right.x, alpha=alpha / right.alpha * near)
        return Node(t, alpha, clock, x)


def _middle(left: float, right: float, times: list[float]) -> int:
    """Index of the time nearest to the middle between two others."""
    middle = 0.5 * (left + right)
    i = bisect.bisect_left(times, middle)
    below = i == len(times) or (i > 0 and middle - times[i - 1] <= times[i] - middle)
    return i - below


class Piece(NamedTuple):
    """A path between two times: its rise W(high) - W(low), and the area between it and its chord."""

    low: float
    high: float
    rise: torch.Tensor
    area: torch.Tensor


@dataclass(frozen=True)
class BrownianArea:
    """A Brownian motion with its integral over time, for methods of strong order 1.5.

    A step of width h is given as (2, *shape): z, its increment over sqrt(h), and u, the area between path and
    chord over sqrt(h³/12); both are standard normal and independent. So the integral of W(s) - W(t) over the
    step is h^(3/2) (z/2 + u/sqrt(12)) (Kloeden & Platen 1992, eq. 10.4.3).

    Pieces are split as in `Brownian`, the parts' rises and areas drawn given those of the whole: two grids read
    one path, areas included. It rises as much as `Brownian` of that seed in all; between, it is another path.
    """

    seed: int
    shape: tuple[int, ...]
    span: tuple[float, float]
    stream: int = AREA

    def increments(self, times: Sequence[float]) -> Iterator[torch.Tensor]:
        """(z, u) as (2, *shape) for each step of the grid, rising or falling from one end to the other."""
        falling = times[0] > times[-1]
        for piece in self._pieces(self._whole(), sorted(times)[1:-1], falling, 1, 0):
            yield _normalised(piece, falling)

    def increment(self, times: Sequence[float], i: int) -> torch.Tensor:
        """The i-th (from 0) of `increments(times)` alone."""
        piece, inside = self._whole(), sorted(times)[1:-1]
        middle = 0.5 * (times[i] + times[i + 1])
        level, index = 1, 0
        while inside:
            j = _middle(piece.low, piece.high, inside)
            below = middle < inside[j]
            piece = self._split(piece, inside[j], level, index)[not below]
            inside = inside[:j] if below else inside[j + 1 :]
            level, index = level + 1, 2 * index + (not below)
        return _normalised(piece, times[0] > times[-1])

    def _whole(self) -> Piece:
        low, high = self.span
        rise = normal(self.shape, self.seed, PATH, 0, 0).mul_(math.sqrt(high - low))
        area = normal(self.shape, self.seed, self.stream, 0, 0, std=math.sqrt((high - low) ** 3 / 12))
        return Piece(low, high, rise, area)

    def _pieces(
        self, whole: Piece, times: list[float], falling: bool, level: int, index: int
    ) -> Iterator[Piece]:
        """`whole` split at `times` (rising, strictly inside), in the order of travel."""
        if not times:
            yield whole
            return
        i = _middle(whole.low, whole.high, times)
        left, right = self._split(whole, times[i], level, index)
        below = self._pieces(left, times[:i], falling, level + 1, 2 * index)
        above = self._pieces(right, times[i + 1 :], falling, level + 1, 2 * index + 1)
        yield from above if falling else below
        yield from below if falling else above

    def _split(self, whole: Piece, t: float, level: int, index: int) -> tuple[Piece, Piece]:
        """The two parts of a piece: drawn as if its area were not known, then corrected by what is missing.

        The path's height over the chord at t and the parts' own areas are independent, with variances p q h,
        (p h)³/12 and (q h)³/12, and h/2 height + left + right is the whole's area.
        """
        h = whole.high - whole.low
        p, q = (t - whole.low) / h, (whole.high - t) / h
        stds = (math.sqrt(p * q * h), math.sqrt((p * h) ** 3 / 12), math.sqrt((q * h) ** 3 / 12))
        height, left, right = (
            normal(self.shape, self.seed, self.stream, level, index, k, std=std) for k, std in enumerate(stds)
        )
        missing = torch.sub(whole.area, left).sub_(right).sub_(height, alpha=0.5 * h)
        height.add_(missing, alpha=6 * p * q / h).add_(whole.rise, alpha=p)
        left.add_(missing, alpha=p**3)
        right.add_(missing, alpha=q**3)
        return Piece(whole.low, t, height, left), Piece(t, whole.high, whole.rise - height, right)


def _normalised(piece: Piece, falling: bool) -> torch.Tensor:
    h = piece.high - piece.low
    rise = -piece.rise if falling else piece.rise
    return torch.stack([rise / math.sqrt(h), piece.area / math.sqrt(h**3 / 12)])
