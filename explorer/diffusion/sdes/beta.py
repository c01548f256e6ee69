"""The linear schedule beta(t), which VP and sub-VP share, and those two SDEs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.lazy import ops
from explorer.base.params import ParamError, param
from explorer.diffusion.sdes.base import SDE, SDES, Scalar


@dataclass(frozen=True)
class _LinearBeta(SDE):
    """beta(t) = beta_min + t (beta_max - beta_min), [S21] appendix C."""

    beta_min: float = param(
        0.1, "Noise rate, start", symbol="β_min", low=0.01, high=1.0, minimum=0.0, maximum=100.0, log=True,
        help="How fast noise comes in at t = 0.", equation="[S21] eq. 32",
    )  # fmt: skip
    beta_max: float = param(
        20.0, "Noise rate, end", symbol="β_max", low=1.0, high=40.0, minimum=0.01, maximum=400.0,
        help="How fast noise comes in at t = 1: below about 10 some of the data is still there at the end.",
        equation="[S21] eq. 32",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta_max <= self.beta_min:
            low, high = (
                f"{self.name}.beta_min ({self.beta_min:g})",
                f"{self.name}.beta_max ({self.beta_max:g})",
            )
            raise ParamError(f"{high} must be above {low}")

    def beta(self, t: Scalar) -> Scalar:
        """beta(t)."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def integral(self, t: Scalar) -> Scalar:
        """The integral of beta from 0 to t."""
        return 0.5 * t * t * (self.beta_max - self.beta_min) + t * self.beta_min

    def decay(self, t: Scalar) -> Scalar:
        return -0.5 * self.beta(t)

    def _time_of_integral(self, value: float) -> float:
        slope = self.beta_max - self.beta_min
        # the root of the quadratic in the form that does not cancel for small values
        return min(2 * value / (self.beta_min + math.sqrt(self.beta_min**2 + 2 * slope * value)), self.T)


@SDES.register("vp", title="VP", order=20)
@dataclass(frozen=True)
class VP(_LinearBeta):
    """dx = -½ beta(t) x dt + sqrt(beta(t)) dw: the limit of DDPM, [S21] eq. 11 and 32. Prior N(0, I)."""

    source = "Song et al. 2021, eq. 11, 32"

    def marginal(self, t: Scalar) -> tuple[Scalar, Scalar]:
        m = ops(t)
        b = self.integral(t)
        return m.exp(-0.5 * b), m.sqrt(-m.expm1(-b))

    def diffusion(self, t: Scalar) -> Scalar:
        return ops(t).sqrt(self.beta(t))

    def time_at(self, ratio: float) -> float:
        return self._time_of_integral(math.log1p(ratio**2))

    def equation_now(self) -> str:
        return (
            rf"dx = \drift{{-\frac{{1}}{{2}}\beta(t)\, x\, dt}} + \noise{{\sqrt{{\beta(t)}}\, dw}},\;"
            rf"\beta = {self.beta_min:.3g} + {self.beta_max - self.beta_min:.4g}\,t"
        )


@SDES.register("subvp", title="sub-VP", order=30)
@dataclass(frozen=True)
class SubVP(_LinearBeta):
    """dx = -½ beta x dt + sqrt(beta (1 - exp(-2 ∫beta))) dw: less variance than VP, [S21] eq. 12 and 29."""

    source = "Song et al. 2021, eq. 12, 29"

    def marginal(self, t: Scalar) -> tuple[Scalar, Scalar]:
        m = ops(t)
        b = self.integral(t)
        return m.exp(-0.5 * b), -m.expm1(-b)

    def diffusion(self, t: Scalar) -> Scalar:
        m = ops(t)
        return m.sqrt(-self.beta(t) * m.expm1(-2 * self.integral(t)))

    def time_at(self, ratio: float) -> float:
        # sigma/alpha = 2 sinh(b/2), so b = 2 asinh(ratio/2)
        return self._time_of_integral(2 * math.asinh(ratio / 2))

    def equation_now(self) -> str:
        return (
            r"dx = \drift{-\frac{1}{2}\beta\, x\, dt} + "
            r"\noise{\sqrt{\beta\,(1 - e^{-2\int\beta})}\, dw},\;"
            rf"\beta = {self.beta_min:.3g} + {self.beta_max - self.beta_min:.4g}\,t"
        )
