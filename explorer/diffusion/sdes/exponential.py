"""dx = s^t dw: the variance-exploding SDE of Song's tutorial (with s = e, "dx = e^t dw")."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import ops
from explorer.base.params import param
from explorer.diffusion.sdes.base import SDE, SDES, Scalar


@SDES.register("exponential", title="eᵗ", order=40)
@dataclass(frozen=True)
class Exponential(SDE):
    """dx = s^t dw, so sigma² = (s^{2t} - 1)/(2 ln s) (Song 2021, blog and tutorial). alpha is 1.

    The noise starts at 0, unlike VE's sigma_min.
    """

    eps = 1e-3
    source = "Song 2021, tutorial: dx = s^t dw"
    s: float = param(
        25.0, "Base", symbol="s", low=2.0, high=100.0, minimum=1.01, maximum=1e4, log=True,
        help="Base of the growing noise; 25 in Song's tutorial.", equation="dx = sᵗ dw",
    )  # fmt: skip

    def marginal(self, t: Scalar) -> tuple[Scalar, Scalar]:
        m = ops(t)
        rate = 2 * math.log(self.s)
        return t * 0 + 1.0, m.sqrt(m.expm1(t * rate) / rate)

    def decay(self, t: Scalar) -> Scalar:
        return t * 0.0

    def diffusion(self, t: Scalar) -> Scalar:
        return ops(t).exp(t * math.log(self.s))

    @property
    def prior_std(self) -> float:
        return self.marginal(1.0)[1]

    def time_at(self, ratio: float) -> float:
        rate = 2 * math.log(self.s)
        return min(math.log1p(rate * ratio**2) / rate, self.T)

    def equation_now(self) -> str:
        return rf"dx = \noise{{s^t\, dw}},\;s = {self.s:.4g},\;\sigma(t)^2 = \frac{{s^{{2t}} - 1}}{{2 \ln s}}"
