"""Which noise for denoising score matching? Variance of its target against the bias of its answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from explorer.analysis.smoothing import Trade, noise_trade
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.data.distributions import Mixture
from explorer.experiment.resolution import IN_USE
from explorer.figures.figure import Figure, Picture, Plot, Series
from explorer.figures.views.base import lattice
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.fields import around, density_image, score_arrows

#: Ends of the noise levels of the curves, and points of the first, coarse report.
LOWEST, HIGHEST, COARSE = 0.01, 10.0, 200
#: Rows of arrows.
ARROWS = 19


@LABS.register("dsm_sigma", title="The one noise level of DSM", order=20)
@dataclass(frozen=True)
class DenoisingSigma(Lab):
    """The variance of the target -z/σ as σ falls, the bias of ∇ log p_σ as it grows, and both fields."""

    section = "learning"
    main = ("Variance against bias",)
    about = (
        "Denoising at one σ learns the score of p_σ, not of p. Small σ: the target −z/σ is almost all noise and "
        "its variance grows like d/σ². Large σ: the answer is that of blurred data. Drag σ."
    )
    equation = (
        r"\noise{\frac{1}{n} E\|\frac{z}{\sigma} + \nabla\log p_\sigma\|^2}"
        r" + \score{E\|\nabla\log\frac{p_\sigma}{p}\|^2}"
    )
    source = "Vincent 2011; the means are over x ~ p_σ"

    sigma: float = param(
        0.2, "Noise level", symbol="σ", low=0.01, high=3.0, minimum=LOWEST, maximum=HIGHEST, log=True,
        help="Standard deviation of the noise that is added to the data.", equation="x̃ = x + σ z",
    )  # fmt: skip
    averaged: int = param(
        256, "Targets averaged", symbol="n", low=1, high=100_000, minimum=1, maximum=10**9, log=True,
        help="How many targets at one place a regression averages, in effect: more of them allow a smaller σ.",
        equation="variance ∝ 1/n",
    )  # fmt: skip
    levels: int = param(
        31, "Levels", low=11, high=101, minimum=5, maximum=1000, advanced=True,
        help="Noise levels at which variance and bias are computed.",
        symbol="L", equation="L levels, even in log σ",
    )  # fmt: skip
    draws: int = param(
        2000, "Draws", low=200, high=20_000, minimum=50, maximum=10**6, log=True, advanced=True,
        help="Points that the means are over; the bars are their standard errors.",
        symbol="m", equation="± s/√m",
    )  # fmt: skip

    score_used = IN_USE["exact"]

    @classmethod
    def quick(cls) -> DenoisingSigma:
        return cls(levels=7, draws=100)

    def reports(self, context: Context) -> Iterator[Report]:
        mixture, seed = context.experiment.data.mixture, context.experiment.seed
        sigmas = np.geomspace(LOWEST, HIGHEST, self.levels)
        trade = _kept(mixture, tuple(sigmas), min(COARSE, self.draws), seed)
        fields = _fields(mixture, self.sigma)
        yield self._report(mixture, trade, fields, seed, 0.1)
        parts = [sigmas[i : i + 3] for i in range(0, len(sigmas), 3)]
        done: list[Trade] = []
        for part in parts:
            done.append(_kept(mixture, tuple(part), self.draws, seed))
            if len(done) < len(parts):
                yield self._report(mixture, trade, fields, seed, 0.1 + 0.9 * len(done) / len(parts))
        names = ("sigma", "variance", "variance_error", "bias", "bias_error", "signal")
        trade = Trade(*(np.concatenate([getattr(t, name) for t in done]) for name in names))
        yield self._report(mixture, trade, fields, seed, 1.0)

    def _report(
        self, mixture: Mixture, trade: Trade, fields: tuple[Figure, ...], seed: int, progress: float
    ) -> Report:
        here = noise_trade(
            mixture, [self.sigma], self.draws if progress == 1 else min(COARSE, self.draws), seed
        )
        figures = (self._trade(mixture, trade), self._shares(mixture, trade), *fields)
        return Report(figures, progress, self._words(trade, here), {**vars(trade)})

    def _trade(self, mixture: Mixture, trade: Trade) -> Plot:
        s, total = trade.sigma, trade.error(self.averaged)
        within = float(np.trace(mixture.covariance))
        return Plot(
            "Variance against bias", "noise level σ", "squared error of the score",
            (
                Series("variance of the target", s, trade.variance, "noise", error=trade.variance_error),
                Series("d/σ²", s, mixture.dim / s**2, "noise", "dot"),
                Series("tr Cov(x)/σ⁴", s, within / s**4, "muted", "dot"),
                Series("bias²", s, trade.bias, "score", error=trade.bias_error),
                Series(f"error of {self.averaged} targets", s, total, "accent", "dash"),
            ),
            True, True, ((self.sigma, f"σ = {self.sigma:.3g}"), (float(s[total.argmin()]), "least error")),
            about="Dotted: what the variance tends to for small and for large σ.",
        )  # fmt: skip

    def _shares(self, mixture: Mixture, trade: Trade) -> Plot:
        """With the weight sigma² the target -z has size d: this part of it is the score, the rest is noise."""
        s, d = trade.sigma, mixture.dim
        return Plot(
            "What the target is made of", "noise level σ", "part of E∥z∥² = d",
            (
                Series("noise: σ² × variance", s, s**2 * trade.variance / d, "noise"),
                Series("signal: σ² E∥∇ log p_σ∥²", s, s**2 * trade.signal / d, "score"),
            ),
            True, marks=((self.sigma, f"σ = {self.sigma:.3g}"),),
            about="The weight λ = σ² keeps the loss finite as σ → 0, but then nearly all of it is noise.",
        )  # fmt: skip

    def _words(self, trade: Trade, here: Trade) -> str:
        best = float(trade.sigma[trade.error(self.averaged).argmin()])
        variance, bias = float(here.variance[0]), float(here.bias[0])
        error = "variance" if variance / self.averaged > bias else "bias"
        return (
            f"At σ = {self.sigma:.3g} the target's variance is {variance:.3g} and the squared bias {bias:.3g}: of the "
            f"error of {self.averaged} averaged targets, {variance / self.averaged + bias:.3g}, most is {error}. "
            f"The least error is near σ = {best:.2g}."
        )


@lru_cache(maxsize=64)
def _kept(mixture: Mixture, sigmas: tuple[float, ...], draws: int, seed: int) -> Trade:
    """Kept, since the curves do not change while σ is dragged over them."""
    return noise_trade(mixture, sigmas, draws, seed)


def _fields(mixture: Mixture, sigma: float) -> tuple[Figure, ...]:
    """The score of p_sigma beside that of p: arrows, or curves where x has one coordinate."""
    return (_curves(mixture, sigma),) if mixture.dim == 1 else _pictures(mixture, sigma)


def _curves(mixture: Mixture, sigma: float) -> Plot:
    reach = 3.2 * mixture.std
    x = np.linspace(float(mixture.mean[0]) - reach, float(mixture.mean[0]) + reach, 401)
    at = torch.from_numpy(x)[:, None]
    noisy, clean = (mixture.score(at, 1.0, s)[:, 0].numpy() for s in (sigma, 0.0))
    series = (Series("∇ log p", x, clean, "muted", "dash"), Series("∇ log p_σ", x, noisy, "score"))
    return Plot("The field that is learned, and the one that is meant", "x", "score", series)


def _pictures(mixture: Mixture, sigma: float) -> tuple[Figure, ...]:
    bounds = around(mixture)
    xy = torch.from_numpy(lattice(bounds, ARROWS)[0])
    # both with the arrows of p's own scale: those of p_sigma are shorter
    largest = float(mixture.score(xy, 1.0, 0.0).norm(dim=1).quantile(0.98))
    return tuple(
        Picture(
            title,
            (
                density_image(mixture, 1.0, s, bounds),
                score_arrows(mixture, 1.0, s, bounds, ARROWS, largest=largest),
            ),
            bounds, "x₁", "x₂", about=about,
        )
        for title, s, about in (
            (f"∇ log p_σ at σ = {sigma:.3g}", sigma, "What denoising at this σ learns."),
            ("∇ log p", 0.0, "What is meant: the score of the data itself."),
        )
    )  # fmt: skip
