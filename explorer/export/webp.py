"""WebP: an animation for web pages, smaller than GIF and in all colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from explorer.base.params import param
from explorer.export.base import EXPORTERS, expect
from explorer.export.movie import Movie
from explorer.export.replay import Replay


@EXPORTERS.register("webp", title="Animated WebP", order=30)
@dataclass(frozen=True)
class WebP(Movie):
    """Full colour and loops; for pages and chats."""

    suffix: ClassVar[str] = ".webp"
    container: ClassVar[str] = "webp"
    codec: ClassVar[str] = "libwebp_anim"
    pixel_format: ClassVar[str] = "yuv420p"
    about: ClassVar[str] = "Loops in web pages, in all colors, smaller than a GIF."

    width: int = param(960, "Width", unit="px", low=320, high=3840, minimum=16, maximum=7680)
    height: int = param(540, "Height", unit="px", low=240, high=2160, minimum=16, maximum=4320)
    fps: int = param(20, "Frame rate", low=5, high=60, minimum=1, maximum=120)
    quality: int = param(
        80,
        "Quality",
        low=40,
        high=100,
        minimum=0,
        maximum=100,
        advanced=True,
        help="Higher is better and larger.",
    )

    def options(self) -> Mapping[str, str]:
        return {"quality": str(self.quality), "compression_level": "2"}

    def container_options(self) -> Mapping[str, str]:
        return {"loop": "0"}  # for ever

    def check(self, path: Path, replay: Replay) -> None:
        from PIL import Image  # FFmpeg writes animated WebP but does not read it

        with Image.open(path) as image:
            expect(image.size, self.pixel_size, "size")
            image.load()
        # pictures that are alike become one that lasts longer, so it is the time that must be right
        due = self.outline(replay).seconds
        expect(round(abs(sum(frame_times(path)) - due) * self.fps), 0, "length off in frames")


def frame_times(path: Path) -> Iterator[float]:
    """How long each frame of an animated WebP lasts, in seconds, from its ANMF chunks."""
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"ANMF":
                yield int.from_bytes(file.read(16)[12:15], "little") / 1000
                length -= 16
            file.seek(length + length % 2, 1)
