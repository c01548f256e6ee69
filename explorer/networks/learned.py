"""The score of a network, under any SDE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from explorer.base.lazy import torch
from explorer.diffusion.sdes.base import SDE

if TYPE_CHECKING:
    from explorer.networks.preconditioned import Preconditioned


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
