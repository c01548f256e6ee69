"""Song et al.'s Table 1, live: predictor, corrector and both, at equal cost, for every SDE."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from explorer.analysis.convergence import Method, MethodError, names_of, parse, titles
from explorer.analysis.convergence.fit import student
from explorer.base.params import ParamError, param, parts_of
from explorer.data import metrics
from explorer.diffusion.samplers import PREDICTORS, Sampler
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.diffusion.scores import ExactScore, Score
from explorer.diffusion.sdes import SDE
from explorer.diffusion.simulate import simulate
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Plot, Series, Table
from explorer.figures.files import number_text
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.schedules import processes
from explorer.labs.toolkit.pace import Pace, evaluating
from explorer.networks.learned import LearnedScore

METRICS = {"energy_distance": "Energy distance", "sliced_wasserstein": "Sliced Wasserstein distance"}
#: Rows that are not resolved are named up to so many.
NAMED = 4
#: Seconds that a pair of points takes in the energy distance, and a point in the sliced Wasserstein one.
PAIR, SORTED = 2e-9, 2e-5
#: The columns: word, and role in the plot.
WAYS = {"P": ("Predictor only", "accent"), "C": ("Corrector only", "corrector"), "PC": ("PC", "score")}


@dataclass(frozen=True)
class Cell:
    """The distances (seeds,) of one way to sample, and its steps."""

    values: tuple[float, ...]
    steps: int

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def spread(self) -> float:
        """The standard deviation over the seeds; nan for one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.spread / math.sqrt(len(self.values))

    def above(self, other: Cell) -> tuple[float, float]:
        """By how much the mean is above another's, and half the 95 % interval of that: Student's over the seeds, since
        both ways start from the same noise under one seed. The half is nan for one seed."""
        gaps = np.subtract(self.values, other.values)
        if len(gaps) < 2:
            return float(gaps[0]), math.nan
        return float(gaps.mean()), student(len(gaps) - 1) * float(gaps.std(ddof=1)) / math.sqrt(len(gaps))


def best(cells: dict[str, Cell]) -> list[str]:
    """The way with the least mean, and after it those whose difference from it is not resolved."""
    least = min(cells, key=lambda way: cells[way].mean)
    gaps = {way: cells[way].above(cells[least]) for way in cells if way != least}
    return [least, *(way for way, (gap, half) in gaps.items() if not gap > half)]


