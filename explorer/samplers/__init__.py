"""Predictors, ODE solvers and correctors, one file each."""

from explorer.samplers.base import CORRECTORS, PREDICTORS, SOLVERS, Corrector, Predictor, Step, Walk
from explorer.samplers.process import Reverse
from explorer.samplers.spec import Sampler

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
