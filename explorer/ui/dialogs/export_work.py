"""What the export panel has done behind it: replays of what is shown, thumbnails, estimates, words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from PySide6.QtGui import QImage

from explorer.base.params import ParamError
from explorer.export import Exporter, Outline, Replay
from explorer.export.page import Pixels, rgb
from explorer.figures.theme import Theme
from explorer.session import Session
from explorer.ui.dialogs import exporting

#: Height of pictures by the name people know.
SIZES = {"480p": 480, "720p": 720, "1080p": 1080, "1440p": 1440, "4K": 2160}
#: An estimate draws at most so many lines; larger ones are extrapolated from that.
ESTIMATE_HEIGHT = 720
#: Files grow a little slower than their pixels.
GROWTH = 0.85


def replay_now(session: Session, theme: Theme, *, caption: bool = True) -> Replay | None:
    """The finished runs that the stages show; None while one of them is still being computed."""
    runs = []
    for name in session.shown:
        run = session.tracks[name].full
        if run is None or not run.recording.complete:
            return None
        runs.append((run.experiment, run.resolved, run.recording))
    bounds = session.showing.bounds["A"]
    made = exporting.replay_of(session.document, runs, theme, session.playhead.position, bounds)
    return made if caption else replace(made, caption="")


def resized(exporter: Exporter, height: int) -> Exporter:
    """The same at 16:9 and so many lines, where the format has a size."""
    if not hasattr(exporter, "height"):
        return exporter
    width = round(height * 16 / 9 / 2) * 2
    return _sized(exporter, width, height)


def _sized(exporter: Any, width: int, height: int) -> Any:
    """Every format that is a picture has these two fields."""
    return replace(exporter, width=width, height=height)


def fits(exporter: Exporter, name: str) -> bool:
    """Whether the format can have this size."""
    try:
        return resized(exporter, SIZES[name]) is not exporter
    except ParamError:
        return False


def size_name(exporter: Exporter) -> str:
    """The preset that this size is, "" for none."""
    fitting = (name for name in SIZES if fits(exporter, name))
    return next((name for name in fitting if resized(exporter, SIZES[name]) == exporter), "")


def thumbnail(replay: Replay, exporter: Exporter, position: float, room: tuple[int, int]) -> Pixels | None:
    """The picture at a position in the shape it will have, fitted into `room`; None for numbers."""
    outline = exporter.outline(replay)
    if not outline.width:
        return None
    factor = min(room[0] / outline.width, room[1] / outline.height)
    width, height = (max(1, round(side * factor)) for side in (outline.width, outline.height))
    renderer = exporting.QtRenderer()
    return rgb(renderer.pixels(exporter.page(replay, position, width, height, renderer)))


def estimate(replay: Replay, exporter: Exporter) -> int:
    """Bytes that the file will have, about."""
    renderer = exporting.QtRenderer()
    height = getattr(exporter, "height", 0)
    if height <= ESTIMATE_HEIGHT:
        return exporter.size(replay, renderer)
    factor = ESTIMATE_HEIGHT / height
    width = max(16, round(exporter.width * factor))  # type: ignore[attr-defined]
    small: Exporter = _sized(exporter, width, ESTIMATE_HEIGHT)
    return round(small.size(replay, renderer) * (1 / factor**2) ** GROWTH)


def image_of(pixels: Pixels) -> QImage:
    """Pixels as a picture that owns its memory."""
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def outline_words(outline: Outline) -> str:
    """ "1920 × 1080 px · 270 frames · 9.0 s"."""
    words = [f"{outline.width} × {outline.height} px"] if outline.width else []
    if outline.frames > 1:
        words.append(f"{outline.frames} {'frames' if outline.width else 'steps'}")
    if outline.seconds:
        words.append(f"{outline.seconds:.1f} s")
    return " · ".join(words)


def bytes_words(size: int) -> str:
    """A number of bytes, in the unit that fits."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"


def file_name(session: Session, exporter: Exporter) -> str:
    """What to call the file: the data and the mode."""
    e = session.document.experiment
    stem = re.sub(r"[^a-z0-9]+", "-", f"{e.data.name} {e.sde.name} {e.sampler.mode}".lower()).strip("-")
    return stem + exporter.suffix
