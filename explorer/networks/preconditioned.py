"""The network: residual blocks, a noise-level embedding, EDM preconditioning. (This module imports torch.)"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.diffusion.parameterization import level_factors, to_score_factors
from explorer.diffusion.sdes.base import SDE
from explorer.networks.spec import NOISE_HIGH, NOISE_LOW, NetworkSpec, UNetSpec

#: Scalar or tensor that broadcasts against x without its last axis.
Level = float | Tensor

#: How far beyond the typical distance sqrt(d) the network is asked, in units of x's own spread (a normal point
#: in the plane is farther out once in two million).
REACH = 4.0


def noise_ratio(alpha: float, sigma: float, low: float = NOISE_LOW) -> float:
    """The noise level sigma/alpha that a network is asked at: within what training visits."""
    return min(max(sigma, alpha * low) / max(alpha, 1e-300), NOISE_HIGH)


def _column(level: Level) -> Level:
    return level[..., None] if isinstance(level, Tensor) else level


def empty_table(rows: int, width: int) -> nn.Embedding:
    """A vector for each label, to be filled in: torch's own filling imports its compiler on the "meta" device."""
    return nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False)


class Embedding(nn.Module):
    """One number in about [-2, 2] -> one vector, by sines of eight frequencies and two layers."""

    frequencies: Tensor

    def __init__(self, hidden: int, out: int) -> None:
        super().__init__()
        frequencies = torch.from_numpy(np.logspace(-1, 3, 8, base=2.0, dtype=np.float32))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.first = nn.Linear(17, hidden)
        self.second = nn.Linear(hidden, out)

    def forward(self, c: Tensor) -> Tensor:
        """c (...,) -> (..., out)."""
        angle = c[..., None] * self.frequencies
        features = torch.cat([c[..., None], angle.sin(), angle.cos()], -1)
        out: Tensor = self.second(F.silu(self.first(features)))
        return out


class Waves(nn.Module):
    """x (..., d) of unit size -> x and the sines and cosines of k waves across it (..., d + 2k).

    A plain network learns fine detail last (Tancik et al. 2020); with waves of 2 to 32 rad it need not make
    them itself. Each is damped by exp(-½ ω² s²), s² the share of noise in x's variance: what would be left of
    it on average over that noise. So noise does not come in where it hides the detail anyway.
    """

    directions: Tensor
    frequencies: Tensor

    def __init__(self, dim: int, count: int) -> None:
        super().__init__()
        # through NumPy: on torch's "meta" device, where files are checked, these would import its compiler
        frequencies = torch.from_numpy(np.logspace(1, 5, count, base=2.0, dtype=np.float32))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.register_buffer("directions", frequencies * _directions(dim, count), persistent=False)

    def forward(self, x: Tensor, share: Tensor) -> Tensor:
        """share: (...,), the part of x's variance that is noise."""
        angle = x @ self.directions
        left = torch.exp(-0.5 * share[..., None] * self.frequencies**2)
        out: Tensor = torch.cat([x, angle.sin() * left, angle.cos() * left], -1)
        return out


def _directions(dim: int, count: int) -> Tensor:
    """Unit vectors as columns (dim, count), always the same: turned by the golden angle in the plane."""
    if dim == 2:
        angle = np.arange(count) * (math.pi * (math.sqrt(5) - 1))
        return torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32))
    normal = np.random.default_rng(0).standard_normal((dim, count))
    return torch.from_numpy((normal / np.linalg.norm(normal, axis=0)).astype(np.float32))


