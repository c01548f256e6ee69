"""What a score is, and the three there are.

This module touches torch only when a score is evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    trained natively for one SDE is right only under that one. `label` is a class for the whole batch.
    """

    denoiser: Preconditioned
    sde: SDE
    label: int | None = None
    _embedded: dict[float, torch.Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        alpha, sigma = self.sde.marginal(t)
        return self.denoiser.score(x, alpha, sigma, t, self.label, self._embedded)

    def joins(self, other: LearnedScore) -> bool:
        """Whether both are of one network that can be asked for two labels at once."""
        return self.denoiser is other.denoiser and self.sde == other.sde and self.denoiser.many_labels

    def beside(self, other: LearnedScore, x: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
        """This score and that of another label, in one batch of 2 n."""
        alpha, sigma = self.sde.marginal(t)
        numbers = [self.denoiser.no_label if s.label is None else s.label for s in (self, other)]
        labels = torch.tensor(numbers, device=x.device)[:, None].expand(2, len(x))
        first, second = self.denoiser.score(x, alpha, sigma, t, labels, self._embedded)
        return first, second

    def prepare(self, times: Sequence[float]) -> None:
        """Embed the noise levels of a run at once: one by one, they cost a twentieth of it at 1,000 points."""
        with torch.no_grad():
            self._embedded.update(self.denoiser.embedded([self.sde.marginal(t) for t in times]))


@dataclass(frozen=True)
class DifferenceScore:
    """a - b: with the exact score as b, the error of a."""

    a: Score
    b: Score

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return self.a(x, t) - self.b(x, t)
