"""No predictor and no corrector: for corrector-only and predictor-only sampling."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.diffusion.samplers.base import PREDICTORS, LinearPredictor
from explorer.diffusion.samplers.process import Reverse


@PREDICTORS.register("none", title="None (corrector only)", order=90)
@dataclass(frozen=True)
class NoPredictor(LinearPredictor):
    """x stays while the noise level falls, so the corrector does all the work ([S21] Table 1, "C2000")."""

    order = 0.0
    stochastic = True
    nfe_per_step = 0
    source = "Song et al. 2021, Table 1"
    equation = r"x' = x"

    def coefficients(self, process: Reverse, t: float, t_next: float) -> tuple[float, float, float]:
        return 1.0, 0.0, 0.0
