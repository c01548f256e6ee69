"""Toy distributions, one file each; every one is a Gaussian mixture, so its p_t and score are exact."""

from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture

__all__ = ["DISTRIBUTIONS", "Distribution", "Mixture"]
