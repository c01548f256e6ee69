"""Sliced score matching: the trace of the Jacobian by random projections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.training.objectives.base import OBJECTIVES, Batch
from explorer.training.objectives.ism import Field, Implicit, directional, score_and_point, with_d


@dataclass(frozen=True)
class _Sliced(Implicit):
    """One projection v for each point, E v vᵀ = I: one backward pass whatever the dimension."""

    projection: str = param(
        "rademacher", "Projections", symbol="v",
        choices={"rademacher": "Rademacher (each coordinate ±1)", "gaussian": "Gaussian"},
        help="What the random directions are drawn from. ±1 gives the diagonal of the Jacobian exactly, so only "
        "the rest of it is noise.",
        equation="E v vᵀ = I",
    )  # fmt: skip

    def extra(
        self, points: Callable[[int], torch.Tensor], shape: torch.Size, random: torch.Generator
    ) -> torch.Tensor:
        """v (m, r, d)."""
        if self.projection == "gaussian":
            return torch.randn(shape, generator=random, device=random.device)
        return 2.0 * torch.randint(0, 2, shape, generator=random, device=random.device) - 1.0

    def _parts(self, score: Field, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """s, v (m, r, d) and 2 sigma² vᵀ(grad s)v (m, r)."""
        assert batch.extra is not None, "sliced score matching needs its projections"
        v = batch.extra.to(batch.x.dtype)
        s, x = score_and_point(score, batch)
        return s, v, 2 * batch.sigma * batch.sigma * (directional(s, x, v) * v).sum(-1)


@OBJECTIVES.register("ssm", title="Sliced", order=80)
@dataclass(frozen=True)
class SlicedScoreMatching(_Sliced):
    """Song et al. 2019: both terms of the implicit loss seen along v alone."""

    short = "SSM"
    about = "The implicit loss along one random direction a point: one backward pass in any dimension."
    equation = r"E_v E ½(vᵀs)² + vᵀ(∇ₓ s)v"
    source = "Song, Garg, Shi & Ermon 2019, eq. 7"

    def terms(self, score: Field, batch: Batch) -> dict[str, torch.Tensor]:
        s, v, trace = self._parts(score, batch)
        return with_d(s, {"σ²(vᵀs)²": (batch.sigma * (s * v).sum(-1)).square(), "2σ² vᵀ(∇s)v": trace})


@OBJECTIVES.register("ssm_vr", title="Sliced, less variance (SSM-VR)", order=90)
@dataclass(frozen=True)
class ReducedSlicedScoreMatching(_Sliced):
    """Song et al. 2019: E (vᵀs)² = |s|² is put in, so only the trace is left to chance."""

    short = "SSM-VR"
    about = "Sliced score matching with ∥s∥² in place of its projection: less variance at no cost."
    equation = r"E_v E ½∥s∥² + vᵀ(∇ₓ s)v"
    source = "Song, Garg, Shi & Ermon 2019, eq. 8"

    def terms(self, score: Field, batch: Batch) -> dict[str, torch.Tensor]:
        s, _, trace = self._parts(score, batch)
        square = (batch.sigma * batch.sigma) * s.square().sum(-1)
        return with_d(s, {"σ²∥s∥²": square, "2σ² vᵀ(∇s)v": trace})
