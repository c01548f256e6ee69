"""The network: residual blocks, a noise-level embedding, EDM preconditioning. (This module imports torch.)"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.scores.spec import NOISE_HIGH, NOISE_LOW, NetworkSpec

#: Scalar or tensor that broadcasts against x without its last axis.
Level = float | Tensor


def _column(level: Level) -> Level:
    return level[..., None] if isinstance(level, Tensor) else level


class Embedding(nn.Module):
    """One number in about [-2, 2] -> one vector, by sines of eight frequencies and two layers."""

    frequencies: Tensor

    def __init__(self, hidden: int, out: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.logspace(-1, 3, 8, base=2.0), persistent=False)
        self.first = nn.Linear(17, hidden)
        self.second = nn.Linear(hidden, out)

    def forward(self, c: Tensor) -> Tensor:
        """c (...,) -> (..., out)."""
        angle = c[..., None] * self.frequencies
        features = torch.cat([c[..., None], angle.sin(), angle.cos()], -1)
        out: Tensor = self.second(F.silu(self.first(features)))
        return out


class Denoiser(nn.Module):
    """D(y, sigma) = E[x_0 | y] for y = x_0 + sigma z, and from it the score of x_t under any SDE.

    With `spec.output` 'noise' or 'score' the network is native to one SDE and is asked (x, t) raw.

    A level given as ONE float is embedded once and broadcast: with it an evaluation costs the hidden layers
    alone, whatever the number of points.
    """

    def __init__(
        self, spec: NetworkSpec, dim: int = 2, sigma_data: float = 1.0, random: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.spec, self.dim, self.sigma_data = spec, dim, sigma_data
        width = spec.width
        self.first = nn.Linear(dim, width)
        self.embedding = Embedding(width, width * spec.depth)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(spec.depth))
        self.last = nn.Linear(width, dim)
        # index `classes` stands for "no label"
        self.labels = nn.Embedding(spec.classes + 1, width * spec.depth) if spec.classes else None
        if random is not None:
            self._initialise(random)

    @torch.no_grad()
    def _initialise(self, random: torch.Generator) -> None:
        """Weights from `random` alone: torch's own random state is shared by all threads."""
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                layer.weight.uniform_(-bound, bound, generator=random)
                layer.bias.uniform_(-bound, bound, generator=random)
            if isinstance(layer, nn.Embedding):
                layer.weight.normal_(0, 0.1, generator=random)
        # F = 0 at first: the preconditioned network then starts as the best linear denoiser
        self.last.weight.zero_()
        self.last.bias.zero_()

    def raw(self, x: Tensor, level: Level, labels: Tensor | int | None = None) -> Tensor:
        """F: x (..., d) of unit size, level a float or (...,) -> (..., d)."""
        c = torch.as_tensor(level, dtype=x.dtype, device=x.device)
        e = self.embedding(c)
        if self.labels is not None:
            wanted = self.spec.classes if labels is None else labels
            e = e + self.labels(torch.as_tensor(wanted, device=x.device))
        h = self.first(x)
        for block, shift in zip(self.blocks, e.chunk(self.spec.depth, -1), strict=True):
            h = h + block(F.silu(h + shift))
        out: Tensor = self.last(F.silu(h))
        return out

    def forward(self, y: Tensor, sigma: Level, labels: Tensor | int | None = None) -> Tensor:
        """D(y, sigma), Karras et al. 2022, eq. 7 and Table 1. y (..., d); sigma a float or (...,)."""
        s = _column(sigma)
        return y + s * s * self._edm_score(y, 1.0, sigma, labels)

    def score(
        self, x: Tensor, alpha: Level, sigma: Level, t: Level, labels: Tensor | int | None = None
    ) -> Tensor:
        """grad log p_t(x) for x = alpha x_0 + sigma z, x (..., d); levels are floats or (...,)."""
        if self.spec.output == "edm":
            return self._edm_score(x, alpha, sigma, labels)
        out = self.raw(x, t, labels)
        return out if self.spec.output == "score" else -out / _column(sigma)

    def _edm_score(self, x: Tensor, alpha: Level, sigma: Level, labels: Tensor | int | None) -> Tensor:
        """(alpha D(x/alpha, sigma/alpha) - x)/sigma² with the cancelling terms cancelled by hand.

        -x/v + alpha sigma_data/(sigma sqrt v) F(x/sqrt v), v = sigma² + alpha² sigma_data²: nothing
        overflows when alpha -> 0 (beta_max = 400), nothing is lost when sigma -> 0. Below NOISE_LOW the
        score is that at NOISE_LOW.
        """
        if not isinstance(sigma, Tensor) and not isinstance(alpha, Tensor):
            return self._edm_score_once(x, alpha, sigma, labels)
        a, s = torch.as_tensor(_column(alpha)), torch.as_tensor(_column(sigma))
        s = torch.maximum(s, a * NOISE_LOW)
        v = s * s + (a * self.sigma_data) ** 2
        level = torch.log((s / a)[..., 0].clamp(max=NOISE_HIGH)) / 4
        out = self.raw(x * v**-0.5, level, labels)
        return a * self.sigma_data / (s * v**0.5) * out - x / v

    def _edm_score_once(self, x: Tensor, alpha: float, sigma: float, labels: Tensor | int | None) -> Tensor:
        sigma = max(sigma, alpha * NOISE_LOW)
        level = math.log(min(sigma / max(alpha, 1e-300), NOISE_HIGH)) / 4
        v = sigma**2 + (alpha * self.sigma_data) ** 2
        out = self.raw(x * v**-0.5, level, labels)
        return torch.add(x * (-1 / v), out, alpha=alpha * self.sigma_data / (sigma * math.sqrt(v)))
