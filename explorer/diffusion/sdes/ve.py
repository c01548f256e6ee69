"""The variance-exploding SDE: the continuous limit of SMLD."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from explorer.base.lazy import ops
from explorer.base.params import ParamError, param
from explorer.diffusion.sdes.base import SDE, SDES, Scalar, latex


@SDES.register("ve", title="VE", order=10)
@dataclass(frozen=True)
class VE(SDE):
    """dx = sigma(t) sqrt(2 ln(sigma_max/sigma_min)) dw with sigma(t) = sigma_min (sigma_max/sigma_min)^t.

    [S21] eq. 9 and 30. alpha is 1; the prior is N(0, sigma_max² I).
    """

    eps = 1e-5
    source = "Song et al. 2021, eq. 9, 30"
    sigma_min: float = param(
        0.01, "Noise, start", symbol="σ_min", low=0.001, high=0.1, minimum=1e-5, maximum=1.0, log=True,
        help="Noise level at t = 0: small enough to leave the data as it is.", equation="[S21] eq. 30",
    )  # fmt: skip
    sigma_max: float = param(
        10.0, "Noise, end", symbol="σ_max", low=1.0, high=50.0, minimum=0.1, maximum=1e4, log=True,
        help="Noise level at t = 1: about the largest distance between two data points, so that "
        "the data is forgotten.", equation="[S21] eq. 30",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sigma_max <= self.sigma_min:
            raise ParamError(
                f"ve.sigma_max ({self.sigma_max:g}) must be above ve.sigma_min ({self.sigma_min:g})"
            )

    @classmethod
    def suited(cls, pictures: bool) -> Self:
        """sigma_max is about the largest distance between two pictures, as between two points."""
        return cls(sigma_max=50.0) if pictures else cls()

    @property
    def _log_ratio(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    def marginal(self, t: Scalar) -> tuple[Scalar, Scalar]:
        sigma = self.sigma_min * ops(t).exp(t * self._log_ratio)
        return t * 0 + 1.0, sigma

    def decay(self, t: Scalar) -> Scalar:
        return t * 0.0

    def diffusion(self, t: Scalar) -> Scalar:
        _, sigma = self.marginal(t)
        return sigma * math.sqrt(2 * self._log_ratio)

    @property
    def prior_std(self) -> float:
        return self.sigma_max

    def time_at(self, ratio: float) -> float:
        return min(math.log(max(ratio / self.sigma_min, 1.0)) / self._log_ratio, self.T)

    def equation_now(self) -> str:
        low, high = latex(self.sigma_min), latex(self.sigma_max)
        return (
            rf"dx = \noise{{g(t)\, dw}},\;"
            rf"\sigma(t) = {low} \left(\frac{{{high}}}{{{low}}}\right)^t,\;"
            rf"g(t) = \sigma(t) \sqrt{{2 \ln \frac{{{high}}}{{{low}}}}}"
        )
