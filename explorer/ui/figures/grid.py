"""Where the figures of a laboratory go: as large as the room allows, in columns that are wide enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from explorer.figures.figure import Figure, Picture

Box: TypeAlias = tuple[int, int, int, int]  # x, y, width, height

GAP = 10
#: The least width of a column and height of a row, at 13 px text.
LEAST_WIDTH, LEAST_HEIGHT = 300, 195
MOST_COLUMNS = 3
#: Of the height that can be seen: what one figure grows to although others then wait below the edge.
MOST_HIGH = 0.8


@dataclass(frozen=True)
class Wish:
    """What a figure wants. `height` is its own at its width (None: whatever there is, but at least `least`);
    a figure wider than a column, by its `width`, or with `whole_row`, has a row of its own."""

    height: int | None = None
    whole_row: bool = False
    width: int = 0
    least: int = LEAST_HEIGHT
    shape: float = 1.5  # the width over the height that suits it
    above: int = 0  # what its words and axes take of the height besides


def shape_of(figure: Figure) -> float:
    """The width over the height that suits a figure: a picture's own, where its units are equally long both ways."""
    if not (isinstance(figure, Picture) and figure.square):
        return 1.5
    left, right, bottom, top = figure.bounds
    return 1.05 * (right - left) / (top - bottom)


def most_columns(width: int, scale: float = 1.0) -> int:
    """How many columns there may be: two on a laptop, three where there is much room."""
    fitting = max(1, int((width + GAP) / ((LEAST_WIDTH + GAP) * scale)))
    return min(fitting, MOST_COLUMNS if width > 1500 * scale else 2)


def arrange(wishes: Sequence[Wish], width: int, height: int, scale: float = 1.0) -> tuple[list[Box], int]:
    """The box of each figure, and the height of all together (more than `height` where they do not fit)."""
    elastic = [i for i, w in enumerate(wishes) if w.height is None]
    half = (width - round(GAP * scale)) // 2
    beside = [i for i, w in enumerate(wishes) if w.height is not None and w.width <= half]
    if len(elastic) == 1 and len(beside) >= 2 and most_columns(width, scale) >= 2:
        return _beside(wishes, elastic[0], beside, width, height, scale)
    most = min(most_columns(width, scale), len(elastic) or len(wishes) or 1)
    ways = [_grid(wishes, columns, width, height, scale) for columns in range(most, 0, -1)]
    return min(ways, key=lambda way: _strain(wishes, way[0], way[1], height))


def _strain(wishes: Sequence[Wish], boxes: Sequence[Box], total: int, height: int) -> float:
    """How far figures are from the shapes that suit them, and how much of them cannot be seen at once."""
    shapes = [(w.shape, b) for w, b in zip(wishes, boxes, strict=True) if w.height is None]
    off = [abs(math.log(wide / max(high, 1) / shape)) for shape, (_, _, wide, high) in shapes]
    return sum(off) / max(len(off), 1) + max(total / max(height, 1) - 1, 0.0)


def _grid(
    wishes: Sequence[Wish], columns: int, width: int, height: int, scale: float
) -> tuple[list[Box], int]:
    """Rows of so many equal columns, in the order of the figures."""
    gap = round(GAP * scale)
    rows = _rows(wishes, columns, (width + gap) // columns - gap)
    heights = _heights(
        [[wishes[i] for i in row] for row in rows], width, height - gap * (len(rows) - 1), scale
    )
    boxes: list[Box] = [(0, 0, 0, 0)] * len(wishes)
    y = 0
    for row, high in zip(rows, heights, strict=True):
        for k, i in enumerate(row):
            left = round(k * (width + gap) / len(row))
            right = round((k + 1) * (width + gap) / len(row)) - gap
            boxes[i] = (left, y, right - left, high)
        y += high + gap
    return boxes, max(y - gap, 0)


def _rows(wishes: Sequence[Wish], columns: int, room: int) -> list[list[int]]:
    """Which figures stand side by side, in their order. A table joins a row of plots only where it fills it."""
    rows: list[list[int]] = []
    alone = [w.whole_row or w.width > room for w in wishes]
    for i, wish in enumerate(wishes):
        last = rows[-1] if rows else []
        mixed = bool(last) and (wishes[last[0]].height is None) != (wish.height is None)
        full = len(last) == columns or (mixed and len(last) != columns - 1)
        if not last or alone[i] or alone[last[0]] or full:
            rows.append([i])
        else:
            last.append(i)
    return rows


def _heights(rows: Sequence[Sequence[Wish]], width: int, room: int, scale: float) -> list[int]:
    """Rows of tables and equations take what they need; the others share the rest evenly. A picture that is the
    only one is as high as suits it, where not all can be seen at once anyway."""
    fixed = {i: max(w.height or 0 for w in row) for i, row in enumerate(rows) if all(w.height for w in row)}
    elastic = len(rows) - len(fixed)
    share = (room - sum(fixed.values())) // elastic if elastic else 0
    heights = []
    for i, row in enumerate(rows):
        least = round(max(w.least for w in row) * scale)
        wanted = max((w.height or 0 for w in row), default=0)
        heights.append(fixed.get(i, max(share, least, min(wanted, 2 * least))))
    pictures = [(i, w) for i, row in enumerate(rows) for w in row if w.above]
    if len(pictures) == 1 and sum(heights) > room:
        ((i, picture),) = pictures
        heights[i] = max(heights[i], _suiting(picture, width // len(rows[i]), room, scale))
    return heights


def _suiting(wish: Wish, width: int, room: int, scale: float) -> int:
    """The height that suits a figure of this width, as far as it can be seen at once."""
    return round(min(width / wish.shape + wish.above * scale, MOST_HIGH * room))


def _beside(
    wishes: Sequence[Wish], big: int, beside: Sequence[int], width: int, height: int, scale: float
) -> tuple[list[Box], int]:
    """One figure that grows at the left, what knows its height in a column at its right, the rest below."""
    gap = round(GAP * scale)
    half = (width - gap) // 2
    boxes: list[Box] = [(0, 0, 0, 0)] * len(wishes)
    y = 0
    for i in beside:
        high = wishes[i].height or 0
        boxes[i] = (half + gap, y, width - half - gap, high)
        y += high + gap
    below = [i for i in range(len(wishes)) if i != big and i not in beside]
    foot = sum((wishes[i].height or 0) + gap for i in below)
    suits = _suiting(wishes[big], half, height, scale)
    top = max(y - gap, height - foot, round(wishes[big].least * scale), suits)
    boxes[big] = (0, 0, half, top)
    y = top + gap
    for i in below:
        high = wishes[i].height or 0
        boxes[i] = (0, y, width, high)
        y += high + gap
    return boxes, y - gap
