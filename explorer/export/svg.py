"""SVG of the frame at the playhead: every dot, line and word an element of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

from explorer.export.base import EXPORTERS, ExportError, expect
from explorer.export.page import Page, Renderer
from explorer.export.replay import Replay
from explorer.export.still import Drawing


@EXPORTERS.register("svg", title="SVG drawing", order=60)
@dataclass(frozen=True)
class Svg(Drawing):
    """Sharp at any size, to be edited in a drawing program."""

    suffix: ClassVar[str] = ".svg"
    about: ClassVar[str] = (
        "The frame at the playhead as a drawing: sharp at any size, for papers and posters."
    )

    def encoded(self, page: Page, renderer: Renderer) -> bytes:
        return renderer.svg(page, self.mm if self.paper else None)

    def check(self, path: Path, replay: Replay) -> None:
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as error:
            raise ExportError(f"the file came out wrong ({error})") from error
        expect(root.get("viewBox"), "0 0 {} {}".format(*self.pixel_size), "size")