class Preconditioned(nn.Module):
    """D(y, sigma) = E[x_0 | y] for y = x_0 + sigma z, and from it the score of x_t under any SDE.

    Subclasses say what the network inside makes of inputs of unit size (`_unit`). `centre`, where it is not 0, is
    taken off the data first. A level given as ONE float is embedded once and broadcast.
    """

    spec: NetworkSpec | UNetSpec
    sigma_data: float
    embedding: Embedding
    #: The mean of the data, a tensor that broadcasts against x, or 0.
    centre: Tensor | float
    #: Below this sigma/alpha the score is taken to change no more.
    noise_low = NOISE_LOW
    #: Whether labels (m, n) may be asked for points (n, d) at once, which gives (m, n, d).
    many_labels = False
    #: The number that stands for "no label".
    no_label = 0
    #: Whether it computes in bfloat16 (networks for pictures can).
    reduced = False

    def _unit(
        self, x: Tensor, noise: Tensor, labels: Tensor | int | None, embedding: Tensor | None = None
    ) -> Tensor:
        """F(x, sigma) of EDM for x (..., d) of unit size and noise levels (...,) or ()."""
        raise NotImplementedError

    def forward(self, y: Tensor, sigma: Level, labels: Tensor | int | None = None) -> Tensor:
        """D(y, sigma), Karras et al. 2022, eq. 7 and Table 1. y (..., d); sigma a float or (...,)."""
        s = _column(sigma)
        return y + s * s * self._edm_score(y, 1.0, sigma, labels, {})

    def embedded(self, marginals: Sequence[tuple[float, float]]) -> dict[float, Tensor]:
        """The embeddings of the noise levels of some (alpha, sigma), all at once, by sigma/alpha."""
        if not marginals:
            return {}
        levels = [self._ratio(alpha, sigma) for alpha, sigma in marginals]
        weight = self.embedding.first.weight
        noise = torch.tensor(levels, dtype=weight.dtype, device=weight.device)
        return dict(zip(levels, self.embedding(torch.log(noise) / 4), strict=True))

    def score(
        self, x: Tensor, alpha: Level, sigma: Level, t: Level, labels: Tensor | int | None = None,
        known: Mapping[float, Tensor] | None = None,
    ) -> Tensor:  # fmt: skip
        """grad log p_t(x) for x = alpha x_0 + sigma z, x (..., d); levels are floats or (...,).

        `known` are embeddings of levels, as `embedded` gives them.
        """
        return self._edm_score(x, alpha, sigma, labels, known or {})

    def _ratio(self, alpha: float, sigma: float) -> float:
        return noise_ratio(alpha, sigma, self.noise_low)

    def _edm_score(
        self,
        x: Tensor,
        alpha: Level,
        sigma: Level,
        labels: Tensor | int | None,
        known: Mapping[float, Tensor],
    ) -> Tensor:
        """(alpha D(x/alpha, sigma/alpha) - x)/sigma² with the cancelling terms cancelled by hand.

        -x/v + alpha sigma_data/(sigma sqrt v) F(x/sqrt v), v = sigma² + alpha² sigma_data²: nothing
        overflows when alpha -> 0 (beta_max = 400), nothing is lost when sigma -> 0. Below `noise_low` the
        score is that at the lowest level.
        """
        if isinstance(sigma, Tensor):
            a, s = torch.as_tensor(_column(alpha)), sigma[..., None]
            x = x - a * self.centre if isinstance(self.centre, Tensor) else x
            s = torch.maximum(s, a * self.noise_low)
            v = s * s + (a * self.sigma_data) ** 2
            noise, root = (s / a)[..., 0].clamp(max=NOISE_HIGH), v.sqrt()
            return a * self.sigma_data / (s * root) * self._unit(x / root, noise, labels) - x / v
        assert not isinstance(alpha, Tensor)
        x = x - alpha * self.centre if isinstance(self.centre, Tensor) else x
        ratio = self._ratio(alpha, sigma)
        sigma = max(sigma, alpha * self.noise_low)
        variance = sigma**2 + (alpha * self.sigma_data) ** 2
        level = torch.tensor(ratio, dtype=x.dtype, device=x.device)
        out = self._unit(x * variance**-0.5, level, labels, known.get(ratio))
        scale = alpha * self.sigma_data / (sigma * math.sqrt(variance))
        return torch.add(x * (-1 / variance), out, alpha=scale)


