"""PNG of the frame at the playhead."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import ClassVar

from explorer.export.base import EXPORTERS, PNG_END, expect, expect_end
from explorer.export.page import Page, Renderer, rgb
from explorer.export.replay import Replay
from explorer.export.still import Still


@EXPORTERS.register("png", title="PNG image", order=50)
@dataclass(frozen=True)
class Png(Still):
    """Pixels without loss, the settings in its description."""

    suffix: ClassVar[str] = ".png"
    about: ClassVar[str] = "The frame at the playhead, pixel for pixel."

    def encoded(self, page: Page, renderer: Renderer) -> bytes:
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        words = PngInfo()
        words.add_itxt("Description", page.caption)
        out = BytesIO()
        pixels = renderer.pixels(page)
        shown = pixels[..., [2, 1, 0, 3]] if self.clear else rgb(pixels)
        Image.fromarray(shown).save(out, "PNG", pnginfo=words)
        return out.getvalue()

    def check(self, path: Path, replay: Replay) -> None:
        from PIL import Image

        with Image.open(path) as image:
            expect(image.size, (self.width, self.height), "size")
            image.load()
        expect_end(path, PNG_END)
