"""Implicit score matching: the score is learned from data alone, through its divergence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from explorer.base.lazy import torch
from explorer.training.objectives.base import OBJECTIVES, Batch
from explorer.training.objectives.levels import AnyLevel

Field: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"


class Implicit(AnyLevel):
    """Objectives that trade the unknown score for a divergence, by integration by parts.

    E z·s = sigma E tr(grad_x s), so with d added their mean is that of denoising, |sigma s + z|², and losses and
    floors of both can be compared. All noise levels weigh the same: unlike in a regression nothing cancels
    point by point where noise is large, so more weight there would bring nothing but variance.
    """

    capturable = False

    def weight(self, noise: torch.Tensor, sigma_data: float) -> torch.Tensor:
        return torch.ones_like(noise)

    def loss(self, score: Field, batch: Batch) -> torch.Tensor:
        return torch.stack(list(self.terms(score, batch).values())).sum(0)

    def floor(self, exact: torch.Tensor, batch: Batch) -> torch.Tensor:
        return (batch.sigma[..., None] * exact + batch.z).square().sum(-1)


def with_d(x: torch.Tensor, terms: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The terms (m, r) of the loss and the constant d = E|z|², which no gradient sees."""
    return terms | {"d": torch.full_like(x[..., 0], x.shape[-1])}


def score_and_point(score: Field, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """s(x) and the x that it can be differentiated by (each (m, r, d))."""
    x = batch.x.detach().requires_grad_()
    with torch.enable_grad():
        return score(x), x


def directional(s: torch.Tensor, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """(grad s)ᵀ v (m, r, d): the gradient by x of vᵀ s(x), itself differentiable. Points do not mix in s."""
    return torch.autograd.grad((s * v).sum(), x, create_graph=True)[0]


@OBJECTIVES.register("ism", title="Implicit (exact trace)", order=70)
@dataclass(frozen=True)
class ImplicitScoreMatching(Implicit):
    """Hyvärinen 2005: E |s|² + 2 tr(grad_x s), with one backward pass for each coordinate."""

    short = "ISM"
    about = "No score and no noise in the target: the trace of the Jacobian stands in, at d backward passes."
    equation = r"E ½∥s(x̃)∥² + tr ∇ₓ s(x̃)"
    source = "Hyvärinen 2005, Theorem 1"

    def terms(self, score: Field, batch: Batch) -> dict[str, torch.Tensor]:
        s, x = score_and_point(score, batch)
        units = torch.eye(s.shape[-1], dtype=s.dtype, device=s.device)
        trace = sum(((directional(s, x, e) * e).sum(-1) for e in units), torch.zeros_like(s[..., 0]))
        scale = batch.sigma * batch.sigma
        return with_d(x, {"σ²∥s∥²": scale * s.square().sum(-1), "2σ² tr ∇s": 2 * scale * trace})
