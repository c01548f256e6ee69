"""Where the figures of a laboratory go: as large as the room allows, in columns that are wide enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Box: TypeAlias = tuple[int, int, int, int]  # x, y, width, height

GAP = 10
#: The least width of a column and height of a row, at 13 px text.
LEAST_WIDTH, LEAST_HEIGHT = 300, 225
MOST_COLUMNS = 3


@dataclass(frozen=True)
class Wish:
    """What a figure wants: its own height at some width (None: whatever there is), or a row of its own."""

    height: int | None = None
    whole_row: bool = False


def columns_for(count: int, width: int, scale: float = 1.0) -> int:
    """How many columns `count` figures stand in: two on a laptop, three where there is much room."""
    fitting = max(1, int((width + GAP) / ((LEAST_WIDTH + GAP) * scale)))
    if count >= 3 and width > 1500 * scale and count != 4:
        return min(fitting, MOST_COLUMNS, count)
    return min(fitting, 2, count)


def rows_of(wishes: Sequence[Wish], columns: int) -> list[list[int]]:
    """Which figures stand side by side, in their order."""
    rows: list[list[int]] = []
    for i, wish in enumerate(wishes):
        alone = wish.whole_row or not rows or wishes[rows[-1][0]].whole_row
        if alone or len(rows[-1]) == columns:
            rows.append([i])
        else:
            rows[-1].append(i)
    return rows


def arrange(wishes: Sequence[Wish], width: int, height: int, scale: float = 1.0) -> tuple[list[Box], int]:
    """The box of each figure, and the height of all together (more than `height` where they do not fit)."""
    columns = columns_for(sum(not w.whole_row for w in wishes), width, scale) if wishes else 1
    rows = rows_of(wishes, max(columns, 1))
    gap = round(GAP * scale)
    heights = _heights([[wishes[i] for i in row] for row in rows], height - gap * (len(rows) - 1), scale)
    boxes: list[Box] = [(0, 0, 0, 0)] * len(wishes)
    y = 0
    for row, high in zip(rows, heights, strict=True):
        for k, i in enumerate(row):
            left = round(k * (width + gap) / len(row))
            right = round((k + 1) * (width + gap) / len(row)) - gap
            boxes[i] = (left, y, right - left, high)
        y += high + gap
    return boxes, max(y - gap, 0)


def _heights(rows: Sequence[Sequence[Wish]], room: int, scale: float) -> list[int]:
    """Rows of tables and equations take what they need; the others share the rest evenly."""
    least = round(LEAST_HEIGHT * scale)
    fixed = {i: max(w.height or 0 for w in row) for i, row in enumerate(rows) if all(w.height for w in row)}
    elastic = len(rows) - len(fixed)
    left = room - sum(fixed.values())
    share = max(least, left // elastic) if elastic else 0
    heights = []
    for i, row in enumerate(rows):
        wanted = max((w.height or 0 for w in row), default=0)
        heights.append(fixed.get(i, max(share, min(wanted, 2 * least))))
    return heights
