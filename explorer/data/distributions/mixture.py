"""Gaussian mixtures under every SDE: exact density, score, classes, samples.

p_0 = sum_k w_k N(m_k, S_k) gives p_t = sum_k w_k N(alpha m_k, alpha² S_k + sigma² I) (MATH.md section 2).
A finite set of points is the mixture with small isotropic S_k.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from explorer.base.errors import Refused
from explorer.base.lazy import ops, torch

# For annotations, which the tests check; else importing it would take a tenth of the time to open the window.
if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Float

#: Bytes of a (points x components) matrix held at once. On a CPU: what stays in its cache and below the size
#: for which malloc asks the system for fresh pages (measured: five times as fast as
#: 400 kB). On an accelerator: enough to fill it.
CPU_CHUNK = 240_000
GPU_CHUNK = 64_000_000
#: The lowest log-density that a grid shows.
LOWEST = math.log(1e-30)
#: From more dimensions than these on, distances are taken at once and not coordinate by coordinate.
WIDE = 16

#: Smaller alpha leaves nothing of the means in float32, and x/alpha would overflow.
LEAST = 1e-9
#: alpha or sigma of the marginal: one number for all points, or one for each (n,).
Level: TypeAlias = "float | torch.Tensor"


@dataclass(frozen=True, eq=False)
class Mixture:
    """weights (k,), means (k, d), axes (k, d, d) with S_k = axes_k diag(scales_k²) axes_kᵀ, scales (k, d).

    `axes` None means the coordinate axes. `labels` (k,) are class numbers or None; `label_names` name them.
    All arrays are float64. Weights are normalised.

    Densities and scores take alpha and sigma of the marginal as numbers, or as tensors (n,), one a point.
    Everything is computed from differences alpha m_k - x, because the expanded square loses all digits in
    float32 when the components are narrow.
    """

    weights: np.ndarray
    means: np.ndarray
    scales: np.ndarray
    axes: np.ndarray | None = None
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()

    @staticmethod
    def of_points(
        points: np.ndarray, jitter: float, labels: np.ndarray | None = None,
        label_names: tuple[str, ...] = (), weights: np.ndarray | None = None,
    ) -> Mixture:  # fmt: skip
        """The mixture of equal (or given) weights around points (k, d) with standard deviation `jitter`."""
        points = np.asarray(points, dtype=np.float64)
        k, d = points.shape
        w = np.full(k, 1 / k) if weights is None else np.asarray(weights, np.float64) / np.sum(weights)
        return Mixture(w, points, np.full((k, d), float(jitter)), None, labels, label_names)

    @staticmethod
    def of_covariances(
        weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, labels: np.ndarray | None = None,
        label_names: tuple[str, ...] = (),
    ) -> Mixture:  # fmt: skip
        """From full covariance matrices (k, d, d), diagonalised once."""
        values, axes = np.linalg.eigh(np.asarray(covariances, np.float64))
        w = np.asarray(weights, np.float64)
        scales = np.sqrt(np.clip(values, 0, None))
        return Mixture(w / w.sum(), np.asarray(means, np.float64), scales, axes, labels, label_names)

    def where(self, label: int) -> Mixture:
        """p_0(x | class): the components of one class, weights normalised."""
        if self.labels is None or label not in self.labels:
            raise Refused(f"no component has the class {label}")
        k = self.labels == label
        axes = None if self.axes is None else self.axes[k]
        weights = self.weights[k] / self.weights[k].sum()
        return Mixture(weights, self.means[k], self.scales[k], axes, self.labels[k], self.label_names)

    def projected(self, direction: np.ndarray) -> Mixture:
        """The law of u·x for a direction u (d,), which need not have unit length: a mixture in one dimension."""
        u = np.asarray(direction, np.float64)
        along = np.broadcast_to(u, self.means.shape) if self.axes is None else u @ self.axes
        scales = np.sqrt(np.sum((along * self.scales) ** 2, axis=1, keepdims=True))
        return Mixture(self.weights, (self.means @ u)[:, None], scales, None, self.labels, self.label_names)

    def diffused(self, alpha: float, sigma: float) -> Mixture:
        """The law p_t of alpha x + sigma z: the mixture in closed form, with the same classes."""
        return replace(self, means=alpha * self.means, scales=np.hypot(alpha * self.scales, sigma))

    @property
    def dim(self) -> int:
        """d."""
        return int(self.means.shape[1])

    @cached_property
    def shared_scale(self) -> float | None:
        """The standard deviation that all components have in all directions, if so (the cheap case)."""
        scale = float(self.scales[0, 0])
        return scale if (self.scales == scale).all() else None

    @cached_property
    def label_weights(self) -> np.ndarray:
        """The weight of each class (c,), of those too that have a name and no component."""
        return np.bincount(self._classes, self.weights, minlength=len(self.label_names))

    @property
    def _classes(self) -> np.ndarray:
        return np.zeros(len(self.weights), int) if self.labels is None else self.labels

    @cached_property
    def mean(self) -> np.ndarray:
        """E[x] (d,)."""
        return np.asarray(self.weights @ self.means)

    @cached_property
    def covariance(self) -> np.ndarray:
        """Cov[x] (d, d)."""
        centred = self.means - self.mean
        if self.axes is None:
            within = np.diag(self.weights @ self.scales**2)
        else:
            spread = self.axes * self.scales[:, None, :]
            within = np.einsum("k,kij,klj->il", self.weights, spread, spread)
        return np.asarray((centred * self.weights[:, None]).T @ centred + within)

    @cached_property
    def std(self) -> float:
        """Root of the mean variance per coordinate."""
        return float(np.sqrt(np.trace(self.covariance) / self.dim))

    @cached_property
    def rms(self) -> float:
        """Root mean square per coordinate, around 0: what preconditioning scales by (sigma_data of EDM)."""
        return float(np.sqrt((np.trace(self.covariance) + np.sum(self.mean**2)) / self.dim))

    def spread(self, alpha: float, sigma: float) -> float:
        """The `std` of p_t: sqrt(alpha² std² + sigma²)."""
        return math.hypot(alpha * self.std, sigma)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n independent draws (n, d) float32 and the components (n,) they came from."""
        k = rng.choice(len(self.weights), size=n, p=self.weights)
        z = rng.standard_normal((n, self.dim)) * self.scales[k]
        if self.axes is not None:
            z = np.einsum("nij,nj->ni", self.axes[k], z)
        return (self.means[k] + z).astype(np.float32), k

    def log_density(
        self, x: Float[torch.Tensor, "n d"], alpha: Level = 1.0, sigma: Level = 0.0
    ) -> Float[torch.Tensor, " n"]:
        """log p_t(x) in nats for x (n, d). Finite everywhere."""
        return torch.cat([torch.logsumexp(self._log_terms(*c), dim=1) for c in self._chunks(x, alpha, sigma)])

    def score(
        self, x: Float[torch.Tensor, "n d"], alpha: Level = 1.0, sigma: Level = 0.0
    ) -> Float[torch.Tensor, "n d"]:
        """The exact score ∇_x log p_t(x) (n, d)."""
        part = self._score_tilted if self.shared_scale is None else self._score_shared
        return torch.cat([part(*c) for c in self._chunks(x, alpha, sigma)])

    def score_and_divergence(
        self, x: Float[torch.Tensor, "n d"], alpha: Level = 1.0, sigma: Level = 0.0
    ) -> tuple[Float[torch.Tensor, "n d"], Float[torch.Tensor, " n"]]:
        """The exact score (n, d) and its divergence Δ log p_t (n,), the trace of the log-density's Hessian."""
        parts = [self._with_divergence(*c) for c in self._chunks(x, alpha, sigma)]
        scores, traces = zip(*parts, strict=True)
        return torch.cat(scores), torch.cat(traces)

    def responsibilities(
        self, x: Float[torch.Tensor, "n d"], alpha: Level = 1.0, sigma: Level = 0.0
    ) -> Float[torch.Tensor, "n k"]:
        """p(component k | x_t = x)."""
        return torch.cat([torch.softmax(self._log_terms(*c), dim=1) for c in self._chunks(x, alpha, sigma)])

    def class_probabilities(
        self, x: Float[torch.Tensor, "n d"], alpha: Level = 1.0, sigma: Level = 0.0
    ) -> Float[torch.Tensor, "n c"]:
        """p(class | x_t = x): the responsibilities of each class's components together."""
        member = torch.as_tensor(
            np.eye(len(self.label_weights))[self._classes], dtype=x.dtype, device=x.device
        )
        chunks = self._chunks(x, alpha, sigma)
        return torch.cat([torch.softmax(self._log_terms(*c), dim=1) @ member for c in chunks])

    def log_density_grid(self, xs: np.ndarray, ys: np.ndarray, alpha: float, sigma: float) -> np.ndarray:
        """log p_t on the grid ys × xs, (len(ys), len(xs)), float32, at least LOWEST; only for d = 2.

        Axis-aligned components separate, so their grid is one matrix product, (ny,k)·(k,nx). Tilted
        components take the direct path.
        """
        if self.axes is not None:
            grid = torch.as_tensor(np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2), dtype=torch.float32)
            flat = self.log_density(grid, alpha, sigma).clamp(min=LOWEST)
            return np.asarray(flat.numpy().reshape(len(ys), len(xs)))
        std = np.sqrt(alpha**2 * self.scales**2 + sigma**2)  # (k, 2)

        def along(values: np.ndarray, axis: int) -> np.ndarray:
            z = (values[:, None] - alpha * self.means[None, :, axis]) / std[None, :, axis]
            return np.asarray(np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * std[None, :, axis]))

        density = (along(ys, 1) * self.weights) @ along(xs, 0).T
        return np.log(np.maximum(density, math.exp(LOWEST))).astype(np.float32)

    def _tensors(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """log weights (k,), means and scales² (d, k), axes (d, d, k) as x is: its type and device. Kept."""
        cache: dict[object, tuple[torch.Tensor, ...]] = self.__dict__.setdefault("_cache", {})
        key = (x.dtype, x.device)
        if key not in cache:
            axes = np.empty(0) if self.axes is None else np.moveaxis(self.axes, 0, -1).copy()
            logs, means = np.log(np.maximum(self.weights, 1e-300)), self.means.T.copy()
            arrays = (logs, means, self.scales.T.copy() ** 2, axes)
            cache[key] = tuple(torch.as_tensor(a, dtype=x.dtype, device=x.device) for a in arrays)
        return cache[key]

    def _chunks(
        self, x: torch.Tensor, alpha: Level, sigma: Level
    ) -> Iterator[tuple[torch.Tensor, Level, Level]]:
        """x in pieces of rows, each with its levels: numbers, or columns (rows, 1) that broadcast over k."""
        chunk = CPU_CHUNK if x.device.type == "cpu" else GPU_CHUNK
        rows = max(1, chunk // (len(self.weights) * x.element_size()))
        for i in range(0, max(len(x), 1), rows):
            piece = slice(i, i + rows)
            a, s = (v[piece, None] if isinstance(v, torch.Tensor) and v.ndim else v for v in (alpha, sigma))
            yield x[piece], a, s

    def _offsets(self, x: torch.Tensor, alpha: Level) -> list[torch.Tensor]:
        """alpha m_k - x along each of the components' axes: d arrays (n, k)."""
        _, means, _, axes = self._tensors(x)
        plain = [alpha * m - c[:, None] for m, c in zip(means, x.unbind(1), strict=True)]
        if self.axes is None:
            return plain
        return [
            sum((p * a for p, a in zip(plain, axes[:, i], strict=True)), 0 * plain[0])
            for i in range(self.dim)
        ]

    @property
    def _wide(self) -> bool:
        """Whether it is a set of round components in very many dimensions, as pictures are."""
        return self.dim > WIDE and self.shared_scale is not None

    def _squares(self, x: torch.Tensor, alpha: Level) -> torch.Tensor:
        """|alpha m_k - x|² (n, k), where axes do not matter."""
        if self._wide:
            means = self._tensors(x)[1].T
            alpha = alpha.clamp(min=LEAST) if isinstance(alpha, torch.Tensor) else max(alpha, LEAST)
            away = torch.cdist(x / alpha, means, compute_mode="donot_use_mm_for_euclid_dist")
            return away.square() * alpha**2
        offsets = self._offsets(x, alpha)
        return sum((o * o for o in offsets[1:]), offsets[0] * offsets[0])

    def _variances(self, x: torch.Tensor, alpha: Level, sigma: Level) -> list[Level]:
        """alpha² s_k² + sigma² along each component axis: d numbers, or arrays (k,), (n, 1), (n, k)."""
        if self.shared_scale is not None:
            return [alpha**2 * self.shared_scale**2 + sigma**2] * self.dim
        return [alpha**2 * v + sigma**2 for v in self._tensors(x)[2]]

    def _log_terms(self, x: torch.Tensor, alpha: Level, sigma: Level) -> torch.Tensor:
        """log w_k N(x; alpha m_k, alpha² S_k + sigma² I), (n, k)."""
        terms = self._tensors(x)[0]
        if self._wide:
            variance = self._variances(x, alpha, sigma)[0]
            constant = 0.5 * self.dim * ops(variance).log(2 * math.pi * variance)
            return terms - self._squares(x, alpha) * (0.5 / variance) - constant
        for offset, variance in zip(self._offsets(x, alpha), self._variances(x, alpha, sigma), strict=True):
            terms = terms - 0.5 * (offset * offset / variance + ops(variance).log(2 * math.pi * variance))
        return terms

    def _score_shared(self, x: torch.Tensor, alpha: Level, sigma: Level) -> torch.Tensor:
        """(alpha E[m | x] - x)/variance: one matrix product, where all components are round and alike."""
        log_w, means, *_ = self._tensors(x)
        variance = self._variances(x, alpha, sigma)[0]
        r = torch.softmax(torch.add(log_w, self._squares(x, alpha) * (-0.5 / variance)), dim=1)
        return (alpha * (r @ means.T) - x) / variance

    def _with_divergence(
        self, x: torch.Tensor, alpha: Level, sigma: Level
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The score s, and sum_k r_k (|P_k (alpha m_k - x)|² - tr P_k) - |s|² with P_k the inverse covariances."""
        part = self._score_tilted if self.shared_scale is None else self._score_shared
        s, r = part(x, alpha, sigma), torch.softmax(self._log_terms(x, alpha, sigma), dim=1)
        offsets, variances = self._offsets(x, alpha), self._variances(x, alpha, sigma)
        terms = [(o / v).square() - 1 / v for o, v in zip(offsets, variances, strict=True)]
        return s, (r * sum(terms, 0 * r)).sum(1) - s.square().sum(1)

    def _score_tilted(self, x: torch.Tensor, alpha: Level, sigma: Level) -> torch.Tensor:
        """sum_k r_k (alpha² S_k + sigma² I)^-1 (alpha m_k - x), r_k the responsibilities."""
        r = torch.softmax(self._log_terms(x, alpha, sigma), dim=1)
        offsets, variances = self._offsets(x, alpha), self._variances(x, alpha, sigma)
        pulls = [r * o / v for o, v in zip(offsets, variances, strict=True)]
        if self.axes is None:
            return torch.stack([p.sum(dim=1) for p in pulls], dim=1)
        axes = self._tensors(x)[3]
        return sum((p @ axes[:, i].T for i, p in enumerate(pulls)), torch.zeros_like(x))
