"""A Gaussian mixture given by its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.base.params import ParamError, param
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.geometry import MAX_POINTS
from explorer.data.distributions.mixture import Mixture
from explorer.data.distributions.points import given, numbers

#: Relative asymmetry that is put down to rounding, and the narrowest Gaussian.
_ASYMMETRY = 1e-6
_NARROWEST = 1e-4


def _tuples(value: Any) -> Any:
    """Nested lists as nested tuples, which compare and hash by what is in them."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


@DISTRIBUTIONS.register("gaussian_mixture", title="Gaussian mixture", order=410)
@dataclass(frozen=True)
class GaussianMixture(Distribution):
    """Means (k, d) with d 1 or 2, and for each a weight and either a scale or a covariance; each is a class.

    `scales` is one number for all, a list of k numbers, or rows (k, d) of standard deviations along the axes.
    `covariances` (k, d, d) stands instead of `scales`. `weights` need not sum to 1; the default is equal
    ones.
    """

    builtin = False
    about = "Any Gaussian mixture, written out in the experiment file."
    means: Any = param(
        ((-1.0, 0.0), (1.0, 0.0)), "Means", kind="data",
        help="Rows of 1 or 2 coordinates.", equation="p = Σᵢ wᵢ N(μᵢ, Σᵢ)",
    )  # fmt: skip
    scales: Any = param(
        0.3, "Scales", kind="data", help="Standard deviations: one number, one a mode, or one a coordinate.",
        equation="Σᵢ = diag(sᵢ²)",
    )  # fmt: skip
    covariances: Any = param(
        (), "Covariances", kind="data",
        help="Matrices, one a mode, instead of scales.",
        equation="p = Σᵢ wᵢ N(μᵢ, Σᵢ)",
    )  # fmt: skip
    weights: Any = param(
        (), "Weights", kind="data",
        help="One a mode; equal if left out.", equation="p = Σᵢ wᵢ N(μᵢ, Σᵢ), Σᵢ wᵢ = 1",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        means = numbers(self.means, self._path("means"), 2)
        k, d = means.shape
        if d > 2 or k > MAX_POINTS:
            most = f"{MAX_POINTS} rows of 1 or 2 coordinates"
            raise ParamError(f"{self._path('means')} must be at most {most}, not {k} rows of {d}")
        # of this object, since its numbers decide it
        object.__setattr__(self, "dim", d)
        checked = {
            "means": means,
            "weights": self._checked_weights(k),
            "covariances": self._checked_covariances(k, d),
            "scales": self._checked_scales(k, d),
        }
        for field, array in checked.items():
            object.__setattr__(self, field, _tuples(array.tolist()))

    def _path(self, field: str) -> str:
        return f"{self.name}.{field}"

    def _checked_weights(self, k: int) -> np.ndarray:
        if not given(self.weights):
            return np.empty(0)
        path = self._path("weights")
        weights = numbers(self.weights, path, 1)
        if len(weights) != k:
            raise ParamError(f"{path} must be {k} numbers, one for each mean, not {len(weights)}")
        if (weights < 0).any() or not np.isfinite(weights.sum()) or weights.sum() <= 0:
            raise ParamError(f"{path} must be 0 or more, and not all 0")
        return weights

    def _checked_scales(self, k: int, d: int) -> np.ndarray:
        path = self._path("scales")
        scales = numbers(self.scales, path, 0, 1, 2)
        if scales.shape not in ((), (k,), (k, d)):
            allowed = f"one number, {k} numbers or {k} rows of {d}"
            raise ParamError(f"{path} must be {allowed}, not an array of shape {scales.shape}")
        if (scales < _NARROWEST).any():
            raise ParamError(f"{path} must be at least {_NARROWEST:g}, not {scales.min():g}")
        return scales

    def _checked_covariances(self, k: int, d: int) -> np.ndarray:
        if not given(self.covariances):
            return np.empty(0)
        path = self._path("covariances")
        matrices = numbers(self.covariances, path, 3)
        if matrices.shape != (k, d, d):
            raise ParamError(f"{path} must be {k} matrices of {d} by {d}, not shape {matrices.shape}")
        for i, matrix in enumerate(matrices):
            if np.abs(matrix - matrix.T).max() > _ASYMMETRY * np.abs(matrix).max():
                raise ParamError(f"{path}[{i}] must be symmetric")
            if np.linalg.eigvalsh(matrix)[0] < _NARROWEST**2:
                raise ParamError(f"{path}[{i}] must be positive definite (eigenvalues >= {_NARROWEST**2:g})")
        return matrices

    def build(self) -> Mixture:
        means = np.array(self.means)
        k, d = means.shape
        label, names = np.arange(k), tuple(f"mode {i + 1}" for i in range(k))
        weights = np.array(self.weights) if self.weights else np.ones(k)
        if self.covariances:
            return Mixture.of_covariances(weights, means, np.array(self.covariances), label, names)
        scales = np.array(self.scales)
        scales = np.broadcast_to(scales[:, None] if scales.ndim == 1 else scales, (k, d)).copy()
        return Mixture(weights / weights.sum(), means, scales, None, label, names)
