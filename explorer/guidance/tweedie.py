"""Guidance on Tweedie's mean: p(y | x_t) as a Gaussian around what the denoised estimate says of y."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.diffusion.observation import Observation
from explorer.diffusion.scores import Score
from explorer.diffusion.sdes import SDE


@dataclass(frozen=True)
class TweedieGuided:
    """s(x) + ∇_x log N(y; B x̂_0(x), r² I), x̂_0 = (x + sigma² s(x))/alpha, r² = std² + sigma²c²/(alpha²c² + sigma²).

    The gradient goes through the score. With `spread` c = 0 the spread of x_0 around its mean is left out: diffusion
    posterior sampling with the weight 1 of Chung et al. 2023, eq. 11. Else it is that of data N(m, c² I), for which the
    guided score is exact: pseudoinverse guidance (Song et al. 2023, eq. 6 and 7).
    """

    plain: Score
    sde: SDE
    known: Observation
    spread: float = 0.0

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        alpha, sigma = self.sde.marginal(t)
        with torch.enable_grad():
            moved = x.detach().requires_grad_(True)
            s = self.plain(moved, t)
            miss = self.known.observed(x) - self.known.seen(moved + sigma**2 * s) / alpha
            (push,) = torch.autograd.grad((-0.5 * miss**2 / self._variance(alpha, sigma)).sum(), moved)
        return s.detach() + push

    def _variance(self, alpha: float, sigma: float) -> float:
        """r²."""
        left = (sigma * self.spread) ** 2 / ((alpha * self.spread) ** 2 + sigma**2) if self.spread else 0.0
        return self.known.std**2 + left
