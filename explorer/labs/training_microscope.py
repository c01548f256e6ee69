"""The training microscope: one draw of one training step, with all of its numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.frames import Array
from explorer.experiment.resolution import IN_USE, Resolved, untrained
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Equation, Figure, Picture, Plot, Series, Table
from explorer.figures.marks import Arrows, Bounds, Mark, Points, Segments, Text
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.fields import density_image
from explorer.networks.learned import LearnedScore
from explorer.training.batches import Inputs, Pool, Sampling
from explorer.training.held import as_batch, exact_score
from explorer.training.objectives.base import Regression
from explorer.training.race import gradient

if TYPE_CHECKING:
    from explorer.networks.preconditioned import Denoiser

#: Noise levels and points at each of the batch that the draw is held against.
LEVELS, POINTS = 128, 2


@dataclass(frozen=True, eq=False)
class Step:
    """One draw, taken apart. Vectors are (d,); target and prediction are in units of the noise (σ s).

    `target` is None for objectives that have none; `terms` are the parts of `each`, the loss before its
    `weight`. `gradient_norm` is that of weight × each by all weights of the network, `batch_norm` that of the
    mean over a batch, `cosine` the angle's between the two.
    """

    x0: np.ndarray
    z: np.ndarray
    x: np.ndarray
    t: float
    alpha: float
    sigma: float
    target: np.ndarray | None
    prediction: np.ndarray
    exact: np.ndarray
    weight: float
    each: float
    terms: dict[str, float]
    gradient_norm: float
    batch_norm: float
    cosine: float
    batch_level: np.ndarray
    batch_loss: np.ndarray

    @property
    def loss(self) -> float:
        """Weight times loss: what is differentiated."""
        return self.weight * self.each


@LABS.register("training_microscope", title="Training microscope", order=30)
@dataclass(frozen=True)
class TrainingMicroscope(Lab):
    """x₀, σ, z, x_t, target, prediction, weight, loss, gradient norm of one draw; redrawn one at a time."""

    section = "learning"
    main = ("Draw ",)
    about = (
        "One draw of a training step. Noise moves x₀ to xₜ; the target's arrow leads back, the network's and the "
        "exact score's to the mean of all points that xₜ may have come from. Move Draw on for the next one."
    )
    equation = r"\ell = \lambda\,\|\score{\sigma s_\theta(x_t, t)} - \noise{\text{target}}\|^2"
    source = "Vincent 2011; Song et al. 2021, eq. 7"

    draw: int = param(
        0, "Draw", symbol="i", low=0, high=199, minimum=0, maximum=10**6,
        help="Which draw is looked at: each has its own x₀, noise level and noise, by the seed.",
        equation="(x₀, t, z)ᵢ",
    )  # fmt: skip

    def score_named(self, resolved: Resolved) -> str:
        return IN_USE["untrained"] if resolved.exact else resolved.named

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        net, word = _network(context)
        step = take_apart(e, net, self.draw)
        objective = e.score.objective
        figures: tuple[Figure, ...] = (
            _picture(e, step, self.draw), _equation(objective.title, step), _vectors(step), _numbers(e, step),
            _among(step),
        )  # fmt: skip
        names = ("x0", "z", "x", "prediction", "exact", "batch_level", "batch_loss")
        yield Report(figures, 1.0, f"{_words(step)} {word}".strip(), {n: getattr(step, n) for n in names})


def _network(context: Context) -> tuple[Denoiser, str]:
    """A copy of the network in use that takes gradients, and a word on which it is."""
    score, word = context.resolved.score, ""
    if isinstance(score, LearnedScore):
        net = copy.deepcopy(score.denoiser)
    else:
        net = untrained(context.experiment).denoiser()
        word = "The exact score needs no training: this is the network before its first step."
    net.requires_grad_(True)
    return cast("Denoiser", net), word  # the laboratory refuses pictures


def take_apart(e: Experiment, net: Denoiser, draw: int) -> Step:
    """The draw with this number, under the experiment's objective."""
    objective, mixture = e.score.objective, e.data.mixture
    device = torch.device("cpu")
    seeds = np.random.SeedSequence([e.seed, draw]).generate_state(2)
    pool = Pool(mixture, int(seeds[0]), device)
    random = torch.Generator().manual_seed(int(seeds[1]))
    sampling = Sampling(objective, e.sde, net.spec.native, net.sigma_data, random)
    i, many = sampling.draw(pool, 1, 1), sampling.draw(pool, LEVELS, POINTS)
    each, batch_loss = _losses(e, net, i), _losses(e, net, many)
    own, mean = gradient(net, (i.weight * each).mean()), gradient(net, (many.weight * batch_loss).mean())
    batch = as_batch(i, lambda x: exact_score(mixture, x, i.alpha, i.sigma))
    terms = objective.terms(lambda x: net.score(x, i.alpha, i.sigma, i.t), batch)
    size = float(own.norm() * mean.norm())
    return Step(
        x0=_vector(i.x0), z=_vector(i.z), x=_vector(i.x),
        t=float(i.t), alpha=float(i.alpha), sigma=float(i.sigma),
        target=_vector(objective.target(batch)) if isinstance(objective, Regression) else None,
        prediction=_vector(i.sigma * net.score(i.x, i.alpha, i.sigma, i.t)[0]),
        exact=_vector(i.sigma * exact_score(mixture, i.x, i.alpha, i.sigma)[0]),
        weight=float(i.weight), each=float(each.detach()),
        terms={name: float(value.detach()) for name, value in terms.items()},
        gradient_norm=float(own.norm()), batch_norm=float(mean.norm()),
        cosine=float(own @ mean) / size if size else math.nan,
        batch_level=_vector((many.sigma / many.alpha).expand_as(batch_loss)),
        batch_loss=_vector(many.weight * batch_loss),
    )  # fmt: skip


