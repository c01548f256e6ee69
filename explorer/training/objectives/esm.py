"""Explicit score matching: regression on the score itself."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.training.objectives.base import OBJECTIVES, Batch, Regression
from explorer.training.objectives.levels import AnyLevel


@OBJECTIVES.register("esm", title="Explicit (against the exact score)", order=60)
@dataclass(frozen=True)
class ExplicitScoreMatching(AnyLevel, Regression):
    """The Fisher divergence itself. Only possible because every distribution here has its exact score."""

    short = "ESM"
    about = (
        "The Fisher divergence against the exact score: the reference that no real data set allows, "
        "since it needs the very thing that is to be learned."
    )
    equation = r"E ∥s(x̃, σ) − ∇ log p_σ(x̃)∥²"
    source = "Hyvärinen 2005, eq. 2"
    capturable = False
    labelled = False

    def target(self, batch: Batch) -> torch.Tensor:
        assert batch.exact is not None, "explicit score matching needs the exact score"
        return batch.sigma[..., None] * batch.exact(batch.x)
