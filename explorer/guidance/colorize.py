"""Colourisation: the grey value of each pixel is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.data.distributions.mixture import Mixture
from explorer.data.images.base import PictureMixture
from explorer.guidance.base import CONTROLS
from explorer.guidance.images import PictureProblem, method_param, own_param, picture_param


@CONTROLS.register("colourise", title="Colorize", order=70)
@dataclass(frozen=True)
class Colourise(PictureProblem):
    """The grey of a picture is known, its colours are not: a pixel's (R + G + B)/√3 in an orthonormal basis."""

    about = "The grey image is known: after an orthogonal change of basis it is one coordinate of each pixel."
    source = "Song et al. 2021, appendix I.3"
    part = "the grey"

    picture: int = picture_param()
    method: str = method_param()
    own: tuple[int, ...] = own_param()

    def unfit(self, mixture: Mixture) -> str:
        assert isinstance(mixture, PictureMixture)
        if mixture.picture[0] == 1:
            return "These images are grey: there is no color to find. Choose a set in color, such as Twemoji."
        return super().unfit(mixture)

    def groups(self, size: tuple[int, int, int]) -> np.ndarray:
        return np.arange(size[0] * size[1] * size[2]).reshape(size[0], -1).T
