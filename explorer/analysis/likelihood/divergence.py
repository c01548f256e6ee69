"""The divergence of a score: exact, or Hutchinson's estimate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeAlias, cast

from explorer.base.lazy import torch
from explorer.diffusion import noise
from explorer.diffusion.scores import ExactScore, Score
from explorer.networks.learned import LearnedScore
from explorer.networks.spec import NetworkSpec
from explorer.networks.tangents import score_and_divergence

if TYPE_CHECKING:
    from explorer.networks.preconditioned import Denoiser

DIVERGENCES = {"exact": "Exact", "hutchinson": "Hutchinson's estimate"}
PROBES = {"rademacher": "Rademacher ±1", "gaussian": "Gaussian"}
Pair: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


class Divergence(ABC):
    """How ∇·s is found: `columns` estimates of it at once."""

    columns: int

    @abstractmethod
    def __call__(self, score: Score, x: torch.Tensor, t: float, rows: slice) -> Pair:
        """s (n, ...) and ∇·s (n, columns) for x (n, ...), which are the points `rows` of the whole batch."""


class Without(Divergence):
    """The score alone, for paths and codes."""

    columns = 0

    def __call__(self, score: Score, x: torch.Tensor, t: float, rows: slice) -> Pair:
        with torch.no_grad():
            return score(x, t), x.new_zeros(len(x), 0)


class Exact(Divergence):
    """In closed form for a mixture, by tangents for our own networks, else by a backward pass a coordinate."""

    columns = 1

    def __call__(self, score: Score, x: torch.Tensor, t: float, rows: slice) -> Pair:
        if isinstance(score, ExactScore):
            s, trace = score.mixture.score_and_divergence(x, *score.sde.marginal(t))
            return s, trace[:, None]
        if isinstance(score, LearnedScore) and _by_tangents(score.denoiser.spec):
            net = cast("Denoiser", score.denoiser)
            s, trace = score_and_divergence(net, x, *score.sde.marginal(t), score.label)
            return s, trace[:, None]
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            s = score(x, t).flatten(1)
            trace = torch.zeros_like(s[:, :1])
            for i in range(s.shape[1]):
                (row,) = torch.autograd.grad(s[:, i].sum(), x, retain_graph=i + 1 < s.shape[1])
                trace = trace + row.flatten(1)[:, i : i + 1]
        return s.detach().view_as(x), trace.detach()


def _by_tangents(spec: object) -> bool:
    """Whether a network is the one for points whose tangents are written out."""
    return isinstance(spec, NetworkSpec) and spec.output == "edm"


class Hutchinson(Divergence):
    """vᵀ(∇s)v for probes v (columns, n, ...), one backward pass each (Hutchinson 1990; [S21] eq. 40).

    Unbiased where E vvᵀ = I. A probe stays the same along the whole solve, so that the ODE stays smooth. `together`:
    one column, the mean over the probes, where they give the trace only in company.
    """

    def __init__(self, probes: torch.Tensor, together: bool = False) -> None:
        self.probes, self.together = probes, together
        self.columns = 1 if together else len(probes)

    def __call__(self, score: Score, x: torch.Tensor, t: float, rows: slice) -> Pair:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            s = score(x, t)
            columns = [_quadratic(s, x, v[rows].to(x)) for v in self.probes]
        found = torch.stack(columns, 1)
        return s.detach(), found.mean(1, keepdim=True) if self.together else found


def _quadratic(s: torch.Tensor, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    (row,) = torch.autograd.grad((s * v).sum(), x, retain_graph=True)
    return (row * v).flatten(1).sum(1)


def hutchinson(kind: str, count: int, shape: tuple[int, ...], seed: int) -> Hutchinson:
    """Hutchinson's estimate with `count` probes of the kind in PROBES for x of this shape (n, ...).

    In the plane v = (a, b) and (a, -b) with a, b = ±1 have the trace as the mean of their vᵀJv, whatever J is: from two
    Rademacher probes on it is such a pair, and exact. On a line v² = 1, and one probe is.
    """
    v = probes(kind, count, shape, seed)
    if kind == "rademacher" and shape[1:] == (1,):
        return Hutchinson(v[:1])
    if kind == "rademacher" and shape[1:] == (2,) and count > 1:
        return Hutchinson(torch.stack([v[0], v[0] * torch.tensor([1.0, -1.0])]), together=True)
    return Hutchinson(v)


def probes(kind: str, count: int, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Independent v (count, *shape) of the kind in PROBES, the same for the same seed."""
    v = torch.stack([noise.normal(shape, seed, noise.PROBE, i) for i in range(count)])
    return v if kind == "gaussian" else torch.where(v < 0, -1.0, 1.0)
