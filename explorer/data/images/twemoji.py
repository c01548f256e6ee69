"""Emoji."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.data.images.archive import shipped
from explorer.data.images.base import IMAGES, ImageSet, Pixels


@IMAGES.register("twemoji", title="Twemoji", order=30)
@dataclass(frozen=True)
class Twemoji(ImageSet):
    """Twemoji 16.0 on white, 32 x 32 in colour, without variations of the skin."""

    picture = (3, 32, 32)
    about = "Color emoji of nine categories, 32 x 32."
    label_names = (
        "activities", "animals", "flags", "food", "objects", "people", "smileys", "symbols", "travel",
    )  # fmt: skip
    credit = "Twemoji graphics 16.0: copyright Twitter, Inc and other contributors. CC BY 4.0."
    mirror = True

    def load(self) -> tuple[Pixels, Pixels]:
        return shipped("twemoji")
