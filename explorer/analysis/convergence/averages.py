"""Averages of test functions over samples, and under the exact law in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.data.distributions import Mixture

#: Length of the wave vectors, for points of unit variance.
WAVE = 1.5


@dataclass(frozen=True, eq=False)
class Averages:
    """Means of y, of products y_i y_j and of cos(w·y), where y = (x - E x)/std of p_t of a mixture.

    E cos is the real part of the law's characteristic function, which a Gaussian mixture has in closed form.
    """

    mixture: Mixture
    alpha: float
    sigma: float

    @property
    def mean(self) -> np.ndarray:
        """E x (d,)."""
        return self.alpha * self.mixture.mean

    @property
    def std(self) -> float:
        """The root of the mean variance per coordinate."""
        return self.mixture.spread(self.alpha, self.sigma)

    @cached_property
    def waves(self) -> np.ndarray:
        """w (k, d): three directions in the plane, one on the line."""
        d, angles = self.mixture.dim, np.arange(3) * np.pi / 3
        return WAVE * (np.stack([np.cos(angles), np.sin(angles)], axis=1) if d == 2 else np.eye(d))

    def of(self, x: np.ndarray) -> np.ndarray:
        """The averages (k,) over points x (n, d)."""
        y = (x - self.mean) / self.std
        return np.concatenate(
            [y.mean(axis=0), _upper(y.T @ y / len(y)), np.cos(y @ self.waves.T).mean(axis=0)]
        )

    @cached_property
    def expected(self) -> np.ndarray:
        """The same averages (k,) under the exact law."""
        d = self.mixture.dim
        second = (self.alpha**2 * self.mixture.covariance + self.sigma**2 * np.eye(d)) / self.std**2
        return np.concatenate([np.zeros(d), _upper(second), [self._cosine(w / self.std) for w in self.waves]])

    def _cosine(self, w: np.ndarray) -> float:
        """E cos(w·(x - E x))."""
        m = self.mixture
        turned = w if m.axes is None else np.einsum("kij,i->kj", m.axes, w)
        spread = ((self.alpha * m.scales * turned) ** 2).sum(axis=1) + self.sigma**2 * (w @ w)
        return float(m.weights @ (np.exp(-0.5 * spread) * np.cos((self.alpha * m.means - self.mean) @ w)))


def _upper(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(matrix[np.triu_indices(len(matrix))])
