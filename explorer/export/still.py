"""Stills: the picture at the playhead."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from explorer.export.base import Exporter, Outline, Progress
from explorer.export.page import Page, Renderer
from explorer.export.replay import Replay
from explorer.params import param


@dataclass(frozen=True)
class Still(Exporter):
    """One picture. Subclasses say how it becomes bytes."""

    kind: ClassVar[str] = "still"

    width: int = param(1920, "Width", unit="px", low=320, high=3840, minimum=16, maximum=7680)
    height: int = param(1080, "Height", unit="px", low=240, high=2160, minimum=16, maximum=4320)

    @abstractmethod
    def encoded(self, page: Page, renderer: Renderer) -> bytes:
        """The file."""

    def outline(self, replay: Replay) -> Outline:
        return Outline(self.width, self.height, 1)

    def _bytes(self, replay: Replay, renderer: Renderer) -> bytes:
        page = replay.page(replay.indices(replay.position), self.width, self.height, renderer)
        return self.encoded(page, renderer)

    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        raw = self._bytes(replay, renderer)
        yield Progress(0, 1)  # a chance to cancel
        path.write_bytes(raw)
        yield Progress(1, 1)

    def size(self, replay: Replay, renderer: Renderer) -> int:
        return len(self._bytes(replay, renderer))
