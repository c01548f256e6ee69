"""A noisy linear measurement."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.params import param
from explorer.diffusion.observation import Known
from explorer.guidance.base import CONTROLS
from explorer.guidance.linear import METHOD_HELP, METHODS, Linear, angle_param, unit, value_param


@CONTROLS.register("measurement", title="Measure", order=50)
@dataclass(frozen=True)
class Measurement(Linear):
    """A projection was measured with noise; the posterior weighs it against the data."""

    about = (
        "A projection measured with Gaussian noise: the posterior weighs it against what the data is like."
    )
    source = "Song et al. 2021, appendix I.4; Chung et al. 2023 (DPS), eq. 11"

    angle: float = angle_param()
    value: float = value_param()
    std: float = param(
        0.3, "Noise of the measurement", symbol="σ_y", low=0.05, high=2.0, minimum=1e-3, maximum=100.0, log=True,
        help="Standard deviation of its Gaussian noise, in data units.", equation="y = aᵀx₀ + σ_y n",
    )  # fmt: skip
    method: str = param(
        "exact", "Method", choices=METHODS | {"tweedie": "Tweedie (DPS)"},
        help=METHOD_HELP + " Tweedie: p(y|xₜ) is taken as if x₀ were known to be E[x₀|xₜ], as DPS does: "
        "too sure of itself while there is noise.",
        equation="Chung et al. 2023, eq. 11",
    )  # fmt: skip

    def known(self, dim: int) -> Known:
        return Known(unit(self.angle, dim), self.value, self.std)
