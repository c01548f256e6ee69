"""From discrete chains to SDEs: the marginals of both, and their distance as the steps grow many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis import chains
from explorer.analysis.chains import Chain, Moments
from explorer.analysis.convergence import Slope, slope
from explorer.base.params import param
from explorer.diffusion.sdes import SDE
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report

#: Up to so many steps each one has a dot.
DOTS = 60
#: The divergence counts from here on: closer to the data sigma tends to 0, and it to infinity.
FROM = 0.1
#: Slopes are fitted to chains of at least so many steps: orders are limits.
ENOUGH = 100


@LABS.register("ladder", title="Chains become SDEs", order=10)
@dataclass(frozen=True)
class Ladder(Lab):
    """The marginals of a discrete chain over those of its SDE, and how far apart they are, against N."""

    section = "discrete"
    main = ("Noise σ",)
    about = (
        "SMLD adds noise in N steps up a ladder, DDPM fades and adds noise in N steps. Their marginals are drawn "
        "over those of the SDE that they tend to, and their distance falls as 1/N."
    )
    equation = (
        r"x_i = x_{i-1} + \noise{\sqrt{\sigma_i^2 - \sigma_{i-1}^2}\, z} \quad "
        r"x_i = \drift{\sqrt{1-\beta_i}\, x_{i-1}} + \noise{\sqrt{\beta_i}\, z}"
    )
    source = "Song et al. 2021, eq. 20–25 and appendix B"

    n: int = param(
        20, "Steps of the chain", symbol="N", low=5, high=1000, minimum=2, maximum=5000, log=True,
        help="SMLD took 10 noise levels, DDPM 1000 steps. Below 21 steps DDPM's β(t)/N reaches 1.",
        equation="βᵢ = β(i/N)/N",
    )  # fmt: skip
    chain: str = param(
        "paper", "Chain", choices={name: title for name, (title, _) in chains.CHAINS.items()},
        help="The paper's: SMLD where noise is only added, DDPM for VP, Euler–Maruyama for sub-VP, which has no "
        "chain of its own. From ratios of α: the chain that has the SDE's marginals for every N.",
        equation="[S21] eq. 20, 22",
    )  # fmt: skip
    most: int = param(
        1000, "Longest chain", low=200, high=2000, minimum=200, maximum=10_000, log=True, advanced=True,
        help="Up to which N the distance is measured.",
        symbol="N_max", equation="5 ≤ N ≤ N_max",
    )  # fmt: skip

    score_used = ""

    @classmethod
    def quick(cls) -> Ladder:
        return cls(most=200)

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        make = chains.CHAINS[self.chain][1]
        chain, data = make(e.sde, self.n), chains.moments(e.data.mixture.mean, e.data.mixture.covariance)
        first = (*_marginals(e.sde, chain), _betas(e.sde, chain))
        yield Report(first, 0.3, _trap(e.sde, chain))
        sizes = self._sizes()
        found = np.array([_distances(e.sde, make(e.sde, n), data) for n in sizes])
        fall, information = (slope(*_fitted(sizes, found[:, k])) for k in (0, 2))
        figures = (*first, _distance_plot(sizes, found, fall), _divergence_plot(sizes, found, information))
        rows = tuple((n, *map(float, row)) for n, row in zip(sizes, found, strict=True))
        table = Table(
            "Distance of the chain from its SDE",
            ("N", "W₂, mean over t", "W₂, largest", f"KL, mean over t ≥ {FROM:g}", "KL at t = 1"), rows,
            "W₂: of the Gaussian kernels given x₀, in mean square over the data. KL in nats.",
        )  # fmt: skip
        arrays = {
            "n": np.array(sizes),
            "distance": found,
            "alpha": chain.marginal[0],
            "sigma": chain.marginal[1],
        }
        yield Report((*figures, table), 1.0, _words(e, self, chain, data, fall, information), arrays)

    def _sizes(self) -> list[int]:
        return sorted({*chains.sizes(5, self.most, 16), self.n if self.n <= self.most else self.most})


def _marginals(sde: SDE, chain: Chain) -> tuple[Figure, Figure]:
    """alpha and sigma of both against t."""
    smooth = np.linspace(1e-4, 1, 300)
    curves = chains.law(sde, smooth)
    dots = len(chain.keep) <= DOTS
    figures = []
    for k, (symbol, what) in enumerate((("α", "Signal α"), ("σ", "Noise σ"))):
        series = (
            Series(f"{sde.title} SDE", smooth, curves[k], "muted"),
            Series(
                f"{chain.title}, N = {len(chain.keep)}", chain.times[1:], chain.marginal[k][1:],
                "accent", "none" if dots else "dash", points=dots,
            ),
        )  # fmt: skip
        figures.append(Plot(what, "t = i/N", symbol, series))
    return figures[0], figures[1]


def _betas(sde: SDE, chain: Chain) -> Plot:
    """The share of each step that is noise, as the chain has it and as it must be."""
    exact = chains.exact(sde, len(chain.keep))
    t, n = chain.times[1:], len(chain.keep)
    line = "none" if n <= DOTS else "solid"
    if sde.decay(0.5) == 0:
        pairs = ((chain.variance, "σᵢ² − σᵢ₋₁²"), (exact.variance, "the same at t = i/N"))
        label, title, log = "variance of a step", "Noise that each step adds", True
    else:
        rate = np.array([-2 * sde.decay(float(u)) / n for u in t])
        pairs = ((rate, "β(i/N)/N"), (exact.beta, "1 − αᵢ²/αᵢ₋₁², from ratios"))
        label, title, log = "βᵢ", "β of each step: above 1 there is no √(1 − β)", False
    series = [
        Series(word, t, values, role, line, points=n <= DOTS)
        for (values, word), role in zip(pairs, ("noise", "score"), strict=True)
    ]
    if not log:
        series.append(Series("1", np.array([0.0, 1.0]), np.ones(2), "error", "dot"))
    return Plot(title, "t = i/N", label, tuple(series), log_y=log)


def _distances(sde: SDE, chain: Chain, data: Moments) -> tuple[float, ...]:
    """W₂ as mean and maximum over the chain, KL as mean over t >= FROM and at the end; nan where the chain ends."""
    truth, late = chains.law(sde, chain.times), chain.times >= FROM
    w = chains.wasserstein(chain.marginal, truth, data)[1:]
    kl = chains.divergence(chain.marginal, truth, data)
    return float(w.mean()), float(w.max()), float(kl[late].mean()), float(kl[-1])


def _fitted(sizes: list[int], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chains long enough for a fit, and whose distance is more than rounding."""
    good = (np.array(sizes) >= ENOUGH) & (values > 1e-12)
    return np.array(sizes)[good], values[good]


