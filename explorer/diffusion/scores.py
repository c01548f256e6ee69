"""What a score is, and the three there are.

This module touches torch only when a score is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from explorer.base.lazy import torch

if TYPE_CHECKING:
    from explorer.data.distributions.mixture import Mixture
    from explorer.diffusion.sdes.base import SDE


@runtime_checkable
class Score(Protocol):
    """grad_x log p_t(x): x (n, d) and one time for all of it -> (n, d)."""

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor: ...


@dataclass(frozen=True)
class ExactScore:
    """The closed form that every mixture has under every SDE (MATH.md section 2)."""

    mixture: Mixture
    sde: SDE

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        alpha, sigma = self.sde.marginal(t)
        return self.mixture.score(x, alpha, sigma)


@dataclass(frozen=True)
class InTurn:
    """Several scores: each row of x has its own, in turn."""

    scores: tuple[Score, ...]

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        out, k = torch.empty_like(x), len(self.scores)
        for i, score in enumerate(self.scores[: len(x)]):
            out[i::k] = score(x[i::k], t)
        return out

    def of_row(self, row: int) -> Score:
        """The score of one row alone."""
        return self.scores[row % len(self.scores)]


def of_row(score: Score, row: int) -> Score:
    """The score of one row alone, of a score whose rows may each have their own."""
    own = getattr(score, "of_row", None)
    return score if own is None else own(row)


@dataclass(frozen=True)
class DifferenceScore:
    """a - b: with the exact score as b, the error of a."""

    a: Score
    b: Score

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return self.a(x, t) - self.b(x, t)
