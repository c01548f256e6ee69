"""What one noise level costs denoising score matching: the variance of its target, and the bias of p_sigma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.base.lazy import torch

if TYPE_CHECKING:
    from explorer.data.distributions.mixture import Mixture


@dataclass(frozen=True, eq=False)
class Trade:
    """For noise levels sigma (m,): means over x ~ p_sigma with their standard errors, each (m,).

    variance: E|target - grad log p_sigma|² of the target -z/sigma. bias: E|grad log p_sigma - grad log p|².
    signal: E|grad log p_sigma|². The mean of n targets at one place misses grad log p by variance/n + bias.
    """

    sigma: np.ndarray
    variance: np.ndarray
    variance_error: np.ndarray
    bias: np.ndarray
    bias_error: np.ndarray
    signal: np.ndarray

    def error(self, n: int) -> np.ndarray:
        """E|mean of n targets - grad log p|² (m,)."""
        return np.asarray(self.variance / n + self.bias)


def noise_trade(mixture: Mixture, sigmas: Sequence[float] | np.ndarray, draws: int, seed: int) -> Trade:
    """The trade by Monte Carlo over `draws` points, the same ones for all levels, with exact scores.

    The variance is averaged as a square and not as a difference, so it is accurate at large sigma too.
    """
    rng = np.random.default_rng(seed)
    x0 = torch.from_numpy(mixture.sample(draws, rng)[0]).double()
    z = torch.from_numpy(rng.standard_normal(x0.shape))
    rows = np.array([_row(mixture, x0, z, float(sigma)) for sigma in sigmas])
    return Trade(np.asarray(sigmas, np.float64), *rows.T)


def _row(mixture: Mixture, x0: torch.Tensor, z: torch.Tensor, sigma: float) -> list[float]:
    x = x0 + sigma * z
    noisy, clean = mixture.score(x, 1.0, sigma), mixture.score(x, 1.0, 0.0)
    variance, bias = (noisy + z / sigma).square().sum(1), (noisy - clean).square().sum(1)
    root = len(x) ** 0.5
    return [
        float(variance.mean()), float(variance.std()) / root,
        float(bias.mean()), float(bias.std()) / root, float(noisy.square().sum(1).mean()),
    ]  # fmt: skip
