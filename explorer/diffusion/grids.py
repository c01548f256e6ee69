"""Time grids: functions (n, sde) -> n+1 falling times from T to eps."""

from __future__ import annotations

import math
from collections.abc import Callable

from explorer.diffusion.sdes.base import SDE


def uniform(n: int, sde: SDE) -> list[float]:
    """Equal steps in t ([S21] Algorithms 2 and 3)."""
    return _spaced(n, sde, sde.T, sde.eps, lambda t: t)


def quadratic(n: int, sde: SDE) -> list[float]:
    """Equal steps in sqrt(t): finer towards the data (Song et al. 2020, DDIM, appendix D.2)."""
    return _spaced(n, sde, math.sqrt(sde.T), math.sqrt(sde.eps), lambda root: root**2)


def log_snr(n: int, sde: SDE) -> list[float]:
    """Equal steps in the log signal-to-noise ratio (Lu et al. 2022, DPM-Solver)."""
    high, low = math.log(sde.noise_level(sde.T)), math.log(sde.noise_level(sde.eps))
    return _spaced(n, sde, high, low, lambda log: sde.time_at(math.exp(log)))


def edm(n: int, sde: SDE, rho: float = 7.0) -> list[float]:
    """Equal steps in (sigma/alpha)^(1/7) (Karras et al. 2022, eq. 5)."""
    high, low = sde.noise_level(sde.T) ** (1 / rho), sde.noise_level(sde.eps) ** (1 / rho)
    return _spaced(n, sde, high, low, lambda root: sde.time_at(root**rho))


def _spaced(n: int, sde: SDE, high: float, low: float, time: Callable[[float], float]) -> list[float]:
    """time(v) for n+1 equally spaced v from high to low; the ends are T and eps to the last bit."""
    return [sde.T, *(time(high + (low - high) * i / n) for i in range(1, n)), sde.eps]


GRIDS: dict[str, tuple[str, Callable[[int, SDE], list[float]]]] = {
    "uniform": ("Uniform", uniform),
    "quadratic": ("Quadratic", quadratic),
    "log_snr": ("log-SNR", log_snr),
    "edm": ("EDM ρ = 7", edm),
}


def times(name: str, n: int, sde: SDE) -> list[float]:
    """The grid called `name`: n+1 strictly falling times from T to eps."""
    return GRIDS[name][1](n, sde)
