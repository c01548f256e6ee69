"""MP4: H.264, which every player and every slide program takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from explorer.base.params import param
from explorer.export.base import EXPORTERS
from explorer.export.movie import Framer, Movie, plain_frame
from explorer.export.page import Pixels

if TYPE_CHECKING:
    import av

#: FFmpeg's number for ITU-R BT.709, the colours that players take high-definition video to have.
BT709 = 1


@EXPORTERS.register("mp4", title="MP4 video", order=10)
@dataclass(frozen=True)
class Mp4(Movie):
    """H.264 in 4:2:0, the kind that plays everywhere; its sides are even numbers of pixels."""

    suffix: ClassVar[str] = ".mp4"
    container: ClassVar[str] = "mp4"
    codec: ClassVar[str] = "libx264"
    pixel_format: ClassVar[str] = "yuv420p"
    about: ClassVar[str] = "Plays everywhere. Small, sharp, with full color."

    quality: int = param(
        21, "Quality", symbol="CRF", low=14, high=30, minimum=0, maximum=51, advanced=True,
        help="The encoder's constant rate factor: lower is better and larger.",
    )  # fmt: skip

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Even, since two by two pixels share their colour."""
        return self.width + self.width % 2, self.height + self.height % 2

    def options(self) -> Mapping[str, str]:
        # adaptive quantisation that favours the dark: else faint density falls into blocks
        return {"preset": "veryfast", "crf": str(self.quality), "x264-params": "aq-mode=3"}

    def container_options(self) -> Mapping[str, str]:
        return {"movflags": "faststart"}  # a browser can begin before it has all of it

    def framer(self, stream: av.VideoStream, samples: Sequence[Pixels]) -> Framer:
        context = stream.codec_context
        context.thread_count = 0  # as many as there are cores
        context.colorspace = context.color_primaries = context.color_trc = BT709
        return lambda pixels: plain_frame(pixels).reformat(format=self.pixel_format, dst_colorspace="ITU709")
