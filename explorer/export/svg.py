"""SVG of the frame at the playhead: every dot, line and word an element of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

from explorer.export.base import EXPORTERS, ExportError, expect
from explorer.export.page import Page, Renderer
from explorer.export.replay import Replay
from explorer.export.still import Still


@EXPORTERS.register("svg", title="SVG drawing", order=60)
@dataclass(frozen=True)
class Svg(Still):
    """Sharp at any size, to be edited in a drawing program."""

    suffix: ClassVar[str] = ".svg"
    about: ClassVar[str] = (
        "The frame at the playhead as a drawing: sharp at any size, for papers and posters."
    )

    def encoded(self, page: Page, renderer: Renderer) -> bytes:
        return renderer.svg(page)

    def check(self, path: Path, replay: Replay) -> None:
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as error:
            raise ExportError(f"the file came out wrong ({error})") from error
        expect((root.get("width"), root.get("height")), (str(self.width), str(self.height)), "size")
