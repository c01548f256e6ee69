"""Errors of samplers against their steps: strong, weak, endpoint of the ODE, distance to the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis import convergence as study
from explorer.analysis.convergence import Curve, Method, MethodError, Point, Slope, Study
from explorer.base.params import ParamError, param, parts_of
from explorer.diffusion.grids import GRIDS
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Guide, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.pace import Pace, evaluating
from explorer.labs.toolkit.styles import style

#: The fewest and the most steps that may be asked for, and of how many.
LEAST, MOST, LEVELS = 1, 2000, 12
#: What is offered by its title, in the order of the registries; solvers that share a predictor's name as ode.NAME.
_OFFERED = study.titles(
    *parts_of(study.names_of("predictors")),
    *(name if name not in PREDICTORS else f"ode.{name}" for name in SOLVERS),
)
#: Scores in double precision take so many times as long as others.
DOUBLE = 2.0
#: References on one path: one with noise of the path's own, one for each other eta.
REFERENCES = 2


@LABS.register("convergence", title="Convergence", order=10)
@dataclass(frozen=True)
class Convergence(Lab):
    """Any set of samplers against steps or evaluations, with fitted orders beside the declared ones."""

    section = "solvers"
    about = (
        "How fast the error of each sampler falls with its steps. On double logarithmic axes an order is a slope: "
        "strong on one Brownian path, weak for averages, or the endpoint of the ODE."
    )
    equation = (
        r"\left(E\,\|x_N - x\|^2\right)^{1/2} \approx C N^{-\gamma} \quad "
        r"|E\varphi(x_N) - E\varphi(x)| \approx C N^{-\beta}"
    )
    source = "Kloeden & Platen 1992, section 9.6 and 9.7; Rößler 2010; Lu et al. 2022"
    heavy = True

    which: str = param(
        "predictors", "Samplers", choices=study.SETS,
        help="All that are registered of a kind, or those named below.",
    )  # fmt: skip
    named: str = param(
        "euler_maruyama, reverse_diffusion, ancestral, heun, rk4", "Which", visible=lambda s: s.which == "named",
        kind="many", choices=_OFFERED,
        help="In files and on the command line separated by commas: NAME, NAME(field=value), ode.NAME for a solver "
        "that shares its name with a "
        "predictor, PREDICTOR + CORRECTOR. Of the sampler eta, snr, corrector_steps may be set.",
    )  # fmt: skip
    measure: str = param(
        "strong", "Error", choices=study.MEASURES,
        help="Strong: each particle against a much finer run on its own Brownian path. Weak: averages of the cloud. "
        "Endpoint: without noise, against a tight solution of the ODE. Distance: of the cloud to the data.",
        equation="E ∥x_N − x∥ | |E g(x_N) − E g(x)| | W(p_N, p)",
    )  # fmt: skip
    axis: str = param(
        "steps", "Against", choices={"steps": "Steps", "nfe": "Evaluations of the score"},
        help="Methods with several evaluations a step look better against steps; time goes with evaluations.",
        equation="NFE = N · evaluations a step",
    )  # fmt: skip
    steps: str = param(
        "16, 32, 64, 128, 256", "Steps", symbol="N",
        help="Numbers of steps, rising. For strong and weak errors each must divide one path: doubles do. For an "
        "adaptive solver they stand for tolerances from 0.1 to 10⁻⁶.", equation="error ∝ N^(−order)",
    )  # fmt: skip
    seeds: int = param(
        3, "Seeds", low=1, high=10, minimum=1, maximum=100,
        help="Independent repetitions: bars are their standard error, intervals of slopes are from them.",
        symbol="S", equation="± s/√S",
    )  # fmt: skip
    particles: int = param(
        200, "Particles", symbol="n", low=50, high=5000, minimum=10, maximum=50_000, log=True,
        help="Weak errors and distances are means over the cloud and need more of them: 2000 or so.",
        equation="error of a mean ∝ 1/√n",
    )  # fmt: skip
    grid: str = param(
        "log_snr", "Time grid", choices={name: title for name, (title, _) in GRIDS.items()},
        help="Where the steps are put. With even steps in t most methods need many before their order shows: "
        "the score is stiff near the data.", equation="t_0 > t_1 > … > t_N",
    )  # fmt: skip
    average: str = param(
        "median", "Average", choices={"median": "Median", "rms": "Root mean square"},
        visible=lambda s: s.measure in ("strong", "endpoint"),
        help="Over the particles. Between modes paths part: the few that end in another mode rule the mean square, "
        "whose slope is then that of their share.", equation="√(Σᵢ eᵢ²/n) | median eᵢ",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            _ = self.counts, self.methods(Sampler())  # what is wrong with either is said here
        except MethodError as error:
            raise ParamError(f"convergence.named: {error}") from None

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of steps."""
        try:
            found = tuple(sorted({int(n) for n in self.steps.split(",") if n.strip()}))
        except ValueError:
            found = ()
        if not 1 <= len(found) <= LEVELS or not LEAST <= found[0] <= found[-1] <= MOST:
            raise ParamError(
                f"convergence.steps must be 1 to {LEVELS} whole numbers from {LEAST} to {MOST}, separated by commas, "
                f"not {self.steps[:40]!r}"
            )
        if self.measure in ("strong", "weak") and study.path_steps(found) > study.MOST:
            raise ParamError(
                f"convergence.steps: {self.steps} share no path of at most {study.MOST} steps; let each be twice the "
                "one before"
            )
        return found

    def methods(self, base: Sampler) -> tuple[Method, ...]:
        """The samplers that are compared; what their names leave open is as in `base`."""
        return study.parse(self.named if self.which == "named" else study.names_of(self.which), base)

    def unfit(self, experiment: Experiment) -> str:
        chosen = self.methods(experiment.sampler)
        if all(study.unfit(m, self.measure) for m in chosen):
            reason = study.unfit(chosen[0], self.measure)
            return f"Nothing to measure: {chosen[0].title}: {reason}. Choose another error or other samplers."
        return ""

    def seconds(self, experiment: Experiment) -> float:
        steps = sum(self.counts)
        calls = sum(m.nfe_per_step for m in self.methods(experiment.sampler)) * steps
        if self.measure in ("strong", "weak"):
            calls += REFERENCES * study.path_steps(self.counts)
        return DOUBLE * evaluating(experiment, self.seeds * calls, self.particles)

    @classmethod
    def quick(cls) -> Convergence:
        return cls(which="named", named="euler_maruyama, sra", steps="8, 16, 32", seeds=1, particles=20)

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        runs = Study(
            e.sde, context.resolved.score, e.data.mixture, self.methods(e.sampler), self.counts, self.measure,
            tuple(e.seed + i for i in range(self.seeds)), self.particles, self.grid, self.average,
        )  # fmt: skip
        points: list[Point] = []
        pace = Pace(0.3)
        for point in runs.points():
            if point is not None:
                points.append(point)
            if pace.due():
                yield self._report(runs, points)
        yield self._report(runs, points, done=True)

    def _report(self, runs: Study, points: list[Point], done: bool = False) -> Report:
        curves = study.curves(runs, points)
        plot, values = self._plot(runs, curves), _values(curves)
        figures = (
            (plot, values)
            if self.measure == "law"
            else (plot, _table(curves, self.measure, self.axis), values)
        )
        arrays = {"steps": np.array(self.counts), "errors": _array(points, runs)}
        words = _words(self, runs, curves) if done else f"{len(points)} of {runs.total} points."
        return Report(figures, 1.0 if done else 0.99 * len(points) / runs.total, words, arrays)

    def _fall(self, curve: Curve) -> Slope:
        """The slope, where the error is one that falls to nothing."""
        return Slope(math.nan, math.nan) if self.measure == "law" else curve.slope(self.axis)

    def _plot(self, runs: Study, curves: list[Curve]) -> Plot:
        series: list[Series] = []
        for i, curve in enumerate(curves):
            fall = self._fall(curve)
            name = curve.method.title + (f": slope {fall}" if math.isfinite(fall.value) else "")
            x = curve.x(self.axis)
            bars = curve.spread if np.isfinite(curve.spread).any() else None
            series.append(Series(name, x, curve.error, *style(i), points=True, error=bars))
        if self.measure == "law" and curves:
            ends = np.array([min(c.x(self.axis)[0] for c in curves), max(c.x(self.axis)[-1] for c in curves)])
            series.append(
                Series("new draws of data (floor)", ends, np.full(2, runs.floor.mean), "muted", "dot")
            )
        label = "steps N" if self.axis == "steps" else "evaluations of the score per particle (NFE)"
        title = study.MEASURES[self.measure]
        guides = () if self.measure == "law" else _guides(curves, self.axis)
        return Plot(title, label, study.AXES[self.measure], tuple(series), True, True, guides=guides)


