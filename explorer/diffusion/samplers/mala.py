"""The Metropolis-adjusted Langevin algorithm (MALA): Langevin moves that are accepted or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from explorer.base.lazy import torch


@dataclass
class Mala:
    """Particles x (n, d) whose stationary law is p^(1/temperature), exactly, for every step size ε.

    A move x' = x + ε s + sqrt(2ε temperature) z is proposed and accepted with probability
    min(1, π(x') q(x | x') / π(x) q(x' | x)) (Roberts and Tweedie 1996; Roberts and Rosenthal 1998). The score
    only proposes: with a learned one the law is still that of `log_density`, and its error costs acceptance.
    """

    score: Callable[[torch.Tensor], torch.Tensor]
    log_density: Callable[[torch.Tensor], torch.Tensor]
    epsilon: float
    temperature: float
    x: torch.Tensor

    def __post_init__(self) -> None:
        self._s, self._log_p = self.score(self.x), self.log_density(self.x)

    def move(self, z: torch.Tensor, log_u: torch.Tensor) -> float:
        """One move with z (n, d) normal and log_u (n,) the logarithm of uniform numbers: the share accepted."""
        spread = 2 * self.epsilon * self.temperature
        x = torch.add(self.x, self._s, alpha=self.epsilon).add_(z, alpha=spread**0.5)
        s, log_p = self.score(x), self.log_density(x)
        back = (self.x - x).sub_(s, alpha=self.epsilon)
        ratio = (log_p - self._log_p) / self.temperature
        ratio += 0.5 * z.square().sum(1) - back.square().sum(1) / (2 * spread)
        accepted = log_u < ratio  # false where a number went bad
        self.x = torch.where(accepted[:, None], x, self.x)
        self._s = torch.where(accepted[:, None], s, self._s)
        self._log_p = torch.where(accepted, log_p, self._log_p)
        return float(accepted.float().mean())
