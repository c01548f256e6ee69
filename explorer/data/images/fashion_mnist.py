"""Clothes."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.data.images.archive import shipped
from explorer.data.images.base import IMAGES, ImageSet, Pixels


@IMAGES.register("fashion_mnist", title="Fashion-MNIST", order=20)
@dataclass(frozen=True)
class FashionMnist(ImageSet):
    """Fashion-MNIST, 28 x 28 grey."""

    picture = (1, 28, 28)
    about = "Clothes, shoes and bags, 28 x 28."
    label_names = (
        "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
    )  # fmt: skip
    credit = "Fashion-MNIST: copyright 2017 Zalando SE. MIT licence."

    def load(self) -> tuple[Pixels, Pixels]:
        return shipped("fashion_mnist")
