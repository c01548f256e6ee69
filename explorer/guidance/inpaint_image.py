"""Inpainting of pictures: some pixels are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from explorer.base.params import ParamError, param
from explorer.data.distributions.base import Distribution
from explorer.data.distributions.mixture import Mixture
from explorer.data.images import ImageSet
from explorer.data.images.base import PictureMixture
from explorer.guidance import masks
from explorer.guidance.base import CONTROLS, Control
from explorer.guidance.images import PictureProblem, method_param, own_param, picture_param

#: What is painted out at first.
_MASK = "right"


@CONTROLS.register("inpaint_picture", title="Inpaint", order=60)
@dataclass(frozen=True)
class InpaintPicture(PictureProblem):
    """Some pixels of a picture are painted out and filled in, in as many ways as there are samples."""

    about = (
        "A part of an image is painted out; each sample fills it in another way. What is known stays exactly."
    )
    source = "Song et al. 2021, appendix I.2"
    part = "a part"

    picture: int = picture_param()
    mask: str = param(
        _MASK, "Painted out",
        help="A preset (left, right, lower, middle, none), or the bits of the pixels in hexadecimal, row by row.",
    )  # fmt: skip
    method: str = method_param()
    own: tuple[int, ...] = own_param()

    def __post_init__(self) -> None:
        super().__post_init__()
        masks.check(self.mask)

    def unfit(self, mixture: Mixture) -> str:
        assert isinstance(mixture, PictureMixture)
        try:
            masks.hidden(self.mask, *mixture.picture[1:])
        except ParamError as error:
            return f"{str(error).capitalize()}."
        return super().unfit(mixture)

    def fitted(self, data: Distribution) -> Control:
        new = super().fitted(data)
        assert isinstance(new, InpaintPicture)
        anew = isinstance(data, ImageSet) and not masks.fits(self.mask, *data.size[1:])
        return replace(new, mask=_MASK) if anew else new

    def groups(self, size: tuple[int, int, int]) -> np.ndarray:
        known = np.broadcast_to(~masks.hidden(self.mask, *size[1:]), size)
        return np.flatnonzero(known)[:, None]
