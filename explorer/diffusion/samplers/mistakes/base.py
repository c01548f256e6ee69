"""What a mistake is: a change of what a run is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from explorer.base.lazy import torch
from explorer.base.params import Validated, params
from explorer.base.registry import Registry
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.samplers.base import Predictor, Step, Terms, Walk
from explorer.diffusion.samplers.modes import MODES, Settings
from explorer.diffusion.samplers.process import Reverse
from explorer.diffusion.sdes.base import SDE

MISTAKES: Registry[Mistake] = Registry("mistake", "explorer.diffusion.samplers.mistakes")


@dataclass(frozen=True)
class Setup:
    """What a run is made of, before it starts.

    score: (x (n, d), t) -> (n, d). eta: how much noise the reverse process puts back. `noise` multiplies the
    noise of each predictor step, `direction` what the step does besides.
    """

    sde: SDE
    score: Callable[[torch.Tensor, float], torch.Tensor]
    sampler: Any  # a spec.Sampler, which has its mistake in it and so is defined above
    mixture: Mixture
    seed: int
    eta: float
    noise: float = 1.0
    direction: float = 1.0

    def begin(self, process: Reverse, times: list[float]) -> Walk:
        """The sampler's method at work on a grid, with what the mistake does to its steps."""
        method = self.sampler.method
        if self.noise == self.direction == 1:
            return method.begin(process, times)
        return Misled(method, process, times, self.noise, self.direction)


class Misled(Walk):
    """The walk of another, its noise multiplied by `noise` and what it does besides by `direction`."""

    def __init__(
        self, method: Predictor, process: Reverse, times: list[float], noise: float, direction: float
    ) -> None:
        super().__init__(method, process, times)
        self.inner, self.noise, self.direction = method.begin(process, times), noise, direction

    def step(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Step:
        right = self.inner.step(x, t, t_next, self.noise * z)
        mean = x + self.direction * (right.mean - x)
        return Step(mean + (right.x - right.mean), mean)

    def terms(self, x: torch.Tensor, t: float, t_next: float, z: torch.Tensor) -> Terms:
        drift, score, kick = self.inner.terms(x, t, t_next, self.noise * z)
        return Terms(self.direction * drift, self.direction * score, kick)


class Mistake(Validated, ABC):
    """Subclasses are frozen dataclasses registered in MISTAKES.

    seen: what one sees, a sentence. why: where it goes wrong. right, wrong: the equations side by side, LaTeX.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str] = ""
    seen: ClassVar[str] = ""
    why: ClassVar[str] = ""
    right: ClassVar[str] = ""
    wrong: ClassVar[str] = ""
    source: ClassVar[str] = ""
    #: The modes of the sampler in which it changes anything.
    modes: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def broken(self, setup: Setup) -> Setup:
        """The run with the mistake in it."""

    def idle(self, sampler: Settings, sde: SDE) -> str:
        """Why it changes nothing here, and where it would, in one sentence; "" where it does."""
        if sampler.mode not in self.modes:
            return f"It changes nothing in this mode: choose {_listed(self.modes)}."
        steps = sampler.mode in ("langevin", "annealed", "forward") or sampler.method.nfe_per_step
        return "" if steps or sampler.corrections else "Nothing moves here: choose a predictor."

    def seen_in(self, sampler: Settings, sde: SDE) -> str:
        """What one sees in this mode under this SDE."""
        return self.seen

    @property
    def made(self) -> bool:
        """Whether this is a mistake at all."""
        return True


def _listed(modes: tuple[str, ...]) -> str:
    names = [MODES[mode] for mode in modes]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@MISTAKES.register("none", title="None", order=0)
@dataclass(frozen=True)
class Right(Mistake):
    """Everything as it should be."""

    def seen_in(self, sampler: Settings, sde: SDE) -> str:
        """What one sees in this mode under this SDE."""
        return self.seen

    @property
    def made(self) -> bool:
        return False

    def idle(self, sampler: Settings, sde: SDE) -> str:
        return ""

    def broken(self, setup: Setup) -> Setup:
        return setup


def altered(sde: SDE, **attributes: object) -> SDE:
    """The same SDE with some attributes of its class (T, eps, diffusion) replaced."""
    kind = type(sde)
    values = {p.name: getattr(sde, p.name) for p in params(kind)}
    made: SDE = type(kind.__name__, (kind,), {"__module__": kind.__module__, **attributes})(**values)
    return made


def same_step(mistake: Mistake, sampler: Settings, sde: SDE) -> bool:
    """Whether one step of the predictor or solver comes out as it would without the mistake."""
    mixture = Mixture.of_points(torch.zeros(1, 2).numpy(), 1.0)
    right = Setup(sde, lambda x, t: -2 * x, sampler, mixture, 0, sampler.effective_eta)
    a, b = (_one_step(setup) for setup in (right, mistake.broken(right)))
    return bool(torch.equal(a, b))


def _one_step(setup: Setup) -> torch.Tensor:
    process, t, t_next = Reverse(setup.sde, setup.score, setup.eta), 0.5, 0.4
    if setup.sampler.method.adaptive:
        return process.drift(torch.ones(1, 2), t)
    z = torch.ones(2, 1, 2) if setup.sampler.method.draws == 2 else torch.ones(1, 2)
    return setup.begin(process, [t, t_next]).step(torch.ones(1, 2), t, t_next, z).x
