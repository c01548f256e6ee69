"""Ancestral sampling in closed form, for every SDE."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.base.params import param
from explorer.diffusion.samplers.base import PREDICTORS, LinearPredictor
from explorer.diffusion.samplers.ddim import posterior_std, towards
from explorer.diffusion.samplers.process import Reverse
from explorer.diffusion.samplers.reverse_diffusion import transition


@PREDICTORS.register("ancestral", title="Ancestral", order=30)
@dataclass(frozen=True)
class Ancestral(LinearPredictor):
    """The Gaussian posterior q(x_next | x_t, x0) at Tweedie's x0 = (x + sigma² s)/alpha.

    DDPM's step for VP (Ho et al. 2020, eq. 11), SMLD's for VE ([S21] appendix F), and for sub-VP the same
    formula with its own alpha and sigma. η scales the noise as in DDIM (Song et al. 2020, eq. 16): 0 is DDIM.
    """

    order = 1.0
    stochastic = True
    source = "Ho et al. 2020, eq. 11; Song et al. 2021, appendix F"
    equation = (
        r"x' = x \drift{+ (\frac{\alpha'}{\alpha} - 1) x} "
        r"+ \score{b\, s} + \noise{\eta\tilde\sigma z}"
    )
    variance: str = param(
        "posterior", "Variance",
        symbol="σ²",
        choices={"posterior": "of the posterior", "forward": "of the forward step"},
        help="The noise put back: with the posterior's own variance, or the forward step's β. DDPM allows both; "
        "they agree as the steps grow many.",
        equation="Ho et al. 2020, section 3.2",
    )  # fmt: skip

    def coefficients(self, process: Reverse, t: float, t_next: float) -> tuple[float, float, float]:
        a, b, c = towards(process, t, t_next, posterior_std(process, t, t_next))
        _, forward = transition(process, t, t_next)
        return a, b, process.eta * math.sqrt(forward) if self.variance == "forward" else c