def _distance_plot(sizes: list[int], found: np.ndarray, fall: Slope) -> Plot:
    x = np.array(sizes, float)
    series = [
        Series("mean over t", x, _shown(found[:, 0]), "accent", "none", points=True),
        Series("largest", x, _shown(found[:, 1]), "noise", "none", points=True),
    ]
    if np.isfinite(fall.value):
        series.append(Series(f"slope {fall} (N ≥ {ENOUGH})", x, fall.line(x), "accent", "dash"))
    return Plot("Chain and SDE: distance", "N", "W₂", tuple(series), True, True)


def _divergence_plot(sizes: list[int], found: np.ndarray, fall: Slope) -> Plot:
    x = np.array(sizes, float)
    series = [Series(f"mean over t ≥ {FROM:g}", x, _shown(found[:, 2]), "score", "none", points=True)]
    if np.isfinite(fall.value):
        series.append(Series(f"slope {fall} (N ≥ {ENOUGH})", x, fall.line(x), "score", "dash"))
    return Plot("Chain and SDE: divergence", "N", "KL, nats", tuple(series), True, True)


def _shown(values: np.ndarray) -> np.ndarray:
    """On a logarithmic axis what is only rounding has no place."""
    return np.where(values > 1e-12, values, np.nan)


def _trap(sde: SDE, chain: Chain) -> str:
    """What becomes of DDPM's chain where beta passes 1."""
    n, last = len(chain.keep), chains.finite(chain)
    if last < n:
        beta = -2 * sde.decay((last + 1) / n) / n
        return (
            f"With N = {n} the chain ends at step {last}: β(i/N)/N is {beta:.4g} at i = {last + 1}, so √(1 − β) is "
            "not a number. β from ratios of α never passes 1. "
        )
    if (chain.keep == 0).any():
        return (
            f"With N = {n} the last β is exactly 1: that step forgets everything, and its reverse divides by "
            "√(1 − β) = 0. "
        )
    return ""


def _words(e: Experiment, lab: Ladder, chain: Chain, data: Moments, fall: Slope, information: Slope) -> str:
    mean, largest, _, _ = _distances(e.sde, chain, data)
    if not np.isfinite(fall.value):
        return (
            f"This chain has the SDE's marginals for every N: at N = {lab.n} they differ by {largest:.1g}, which is "
            "rounding."
        )
    now = (
        f"At N = {lab.n} the marginals are {mean:.3g} apart (W₂, mean over t). " if np.isfinite(mean) else ""
    )
    levels = chains.ladder_times(lab.n) if chain.title == "SMLD ladder" else None
    aligned = ""
    if levels is not None:
        own = chains.wasserstein(
            (chain.marginal[0][1:], chain.marginal[1][1:]), chains.law(e.sde, levels), data
        ).max()
        aligned = (
            " All of it is a matter of when: at t = (i − 1)/(N − 1) the ladder is the SDE"
            f" to {max(float(own), 1e-16):.0e}."
        )  # fmt: skip
    return (
        f"{_trap(e.sde, chain)}{now}The distance falls as N to the power {fall}: first order. The divergence, "
        f"quadratic in small differences, falls with {information}.{aligned}"
    )
