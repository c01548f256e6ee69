"""Batches: independent draws from the data, noise levels from equal strata, noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion.sdes import SDE
from explorer.training.frame import TrainingError
from explorer.training.objectives import Objective
from explorer.training.objectives.levels import T_START

if TYPE_CHECKING:
    from explorer.data.distributions import Mixture

#: Noise levels are held below this, where nothing is left to learn: VP's can pass what float32 holds.
LARGEST = 1e9


class Inputs(NamedTuple):
    """x0 and z (m, r, d); t, alpha, sigma and the weight of the loss (m, 1); labels (m, r) or None.

    `extra` is what the objective drew for itself, or None.
    """

    x0: torch.Tensor
    z: torch.Tensor
    t: torch.Tensor
    alpha: torch.Tensor
    sigma: torch.Tensor
    weight: torch.Tensor
    labels: torch.Tensor | None = None
    extra: torch.Tensor | None = None

    @property
    def x(self) -> torch.Tensor:
        """alpha x0 + sigma z (m, r, d)."""
        return self.alpha[..., None] * self.x0 + self.sigma[..., None] * self.z


class Source(Protocol):
    """Where clean points come from."""

    def take(self, n: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The next n points (n, d), and their labels (n,)."""


class Pool:
    """Independent draws from a mixture, made in blocks; labels too, when the network has `classes`.

    A label is replaced by the null label (`classes`) with probability `label_drop`.

    Raises TrainingError where the data has more labels than the network has classes.
    """

    BLOCK = 1 << 15

    def __init__(
        self, mixture: Mixture, seed: int, device: torch.device, classes: int = 0, label_drop: float = 0.0
    ) -> None:  # fmt: skip
        known = len(mixture.label_weights)
        if 0 < classes < known:
            raise TrainingError(
                f"the data has {known} labels and the network {classes} class{'es' * (classes > 1)}; "
                f"set score.network.classes to {known}, or to 0 for no labels"
            )
        self.mixture, self.device, self.classes, self.label_drop = mixture, device, classes, label_drop
        self.rng = np.random.default_rng(seed)
        self.x = torch.empty(0, mixture.dim, device=device)
        self.labels = torch.empty(0, dtype=torch.long, device=device)

    def take(self, n: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The next n points (n, d), and their labels (n,)."""
        while len(self.x) < n:
            self._refill()
        x, self.x = self.x[:n], self.x[n:]
        if not self.classes:
            return x, None
        labels, self.labels = self.labels[:n], self.labels[n:]
        return x, labels

    def _refill(self) -> None:
        x, component = self.mixture.sample(self.BLOCK, self.rng)
        self.x = torch.cat([self.x, torch.from_numpy(x).to(self.device)])
        if self.classes:
            labels = torch.from_numpy(self._labels(component)).to(self.device)
            self.labels = torch.cat([self.labels, labels])

    def _labels(self, component: np.ndarray) -> np.ndarray:
        known = self.mixture.labels
        labels = np.zeros(len(component), np.int64) if known is None else known[component]
        dropped = self.rng.random(len(component)) < self.label_drop
        return np.where(dropped, self.classes, labels).astype(np.int64)


class TimeTable:
    """t from sigma/alpha, by interpolation in its logarithm (an SDE inverts only floats)."""

    def __init__(self, sde: SDE, device: torch.device) -> None:
        t = torch.logspace(math.log10(T_START), 0, 4096, dtype=torch.float64) * sde.T
        level = torch.log(sde.noise_level(t))
        self.t, self.level = t.float().to(device), level.float().to(device)

    def __call__(self, noise: torch.Tensor) -> torch.Tensor:
        wanted = torch.log(noise).clamp(self.level[0], self.level[-1])
        right = torch.searchsorted(self.level, wanted).clamp(1, len(self.level) - 1)
        low, high = self.level[right - 1], self.level[right]
        part = (wanted - low) / (high - low).clamp(min=1e-12)
        return self.t[right - 1] + part * (self.t[right] - self.t[right - 1])


class Sampling:
    """Draws the inputs of an objective.

    A preconditioned network is trained on y = x/alpha, that is with alpha = 1 and sigma = sigma/alpha, which
    is the same for every SDE; a native one on x_t and t of its own.
    """

    def __init__(
        self, objective: Objective, sde: SDE, native: bool, sigma_data: float, random: torch.Generator
    ) -> None:
        self.objective, self.sde, self.sigma_data, self.random = objective, sde, sigma_data, random
        self.times = TimeTable(sde, random.device) if native else None

    def draw(self, pool: Source, levels: int, shared: int) -> Inputs:
        """`levels` noise levels, one from each of as many equal strata, with `shared` points each."""
        u = torch.rand(levels, generator=self.random, device=self.random.device)
        u = (torch.arange(levels, device=u.device) + u) / levels
        x0, labels = pool.take(levels * shared)
        inputs = self.at(u, x0.view(levels, shared, -1), labels)
        return inputs._replace(extra=self.extra(pool, inputs.x0.shape))

    def extra(self, pool: Source, shape: torch.Size) -> torch.Tensor | None:
        """What the objective draws for itself for x0 of `shape`."""
        return self.objective.extra(lambda n: pool.take(n)[0], shape, self.random)

    def at(self, u: torch.Tensor, x0: torch.Tensor, labels: torch.Tensor | None = None) -> Inputs:
        """The inputs for u (m,) in (0, 1) and x0 (m, r, d)."""
        z = torch.randn(x0.shape, generator=self.random, device=x0.device)
        noise, weight = self.objective.levels(u.clamp(1e-6, 1 - 1e-6), self.sde, self.sigma_data)
        noise = noise.clamp(max=LARGEST)
        t = noise if self.times is None else self.times(noise)
        alpha, sigma = (torch.ones_like(noise), noise) if self.times is None else self.sde.marginal(t)
        t, alpha, sigma, weight = (v[:, None] for v in (t, alpha, sigma, weight))
        return Inputs(x0, z, t, alpha, sigma, weight, None if labels is None else labels.view(x0.shape[:2]))
