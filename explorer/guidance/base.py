"""What every control has in common: a law to reach, and a score that leads there.

All of them rest on one identity ([S21] eq. 14): ∇log p_t(x | y) = ∇log p_t(x) + ∇log p_t(y | x).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from explorer.base.lazy import torch
from explorer.base.params import Validated
from explorer.base.registry import Registry
from explorer.data.distributions.base import Distribution
from explorer.data.distributions.mixture import Mixture
from explorer.data.images.base import PictureMixture
from explorer.diffusion.scores import DifferenceScore, ExactScore, Score, of_row
from explorer.diffusion.sdes import SDE
from explorer.networks.learned import LearnedScore

if TYPE_CHECKING:
    from explorer.networks.classifier import NoisyClassifier

CONTROLS: Registry[Control] = Registry("control", "explorer.guidance")

NEEDS_POINTS = "“{}” is a control for points; for images there are others."
NEEDS_PICTURES = "“{}” is a control for images: choose a set of them as the data."


@dataclass(frozen=True)
class Guided:
    """(1 - w) s(x) + w s(x | y) = s(x) + w ∇log p_t(y | x), the strength w being `weight`.

    The first form is classifier-free guidance with ω = w, the second a classifier's gradient times w: one
    number. (Ho & Salimans write 1 + w for this ω.) Weight 1 is the conditional score itself, to the last bit,
    and weight 0 the unconditional one. At noise levels above `below` under `sde` a weight is at most 1
    (Kynkäänniemi et al. 2024): there the class is hardly seen, and one evaluation of a network is saved.
    """

    plain: Score
    conditional: Score
    weight: float = 1.0
    sde: SDE | None = None
    below: float = math.inf

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        w = self.weight_at(t)
        if w in (0.0, 1.0):
            return self.conditional(x, t) if w else self.plain(x, t)
        return torch.lerp(*both(self.plain, self.conditional, x, t), w)

    def weight_at(self, t: float) -> float:
        """The weight at time t."""
        above = self.sde is not None and self.sde.noise_level(t) > self.below
        return min(self.weight, 1.0) if above else self.weight

    def evaluations_at(self, t: float) -> int:
        """How often networks are asked for one score."""
        w = self.weight_at(t)
        if w in (0.0, 1.0):
            return evaluations(self.conditional if w else self.plain, t)
        return evaluations_of_both(self.plain, self.conditional, t)

    def of_row(self, row: int) -> Guided:
        """The score of one row alone."""
        return replace(self, conditional=of_row(self.conditional, row))

    @property
    def push(self) -> Score:
        """w ∇log p_t(y | x): what guidance adds to the unconditional score."""
        return Push(self)


@dataclass(frozen=True)
class Push:
    """The guidance part of a guided score."""

    guided: Guided

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        plain, conditional = both(self.guided.plain, self.guided.conditional, x, t)
        return (conditional - plain) * self.guided.weight_at(t)


@dataclass(frozen=True)
class Sum:
    """a + b."""

    a: Score
    b: Score

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return self.a(x, t) + self.b(x, t)

    def evaluations_at(self, t: float) -> int:
        """How often networks are asked for one score."""
        return evaluations(self.a, t)


@dataclass(frozen=True)
class Mixed:
    """s(x) + κ (s(x | y) - s(x)) + (1 - κ) ∇log p_t(y | x), κ = `share`: network and classifier."""

    plain: Score
    conditional: Score
    gradient: Score
    share: float

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return both(self.plain, self, x, t)[1]

    def evaluations_at(self, t: float) -> int:
        """How often networks are asked for one score."""
        return evaluations_of_both(self.plain, self.conditional, t)


def both(plain: Score, conditional: Score, x: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
    """s(x) and s(x | y), with what they share computed once."""
    if isinstance(conditional, Sum) and conditional.a == plain:
        s = plain(x, t)
        return s, s + conditional.b(x, t)
    if isinstance(conditional, Mixed):
        s, labelled = both(plain, conditional.conditional, x, t)
        gradient = conditional.gradient(x, t) * (1 - conditional.share)
        return s, torch.lerp(s, labelled, conditional.share) + gradient
    if isinstance(plain, LearnedScore) and isinstance(conditional, LearnedScore) and plain.joins(conditional):
        return plain.beside(conditional, x, t)
    return plain(x, t), conditional(x, t)


def evaluations(score: Score, t: float) -> int:
    """How often networks are asked for one value of a score at time t (a closed form counts as one too)."""
    asked = getattr(score, "evaluations_at", None)
    return 1 if asked is None else int(asked(t))


def evaluations_of_both(plain: Score, conditional: Score, t: float) -> int:
    """The same for `both`."""
    if isinstance(conditional, LearnedScore):
        return evaluations(plain, t) + 1
    return evaluations(conditional, t)


@dataclass(frozen=True)
class Sources:
    """What a control can draw on.

    plain: the unconditional score in use; `exact` says whether it is the closed form. labelled: the
    conditional scores of the network in use, by class (of several, in turn), where it was trained with this data's
    labels.
    classifier: the one trained for this data, if any.
    """

    plain: Score
    mixture: Mixture
    sde: SDE
    exact: bool = True
    labelled: Callable[..., Score] | None = None
    classifier: NoisyClassifier | None = None

    def conditional(self, target: Mixture) -> Score:
        """The score of p_t(x | y) where p_0(x | y) is `target`.

        Exact with an exact score; else the network's plus the exact ∇log p_t(y | x).
        """
        goal = ExactScore(target, self.sde)
        if self.exact:
            return goal
        return Sum(self.plain, DifferenceScore(goal, ExactScore(self.mixture, self.sde)))


class Control(Validated, ABC):
    """Subclasses are frozen dataclasses of parameters, registered in CONTROLS, one file each."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: One sentence for the card, the equation, and where it stands.
    about: ClassVar[str] = ""
    equation: ClassVar[str] = ""
    source: ClassVar[str] = ""
    #: The kinds of data that it is made for.
    for_points: ClassVar[bool] = True
    for_pictures: ClassVar[bool] = False

    @classmethod
    def suits(cls, mixture: Mixture) -> bool:
        """Whether it is made for this kind of data: points or pictures."""
        return cls.for_pictures if isinstance(mixture, PictureMixture) else cls.for_points

    def refusal(self, mixture: Mixture) -> str:
        """Why it makes no sense for this data, in one sentence; "" where it does."""
        if not self.suits(mixture):
            return (NEEDS_POINTS if self.for_points else NEEDS_PICTURES).format(self.title)
        return self.unfit(mixture)

    def unfit(self, mixture: Mixture) -> str:
        """Why it makes no sense for this data, though it is of a kind that it is made for; "" where it does."""
        return ""

    def fitted(self, data: Distribution) -> Control:
        """This control for other data: what can only be of the data before is as it is at first."""
        return self

    def brief(self, mixture: Mixture) -> str:
        """What is given, in a few words for headings; "" for nothing."""
        return ""

    @abstractmethod
    def target(self, mixture: Mixture) -> Mixture:
        """The exact law p_0(x | y) that samples should have, itself a mixture."""

    def missing(self, sources: Sources) -> str:
        """What must be trained before it is what it says: "labels" (a network that knows them), "classifier" or ""."""
        return ""

    @abstractmethod
    def guide(self, sources: Sources) -> tuple[Score, str]:
        """The score to sample with, and a sentence about it for the Control card."""
