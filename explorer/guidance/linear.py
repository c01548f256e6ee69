"""Linear inverse problems: part of x_0 is known, exactly or with noise; the rest is to be inferred."""

from __future__ import annotations

import math
from abc import abstractmethod

from explorer.base.params import param
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.observation import Known, Replaced
from explorer.diffusion.scores import Score
from explorer.guidance.base import Control, Guided, Sources
from explorer.guidance.posterior import conditioned
from explorer.guidance.tweedie import TweedieGuided

METHODS = {"exact": "Exact posterior", "replacement": "Replacement"}
METHOD_HELP = (
    "Exact: the score of the posterior at every noise level, in closed form. Replacement: after each step "
    "the known part is overwritten by the observation under the forward noise; the rest never learns of it "
    "but through the score, and comes out biased."
)


def value_param() -> float:
    value: float = param(
        0.5, "Value", symbol="y", low=-3.0, high=3.0, minimum=-1e3, maximum=1e3,
        help="What was observed, in data units.", equation="aᵀx₀ = y",
    )  # fmt: skip
    return value


def angle_param() -> float:
    angle: float = param(
        30.0, "Direction", symbol="φ", unit="°", low=0.0, high=180.0, minimum=-360.0, maximum=360.0,
        help="The angle of the line on which the data is projected. (One-dimensional data has but one.)",
        equation="a = (cos φ, sin φ)",
    )  # fmt: skip
    return angle


def unit(angle: float, dim: int) -> tuple[float, ...]:
    """The unit vector at `angle` degrees; in one dimension there is but one."""
    return (math.cos(math.radians(angle)), math.sin(math.radians(angle))) if dim == 2 else (1.0,)


class Linear(Control):
    """aᵀx_0 + std n = y is known. Subclasses say which a, y and std."""

    equation = r"p_t(x\,|\,y):\quad y = a^{\top} x_0 \;(+\, \sigma_y n)"
    method: str

    @abstractmethod
    def known(self, dim: int) -> Known:
        """What is known of data of `dim` coordinates."""

    def unfit(self, mixture: Mixture) -> str:
        if mixture.dim == 1 and not self.known(1).std:
            return (
                "The data has one coordinate: fixing it leaves nothing to infer. Choose a noisy measurement, "
                "or data in the plane."
            )
        return ""

    def brief(self, mixture: Mixture) -> str:
        by = {"exact": "", "replacement": ", replaced", "tweedie": ", DPS"}[self.method]
        return f"{self.known(mixture.dim).words}{by}"

    def target(self, mixture: Mixture) -> Mixture:
        k = self.known(mixture.dim)
        return conditioned(mixture, k.direction, k.value, k.std)

    def guide(self, sources: Sources) -> tuple[Score, str]:
        known = self.known(sources.mixture.dim)
        if self.method == "replacement":
            return Replaced(
                sources.plain, known
            ), "The known part is replaced after each step; the score is unchanged."
        if self.method == "tweedie":
            push = TweedieGuided(sources.plain, sources.sde, known)
            return Guided(sources.plain, push), "p(y|xₜ) is taken as p(y|x̂₀(xₜ)): an approximation."
        posterior = sources.conditional(self.target(sources.mixture))
        return Guided(sources.plain, posterior), "The posterior is itself a mixture: its score is exact."
