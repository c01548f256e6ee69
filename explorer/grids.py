"""Time grids: functions (n, sde) -> n+1 falling times from T to eps."""

from __future__ import annotations

import math
from collections.abc import Callable

from explorer.sdes.base import SDE


def uniform(n: int, sde: SDE) -> list[float]:
    """Equal steps in t ([S21] Algorithms 2 and 3)."""
    return [sde.T + (sde.eps - sde.T) * i / n for i in range(n + 1)]


def quadratic(n: int, sde: SDE) -> list[float]:
    """Equal steps in sqrt(t): finer towards the data (Song et al. 2020, DDIM, appendix D.2)."""
    a, b = math.sqrt(sde.T), math.sqrt(sde.eps)
    return [(a + (b - a) * i / n) ** 2 for i in range(n + 1)]


def _times_of_ratios(ratios: list[float], sde: SDE) -> list[float]:
    """Times at which sigma/alpha takes the given values, with the ends exactly at T and eps."""
    return [sde.T, *(sde.time_at(r) for r in ratios[1:-1]), sde.eps]


def log_snr(n: int, sde: SDE) -> list[float]:
    """Equal steps in the log signal-to-noise ratio (Lu et al. 2022, DPM-Solver)."""
    high, low = math.log(sde.noise_level(sde.T)), math.log(sde.noise_level(sde.eps))
    return _times_of_ratios([math.exp(high + (low - high) * i / n) for i in range(n + 1)], sde)


def edm(n: int, sde: SDE, rho: float = 7.0) -> list[float]:
    """Equal steps in (sigma/alpha)^(1/7) (Karras et al. 2022, eq. 5)."""
    high, low = sde.noise_level(sde.T) ** (1 / rho), sde.noise_level(sde.eps) ** (1 / rho)
    return _times_of_ratios([(high + (low - high) * i / n) ** rho for i in range(n + 1)], sde)


GRIDS: dict[str, tuple[str, Callable[[int, SDE], list[float]]]] = {
    "uniform": ("Uniform", uniform),
    "quadratic": ("Quadratic", quadratic),
    "log_snr": ("log-SNR", log_snr),
    "edm": ("EDM ρ = 7", edm),
}


def times(name: str, n: int, sde: SDE) -> list[float]:
    """The grid called `name`: n+1 strictly falling times from T to eps."""
    return GRIDS[name][1](n, sde)
