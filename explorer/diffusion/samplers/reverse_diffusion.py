"""The reverse diffusion predictor: the forward chain's own step, reversed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.diffusion.samplers.base import PREDICTORS, LinearPredictor
from explorer.diffusion.samplers.process import Reverse


@PREDICTORS.register("reverse_diffusion", title="Reverse diffusion", order=20)
@dataclass(frozen=True)
class ReverseDiffusion(LinearPredictor):
    """x - f_i + ½(1+η²) G_i² s + η G_i z with the discrete chain's f_i and G_i ([S21] appendix E, eq. 46).

    The chain from t_next to t keeps a = alpha/alpha_next of x and adds G² = sigma² - a² sigma_next²: for VE
    sigma_i² - sigma_{i-1}², for VP the beta_i that never passes 1, and so for every linear SDE.
    """

    order = 1.0
    stochastic = True
    source = "Song et al. 2021, appendix E, eq. 46"
    equation = r"x' = x \drift{- f_i(x)} + \score{\frac{1+\eta^2}{2} G_i^2 s} + \noise{\eta G_i\, z}"

    def coefficients(self, process: Reverse, t: float, t_next: float) -> tuple[float, float, float]:
        keep, variance = transition(process, t, t_next)
        return 2 - keep, process.weight * variance, process.eta * math.sqrt(variance)


def transition(process: Reverse, t: float, t_next: float) -> tuple[float, float]:
    """(a, G²) of the forward transition from t_next to t > t_next: x_t = a x_{t_next} + G z."""
    alpha, sigma = process.sde.marginal(t)
    alpha_next, sigma_next = process.sde.marginal(t_next)
    keep = alpha / alpha_next
    return keep, max(sigma * sigma - (keep * sigma_next) ** 2, 0.0)
