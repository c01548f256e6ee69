"""GIF: 255 colours, chosen once for the whole animation so that nothing flickers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from explorer.base.params import param
from explorer.export.base import EXPORTERS
from explorer.export.movie import Framer, Movie
from explorer.export.page import Pixels, rgb

if TYPE_CHECKING:
    import av

#: One of 256 is kept for "as in the frame before", which makes files small.
COLORS = 255
#: Pictures that the palette is chosen from.
SAMPLES = 8
#: Bits of each of red, green and blue that decide the colour of the palette that a pixel gets.
BITS = 6


@EXPORTERS.register("gif", title="GIF", order=20)
@dataclass(frozen=True)
class Gif(Movie):
    """Loops everywhere, in 255 colors."""

    suffix: ClassVar[str] = ".gif"
    container: ClassVar[str] = "gif"
    codec: ClassVar[str] = "gif"
    pixel_format: ClassVar[str] = "pal8"
    about: ClassVar[str] = "Loops everywhere, in 255 colors."

    width: int = param(640, "Width", unit="px", low=320, high=1920, minimum=16, maximum=3840)
    height: int = param(360, "Height", unit="px", low=240, high=1080, minimum=16, maximum=2160)
    fps: int = param(
        15,
        "Frame rate",
        low=5,
        high=50,
        minimum=1,
        maximum=50,
        help="A GIF counts in hundredths of a second.",
    )

    def options(self) -> Mapping[str, str]:
        return {}

    def container_options(self) -> Mapping[str, str]:
        return {"loop": "0"}  # for ever

    def sampled(self, count: int) -> list[int]:
        return sorted({round(i) for i in np.linspace(0, count - 1, SAMPLES)})

    def framer(self, stream: av.VideoStream, samples: Sequence[Pixels]) -> Framer:
        import av

        palette = _palette(samples)
        table = _nearest(palette)
        clear = np.zeros((1, 3), np.uint8)
        colors = np.concatenate([palette, np.repeat(clear, 256 - len(palette), axis=0)])
        alpha = np.where(np.arange(256) < len(palette), 255, 0).astype(np.uint8)
        argb = np.column_stack([alpha, colors])

        def framed(pixels: Pixels) -> av.VideoFrame:
            indexed: Any = (_indexed(pixels, table), argb)  # a pair, which av's types forget
            return av.VideoFrame.from_ndarray(indexed, format="pal8")

        return framed


def _palette(samples: Sequence[Pixels]) -> NDArray[np.uint8]:
    """At most COLORS colours (k, 3) that serve all of the samples."""
    from PIL import Image

    thinned = np.concatenate([rgb(s)[::2, ::2].reshape(-1, 3) for s in samples])
    image = Image.fromarray(thinned[None]).quantize(COLORS, Image.Quantize.MEDIANCUT, kmeans=1)
    return np.array(image.getpalette(), np.uint8).reshape(-1, 3)[:COLORS]


def _nearest(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For each colour cut to BITS bits the nearest of the palette, (2^BITS)³ of them in a row."""
    levels = ((np.arange(1 << BITS) + 0.5) * (256 >> BITS)).astype(np.float32)
    distance = [(levels[:, None] - palette[:, i].astype(np.float32)) ** 2 for i in range(3)]
    out = np.empty((len(levels),) * 3, np.uint8)
    for i, red in enumerate(distance[0]):  # a slice at a time: all at once are 270 MB
        out[i] = (red + distance[1][:, None] + distance[2]).argmin(axis=-1)
    return out.ravel()


def _indexed(pixels: Pixels, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    red, green, blue = ((pixels[..., i] >> (8 - BITS)).astype(np.uint32) for i in (2, 1, 0))
    return table[(red << (2 * BITS)) | (green << BITS) | blue]
