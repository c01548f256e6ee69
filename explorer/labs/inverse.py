"""Inverse problems: the replacement method beside the exact posterior, and its bias measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.frames import Array
from explorer.diffusion.samplers import Sampler
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Handle, Picture, Plot, Series, Table
from explorer.figures.marks import Bounds
from explorer.figures.views.guidance import observed_line
from explorer.guidance.inpaint import Inpaint
from explorer.guidance.linear import Linear
from explorer.guidance.measurement import Measurement
from explorer.guidance.project import Project
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit import control_runs as runs

PROBLEMS = {
    "inpaint": "Inpainting: x₁ is known",
    "project": "Colourisation: a projection is known",
    "measurement": "A noisy measurement of it",
}
#: Numbers of steps at which the distance is measured.
STEPS = (10, 20, 50, 100, 200, 500)
#: Steps of the first, coarse runs.
FIRST = 30


@dataclass(frozen=True)
class Method:
    """One way to sample: words, role and line of its curve, the control's method, corrector moves a step."""

    words: str
    role: str
    line: str
    method: str
    corrections: int = 0


@dataclass(eq=False)
class Work:
    """What all parts of one report are made from, and what has been measured so far."""

    context: Context
    target: Mixture
    across: np.ndarray
    distances: runs.Distances
    steps: int = 0
    samples: dict[str, list[Array]] = field(default_factory=dict)
    by_steps: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)

    @property
    def plane(self) -> bool:
        return self.target.dim == 2


