"""What exporters need of Qt: the renderer, and replays in the words and colours of the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.base.params import params
from explorer.diffusion.frames import Recording
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.export import Page, Replay, Track
from explorer.export.page import Pixels
from explorer.figures.marks import Bounds, Mark, Segments
from explorer.figures.papers import LEAST_LINE, MM_PER_INCH, points
from explorer.figures.theme import DARK, Theme
from explorer.session.document import Document
from explorer.ui.painting import words

if TYPE_CHECKING:
    from explorer.ui.painting.layout import Panel, Sheet


class QtRenderer:
    """Draws pages as the stage does. Make it in the main thread, use it in any one."""

    def __init__(self) -> None:
        from explorer.ui.painting.render import ensure_app

        ensure_app()
        self._sizes: dict[object, tuple[tuple[int, int], ...]] = {}

    def stages(self, page: Page) -> tuple[tuple[int, int], ...]:
        """Width and height of each pane's stage."""
        words = [replace(pane, marks=(), figures="" if page.moving else pane.figures) for pane in page.panes]
        key = (
            tuple((p.title, p.subtitle, p.figures, p.axes) for p in words),
            page.width, page.height, page.caption, page.moving, page.scale,
        )  # fmt: skip
        if key not in self._sizes:
            from explorer.ui.painting.layout import arrange

            self._sizes[key] = tuple(pane.rect[2:] for pane in arrange(**_arranged(page)).panes)
        return self._sizes[key]

    def pixels(self, page: Page) -> Pixels:
        """The page as an image."""
        from explorer.ui.painting.render import render_sheet

        image = render_sheet(_sheet(page), page.theme)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(page.height, page.width, 4)
        return rows.copy()  # the image takes its memory along

    def svg(self, page: Page, width: float | None = None) -> bytes:
        """The page as an SVG file, `width` mm wide on paper."""
        from explorer.ui.painting import svg

        return svg.write(_sheet(page), page.theme, width, page.caption)

    def pdf(self, page: Page, width: float | None = None) -> bytes:
        """The page as a PDF file, `width` mm wide (None: 96 pixels an inch)."""
        from explorer.ui.painting import pdf
        from explorer.ui.painting.render import paint_sheet

        wide = page.width * MM_PER_INCH / 96 if width is None else width
        least = LEAST_LINE * page.width / points(wide)
        draw = partial(
            paint_sheet, sheet=_sheet(page, vector=True), theme=page.theme, vector=True, least=least
        )
        return pdf.written(draw, (page.width, page.height), wide, page.caption)


def _arranged(page: Page, vector: bool = False) -> dict[str, Any]:
    """The page in the words of `layout.arrange`."""
    return dict(
        panels=_panels(page), width=page.width, height=page.height, caption=page.caption, scale=page.scale,
        whole=not page.moving, clear=page.clear, plain=vector, marks=_scale(page),
    )  # fmt: skip


def _sheet(page: Page, vector: bool = False) -> Sheet:
    from explorer.ui.painting.layout import arrange

    return arrange(**_arranged(page, vector))


def _panels(page: Page) -> list[Panel]:
    from explorer.ui.painting.layout import Header, Panel

    scale = _scale(page)
    panels = []
    for pane in page.panes:
        header = Header(pane.title, pane.subtitle, pane.figures) if pane.title else None
        marks = [_thin(mark, scale) for mark in pane.marks] if page.moving else pane.marks
        panels.append(Panel(marks, pane.camera, header, pane.axes, pane.bar))
    return panels


def _scale(page: Page) -> float:
    """Of dots and lines: they do not grow with the words of a narrow page."""
    from explorer.ui.painting.layout import REFERENCE

    usual = min(page.width, page.height) / REFERENCE
    return usual if page.scale is None else min(usual, page.scale)


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
    """What the picture depends on; `resolved` are the scores in use.

    Of what the headings of its stages say, a mistake and a control are said again: sheets, scripts and descriptions
    have no headings, and without those two they would tell of other samples.
    """
    first = experiments[0]
    processes = dict.fromkeys(_process(e) for e in experiments)
    source = " and ".join(dict.fromkeys(r.named for r in resolved))
    count = f"{first.sampler.particles:,} {'pictures' if first.pictures else 'particles'}"
    altered = dict.fromkeys(" · ".join(filter(None, e.altered)) for e in experiments)
    changes = " and ".join(filter(None, altered))
    parts = (first.data.title, *processes, changes, source, count, f"seed {first.seed}")
    return " · ".join(filter(None, parts))


def _process(e: Experiment) -> str:
    """The SDE with its numbers."""
    numbers = (f"{p.short} = {getattr(e.sde, p.name):g}" for p in params(type(e.sde)))
    return f"{e.sde.title} ({', '.join(numbers)})"


def _letters(count: int) -> tuple[str, ...]:
    return ("",) if count == 1 else ("A  ", "B  ")


def _track(experiment: Experiment, resolved: Resolved, recording: Recording, letter: str) -> Track:
    title, subtitle = letter + words.title(experiment), words.subtitle(experiment)
    return Track(experiment, resolved, recording, title, subtitle)
