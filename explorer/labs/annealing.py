"""Annealed Langevin dynamics taken apart: the ladder of noise levels, the field of one, how far each mixes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.data.distributions import Mixture
from explorer.data.metrics import Reference
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.sdes import SDE
from explorer.diffusion.simulate import annealing_times, simulate
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.figures.views import Scene, compose
from explorer.labs.base import LABS, Context, Lab, Report

#: Frames between two reports.
PULSE = 40
#: Half the height of the picture, in view units.
HALF = 3.0


@dataclass(frozen=True)
class Level:
    """One rung: its number from 1, its time, noise level sigma/alpha, step α_i and x's own scale."""

    number: int
    t: float
    noise: float
    step: float
    std: float


@dataclass(frozen=True)
class Mixing:
    """What the T moves of a level did.

    `kept`: slope of x/alpha after against before; `predicted`: the same on one Gaussian of the data's size;
    `changed`: share of the particles that are of another class than before; `distance`, `floor`: sliced Wasserstein
    distance to one large draw of the level, and that of as many new draws, in standard deviations of the level.
    """

    kept: float
    predicted: float
    changed: float
    distance: float
    floor: float


@dataclass(eq=False)
class Descent:
    """The last frame of each level so far, and what the level did."""

    levels: list[Level]
    ends: list[Frame] = field(default_factory=list)
    mixing: list[Mixing] = field(default_factory=list)


