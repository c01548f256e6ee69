"""The distance of samples from the data, defined once: for the window's curve, the script and the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from explorer.data import metrics
from explorer.data.images import ImageSet
from explorer.data.images.base import from_pixels
from explorer.data.metrics import Floor, Reference
from explorer.experiment.schema import Experiment

#: Images of a run that are measured at most, and held-out ones that the floor is of.
IMAGES, HELD_OUT = 100, 200


class Distance(Protocol):
    """A distance to the data."""

    @property
    def title(self) -> str:
        """Its name."""

    @property
    def against(self) -> str:
        """What samples are measured against, in words."""

    def measured(self, n: int) -> int:
        """How many of n samples are measured: all, or evenly spaced ones."""

    def __call__(self, x: np.ndarray) -> float:
        """The distance of samples (n, d)."""

    def floor(self, n: int) -> Floor:
        """What n samples of the data itself come to."""


@dataclass(frozen=True, eq=False)
class OfPoints:
    """The sliced Wasserstein distance to one large draw of the law that the samples should have."""

    reference: Reference
    title = "Sliced Wasserstein distance"

    @property
    def against(self) -> str:
        return f"{self.reference.size:,} points"

    def measured(self, n: int) -> int:
        return metrics.measured(n)

    def __call__(self, x: np.ndarray) -> float:
        return self.reference.sliced_wasserstein(x)

    def floor(self, n: int) -> Floor:
        return self.reference.floor("sliced_wasserstein", n)


@dataclass(frozen=True, eq=False)
class OfImages:
    """How far images are from the nearest training image: the root mean square over pixels of -1 to 1, on average.

    A cloud of 16 points in 784 dimensions has no useful distance to a cloud of data. The floor is that of held-out
    images: below it a sampler only copies.
    """

    data: ImageSet
    title = "Distance to the nearest training image"

    @property
    def against(self) -> str:
        return f"{len(self.data.train):,} training images"

    def measured(self, n: int) -> int:
        return len(range(0, n, _every(n)))

    def __call__(self, x: np.ndarray) -> float:
        return float(self.data.neighbours(x[:: _every(len(x))])[1].mean())

    def floor(self, n: int) -> Floor:
        each = self.data.neighbours(from_pixels(self.data.held_out.images[:HELD_OUT]))[1]
        return Floor(float(each.mean()), float(each.std() / math.sqrt(self.measured(n))))


def _every(n: int) -> int:
    return math.ceil(n / IMAGES)


def to_data(e: Experiment) -> Distance:
    """The distance to what the experiment's samples should be like (given what a control asks)."""
    return OfPoints(metrics.reference(e.target)) if e.pictures is None else OfImages(e.pictures)


@dataclass(frozen=True)
class Scale:
    """What a distance means: its name, how many samples of what it compares, and its floor."""

    title: str
    n: int
    against: str
    floor: Floor

    @staticmethod
    def of(distance: Distance, n: int) -> Scale:
        """Of the distance of n samples."""
        return Scale(distance.title, distance.measured(n), distance.against, distance.floor(n))

    @property
    def words(self) -> str:
        """In one line, without the distance itself."""
        return (
            f"{self.title}, n = {self.n:,}; "
            f"floor {self.floor.mean:.3g} ± {self.floor.std:.2g} (against {self.against})"
        )


def report(e: Experiment, x: np.ndarray) -> str:
    """The distance of samples (n, d) from the data and what it means, as the exported script prints it."""
    distance = to_data(e)
    return f"distance to the data {distance(x):.9g}: {Scale.of(distance, len(x)).words}"
