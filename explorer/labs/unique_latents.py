"""Two networks, trained apart, encode the same points: the code belongs to the data, not to the network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np

from explorer.analysis.likelihood import Agreement, Flow, agreement, within
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.scores import ExactScore, Score
from explorer.diffusion.simulate import LIMIT
from explorer.experiment.resolution import untrained
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Plot, Series, Table
from explorer.figures.marks import Array, Segments
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.density_parts import (
    TOLERANCE,
    array,
    code_picture,
    dots,
    draws,
    flat,
    report,
    watched,
)
from explorer.labs.toolkit.pace import Pace
from explorer.networks import NetworkSpec, Training
from explorer.networks.files import Model
from explorer.networks.learned import LearnedScore
from explorer.training import train
from explorer.training.objectives import OBJECTIVES

#: Second networks of this session, so that a change of the points or the SDE trains none anew.
_kept: OrderedDict[tuple[object, ...], Model] = OrderedDict()
MOST_KEPT = 8
#: Seconds that an iteration of the training takes on one core; encoding the points is a small part of all.
ITERATION = 5e-3


@LABS.register("two_networks", title="Unique latents", order=40)
@dataclass(frozen=True)
class TwoNetworks(Lab):
    """Codes of the same points by the score in use and by a network trained from another seed."""

    section = "density"
    main = ("Two codes",)
    heavy = True
    about = (
        "A second network is trained from another seed on other draws of the same data. The ODE depends on the data "
        "and the SDE alone, so both should give every point the same code."
    )
    equation = (
        r"z = x_T, \quad \frac{dx}{dt} = \drift{f} - \frac{1}{2} g^2 \score{s_\theta}, "
        r"\quad s_\theta \to \nabla \log p_t"
    )
    source = "Song et al. 2021, section 4.3 (uniquely identifiable encoding) and appendix D.5"

    iterations: int = param(
        1500, "Training", symbol="N", unit="iterations", low=100, high=10_000, minimum=1, maximum=10**6, log=True,
        help="Iterations of the second network's training. It is kept while the program runs.",
        equation="θ ← θ − η ∇L, N times",
    )  # fmt: skip
    offset: int = param(
        1, "Other seed", low=1, high=20, minimum=1, maximum=10**6,
        help="The second network's seed is the experiment's and this: its first weights, batches and noise.",
        symbol="k", equation="seed' = seed + k",
    )  # fmt: skip
    points: int = param(
        400, "Points", symbol="n", low=50, high=2000, minimum=3, maximum=20_000, log=True,
        help="Data points that both encode.",
        equation="∥z − z'∥ over x₁ … x_n",
    )  # fmt: skip

    def seconds(self, experiment: Experiment) -> float:
        return ITERATION * self.iterations

    @classmethod
    def quick(cls) -> TwoNetworks:
        return cls(iterations=10, points=20)

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        model = yield from self._second(e)
        scores: dict[str, Score] = {
            "first": context.resolved.score,
            "second": LearnedScore(model.denoiser(), e.sde),
            "exact": ExactScore(context.exact.mixture, e.sde),
            "untrained": LearnedScore(_network(e, e.seed).denoiser(), e.sde),
        }
        x, codes = draws(e, self.points), {}
        for i, (name, score) in enumerate(scores.items()):
            now = report((), 0.8, "Both encode the same points.")
            flow, low = Flow(e.sde, score, within(TOLERANCE)), 0.8 + 0.05 * i
            last = yield from watched(flow.encode(x), now, low, low + 0.05)
            codes[name] = torch.nan_to_num(last.x, nan=LIMIT).clamp(-LIMIT, LIMIT)
        yield _Compared(codes, context, self.iterations).report()

    def _second(self, e: Experiment) -> Generator[Report, None, Model]:
        """The second network: kept, or trained now."""
        seed = e.seed + self.offset
        key = (e.data, self.iterations, seed)
        if key not in _kept:
            _kept[key] = yield from _trained(e, seed, self.iterations)
        _kept.move_to_end(key)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
        return _kept[key]


def _network(e: Experiment, seed: int) -> Model:
    """The standard network before training."""
    return untrained(replace(e, seed=seed, score=replace(e.score, network=NetworkSpec())))


def _trained(e: Experiment, seed: int, iterations: int) -> Generator[Report, None, Model]:
    """Train the standard network from `seed`, as the pretrained ones were, with its loss shown on the way."""
    training, pace = Training(seconds=0, iterations=iterations, device="cpu"), Pace(0.25)
    done: list[tuple[int, float]] = []
    for frame in train(e.data.mixture, e.sde, OBJECTIVES["dsm"](), NetworkSpec(), training, seed):
        done.append((frame.iteration, frame.excess))
        if pace.due():
            yield report(
                (_loss(done),), 0.8 * frame.progress, f"Training the second network from seed {seed}."
            )
    start = _network(e, seed)
    return Model(start.network, dict(frame.weights or {}), start.dim, start.sigma_data)


def _loss(done: list[tuple[int, float]]) -> Plot:
    at, excess = np.array(done).T
    series = Series("weighted mean of σ²|s − exact|²", at, excess, "score")
    return Plot("Training of the second network", "iteration", "loss above its floor", (series,), log_y=True)


class _Compared:
    """Codes of the same points, compared."""

    def __init__(self, codes: dict[str, torch.Tensor], context: Context, iterations: int) -> None:
        e = context.experiment
        self.std, self.iterations = e.sde.prior_std, iterations
        self.z: dict[str, Array] = {name: array(z) / np.float32(self.std) for name, z in codes.items()}
        order = np.random.default_rng([e.seed, *b"shuffle"]).permutation(len(codes["second"]))
        names = {"first": f"first ({context.resolved.named})", "second": "second", "exact": "exact score"}
        pairs = [("first", "second"), ("second", "exact")]
        if not context.resolved.exact:
            pairs.insert(1, ("first", "exact"))
        self.agreements: dict[str, Agreement] = {
            f"{names[a]} and {names[b]}": agreement(codes[a], codes[b])
            for a, b in pairs
            if codes[a] is not codes[b]
        }
        self.agreements["first and an untrained network"] = agreement(codes["first"], codes["untrained"])
        self.agreements["first and second, points shuffled"] = agreement(
            codes["first"], codes["second"][order]
        )
        self.main = next(iter(self.agreements.values()))
        self.baseline = self.agreements["first and an untrained network"]

    def report(self) -> Report:
        figures: tuple[Figure, ...] = (self._codes(), self._scatter(), self._differences(), self._table())
        arrays = {f"code_{name}": z for name, z in self.z.items()}
        return report(figures, 1.0, self._words(), **arrays)

    def _codes(self) -> Figure:
        a, b = self.z["first"], self.z["second"]
        if a.shape[1] == 1:
            heights = np.linspace(-3, 3, len(a), dtype=np.float32)[np.argsort(np.argsort(a[:, 0]))]
            a, b = flat(a, heights), flat(b, heights)
        marks = (Segments(a, b, "muted", 1.2), dots(a, "score", 4.0), dots(b, "noise", 4.0))
        words = (
            "Each point's two codes, joined: the first network's in one colour, the second's in the other."
        )
        return code_picture("Two codes for each point", marks, self.z["first"].shape[1], words)

    def _scatter(self) -> Plot:
        a, b = self.z["first"], self.z["second"]
        edge = np.array([min(a.min(), b.min()), max(a.max(), b.max())])
        axes = ("z₁", "z₂")[: a.shape[1]]
        dotted = [
            Series(name, a[:, i], b[:, i], role, "none", True)
            for i, (name, role) in enumerate(zip(axes, ("score", "noise"), strict=False))
        ]
        return Plot(
            "The same coordinate by both", "first network, z / σ_prior", "second network, z / σ_prior",
            (Series("equal", edge, edge, "muted"), *dotted),
        )  # fmt: skip

    def _differences(self) -> Plot:
        """How many points differ by at most so much."""
        shares = (np.arange(len(self.z["first"])) + 1) / len(self.z["first"])
        series = []
        for name, role in (("second", "score"), ("exact", "text"), ("untrained", "muted")):
            gap = np.sort(np.linalg.norm(self.z["first"] - self.z[name], axis=1))
            if gap.any():
                series.append(Series(f"first and {name}", np.maximum(gap, 1e-6), shares, role))
        return Plot(
            "How far apart the codes are",
            "|z − z'| / σ_prior",
            "share of the points",
            tuple(series),
            log_x=True,
        )

    def _table(self) -> Table:
        rows = tuple((name, a.difference, a.correlation) for name, a in self.agreements.items())
        return Table(
            "Agreement of the codes", ("codes of", "RMS difference / spread", "correlation"), rows,
            about="Unrelated codes differ by √2 and have no correlation.",
        )  # fmt: skip

    def _words(self) -> str:
        return (
            f"After {self.iterations} iterations the codes of the two differ by {100 * self.main.difference:.1f}% of "
            f"their spread (correlation {self.main.correlation:.4f}); an untrained network's by "
            f"{100 * self.baseline.difference:.0f}%, shuffled points' by "
            f"{100 * self.agreements['first and second, points shuffled'].difference:.0f}%."
        )
