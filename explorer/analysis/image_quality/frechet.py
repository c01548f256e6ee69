"""The Fréchet distance between two sets of features, each taken for a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean (d,) and covariance (d, d)."""

    mean: np.ndarray
    covariance: np.ndarray

    @staticmethod
    def of(features: np.ndarray) -> Moments:
        """Those of a set of features (n, d)."""
        features = np.asarray(features, np.float64)
        return Moments(features.mean(0), np.cov(features, rowvar=False).reshape((features.shape[1],) * 2))


def frechet(a: Moments, b: Moments) -> float:
    """|m_a - m_b|² + tr(C_a + C_b - 2 (C_a^½ C_b C_a^½)^½), the squared 2-Wasserstein distance of two Gaussians.

    Dowson & Landau 1982; Heusel et al. 2017. Never below 0. By symmetric roots alone: a product of covariances that
    are not of full rank has no root that a general algorithm finds reliably.
    """
    root = _root(a.covariance)
    cross = np.linalg.eigvalsh(root @ b.covariance @ root)
    spread = np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.sqrt(np.maximum(cross, 0)).sum()
    return max(float(np.square(a.mean - b.mean).sum() + spread), 0.0)


def _root(symmetric: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(symmetric)
    root: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


@dataclass(frozen=True)
class Spread:
    """The mean and the standard deviation of a distance over random draws of what it is measured against."""

    mean: float
    std: float

    @staticmethod
    def of(values: list[float]) -> Spread:
        """Of some values; no standard deviation of one alone."""
        return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)


def distance(samples: np.ndarray, test: np.ndarray, draws: int = 8, seed: int = 0) -> Spread:
    """The distance of the features of n samples from those of n test pictures, drawn at random `draws` times.

    Small sets are far from each other even where their law is one and the same: so n goes with every figure, and
    the `floor` at the same n beside it.
    """
    rng, own = np.random.default_rng([seed, 1]), Moments.of(samples)
    n = min(len(samples), len(test))
    return Spread.of([frechet(own, Moments.of(_some(test, n, rng))) for _ in range(draws)])


def floor(train: np.ndarray, test: np.ndarray, n: int, draws: int = 8, seed: int = 0) -> Spread:
    """The same for n pictures of the training set in the place of samples: what a perfect network would come to."""
    rng = np.random.default_rng([seed, 2])
    m = min(n, len(test))
    return Spread.of(
        [frechet(*(Moments.of(_some(f, k, rng)) for f, k in ((train, n), (test, m)))) for _ in range(draws)]
    )


def _some(features: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n of them, at random: test sets may be sorted by author (MNIST's is)."""
    return features[rng.permutation(len(features))[:n]]
