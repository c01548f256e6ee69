"""Ancestral sampling in closed form, for every SDE."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.params import param
from explorer.samplers.base import PREDICTORS, LinearPredictor
from explorer.samplers.process import Reverse
from explorer.samplers.reverse_diffusion import transition

#: Of alpha'/alpha: one step from almost no signal would pass what float32 holds, and has lost all digits anyway.
LARGEST = 1e30


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
        symbol="β̃, β",
        choices={"posterior": "β̃ (posterior)", "forward": "β (forward)"},
        help="The noise put back: the posterior's own variance β̃, or the forward step's β. DDPM allows both; "
        "they agree as the steps grow many.",
        equation="Ho et al. 2020, section 3.2",
    )  # fmt: skip

    def coefficients(self, process: Reverse, t: float, t_next: float) -> tuple[float, float, float]:
        alpha, sigma = process.sde.marginal(t)
        alpha_next, sigma_next = process.sde.marginal(t_next)
        _, forward = transition(process, t, t_next)
        posterior = math.sqrt(forward) * sigma_next / sigma
        kept_noise = min(process.eta * posterior, sigma_next)  # what DDIM's formula allows at most
        c = process.eta * math.sqrt(forward) if self.variance == "forward" else kept_noise
        direction = math.sqrt(sigma_next**2 - kept_noise**2)
        ratio = min(alpha_next / alpha, LARGEST)
        return ratio, (ratio * sigma - direction) * sigma, c
