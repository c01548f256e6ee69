"""Predictors, ODE solvers and correctors, one file each."""

from explorer.diffusion.samplers.base import CORRECTORS, PREDICTORS, SOLVERS, Corrector, Predictor, Step, Walk
from explorer.diffusion.samplers.process import Reverse
from explorer.diffusion.samplers.spec import Sampler

__all__ = [
    "CORRECTORS",
    "PREDICTORS",
    "SOLVERS",
    "Corrector",
    "Predictor",
    "Reverse",
    "Sampler",
    "Step",
    "Walk",
]
