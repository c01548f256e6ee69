"""How good an estimated density is, at points where the exact one is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from explorer.analysis.likelihood.flow import Estimate, end_log_density
from explorer.base.lazy import torch
from explorer.data.distributions import Mixture
from explorer.diffusion.sdes import SDE


@dataclass(frozen=True, eq=False)
class Measured:
    """log p in nats at points: the estimate, the exact values (n,), and log prior - log p_T at the codes (n,).

    What the prior in place of p_T does to an estimate is that mismatch, whatever the score.
    """

    estimate: Estimate
    truth: np.ndarray
    mismatch: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Found minus exact (n,)."""
        return np.asarray(self.estimate.values.numpy() - self.truth)

    @property
    def mean_error(self) -> tuple[float, float]:
        """The mean absolute error and its standard error over the points; nan for one point."""
        size = np.abs(self.error)
        spread = float(size.std(ddof=1)) / math.sqrt(len(size)) if len(size) > 1 else math.nan
        return float(size.mean()), spread


def measured(estimate: Estimate, sde: SDE, mixture: Mixture, x: torch.Tensor, t: float) -> Measured:
    """An estimate of log p_t at x (n, d) beside the exact one of this mixture."""
    truth = mixture.log_density(x, *sde.marginal(t))
    mismatch = end_log_density(sde, estimate.code) - end_log_density(sde, estimate.code, mixture)
    return Measured(estimate, truth.numpy(), mismatch.numpy())
