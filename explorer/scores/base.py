"""What a score is, and the three there are.

This module touches torch only when a score is evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from explorer.lazy import torch

if TYPE_CHECKING:
    from explorer.distributions.mixture import Mixture
    from explorer.scores.network import Preconditioned
    from explorer.sdes.base import SDE


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
class LearnedScore:
    """A network's score under `sde`.

    A preconditioned network serves every SDE, because x_t/alpha has one law at equal sigma/alpha; a network
    trained natively for one SDE is right only under that one. `label` is a class for the whole batch; `turn` are
    classes that its rows have in turn.
    """

    denoiser: Preconditioned
    sde: SDE
    label: int | None = None
    turn: tuple[int, ...] = ()
    _embedded: dict[float, torch.Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        alpha, sigma = self.sde.marginal(t)
        labels = self._labels(x) if self.turn else self.label
        return self.denoiser.score(x, alpha, sigma, t, labels, self._embedded)

    def of_row(self, row: int) -> LearnedScore:
        """The score of one row alone."""
        return replace(self, label=self.turn[row % len(self.turn)], turn=()) if self.turn else self

    def _labels(self, x: torch.Tensor) -> torch.Tensor:
        """The class of each row of x (n,)."""
        label = self.denoiser.no_label if self.label is None else self.label
        several = torch.tensor(self.turn or (label,), device=x.device)
        return several[torch.arange(len(x), device=x.device) % len(several)]

    def joins(self, other: LearnedScore) -> bool:
        """Whether both are of one network that can be asked for two labels at once."""
        return self.denoiser is other.denoiser and self.sde == other.sde and self.denoiser.many_labels

    def beside(self, other: LearnedScore, x: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
        """This score and that of another label, in one batch of 2 n."""
        alpha, sigma = self.sde.marginal(t)
        labels = torch.stack([score._labels(x) for score in (self, other)])
        first, second = self.denoiser.score(x, alpha, sigma, t, labels, self._embedded)
        return first, second

    def prepare(self, times: Sequence[float]) -> None:
        """Embed the noise levels of a run at once: one by one, they cost a twentieth of it at 1,000 points."""
        with torch.no_grad():
            self._embedded.update(self.denoiser.embedded([self.sde.marginal(t) for t in times]))


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
