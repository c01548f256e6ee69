"""How many particles end in each mode, by Langevin dynamics, by annealed Langevin and by predictor-corrector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.data.distributions import Mixture
from explorer.data.metrics import counting_noise
from explorer.diffusion import noise
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.simulate import Simulation
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.pace import evaluating

#: Evaluations between two looks at a run, at most: some tenths of a second of work.
PULSE = 40
#: Of how many components each is a mode of its own, where the data has no classes.
FEW = 32
#: Moves that a level of annealed Langevin may take.
MOST_MOVES = 2000
#: Row -> name, colour.
METHODS = {
    "start": ("Langevin's start", "muted"),
    "langevin": ("Langevin", "error"),
    "annealed": ("Annealed Langevin", "noise"),
    "pc": ("Predictor–corrector", "score"),
}


@dataclass(eq=False)
class Shares:
    """Shares of the particles in each mode (modes,), one row a seed, by method."""

    truth: np.ndarray
    names: tuple[str, ...]
    found: dict[str, list[np.ndarray]] = field(default_factory=lambda: {name: [] for name in METHODS})
    nfe: dict[str, int] = field(default_factory=dict)
    errors: dict[str, list[dict[int, float]]] = field(default_factory=lambda: {name: [] for name in METHODS})

    def off(self, shares: np.ndarray) -> float:
        """Total variation of shares (modes,) from the true weights."""
        return float(0.5 * np.abs(shares - self.truth).sum())

    def curve(self, method: str) -> np.ndarray:
        """(3, looks): evaluations, and the mean and standard deviation of `off` over the seeds."""
        runs = self.errors[method]
        at = sorted(set.intersection(*map(set, runs)))
        values = np.array([[run[nfe] for nfe in at] for run in runs])
        return np.array([at, values.mean(axis=0), values.std(axis=0, ddof=min(1, len(runs) - 1))])

    def of(self, method: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over the seeds (modes,)."""
        rows = np.array(self.found[method])
        return rows.mean(axis=0), rows.std(axis=0, ddof=1) if len(rows) > 1 else np.full(
            len(self.truth), np.nan
        )

    def error(self, method: str) -> tuple[float, float]:
        """Total variation from the truth: mean and standard deviation over the seeds."""
        errors = [self.off(row) for row in self.found[method]]
        return float(np.mean(errors)), float(np.std(errors, ddof=1)) if len(errors) > 1 else float("nan")


