"""DDIM: the first-order exponential integrator, and a family between it and ancestral sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.diffusion.samplers.base import PREDICTORS, SOLVERS, LinearPredictor
from explorer.diffusion.samplers.process import Reverse
from explorer.diffusion.samplers.reverse_diffusion import transition


class _DDIM(LinearPredictor):
    order = 1.0

    def coefficients(self, process: Reverse, t: float, t_next: float) -> tuple[float, float, float]:
        return towards(process, t, t_next, posterior_std(process, t, t_next))


@PREDICTORS.register("ddim", title="DDIM (η)", order=35)
@dataclass(frozen=True)
class StochasticDDIM(_DDIM):
    """x' = alpha' x̂0 + sqrt(sigma'² - c²) ε̂ + c z with c = η times the posterior's width.

    η = 0 is DDIM, η = 1 ancestral sampling (Song, Meng & Ermon 2020, eq. 12 and 16). Of larger η it takes
    as much as there is room for: c ≤ sigma'.
    """

    stochastic = True
    source = "Song, Meng & Ermon 2020, eq. 12, 16"
    equation = (
        r"x' = x \drift{+ (\frac{\alpha'}{\alpha} - 1) x} \quad "
        r"+ \score{\sigma(\frac{\alpha'}{\alpha}\sigma - \sqrt{\sigma'^2 - c^2})\, s} + \noise{c\, z}"
    )


@SOLVERS.register("ddim", title="DDIM", order=50)
@dataclass(frozen=True)
class DDIM(_DDIM):
    """The linear part of the ODE solved exactly, the noise prediction -sigma s kept during the step.

    Order 1, as Euler, but exact for data at one point (Song, Meng & Ermon 2020, eq. 13; DPM-Solver-1 in Lu
    et al. 2022a, eq. 3.7).
    """

    stochastic = False
    source = "Song, Meng & Ermon 2020, eq. 13"
    equation = (
        r"x' = x \drift{+ (\frac{\alpha'}{\alpha} - 1) x} "
        r"+ \score{\sigma(\frac{\alpha'}{\alpha}\sigma - \sigma')\, s}"
    )


def posterior_std(process: Reverse, t: float, t_next: float) -> float:
    """η times the standard deviation of q(x_next | x_t, x_0), and sigma' at most (DDIM's eq. 16)."""
    _, forward = transition(process, t, t_next)
    _, sigma = process.sde.marginal(t)
    _, sigma_next = process.sde.marginal(t_next)
    return min(process.eta * (math.sqrt(forward) * sigma_next / sigma), sigma_next)


def towards(process: Reverse, t: float, t_next: float, std: float) -> tuple[float, float, float]:
    """(a, b, c) of DDIM's eq. 12 with noise of standard deviation `std` <= sigma'."""
    _, sigma = process.sde.marginal(t)
    _, sigma_next = process.sde.marginal(t_next)
    ratio = process.growth(t, t_next)
    return ratio, (ratio * sigma - math.sqrt(sigma_next**2 - std**2)) * sigma, std
