"""How far samples are from the data: distances between two sets of points, and against an exact density.

Points are (n, d) for any d, as numpy arrays or tensors; a tensor is measured on its own device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from explorer.lazy import torch

if TYPE_CHECKING:
    from explorer.distributions.mixture import Mixture

Points: TypeAlias = "np.ndarray | torch.Tensor"
Metric: TypeAlias = Callable[[Points, Points], float]

#: Rows and columns of a block of distances: on a CPU 256 kB, which stays in its cache.
CPU_BLOCK = 256
GPU_BLOCK = 4096


def energy_distance(x: Points, y: Points) -> float:
    """2 E∥X-Y∥ - E∥X-X'∥ - E∥Y-Y'∥ (Székely and Rizzo 2013) as the V-statistic: never negative, 0 for x = y.

    Pairs of a point with itself count, so for two independent draws of one law it is E∥X-X'∥ (1/n + 1/m) on
    average, not 0: compare with `floor`. scipy.stats.energy_distance is its square root. Memory is bounded,
    time is n m.
    """
    x, y = _pair(x, y)
    return max(0.0, 2 * _mean_distance(x, y) - _mean_distance(x, x) - _mean_distance(y, y))


def sliced_wasserstein(x: Points, y: Points, projections: int = 128, seed: int = 0) -> float:
    """The 1-Wasserstein distance of x and y projected on a line, averaged over random lines.

    Exact on each line, for any two sizes. In one dimension it is the 1-Wasserstein distance itself.
    """
    x, y = _pair(x, y)
    lines = _directions(x.shape[1], projections, seed).to(x)
    a, b = (x @ lines).sort(dim=0).values, (y @ lines).sort(dim=0).values
    # both quantile functions are constant between the steps of either
    n, m = len(a), len(b)
    steps = torch.unique(torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]))  # in 1/(n m)
    left = torch.cat([steps.new_zeros(1), steps[:-1]])
    width = (steps - left).to(x) / (n * m)
    gap = (a[(left // m).to(x.device)] - b[(left // n).to(x.device)]).abs()
    return float((width @ gap).mean())


def mean_log_density(mixture: Mixture, x: Points) -> float:
    """The mean over x of the exact log p_0(x), in nats."""
    return float(mixture.log_density(_as_points(x)).mean(dtype=torch.float64))


def mode_weight_error(mixture: Mixture, x: Points) -> float:
    """Total variation between the classes' shares among x, by p(class | x), and their weights: 0 to 1.

    NaN for a mixture without classes.
    """
    if mixture.labels is None:
        return math.nan
    shares = mixture.class_probabilities(_as_points(x)).mean(dim=0, dtype=torch.float64).cpu().numpy()
    return float(0.5 * np.abs(shares - mixture.label_weights).sum())


def counting_noise(shares: np.ndarray, n: int) -> float:
    """The expected total variation between shares, of any shape, and those counted among n draws, about.

    Each count is nearly normal: half the sum of E|share - count/n| = sqrt(2 share (1 - share)/(π n)).
    """
    p = np.clip(shares, 0, 1)
    return float(0.5 * np.sqrt(2 / math.pi * p * (1 - p) / n).sum())


@dataclass(frozen=True)
class Floor:
    """What a metric says of two sets that are both data: no sampler can be told from the data below it."""

    mean: float
    std: float


def floor(metric: Metric, mixture: Mixture, n: int, seeds: Sequence[int]) -> Floor:
    """`metric` between independent draws of n points, one pair for each seed. `std` is that of one pair."""
    values = []
    for seed in seeds:
        pair = (mixture.sample(n, np.random.default_rng([seed, i]))[0] for i in range(2))
        values.append(metric(*pair))
    return Floor(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else math.nan)


class DistanceCurve:
    """The sliced Wasserstein distance to fixed data, in milliseconds, to follow a sampler live.

    The data's quantiles along some lines are worked out once; of the points, at most `most` are looked at.
    """

    def __init__(self, data: Points, projections: int = 32, seed: int = 0, most: int = 2000) -> None:
        data = _as_points(data)
        self._most = most
        self._lines = _directions(data.shape[1], projections, seed).to(data)
        self._sorted = (data @ self._lines).sort(dim=0).values

    def __call__(self, x: Points) -> float:
        """The distance of x (n, d) from the data."""
        x = _as_points(x)
        # evenly spaced rows, not the first ones, which may be ordered
        x = x[:: math.ceil(len(x) / self._most)]
        mine = (x @ self._lines.to(x)).sort(dim=0).values
        return float((mine - self._quantiles(len(x)).to(x)).abs().mean())

    def _quantiles(self, n: int) -> torch.Tensor:
        """The data's quantiles at the middle of each of n equal shares, (n, projections)."""
        at = ((torch.arange(n) + 0.5) * (len(self._sorted) / n)).long()
        return self._sorted[at.to(self._sorted.device)]


def _as_points(x: Points) -> torch.Tensor:
    x = torch.as_tensor(x).detach()
    if x.ndim != 2 or len(x) == 0:
        raise ValueError(f"points must be of shape (n, d) with n at least 1, not {tuple(x.shape)}")
    return x if x.is_floating_point() else x.float()


def _pair(x: Points, y: Points) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as points, y in the type and on the device of x; one object stays one."""
    a = _as_points(x)
    return a, a if y is x else _as_points(y).to(a)


def _directions(d: int, n: int, seed: int) -> torch.Tensor:
    """n unit vectors as columns (d, n): evenly turned from a random start in the plane, else random."""
    rng = np.random.default_rng(seed)
    if d == 2:
        # evenly spread over the half circle, since a line and its reverse say the same
        angle = np.pi * (np.arange(n) + rng.random()) / n
        return torch.as_tensor(np.stack([np.cos(angle), np.sin(angle)]))
    v = rng.standard_normal((d, 1 if d == 1 else n))
    return torch.as_tensor(v / np.linalg.norm(v, axis=0))


def _mean_distance(x: torch.Tensor, y: torch.Tensor) -> float:
    """E∥X-Y∥ over all pairs, block by block; where x is y only the blocks on one side of the diagonal."""
    block = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
    # from differences: the expanded square loses the digits of what is close
    exact = "donot_use_mm_for_euclid_dist"
    total = torch.zeros((), dtype=torch.float64 if x.device.type != "mps" else x.dtype, device=x.device)
    for i in range(0, len(x), block):
        for j in range(i if x is y else 0, len(y), block):
            twice = 2 if x is y and j > i else 1
            distances = torch.cdist(x[i : i + block], y[j : j + block], compute_mode=exact)
            total += twice * distances.sum(dtype=total.dtype)
    return float(total) / (len(x) * len(y))
