"""Class-conditional sampling: three ways to get ∇log p_t(y | x), and a weight on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from explorer.distributions.mixture import Mixture
from explorer.guidance.base import CONTROLS, Control, Guided, Mixed, Sources, Sum
from explorer.guidance.classifier import ClassifierGradient
from explorer.images.base import PictureMixture
from explorer.params import param
from explorer.scores.base import Score

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
        if self.label not in mixture.labels:
            return f"There is no class {self.label}: this data has classes 0 to {mixture.labels.max()}."
        return ""

    def brief(self, mixture: Mixture) -> str:
        by = "" if self.rule == "exact" else f" by {RULES[self.rule].lower()}"
        name = class_names(mixture)[self.label]
        return f"{f'class {name}' if name.isdigit() else name}, w = {self.weight:g}{by}"

    def target(self, mixture: Mixture) -> Mixture:
        return mixture.where(self.label)

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
        exact = sources.conditional(self.target(sources.mixture))
        if self.rule == "exact":
            pictures = isinstance(sources.mixture, PictureMixture)
            return exact, REMEMBERS if pictures else "∇log p(y|x) in closed form: the mixture is labelled."
        missing = self.missing(sources)
        if missing == "labels":
            return exact, "The network in use knows no labels: the exact rule is used. Train with labels."
        if missing == "classifier":
            return exact, "No classifier is trained for this data yet: the exact rule is used. Train one."
        return self._learned(sources)

    def _learned(self, sources: Sources) -> tuple[Score, str]:
        """The rules that rest on networks, all of which there are."""
        if self.rule == "classifier_free":
            assert sources.labelled is not None
            return sources.labelled(self.label), "The network's conditional minus its unconditional score."
        assert sources.classifier is not None
        gradient = ClassifierGradient(sources.classifier, sources.sde, self.label)
        if self.rule == "classifier":
            return Sum(sources.plain, gradient), "The gradient of the classifier trained for this data."
        assert sources.labelled is not None
        mixed = Mixed(sources.plain, sources.labelled(self.label), gradient, self.share)
        return mixed, f"{self.share:.0%} the network's own difference, the rest the classifier's gradient."


def class_names(mixture: Mixture) -> dict[int, str]:
    """The classes of a mixture and what to call them."""
    if mixture.labels is None:
        return {}
    names = dict(enumerate(mixture.label_names))
    return {int(c): names.get(int(c), f"class {c}") for c in sorted(set(mixture.labels.tolist()))}