@LABS.register("annealing", title="Annealed Langevin", order=40)
@dataclass(frozen=True)
class Annealing(Lab):
    """Song & Ermon's Algorithm 1 with L, ε and T in hand."""

    section = "langevin"
    main = ("Field of level",)
    about = (
        "Langevin moves at L noise levels from large to small. Where the noise is large the modes are one and the "
        "particles forget where they were; where it is small each stays in its mode and only settles there. "
        "The field shown is that of the level nearest to the playhead."
    )
    equation = (
        r"x \leftarrow x + \score{\frac{\alpha_i}{2} s(x, \sigma_i)} + \noise{\sqrt{\alpha_i}\, z},\quad "
        r"\alpha_i = \epsilon\, \sigma_i^2/\sigma_L^2"
    )
    source = "Song & Ermon 2019, Algorithm 1"
    follows = True

    levels: int = param(
        16, "Noise levels", symbol="L", low=2, high=50, minimum=1, maximum=1000,
        help="Their σ fall in equal ratios; the closer, the more each level's distribution overlaps with the next.",
        equation="σ₁/σ₂ = … = σ_{L−1}/σ_L > 1",
    )  # fmt: skip
    step: float = param(
        0.5, "Step size", symbol="ε", unit="σ_L²", low=0.005, high=2.0, minimum=1e-6, maximum=100.0, log=True,
        help="In units of the last level's variance: 0.2 is Song & Ermon's 2·10⁻⁵ at σ_L = 0.01. The "
            "distribution comes out "
        "1/(1 − ε/4) too wide; from 4 on it diverges.",
        equation="αᵢ = ε σᵢ²/σ_L²",
    )  # fmt: skip
    level_steps: int = param(
        30, "Steps per level", symbol="T", low=1, high=200, minimum=1, maximum=2000,
        help="Moves at each level; on noise alone a level keeps (1 − ε/2)^T of where it was.",
        equation="x ← x + (αᵢ/2) s + √αᵢ z, T times",
    )  # fmt: skip
    particles: int = param(
        500, "Particles", symbol="n", low=100, high=5000, minimum=10, maximum=100000, log=True,
        help="How many go down the ladder.",
        equation="xᵢ, i = 1…n",
    )  # fmt: skip
    arrows: int = param(
        24, "Arrows", low=8, high=40, minimum=2, maximum=80, advanced=True,
        help="Of the field, along the height of the image.",
        symbol="m", equation="s(x, σᵢ) on a grid m high",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> Annealing:
        return cls(levels=4, level_steps=4, particles=100, arrows=8)

    def reports(self, context: Context) -> Iterator[Report]:
        context = context.free
        e = context.experiment
        descent = Descent(ladder(e, self.levels, self.step))
        here = nearest(descent.levels, e.sde, context.t)
        yield self._report(context, descent, here, 0.0)
        sampler = Sampler(
            mode="annealed", particles=self.particles, levels=self.levels, level_steps=self.level_steps,
            annealed_step=self.step,
        )  # fmt: skip
        before: Frame | None = None
        for frame in simulate(e.sde, sampler, context.resolved.score, e.data.mixture, e.seed):
            before = before or frame
            if frame.step and frame.step % self.level_steps == 0:
                level = descent.levels[len(descent.ends)]
                descent.ends.append(frame)
                descent.mixing.append(self._mixing(e, level, before, frame))
                before = frame
                yield self._report(context, descent, here, len(descent.ends) / self.levels)
            elif frame.step % PULSE == 0:
                yield self._report(context, descent, here, min(frame.step / frame.steps, 0.999))

    def _mixing(self, e: Experiment, level: Level, before: Frame, after: Frame) -> Mixing:
        mixture = e.data.mixture
        a, b = (f.x / f.alpha - (f.x / f.alpha).mean(axis=0) for f in (before, after))
        law = Reference(mixture.diffused(after.alpha, after.sigma))
        rate = 0.5 * level.step / level.std**2
        return Mixing(
            kept=float((a * b).sum() / (a * a).sum()),
            predicted=(1 - rate) ** self.level_steps if 0 <= rate <= 2 else math.nan,
            changed=_changed(mixture, before, after),
            distance=law.sliced_wasserstein(after.x) / level.std,
            floor=law.floor("sliced_wasserstein", len(after.x), 4).mean / level.std,
        )

    def _report(self, context: Context, descent: Descent, here: Level, progress: float) -> Report:
        figures = [self._field(context, descent, here), _ladder(descent.levels, here)]
        if descent.mixing:
            figures += _mixing_plots(descent, here)
        figures.append(_table(descent))
        arrays = {
            "noise": np.array([level.noise for level in descent.levels]),
            "step": np.array([level.step for level in descent.levels]),
        }
        return Report(tuple(figures), progress, self._words(descent, here), arrays)

    def _field(self, context: Context, descent: Descent, here: Level) -> Figure:
        """The stage's own layers at this level: density, field, and the particles once they are there."""
        e = context.experiment
        alpha, sigma = e.sde.marginal(here.t)
        there = len(descent.ends) >= here.number
        frame = (
            descent.ends[here.number - 1]
            if there
            else Frame(np.empty((0, e.data.dim), np.float32), here.t, alpha, sigma, 0, 0, 0)
        )
        look = Look(arrows=self.arrows, trails=False, moves=False, particles=there)
        flat = e.data.dim == 1
        bounds = (0.0, 1.0, -HALF, HALF) if flat else (-HALF, HALF, -HALF, HALF)
        scene = Scene(e, look, (frame,), context.resolved.score, bounds)
        r = scene.scale(here.t)
        labels = ("t", "x/r") if flat else ("x₁/r", "x₂/r")
        return Picture(
            f"Field of level {here.number} of {len(descent.levels)}, σ/α = {here.noise:.3g}", compose(scene),
            bounds, *labels, square=not flat, about=f"r = √(α² + σ²) = {r:.3g}: unit data under this noise.",
        )  # fmt: skip

    def _words(self, descent: Descent, here: Level) -> str:
        ratio = "" if self.levels == 1 else (
            f" Each level has {descent.levels[0].noise / descent.levels[1].noise:.3g} times the noise of the next."
        )  # fmt: skip
        said = (
            f"Level {here.number} has σ/α = {here.noise:.3g} and takes steps of α = {here.step:.3g}.{ratio}"
        )
        if not descent.mixing:
            return said
        note = next((frame.note for frame in descent.ends if frame.note), "")
        if note:
            return f"{said} {note}"
        last = descent.mixing[-1]
        mixed = [level for level, m in zip(descent.levels, descent.mixing, strict=False) if abs(m.kept) < 0.5]
        down_to = f"down to σ/α = {mixed[-1].noise:.2g}" if mixed else "on no level"
        return (
            f"{said} The particles forget more than half of where they were {down_to}; at the last level they are "
            f"{last.distance:.2g} standard deviations from the distribution (draws of it: {last.floor:.2g})."
        )


def ladder(e: Experiment, count: int, step: float) -> list[Level]:
    """The levels of Algorithm 1 under the experiment's SDE; α_i = step sigma_i², in x's own units."""
    levels = []
    for i, t in enumerate(annealing_times(e.sde, count), start=1):
        alpha, sigma = e.sde.marginal(t)
        spread = e.data.mixture.spread(alpha, sigma)
        levels.append(Level(i, t, e.sde.noise_level(t), step * sigma**2, spread))
    return levels


def nearest(levels: list[Level], sde: SDE, t: float) -> Level:
    """The level whose noise is nearest to that of time t."""
    now = sde.noise_level(min(max(t, 1e-5), sde.T))
    return min(levels, key=lambda level: abs(math.log(level.noise / now)))


def _changed(mixture: Mixture, before: Frame, after: Frame) -> float:
    """The chance that a particle's class (component where there are none), drawn from p(class | x_t), is another."""
    of = mixture.responsibilities if mixture.labels is None else mixture.class_probabilities
    p, q = (of(torch.from_numpy(f.x), f.alpha, f.sigma) for f in (before, after))
    return max(0.0, 1 - float((p * q).sum(dim=1).mean()))


def _ladder(levels: list[Level], here: Level) -> Figure:
    numbers = np.array([float(level.number) for level in levels])
    series = (
        Series("noise level σᵢ/α", numbers, np.array([v.noise for v in levels]), "noise", points=True),
        Series("step αᵢ", numbers, np.array([v.step for v in levels]), "score", points=True),
        Series("scale of x", numbers, np.array([v.std for v in levels]), "muted", "dash"),
    )
    return Plot("The ladder", "level i", "", series, log_y=True, marks=((here.number, "shown"),))


def _mixing_plots(descent: Descent, here: Level) -> list[Figure]:
    numbers = np.array([float(level.number) for level in descent.levels[: len(descent.mixing)]])

    def column(name: str) -> np.ndarray:
        return np.array([getattr(m, name) for m in descent.mixing])

    mixes = (
        Series("kept of where they were (slope)", numbers, column("kept"), "accent", points=True),
        Series("kept on one Gaussian, (1 − αᵢ/2v)^T", numbers, column("predicted"), "muted", "dash"),
        Series("changed to another mode", numbers, column("changed"), "noise", points=True),
    )
    distances = (
        Series("particles to pₜ", numbers, column("distance"), "error", points=True),
        Series("draws of pₜ to pₜ", numbers, column("floor"), "muted", "dot"),
    )
    marks = ((here.number, "shown"),)
    return [
        Plot("How far each level mixes", "level i", "share", mixes, marks=marks),
        Plot(
            "Distance to the level's distribution",
            "level i",
            "sliced W₁ / std",
            distances,
            log_y=True,
            marks=marks,
        ),
    ]


def _table(descent: Descent) -> Table:
    columns = ("i", "t", "σᵢ/α", "αᵢ", "kept", "on a Gaussian", "changed", "distance", "floor")
    none = Mixing(*(math.nan,) * 5)
    done = [*descent.mixing, *[none] * (len(descent.levels) - len(descent.mixing))]
    rows = tuple(
        (v.number, v.t, v.noise, v.step, m.kept, m.predicted, m.changed, m.distance, m.floor)
        for v, m in zip(descent.levels, done, strict=True)
    )
    return Table("Levels", columns, rows)
