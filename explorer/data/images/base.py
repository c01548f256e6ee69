"""What every set of pictures has in common: pixels, labels, and the exact law of the set itself."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from explorer.base.registry import Registry
from explorer.data.distributions.base import Distribution
from explorer.data.distributions.mixture import Mixture

if TYPE_CHECKING:
    from explorer.data.images.nearest import Neighbours

IMAGES: Registry[ImageSet] = Registry("image set", "explorer.data.images")

#: x of a grey level is 2 level/255 - 1: from -1 (black) to 1 (white), LEVEL apart.
LEVEL = 2 / 255
#: Images whose distances are looked at.
APART = 300
#: Pictures that the exact law of a set is made of, at most, and the standard deviation around each.
REMEMBERED, JITTER = 2000, LEVEL / 2


@dataclass(frozen=True, eq=False)
class Pixels:
    """uint8 pictures (n, c, h, w) and their labels (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray | slice) -> Pixels:
        """Some of them."""
        return Pixels(self.images[rows], self.labels[rows])


def from_pixels(images: np.ndarray) -> np.ndarray:
    """Pictures (n, c, h, w) of levels 0 to 255 as points x (n, c h w) in [-1, 1], float32."""
    return (images.reshape(len(images), -1) * np.float32(LEVEL) - np.float32(1)).astype(np.float32)


def moments_of(pixels: Pixels) -> tuple[tuple[float, ...], float]:
    """The mean of each channel of x, and the standard deviation around it over all (0: nothing to learn)."""
    x = from_pixels(pixels.images[:20_000]).reshape(-1, *pixels.images.shape[1:])
    centre = x.mean((0, 2, 3), dtype=np.float64)
    spread = float(np.sqrt(np.square(x - centre[:, None, None], dtype=np.float64).mean()))
    return tuple(round(float(c), 4) for c in centre), round(spread, 4)


def to_pixels(x: np.ndarray, picture: tuple[int, int, int]) -> np.ndarray:
    """Points x (n, d) as pictures (n, h, w, c) of levels 0 to 255, held within them; NaN is black."""
    return np.moveaxis(to_levels(x).reshape(-1, *picture), 1, -1)


def to_levels(x: np.ndarray) -> np.ndarray:
    """Points x (n, d) on the levels 0 to 255 of a file, uint8 (n, d), held within them; NaN is black."""
    levels = np.nan_to_num((np.asarray(x) + 1) / LEVEL)
    return np.asarray(np.clip(levels, 0, 255).round(), np.uint8)


def mirrored(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures (n, c, h, w), each mirrored or not with equal odds."""
    turned = rng.random(len(images)) < 0.5
    return np.where(turned[:, None, None, None], images[..., ::-1], images)


@dataclass(frozen=True, eq=False)
class PictureMixture(Mixture):
    """The law of a finite set of pictures (c, h, w), with those held out of it: what a control may show and ask for."""

    picture: tuple[int, int, int] = (1, 1, 1)
    held_out: Pixels | None = None

    @cached_property
    def std(self) -> float:
        """Root of the mean variance per coordinate: without the covariance, which has millions of numbers."""
        return float(np.sqrt((self.means.var(0) + np.square(self.scales).mean(0)).mean()))

    @cached_property
    def _classes_apart(self) -> dict[int, Mixture]:
        return {}

    def where(self, label: int) -> Mixture:
        """The pictures of one class, kept: they take megabytes."""
        if label not in self._classes_apart:
            self._classes_apart[label] = super().where(label)
        return self._classes_apart[label]


class ImageSet(Distribution):
    """A named set of pictures. Subclasses are frozen dataclasses registered in IMAGES.

    x is flat (n, c h w) in [-1, 1], so that SDEs, samplers and guidance take it as they take points of the
    plane. As a `Distribution` it is the set itself (of at most REMEMBERED pictures): a finite mixture, whose
    exact score can only remember. What a network learns from it is meant to be more.
    """

    label_names: ClassVar[tuple[str, ...]] = ()
    #: Who made the pictures and under which licence they come.
    credit: ClassVar[str] = ""
    #: Whether the pictures are digits, drawn with a pen.
    digits: ClassVar[bool] = False
    #: What values of more than 8 bits became black and white, where a set was made of such.
    span: ClassVar[tuple[float, float] | None] = None
    #: Whether a picture may be mirrored in training.
    mirror: ClassVar[bool] = False

    @abstractmethod
    def load(self) -> tuple[Pixels, Pixels]:
        """Those to train on and those held out (called once per object, then kept)."""

    @cached_property
    def pixels(self) -> tuple[Pixels, Pixels]:
        """(train, held out)."""
        return self.load()

    @property
    def train(self) -> Pixels:
        """Those to train on."""
        return self.pixels[0]

    @property
    def held_out(self) -> Pixels:
        """Those never trained on, in random order."""
        return self.pixels[1]

    @property
    def size(self) -> tuple[int, int, int]:
        """(c, h, w)."""
        assert self.picture is not None
        return self.picture

    @property
    def mirrored_size(self) -> tuple[int, int, int] | None:
        """(c, h, w) where a mirrored picture is one to learn from as well, else None."""
        return self.size if self.mirror else None

    @cached_property
    def dim(self) -> int:  # type: ignore[override]
        """c h w."""
        return math.prod(self.size)

    @property
    def classes(self) -> int:
        """How many classes the pictures have; 0 where they have no labels."""
        return len(self.label_names)

    @cached_property
    def moments(self) -> tuple[tuple[float, ...], float]:
        """The mean of each channel, and the standard deviation around it over all: what networks scale by."""
        return moments_of(self.train)

    @cached_property
    def apart(self) -> float:
        """The largest distance ∥x - y∥ among some training images: what the noise at the end must hide."""
        x = from_pixels(self.train.images[:APART]).astype(np.float64)
        squares = np.square(x).sum(1)
        return float(np.sqrt(max((squares[:, None] + squares - 2 * x @ x.T).max(), 0.0)))

    @cached_property
    def neighbours(self) -> Neighbours:
        """All training pictures, to be searched for those nearest to a sample."""
        from explorer.data.images.nearest import Neighbours

        return Neighbours(from_pixels(self.train.images), self.mirrored_size)

    @cached_property
    def light(self) -> bool:
        """Whether the pictures are light along their edges, as on paper."""
        return light_edge(self.train.images[:500])

    @property
    def centre(self) -> tuple[float, ...]:
        """The mean of each channel."""
        return self.moments[0]

    @property
    def sigma_data(self) -> float:
        """The standard deviation around it."""
        return self.moments[1]

    def build(self) -> Mixture:
        few = self.train.take(_remembered(self.train.labels))
        labels = few.labels.astype(int) if self.label_names else None
        m = Mixture.of_points(from_pixels(few.images), JITTER, labels, self.label_names)
        return PictureMixture(
            m.weights, m.means, m.scales, None, labels, self.label_names, self.size, self.held_out
        )


def light_edge(images: np.ndarray) -> bool:
    """Whether pictures (n, c, h, w) are light along their edges."""
    edge = [images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]]
    return bool(np.median(np.concatenate([e.ravel() for e in edge])) > 127)


def _remembered(labels: np.ndarray) -> np.ndarray:
    """The rows of the first REMEMBERED pictures, among them one of every class (n,)."""
    first = np.unique(labels, return_index=True)[1]
    others = np.setdiff1d(np.arange(len(labels)), first)
    return np.sort(np.concatenate([first, others])[:REMEMBERED])
