"""Densities and codes by the probability-flow ODE. Importing this loads no torch."""

from explorer.analysis.likelihood.bits import Bits, Coder, Draw, bits_per_dim
from explorer.analysis.likelihood.divergence import (
    DIVERGENCES,
    PROBES,
    Divergence,
    Exact,
    Hutchinson,
    Without,
    hutchinson,
    probes,
)
from explorer.analysis.likelihood.flow import (
    ENDS,
    START,
    Estimate,
    Flow,
    Moment,
    end_log_density,
    estimated,
    final,
    log_likelihood,
    prior_log_density,
    within,
)
from explorer.analysis.likelihood.grid import PICTURE, on_points
from explorer.analysis.likelihood.latents import Agreement, agreement, linear, spherical
from explorer.analysis.likelihood.measured import Measured, measured

__all__ = [
    "DIVERGENCES",
    "ENDS",
    "PICTURE",
    "PROBES",
    "START",
    "Agreement",
    "Bits",
    "Coder",
    "Divergence",
    "Draw",
    "Estimate",
    "Exact",
    "Flow",
    "Hutchinson",
    "Measured",
    "Moment",
    "Without",
    "agreement",
    "bits_per_dim",
    "end_log_density",
    "estimated",
    "final",
    "hutchinson",
    "linear",
    "log_likelihood",
    "measured",
    "on_points",
    "prior_log_density",
    "probes",
    "spherical",
    "within",
]