def _guides(curves: list[Curve], axis: str) -> tuple[Guide, ...]:
    """Lines of slope −1, −2 and −4, as far as any curve is about so steep, from above the coarsest steps on."""
    found = [(c.x(axis), c.error) for c in curves]
    known = [(x[ok], error[ok]) for x, error in found if (ok := np.isfinite(error) & (error > 0)).sum() > 1]
    if not known:
        return ()
    first, last = min(x[0] for x, _ in known), max(x[-1] for x, _ in known)
    top = max(error[0] for _, error in known)
    steepest = max(-np.polyfit(np.log(x), np.log(error), 1)[0] for x, error in known)
    ends = np.array([first, last])
    return tuple(
        Guide(f"order {k}", ends, 1.2 * top * (ends / first) ** -k)
        for k in (1, 2, 4)
        if k <= max(2.0, steepest + 1)
    )


def _table(curves: list[Curve], measure: str, axis: str) -> Table:
    rows = []
    for c in curves:
        fall = c.slope(axis)
        order = study.declared(c.method, measure)
        rows.append(
            (c.method.title, order, -fall.value, fall.width, c.method.nfe_per_step, float(c.error[-1]))
        )
    columns = ("Sampler", "declared order", "measured order", "±", "NFE per step", "error, most steps")
    return Table(
        "Orders", columns, tuple(rows),
        "Measured over the finer half of the steps; ±: 95 % interval. Declared for a predictor: its strong order on "
        "the SDE; weak orders and those without noise are at least that.",
    )  # fmt: skip


