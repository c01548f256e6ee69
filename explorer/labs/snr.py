"""The signal-to-noise ratio of correctors on a Gaussian: predicted and measured, to its limit and past it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis.equilibrium import Run, measure, stationary
from explorer.base.params import param
from explorer.experiment.resolution import IN_USE
from explorer.figures.figure import Figure, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report

#: Where the curve over snr is measured.
SWEEP = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
#: Colour and name of each corrector.
RULES = {"ald": ("error", "annealed (fixed ε)"), "langevin": ("accent", "snr rule (ε by ∥s∥)")}


@LABS.register("snr", title="Signal to noise of correctors", order=60)
@dataclass(frozen=True)
class SignalToNoise(Lab):
    """The stationary variance of both correctors on N(0, sigma² I) against snr."""

    section = "langevin"
    main = ("Where the variance settles",)
    for_pictures = True
    about = (
        "A corrector should leave pₜ as it is. On one Gaussian, whose score is −x/σ², what it does can be worked "
        "out: both rules leave it too wide, by a factor that snr decides, for the snr rule also how many particles its "
        "step is an average over. From snr = 1 on neither rests: the "
        "annealed rule diverges, the snr rule swings between too narrow and too wide."
    )
    equation = (
        r"\frac{v}{\sigma^2} = \frac{1}{1 - \mathrm{snr}^2} \;\text{(annealed)},\quad "
        r"1 + \mathrm{snr}^2 + \frac{4}{n d} \;\text{(snr rule)}"
    )
    source = "Song et al. 2021, Algorithms 4, 5 and appendix G"

    snr: float = param(
        0.4, "Signal to noise", symbol="snr", low=0.02, high=1.5, minimum=0.001, maximum=3.0,
        help="Sets the corrector's step. 0.05–0.35 is usual; 1 is the limit of both rules.",
        equation="ε = 2(snr σ)²  |  ε = 2(snr∥z∥/∥s∥)²",
    )  # fmt: skip
    moves: int = param(
        200, "Moves", symbol="M", low=50, high=2000, minimum=4, maximum=20000, log=True,
        help="Corrector moves at one noise level. A small snr needs about 1/snr² of them to settle.",
        equation="v ← (1 − ε/σ²)² v + 2ε",
    )  # fmt: skip
    time: float = param(
        0.5, "Noise level", symbol="t", low=0.01, high=1.0, minimum=1e-4, maximum=1.0,
        help="The σ(t) of the experiment's SDE. In units of σ² nothing depends on it.", equation="N(0, σ(t)² I)",
    )  # fmt: skip
    dimension: int = param(
        2, "Dimension", symbol="d", low=1, high=64, minimum=1, maximum=4096, log=True,
        help="Of the Gaussian. The snr rule, whose step is an average over n particles, leaves 4/(nd) more.",
        equation="x ∈ ℝᵈ",
    )  # fmt: skip
    particles: int = param(
        2000, "Particles", symbol="n", low=100, high=10000, minimum=10, maximum=100000, log=True,
        help="The measured variance is uncertain by about 2/√(nd).",
        equation="variance (1 ± 2/√(nd))",
    )  # fmt: skip

    score_used = IN_USE["exact"]

    @classmethod
    def quick(cls) -> SignalToNoise:
        return cls(particles=200, moves=50)

    def reports(self, context: Context) -> Iterator[Report]:
        now = [self._run(context, rule, self.snr) for rule in RULES]
        swept: list[Run] = []
        yield self._report(now, swept, 1 / (1 + len(SWEEP)))
        for i, snr in enumerate(SWEEP, start=2):
            swept += [self._run(context, rule, snr) for rule in RULES]
            yield self._report(now, swept, i / (1 + len(SWEEP)))

    def _run(self, context: Context, rule: str, snr: float) -> Run:
        e = context.experiment
        return measure(e.sde, self.time, rule, snr, self.moves, (self.particles, self.dimension), e.seed)

    def _report(self, now: list[Run], swept: list[Run], progress: float) -> Report:
        figures = (self._against_snr(now + swept), self._against_moves(now), _table(now))
        arrays = {
            f"{run.rule}_{part}": getattr(run, part) for run in now for part in ("measured", "predicted")
        }
        return Report(figures, progress, _words(now), arrays)

    def _against_snr(self, runs: list[Run]) -> Figure:
        axis = np.concatenate([np.linspace(0.0, 0.99, 199), np.linspace(1.0, max(1.2, self.snr), 20)])
        series = []
        for rule, (role, name) in RULES.items():
            law = np.array([stationary(rule, s, self.particles * self.dimension) for s in axis])
            series.append(Series(f"{name}, predicted", axis, law, role))
            mine = sorted(
                (r for r in runs if r.rule == rule and (r.settles or rule != "ald")), key=lambda r: r.snr
            )
            settled = np.array([r.settled for r in mine]).reshape(-1, 2)
            at = np.array([r.snr for r in mine])
            series.append(
                Series(f"{name}, measured", at, settled[:, 0], role, "none", True, error=settled[:, 1])
            )
        marks = ((self.snr, f"snr = {self.snr:.3g}"), (1.0, "limit"))
        return Plot("Where the variance settles", "snr", "v/σ²", tuple(series), log_y=True, marks=marks)

    def _against_moves(self, runs: list[Run]) -> Figure:
        series = []
        for run in runs:
            role, name = RULES[run.rule]
            at = np.arange(len(run.measured), dtype=float)
            series.append(Series(f"{name}, measured", at, run.measured, role))
            series.append(Series(f"{name}, predicted", at, run.predicted, "muted", "dash"))
        return Plot(
            "Variance from move to move",
            "move",
            "v/σ²",
            tuple(series),
            log_y=not all(r.settles for r in runs),
        )


def _table(runs: list[Run]) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for run in runs:
        name = RULES[run.rule][1]
        if run.settles:
            rows.append((name, "variance v/σ²", run.rest, *run.settled))
        elif run.rule == "ald":
            rows.append((name, "growth of v per move", run.law.growth, run.growth, math.nan))
        else:
            rows.append((name, "mean of the swinging v/σ²", run.law.settled[0], *run.settled))
    return Table(
        f"At snr = {runs[0].snr:.3g}", ("Rule", "Quantity", "Predicted", "Measured", "±"), tuple(rows)
    )


def _words(runs: list[Run]) -> str:
    annealed, adaptive = runs
    snr = annealed.snr
    if annealed.settles:
        said = (
            f"{name} at {run.settled[0]:.3f} ± {run.settled[1]:.3f} σ² (predicted {run.rest:.3f})"
            for name, run in (("the annealed rule settles", annealed), ("the snr rule", adaptive))
        )
        return f"At snr = {snr:.3g} {', '.join(said)}."
    low, high = (float(f(adaptive.measured[-20:])) for f in (np.min, np.max))
    return (
        f"At snr = {snr:.3g} each move of the annealed rule multiplies x by {1 - 2 * snr**2:.3g}: its variance grows "
        f"{annealed.growth:.3f} times a move (predicted {annealed.law.growth:.3f}), without end. The snr rule "
        f"does not diverge, but overshoots: its variance swings between {low:.2f} and {high:.2f} σ², about "
        f"1 + snr² = {1 + snr**2:.2f}."
    )
