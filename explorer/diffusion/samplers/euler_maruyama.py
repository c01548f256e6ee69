"""Euler-Maruyama for the reverse SDE."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.diffusion.samplers.base import PREDICTORS, LinearPredictor
from explorer.diffusion.samplers.process import Reverse


@PREDICTORS.register("euler_maruyama", title="Euler–Maruyama", order=10)
@dataclass(frozen=True)
class EulerMaruyama(LinearPredictor):
    """x - (f - ½(1+η²) g² s) h + η g sqrt(h) z: weak and, the noise being additive, strong order 1."""

    order = 1.0
    stochastic = True
    source = "Song et al. 2021, section 4.1"
    equation = r"x' = x \drift{- f h} + \score{\frac{1+\eta^2}{2} g^2 s\, h} + \noise{\eta g \sqrt{h}\, z}"

    def coefficients(self, process: Reverse, t: float, t_next: float) -> tuple[float, float, float]:
        h = t - t_next
        g = process.sde.diffusion(t)
        return 1 - process.sde.decay(t) * h, process.weight * g * g * h, process.eta * g * math.sqrt(h)
