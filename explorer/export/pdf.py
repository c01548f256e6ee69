"""PDF of the frame at the playhead: sharp at any size, its words to be found and copied."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from explorer.export.base import EXPORTERS, expect
from explorer.export.page import Page, Renderer
from explorer.export.replay import Replay
from explorer.export.still import Drawing


@EXPORTERS.register("pdf", title="PDF page", order=58)
@dataclass(frozen=True)
class Pdf(Drawing):
    """One page of lines and letters, for papers and slides."""

    suffix: ClassVar[str] = ".pdf"
    about: ClassVar[str] = (
        "The frame at the playhead as a page for a paper: sharp at any size, its words can be searched."
    )

    def encoded(self, page: Page, renderer: Renderer) -> bytes:
        return renderer.pdf(page, self.mm if self.paper else None)

    def check(self, path: Path, replay: Replay) -> None:
        raw = path.read_bytes()
        expect((raw[:5], b"%%EOF" in raw[-20:]), (b"%PDF-", True), "beginning and end")
