"""Class-conditional sampling: three ways to get ∇log p_t(y | x), and a weight on it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from explorer.base.params import param
from explorer.data.distributions.base import Distribution
from explorer.data.distributions.mixture import Mixture
from explorer.data.images.base import ImageSet, PictureMixture
from explorer.diffusion.scores import ExactScore, InTurn, Score
from explorer.diffusion.sdes import SDE
from explorer.guidance.base import CONTROLS, Control, Guided, Mixed, Sources, Sum
from explorer.guidance.classifier import ClassifierGradient

RULES = {
    "exact": "Exact p(y | x)", "classifier": "Classifier", "classifier_free": "Classifier-free",
    "mixed": "Classifier and classifier-free",
}  # fmt: skip

#: A noise level above all that there are.
EVERYWHERE = 200.0
REMEMBERS = "∇log p(y|x) in closed form, of the stored images of the class: it can only lead back to those."


@CONTROLS.register("class_guidance", title="Class", order=20)
@dataclass(frozen=True)
class ClassGuidance(Control):
    """Samples of one class of the data, with a weight on what makes them one."""

    about = (
        "One class of the data. The weight multiplies ∇log p(y|x): 0 ignores the class, 1 is exact, "
        "more exaggerates it."
    )
    equation = r"s_w = \score{s(x, t)} + w\, \corrector{\nabla_x \log p_t(y\,|\,x)}"
    source = "Song et al. 2021, eq. 14; Dhariwal & Nichol 2021; Ho & Salimans 2022"
    for_pictures = True

    rule: str = param(
        "exact", "Guidance by", choices=RULES,
        help="Exact: the closed form of the labelled mixture (of images: it can only remember). "
        "Classifier: a network that tells the classes "
        "apart at every noise level, and its gradient. Classifier-free: the difference of a network's "
        "conditional and unconditional score. The last takes a share of each.",
        equation="∇log pₜ(x|y) = ∇log pₜ(x) + ∇log pₜ(y|x)",
    )  # fmt: skip
    label: int = param(
        0, "Class", symbol="y", low=0, high=9, minimum=0, maximum=10**6,
        help="The class to sample, counted from 0.",
        equation="p(x | y) ∝ p(y | x) p(x)",
    )  # fmt: skip
    each: bool = param(
        False, "Each class in turn",
        help="The first image is of the first class, the next of the next, and so on, instead of all of one class.",
        equation="y_i = i mod K",
    )  # fmt: skip
    weight: float = param(
        1.0, "Weight", symbol="w", low=0.0, high=10.0, minimum=0.0, maximum=100.0,
        help="Multiplies the classifier's gradient; the same number is ω of classifier-free guidance, "
        "ω s(x|y) + (1 − ω) s(x). (Ho & Salimans call ω − 1 the weight.) Above 1 it is the score of no "
        "diffusion: samples crowd where the class is surest.",
        equation="s(x) + w ∇log pₜ(y|x) = ω s(x|y) + (1 − ω) s(x),  ω = w",
    )  # fmt: skip

    share: float = param(
        0.5, "Share of classifier-free", symbol="κ", low=0.0, high=1.0, maximum=1.0,
        visible=lambda c: c.rule == "mixed",
        help="How much of the guidance is the network's own difference; the rest is the classifier's gradient.",
        equation="∇log p(y|x) = κ (s(x|y) − s(x)) + (1 − κ) ∇log p_φ(y|x)",
    )  # fmt: skip

    below: float = param(
        EVERYWHERE, "Below σ/α", symbol="σ_hi", low=1.0, high=EVERYWHERE, minimum=1e-3, maximum=EVERYWHERE, log=True,
        visible=lambda c: c.weight > 1, advanced=True,
        help="At higher noise levels a weight is at most 1. There the class is hardly seen; for images 10 saves a "
        "third of the evaluations of a guided run, and less is exaggerated.",
        equation="Kynkäänniemi et al. 2024, eq. 5",
    )  # fmt: skip

    def unfit(self, mixture: Mixture) -> str:
        if mixture.labels is None:
            return "This data has no classes; choose data with labels (eight Gaussians, two moons, rings)."
        if len(np.unique(mixture.labels)) < 2:
            return "This data has one class only, so there is nothing to choose between."
        if self.each and not isinstance(mixture, PictureMixture):
            return "Each class in turn is for images: a field over the plane is that of one class."
        if not self.each and self.label not in mixture.labels:
            return f"There is no class {self.label}: this data has classes 0 to {mixture.labels.max()}."
        return ""

    def fitted(self, data: Distribution) -> Control:
        """Without classes there is nothing to ask for in turn."""
        classes = data.classes if isinstance(data, ImageSet) else 0
        return CONTROLS["none"]() if self.each and classes < 2 else self

    def brief(self, mixture: Mixture) -> str:
        by = "" if self.rule == "exact" else f" by {RULES[self.rule].lower()}"
        if self.each:
            return f"each class in turn, w = {self.weight:g}{by}"
        name = class_names(mixture)[self.label]
        return f"{f'class {name}' if name.isdigit() else name}, w = {self.weight:g}{by}"

    def target(self, mixture: Mixture) -> Mixture:
        """The law of the class; with each in turn that of all of them, equally often."""
        return _balanced(mixture) if self.each else mixture.where(self.label)

    def exact(self, mixture: Mixture, sde: SDE) -> Score:
        """The exact score of p_t(x | y), each row of x with its own y where the classes come in turn."""
        scores = tuple(ExactScore(mixture.where(label), sde) for label in self._labels(mixture))
        return InTurn(scores) if self.each else scores[0]

    def _labels(self, mixture: Mixture) -> tuple[int, ...]:
        """The classes that samples have, in turn."""
        return tuple(class_names(mixture)) if self.each else (self.label,)

    def guide(self, sources: Sources) -> tuple[Score, str]:
        conditional, word = self._conditional(sources)
        score = Guided(sources.plain, conditional, self.weight, sources.sde, self._below)
        return score, f"{word} {self._word_on_weight()}".strip()

    @property
    def _below(self) -> float:
        return math.inf if self.below == EVERYWHERE else self.below

    def _word_on_weight(self) -> str:
        if self.weight > 1:
            return (
                f"w = {self.weight:g} is more than 1: samples are drawn to where the class is most certain."
            )
        return (
            "" if self.weight == 1 else f"w = {self.weight:g} is less than 1: the class is followed in part."
        )

    def missing(self, sources: Sources) -> str:
        if self.rule in ("classifier_free", "mixed") and sources.labelled is None:
            return "labels"
        return "classifier" if self.rule in ("classifier", "mixed") and sources.classifier is None else ""

    def _conditional(self, sources: Sources) -> tuple[Score, str]:
        missing = self.missing(sources)
        if self.rule == "exact" or missing:
            each = tuple(sources.conditional(sources.mixture.where(y)) for y in self._labels(sources.mixture))
            exact = InTurn(each) if self.each else each[0]
        if self.rule == "exact":
            pictures = isinstance(sources.mixture, PictureMixture)
            return exact, REMEMBERS if pictures else "∇log p(y|x) in closed form: the mixture is labelled."
        if missing == "labels":
            return exact, "The network in use knows no labels: the exact rule is used. Train with labels."
        if missing == "classifier":
            return exact, "No classifier is trained for this data yet: the exact rule is used. Train one."
        return self._learned(sources)

    def _learned(self, sources: Sources) -> tuple[Score, str]:
        """The rules that rest on networks, all of which there are."""
        labels = self._labels(sources.mixture)
        if self.rule == "classifier_free":
            assert sources.labelled is not None
            return sources.labelled(*labels), "The network's conditional minus its unconditional score."
        each = tuple(self._by_classifier(sources, label) for label in labels)
        score = InTurn(each) if self.each else each[0]
        if self.rule == "classifier":
            return score, "The gradient of the classifier trained for this data."
        return score, f"{self.share:.0%} the network's own difference, the rest the classifier's gradient."

    def _by_classifier(self, sources: Sources, label: int) -> Score:
        """The conditional score of one class by the classifier's gradient, or by that and the network's own."""
        assert sources.classifier is not None
        gradient = ClassifierGradient(sources.classifier, sources.sde, label)
        if self.rule == "classifier":
            return Sum(sources.plain, gradient)
        assert sources.labelled is not None
        return Mixed(sources.plain, sources.labelled(label), gradient, self.share)


def _balanced(mixture: Mixture) -> Mixture:
    """The same mixture with every class equally heavy."""
    assert mixture.labels is not None
    _, rows = np.unique(mixture.labels, return_inverse=True)
    return replace(
        mixture, weights=mixture.weights / np.bincount(rows, mixture.weights)[rows] / (rows.max() + 1)
    )


def class_names(mixture: Mixture) -> dict[int, str]:
    """The classes of a mixture and what to call them."""
    if mixture.labels is None:
        return {}
    names = dict(enumerate(mixture.label_names))
    return {int(c): names.get(int(c), f"class {c}") for c in sorted(set(mixture.labels.tolist()))}


#: Classes of images at first: the exact score of a class only remembers, and high noise tells little of one.
CLASS_OF_PICTURES = ClassGuidance(rule="classifier_free", below=10.0)
#: The same, of each in turn.
EACH_CLASS = replace(CLASS_OF_PICTURES, each=True)
