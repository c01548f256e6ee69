"""The noise-conditional classifier: trained live, against the accuracy that nobody can beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Picture, Plot, Series
from explorer.figures.marks import Image
from explorer.figures.views.base import middles
from explorer.guidance.class_guidance import ClassGuidance, class_names
from explorer.guidance.classifier import ITERATIONS, ClassifierFrame, train_classifier
from explorer.guidance.trained_classifiers import CLASSIFIERS
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit import control_runs as runs

#: Cells along each side of the maps.
CELLS = 72
#: Seconds that an iteration of the training takes on one core.
ITERATION = 6e-3


@LABS.register("classifier", title="Classifier", order=30)
@dataclass(frozen=True)
class ClassifierLab(Lab):
    """A classifier of noisy points at every noise level, and what its gradient is worth for guidance."""

    section = "control"
    main = ("Accuracy",)
    heavy = True
    about = (
        "Guidance needs ∇log p(y|xₜ) at every noise level, so the classifier is trained on noisy points. The "
        "mixture is labelled, so the best accuracy there can be is known at each level: that of the exact p(y|xₜ)."
    )
    equation = (
        r"\nabla \log p_t(x\,|\,y) = \score{\nabla \log p_t(x)} + \corrector{\nabla \log p_\phi(y\,|\,x_t)}"
    )
    source = "Song et al. 2021, section 5 and appendix I.1; Dhariwal & Nichol 2021"

    iterations: int = param(
        ITERATIONS, "Iterations", low=100, high=3000, minimum=10, maximum=10**6, log=True,
        help=f"Of training. The classifier of {ITERATIONS} iterations is kept for the Control card and the "
        "laboratory Guidance, which always use that one.", symbol="N", equation="θ ← θ − η ∇L, N times",
    )  # fmt: skip
    label: int = param(
        0, "Class", symbol="y", low=0, high=9, minimum=0, maximum=10**6, help="Of the maps, counted from 0.",
        equation="pₜ(y | x)",
    )  # fmt: skip
    level: float = param(
        0.5, "Noise level", symbol="σ/α", low=0.02, high=20.0, minimum=0.002, maximum=160.0, log=True,
        help="Of the maps. The classifier sees x/α and σ/α alone, so it serves every SDE.",
        equation="p(y | x/α, σ/α)",
    )  # fmt: skip

    def seconds(self, experiment: Experiment) -> float:
        return ITERATION * self.iterations

    def unfit(self, experiment: Experiment) -> str:
        return ClassGuidance(label=self.label).refusal(experiment.data.mixture)

    score_used = ""

    @classmethod
    def quick(cls) -> ClassifierLab:
        return cls(iterations=20)

    def reports(self, context: Context) -> Iterator[Report]:
        data = context.experiment.data
        history: list[tuple[float, float]] = []
        frames = train_classifier(data.mixture, self.iterations, max(1, min(20, self.iterations // 2)))
        for frame in frames:
            history.append((float(frame.iteration), frame.loss))
            kept = frame.progress == 1 and self.iterations == ITERATIONS
            if kept:
                CLASSIFIERS.keep(data, frame.net)
            maps = self._maps(context, frame) if frame.progress == 1 else ()
            figures = (_accuracy(frame), _loss(frame, history), *maps)
            yield Report(figures, frame.progress, self._words(frame, kept), _arrays(frame, history))

    def _maps(self, context: Context, frame: ClassifierFrame) -> tuple[Figure, ...]:
        """p(y | x) of the classifier and of the exact rule, over y = x/alpha at one noise level."""
        mixture = context.experiment.data.mixture
        name = class_names(mixture)[self.label]
        if mixture.dim == 1:
            half = 3.0 + self.level
            xs = np.linspace(-half, half, 161)
            learned, exact = self._both(context, frame, xs[:, None])
            series = (
                Series("exact", xs, exact, "muted", "dash"),
                Series("classifier", xs, learned, "accent"),
            )
            return (Plot(f"p({name} | x) at σ/α = {self.level:g}", "x/α", "probability", series),)
        half = runs.bounds_of(mixture)[1] + self.level
        bounds = (-half, half, -half, half)
        across = middles(-half, half, CELLS)
        grid = np.stack(np.meshgrid(across, across), -1).reshape(-1, 2)
        return tuple(
            Picture(
                f"p({name} | x), {words}, σ/α = {self.level:g}",
                (Image(values.reshape(CELLS, CELLS).astype(np.float32), bounds, "batlow"),),
                bounds, "x₁/α", "x₂/α", scale=(0.0, 1.0, "probability"),
            )
            for words, values in zip(("classifier", "exact"), self._both(context, frame, grid), strict=True)
        )  # fmt: skip

    def _both(
        self, context: Context, frame: ClassifierFrame, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """p(label | x) at points (n, d) by the classifier and exactly, each (n,)."""
        y = torch.from_numpy(points.astype(np.float32))
        with torch.no_grad():
            learned = frame.net.log_probabilities(y, 1.0, self.level)[:, self.label].exp()
        exact = context.experiment.data.mixture.class_probabilities(y, 1.0, self.level)[:, self.label]
        return learned.double().numpy(), exact.double().numpy()

    def _words(self, frame: ClassifierFrame, kept: bool) -> str:
        gap = frame.bayes - frame.accuracy
        words = (
            f"After {frame.iteration} iterations the accuracy is at most {gap.max():.1%} below that of the exact "
            f"p(y|xₜ), {abs(gap.mean()):.2%} {'below' if gap.mean() >= 0 else 'above'} on average over the noise "
            f"levels; cross-entropy {frame.loss:.4f} against {frame.bayes_loss:.4f} nats."
        )
        if frame.progress < 1:
            return words
        if kept:
            return f"{words} It is kept: guidance by a classifier now uses it for this data."
        return f"{words} Guidance uses the one of {ITERATIONS} iterations, not this one."


def _accuracy(frame: ClassifierFrame) -> Plot:
    return Plot(
        "Accuracy on noisy points", "noise level σ/α", "accuracy", (
            Series("exact p(y | xₜ): the best there is", frame.level, frame.bayes, "muted", "dash"),
            Series("classifier", frame.level, frame.accuracy, "accent", points=True),
        ), log_x=True, about="It falls to that of guessing: under much noise no one can tell the classes apart.",
    )  # fmt: skip


def _loss(frame: ClassifierFrame, history: list[tuple[float, float]]) -> Plot:
    iteration, loss = np.array(history).T
    return Plot(
        "Cross-entropy", "iteration", "nats", (
            Series("classifier", iteration, loss, "accent", points=len(history) == 1),
            Series("exact p(y | xₜ)", iteration, np.full_like(loss, frame.bayes_loss), "muted", "dash"),
        ), about="Averaged over the noise levels; what is left of the exact rule's is the overlap of the classes.",
    )  # fmt: skip


def _arrays(frame: ClassifierFrame, history: list[tuple[float, float]]) -> dict[str, np.ndarray]:
    return {
        "level": frame.level, "accuracy": frame.accuracy, "bayes_accuracy": frame.bayes,
        "loss": np.array(history),
    }  # fmt: skip
