"""What exporters need of Qt: the renderer, and replays in the words and colours of the window."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.document import Document
from explorer.experiment import Experiment
from explorer.export import Page, Pane, Replay, Track
from explorer.export.page import Pixels
from explorer.frames import Recording
from explorer.marks import Bounds
from explorer.scores.base import Score
from explorer.theme import DARK, Theme
from explorer.ui import words


class QtRenderer:
    """Draws pages as the stage does. Make it in the main thread, use it in any one."""

    def __init__(self) -> None:
        from explorer.ui.render import ensure_app

        ensure_app()

    def stages(self, page: Page) -> tuple[tuple[int, int], ...]:
        """Width and height of each pane's stage."""
        from explorer.ui.layout import arrange

        sheet = arrange(_panels(page.panes), page.width, page.height, page.caption, None)
        return tuple(pane.rect[2:] for pane in sheet.panes)

    def pixels(self, page: Page) -> Pixels:
        """The page as an image."""
        from explorer.ui.render import render, to_array

        return to_array(render(_panels(page.panes), page.width, page.height, page.theme, page.caption))

    def svg(self, page: Page) -> bytes:
        """The page as an SVG file."""
        from explorer.ui.render import render_svg

        return render_svg(_panels(page.panes), page.width, page.height, page.theme, page.caption)


def _panels(panes: Sequence[Pane]):  # type: ignore[no-untyped-def]
    from explorer.ui.layout import Header, Panel

    headers = [Header(p.title, p.subtitle, p.figures) if p.title else None for p in panes]
    return [Panel(p.marks, p.camera, header) for p, header in zip(panes, headers, strict=True)]


def replay_of(
    document: Document,
    runs: Sequence[tuple[Experiment, Score, Recording]],
    theme: Theme = DARK,
    position: float = 1.0,
    bounds: Bounds | None = None,
) -> Replay:
    """A replay of finished runs, that of A and perhaps that of B, with the headings of the window."""
    tracks = tuple(_track(*run, letter) for run, letter in zip(runs, _letters(len(runs)), strict=True))
    return Replay(tracks, document.look, theme, words.caption(runs[0][0]), position, bounds)


def _letters(count: int) -> tuple[str, ...]:
    return ("",) if count == 1 else ("A  ", "B  ")


def _track(experiment: Experiment, score: Score, recording: Recording, letter: str) -> Track:
    return Track(experiment, score, recording, letter + words.title(experiment), words.subtitle(experiment))