class Denoiser(Preconditioned):
    """The network for points: residual blocks of one width.

    With any other `spec.output` than 'edm' the network is native to one SDE and is asked (x, t) raw; what it
    says becomes a score by `explorer.diffusion.parameterization`. For the flow velocity that takes `sde`, its own.

    A level given as ONE float is embedded once and broadcast: with it an evaluation costs the hidden layers
    alone, whatever the number of points.
    """

    def __init__(
        self, spec: NetworkSpec, dim: int = 2, sigma_data: float = 1.0,
        random: torch.Generator | None = None, sde: SDE | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.spec, self.dim, self.sigma_data, self.sde, self.centre = spec, dim, sigma_data, sde, 0.0
        width = spec.width
        self.waves = Waves(dim, spec.waves) if spec.waves and not spec.native else None
        self.first = nn.Linear(dim + 2 * spec.waves if self.waves else dim, width)
        shifts = width * (spec.depth + 1)
        self.embedding = Embedding(width, shifts)
        # matrices alone: the shift that follows each is its bias
        self.blocks = nn.ParameterList(torch.empty(width, width) for _ in range(spec.depth))
        self.last = nn.Linear(width, dim)
        # index `classes` stands for "no label"
        self.labels = empty_table(spec.classes + 1, shifts) if spec.classes else None
        if not self.first.weight.is_meta:  # there it is only asked for its shapes
            self._initialise(random or torch.Generator().manual_seed(0))

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
        for weight in self.blocks:
            weight.uniform_(-(self.spec.width**-0.5), self.spec.width**-0.5, generator=random)
        # F = 0 at first: the preconditioned network then starts as the best linear denoiser
        self.last.weight.zero_()
        self.last.bias.zero_()

    @property
    def reach(self) -> float:
        """How far from 0 the inner network is asked, in units of the input's spread."""
        return math.sqrt(self.dim) + REACH

    def shifts(
        self, level: Tensor, labels: Tensor | int | None = None, embedding: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """What level and label add before each block, and before the last layer."""
        e = self.embedding(level) if embedding is None else embedding
        if self.labels is not None:
            wanted = self.spec.classes if labels is None else labels
            e = e + self.labels(torch.as_tensor(wanted, device=e.device))
        return e.chunk(self.spec.depth + 1, -1)

    def raw(
        self, x: Tensor, level: Tensor, labels: Tensor | int | None = None, embedding: Tensor | None = None
    ) -> Tensor:
        """The blocks: inputs x (..., inputs), level (...,), embedded already where known -> (..., d)."""
        h = self.first(x)
        *shifts, final = self.shifts(level, labels, embedding)
        for weight, shift in zip(self.blocks, shifts, strict=True):
            u = F.silu(h + shift)
            # h + block(u) as one product that adds to h: two passes over memory fewer
            h = torch.addmm(h.flatten(0, -2), u.flatten(0, -2), weight.t()).view_as(h)
        out: Tensor = self.last(F.silu(h + final))
        return out

    def embedded(self, marginals: Sequence[tuple[float, float]]) -> dict[float, Tensor]:
        """As of any preconditioned network; empty where this one is native to an SDE and embeds t."""
        return {} if self.spec.native else super().embedded(marginals)

    def score(
        self, x: Tensor, alpha: Level, sigma: Level, t: Level, labels: Tensor | int | None = None,
        known: Mapping[float, Tensor] | None = None,
    ) -> Tensor:  # fmt: skip
        """grad log p_t(x) for x = alpha x_0 + sigma z, x (..., d); levels are floats or (...,).

        `known` are embeddings of levels, as `embedded` gives them.
        """
        if self.spec.output == "edm":
            return super().score(x, alpha, sigma, t, labels, known)
        out = self.raw(x, torch.as_tensor(t, dtype=x.dtype, device=x.device), labels)
        p, q = (_column(factor) for factor in self._factors(alpha, sigma, t))
        return p * x + q * out

    def _factors(self, alpha: Any, sigma: Any, t: Any) -> tuple[Level, Level]:
        """(p, q) of score = p x + q output. As x_0 says nothing of the noise below NOISE_LOW, sigma ends there."""
        kind = self.spec.output
        if kind == "flow":
            if self.sde is None:
                raise ValueError("a network of flow velocities must know its SDE")
            return to_score_factors(kind, self.sde, t)
        if kind == "x0":
            low = alpha * NOISE_LOW
            sigma = (
                torch.maximum(sigma, torch.as_tensor(low)) if isinstance(sigma, Tensor) else max(sigma, low)
            )
        return level_factors(kind, alpha, sigma)

    def _unit(
        self, x: Tensor, noise: Tensor, labels: Tensor | int | None, embedding: Tensor | None = None
    ) -> Tensor:
        """F(x, sigma) of EDM for x (..., d) of unit size and noise levels (...,).

        Beyond REACH, where nothing was ever seen in training, F is that of the nearest point within: far away
        the linear part of the score then leads back, and no particle is driven off to infinity.
        """
        x = x * (self.reach / x.norm(dim=-1, keepdim=True).clamp(min=self.reach))
        if self.waves is not None:
            x = self.waves(x, noise**2 / (noise**2 + self.sigma_data**2))
        return self.raw(x, torch.log(noise) / 4, labels, embedding)