@LABS.register("inverse", title="Inverse problems", order=20)
@dataclass(frozen=True)
class Inverse(Lab):
    """A coordinate, a projection or a noisy measurement is known: the replacement method beside the posterior."""

    section = "control"
    main = ("Replacement:",)
    about = (
        "The replacement method overwrites what is known after each step and leaves the rest to the "
        "unconditional score. The posterior of a mixture is a mixture, so the truth stands beside it: more "
        "steps do not take the bias away, and correctors do only where the modes are still connected."
    )
    equation = r"\score{\nabla_x \log p_t(x\,|\,y)},\qquad y = a^{\top} x_0 + \noise{\sigma_y n}"
    source = "Song et al. 2021, appendix I; Chung et al. 2023 (DPS)"

    problem: str = param(
        "inpaint", "Known", choices=PROBLEMS,
        help="What is known of x₀.", equation="y = A x₀ + σ_y ε",
    )  # fmt: skip
    angle: float = param(
        30.0, "Direction", symbol="φ", unit="°", low=0.0, high=180.0, minimum=-360.0, maximum=360.0,
        visible=lambda lab: lab.problem != "inpaint", help="Of the projection a.", equation="a = (cos φ, sin φ)",
    )  # fmt: skip
    value: float = param(
        0.5, "Value", symbol="y", low=-3.0, high=3.0, minimum=-1e3, maximum=1e3,
        help="What was observed, in data units.", equation="aᵀx₀ = y",
    )  # fmt: skip
    std: float = param(
        0.3, "Noise of the measurement", symbol="σ_y", low=0.05, high=2.0, minimum=1e-3, maximum=100.0, log=True,
        visible=lambda lab: lab.problem == "measurement", help="Its standard deviation.",
        equation="y = A x₀ + σ_y ε",
    )  # fmt: skip
    steps: int = param(
        200, "Steps", symbol="N", low=10, high=500, minimum=2, maximum=2000, log=True,
        help="Of the runs in the images and the table.",
        equation="t_0 > t_1 > … > t_N",
    )  # fmt: skip
    corrections: int = param(
        2, "Corrector steps", symbol="M", low=1, high=10, minimum=1, maximum=100,
        help="Langevin moves after each step in the runs with correctors (snr of the sampler).",
        equation="[S21] Alg. 4, 5",
    )  # fmt: skip
    particles: int = param(
        600, "Particles", symbol="n", low=100, high=4000, minimum=20, maximum=20000, log=True,
        help="Of each run: the floor of the distance falls as 1/n.",
        equation="floor ∝ 1/n",
    )  # fmt: skip
    repeats: int = param(
        3, "Seeds", low=2, high=8, minimum=2, maximum=50,
        help="Runs behind each error bar.", symbol="S", equation="± s/√S",
    )  # fmt: skip

    def unfit(self, experiment: Experiment) -> str:
        return self._control("exact").refusal(experiment.data.mixture)

    @classmethod
    def quick(cls) -> Inverse:
        return cls(particles=40, steps=4, corrections=1, repeats=2)

    def _control(self, method: str) -> Linear:
        if self.problem == "inpaint":
            return Inpaint(value=self.value, method=method)
        if self.problem == "project":
            return Project(angle=self.angle, value=self.value, method=method)
        return Measurement(angle=self.angle, value=self.value, std=self.std, method=method)

    def _methods(self) -> tuple[Method, ...]:
        m, more = self.corrections, f"{self.corrections} corrector{'s' * (self.corrections > 1)}"
        found = [
            Method("replacement", "warn", "solid", "replacement"),
            Method(f"replacement, {more}", "corrector", "solid", "replacement", m),
            Method("exact posterior", "score", "solid", "exact"),
            Method(f"exact posterior, {more}", "score", "dash", "exact", m),
        ]
        if self.problem == "measurement":
            found.append(Method("Tweedie (DPS)", "noise", "solid", "tweedie"))
        return tuple(found)

    def reports(self, context: Context) -> Iterator[Report]:
        work = self._work(context.free)
        units = len(self._methods()) * (self.repeats + len(self._counts()) * self.repeats)
        done, work.steps = 0, min(self.steps, FIRST)
        for method in self._methods():
            work.samples[method.words] = [self._run(work, method, work.steps, context.experiment.seed)]
        yield (report := self._report(work, 0.01))
        full: dict[str, list[Array]] = {}
        for seed in runs.seeds(context.experiment.seed, self.repeats):
            for method in self._methods():
                full.setdefault(method.words, []).append(self._run(work, method, self.steps, seed))
                done += 1
                yield replace(report, progress=max(0.01, done / units))
            work.samples, work.steps = full, self.steps
            yield (report := self._report(work, done / units))
        for steps in self._counts():
            for method in self._methods():
                found = []
                for seed in runs.seeds(context.experiment.seed, self.repeats):
                    found.append(work.distances(self._run(work, method, steps, seed)))
                    done += 1
                    yield replace(report, progress=min(done / units, 0.999))
                row = (steps, *runs.mean_and_error(found))
                work.by_steps.setdefault(method.words, []).append(row)
            last = steps == self._counts()[-1]
            yield (report := self._report(work, 1.0 if last else done / units))

    def _counts(self) -> tuple[int, ...]:
        """The numbers of steps that are measured, up to what is asked for."""
        return tuple(n for n in STEPS if n <= self.steps) or (self.steps,)

    def _work(self, context: Context) -> Work:
        control = self._control("exact")
        target = control.target(context.experiment.data.mixture)
        a = np.array(control.known(target.dim).direction)
        across = np.array([-a[1], a[0]]) if target.dim == 2 else a
        return Work(context, target, across, runs.Distances(target, self.particles))

    def _sampler(self, context: Context, method: Method, steps: int) -> Sampler:
        return runs.reverse(context.experiment.sampler, self.particles, steps, method.corrections)

    def _run(self, work: Work, method: Method, steps: int, seed: int) -> Array:
        c = work.context
        sampler = self._sampler(c, method, steps)
        return runs.run(c.experiment, c.resolved, self._control(method.method), sampler, seed)

    # --- figures -------------------------------------------------------------------------------------------

    def _report(self, work: Work, progress: float) -> Report:
        pictures = (
            tuple(self._picture(work, m) for m in self._methods() if not m.corrections) if work.plane else ()
        )
        rows = self._rows(work)
        figures: tuple[Figure, ...] = (*pictures, self._posterior(work), *self._curves(work), _table(rows))
        return Report(figures, progress, self._words(work, rows), self._arrays(work))

    def _picture(self, work: Work, method: Method) -> Picture:
        mixture = work.context.experiment.data.mixture
        bounds = _wide(runs.bounds_of(mixture), self.value)
        known = self._control("exact").known(2)
        handles = (Handle(("value", ""), (self.value, 0.0), "x₁"),) if self.problem == "inpaint" else ()
        return Picture(
            f"{method.words.capitalize()}: {self.particles} samples in {work.steps} steps",
            (
                runs.density_image(mixture, bounds),
                *observed_line(bounds, known, 1.0),
                runs.cloud(work.samples[method.words][0], "text", 3.0, 0.6),
            ),
            bounds, "x₁", "x₂", handles=handles,
            about="The density is that of the data; the line is what is known.",
        )  # fmt: skip

    def _posterior(self, work: Work) -> Plot:
        """The law of what is not known, exact and sampled."""
        line = work.target.projected(work.across)
        drawn = {m: [x @ work.across for x in work.samples[m.words]] for m in self._methods()}
        joined = {m: np.concatenate(values) for m, values in drawn.items()}
        edges = runs.edges_for(line, *joined.values())
        xs = np.linspace(edges[0], edges[-1], 361)
        sampled = (runs.histogram(m.words, v, edges, m.role, m.line) for m, v in joined.items())
        return Plot(
            "The posterior of what is not known", "free coordinate" if work.plane else "x", "density",
            (Series("exact", xs, runs.law_on(line, xs, 0.01), "text"), *sampled),
            about="The runs of all seeds together.",
        )  # fmt: skip

    def _curves(self, work: Work) -> tuple[Plot, ...]:
        if not work.by_steps:
            return ()
        series = []
        for m in self._methods():
            if m.words in work.by_steps:
                n, distance, error = np.array(work.by_steps[m.words]).T
                series.append(Series(m.words, n, distance, m.role, m.line, points=True, error=error))
        n = np.array([row[0] for row in next(iter(work.by_steps.values()))])
        floor = Series(
            "floor: draws of the posterior", n, np.full(len(n), work.distances.floor), "muted", "dot"
        )
        return (
            Plot(
                "Distance to the exact posterior", "steps N", "energy distance", (*series, floor), log_x=True,
                log_y=True, about="The exact posterior's score errs by its steps alone; replacement is biased besides.",
            ),
        )  # fmt: skip

    def _rows(self, work: Work) -> list[tuple[str | float | int, ...]]:
        """method, NFE, mean error ± error, standard deviation error ± error, energy distance ± error."""
        mean, std = (float(work.target.mean @ work.across), _std(work.target, work.across))
        rows: list[tuple[str | float | int, ...]] = []
        for m in self._methods():
            samples = work.samples[m.words]
            means = runs.mean_and_error(
                [float((x @ work.across).mean(dtype=np.float64)) - mean for x in samples]
            )
            stds = runs.mean_and_error(
                [float((x @ work.across).std(dtype=np.float64)) - std for x in samples]
            )
            far = runs.mean_and_error([work.distances(x) for x in samples])
            sampler = self._sampler(work.context, m, work.steps)
            rows.append((m.words, sampler.steps * sampler.nfe_per_step, *means, *stds, *far))
        rows.append(("floor", 0, 0.0, std / self.particles**0.5, 0.0, 0.0, work.distances.floor, 0.0))
        return rows

    def _words(self, work: Work, rows: list[tuple[str | float | int, ...]]) -> str:
        by = {str(r[0]): r for r in rows}
        replaced, exact = by["replacement"], by["exact posterior"]
        corrected, many = rows[1], "s" * (self.corrections > 1)
        return (
            f"Energy distance to the exact posterior at N = {work.steps}: replacement {replaced[6]:.4f}, with "
            f"{self.corrections} corrector{many} a step {corrected[6]:.4f}, exact posterior score {exact[6]:.4f} "
            f"(floor {work.distances.floor:.4f}). Mean of the free coordinate off by {replaced[2]:+.3f} ± "
            f"{replaced[3]:.3f} under replacement and by {exact[2]:+.3f} ± {exact[3]:.3f} under the posterior's score."
        )

    def _arrays(self, work: Work) -> dict[str, np.ndarray]:
        by_steps = {f"distance of {k}": np.array(v) for k, v in work.by_steps.items()}
        return {f"samples of {k}": np.stack(v) for k, v in work.samples.items()} | by_steps


def _table(rows: list[tuple[str | float | int, ...]]) -> Table:
    return Table(
        "Errors of the free coordinate",
        ("method", "evaluations", "mean", "± ", "standard deviation", "±", "energy distance", " ±"),
        tuple(rows),
        about="Mean and standard deviation are those of the samples less the exact ones; ± are standard errors over "
        "the seeds (of the floor's mean: of so many exact draws).",
    )


def _std(mixture: Mixture, direction: np.ndarray) -> float:
    return float(np.sqrt(direction @ mixture.covariance @ direction))


def _wide(bounds: Bounds, value: float) -> Bounds:
    """Bounds that have room for a line at `value`."""
    half = max(bounds[1], 1.1 * abs(value))
    return (-half, half, -half, half)