def _values(curves: list[Curve]) -> Table:
    rows = tuple(
        (c.method.title, int(n), float(nfe), float(error), float(spread))
        for c in curves
        for n, nfe, error, spread in zip(c.steps, c.nfe, c.error, c.spread, strict=True)
    )
    return Table("Errors", ("Sampler", "N", "NFE", "error", "±"), rows, "±: standard error over the seeds.")


def _array(points: list[Point], runs: Study) -> np.ndarray:
    """(methods, levels, seeds): the root mean square of each point's errors; nan where there is none yet."""
    out = np.full((len(runs.kept), len(runs.steps), len(runs.seeds)), np.nan)
    for p in points:
        out[p.method, p.level, p.seed] = np.sqrt((p.errors**2).mean())
    return out


def _words(lab: Convergence, runs: Study, curves: list[Curve]) -> str:
    falls = [(c, lab._fall(c)) for c in curves]
    known = [(c, f) for c, f in falls if math.isfinite(f.value) and not c.method.predictor.adaptive]
    best = min(curves, key=lambda c: (not math.isfinite(c.error[-1]), float(c.error[-1])))
    out = [
        f"With {int(best.steps[-1])} steps {best.method.title} has the smallest error: {best.error[-1]:.2g}."
    ]
    if known:
        steepest, fall = min(known, key=lambda pair: pair[1].value)
        out.append(f"The steepest slope is that of {steepest.method.title}: {fall}.")
    if lab.measure == "law":
        out.append(
            f"As many new points of the data are {runs.floor.mean:.2g} ± {runs.floor.std:.1g} from it: below that "
            "nothing can be told."
        )
    if runs.doubts:
        out.append(f"The reference is exact to about {max(runs.doubts.values()):.0e}.")
    elif lab.measure == "strong":
        out.append(
            f"The reference is {study.best_predictor().title} with {runs.fine} steps of the same path."
        )
    if runs.offsets:
        off = np.mean(runs.offsets, axis=0)
        chance = f" ± {_chance(runs.offsets):.1g}" if len(runs.offsets) > 1 else ""
        out.append(
            f"The references' own averages are {float(np.sqrt((off**2).mean())):.1g}{chance} from those of the exact "
            "law: chance and, with a network, its error, which the comparison on one path takes out."
        )
    if any(np.isnan(c.error).any() for c in curves):
        out.append("Gaps: the error is no more than chance there; more particles or seeds would show it.")
    left = [f"{m.title} ({study.unfit(m, lab.measure)})" for m in runs.methods if study.unfit(m, lab.measure)]
    if left:
        out.append(f"Left out: {'; '.join(left)}.")
    return " ".join(out)


def _chance(offsets: list[np.ndarray]) -> float:
    """The standard error of the mean of (k,) offsets, root mean square over k."""
    return float(np.sqrt((np.var(offsets, axis=0, ddof=1) / len(offsets)).mean()))
