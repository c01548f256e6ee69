"""What every distribution has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from explorer.base.params import Validated
from explorer.base.registry import Registry
from explorer.data.distributions.units import FILE, Units

if TYPE_CHECKING:
    from explorer.data.distributions.mixture import Mixture

DISTRIBUTIONS: Registry[Distribution] = Registry("distribution", "explorer.data.distributions")


class Distribution(Validated, ABC):
    """A named way to make a Gaussian mixture. Subclasses are frozen dataclasses registered in DISTRIBUTIONS.

    Conventions: mean about 0, coordinates of standard deviation about 1 (so that every SDE's defaults fit),
    dimension 2 or 1.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    dim: ClassVar[int] = 2
    #: (channels, height, width) where a point is a picture; its x is flat all the same.
    picture: tuple[int, int, int] | None = None
    #: False for the user's own data, which has no pretrained network.
    builtin: ClassVar[bool] = True
    #: Parameters that say something about the user's machine: model files do not carry them.
    private: ClassVar[tuple[str, ...]] = ()
    #: Whether its numbers are at hand, or must be read first (which may take a while).
    ready: ClassVar[bool] = True
    #: One sentence for the gallery.
    about: ClassVar[str] = ""

    @property
    def units(self) -> Units | None:
        """Those of the file that the data is from; None where there is none, or it has the standard ones."""
        return None

    def units_in(self, wanted: str) -> Units | None:
        """`units`, where those of the file (FILE) are `wanted`; None for the standard ones."""
        return self.units if wanted == FILE else None

    @property
    def held_out_points(self) -> np.ndarray | None:
        """Points (m, d) of the same origin that the mixture is not made of; None where there are none."""
        return None

    @abstractmethod
    def build(self) -> Mixture:
        """The mixture (called once per object, then kept)."""

    @cached_property
    def mixture(self) -> Mixture:
        """The mixture that is this distribution's exact density."""
        return self.build()

    def sample(self, n: int, seed: int) -> np.ndarray:
        """n independent points (n, d), float32, the same for the same seed.

        The stream is the data's own: noise made from the same seed elsewhere must not follow it.
        """
        return self.mixture.sample(n, np.random.default_rng([seed, *b"data"]))[0]