def _losses(e: Experiment, net: Denoiser, i: Inputs) -> torch.Tensor:
    """The loss of each point (m, r), before its weight."""
    batch = as_batch(i, lambda x: exact_score(e.data.mixture, x, i.alpha, i.sigma))
    return e.score.objective.loss(lambda x: net.score(x, i.alpha, i.sigma, i.t), batch)


def _vector(value: torch.Tensor) -> np.ndarray:
    return value.detach().flatten().double().numpy()


# --- figures ---------------------------------------------------------------------------------------------


def _picture(e: Experiment, s: Step, draw: int) -> Picture:
    """Arrows σ² s from x_t: they end at α times the point that is meant."""
    arrows = [("network", "score", s.prediction), ("exact score", "drift", s.exact)]
    if s.target is not None:
        arrows.insert(0, ("target", "noise", s.target))
    flat = len(s.x) == 1
    place = _in_rows if flat else _in_plane
    clean, noisy = s.alpha * s.x0, s.x
    rows = [
        (word, role, place(noisy, k + 1), place(noisy + s.sigma * a, k + 1))
        for k, (word, role, a) in enumerate(arrows)
    ]
    start, end = place(clean, 0), place(noisy, 0)
    bounds = _bounds(np.array([start, end, *(to for *_, to in rows)]), flat, len(rows))
    marks: list[Mark] = [] if flat else [density_image(e.data.mixture, s.alpha, s.sigma, bounds, 0.6)]
    marks += [Segments(_row(start), _row(end), "muted", 1.5)]
    marks += [Arrows(_row(a), _row(b - a), role, 2.4) for _, role, a, b in rows if np.linalg.norm(b - a) > 0]
    reach = bounds[3] - bounds[2]
    if flat:
        marks += [_text(a, word, role, 0.1, "sw" if b[0] > a[0] else "se") for word, role, a, b in rows]
    marks += [Points(_row(start), "data", 9.0), Points(_row(end), "text", 8.0)]
    marks += [_text(start, "α x₀", "text", 0.02 * reach, "s"), _text(end, "xₜ", "text", 0.02 * reach, "s")]
    return Picture(
        f"Draw {draw}: where the arrows lead", tuple(marks), bounds, "x₁" if not flat else "x",
        "" if flat else "x₂", square=not flat,
        about="Orange: target. Green: network. Blue: exact.",
    )  # fmt: skip


def _in_plane(point: np.ndarray, row: int) -> np.ndarray:
    return point


def _in_rows(point: np.ndarray, row: int) -> np.ndarray:
    """One coordinate along the picture; the arrows below each other."""
    return np.array([point[0], -float(row)])


def _row(point: np.ndarray) -> Array:
    return np.asarray(point, np.float32)[None]