@LABS.register("table1", title="Table 1, live", order=20)
@dataclass(frozen=True)
class Table1(Lab):
    """Predictor only, corrector only and PC with the same number of evaluations, under every SDE."""

    section = "solvers"
    about = (
        "The table by which Song et al. chose PC sampling, for this data: each predictor alone, the corrector alone "
        "and both together, all at the same cost, under every SDE. Smaller is better; the floor is what as "
        "many new points of the data come to."
    )
    equation = r"N_P\,k = N_C\,M = N_{PC}\,(k + M) = \mathrm{NFE}"
    source = "Song et al. 2021, Table 1"
    heavy = True
    elsewhere = (
        "For images it takes hours: `pretrain --pictures mnist --measure table1` measures it, and docs/quality.md "
        "tells what was found."
    )

    # 20 evaluations, 5 seeds of 3000: measured on Eight Gaussians, PC and predictor are then told apart in 14 of 16
    # rows, to 0.0005 or so, in less than a minute. 3 seeds of 5000 take as long and tell less, since Student's factor
    # is 4.3 for 3 and 2.8 for 5. From 200 evaluations on nearly every predictor is at the floor.
    evaluations: int = param(
        20, "Evaluations", symbol="NFE", low=10, high=2000, minimum=4, maximum=2000, log=True,
        help="Of the score per particle: the same for all. Steps are as many as they pay for.",
        equation="NFE = N (P + M), P a step of the predictor",
    )  # fmt: skip
    predictors: str = param(
        "ancestral, reverse_diffusion, euler_maruyama, reverse_diffusion(eta=0)", "Predictors", kind="many",
        choices=titles(*parts_of(names_of("predictors")), "reverse_diffusion(eta=0)"),
        help="The rows of the table. In files and on the command line separated by commas, as in Convergence; `all` "
        "is every registered one, eta=0 the probability flow's.",
    )  # fmt: skip
    corrector_steps: int = param(
        1, "Corrector steps", symbol="M", low=1, high=10, minimum=1, maximum=100,
        help="At each level, in PC and alone. Corrector and snr are those of the sampler.",
        equation="x + ε s + √(2ε) z, M times",
    )  # fmt: skip
    metric: str = param(
        "energy_distance", "Distance", choices=METRICS,
        help="Between the samples and one draw of 20,000 points of the data.", equation="2E∥X−Y∥ − E∥X−X′∥ − E∥Y−Y′∥",
    )  # fmt: skip
    seeds: int = param(
        5, "Seeds", low=2, high=10, minimum=2, maximum=100,
        help="Mean and standard deviation are over these, and the 95 % intervals that tell which way is best.",
        symbol="S", equation="mean ± s over S",
    )  # fmt: skip
    particles: int = param(
        3000, "Particles", symbol="n", low=200, high=10_000, minimum=50, maximum=50_000, log=True,
        help="Samples in each measurement. More of them lower the floor.",
        equation="floor ∝ 1/n",
    )  # fmt: skip
    grid: str = param(
        "own", "Time grid", choices={"own": "The sampler's", "uniform": "Uniform, as in the paper"},
        help="Where the steps are put.",
        equation="t_0 > t_1 > … > t_N",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            self.methods(Sampler())
        except MethodError as error:
            raise ParamError(f"table1.predictors: {error}") from None

    def methods(self, base: Sampler) -> tuple[Method, ...]:
        """The predictors, as methods without a corrector."""
        everything = ", ".join(name for name in PREDICTORS if PREDICTORS[name].order > 0)
        found = parse(everything if self.predictors.strip() == "all" else self.predictors, base)
        wrong = [m.text for m in found if m.sampler.mode != "reverse" or m.predictor.order == 0]
        if wrong:
            raise MethodError(f"{wrong[0]!r} is no predictor; there are: {everything}")
        return found

    def seconds(self, experiment: Experiment) -> float:
        cells = self.seeds * len(processes(experiment)) * (1 + 2 * len(self.methods(experiment.sampler)))
        n = metrics.measured(self.particles)
        measuring = PAIR * n * (metrics.REFERENCE + n / 2) if self.metric == "energy_distance" else SORTED * n
        return cells * (evaluating(experiment, self.evaluations, self.particles) + measuring)

    @classmethod
    def quick(cls) -> Table1:
        return cls(evaluations=8, seeds=2, particles=50, predictors="ancestral, reverse_diffusion(eta=0)")

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        table = _Growing(self, context)
        sdes = [(sde, score) for sde in processes(e) if (score := _under(context, sde)) is not None]
        methods = self.methods(e.sampler)
        table.total = len(sdes) * (1 + 2 * len(methods)) * self.seeds
        yield table.report()
        for sde, score in sdes:
            alone = yield from table.measured(sde, score, self._sampler(None, e.sampler, "C"))
            for method in methods:
                cells = {"C": alone}
                for way in ("P", "PC"):
                    sampler = self._sampler(method, e.sampler, way)
                    cells[way] = yield from table.measured(sde, score, sampler)
                table.rows.append((sde, method, cells))
                yield table.report()
        yield table.report(done=True)

    def _sampler(self, method: Method | None, base: Sampler, way: str) -> Sampler:
        """What samples in one of WAYS with the evaluations that there are."""
        predictor = PREDICTORS["none"]() if method is None else method.predictor
        moves = 0 if way == "P" else self.corrector_steps
        cost = predictor.nfe_per_step + moves
        return replace(
            base, mode="pc" if moves else "reverse", predictor=predictor, corrector_steps=moves,
            eta=1.0 if method is None else method.eta, steps=max(1, self.evaluations // cost),
            particles=self.particles, grid=base.grid if self.grid == "own" else "uniform",
            mistake=MISTAKES["none"](),
        )  # fmt: skip


def _under(context: Context, sde: SDE) -> Score | None:
    """The score in use, under another SDE; None where it is a network that knows only its own."""
    score = context.resolved.score
    if sde.name == context.experiment.sde.name:
        return score
    native = isinstance(score, LearnedScore) and score.denoiser.spec.native
    return replace(score, sde=sde) if isinstance(score, ExactScore | LearnedScore) and not native else None


class _Growing:
    """The table while it is being filled."""

    def __init__(self, lab: Table1, context: Context) -> None:
        self.lab, self.context = lab, context
        self.mixture, self.seed = context.experiment.data.mixture, context.experiment.seed
        self.reference = metrics.reference(self.mixture)
        self.rows: list[tuple[SDE, Method, dict[str, Cell]]] = []
        #: Runs that are measured, and all that there are: a way to sample is run once for each seed.
        self.pace, self.total, self.runs = Pace(0.3), 1, 0

    @cached_property
    def floor(self) -> metrics.Floor:
        """What new points of the data come to."""
        return self.reference.floor(self.lab.metric, self.lab.particles)

    def measured(self, sde: SDE, score: Score, sampler: Sampler) -> Generator[Report, None, Cell]:
        """Run under every seed; the report so far in between."""
        values = []
        for i in range(self.lab.seeds):
            seed = self.seed + i
            x = np.empty((0, 1), np.float32)
            for frame in simulate(sde, sampler, score, self.mixture, seed):
                x = frame.x
                if self.pace.due():
                    yield self.report()
            values.append(self.reference.measure(self.lab.metric, x))
            self.runs += 1
        return Cell(tuple(values), sampler.steps)

    def report(self, done: bool = False) -> Report:
        """Table and plot of the rows that are whole."""
        figures = (self._table(), self._plot()) if self.rows else ()
        values = np.array([[c[way].values for way in WAYS] for _, _, c in self.rows])
        words = self._words() if done else f"{self.runs} of {self.total} runs are measured."
        return Report(figures, 1.0 if done else 0.99 * self.runs / self.total, words, {"distance": values})

    def _table(self) -> Table:
        rows: list[tuple[str | float | int, ...]] = []
        for sde, method, cells in self.rows:
            numbers = [v for way in WAYS for v in (cells[way].mean, cells[way].spread)]
            rows.append((sde.title, method.title, *numbers, " or ".join(WAYS[way][0] for way in best(cells))))
        columns = ("SDE", "Predictor", *(v for word, _ in WAYS.values() for v in (word, "±")), "Best")
        sampler = self.context.experiment.sampler
        about = (
            f"{METRICS[self.lab.metric]}, mean and standard deviation over {self.lab.seeds} seeds of "
            f"{self.lab.particles} samples, {self.lab.evaluations} evaluations each; {sampler.corrector.title}, "
            f"snr {sampler.snr:g}. As many points of the data: {self.floor.mean:.4g} ± {self.floor.std:.2g}. Best: the "
            "others are above it by more than the 95 % interval of the difference."
        )
        return Table("Predictor, corrector and both at equal cost", columns, tuple(rows), about)

    def _plot(self) -> Plot:
        place = np.arange(1, len(self.rows) + 1, dtype=float)
        series = [
            Series(
                word, place, np.array([c[way].mean for _, _, c in self.rows]), role, "none", True,
                np.array([c[way].error for _, _, c in self.rows]),
            )
            for way, (word, role) in WAYS.items()
        ]  # fmt: skip
        series.append(
            Series("points of the data (floor)", place, np.full(len(place), self.floor.mean), "data", "dot")
        )
        first = {sde.title: i for i, (sde, _, _) in reversed(list(enumerate(self.rows)))}
        marks = tuple((i + 0.5, title) for title, i in sorted(first.items(), key=lambda pair: pair[1]))
        return Plot(
            "Predictor, corrector and PC, row by row", "SDE and predictor",
            METRICS[self.lab.metric].lower(), tuple(series), log_y=True,
            about="Bars are standard errors of the means over the seeds.", marks=marks,
            rows=tuple(method.title for _, method, _ in self.rows),
        )  # fmt: skip

    def _words(self) -> str:
        least = min(
            ((cells[way].mean, way, sde, method) for sde, method, cells in self.rows for way in WAYS),
            key=lambda found: found[0],
        )
        what = WAYS[least[1]][0] + ("" if least[1] == "C" else f" with {least[3].title}")
        better, worse, open_rows = self._compared()
        words = (
            f"With the {self.context.resolved.named} and {self.lab.evaluations} evaluations, {what} under "
            f"{least[2].title} comes closest: {least[0]:.3g}, where as many points of the data come to "
            f"{self.floor.mean:.3g}. PC is better than its predictor alone in {better} of {len(self.rows)} rows and "
            f"worse in {worse} (95 % intervals)."
        )
        if not open_rows:
            return words
        named = "; ".join(open_rows) if len(open_rows) <= NAMED else f"the other {len(open_rows)} rows"
        return f"{words} Not resolved: {named}. More seeds or particles narrow the intervals."

    def _compared(self) -> tuple[int, int, list[str]]:
        """In how many rows PC is better than its predictor, in how many worse, and the names of the others."""
        better, worse, unresolved = 0, 0, []
        for sde, method, cells in self.rows:
            gap, half = cells["PC"].above(cells["P"])
            better, worse = better + (-gap > half), worse + (gap > half)
            if not abs(gap) > half:
                sign = "+" if gap > 0 else ""
                interval = f"{sign}{number_text(gap, 1)} ± {number_text(half, 1)}"
                unresolved.append(f"{method.title} under {sde.title} ({interval})")
        return better, worse, unresolved
