"""Where the figures of a laboratory go on its page: the main one takes the room, the others wait beside or below it.

Plots and images that are not the main figure stand in a strip of small cards. Equations and tables are as high as
their words need; a folded table is one line. What does not fit below the main figure is scrolled to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from explorer.ui.figures.grid import GAP, Box, Wish

#: The share of the height that can be seen which the main figure has at least.
LEAST_MAIN = 0.64
#: The least width and height of a small card at 13 px text, and the greatest height.
SMALL_WIDE, SMALL_HIGH, SMALL_MOST = 130, 84, 230
#: The shares of the width that a strip beside the main figure may have, of the height one below it.
BESIDE, BELOW = (0.2, 0.25, 0.3, 0.36, 0.42), (0.18, 0.22, 0.26, 0.3)
#: What a plot's width over its height may be; an image keeps its own.
FLATTEST, STEEPEST = 2.2, 1.15


@dataclass(frozen=True)
class Room:
    """What can be seen at once, and the size of words against 13 px."""

    width: int
    height: int
    scale: float = 1.0

    @property
    def gap(self) -> int:
        """Between two cards."""
        return round(GAP * self.scale)

    def px(self, length: float) -> int:
        """A length at 13 px text."""
        return round(length * self.scale)


@dataclass
class _Way:
    """A possible arrangement."""

    boxes: dict[int, Box]
    total: int


def placed(wishes: Sequence[Wish], main: Sequence[int], room: Room) -> tuple[list[Box], int]:
    """The box (x, y, width, height) of each figure, and the height of all together.

    `wishes` with a height of their own (equations, tables) get that; `main` are the figures that take the room, side
    by side where there are several. What is lower than `room.height` fills it.
    """
    if not main:
        boxes, total = _notes(wishes, range(len(wishes)), 0, room.width, room)
        return [boxes[i] for i in range(len(wishes))], total
    ways = list(_ways(wishes, main, room))
    best = max(ways, key=lambda way: _worth(way, wishes, main, room))
    return [best.boxes[i] for i in range(len(wishes))], best.total


def _ways(wishes: Sequence[Wish], main: Sequence[int], room: Room) -> Iterator[_Way]:
    strip = [i for i, w in enumerate(wishes) if w.height is None and i not in main]
    notes = [i for i, w in enumerate(wishes) if w.height is not None]
    for share in BELOW if strip else BELOW[:1]:
        yield _below(wishes, main, strip, notes, share, room)
    if strip or notes:
        for share in BESIDE:
            if share * room.width >= room.px(SMALL_WIDE):
                yield _beside(wishes, main, strip, notes, share, room)


def _worth(way: _Way, wishes: Sequence[Wish], main: Sequence[int], room: Room) -> float:
    """How much of the page the figures themselves cover, and all cards, less what has to be scrolled to."""
    whole = room.width * room.height
    seen = sum(_shown(wishes[i], way.boxes[i], room) for i in main)
    small = sum(
        useful(w, way.boxes[i], room) for i, w in enumerate(wishes) if w.height is None and i not in main
    )
    filled = sum(wide * high for _, _, wide, high in way.boxes.values()) / (room.width * way.total)
    return (seen + 0.15 * small) / whole + 0.25 * filled - 0.5 * max(way.total / room.height - 1, 0.0)


def useful(wish: Wish, box: Box, room: Room) -> float:
    """The area of the largest figure of the shape that suits it in a box."""
    wide, high = box[2], box[3] - room.px(wish.above)
    if wish.above:  # an image: its units are equally long both ways
        wide = min(wide, round(high * wish.shape))
        return float(wide * wide / wish.shape)
    return float(min(wide, high * FLATTEST) * min(high, wide / STEEPEST))


def _shown(wish: Wish, box: Box, room: Room) -> float:
    """`useful`, or less where its words would be cut."""
    return useful(wish, box, room) * min(1.0, box[2] / max(wish.width, 1)) ** 2


def _below(
    wishes: Sequence[Wish], main: Sequence[int], strip: list[int], notes: list[int], share: float, room: Room
) -> _Way:
    """The main figure over the whole width, the strip below it, then equations and tables."""
    gap = room.gap
    across = max(1, min(len(strip), (room.width + gap) // (room.px(SMALL_WIDE) + gap)))
    rows = -(-len(strip) // across)
    high = min(max(round(share * room.height), room.px(SMALL_HIGH)), room.px(SMALL_MOST))
    foot, foot_high = _notes(wishes, notes, 0, room.width, room)
    rest = rows * (high + gap) + (foot_high + gap if notes else 0)
    top = max(room.height - rest, round(LEAST_MAIN * room.height))
    boxes = dict(zip(main, _group(wishes, main, (0, 0, room.width, top), room), strict=True))
    y = top + gap
    for k, i in enumerate(strip):
        left, right = _span(k % across, across, room.width, gap)
        boxes[i] = (left, y + (k // across) * (high + gap), right - left, high)
    y += rows * (high + gap)
    boxes |= {i: (x, y + at, w, h) for i, (x, at, w, h) in foot.items()}
    return _Way(boxes, y + foot_high if notes else y - gap)


def _beside(
    wishes: Sequence[Wish], main: Sequence[int], strip: list[int], notes: list[int], share: float, room: Room
) -> _Way:
    """The main figure at the left, the strip and what is narrow enough at its right, the rest below."""
    gap, side = room.gap, round(share * room.width)
    left = room.width - side - gap
    narrow = [i for i in notes if wishes[i].width <= side]
    need = sum((wishes[i].height or 0) + gap for i in narrow) + len(strip) * (room.px(SMALL_HIGH) + gap) - gap
    if need > room.height:
        narrow = []
    foot, foot_high = _notes(wishes, [i for i in notes if i not in narrow], 0, room.width, room)
    rest = foot_high + gap if foot else 0
    top = max(room.height - rest, round(LEAST_MAIN * room.height))
    boxes = dict(zip(main, _group(wishes, main, (0, 0, left, top), room), strict=True))
    free = top + gap - sum((wishes[i].height or 0) + gap for i in narrow)
    least, most = room.px(SMALL_HIGH), max(round(side * 1.1), room.px(SMALL_HIGH))
    high = min(max(free // max(len(strip), 1) - gap, least), most)
    y = 0
    for i in (*strip, *narrow):
        tall = wishes[i].height or high
        boxes[i] = (left + gap, y, side, tall)
        y += tall + gap
    y = max(top + gap, y)
    boxes |= {i: (x, y + at, w, h) for i, (x, at, w, h) in foot.items()}
    return _Way(boxes, y + foot_high if foot else y - gap)


def _group(wishes: Sequence[Wish], main: Sequence[int], box: Box, room: Room) -> list[Box]:
    """Several figures that are compared share a box in equal parts, in the columns that leave them largest."""
    x, y, wide, high = box
    gap, best, found = room.gap, -1.0, [box] * len(main)
    for columns in range(1, len(main) + 1):
        rows = -(-len(main) // columns)
        spans = [_span(k % columns, columns, wide, gap) for k in range(len(main))]
        lines = [_span(k // columns, rows, high, gap) for k in range(len(main))]
        boxes = [(x + a, y + c, b - a, d - c) for (a, b), (c, d) in zip(spans, lines, strict=True)]
        worth = min(_shown(wishes[i], b, room) for i, b in zip(main, boxes, strict=True))
        if worth > best:
            best, found = worth, boxes
    return found


def _notes(
    wishes: Sequence[Wish], which: Sequence[int], left: int, width: int, room: Room
) -> tuple[dict[int, Box], int]:
    """Equations and tables in rows, side by side where all of a row fit; boxes from y = 0, and their height."""
    gap, rows = room.gap, list[list[int]]()
    for i in which:
        row = rows[-1] if rows else []
        share = (width + gap) // (len(row) + 1) - gap
        alike = not row or abs((wishes[row[0]].height or 0) - (wishes[i].height or 0)) < room.px(140)
        if row and alike and all(wishes[k].width <= share for k in (*row, i)):
            row.append(i)
        else:
            rows.append([i])
    boxes: dict[int, Box] = {}
    y = 0
    for row in rows:
        high = max(wishes[i].height or room.px(wishes[i].least) for i in row)
        for k, i in enumerate(row):
            a, b = _span(k, len(row), width, gap)
            own = wishes[i].height or high
            boxes[i] = (left + a, y, b - a, own if own < 0.6 * high else high)
        y += high + gap
    return boxes, max(y - gap, 0)


def _span(k: int, count: int, length: int, gap: int) -> tuple[int, int]:
    """From where to where the k-th of `count` equal parts reaches."""
    return round(k * (length + gap) / count), round((k + 1) * (length + gap) / count) - gap
