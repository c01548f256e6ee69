"""Stable targets: the posterior mean over a reference batch in place of the one point that was noised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.training.objectives.base import OBJECTIVES, Batch, Regression
from explorer.training.objectives.levels import AnyLevel


@OBJECTIVES.register("stable_targets", title="Stable targets", order=100)
@dataclass(frozen=True)
class StableTargets(AnyLevel, Regression):
    """Xu et al. 2023: the target is averaged over all points of a reference batch that x may have come from.

    The point that x did come from is one of them. With a reference of one this is denoising; as it grows the
    target becomes the exact score (for finite references it is a little biased towards it).
    """

    short = "Stable targets"
    about = (
        "Denoising whose target is the mean over a reference batch of data, each weighted by how likely x "
        "came from it: less variance where modes meet."
    )
    equation = r"E ∥s(x̃) + (x̃ − Σₖ wₖ xₖ)/σ²∥², wₖ ∝ q(x̃ | xₖ)"
    source = "Xu, Tong & Jaakkola 2023, eq. 6"
    labelled = False
    reference: int = param(
        256, "Reference batch", symbol="n", low=1, high=2048, minimum=1, maximum=100_000, log=True,
        help="Points that the target is averaged over, the right one included. 1 is plain denoising.",
        equation="target = Σᵢ wᵢ xᵢ, wᵢ ∝ p(xₜ | xᵢ), i = 1…n",
    )  # fmt: skip

    def extra(
        self, points: Callable[[int], torch.Tensor], shape: torch.Size, random: torch.Generator
    ) -> torch.Tensor:
        """The other points (n - 1, d) of the reference, the same for the whole batch."""
        return points(self.reference - 1)

    def target(self, batch: Batch) -> torch.Tensor:
        assert batch.extra is not None, "stable targets need their reference batch"
        # in differences from x0, which is exact where x0 alone counts
        offsets = batch.alpha[..., None, None] * (batch.x0[..., None, :] - batch.extra.to(batch.x0.dtype))
        noise = batch.z[..., None, :]
        others = noise + offsets / batch.sigma[..., None, None]  # the z with which x came from each
        all_noises = torch.cat([noise, others], -2)
        weights = torch.softmax(-0.5 * all_noises.square().sum(-1), -1)
        return -(weights[..., None] * all_noises).sum(-2)
