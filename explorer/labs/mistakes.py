"""A well-known mistake beside the right way, from the same noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from explorer.base.params import param
from explorer.data.metrics import Reference, reference
from explorer.diffusion.samplers.mistakes import MISTAKES, Mistake
from explorer.diffusion.scores import Score
from explorer.diffusion.simulate import simulate
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Equation, Figure, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report

#: Particles of each run, frames between two reports.
PARTICLES, PULSE = 500, 60
NONE = MISTAKES["none"]()


@dataclass(frozen=True)
class Trace:
    """A run: t and the standard deviation over the particles at each frame, and where they end."""

    name: str
    t: np.ndarray
    std: np.ndarray
    end: np.ndarray
    law: Reference

    @cached_property
    def distance(self) -> float:
        """The energy distance of the end to the data."""
        return self.law.energy_distance(self.end)


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
        seen = self.mistake.seen_in(e.sampler, e.sde)
        equations = (
            Equation("Right", self.mistake.right),
            Equation("Wrong", self.mistake.wrong, f"{self.mistake.about} {self.mistake.why}"),
        )
        yield Report(equations, 0.02, seen)
        traces: list[Trace] = []
        for i, (name, mistake) in enumerate({"right": NONE, "wrong": self.mistake}.items()):
            for share, trace in self._run(e, score, name, mistake):
                figures = (*equations, *_measured(e, [*traces, trace]))
                yield Report(figures, 0.05 + 0.45 * (i + share), seen)
            traces.append(trace)
        right, wrong = traces
        words = (
            f"{seen} Here the spread ends at {right.std[-1]:.3g} where all is right and at "
            f"{wrong.std[-1]:.3g} with the mistake; the data distribution has {e.data.mixture.std:.3g}."
        )
        arrays = {"right": right.end, "wrong": wrong.end}
        yield Report((*equations, *_measured(e, traces)), 1.0, words, arrays)

    def _run(self, e: Experiment, score: Score, name: str, mistake: Mistake) -> Iterator[tuple[float, Trace]]:
        """(share, trace so far) now and then; the last is of the whole run."""
        sampler = replace(e.sampler, particles=self.particles, mistake=mistake)
        expected = max(sampler.expected_frames, PULSE)
        rows: list[tuple[float, float]] = []
        law = reference(e.data.mixture)
        for i, frame in enumerate(simulate(e.sde, sampler, score, e.data.mixture, e.seed), start=1):
            rows.append((frame.t, _spread(frame.x)))
            if i % PULSE == 0:
                yield min(i / expected, 1.0), _trace(name, rows, frame.x, law)
        yield 1.0, _trace(name, rows, frame.x, law)


def _trace(name: str, rows: list[tuple[float, float]], end: np.ndarray, law: Reference) -> Trace:
    t, std = np.array(rows).T
    return Trace(name, t, std, end, law)


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
        "Spread of the particles", "step" if still else "t, from data (0) to noise (1)",
        "standard deviation per coordinate", tuple(series), log_y=True,
    )  # fmt: skip
    return plot, _table(e, traces)


def _table(e: Experiment, traces: list[Trace]) -> Table:
    """Distances of the ends from the data; the last row is what as many points of the data come to."""
    law, n = reference(e.data.mixture), len(traces[0].end)
    ends = tuple((trace.name, _spread(trace.end), trace.distance) for trace in traces)
    floor = law.floor("energy_distance", n)
    rows = (*ends, ("points of the data (floor)", _spread(law.points), floor.mean))
    columns = ("run", "standard deviation", "energy distance to the data")
    about = (
        f"Energy distance of {n:,} particles to one draw of {law.size:,} points of the data; as many new points of "
        f"the data come to {floor.mean:.3g} ± {floor.std:.2g}."
    )
    return Table("Where the particles end", columns, rows, about)


def _spread(x: np.ndarray) -> float:
    return float(np.sqrt(x.astype(float).var(axis=0).mean()))
