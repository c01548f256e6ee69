"""What every control has in common: a law to reach, and a score that leads there.

All of them rest on one identity ([S21] eq. 14): ∇log p_t(x | y) = ∇log p_t(x) + ∇log p_t(y | x).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from explorer.distributions.mixture import Mixture
from explorer.lazy import torch
from explorer.params import Validated
from explorer.registry import Registry
from explorer.scores.base import DifferenceScore, ExactScore, Score
from explorer.sdes import SDE

if TYPE_CHECKING:
    from explorer.scores.classifier import NoiseClassifier

CONTROLS: Registry[Control] = Registry("control", "explorer.guidance")


@dataclass(frozen=True)
class Guided:
    """(1 - w) s(x) + w s(x | y) = s(x) + w ∇log p_t(y | x), the strength w being `weight`.

    The first form is classifier-free guidance with ω = w, the second a classifier's gradient times w: one
    number. (Ho & Salimans write 1 + w for this ω.) Weight 1 is the conditional score itself, to the last bit,
    and weight 0 the unconditional one.
    """

    plain: Score
    conditional: Score
    weight: float = 1.0

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        if self.weight in (0.0, 1.0):
            return self.conditional(x, t) if self.weight else self.plain(x, t)
        return torch.lerp(self.plain(x, t), self.conditional(x, t), self.weight)

    @property
    def push(self) -> Score:
        """w ∇log p_t(y | x): what guidance adds to the unconditional score."""
        return Push(self)


@dataclass(frozen=True)
class Push:
    """The guidance part of a guided score."""

    guided: Guided

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        g = self.guided
        return (g.conditional(x, t) - g.plain(x, t)) * g.weight


@dataclass(frozen=True)
class Sum:
    """a + b."""

    a: Score
    b: Score

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return self.a(x, t) + self.b(x, t)


@dataclass(frozen=True)
class Known:
    """A part of x_0 that is known: aᵀx_0 = value + std ξ, ∥a∥ = 1, ξ standard normal (one a particle)."""

    direction: tuple[float, ...]
    value: float
    std: float = 0.0

    @property
    def words(self) -> str:
        """What is known, as "x₁ = 0.5"."""
        noise = f" ± {self.std:g}" if self.std else ""
        return f"{self._projection} = {self.value:.3g}{noise}"

    @property
    def _projection(self) -> str:
        """aᵀx in words: x, x₁, x₂ or the angle of the projection."""
        if len(self.direction) == 1:
            return "x"
        a = self.direction
        if abs(a[1]) < 1e-9:
            return "x₁"
        return "x₂" if abs(a[0]) < 1e-9 else f"aᵀx at {math.degrees(math.atan2(a[1], a[0])):.0f}°"

    def put_in(
        self, x: torch.Tensor, alpha: float, sigma: float, z: torch.Tensor, error: torch.Tensor
    ) -> torch.Tensor:
        """x (n, d) with its part along `direction` replaced by the observation under the forward noise.

        z and error (n,) are standard normal: the noise of the diffusion and that of the observation. The rest
        of x, in the orthogonal basis that begins with `direction`, stays ([S21] appendix I.2, I.3).
        """
        a = torch.tensor(self.direction, dtype=x.dtype, device=x.device)
        observed = alpha * (self.value + self.std * error) + sigma * z
        return x - (x @ a)[:, None] * a + observed[:, None] * a


@dataclass(frozen=True)
class Replaced:
    """A score whose sampler replaces what is `known` after each step (see simulate.Simulation)."""

    score: Score
    known: Known

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return self.score(x, t)


@dataclass(frozen=True)
class Sources:
    """What a control can draw on.

    plain: the unconditional score in use; `exact` says whether it is the closed form. labelled: the
    conditional scores of the network in use, by class, where it was trained with the labels of this data.
    classifier: the one trained for this data, if any.
    """

    plain: Score
    mixture: Mixture
    sde: SDE
    exact: bool = True
    labelled: Callable[[int], Score] | None = None
    classifier: NoiseClassifier | None = None

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

    def refusal(self, mixture: Mixture) -> str:
        """Why it makes no sense for this data, in one sentence; "" where it does."""
        return ""

    def brief(self, mixture: Mixture) -> str:
        """What is given, in a few words for headings; "" for nothing."""
        return ""

    @abstractmethod
    def target(self, mixture: Mixture) -> Mixture:
        """The exact law p_0(x | y) that samples should have, itself a mixture."""

    @abstractmethod
    def guide(self, sources: Sources) -> tuple[Score, str]:
        """The score to sample with, and a sentence about it for the Control card."""
