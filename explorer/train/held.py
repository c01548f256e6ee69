"""One fixed batch on which the exact score is known: the floor of the loss, and the excess over it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from explorer.lazy import torch
from explorer.train.batches import Inputs, Pool, Sampling

if TYPE_CHECKING:
    from explorer.distributions import Mixture
    from explorer.scores.network import Denoiser

#: Noise levels, points at each, and levels that make one bin of the chart.
LEVELS, POINTS, PER_BIN = 48, 32, 4


class HeldOut:
    """Arrays are (bins,), bins being groups of neighbouring noise levels of the objective."""

    def __init__(self, mixture: Mixture, sampling: Sampling, seed: int) -> None:
        device = sampling.random.device
        u = (torch.arange(LEVELS, device=device) + 0.5) / LEVELS
        x0, _ = Pool(mixture, seed + 1, device).take(LEVELS * POINTS)
        self.inputs = sampling.at(u, x0.view(LEVELS, POINTS, -1))
        noise = self.inputs.sigma / self.inputs.alpha
        self.order = torch.argsort(noise[:, 0])
        self.level = np.exp(self._binned(torch.log(noise)))
        self.exact = _exact(mixture, self.inputs)
        rest = self._weighed(self.inputs.sigma[..., None] * self.exact + self.inputs.z)
        self.floor, self.floor_by_level = float(rest.mean()), self._binned(rest)
        self.excess, self.by_level = math.nan, self.floor_by_level

    def _weighed(self, error: torch.Tensor) -> torch.Tensor:
        return self.inputs.weight * error.square().sum(-1)

    def _binned(self, values: torch.Tensor) -> np.ndarray:
        """(m, r) -> (bins,)."""
        per_level = values.mean(1)[self.order].double().cpu()
        return per_level.view(-1, PER_BIN).mean(1).numpy()

    def measure(self, net: Denoiser) -> None:
        """Excess, and loss by noise level, of `net`."""
        i = self.inputs
        error = i.sigma[..., None] * (net.score(i.x, i.alpha, i.sigma, i.t) - self.exact)
        # the cross term with the irreducible part has mean zero; leaving it out leaves out its noise
        extra = self._weighed(error)
        self.excess, self.by_level = float(extra.mean()), self.floor_by_level + self._binned(extra)


def _exact(mixture: Mixture, inputs: Inputs) -> torch.Tensor:
    """The exact score at the inputs, level by level (m, r, d)."""
    x = inputs.x.cpu().double()  # in this order: MPS has no float64
    alphas, sigmas = inputs.alpha[:, 0].tolist(), inputs.sigma[:, 0].tolist()
    rows = [mixture.score(xi, a, s) for xi, a, s in zip(x, alphas, sigmas, strict=True)]
    return torch.stack(rows).to(inputs.x0)
