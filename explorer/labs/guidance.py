"""Guidance towards a class: what its weight does to the samples, against the exact p(x | y)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.frames import Array, Frame
from explorer.experiment.resolution import controlled
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.figure import Figure, Picture, Plot, Series
from explorer.figures.views.base import Scene
from explorer.figures.views.guidance import PARTS, three_arrows
from explorer.guidance import Guided
from explorer.guidance.class_guidance import RULES, ClassGuidance, class_names
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit import control_runs as runs

#: The weights at which the curves are measured.
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
#: Rows of places with arrows, and the widths of these: a figure is smaller than the stage. An even number of rows keeps
#: them off the edges of bounds that are symmetric.
ROWS, WIDTHS = 8, (2.4, 1.6, 1.2)


@dataclass(frozen=True, eq=False)
class Work:
    """What all parts of one report are made from."""

    context: Context
    control: ClassGuidance
    target: Mixture
    direction: np.ndarray
    distances: runs.Distances


@LABS.register("guidance", title="Guidance", order=10)
@dataclass(frozen=True)
class GuidanceLab(Lab):
    """Samples of one class under a guidance weight from 0 to 10, held against the exact conditional."""

    section = "control"
    main = ("Samples at",)
    about = (
        "Weight 0 samples all of the data, weight 1 exactly the class. Beyond it the samples crowd where the class "
        "is surest: they are of neither p(x|y) nor p(x) p(y|x)^w."
    )
    equation = r"s_w = \score{s(x, t)} + w\, \corrector{\nabla_x \log p_t(y\,|\,x)}"
    source = "Song et al. 2021, eq. 14; Dhariwal & Nichol 2021; Ho & Salimans 2022"

    weight: float = param(
        3.0, "Weight", symbol="w", low=0.0, high=10.0, minimum=0.0, maximum=100.0,
        help="Multiplies ∇log p(y|x); it is also ω of classifier-free guidance.",
        equation="s(x) + w ∇log p(y|x) = ω s(x|y) + (1 − ω) s(x)",
    )  # fmt: skip
    label: int = param(
        0, "Class", symbol="y", low=0, high=9, minimum=0, maximum=10**6, help="Counted from 0.",
        equation="p(x | y)",
    )  # fmt: skip
    rule: str = param(
        "exact", "Guidance by", choices=RULES,
        help="Classifier: the one that the laboratory Classifier (or the Control card) has trained for this "
        "data. Classifier-free: the network in use, if it was trained with labels.",
        equation="∇log p(y | x) = s(x | y) − s(x)",
    )  # fmt: skip
    time: float = param(
        0.3, "Time of the arrows", symbol="t", low=0.01, high=1.0, minimum=1e-3, maximum=1.0,
        help="The noise level at which the three arrows are shown.",
        equation="∇log pₜ(y | x)",
    )  # fmt: skip
    steps: int = param(
        60, "Steps", symbol="N", low=10, high=300, minimum=2, maximum=2000, log=True,
        help="Of each run. A large weight makes the score stiffer and needs more of them.",
        equation="t_0 > t_1 > … > t_N",
    )  # fmt: skip
    particles: int = param(
        800, "Particles", symbol="n", low=100, high=4000, minimum=20, maximum=20000, log=True,
        help="Of each run: the floor of the distance falls as 1/n.",
        equation="floor ∝ 1/n",
    )  # fmt: skip
    repeats: int = param(
        3, "Seeds", low=1, high=8, minimum=1, maximum=50,
        help="Runs behind each error bar.", symbol="S", equation="± s/√S",
    )  # fmt: skip

    def unfit(self, experiment: Experiment) -> str:
        return ClassGuidance(label=self.label).refusal(experiment.data.mixture)

    @classmethod
    def quick(cls) -> GuidanceLab:
        return cls(particles=60, steps=8, repeats=1)

    def reports(self, context: Context) -> Iterator[Report]:
        context = context.free
        control = ClassGuidance(rule=self.rule, label=self.label, weight=self.weight)
        target = control.target(context.experiment.data.mixture)
        direction = _direction(context.experiment.data.mixture, target)
        work = Work(context, control, target, direction, runs.Distances(target, self.particles))
        x = self._sampled(work, self.weight, context.experiment.seed)
        first = (*self._pictures(work, x), self._law(work, x))
        yield Report(first, 0.05, self._words(work, x))
        rows: list[np.ndarray] = []
        for i, weight in enumerate(WEIGHTS):
            rows.append(self._row(work, weight))
            done = (i + 1) / len(WEIGHTS)
            curves = self._curves(np.array(rows), work.distances.floor)
            yield Report((*first, *curves), max(0.06, done), self._words(work, x), _arrays(x, rows))

    def _sampled(self, work: Work, weight: float, seed: int) -> Array:
        e = work.context.experiment
        sampler = runs.reverse(e.sampler, self.particles, self.steps)
        return runs.run(e, work.context.resolved, replace(work.control, weight=weight), sampler, seed)

    def _row(self, work: Work, weight: float) -> np.ndarray:
        """weight, then mean and error of class share, spread and distance."""
        found = []
        for seed in runs.seeds(work.context.experiment.seed, self.repeats):
            x = self._sampled(work, weight, seed)
            found.append((_share(work, x), runs.spread_of(x, work.target), work.distances(x)))
        pairs = [runs.mean_and_error(list(column)) for column in zip(*found, strict=True)]
        return np.array([weight, *(v for pair in pairs for v in pair)])

    def _pictures(self, work: Work, x: Array) -> tuple[Figure, ...]:
        e = work.context.experiment
        if e.data.dim == 1:
            return (self._lines(work),)
        bounds = runs.bounds_around(work.target, e.data.mixture)
        samples = Picture(
            f"Samples at w = {self.weight:g} over the exact p(x | y)",
            (runs.density_image(work.target, bounds), runs.cloud(x)), bounds, "x₁", "x₂",
            about="The bright area is the exact conditional density, the points are the guided samples.",
        )  # fmt: skip
        return samples, self._arrows(work, runs.bounds_of(e.data.mixture))

    def _guided(self, work: Work) -> Guided:
        e = replace(work.context.experiment, control=work.control)
        score = controlled(work.context.resolved, e).score
        assert isinstance(score, Guided)
        return score

    def _arrows(self, work: Work, bounds: tuple[float, float, float, float]) -> Picture:
        e, score = work.context.experiment, self._guided(work)
        alpha, sigma = e.sde.marginal(self.time)
        frame = Frame(np.zeros((1, 2), np.float32), self.time, alpha, sigma, 0, 1, 0)
        scene = Scene(e, Look(follow=False), (frame,), score, bounds)
        return Picture(
            f"The parts of the guided score at t = {self.time:g}", three_arrows(scene, score, ROWS, WIDTHS),
            bounds, "x₁", "x₂", about="w ∇log p(y | x) is added to s(x); w = 1 leads to s(x | y).",
        )  # fmt: skip

    def _lines(self, work: Work) -> Plot:
        """The three parts over x, for data on a line."""
        score = self._guided(work)
        xs = np.linspace(-3, 3, 121)
        x = torch.from_numpy(xs.astype(np.float32))[:, None]
        with torch.no_grad():
            parts = [f(x, self.time)[:, 0].numpy() for f in (score.plain, score.conditional, score.push)]
        return Plot(
            f"The parts of the guided score at t = {self.time:g}", "x", "score",
            tuple(Series(word, xs, y, role) for y, (role, word) in zip(parts, PARTS, strict=True)),
        )  # fmt: skip

    def _law(self, work: Work, x: Array) -> Plot:
        """Guided samples along one direction, the exact conditional, and p(x) p(y|x)^w made a law."""
        u = work.direction
        along = x @ u
        line = work.target.projected(u)
        edges = runs.edges_for(line, along)
        xs = np.linspace(edges[0], edges[-1], 241)
        tilted = self._tilted(work, edges)
        return Plot(
            "From the data to the class", "uᵀx", "density",
            (
                Series("exact p(x | y)", xs, runs.law_on(line, xs), "score"),
                Series("∝ p(x) p(y | x)^w", edges, tilted, "muted", "dash", steps=True),
                runs.histogram(f"samples, w = {self.weight:g}", along, edges, "accent"),
            ),
            about="A weight w suggests the distribution p(x) p(y|x)^w, but its diffusion has another score at every "
            "t > 0: the samples follow neither distribution.",
        )  # fmt: skip

    def _tilted(self, work: Work, edges: np.ndarray) -> np.ndarray:
        """The density of uᵀx under the law ∝ p_0(x) p(y|x)^w, from a large draw of the class, reweighted.

        p(x) p(y|x)^w = p(x|y) p(y) p(y|x)^(w-1): a draw of p(x|y) counts p(y|x)^(w-1).
        """
        x = runs.draw(work.target, 20000, work.context.experiment.seed)
        counts = _probability(work, x) ** (self.weight - 1)
        found = np.histogram(x @ work.direction, edges, weights=counts)[0]
        return np.asarray(found / (counts.sum() * np.diff(edges)))

    def _curves(self, rows: np.ndarray, floor: float) -> tuple[Plot, Plot]:
        w, share, share_error, spread, spread_error, distance, error = rows.T
        here = ((self.weight, "w"),)
        kept = Plot(
            "Class share and spread", "weight w", "share", (
                Series("class share E p(y | x)", w, share, "score", points=True, error=share_error),
                Series("spread over that of p(x | y)", w, spread, "noise", points=True, error=spread_error),
                Series("exact", w, np.ones_like(w), "muted", "dot"),
            ), marks=here,
            about="At w = 1 both are those of p(x|y). A larger w buys surer samples, where there is room, at the "
            "price of their spread; a spread that grows again at large w is the error of the steps, which are stiffer.",
        )  # fmt: skip
        far = Plot(
            "Distance to the exact p(x | y)", "weight w", "energy distance", (
                Series("guided samples", w, distance, "accent", points=True, error=error),
                Series("floor: draws of p(x | y)", w, np.full_like(w, floor), "muted", "dot"),
            ), log_y=True, marks=here, about="Least at w = 1, where the score is the conditional one.",
        )  # fmt: skip
        return kept, far

    def _words(self, work: Work, x: Array) -> str:
        e = replace(work.context.experiment, control=work.control)
        name = class_names(e.data.mixture)[self.label]
        said = controlled(work.context.resolved, e).control
        return (
            f"Class {self.label}, {name}, at w = {self.weight:g}: class share {_share(work, x):.3f}, spread "
            f"{runs.spread_of(x, work.target):.2f} of the exact one, energy distance {work.distances(x):.4f} "
            f"(floor {work.distances.floor:.4f}). {said}"
        )


def _direction(mixture: Mixture, target: Mixture) -> np.ndarray:
    """The unit vector from the data's mean to the class's; where they agree, the class's widest direction."""
    gap = target.mean - mixture.mean
    if np.linalg.norm(gap) < 0.2:
        gap = np.linalg.eigh(target.covariance)[1][:, -1]
    return np.asarray(gap / np.linalg.norm(gap))


def _probability(work: Work, x: Array) -> np.ndarray:
    """p(y | x) of the exact rule at t = 0 (n,)."""
    mixture = work.context.experiment.data.mixture
    return np.asarray(
        mixture.class_probabilities(torch.from_numpy(x))[:, work.control.label].numpy(), np.float64
    )


def _share(work: Work, x: Array) -> float:
    return float(_probability(work, x).mean())


def _arrays(x: Array, rows: list[np.ndarray]) -> dict[str, np.ndarray]:
    columns = ("weight", "share", "share_error", "spread", "spread_error", "distance", "distance_error")
    return {"samples": x} | dict(zip(columns, np.array(rows).T, strict=True))