@LABS.register("mode_weights", title="Mode weights", order=50)
@dataclass(frozen=True)
class ModeWeights(Lab):
    """The weight of each mode among the particles against its true weight, with error bars over seeds."""

    section = "langevin"
    main = ("Share of each mode",)
    about = (
        "Between modes that are far apart the score is the same whatever their weights are, so Langevin dynamics "
        "keeps the shares that its start gives them. Annealing finds weights while the noise still joins the modes, "
        "and so does the reverse SDE with a corrector. All have the same number of evaluations. Best on Unequal modes."
    )
    equation = r"\hat w_c = \frac{1}{n} \sum_i p(c \mid x_i)"
    source = "Song & Ermon 2019, section 3.2.2"
    heavy = True

    evaluations: int = param(
        500, "Evaluations", symbol="NFE", low=50, high=5000, minimum=10, maximum=100000, log=True,
        help="Of the score, for each particle: the same for all three.", equation="N = L·T = N(M+1)",
    )  # fmt: skip
    seeds: int = param(
        5, "Seeds", symbol="S", low=2, high=20, minimum=1, maximum=1000,
        help="Runs of each method; the bars are one standard deviation over them.",
        equation="± s over S",
    )  # fmt: skip
    particles: int = param(
        1000, "Particles", symbol="n", low=100, high=5000, minimum=10, maximum=100000, log=True,
        help="Of each run.",
        equation="w ± √(w(1 − w)/n)",
    )  # fmt: skip
    time: float = param(
        0.05, "Langevin's noise level", symbol="t", low=0.001, high=1.0, minimum=1e-5, maximum=1.0, log=True,
        help="Towards 1 the noise joins the modes and Langevin mixes, but in pₜ, not in the data.",
        equation="U = −log pₜ",
    )  # fmt: skip
    start: float = param(
        4.0, "Spread of Langevin's start", symbol="s", low=0.1, high=10.0, minimum=0.0, maximum=1000.0,
        help="It starts from N(0, s² I): a wide one knows nothing of the weights.", equation="x₀ ~ N(0, s² I)",
    )  # fmt: skip
    step: float = param(
        0.01, "Langevin's step size", symbol="ε", low=1e-4, high=0.1, minimum=1e-8, maximum=10.0, log=True,
        help="Held below the variance of the narrowest mode, where it would be unstable.",
        equation="x + ε s + √(2ε) z",
    )  # fmt: skip
    levels: int = param(
        16, "Annealing levels", symbol="L", low=2, high=50, minimum=1, maximum=1000,
        help="The evaluations are shared out among them.", equation="Song & Ermon 2019, Alg. 1",
    )  # fmt: skip
    annealed_step: float = param(
        0.5, "Annealing step", symbol="ε_A", unit="σ_L²", low=0.005, high=2.0, minimum=1e-6, maximum=3.9, log=True,
        help="In units of the last level's variance.", equation="αᵢ = ε_A σᵢ²/σ_L²",
    )  # fmt: skip
    snr: float = param(
        0.16, "Signal to noise", symbol="snr", low=0.01, high=0.9, minimum=0.0, maximum=0.99, log=True,
        help="Of the one corrector move after each predictor step.", equation="ε = 2α(snr∥z∥/∥s∥)²",
    )  # fmt: skip

    def unfit(self, experiment: Experiment) -> str:
        if self.evaluations // self.levels > MOST_MOVES:
            return f"A level takes at most {MOST_MOVES} moves: choose more noise levels or fewer evaluations."
        return "" if modes_of(experiment.data.mixture) is not None else (
            f"{experiment.data.title} has no modes to count: choose data with classes, such as Unequal modes."
        )  # fmt: skip

    def seconds(self, experiment: Experiment) -> float:
        calls = self.seeds * len(self.samplers(experiment)) * self.evaluations
        return evaluating(experiment, calls, self.particles)

    @classmethod
    def quick(cls) -> ModeWeights:
        return cls(evaluations=20, seeds=2, particles=100, levels=4)

    def reports(self, context: Context) -> Iterator[Report]:
        context = context.free
        mixture = modes_of(context.experiment.data.mixture)
        assert mixture is not None, "a laboratory is asked for its refusal first"
        shares = Shares(mixture.label_weights, mixture.label_names or _numbered(len(mixture.label_weights)))
        samplers, pulse = self.samplers(context.experiment), min(PULSE, max(2, self.evaluations // 50 * 2))
        report, done, whole = self._report(shares, 0.0), 0, self.seeds * len(samplers)
        for i in range(self.seeds):
            for method, sampler in samplers.items():
                last, seen = None, {}
                for last in self._frames(context, sampler, i):
                    if last.step == 0 and method == "langevin":
                        shares.found["start"].append(_shares(mixture, last))
                    if last.nfe % pulse == 0:
                        seen[last.nfe] = shares.off(_shares(mixture, last))
                        part = last.step / max(last.steps, 1)
                        yield replace(report, progress=min((done + part) / whole, 0.999))
                assert last is not None
                shares.found[method].append(_shares(mixture, last))
                shares.nfe[method] = last.nfe
                shares.errors[method].append(seen)
                done += 1
                report = self._report(shares, done / whole)
                yield report

    def samplers(self, experiment: Experiment) -> dict[str, Sampler]:
        """The three, each with (nearly) the same number of evaluations."""
        alpha, sigma = experiment.sde.marginal(self.time)
        narrowest = float(np.hypot(alpha * experiment.data.mixture.scales.min(), sigma))
        common = Sampler(particles=self.particles, snr=self.snr, levels=self.levels)
        return {
            "langevin": replace(
                common, mode="langevin", langevin_time=self.time, langevin_steps=self.evaluations,
                langevin_step=min(self.step, 0.5 * narrowest**2),
            ),
            "annealed": replace(
                common, mode="annealed", annealed_step=self.annealed_step,
                level_steps=max(1, self.evaluations // self.levels),
            ),
            "pc": replace(common, mode="pc", steps=max(1, min(self.evaluations // 2, 2000))),
        }  # fmt: skip

    def _frames(self, context: Context, sampler: Sampler, seed: int) -> Iterator[Frame]:
        e, seed = context.experiment, context.experiment.seed + seed
        start = noise.normal((self.particles, e.data.dim), seed, noise.PRIOR) * self.start
        return Simulation(e.sde, sampler, context.resolved.score, e.data.mixture, seed, start=start).frames()

    def _report(self, shares: Shares, progress: float) -> Report:
        figures = (_bars(shares), _table(shares, self.particles), _errors(shares))
        arrays = {name: np.array(rows) for name, rows in shares.found.items() if rows}
        return Report(figures, progress, _words(shares), arrays | {"truth": shares.truth})


def modes_of(mixture: Mixture) -> Mixture | None:
    """The mixture with its modes as labels: its classes, else its components where they are few; else None."""
    if mixture.labels is not None:
        return mixture if len(mixture.label_weights) > 1 else None
    k = len(mixture.weights)
    return replace(mixture, labels=np.arange(k)) if 1 < k <= FEW else None


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(f"mode {i + 1}" for i in range(n))


def _shares(mixture: Mixture, frame: Frame) -> np.ndarray:
    """The share of each mode among the particles, by p(mode | x_t)."""
    p = mixture.class_probabilities(torch.from_numpy(frame.x).double(), frame.alpha, frame.sigma)
    return np.asarray(p.mean(dim=0).numpy())


def _bars(shares: Shares) -> Figure:
    n = len(shares.truth)
    at = np.arange(1, n + 1, dtype=float)
    series = [Series("true weight", at, shares.truth, "text")]
    there = [name for name in METHODS if shares.found[name]]
    for name in there:
        mean, std = shares.of(name)
        title, role = METHODS[name]
        series.append(Series(title, at, mean, role, "none", True, error=std))
    return Plot(
        "Share of each mode", "mode", "share of the particles", tuple(series), rows=tuple(shares.names)
    )


def _errors(shares: Shares) -> Figure:
    series = []
    for name, (title, role) in METHODS.items():
        if shares.errors[name]:
            at, mean, std = shares.curve(name)
            series.append(Series(title, at, mean, role, points=True, error=std))
    return Plot(
        "Total variation from the true weights", "evaluations", "½ Σ |ŵ − w|", tuple(series),
        about="By p(mode | xₜ) at the noise level of the moment: the right weights at every level would be 0.",
    )  # fmt: skip


def _table(shares: Shares, n: int) -> Table:
    columns = ("Method", "NFE", "½Σ|ŵ − w|", "±", *(f"ŵ {name}" for name in shares.names))
    noise = counting_noise(shares.truth, n)
    rows: list[tuple[str | float, ...]] = [("Truth (± of n draws)", 0, 0.0, noise, *shares.truth.tolist())]
    for name, (title, _) in METHODS.items():
        if shares.found[name]:
            rows.append((title, shares.nfe.get(name, 0), *shares.error(name), *shares.of(name)[0].tolist()))
    return Table("Weights", columns, tuple(rows), "Means over the seeds; ± is one standard deviation.")


def _words(shares: Shares) -> str:
    said = [
        f"{METHODS[name][0]} {shares.error(name)[0]:.3f}"
        for name in METHODS
        if name != "start" and shares.found[name]
    ]
    if not said:
        return ""
    start = shares.error("start")[0]
    return (
        f"Distance of the mode weights from the truth (total variation): {', '.join(said)}. Langevin started from "
        f"weights that were {start:.3f} off."
    )
