"""beta against beta-tilde: the two variances of DDPM's reverse step, and what each does to the samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.analysis import chains
from explorer.base.params import param
from explorer.diffusion import grids
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.samplers.ancestral import Ancestral
from explorer.diffusion.sdes import SDE
from explorer.diffusion.simulate import simulate
from explorer.figures.figure import Figure, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.pace import Pace

#: The two choices: key of the predictor's field -> word and role.
CHOICES = {"forward": ("forward", "noise"), "posterior": ("posterior", "score")}


@LABS.register("posterior_variance", title="Forward or posterior variance", order=30)
@dataclass(frozen=True)
class PosteriorVariance(Lab):
    """Both variances along the chain, and the variance of the samples that each leads to, against N."""

    section = "discrete"
    main = ("Variance of the reverse step",)
    about = (
        "DDPM's reverse step may put back the variance of the forward step or the smaller one of its posterior. "
        "The posterior's is right for data at one point, the forward step's under VP for data of unit variance; for "
        "other data neither is."
    )
    equation = r"\tilde\beta_i = \frac{1-\bar\alpha_{i-1}}{1-\bar\alpha_i}\,\noise{\beta_i}"
    source = "Ho et al. 2020, eq. 7 and section 3.2"

    n: int = param(
        20, "Steps", symbol="N", low=5, high=1000, minimum=2, maximum=2000, log=True,
        help="Of the chain whose variances are drawn. The two differ most where steps are few.",
        equation="βᵢ = 1 − αᵢ²/αᵢ₋₁²",
    )  # fmt: skip
    variance: float = param(
        0.0, "Variance of the data", symbol="v", low=0.0, high=2.0, minimum=0.0, maximum=100.0,
        help="Of Gaussian data for which the right variance is drawn, per coordinate. 0 stands for that of the "
        "experiment's data.",
        equation="Var[x′|x] = v′G²/v_t with v_t = α²v + σ²",
    )  # fmt: skip
    particles: int = param(
        2000, "Particles", symbol="n", low=200, high=10000, minimum=100, maximum=100_000, log=True,
        help="How many samples the measured variance is from.",
        equation="variance ± √(2/n) of itself",
    )  # fmt: skip
    most: int = param(
        320, "Largest N", low=20, high=1000, minimum=10, maximum=2000, log=True, advanced=True,
        help="Samples are drawn with 5, 10, 20, … steps up to this.",
        symbol="N_max", equation="N = 5, 10, 20, … ≤ N_max",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> PosteriorVariance:
        return cls(particles=200, most=20)

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        own = e.data.mixture.std**2
        variance = self.variance or own
        curves = _variances(e.sde, grids.times(e.sampler.grid, self.n, e.sde), variance)
        drawn = (_variance_plot(curves, variance), _ratio_plot(curves, variance))
        sizes = [n for n in (5 * 2**k for k in range(12)) if n <= self.most] or [self.most]
        truth = e.data.mixture.spread(*e.sde.marginal(e.sde.eps))
        predicted = {key: _predicted(context, sizes, key, own) for key in CHOICES}
        measured: dict[str, list[float]] = {key: [] for key in CHOICES}
        arrays = {"t": curves[0], "variances": curves[1:]}
        pace, report = Pace(), Report(drawn, 0.01, "", arrays)
        for i, n in enumerate(sizes):
            for key in CHOICES:
                spread = 0.0
                for frame in _samples(context, n, key, self.particles):
                    spread = float(np.sqrt(frame.x.astype(float).var(axis=0).mean()))
                    if pace.due():
                        yield report
                measured[key].append(spread)
            figures = (*drawn, *_sample_figures(sizes, measured, predicted, truth))
            words = _words(sizes[: i + 1], measured, truth, curves)
            report = Report(figures, (i + 1) / len(sizes), words, arrays)
            yield report


def _variances(sde: SDE, times: list[float], variance: float) -> np.ndarray:
    """(4, N): t, beta, beta-tilde and the right variance for Gaussian data, of the steps of a falling grid."""
    rows = [
        (
            t,
            chains.forward_variance(sde, t, u),
            *(chains.reverse_variance(sde, t, u, v) for v in (0.0, variance)),
        )
        for t, u in pairwise(times)
    ]
    return np.array(rows).T


def _variance_plot(curves: np.ndarray, variance: float) -> Plot:
    t, beta, tilde, right = curves
    series = (
        Series(CHOICES["forward"][0], t, beta, "noise", points=len(t) <= 60),
        Series(CHOICES["posterior"][0], t, tilde, "score", points=len(t) <= 60),
        Series(f"right for Gaussian data of variance {variance:.3g}", t, right, "text", "dash"),
    )
    return Plot("Variance of the reverse step", "t", "variance", series, log_y=True)


def _ratio_plot(curves: np.ndarray, variance: float) -> Plot:
    t, beta, tilde, right = curves
    series = (
        Series("posterior over forward", t, tilde / beta, "score", points=len(t) <= 60),
        Series(f"right / forward β, variance {variance:.3g}", t, right / beta, "text", "dash"),
        Series("1", np.array([t[-1], t[0]]), np.ones(2), "noise", "dot"),
    )
    return Plot("In units of the forward variance", "t", "share of β", series)


def _predicted(context: Context, sizes: list[int], key: str, variance: float) -> list[float]:
    """The standard deviation in closed form for Gaussian data of the same variance."""
    e = context.experiment
    return [
        chains.sampled_variance(
            Ancestral(variance=key), e.sde, grids.times(e.sampler.grid, n, e.sde), variance, e.sampler.denoise
        ) ** 0.5
        for n in sizes
    ]  # fmt: skip


def _samples(context: Context, n: int, key: str, particles: int) -> Iterator[Frame]:
    """The frames of a run with n steps, the last being its samples."""
    e = context.experiment
    sampler = Sampler(
        predictor=Ancestral(variance=key), steps=n, particles=particles, grid=e.sampler.grid,
        denoise=e.sampler.denoise,
    )  # fmt: skip
    return simulate(e.sde, sampler, context.resolved.score, e.data.mixture, e.seed)


def _sample_figures(
    sizes: list[int], measured: dict[str, list[float]], predicted: dict[str, list[float]], truth: float
) -> tuple[Figure, ...]:
    x = np.array(sizes, float)
    series = [Series("the data's", x, np.full(len(x), truth), "data", "dot")]
    for key, (word, role) in CHOICES.items():
        series.append(Series(f"{word}: Gaussian data", x, np.array(predicted[key]), role, "dash"))
        done = np.array(measured[key])
        series.append(Series(f"{word}: samples", x[: len(done)], done, role, "none", points=True))
    plot = Plot("Spread of the samples", "N", "standard deviation", tuple(series), log_x=True)
    rows = tuple(zip(sizes, *measured.values(), *predicted.values(), strict=False))
    words = [word for word, _ in CHOICES.values()]
    columns = ("N", *words, *(f"{word}, Gaussian data" for word in words))
    about = f"The data has {truth:.4f}. Gaussian data: in closed form."
    return plot, Table("Standard deviation of the samples", columns, rows, about)


def _words(sizes: list[int], measured: dict[str, list[float]], truth: float, curves: np.ndarray) -> str:
    few, many = sizes[0], sizes[-1]
    change = {key: [100 * (value / truth - 1) for value in values] for key, values in measured.items()}
    ratio = curves[2] / curves[1]
    where = "they differ near the data" if ratio[-1] < 0.9 * ratio[0] else "the same all the way"
    return (
        f"The posterior's variance is {ratio[0]:.3f} of the forward step's in the first step and {ratio[-1]:.3f} in "
        f"the last: {where}. With {few} steps the samples' spread is {change['forward'][0]:+.1f} % off with the "
        f"forward and {change['posterior'][0]:+.1f} % with the posterior variance; with {many}, "
        f"{change['forward'][-1]:+.1f} % and {change['posterior'][-1]:+.1f} %. The choice matters less, "
        "the more steps there are."
    )
