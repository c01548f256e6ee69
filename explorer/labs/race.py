"""The race of objectives: who learns the score fastest, by iterations and by the clock, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, make_dataclass, replace
from typing import Any

import numpy as np

from explorer.base.params import Validated, param, params
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.styles import style
from explorer.training.objectives import OBJECTIVES, Objective
from explorer.training.race import Lane, Race, gradient_variance, race

DEFAULT = ("esm", "ism", "ssm_vr", "dsm", "stable_targets")
#: Seconds that an iteration takes on one core, and a point of its batch.
STEP, STEP_POINT = 1.5e-3, 8e-6
#: Noise levels at which gradients are compared, and points in each batch for it.
LEVELS, POINTS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0), 64


class _Chosen(Validated):
    """Which objectives run: a yes or no for each that is registered."""

    name = "objectives"

    @property
    def names(self) -> list[str]:
        """Of those that run, in the order of the menu."""
        cls: Any = type(self)
        return [p.name for p in params(cls) if getattr(self, p.name)]

    @property
    def title(self) -> str:
        """Their names in the papers in a row, for captions."""
        return ", ".join(OBJECTIVES[name].short or OBJECTIVES[name].title for name in self.names)


#: A new objective has its switch here without a line of code.
Objectives = make_dataclass(
    "Objectives",
    [(n, bool, param(n in DEFAULT, c.title, help=c.about, equation=c.equation)) for n, c in OBJECTIVES.items()],
    bases=(_Chosen,), frozen=True,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Noise:
    """Gradient variances and their standard errors (levels,) of each objective, as far as they are known."""

    values: dict[str, list[float]]
    errors: dict[str, list[float]]


@LABS.register("race", title="Objective race", order=10)
@dataclass(frozen=True)
class ObjectiveRace(Lab):
    """Several objectives train the same network on the same data from the same first weights, in turns."""

    section = "learning"
    main = ("Fisher divergence by iterations",)
    about = (
        "The same network, data and first weights for every objective, trained in turns. The yardstick is the "
        "exact Fisher divergence. Explicit score matching knows the answer: it is the reference, no method."
    )
    equation = r"F = E_{\sigma}\,\sigma^2\,\|\score{s_\theta(x,\sigma)} - \nabla \log p_\sigma(x)\|^2"
    source = "Hyvärinen 2005; Vincent 2011; Song et al. 2019; Song & Ermon 2019; Xu et al. 2023"
    heavy = True

    objectives: _Chosen = param(
        Objectives, "Objectives", kind="spec", help="Who runs. The experiment's own keeps its parameters.",
    )  # fmt: skip
    iterations: int = param(
        600, "Iterations", symbol="N", low=50, high=5000, minimum=2, maximum=10**6, log=True,
        help="Steps of the optimiser for each; the learning rate rises and falls over all of them.",
        equation="θ ← θ − η ∇L, N times",
    )  # fmt: skip
    batch: int = param(
        512, "Batch", symbol="B", low=64, high=4096, minimum=4, maximum=10**5, log=True,
        help="Points in each step at the end; it starts at an eighth of that.",
        equation="∇L ≈ 1/B Σᵢ ∇lᵢ",
    )  # fmt: skip
    batches: int = param(
        24, "Batches for the variance", low=8, high=200, minimum=3, maximum=10_000, log=True, advanced=True,
        help=f"How many batches of {POINTS} points the scatter of the gradients is measured over.",
        symbol="m", equation="tr Cov ∇L over m batches",
    )  # fmt: skip

    score_used = "networks trained in the race"

    def seconds(self, experiment: Experiment) -> float:
        return len(self.objectives.names) * self.iterations * (STEP + STEP_POINT * self.batch)

    @classmethod
    def quick(cls) -> ObjectiveRace:
        chosen = Objectives(**{name: name in ("esm", "dsm") for name in OBJECTIVES})
        return cls(objectives=chosen, iterations=10, batch=64, batches=3)

    def unfit(self, experiment: Experiment) -> str:
        return "" if self.objectives.names else "Select at least one objective."

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        budget = replace(e.score.training, seconds=0.0, iterations=self.iterations, batch=self.batch)
        network = replace(e.score.network, classes=0)  # not every objective learns them
        noise = Noise({}, {})
        for state in race(e.data.mixture, e.sde, self._runners(e), network, budget, e.seed):
            yield Report(self._figures(state, noise), 0.8 * state.progress, _leader(state))
        best = min(state.lanes, key=lambda lane: lane.fisher[-1])
        weights = best.run.optimiser.weights()
        count = len(LEVELS) * len(state.lanes)
        for i, (level, lane) in enumerate((level, lane) for level in LEVELS for lane in state.lanes):
            value, error = gradient_variance(lane.run, weights, level, self.batches, POINTS, e.seed + 1)
            noise.values.setdefault(lane.objective.name, []).append(value)
            noise.errors.setdefault(lane.objective.name, []).append(error)
            figures = self._figures(state, noise)
            if i + 1 < count:
                yield Report(figures, 0.8 + 0.2 * (i + 1) / count, _leader(state))
        yield Report(figures, 1.0, _words(state, noise), _arrays(state, noise))

    def _runners(self, e: Experiment) -> list[Objective]:
        own = e.score.objective
        return [own if own.name == name else OBJECTIVES[name]() for name in self.objectives.names]

    def _figures(self, state: Race, noise: Noise) -> tuple[Figure, ...]:
        return (
            _course(state, "Fisher divergence by iterations", "iterations", lambda lane: lane.iterations),
            _course(state, "Fisher divergence by the clock", "seconds", lambda lane: lane.seconds),
            _by_level(state), _scatter(state, noise), _table(state, noise),
        )  # fmt: skip


# --- figures ---------------------------------------------------------------------------------------------


def _style(objective: Objective) -> tuple[str, str]:
    """Role and line of an objective, the same in every race."""
    return style(list(OBJECTIVES).index(objective.name))


def _course(state: Race, title: str, label: str, across: Any) -> Plot:
    series = tuple(
        Series(
            lane.objective.short,
            np.array(across(lane), float),
            np.array(lane.fisher),
            *_style(lane.objective),
        )
        for lane in state.lanes
    )
    return Plot(title, label, "E σ²∥s − ∇log p∥²", series, log_y=True)


def _by_level(state: Race) -> Plot:
    series = tuple(
        Series(lane.objective.short, state.level, lane.by_level, *_style(lane.objective))
        for lane in state.lanes if len(lane.by_level)
    )  # fmt: skip
    return Plot(
        "Loss by noise level", "noise level σ/α", "σ²∥s − ∇log p∥²", series, True, True,
        about="The Fisher divergence at each noise level, as the race stands.",
    )  # fmt: skip


def _scatter(state: Race, noise: Noise) -> Plot:
    series = []
    for lane in state.lanes:
        values, errors = (np.array(v.get(lane.objective.name, [])) for v in (noise.values, noise.errors))
        x = np.array(LEVELS[: len(values)])
        series.append(
            Series(lane.objective.short, x, values, *_style(lane.objective), points=True, error=errors)
        )
    return Plot(
        "Variance of the gradient", "noise level σ/α", "tr Cov of one point's gradient", tuple(series), True, True,
        about="At equal weights all losses have the same mean gradient: this is what they differ in.",
    )  # fmt: skip


def _table(state: Race, noise: Noise) -> Table:
    columns = ("Objective", "Fisher divergence", "ms a step", "seconds", "gradient variance")
    notes = " ".join(f"{lane.objective.short}: {lane.note}." for lane in state.lanes if lane.note)
    return Table("The race so far", columns, tuple(_row(lane, noise) for lane in state.lanes), about=notes)


def _row(lane: Lane, noise: Noise) -> tuple[str | float, ...]:
    known = noise.values.get(lane.objective.name, [])
    variance: str | float = float(np.mean(known)) if len(known) == len(LEVELS) else "–"
    divergence: str | float = lane.fisher[-1] if lane.fisher else "–"
    return lane.objective.title, divergence, lane.milliseconds, lane.spent, variance


def _arrays(state: Race, noise: Noise) -> dict[str, np.ndarray]:
    out = {"level": state.level, "gradient_level": np.array(LEVELS)}
    for lane in state.lanes:
        name = lane.objective.name
        out |= {
            f"{name}.{what}": np.array(getattr(lane, what)) for what in ("iterations", "seconds", "fisher")
        }
        out |= {f"{name}.by_level": lane.by_level, f"{name}.gradient_variance": np.array(noise.values[name])}
    return out


# --- words -----------------------------------------------------------------------------------------------


def _leader(state: Race) -> str:
    if not all(lane.fisher for lane in state.lanes):
        return ""
    best = min(state.lanes, key=lambda lane: lane.fisher[-1])
    return f"{best.objective.short} leads with a Fisher divergence of {best.fisher[-1]:.3g}."


def _words(state: Race, noise: Noise) -> str:
    by_name = {lane.objective.name: lane for lane in state.lanes}
    order = sorted(state.lanes, key=lambda lane: lane.fisher[-1])
    said = [
        "Fisher divergence at the end: "
        + ", ".join(f"{lane.objective.short} {lane.fisher[-1]:.3g}" for lane in order)
        + "."
    ]
    cheapest, dearest = (pick(state.lanes, key=lambda lane: lane.milliseconds) for pick in (min, max))
    if cheapest is not dearest:
        ratio = dearest.milliseconds / cheapest.milliseconds
        said.append(
            f"A step of {dearest.objective.short} takes {ratio:.1f} times as long as one of {cheapest.objective.short}."
        )
    if {"dsm", "stable_targets"} <= set(by_name):
        said.append(_stable(noise))
    return " ".join(said)


def _stable(noise: Noise) -> str:
    """How much less the gradients of stable targets scatter than those of denoising, and where."""
    ratios: Sequence[float] = np.divide(noise.values["stable_targets"], noise.values["dsm"]).tolist()
    i = int(np.argmin(ratios))
    return (
        f"Stable targets' gradients have {ratios[i]:.2g} times the variance of denoising at σ = {LEVELS[i]:g}, "
        f"and {ratios[0]:.2g} times at σ = {LEVELS[0]:g}."
    )
