"""The noise schedules of all SDEs side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.diffusion.sdes import SDE, SDES
from explorer.experiment.schema import Experiment
from explorer.figures.figure import LINES, Numbers, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.styles import style


@LABS.register("schedules", title="Noise schedules", order=90)
@dataclass(frozen=True)
class Schedules(Lab):
    """alpha, sigma, g and log-SNR of every SDE against t; the one in use has its present parameters."""

    section = "see"
    main = ("Noise σ",)
    for_pictures = True
    about = (
        "How every SDE forgets: what is left of the data (α), how much noise is on it (σ), how fast noise comes "
        "in (g), and the log signal-to-noise ratio. The SDE of the experiment is the solid line."
    )
    equation = r"x_t = \drift{\alpha(t)\,x_0} + \noise{\sigma(t)\,z},\; \mathrm{SNR} = \alpha^2/\sigma^2"
    source = "Song et al. 2021, eq. 29–33"
    follows = True

    points: int = param(
        200, "Points", symbol="n", low=20, high=1000, minimum=3, maximum=10_000, log=True, advanced=True,
        help="At how many times each curve is computed.",
        equation="t_1 … t_n",
    )  # fmt: skip
    log_time: bool = param(
        False, "Logarithmic time", help="Shows what happens close to the data, where t is small.",
        equation="log t",
    )  # fmt: skip

    score_used = ""

    @classmethod
    def quick(cls) -> Schedules:
        return cls(points=20)

    def reports(self, context: Context) -> Iterator[Report]:
        sdes = processes(context.experiment)
        at = context.t
        ts = np.geomspace(1e-4, 1, self.points) if self.log_time else np.linspace(1e-4, 1, self.points)
        curves = {sde.title: _curves(sde, ts) for sde in sdes}
        figures = (
            self._plot("Signal α", "α(t)", ts, curves, 0, at),
            self._plot("Noise σ", "σ(t)", ts, curves, 1, at, log=True),
            self._plot("Diffusion coefficient g", "g(t)", ts, curves, 2, at, log=True),
            self._plot("Signal to noise", "log α²/σ²", ts, curves, 3, at),
            _table(sdes, at),
        )
        yield Report(figures, 1.0, _words(context.experiment.sde, at), {"t": ts})

    def _plot(
        self, title: str, label: str, ts: Numbers, curves: dict[str, Numbers], row: int, at: float,
        log: bool = False,
    ) -> Plot:  # fmt: skip
        series = tuple(
            Series(name, ts, values[row], style(i)[0], LINES[i % (len(LINES) - 1)])
            for i, (name, values) in enumerate(curves.items())
        )
        marks = ((at, f"t = {at:.2f}"),) if at >= ts[0] else ()
        return Plot(title, "t", label, series, self.log_time, log, marks)


def processes(experiment: Experiment) -> list[SDE]:
    """Every SDE, the experiment's own first and with its own parameters."""
    own = experiment.sde
    return [own, *(cls() for name, cls in SDES.items() if name != own.name)]


def _curves(sde: SDE, ts: Numbers) -> Numbers:
    """(4, n): alpha, sigma, g, log-SNR."""
    rows = [(*sde.marginal(t), sde.diffusion(t), sde.log_snr(t)) for t in map(float, ts)]
    return np.array(rows).T


def _table(sdes: list[SDE], t: float) -> Table:
    at = max(t, 1e-4)
    rows: list[tuple[str | float, ...]] = []
    for sde in sdes:
        now: list[float] = _curves(sde, np.array([at]))[:, 0].tolist()
        rows.append((sde.title, *now, sde.time_at(1.0)))
    columns = ("SDE", f"α({at:.2g})", f"σ({at:.2g})", f"g({at:.2g})", "log SNR", "t at SNR = 1")
    return Table("Current time", columns, tuple(rows))


def _words(sde: SDE, t: float) -> str:
    alpha, sigma = sde.marginal(max(t, 1e-4))
    left, noise = sde.marginal(1.0)
    return (
        f"{sde.title} at t = {t:.2f}: α = {alpha:.3g} of the data is left under noise of σ = {sigma:.3g}. Signal "
        f"and noise are equal at t = {sde.time_at(1.0):.3g}; at t = 1 the signal is "
        f"{20 * math.log10(max(left / noise, 1e-30)):.0f} dB against the noise."
    )
