"""Inverse problems of pictures: a part of one picture is known, and the samples are what it may have been."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np

from explorer.base.params import ParamError, param
from explorer.data.distributions.base import Distribution
from explorer.data.distributions.mixture import Mixture
from explorer.data.images import ImageSet, from_pixels, to_pixels
from explorer.data.images.base import PictureMixture
from explorer.diffusion.observation import GroupMeans, Replaced
from explorer.diffusion.scores import Score
from explorer.guidance.base import Control, Sources
from explorer.guidance.posterior import NEGLIGIBLE
from explorer.guidance.tweedie import TweedieGuided

METHODS = {"tweedie": "Tweedie", "replacement": "Replacement"}
METHOD_HELP = (
    "Both: after each step what is known is overwritten by the observation under the forward noise. Replacement: no "
    "more than that, so the rest hardly learns of it. Tweedie: the rest is also pulled by the gradient of how well the "
    "denoised image fits what is known; it costs a backward pass through the network, and the parts fit."
)
#: Numbers of the largest picture that a file may hold.
LARGEST = 3 * 256 * 256


def picture_param() -> int:
    number: int = param(
        0, "Image", symbol="i", low=0, high=99, minimum=0, maximum=10**6,
        help="Which image: its number among those held out, which no network was trained on.",
        visible=lambda c: not c.own, equation="y = B xᵢ",
    )  # fmt: skip
    return number


def own_param() -> tuple[int, ...]:
    levels: tuple[int, ...] = param(
        (), "Own image", kind="data", help="In its place: levels 0 to 255, channel by channel, row by row."
    )
    return levels


def method_param() -> str:
    name: str = param(
        "tweedie", "Method", choices=METHODS, help=METHOD_HELP,
        equation="[S21] appendix I.2; Song et al. 2023, eq. 7",
    )  # fmt: skip
    return name


class PictureProblem(Control):
    """B x_0 = y is known of one picture, the rows of B orthonormal. Subclasses say which means of pixels y are."""

    for_points, for_pictures = False, True
    equation = r"p_t(x\,|\,y):\quad y = B x_0,\quad B B^{\top} = I"
    #: What is known, in a word or two for headings.
    part: ClassVar[str]
    picture: int
    own: tuple[int, ...]
    method: str

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "own", checked_levels(self.own, f"{self.name}.own"))

    @abstractmethod
    def groups(self, size: tuple[int, int, int]) -> np.ndarray:
        """Places (k, m) in a flat picture (c, h, w) of the pixels whose means are known."""

    def levels(self, mixture: PictureMixture) -> np.ndarray:
        """The whole picture (c, h, w), uint8."""
        if self.own:
            return np.array(self.own, np.uint8).reshape(mixture.picture)
        assert mixture.held_out is not None
        return np.asarray(mixture.held_out.images[self.picture])

    def known(self, mixture: PictureMixture) -> GroupMeans:
        """What is known of it."""
        x, groups = from_pixels(self.levels(mixture)[None])[0], self.groups(mixture.picture)
        return GroupMeans(len(x), groups, x[groups].mean(1))

    def shown(self, mixture: PictureMixture) -> np.ndarray:
        """What is known as levels (c, h, w), uint8: mid-grey where nothing is, means over their pixels."""
        known = self.known(mixture)
        x = np.zeros((1, known.dim))
        x[0, known.groups] = known.means[:, None]
        return np.moveaxis(to_pixels(x, mixture.picture)[0], -1, 0)

    def unfit(self, mixture: Mixture) -> str:
        assert isinstance(mixture, PictureMixture)
        c, h, w = mixture.picture
        if self.own and len(self.own) != c * h * w:
            return f"The own image is of another size than these ({w} x {h}, {c} channels): open it again."
        count = len(mixture.held_out or ())
        if not self.own and self.picture >= count:
            return f"There is no image {self.picture}: those held out are 0 to {count - 1}."
        return ""

    def fitted(self, data: Distribution) -> Control:
        if not isinstance(data, ImageSet):
            return self
        own = self.own if len(self.own) == data.dim else ()
        number = self.picture if own or self.picture < len(data.held_out) else 0
        fields: Any = {"own": own, "picture": number}
        return replace(cast(Any, self), **fields)  # a dataclass of this kind

    def brief(self, mixture: Mixture) -> str:
        by = ", Tweedie" if self.method == "tweedie" else ""
        return f"{self.part} of {'an own image' if self.own else f'image {self.picture}'}{by}"

    def target(self, mixture: Mixture) -> Mixture:
        """The set's own posterior: the stored pictures that fit best, what is known put in. It can only remember."""
        assert isinstance(mixture, PictureMixture)
        known = self.known(mixture)
        places, root = known.groups, math.sqrt(known.groups.shape[1])
        miss = (mixture.means[:, places].mean(2) - known.means) * root
        scale = float(mixture.scales[0, 0])
        log_w = np.log(mixture.weights) - 0.5 * np.square(miss).sum(1) / scale**2
        w = np.exp(log_w - log_w.max())
        k = w > NEGLIGIBLE
        means = mixture.means[k]
        means[:, places] -= (miss[k] / root)[..., None]
        labels = None if mixture.labels is None else mixture.labels[k]
        return Mixture.of_points(means, scale, labels, mixture.label_names, w[k])

    def guide(self, sources: Sources) -> tuple[Score, str]:
        assert isinstance(sources.mixture, PictureMixture)
        known = self.known(sources.mixture)
        word = "What is known is put in after each step, under that step's noise"
        memory = (
            " The score is that of the stored images: it can only remember them." if sources.exact else ""
        )
        if self.method == "tweedie":
            guided = TweedieGuided(sources.plain, sources.sde, known, sources.mixture.std)
            return Replaced(guided, known), f"{word}, and the rest is pulled towards fitting it.{memory}"
        return Replaced(sources.plain, known), f"{word}; the score is unchanged.{memory}"


def checked_levels(value: Any, path: str) -> tuple[int, ...]:
    """Levels of a picture as whole numbers from 0 to 255, or a ParamError."""
    if not isinstance(value, tuple | list) or len(value) > LARGEST:
        raise ParamError(f"{path} must be a list of at most {LARGEST:,} levels from 0 to 255")
    if not all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 255 for v in value):
        raise ParamError(f"{path} must be whole numbers from 0 to 255")
    return tuple(value)
