"""APNG: an animation without loss, which browsers show as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from explorer.base.params import param
from explorer.export.base import EXPORTERS
from explorer.export.movie import Movie


@EXPORTERS.register("apng", title="Animated PNG", order=40)
@dataclass(frozen=True)
class Apng(Movie):
    """Every pixel as it was drawn; large."""

    suffix: ClassVar[str] = ".apng"
    container: ClassVar[str] = "apng"
    codec: ClassVar[str] = "apng"
    pixel_format: ClassVar[str] = "rgb24"
    about: ClassVar[str] = "Every pixel as it was drawn, in all colors. Large."

    width: int = param(960, "Width", unit="px", low=320, high=3840, minimum=16, maximum=7680)
    height: int = param(540, "Height", unit="px", low=240, high=2160, minimum=16, maximum=4320)
    fps: int = param(20, "Frame rate", low=5, high=60, minimum=1, maximum=120)

    def options(self) -> Mapping[str, str]:
        return {"pred": "up", "compression_level": "6"}

    def container_options(self) -> Mapping[str, str]:
        return {"plays": "0"}  # for ever
