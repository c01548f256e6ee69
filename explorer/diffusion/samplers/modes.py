"""The modes of a sampler, and what of its settings others may read."""

from __future__ import annotations

from typing import Protocol

from explorer.diffusion.samplers.base import Predictor

MODES = {
    "forward": "Forward",
    "reverse": "Reverse SDE",
    "ode": "ODE",
    "pc": "PC",
    "langevin": "Langevin",
    "annealed": "Annealed",
}


class Settings(Protocol):
    """The settings of a sampler (`spec.Sampler`) that mistakes read."""

    @property
    def mode(self) -> str: ...

    @property
    def method(self) -> Predictor: ...

    @property
    def solver(self) -> Predictor: ...

    @property
    def eta(self) -> float: ...

    @property
    def effective_eta(self) -> float: ...

    @property
    def corrector_steps(self) -> int: ...

    @property
    def corrections(self) -> int: ...
