"""Handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.data.images.archive import shipped
from explorer.data.images.base import IMAGES, ImageSet, Pixels


@IMAGES.register("mnist", title="MNIST digits", order=10)
@dataclass(frozen=True)
class Mnist(ImageSet):
    """MNIST, 28 x 28 grey."""

    picture = (1, 28, 28)
    about = "Ten thousand handwritten digits, 28 x 28."
    label_names = tuple("0123456789")
    digits = True
    credit = "MNIST: Y. LeCun, C. Cortes, C. Burges. CC BY-SA 3.0."

    def load(self) -> tuple[Pixels, Pixels]:
        return shipped("mnist")
