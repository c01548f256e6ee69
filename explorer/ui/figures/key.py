"""The key of a plot: which line is which curve. Beside the label of the y axis, beside the curves, or below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.figures.figure import Plot, Series
from explorer.ui.figures.ink import LINE, SMALL, Ink

SAMPLE = 18.0  # the bit of line before a name
AFTER_SAMPLE = 5.0
GAP = 14.0  # between two names
#: A key beside the curves takes at most this share of the width, and leaves them at least so much of it.
MOST_BESIDE, LEAST_CURVES_WIDE = 0.38, 220.0
#: Lines of a name on the screen, where the mouse tells the whole of it.
MOST_LINES = 2


@dataclass(frozen=True)
class Entry:
    """A curve and its name in lines; `x` across and `line` down from the upper left corner of the key."""

    series: Series
    words: tuple[str, ...]
    x: float
    line: int


@dataclass(frozen=True)
class Key:
    """Where the names of a plot stand: "above", on the line of the label of the y axis; "beside" the curves, at
    their right; or "below" them. `width` and `lines` are what it takes there."""

    where: str = "above"
    entries: tuple[Entry, ...] = ()
    width: float = 0.0
    lines: int = 0


def key_of(plot: Plot, room: float, height: float, ink: Ink) -> Key:
    """The key of a plot that has so much room; `height` is what the curves have, at most."""
    named = [s for s in plot.series if s.name]
    if not named:
        return Key()
    return _above(plot, named, room, ink) or _beside(named, room, height, ink) or _below(named, room, ink)


def _sample(ink: Ink) -> float:
    return (SAMPLE + AFTER_SAMPLE) * ink.scale


def _above(plot: Plot, named: Sequence[Series], room: float, ink: Ink) -> Key | None:
    """All on one line, at its right end, behind the label of the y axis."""
    gap = GAP * ink.scale
    widths = [_sample(ink) + ink.width(s.name, SMALL) for s in named]
    start = ink.width(plot.y_label, SMALL) + gap if plot.y_label else 0.0
    total = sum(widths) + gap * (len(widths) - 1)
    if start + total > room:
        return None
    entries, x = [], room - total
    for series, width in zip(named, widths, strict=True):
        entries.append(Entry(series, (series.name,), x, 0))
        x += width + gap
    return Key("above", tuple(entries), total, 1)


def _beside(named: Sequence[Series], room: float, height: float, ink: Ink) -> Key | None:
    """One below the other, where the curves still have room beside them."""
    widest = max(ink.width(s.name, SMALL) for s in named) + 1
    column = min(widest + _sample(ink), MOST_BESIDE * room)
    entries, line = [], 0
    for series in named:
        words = _lines(series.name, column - _sample(ink), ink)
        entries.append(Entry(series, words, 0.0, line))
        line += len(words)
    narrow = room - column - GAP * ink.scale < LEAST_CURVES_WIDE * ink.scale
    if narrow or line * LINE * ink.scale > height:
        return None
    return Key("beside", tuple(entries), column, line)


def _below(named: Sequence[Series], room: float, ink: Ink) -> Key:
    """One after the other, in as many lines as they need."""
    gap, entries, x, line, used = GAP * ink.scale, [], 0.0, 0, 1
    for series in named:
        words = _lines(series.name, room - _sample(ink), ink)
        width = _sample(ink) + max(ink.width(part, SMALL) for part in words)
        if x > 0 and x + width > room:
            x, line, used = 0.0, line + used, 1
        entries.append(Entry(series, words, x, line))
        used = max(used, len(words))
        x += width + gap
    return Key("below", tuple(entries), room, line + used)


def _lines(name: str, room: float, ink: Ink) -> tuple[str, ...]:
    return tuple(ink.lines(name, room, SMALL, most=MOST_LINES))


class Rows:
    """Rows of words above the curves: each word goes into the lowest row where it has room."""

    def __init__(self, apart: float) -> None:
        self._apart = apart
        self._taken: list[list[tuple[float, float]]] = []

    def take(self, left: float, right: float) -> int:
        """The row of what reaches from `left` to `right`; 0 is the lowest."""
        wanted = left - self._apart, right + self._apart

        def free(row: list[tuple[float, float]]) -> bool:
            return all(wanted[1] <= a or wanted[0] >= b for a, b in row)

        row = next((i for i, row in enumerate(self._taken) if free(row)), len(self._taken))
        if row == len(self._taken):
            self._taken.append([])
        self._taken[row].append((left, right))
        return row

    def __len__(self) -> int:
        return len(self._taken)
