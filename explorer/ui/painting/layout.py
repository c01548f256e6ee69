"""Where things go on an exported picture: title strips above, panes side by side, a caption below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from explorer.base.errors import Refused
from explorer.figures.camera import Camera
from explorer.figures.marks import Mark
from explorer.ui.painting import text
from explorer.ui.painting.axes import Axis

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
    axes: tuple[str, str] | None = None
    bar: bool = False


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
class Rule:
    """A straight line between two pixels."""

    start: tuple[float, float]
    end: tuple[float, float]
    color: str
    width: float


@dataclass(frozen=True)
class Sheet:
    """A whole picture. `clear`: with nothing behind it; `rules` and `labels` are drawn over the stages. `scale` is that
    of its words, `marks` that of dots and lines, which do not grow with the words of a narrow page."""

    width: int
    height: int
    scale: float
    marks: float
    panes: tuple[Pane, ...]
    fills: tuple[Fill, ...]
    labels: tuple[Label, ...]
    rules: tuple[Rule, ...] = ()
    clear: bool = False


@dataclass(frozen=True)
class _Type:
    """How words are set: their scale, whether long ones are given whole in lines, and in letters for files of lines."""

    scale: float
    whole: bool = False
    plain: bool = False

    def width(self, words: str, size: float, bold: bool = False) -> float:
        return text.width(words, size * self.scale, bold, self.plain) if words else 0.0

    def lines(self, words: str, room: float, size: float, most: int = 1, bold: bool = False) -> list[str]:
        if not words:
            return []
        count = None if self.whole else most
        return wrapped(words, room, size * self.scale, count, bold, self.plain)


def arrange(
    panels: Sequence[Panel],
    width: int,
    height: int,
    caption: str | None,
    scale: float | None,
    whole: bool = False,
    clear: bool = False,
    plain: bool = False,
    marks: float | None = None,
) -> Sheet:
    """Give every pane and every word its place. `scale` is that of words, `marks` that of dots and lines (None: the
    same). `whole`: long words stand in several lines instead of being cut; `plain`: for a file of lines and letters.
    """
    if width < 1 or height < 1:
        raise Refused(f"an image of {width} x {height} pixels cannot be drawn")
    scale = scale or min(width, height) / REFERENCE
    face = _Type(scale, whole, plain)
    columns = list(_columns(len(panels), width, round(GAP * scale)))
    heads = [
        _head(_header(p.header), right - left, face) for p, (left, right) in zip(panels, columns, strict=True)
    ]
    above = max((_strip_height(head, scale) for head in heads), default=0)
    lines = face.lines(caption or "", width - 2 * PAD * scale, SMALL, most=3)
    below = round((len(lines) * LINE + PAD) * scale) if lines else 0
    stage = max(height - above - below, 1)
    panes: list[Pane] = []
    fills = [Fill((0, 0, width, height), "background")]
    labels: list[Label] = []
    rules: list[Rule] = []
    for panel, head, (left, right) in zip(panels, heads, columns, strict=True):
        rect = (left, above, right - left, stage)
        inner = _within_axes(rect, face) if panel.axes else rect
        pane = Pane(inner, panel.marks, panel.camera)
        panes.append(pane)
        fills += _strip_fills(left, right, above, scale)
        labels += _head_labels(head, left, right, face)
        for words, drawn in (_axes(pane, panel.axes, face), _bar(pane, panel.bar, face)):
            labels += words
            rules += drawn
    labels += _caption_labels(lines, height - below, scale)
    return Sheet(
        width, height, scale, marks or scale, tuple(panes), () if clear else tuple(fills), tuple(labels),
        tuple(rules), clear,
    )  # fmt: skip


def _header(header: Header | str | None) -> Header | None:
    return Header(header) if isinstance(header, str) else header


def _columns(count: int, width: int, gap: int) -> Iterator[tuple[int, int]]:
    across = (width - gap * (count - 1)) / max(count, 1)
    for i in range(count):
        yield round(i * (across + gap)), round(i * (across + gap) + across)


@dataclass(frozen=True)
class _Head:
    """The lines of a title strip: those of the title, and small ones; `right` stands beside the title."""

    titles: list[str]
    small: list[str]
    right: str


def _head(header: Header | None, width: float, face: _Type) -> _Head | None:
    if header is None:
        return None
    room = width - 2 * PAD * face.scale
    numbers = face.width(header.right, SMALL)
    title = face.width(header.title, TITLE, bold=True)
    small = face.lines(header.subtitle, room, SMALL)
    if face.whole and title + numbers + PAD * face.scale > room:
        return _Head(
            face.lines(header.title, room, TITLE, bold=True),
            small + face.lines(header.right, room, SMALL),
            "",
        )
    # Numbers stand beside the title, which is short: the method below it has the whole width.
    right = elided(header.right, room * 0.6, SMALL * face.scale, plain=face.plain)
    beside = room - face.width(right, SMALL) - PAD * face.scale
    return _Head(face.lines(header.title, beside, TITLE, bold=True), small, right)


def _strip_height(head: _Head | None, scale: float) -> int:
    if head is None:
        return 0
    return round((2 * PAD + TITLE * 0.9 + LINE * (len(head.titles) - 1 + len(head.small))) * scale)


def _strip_fills(left: int, right: int, height: int, scale: float) -> Iterator[Fill]:
    if height:
        rule = max(round(scale), 1)
        yield Fill((left, 0, right - left, height), "panel")
        yield Fill((left, height - rule, right - left, rule), "line")


def _head_labels(head: _Head | None, left: float, right: float, face: _Type) -> Iterator[Label]:
    if head is None:
        return
    scale = face.scale
    pad, size = PAD * scale, TITLE * scale
    y = first = pad + size * 0.85
    for line in head.titles:
        yield Label(left + pad, y, line, size, "text", True)
        y += LINE * scale
    for line in head.small:
        yield Label(left + pad, y, line, SMALL * scale, "muted")
        y += LINE * scale
    if head.right:
        yield Label(right - pad - face.width(head.right, SMALL), first, head.right, SMALL * scale, "muted")


# --- axes and the scale bar -----------------------------------------------------------------------------------


def _within_axes(rect: tuple[int, int, int, int], face: _Type) -> tuple[int, int, int, int]:
    """The stage within its axes: the same room for all numbers, so that it does not depend on them."""
    x, y, width, height = rect
    left = round(face.width("−0.00", SMALL) + 12 * face.scale)
    below, above, right = (round(v * face.scale) for v in (2 * LINE + 6, LINE + 4, PAD))
    return x + left, y + above, max(width - left - right, 1), max(height - above - below, 1)


def _axes(pane: Pane, names: tuple[str, str] | None, face: _Type) -> tuple[list[Label], list[Rule]]:
    """The frame of a stage, its ticks and their numbers, and what the axes are called."""
    if names is None:
        return [], []
    x, y, width, height = pane.rect
    scale, small = face.scale, SMALL * face.scale
    left, right, bottom, top = pane.camera.bounds(width, height)
    foot, end = y + height, x + width
    corners = [(x, y), (end, y), (end, foot), (x, foot), (x, y)]
    rules = [Rule(a, b, "muted", scale) for a, b in pairwise(corners)]
    labels = []
    free = -math.inf
    for value, words in Axis(left, right).ticks(max(2, int(width / (70 * scale)))):
        place = x + (value - left) / (right - left) * width
        rules.append(Rule((place, foot), (place, foot + 4 * scale), "muted", scale))
        start = place - face.width(words, SMALL) / 2
        if start >= free:
            labels.append(Label(start, foot + LINE * scale, words, small, "muted"))
            free = start + face.width(words, SMALL) + 4 * scale
    for value, words in Axis(bottom, top).ticks(max(2, int(height / (40 * scale)))):
        place = y + (top - value) / (top - bottom) * height
        rules.append(Rule((x - 4 * scale, place), (x, place), "muted", scale))
        start = x - 7 * scale - face.width(words, SMALL)
        labels.append(Label(start, place + small * 0.36, words, small, "muted"))
    across = x + (width - face.width(names[0], SMALL)) / 2
    labels.append(Label(across, foot + (2 * LINE - 1) * scale, names[0], small, "muted"))
    labels.append(Label(x, y - 5 * scale, names[1], small, "muted"))
    return labels, rules


def _bar(pane: Pane, wanted: bool, face: _Type) -> tuple[list[Label], list[Rule]]:
    """A bar of a round length, about a fifth of the width, in the lower left corner."""
    if not wanted:
        return [], []
    x, y, width, height = pane.rect
    left, right, _, _ = pane.camera.bounds(width, height)
    most = (right - left) / 4
    power = 10.0 ** math.floor(math.log10(most))
    length = max(m * power for m in (1, 2, 5) if m * power <= most)
    scale = face.scale
    start, base = x + PAD * scale, y + height - PAD * scale
    end = start + length / (right - left) * width
    words = f"{length:g}"
    middle = (start + end - face.width(words, SMALL)) / 2
    label = Label(middle, base - 6 * scale, words, SMALL * scale, "text")
    return [label], [Rule((start, base), (end, base), "text", 2.5 * scale)]


def _caption_labels(lines: Sequence[str], top: float, scale: float) -> Iterator[Label]:
    for i, line in enumerate(lines):
        y = top + (PAD / 2 + LINE * (i + 0.75)) * scale
        yield Label(PAD * scale, y, line, SMALL * scale, "muted")


def elided(words: str, room: float, size: float, bold: bool = False, plain: bool = False) -> str:
    if not words or text.width(words, size, bold, plain) <= room:
        return words
    while words and text.width(words + "…", size, bold, plain) > room:
        words = words[:-1]
    return words.rstrip() + "…" if words else ""


def wrapped(
    words: str, room: float, size: float, most: int | None = 3, bold: bool = False, plain: bool = False
) -> list[str]:
    """The words in lines that fit; what does not fit on the last of `most` is cut, and nothing where `most` is None."""
    lines: list[str] = []
    for paragraph in words.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and text.width(longer, size, bold, plain) > room:
                lines.append(line)
                longer = word
            while most is None and text.width(longer, size, bold, plain) > room and len(longer) > 1:
                whole = len(_start(longer, room, size, bold, plain))
                lines.append(longer[:whole])
                longer = longer[whole:]
            line = longer
        lines.append(line)
    if most is None:
        return lines
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [elided(line, room, size, bold, plain) for line in lines]


def _start(word: str, room: float, size: float, bold: bool, plain: bool) -> str:
    """As much of the beginning of a long word as fits, but a letter."""
    while len(word) > 1 and text.width(word, size, bold, plain) > room:
        word = word[:-1]
    return word
