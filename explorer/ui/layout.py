"""Where things go on an exported picture: title strips above, panes side by side, a caption below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from explorer.camera import Camera
from explorer.errors import Refused
from explorer.marks import Mark
from explorer.ui import text

REFERENCE = 720  # a picture whose shorter side has so many pixels is drawn at scale 1
PAD = 14.0
GAP = 8.0  # between two panes
TITLE, SMALL, LINE = 15.0, 12.0, 18.0


@dataclass(frozen=True)
class Header:
    """A title strip: bold title, muted line below it, numbers on the right."""

    title: str
    subtitle: str = ""
    right: str = ""


@dataclass(frozen=True)
class Panel:
    """What one pane shows."""

    marks: Sequence[Mark]
    camera: Camera
    header: Header | str | None = None


@dataclass(frozen=True)
class Pane:
    """A stage on the picture: x, y, width, height in pixels."""

    rect: tuple[int, int, int, int]
    marks: Sequence[Mark]
    camera: Camera


@dataclass(frozen=True)
class Fill:
    """A plain rectangle."""

    rect: tuple[int, int, int, int]
    color: str


@dataclass(frozen=True)
class Label:
    """A line of text that starts at this pixel of its base line."""

    x: float
    y: float
    text: str
    size: float
    color: str
    bold: bool = False


@dataclass(frozen=True)
class Sheet:
    """A whole picture."""

    width: int
    height: int
    scale: float
    panes: tuple[Pane, ...]
    fills: tuple[Fill, ...]
    labels: tuple[Label, ...]


def arrange(
    panels: Sequence[Panel], width: int, height: int, caption: str | None, scale: float | None
) -> Sheet:
    """Give every pane and every word its place."""
    if width < 1 or height < 1:
        raise Refused(f"an image of {width} x {height} pixels cannot be drawn")
    scale = scale or min(width, height) / REFERENCE
    above = _strip_height([_header(p.header) for p in panels], scale)
    lines = wrapped(caption or "", width - 2 * PAD * scale, SMALL * scale)
    below = round((len(lines) * LINE + PAD) * scale) if lines else 0
    stage = max(height - above - below, 1)
    panes: list[Pane] = []
    fills = [Fill((0, 0, width, height), "background")]
    labels: list[Label] = []
    for panel, (left, right) in zip(panels, _columns(len(panels), width, round(GAP * scale)), strict=True):
        panes.append(Pane((left, above, right - left, stage), panel.marks, panel.camera))
        fills += _strip_fills(left, right, above, scale)
        labels += _header_labels(_header(panel.header), left, right, scale)
    labels += _caption_labels(lines, height - below, scale)
    return Sheet(width, height, scale, tuple(panes), tuple(fills), tuple(labels))


def _header(header: Header | str | None) -> Header | None:
    return Header(header) if isinstance(header, str) else header


def _columns(count: int, width: int, gap: int) -> Iterator[tuple[int, int]]:
    across = (width - gap * (count - 1)) / max(count, 1)
    for i in range(count):
        yield round(i * (across + gap)), round(i * (across + gap) + across)


def _strip_height(headers: Sequence[Header | None], scale: float) -> int:
    if not any(headers):
        return 0
    two_lines = any(h and h.subtitle for h in headers)
    return round((2 * PAD + TITLE * 0.9 + (LINE if two_lines else 0)) * scale)


def _strip_fills(left: int, right: int, height: int, scale: float) -> Iterator[Fill]:
    if height:
        rule = max(round(scale), 1)
        yield Fill((left, 0, right - left, height), "panel")
        yield Fill((left, height - rule, right - left, rule), "line")


def _header_labels(header: Header | None, left: float, right: float, scale: float) -> Iterator[Label]:
    if header is None:
        return
    pad, size = PAD * scale, TITLE * scale
    room = right - left - 2 * pad
    y = pad + size * 0.85
    numbers = elided(header.right, room * 0.6, SMALL * scale)
    across = text.width(numbers, SMALL * scale) if numbers else 0.0
    # Numbers stand beside the title, which is short: the method below it has the whole width.
    title = elided(header.title, room - across - pad, size, True)
    yield Label(left + pad, y, title, size, "text", True)
    if header.subtitle:
        subtitle = elided(header.subtitle, room, SMALL * scale)
        yield Label(left + pad, y + LINE * scale, subtitle, SMALL * scale, "muted")
    if numbers:
        yield Label(right - pad - across, y, numbers, SMALL * scale, "muted")


def _caption_labels(lines: Sequence[str], top: float, scale: float) -> Iterator[Label]:
    for i, line in enumerate(lines):
        y = top + (PAD / 2 + LINE * (i + 0.75)) * scale
        yield Label(PAD * scale, y, line, SMALL * scale, "muted")


def elided(words: str, room: float, size: float, bold: bool = False) -> str:
    if not words or text.width(words, size, bold) <= room:
        return words
    while words and text.width(words + "…", size, bold) > room:
        words = words[:-1]
    return words.rstrip() + "…" if words else ""


def wrapped(words: str, room: float, size: float, most: int = 3) -> list[str]:
    """The words in lines that fit; what does not fit on the last is cut."""
    lines: list[str] = []
    for paragraph in words.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and text.width(longer, size) > room:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [elided(line, room, size) for line in lines]
