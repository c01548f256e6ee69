"""The reverse process: a forward SDE, a score and how much noise to put back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from explorer.base.lazy import torch
from explorer.diffusion.sdes.base import SDE

#: Of alpha'/alpha: one step from almost no signal would pass what float32 holds, and has lost all digits anyway.
LARGEST = 1e30


@dataclass
class Reverse:
    """dx = [f - ½(1+η²) g² s] dt + η g dw̄ (MATH.md section 3; [S21] eq. 6 for η = 1 and eq. 13 for η = 0).

    Every η >= 0 has the same marginals. `evaluations` counts calls of the score (NFE per particle); a score that asks a
    network more than once says how often by a method `evaluations_at(t)`.
    """

    sde: SDE
    score_function: Callable[[torch.Tensor, float], torch.Tensor]
    eta: float = 1.0
    evaluations: int = field(default=0, init=False)

    def score(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """s(x, t) for x (n, ...), counted."""
        asked = getattr(self.score_function, "evaluations_at", None)
        self.evaluations += 1 if asked is None else asked(t)
        return self.score_function(x, t)

    @cached_property
    def unit(self) -> float:
        """A power of two that x/alpha is kept in, so that it fits into float32: 1 but for a very large beta_max."""
        alpha, _ = self.sde.marginal(self.sde.T)
        return 2.0 ** min(0, math.floor(math.log2(alpha * LARGEST)))

    def denoised(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """Tweedie's E[x_0 | x_t] = (x + sigma² s)/alpha (Efron 2011), times `unit`."""
        alpha, sigma = self.sde.marginal(t)
        return torch.add(x, self.score(x, t), alpha=sigma * sigma).mul_(self.unit / alpha)

    def growth(self, t: float, t_next: float) -> float:
        """alpha(t_next)/alpha(t), LARGEST at most."""
        return min(self.sde.marginal(t_next)[0] / self.sde.marginal(t)[0], LARGEST)

    @property
    def weight(self) -> float:
        """½(1+η²): the share of g² s in the drift."""
        return 0.5 * (1 + self.eta**2)

    def drift_terms(self, x: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
        """The two parts of the reverse drift: f(x, t) and -½(1+η²) g² s(x, t)."""
        return self.sde.drift(x, t), self.score(x, t) * (-self.weight * self.sde.diffusion(t) ** 2)

    def drift(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """f(x, t) - ½(1+η²) g(t)² s(x, t)."""
        f, push = self.drift_terms(x, t)
        return f + push

    def diffusion(self, t: float) -> float:
        """η g(t)."""
        return self.eta * self.sde.diffusion(t)
