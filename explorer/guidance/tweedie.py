"""Diffusion posterior sampling: p(y | x_t) approximated through Tweedie's mean (Chung et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.guidance.base import Known
from explorer.lazy import torch
from explorer.scores.base import Score
from explorer.sdes import SDE


@dataclass(frozen=True)
class TweedieGuided:
    """s(x) + ∇_x log N(y; aᵀx̂_0(x), std²), x̂_0 = (x + sigma² s(x))/alpha.

    The gradient goes through the score, as DPS takes it, with the weight 1 of its equation 11. The spread of
    x_0 around its mean is left out of the variance: that is the approximation.
    """

    plain: Score
    sde: SDE
    known: Known

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        alpha, sigma = self.sde.marginal(t)
        a = torch.tensor(self.known.direction, dtype=x.dtype, device=x.device)
        with torch.enable_grad():
            moved = x.detach().requires_grad_(True)
            s = self.plain(moved, t)
            miss = self.known.value - (moved + sigma**2 * s) @ a / alpha
            (push,) = torch.autograd.grad((-0.5 * miss**2 / self.known.std**2).sum(), moved)
        return s.detach() + push
