"""What exporters need of Qt: the renderer, and replays in the words and colours of the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.document import Document
from explorer.experiment import Experiment
from explorer.export import Page, Replay, Track
from explorer.export.page import Pixels
from explorer.frames import Recording
from explorer.marks import Bounds, Mark, Segments
from explorer.models import Resolved
from explorer.params import params
from explorer.theme import DARK, Theme
from explorer.ui import words

if TYPE_CHECKING:
    from explorer.ui.layout import Panel


class QtRenderer:
    """Draws pages as the stage does. Make it in the main thread, use it in any one."""

    def __init__(self) -> None:
        from explorer.ui.render import ensure_app

        ensure_app()
        self._sizes: dict[object, tuple[tuple[int, int], ...]] = {}

    def stages(self, page: Page) -> tuple[tuple[int, int], ...]:
        """Width and height of each pane's stage."""
        headings = tuple((bool(pane.title), bool(pane.subtitle)) for pane in page.panes)
        key = headings, page.width, page.height, page.caption
        if key not in self._sizes:
            from explorer.ui.layout import arrange

            sheet = arrange(_panels(page), page.width, page.height, page.caption, None)
            self._sizes[key] = tuple(pane.rect[2:] for pane in sheet.panes)
        return self._sizes[key]

    def pixels(self, page: Page) -> Pixels:
        """The page as an image."""
        from explorer.ui.render import render

        image = render(_panels(page), page.width, page.height, page.theme, page.caption)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(page.height, page.width, 4)
        return rows.copy()  # the image takes its memory along

    def svg(self, page: Page) -> bytes:
        """The page as an SVG file."""
        from explorer.ui.render import render_svg

        return render_svg(_panels(page), page.width, page.height, page.theme, page.caption)


def _panels(page: Page) -> list[Panel]:
    from explorer.ui.layout import REFERENCE, Header, Panel

    scale = min(page.width, page.height) / REFERENCE
    panels = []
    for pane in page.panes:
        header = Header(pane.title, pane.subtitle, pane.figures) if pane.title else None
        marks = [_thin(mark, scale) for mark in pane.marks] if page.moving else pane.marks
        panels.append(Panel(marks, pane.camera, header))
    return panels


def _thin(mark: Mark, scale: float) -> Mark:
    """Lines between one and two pixels wide as one pixel: Qt draws those three times as fast."""
    if isinstance(mark, Segments) and 1 < mark.width * scale < 2:
        return replace(mark, width=1 / scale)
    return mark


def replay_of(
    document: Document,
    runs: Sequence[tuple[Experiment, Resolved, Recording]],
    theme: Theme = DARK,
    position: float = 1.0,
    bounds: Bounds | None = None,
) -> Replay:
    """A replay of finished runs, that of A and perhaps that of B, with the headings of the window."""
    tracks = tuple(_track(*run, letter) for run, letter in zip(runs, _letters(len(runs)), strict=True))
    said = caption([run[0] for run in runs], [run[1] for run in runs])
    return Replay(tracks, document.look, theme, said, position, bounds)


def caption(experiments: Sequence[Experiment], resolved: Sequence[Resolved]) -> str:
    """What the picture depends on and the headings of its stages do not say; `resolved` are the scores in use."""
    first = experiments[0]
    processes = dict.fromkeys(_process(e) for e in experiments)
    source = " and ".join(dict.fromkeys(r.named for r in resolved))
    count = f"{first.sampler.particles:,} {'pictures' if first.pictures else 'particles'}"
    parts = (first.data.title, *processes, source, count, f"seed {first.seed}")
    return " · ".join(parts)


def _process(e: Experiment) -> str:
    """The SDE with its numbers."""
    numbers = (f"{p.short} = {getattr(e.sde, p.name):g}" for p in params(type(e.sde)))
    return f"{e.sde.title} ({', '.join(numbers)})"


def _letters(count: int) -> tuple[str, ...]:
    return ("",) if count == 1 else ("A  ", "B  ")


def _track(experiment: Experiment, resolved: Resolved, recording: Recording, letter: str) -> Track:
    title, subtitle = letter + words.title(experiment), words.subtitle(experiment)
    return Track(experiment, resolved, recording, title, subtitle)