def _text(at: np.ndarray, word: str, color: str, up: float, anchor: str) -> Text:
    return Text((float(at[0]), float(at[1]) + up), word, color, 12.0, anchor)


def _bounds(points: np.ndarray, flat: bool, rows: int) -> Bounds:
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, 0.75 * max(float((high - low)[: 1 if flat else 2].max()), 1e-6)
    left, right = float(middle[0] - half), float(middle[0] + half)
    if flat:
        return left, right, -rows - 0.7, 0.8
    return left, right, float(middle[1] - half), float(middle[1] + half)


def _equation(title: str, s: Step) -> Equation:
    if s.target is None:
        parts = " + ".join(f"({value:.4g})" for value in s.terms.values())
        names = ", ".join(f"{name} = {value:.4g}" for name, value in s.terms.items())
        return Equation(title, rf"\ell = {s.weight:.4g}\,[{parts}] = {s.loss:.4g}", names)
    numbers = rf"\|\score{{{_latex(s.prediction)}}} - \noise{{{_latex(s.target)}}}\|^2"
    return Equation(
        title,
        rf"\ell = {s.weight:.4g}\, \\ {numbers} \\ = {s.loss:.4g}",
        "weight × ∥σ s − target∥², in units of the noise",
    )


def _latex(values: np.ndarray) -> str:
    parts = ", ".join(f"{round(v, 3) + 0.0:.3f}" for v in values)  # no -0.000
    return parts if len(values) == 1 else f"({parts})"


def _vectors(s: Step) -> Table:
    rows = [("x₀, drawn from the data", s.x0), ("z, the noise", s.z), ("xₜ = α x₀ + σ z", s.x)]
    rows += [] if s.target is None else [("target of σ s", s.target)]
    rows += [("σ s of the network", s.prediction), ("σ s, exact", s.exact)]
    rows += [] if s.target is None else [("target − exact: its noise", s.target - s.exact)]
    rows += [("network − exact: its error", s.prediction - s.exact)]
    axes = tuple(("x₁", "x₂")[: len(s.x)]) if len(s.x) <= 2 else tuple(f"x{i + 1}" for i in range(len(s.x)))
    cells: list[tuple[str | float, ...]] = [(name, *v.tolist(), float(np.linalg.norm(v))) for name, v in rows]
    return Table("The vectors", ("", *axes, "∥·∥"), tuple(cells))


def _numbers(e: Experiment, s: Step) -> Table:
    clip = e.score.training.clip
    rows: list[tuple[str | float, ...]] = [
        ("noise level σ/α", s.sigma / s.alpha),
        (f"t under {e.sde.title}", e.sde.time_at(s.sigma / s.alpha)),
        ("α", s.alpha), ("σ", s.sigma),
        *(s.terms.items() if s.target is None else ()),
        ("loss before its weight", s.each), ("weight λ/σ²", s.weight), ("loss", s.loss),
        ("gradient norm of this draw", s.gradient_norm),
        (f"gradient norm of {LEVELS * POINTS} draws", s.batch_norm),
        (f"the same, clipped at {clip:g}", min(s.batch_norm, clip)),
        ("cosine between the two gradients", s.cosine),
    ]  # fmt: skip
    about = "A preconditioned network is trained on y = x/α, so with α = 1: one problem for every SDE."
    return Table("The numbers", ("", "value"), tuple(rows), "" if e.score.network.native else about)


def _among(s: Step) -> Plot:
    positive = s.target is not None
    series = (
        Series("other draws", s.batch_level, s.batch_loss, "muted", "none", points=True),
        Series("this one", np.array([s.sigma / s.alpha]), np.array([s.loss]), "accent", "none", points=True),
    )
    return Plot("This draw among others", "noise level σ/α", "weighted loss", series, True, positive)


def _words(s: Step) -> str:
    if s.target is None:
        first = "This objective has no target: it sees the network's field and its derivative alone."
    else:
        first = (
            f"The target is {np.linalg.norm(s.target - s.exact):.3g} off the exact score, the network "
            f"{np.linalg.norm(s.prediction - s.exact):.3g} (in units of the noise)."
        )
    return (
        f"{first} The gradient of this draw alone has norm {s.gradient_norm:.3g}; that of {LEVELS * POINTS} draws "
        f"together {s.batch_norm:.3g}, at a cosine of {s.cosine:.2f}: one draw says little, many agree."
    )
