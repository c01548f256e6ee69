"""Convergence: errors of samplers against steps, on shared paths, with fitted orders."""

from explorer.analysis.convergence.curves import Curve, curves
from explorer.analysis.convergence.fit import Slope, slope
from explorer.analysis.convergence.methods import (
    SETS,
    Method,
    MethodError,
    declared,
    names_of,
    parse,
    titles,
    unfit,
)
from explorer.analysis.convergence.study import AXES, MEASURES, MOST, Point, Study, best_predictor, path_steps

__all__ = [
    "AXES",
    "MEASURES",
    "MOST",
    "SETS",
    "Curve",
    "Method",
    "MethodError",
    "Point",
    "Slope",
    "Study",
    "best_predictor",
    "curves",
    "declared",
    "names_of",
    "parse",
    "path_steps",
    "slope",
    "titles",
    "unfit",
]
