"""Super-resolution: the means of blocks of pixels are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.base.params import param
from explorer.guidance.base import CONTROLS
from explorer.guidance.images import PictureProblem, method_param, own_param, picture_param


@CONTROLS.register("super_resolve", title="Super-resolve", order=80)
@dataclass(frozen=True)
class SuperResolve(PictureProblem):
    """A picture is known at a lower resolution: the mean of each block is one coordinate in an orthonormal basis."""

    about = "A low-resolution image is known: the mean of each block of pixels. The detail is found anew."
    source = "Song et al. 2021, appendix I.2; Kawar et al. 2022"
    part = "a low resolution"

    picture: int = picture_param()
    factor: str = param(
        "4", "Coarser by", choices={"2": "2", "4": "4"},
        help="Pixels along the side of a block whose mean is known.", equation="y = Σ x / f over f x f pixels",
    )  # fmt: skip
    method: str = method_param()
    own: tuple[int, ...] = own_param()

    def groups(self, size: tuple[int, int, int]) -> np.ndarray:
        f, (c, h, w) = int(self.factor), size
        blocks = np.arange(c * h * w).reshape(c, h // f, f, w // f, f)
        return np.moveaxis(blocks, 2, 3).reshape(-1, f * f)
