"""One fixed batch on which the exact score is known: the floor of the loss, and the excess over it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from explorer.base.lazy import torch
from explorer.training.batches import Inputs, Pool, Sampling
from explorer.training.objectives import Batch

if TYPE_CHECKING:
    from explorer.data.distributions import Mixture
    from explorer.networks.preconditioned import Preconditioned

#: Noise levels, points at each, and levels that make one bin of the chart.
LEVELS, POINTS, PER_BIN = 48, 32, 4


class HeldOut:
    """Arrays are (bins,), bins being groups of neighbouring noise levels of the objective.

    `floor` is the objective's loss with the exact score, `scale` what is left of a denoising loss with it: an
    always positive size that losses of this objective can be compared with.

    Where there are `points` (m, d) held out of the mixture, `loss` is the objective's own on them: with the exact score
    of the mixture, which has never seen them either, it is no floor.
    """

    def __init__(
        self, mixture: Mixture, sampling: Sampling, seed: int, points: np.ndarray | None = None
    ) -> None:
        device = sampling.random.device
        u = (torch.arange(LEVELS, device=device) + 0.5) / LEVELS
        pool = Pool(mixture, seed + 1, device)
        x0, _ = pool.take(LEVELS * POINTS)
        self.inputs = i = sampling.at(u, x0.view(LEVELS, POINTS, -1))
        noise = i.sigma / i.alpha
        self.order = torch.argsort(noise[:, 0], stable=True)
        self.level = np.exp(self._binned(torch.log(noise)))
        # on the CPU first: MPS has no float64
        exact = exact_score(mixture, i.x.cpu().double(), i.alpha.cpu().double(), i.sigma.cpu().double())
        self.exact = exact.to(i.x0)
        batch = as_batch(i._replace(extra=sampling.extra(pool, i.x0.shape)), lambda x: self.exact)
        rest = i.weight * sampling.objective.floor(self.exact, batch)
        self.floor, self.floor_by_level = float(rest.mean()), self._binned(rest)
        self.scale = float(self._weighed(i.sigma[..., None] * self.exact + i.z).mean())
        self.excess, self.by_level = math.nan, self.floor_by_level
        self.excess_by_level = np.full_like(self.level, math.nan)
        self.sampling, self.validation, self.on_points = sampling, None, math.nan
        if points is not None:
            rows = np.random.default_rng([seed, *b"validation"]).integers(len(points), size=LEVELS * POINTS)
            own = torch.from_numpy(points[rows].astype(np.float32)).to(device)
            j = sampling.at(u, own.view(LEVELS, POINTS, -1))
            j = j._replace(extra=sampling.extra(pool, j.x0.shape))
            self.validation = j, as_batch(j, lambda x: exact_score(mixture, x, j.alpha, j.sigma))

    @property
    def validated(self) -> bool:
        """Whether `loss` is that on points which the data of the training is not made of."""
        return self.validation is not None

    @property
    def loss(self) -> float:
        """The loss of the network that was measured last."""
        return self.floor + self.excess if self.validation is None else self.on_points

    def _weighed(self, error: torch.Tensor) -> torch.Tensor:
        return self.inputs.weight * error.square().sum(-1)

    def _binned(self, values: torch.Tensor) -> np.ndarray:
        """(m, r) -> (bins,)."""
        per_level = values.mean(1)[self.order].double().cpu()
        return per_level.view(-1, PER_BIN).mean(1).numpy()

    def measure(self, net: Preconditioned) -> None:
        """Excess, and loss by noise level, of `net`: whatever the objective, sigma²|s - exact|² and its weight."""
        i = self.inputs
        error = i.sigma[..., None] * (net.score(i.x, i.alpha, i.sigma, i.t) - self.exact)
        # the cross term with the irreducible part has mean zero; leaving it out leaves out its noise
        extra = self._weighed(error)
        self.excess, self.excess_by_level = float(extra.mean()), self._binned(extra)
        self.by_level = self.floor_by_level + self.excess_by_level
        if self.validation is not None:
            j, batch = self.validation
            with torch.enable_grad():  # which the objectives with a divergence need
                loss = self.sampling.objective.loss(lambda x: net.score(x, j.alpha, j.sigma, j.t), batch)
            self.on_points = float((j.weight * loss.detach()).mean())


def exact_score(mixture: Mixture, x: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The exact score at x (m, r, d) for alpha and sigma (m, 1)."""
    flat = (level.expand(x.shape[:2]).flatten() for level in (alpha, sigma))
    return mixture.score(x.flatten(0, 1), *flat).view_as(x)


def as_batch(inputs: Inputs, exact: Callable[[torch.Tensor], torch.Tensor] | None = None) -> Batch:
    """What an objective is given of the inputs."""
    i = inputs
    return Batch(i.x0, i.z, i.x, i.t, i.alpha, i.sigma, exact, i.extra)
