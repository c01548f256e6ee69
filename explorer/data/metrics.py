"""How far samples are from the data: distances between two sets of points, and against an exact density.

Points are (n, d) for any d, as numpy arrays or tensors; a tensor is measured on its own device. Samples are
measured against the `Reference` of the law that they should have: one large draw, the same for window, script,
command line and laboratories.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from explorer.base.lazy import torch

if TYPE_CHECKING:
    from explorer.data.distributions.mixture import Mixture

Points: TypeAlias = "np.ndarray | torch.Tensor"
Metric: TypeAlias = Callable[[Points, Points], float]

#: Points of a reference. Against a draw as small as the samples, the luck of that draw is in every number and in
#: no ± over seeds; here it is a tenth of the floor of 2000 samples.
REFERENCE = 20_000
#: In many dimensions a reference has fewer points: so many coordinates at most.
COORDINATES = 400_000
#: Samples that are measured at most, evenly spaced among all that there are.
MOST = 10_000
#: Draws of the data that a floor is the mean over.
DRAWS = 8
#: Lines that sliced distances project on; evenly turned in the plane, where 64 are within 0.1 % of 128.
PROJECTIONS = 64

#: Rows and columns of a block of distances: on a CPU 256 kB, which stays in its cache.
CPU_BLOCK = 256
GPU_BLOCK = 4096
#: Up to so many dimensions distances are added up coordinate by coordinate: three times as fast in the plane.
FLAT = 4


def energy_distance(x: Points, y: Points) -> float:
    """2 E∥X-Y∥ - E∥X-X'∥ - E∥Y-Y'∥ (Székely and Rizzo 2013) as the V-statistic: never negative, 0 for x = y.

    Pairs of a point with itself count, so for two independent draws of one law it is E∥X-X'∥ (1/n + 1/m) on
    average, not 0: compare with `floor`. scipy.stats.energy_distance is its square root. Memory is bounded,
    time is n m.
    """
    x, y = _pair(x, y)
    return max(0.0, 2 * _mean_distance(x, y) - _mean_distance(x, x) - _mean_distance(y, y))


def sliced_wasserstein(x: Points, y: Points, projections: int = PROJECTIONS, seed: int = 0) -> float:
    """The 1-Wasserstein distance of x and y projected on a line, averaged over random lines.

    Exact on each line, for any two sizes. In one dimension it is the 1-Wasserstein distance itself.
    """
    x, y = _pair(x, y)
    lines = _directions(x.shape[1], projections, seed).to(x)
    return _between_sorted(_along(x, lines), _along(y, lines))


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
    """What a metric says of points that are data: no sampler can be told from the data below it."""

    mean: float
    std: float


def floor(metric: Metric, mixture: Mixture, n: int, seeds: Sequence[int]) -> Floor:
    """`metric` between independent draws of n points, one pair for each seed. `std` is that of one pair."""
    return _floor(metric(*(_draw(mixture, n, [seed, i]) for i in range(2))) for seed in seeds)


class Reference:
    """One large draw of a law, the same in every process, that samples (n, d) are measured against.

    Of more than MOST samples evenly spaced ones are measured. Thread-safe: what is kept follows from the law alone.
    """

    def __init__(self, mixture: Mixture, size: int = REFERENCE) -> None:
        self.mixture = mixture
        self.size = max(1, min(size, COORDINATES // mixture.dim))
        self._floors: dict[tuple[str, int, int], Floor] = {}

    @cached_property
    def points(self) -> np.ndarray:
        """The draw (size, d), float32."""
        return _draw(self.mixture, self.size, [*b"reference"])

    def sliced_wasserstein(self, x: Points) -> float:
        """As the function of this name against `points`, whose projections are sorted once."""
        lines, ordered = self._projected
        return _between_sorted(_along(_samples(x), lines), ordered)

    def energy_distance(self, x: Points) -> float:
        """As the function of this name against `points`, whose own mean distance is worked out once."""
        samples, points = _samples(x), torch.from_numpy(self.points)
        own = _mean_distance(samples, samples)
        return max(0.0, 2 * _mean_distance(samples, points) - own - self._own_distance)

    def measure(self, metric: str, x: Points) -> float:
        """The metric of this name: "sliced_wasserstein" or "energy_distance"."""
        return float(getattr(self, metric)(x))

    def floor(self, metric: str, n: int, draws: int = DRAWS) -> Floor:
        """The metric of n new points of the law itself: its mean over some draws, and the scatter of one draw."""
        key = (metric, measured(n), draws)
        if key not in self._floors:
            points = (_draw(self.mixture, key[1], [i, *b"floor"]) for i in range(draws))
            self._floors[key] = _floor(self.measure(metric, x) for x in points)
        return self._floors[key]

    @cached_property
    def _projected(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The lines (d, PROJECTIONS), and the points along each in order."""
        points = torch.from_numpy(self.points)
        lines = _directions(points.shape[1], PROJECTIONS, 0).to(points)
        return lines, _along(points, lines)

    @cached_property
    def _own_distance(self) -> float:
        points = torch.from_numpy(self.points)
        return _mean_distance(points, points)


@lru_cache(maxsize=4)
def reference(mixture: Mixture) -> Reference:
    """The reference of a law, kept for the few laws asked for last (5 MB each)."""
    return Reference(mixture)


def measured(n: int) -> int:
    """How many of n samples are measured."""
    return len(range(0, n, math.ceil(n / MOST)))


def _samples(x: Points) -> torch.Tensor:
    """Those that are measured, float32 on the CPU: evenly spaced rows, since the first ones may be ordered."""
    points = _as_points(x).cpu().float()
    return points[:: math.ceil(len(points) / MOST)]


def _draw(mixture: Mixture, n: int, stream: Sequence[int]) -> np.ndarray:
    return mixture.sample(n, np.random.default_rng(list(stream)))[0]


def _floor(values: Iterable[float]) -> Floor:
    v = list(values)
    return Floor(float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else math.nan)


def _along(x: torch.Tensor, lines: torch.Tensor) -> torch.Tensor:
    """x (n, d) projected on each line (d, k), in order: (n, k)."""
    return (x @ lines).sort(dim=0).values


def _between_sorted(a: torch.Tensor, b: torch.Tensor) -> float:
    """The mean over the columns of the 1-Wasserstein distances of a (n, k) and b (m, k), both in order."""
    # both quantile functions are constant between the steps of either
    n, m = len(a), len(b)
    steps = torch.unique(torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]))  # in 1/(n m)
    left = torch.cat([steps.new_zeros(1), steps[:-1]])
    width = (steps - left).to(a) / (n * m)
    gap = (a[(left // m).to(a.device)] - b[(left // n).to(a.device)]).abs()
    return float((width @ gap).mean())


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
    total = torch.zeros((), dtype=torch.float64 if x.device.type != "mps" else x.dtype, device=x.device)
    for i in range(0, len(x), block):
        for j in range(i if x is y else 0, len(y), block):
            twice = 2 if x is y and j > i else 1
            total += twice * _lengths(x[i : i + block], y[j : j + block]).sum(dtype=total.dtype)
    return float(total) / (len(x) * len(y))


def _lengths(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """All distances (n, m), from differences: the expanded square loses the digits of what is close."""
    if x.shape[1] > FLAT:
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    squares = x.new_zeros(len(x), len(y))
    for a, b in zip(x.unbind(1), y.unbind(1), strict=True):
        away = a[:, None] - b
        squares.addcmul_(away, away)
    return squares.sqrt_()
