"""A well-known mistake beside the right way, from the same noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from explorer.experiment import Experiment
from explorer.figures import Equation, Figure, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.metrics import energy_distance
from explorer.params import param
from explorer.samplers.mistakes import MISTAKES, Mistake
from explorer.scores import Score
from explorer.simulate import simulate

#: Particles of each run, draws of the data that their ends are measured against, frames between two reports.
PARTICLES, DATA, PULSE = 500, 1000, 60
NONE = MISTAKES["none"]()


@dataclass(frozen=True)
class Trace:
    """A run: t and the standard deviation over the particles at each frame, and where they end."""

    name: str
    t: np.ndarray
    std: np.ndarray
    end: np.ndarray


@LABS.register("mistakes", title="Right and wrong", order=80)
@dataclass(frozen=True)
class RightAndWrong(Lab):
    """The sampler of the stage without and with a mistake: equations, spread over time, distance to the data."""

    section = "see"
    about = (
        "The well-known mistakes, one by one: the equation as it should be and as it is written wrongly, and what "
        "that does to the sampler of the stage, from the same noise."
    )
    equation = r"dx = [\drift{f} - \score{g^2 s}]\,dt + \noise{g\,d\bar w}"
    source = "Song et al. 2021, eq. 6"

    mistake: Mistake = param(
        MISTAKES["noise_dropped"], "Mistake", registry=MISTAKES, help="What is broken in the second run.",
        equation="the wrong equation",
    )  # fmt: skip
    particles: int = param(
        PARTICLES, "Particles", symbol="n", low=100, high=5000, minimum=10, maximum=100_000, log=True,
        help="Of each run.", advanced=True,
        equation="xᵢ, i = 1…n",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> RightAndWrong:
        return cls(particles=60)

    def unfit(self, experiment: Experiment) -> str:
        if not self.mistake.made:
            return "Nothing is broken: choose a mistake."
        return self.mistake.idle(experiment.sampler, experiment.sde)

    def reports(self, context: Context) -> Iterator[Report]:
        e, score = context.experiment, context.resolved.score
        equations = (
            Equation("Right", self.mistake.right),
            Equation("Wrong", self.mistake.wrong, f"{self.mistake.about} {self.mistake.why}"),
        )
        yield Report(equations, 0.02, self.mistake.seen)
        traces: list[Trace] = []
        for i, (name, mistake) in enumerate({"right": NONE, "wrong": self.mistake}.items()):
            for share, trace in self._run(e, score, name, mistake):
                figures = (*equations, *_measured(e, [*traces, trace]))
                yield Report(figures, 0.05 + 0.45 * (i + share), self.mistake.seen)
            traces.append(trace)
        right, wrong = traces
        words = (
            f"{self.mistake.seen} Here the spread ends at {right.std[-1]:.3g} where all is right and at "
            f"{wrong.std[-1]:.3g} with the mistake; the data distribution has {e.data.mixture.std:.3g}."
        )
        arrays = {"right": right.end, "wrong": wrong.end}
        yield Report((*equations, *_measured(e, traces)), 1.0, words, arrays)

    def _run(self, e: Experiment, score: Score, name: str, mistake: Mistake) -> Iterator[tuple[float, Trace]]:
        """(share, trace so far) now and then; the last is of the whole run."""
        sampler = replace(e.sampler, particles=self.particles, mistake=mistake)
        expected = max(sampler.expected_frames, PULSE)
        rows: list[tuple[float, float]] = []
        for i, frame in enumerate(simulate(e.sde, sampler, score, e.data.mixture, e.seed), start=1):
            rows.append((frame.t, float(np.sqrt(frame.x.astype(float).var(axis=0).mean()))))
            if i % PULSE == 0:
                yield min(i / expected, 1.0), _trace(name, rows, frame.x)
        yield 1.0, _trace(name, rows, frame.x)


def _trace(name: str, rows: list[tuple[float, float]], end: np.ndarray) -> Trace:
    t, std = np.array(rows).T
    return Trace(name, t, std, end)


def _measured(e: Experiment, traces: list[Trace]) -> tuple[Figure, ...]:
    still = e.sampler.mode == "langevin"
    series = [
        Series(trace.name, np.arange(float(len(trace.t))) if still else trace.t, trace.std, role)
        for trace, role in zip(traces, ("score", "error"), strict=False)
    ]
    if not still:
        ts = np.linspace(e.sde.eps, e.sde.T, 100)
        law = np.array([e.data.mixture.spread(*e.sde.marginal(float(t))) for t in ts])
        series.append(Series("pₜ", ts, law, "muted", "dash"))
    plot = Plot(
        "Spread of the particles", "step" if still else "t, from noise (1) to data (0)",
        "standard deviation per coordinate", tuple(series), log_y=True,
    )  # fmt: skip
    return plot, _table(e, traces)


def _table(e: Experiment, traces: list[Trace]) -> Table:
    """Distances of the ends from the data; the last row is what the data has from itself."""
    one, other = (e.data.sample(DATA, e.seed + i) for i in (1, 2))
    ends = {trace.name: trace.end for trace in traces} | {"draws of the data": other}
    rows = tuple(
        (name, float(np.sqrt(end.astype(float).var(axis=0).mean())), energy_distance(end, one))
        for name, end in ends.items()
    )
    columns = ("run", "standard deviation", "energy distance to the data")
    return Table(
        "Where the particles end", columns, rows, "Other draws of the data are the floor of the distance."
    )
