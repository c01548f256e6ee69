"""The pictures of a run on one plain sheet, pixel for pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from explorer.base.params import param
from explorer.data.images import ImageSet, to_pixels
from explorer.diffusion.frames import Frame
from explorer.export.base import (
    EXPORTERS,
    PNG_END,
    Exporter,
    ExportError,
    Outline,
    Progress,
    expect,
    expect_end,
)
from explorer.export.page import Renderer
from explorer.export.replay import Replay
from explorer.figures.views.image_parts import BETWEEN, Grid

#: Of a pixel between two pictures.
EMPTY = 128


@EXPORTERS.register("sheet", title="PNG sheet of samples", order=55)
@dataclass(frozen=True)
class SampleSheet(Exporter):
    """Every picture at the playhead; of two stages B's stand below A's."""

    suffix: ClassVar[str] = ".png"
    kind: ClassVar[str] = "data"
    of_pictures: ClassVar[bool] = True
    about: ClassVar[str] = "The images at the playhead on one plain sheet: no words, no smoothing."

    enlarged: int = param(
        4, "Each pixel as", unit="px", low=1, high=16, minimum=1, maximum=64,
        help="How many pixels of the file along the side of one of an image; 1 is pixel for pixel.",
    )  # fmt: skip

    def outline(self, replay: Replay) -> Outline:
        return Outline(0, 0, sum(len(frame.x) for frame, _ in _shown(replay)))

    def pixels(self, replay: Replay) -> NDArray[np.uint8]:
        """The sheet (height, width, channels)."""
        sheets = [sheet_of(to_pixels(frame.x, data.size)) for frame, data in _shown(replay)]
        whole = sheets[0]
        for below in sheets[1:]:
            gap = np.full((2 * BETWEEN, *whole.shape[1:]), EMPTY, np.uint8)
            whole = np.concatenate([whole, gap, below])
        return whole.repeat(self.enlarged, axis=0).repeat(self.enlarged, axis=1)

    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        raw = self._encoded(replay)
        total = self.outline(replay).frames
        yield Progress(0, total)
        path.write_bytes(raw)
        yield Progress(total, total)

    def _encoded(self, replay: Replay) -> bytes:
        from io import BytesIO

        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        words, out = PngInfo(), BytesIO()
        words.add_itxt("Description", replay.caption)
        pixels = self.pixels(replay)
        plain = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        Image.fromarray(plain).save(out, "PNG", pnginfo=words)
        return out.getvalue()

    def check(self, path: Path, replay: Replay) -> None:
        from PIL import Image

        height, width, _ = self.pixels(replay).shape
        with Image.open(path) as image:
            expect(image.size, (width, height), "size")
            image.load()
        expect_end(path, PNG_END)

    def size(self, replay: Replay, renderer: Renderer) -> int:
        return len(self._encoded(replay))


def sheet_of(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (n, h, w, c) side by side from the upper left corner (height, width, c), as square as it goes."""
    n, h, w, c = pictures.shape
    grid = Grid.of(n)
    out = np.full(
        (grid.rows * (h + BETWEEN) - BETWEEN, grid.columns * (w + BETWEEN) - BETWEEN, c), EMPTY, np.uint8
    )
    for i, picture in enumerate(pictures):
        y, x = i // grid.columns * (h + BETWEEN), i % grid.columns * (w + BETWEEN)
        out[y : y + h, x : x + w] = picture
    return out


def _shown(replay: Replay) -> list[tuple[Frame, ImageSet]]:
    """The frame of each track at the playhead, and the set that its pictures are like."""
    shown = []
    for track, index in zip(replay.tracks, replay.indices(replay.position), strict=True):
        if track.experiment.pictures is None:
            raise ExportError("the data are points, and only images stand on a sheet")
        shown.append((track.recording[index], track.experiment.pictures))
    return shown
