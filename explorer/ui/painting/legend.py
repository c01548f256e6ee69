"""Legends laid out: what stands in the upper left corner of a stage, made of the marks that every canvas draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.figures.camera import Camera, Size
from explorer.figures.marks import Arrows, Drawn, Entry, Image, Legend, Mark, Text
from explorer.figures.theme import Theme, rgb
from explorer.ui.painting import text

#: Of the words, in pixels of a 1x screen: as large as the words beside it, smaller where there is little room.
SIZE, SMALLEST = 12.0, 8.0
#: Around the legend, within its ground, and between an arrow and its words.
MARGIN, PAD, GAP = 8.0, 6.0, 7.0
LINE = 1.5  # height of a line, in sizes of its words
SAMPLE = 20.0  # length of an arrow that has no length of its own
GROUND = 0.78  # opacity of what is behind the words
#: An arrow longer than this fraction of the canvas is left out with its words: while one zooms in, until the field is
#: drawn anew, the lengths are of the stage before.
LONGEST = 0.2
#: A legend that would take more than this of the canvas is not drawn.
WIDEST, HIGHEST = 0.9, 0.6


def laid_out(
    marks: Sequence[Mark], camera: Camera, size: Size, theme: Theme, scale: float = 1.0, paper: bool = False
) -> list[Drawn]:
    """The marks with their legends as one block on top of all others, on a canvas of `size` device pixels whose
    words are `scale` times as large; on `paper` they keep that size where they would take much of the room."""
    drawn: list[Drawn] = [mark for mark in marks if not isinstance(mark, Legend)]
    entries = [entry for mark in marks if isinstance(mark, Legend) for entry in mark.entries]
    if entries:
        drawn += _block(entries, camera, size, theme, scale, paper)
    return drawn


@dataclass(frozen=True)
class _Row:
    """An entry, the pixels that its arrow goes right and up, and the height of the line."""

    entry: Entry
    along: tuple[float, float]
    height: float


def _block(
    entries: Sequence[Entry], camera: Camera, size: Size, theme: Theme, scale: float, paper: bool
) -> list[Drawn]:
    widest, highest = (1.0, 1.0) if paper else (WIDEST, HIGHEST)
    for words in (SIZE,) if paper else np.arange(SIZE, SMALLEST - 1, -1.0):
        unit = scale * words / SIZE
        rows = [_row(entry, camera, size, scale, unit) for entry in entries]
        rows = [row for row in rows if max(map(abs, row.along)) <= max(LONGEST * min(size), SAMPLE * scale)]
        if not rows:
            return []
        sample = max(abs(row.along[0]) for row in rows)
        indent = sample + GAP * unit if any(row.along != (0.0, 0.0) for row in rows) else 0.0
        wide = indent + max(text.width(row.entry.text, words * scale) for row in rows) + 2 * PAD * unit
        high = sum(row.height for row in rows) + 2 * PAD * unit
        if wide + 2 * MARGIN * unit <= widest * size[0] and high <= highest * size[1]:
            return _drawn(rows, (wide, high, indent), float(words), camera, size, theme, scale)
    return []


def _row(entry: Entry, camera: Camera, size: Size, scale: float, unit: float) -> _Row:
    left, right, bottom, top = camera.bounds(*size)
    along = entry.uv[0] * size[0] / (right - left), entry.uv[1] * size[1] / (top - bottom)
    if entry.arrow and along == (0.0, 0.0):
        along = SAMPLE * scale, 0.0
    return _Row(entry, along, max(LINE * SIZE * unit, abs(along[1]) + 4 * scale))


def _drawn(
    rows: Sequence[_Row], extent: tuple[float, float, float], words: float, camera: Camera, size: Size,
    theme: Theme, scale: float,
) -> list[Drawn]:  # fmt: skip
    """The ground, the arrows and the words, placed in data units so that they come out at these pixels."""
    wide, high, indent = extent
    unit = scale * words / SIZE
    left, top = MARGIN * unit, MARGIN * unit
    ground = (np.full((1, 1, 3), rgb(theme, "stage")) / 255).astype(np.float32)
    (x0, y0), (x1, y1) = (camera.to_data(p, size) for p in ((left, top), (left + wide, top + high)))
    drawn: list[Drawn] = [Image(ground, (x0, x1, y1, y0), alpha=GROUND, smooth=False)]
    start, y = left + PAD * unit, top + PAD * unit
    for row in rows:
        middle = y + row.height / 2
        if row.along != (0.0, 0.0):
            tail = start + (indent - GAP * unit - abs(row.along[0])) / 2, middle + row.along[1] / 2
            head = tail[0] + row.along[0], tail[1] - row.along[1]
            drawn.append(_arrow(row.entry, camera.to_data(tail, size), camera.to_data(head, size)))
        at = camera.to_data((start + indent, middle), size)
        plain = "text" if row.along != (0.0, 0.0) else row.entry.color
        drawn.append(Text(at, row.entry.text, plain, words, "w"))
        y += row.height
    return drawn


def _arrow(entry: Entry, tail: tuple[float, float], head: tuple[float, float]) -> Arrows:
    # not in float32: on a stage that shows a millionth of the plane its digits are used up
    xy, uv = np.array([tail]), np.subtract([head], [tail])
    assert math.isfinite(uv.sum())
    return Arrows(xy, uv, color=entry.color, width=entry.width)
