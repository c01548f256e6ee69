"""What the views of pictures share: where things stand on the stage, how a picture becomes pixels, and what the
score says of it, asked once a frame.

The stage of pictures shows [-a, a] x [-1, 1], a its width over its height, and everything is laid out in that.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np

from explorer.base.lazy import torch
from explorer.data.images import ImageSet
from explorer.diffusion.frames import Array, Frame
from explorer.diffusion.scores import Score, of_row
from explorer.experiment.view_settings import Look
from explorer.figures.camera import Camera
from explorer.figures.marks import Bounds, Image, Text
from explorer.figures.views.base import Scene

#: The camera that shows the whole stage of pictures.
HOME = Camera(height=2.0)
#: Heights of a line of words and of the room between two panels, in view units.
LINE, GAP = 0.1, 0.06
#: Pixels between two pictures of a sheet.
BETWEEN = 2
#: Pictures shown at most.
MOST = 100
#: The score times sigma has about unit size: values beyond this have the strongest colour.
STRONGEST = 3.0
#: Below this t there is no score to ask.
EARLIEST = 1e-5
#: Bytes of answers of the score that are kept.
KEPT = 48_000_000

#: A panel's name, and what stands above it.
TITLES = {"now": "x(t)", "estimate": "x̂₀ = (x + σ²s)/α", "score": "σ s(x, t)"}


def is_home(bounds: Bounds) -> bool:
    """Whether the stage of pictures shows all of itself."""
    left, right, bottom, top = bounds
    return max(abs(bottom + 1), abs(top - 1), abs(left + right)) < 1e-6


def extent(scene: Scene) -> tuple[float, float]:
    """Width and height of the region that everything is laid out in."""
    left, right, bottom, top = scene.bounds
    return 2 * (right - left) / max(top - bottom, 1e-9), 2.0


# --- pictures as pixels --------------------------------------------------------------------------------------------


def rgb(x: Array, data: ImageSet, scale: float = 1.0) -> Array:
    """Points (n, d), divided by `scale`, as red, green and blue (n, h, w, 3) in [0, 1]."""
    values = np.clip(0.5 + np.nan_to_num(x) / np.float32(2 * scale), 0, 1).reshape(-1, *data.size)
    pixels = np.moveaxis(values, 1, -1)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def noise_like(x: Array, data: ImageSet) -> Array:
    """Values of about unit size (n, d) in [0, 1], 0.5 for none: (n, h, w, 3), or (n, h, w) for a colour map."""
    pixels = rgb(x, data, STRONGEST)
    return pixels if data.size[0] == 3 else pixels[..., 0]


def now(scene: Scene, frame: Frame, rows: slice = slice(MOST)) -> Array:
    """x of a frame as pixels; where the look follows the noise, over sqrt(alpha² + sigma²)."""
    assert scene.pictures is not None
    return rgb(frame.x[rows], scene.pictures, scene.scale(frame.t))


def mosaic(pictures: Array, columns: int) -> Array:
    """Pictures (n, h, w, ...) side by side from the upper left corner, row 0 of the result at the bottom.

    Between them is nothing; where values go through a colour map, 0.5.
    """
    n, h, w, *channels = pictures.shape
    rows = math.ceil(n / columns)
    tall, wide = h + BETWEEN, w + BETWEEN
    out = np.full((rows * tall - BETWEEN, columns * wide - BETWEEN, *channels), np.nan if channels else 0.5)
    for i, picture in enumerate(pictures):
        y, x = i // columns * tall, i % columns * wide
        out[y : y + h, x : x + w] = picture
    return out[::-1].astype(np.float32)


def image(pictures: Array, bounds: Bounds, columns: int = 1) -> Image:
    """Pictures as one mark over `bounds`."""
    return Image(mosaic(pictures, columns), bounds, "difference", smooth=False)


# --- what the score says -------------------------------------------------------------------------------------------


class Answers:
    """Answers of scores to what was asked last, within a budget of bytes, the oldest forgotten first."""

    def __init__(self, budget: int = KEPT) -> None:
        self._budget, self._bytes, self._lock = budget, 0, Lock()
        self._kept: OrderedDict[Hashable, tuple[Score, Array]] = OrderedDict()

    def get(self, score: Score, key: Hashable, ask: Callable[[], Array]) -> Array:
        """The answer of this very score under `key`, asked for if it is not known."""
        with self._lock:
            found = self._kept.get(key)
        if found is not None and found[0] is score:
            return found[1]
        answer = ask()
        with self._lock:
            self._forget(key)
            self._kept[key] = (score, answer)
            self._bytes += answer.nbytes
            while self._bytes > self._budget and len(self._kept) > 1:
                self._forget(next(iter(self._kept)))
        return answer

    def _forget(self, key: Hashable) -> None:
        old = self._kept.pop(key, None)
        self._bytes -= old[1].nbytes if old else 0


ANSWERS = Answers()


def score_of(scene: Scene, frame: Frame, row: int | None = None) -> Array:
    """The score at the pictures of a frame (n, d), at most MOST of them, or at one of them (1, d)."""
    whole = slice(MOST) if row is None else slice(row, row + 1)
    score = scene.score if row is None else of_row(scene.score, row)
    return ANSWERS.get(scene.score, (frame, row), lambda: evaluate(score, frame.x[whole], frame.t))


def evaluate(score: Score, x: Array, t: float) -> Array:
    """A score at points (n, d) of time t -> (n, d)."""
    with torch.no_grad():
        return np.asarray(score(torch.from_numpy(np.ascontiguousarray(x)), max(t, EARLIEST)).numpy())


def estimate_of(scene: Scene, frame: Frame, row: int | None = None) -> Array:
    """E[x_0 | x_t] = (x + sigma² s)/alpha by Tweedie's formula: (n, d), or (1, d) of one picture."""
    x = frame.x[:MOST] if row is None else frame.x[row : row + 1]
    alpha, sigma = scene.experiment.sde.marginal(max(frame.t, EARLIEST))
    return np.asarray((x + np.float32(sigma**2) * score_of(scene, frame, row)) / np.float32(alpha))


def scaled_score(scene: Scene, frame: Frame, row: int | None = None) -> Array:
    """sigma s: minus the noise that the score believes to be in the picture."""
    sigma = scene.experiment.sde.marginal(max(frame.t, EARLIEST))[1]
    return np.asarray(np.float32(sigma) * score_of(scene, frame, row))


# --- where things stand --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """How pictures stand on a sheet: so many columns, and rows."""

    columns: int
    rows: int

    @staticmethod
    def of(count: int) -> Grid:
        """As square as it goes."""
        columns = max(math.ceil(math.sqrt(count)), 1)
        return Grid(columns, max(math.ceil(count / columns), 1))

    def cell(self, bounds: Bounds, xy: tuple[float, float]) -> tuple[int, float, float] | None:
        """Which picture of a sheet over `bounds` is at a point, and where in it, across and down from 0 to 1."""
        left, right, bottom, top = bounds
        across = (xy[0] - left) / (right - left) * self.columns
        down = (top - xy[1]) / (top - bottom) * self.rows
        if not (0 <= across < self.columns and 0 <= down < self.rows):
            return None
        return int(down) * self.columns + int(across), across % 1, down % 1


def panels(scene: Scene) -> dict[str, Bounds]:
    """Where the sheet stands, and the estimate and the score beside or below it."""
    width, height = extent(scene)
    grid = Grid.of(min(len(scene.frame.x), MOST))
    room = (width - 2 * GAP, height - LINE - GAP)  # below all of it stands a line of words
    if scene.look.sheet == "sheet":
        blocks = {"now": (0.0, 0.0, min(room[0] / grid.columns, (room[1] - LINE) / grid.rows))}
    else:
        blocks = _three(grid, *room)
    return _centred(blocks, grid, width, height)


def _three(grid: Grid, width: float, height: float) -> dict[str, tuple[float, float, float]]:
    """(left, top, side of a picture) of the three panels, laid out so that the sheet is as large as it can be."""
    c, r = grid.columns, grid.rows
    equal = min((width - 2 * GAP) / (3 * c), (height - LINE) / r)
    wide = min((width - GAP + c * LINE / (2 * r)) / (1.5 * c), (height - LINE) / r)
    tall = min(width / c, (height - 2 * LINE + r * GAP / (2 * c)) / (1.5 * r))
    if equal >= 0.75 * max(wide, tall):
        step = c * equal + GAP
        return {name: (i * step, 0.0, equal) for i, name in enumerate(TITLES)}
    if wide >= tall:
        small, x = (r * wide - LINE) / (2 * r), c * wide + GAP
        return {"now": (0.0, 0.0, wide), "estimate": (x, 0.0, small), "score": (x, r * small + LINE, small)}
    small, y = (c * tall - GAP) / (2 * c), r * tall + LINE
    return {"now": (0.0, 0.0, tall), "estimate": (0.0, y, small), "score": (c * small + GAP, y, small)}


def _centred(
    blocks: dict[str, tuple[float, float, float]], grid: Grid, width: float, height: float
) -> dict[str, Bounds]:
    c, r = grid.columns, grid.rows
    across = max(x + c * side for x, _, side in blocks.values())
    down = max(y + LINE + r * side for _, y, side in blocks.values())
    left, top = -across / 2, (height / 2 - GAP / 2) - max(height - LINE - GAP - down, 0) / 2
    return {
        name: (left + x, left + x + c * side, top - y - LINE - r * side, top - y - LINE)
        for name, (x, y, side) in blocks.items()
    }


def panel(scene: Scene, name: str, pictures: Array) -> tuple[Image, Text]:
    """One of the panels with its title."""
    bounds = panels(scene)[name]
    columns = Grid.of(len(pictures)).columns
    title = Text((bounds[0], bounds[3] + 0.02), TITLES[name], "muted", 13.0, "sw")
    return image(pictures, bounds, columns), title


def chosen(scene: Scene) -> int | None:
    """The picture that is shown large, counted from 0; None where all are."""
    wanted = scene.look.picture
    return min(wanted, len(scene.frame.x)) - 1 if wanted else None


def shows(look: Look, *sheets: str) -> bool:
    """Whether all pictures are shown, in one of these ways."""
    return not look.picture and look.sheet in sheets


def noise_words(scene: Scene) -> Text:
    """The line below everything: the noise level, t, and what it has cost."""
    frame = scene.frame
    level = frame.sigma / frame.alpha if frame.alpha else math.inf
    words = f"σ/α = {level:.3g} · t = {frame.t:.3f} · NFE {frame.nfe}"
    if len(frame.x) > MOST:
        words += f" · the first {MOST} of {len(frame.x):,}"
    return Text((0.0, -1 + 0.03), words, "text", 14.0, "s")


def picture_at(scene: Scene, xy: tuple[float, float]) -> int | None:
    """Which picture, from 0, is under a point of the stage; None where there is none, or one is shown large."""
    found = _cell(scene, xy)
    return found[1] if found else None


def _cell(scene: Scene, xy: tuple[float, float]) -> tuple[str, int, float, float] | None:
    if not shows(scene.look, "parts", "sheet"):
        return None
    count = min(len(scene.frame.x), MOST)
    for name, bounds in panels(scene).items():
        cell = Grid.of(count).cell(bounds, xy)
        if cell is not None and cell[0] < count:
            return name, *cell
    return None


def probe(scene: Scene, xy: tuple[float, float]) -> str:
    """Which picture is under a point, which of its pixels, and its value; "" where there is none."""
    found = _cell(scene, xy)
    if found is None or scene.pictures is None:
        return ""
    name, index, across, down = found
    c, h, w = scene.pictures.size
    values = {
        "now": lambda: scene.frame.x[index : index + 1],
        "estimate": lambda: estimate_of(scene, scene.frame)[index : index + 1],
        "score": lambda: scaled_score(scene, scene.frame)[index : index + 1],
    }[name]()
    column, row = int(across * w), int(down * h)
    pixel = values.reshape(c, h, w)[:, row, column].tolist()
    value = f"{pixel[0]:.2f}" if c == 1 else f"({', '.join(f'{v:.2f}' for v in pixel)})"
    return f"image {index + 1}   pixel ({column}, {row})   {TITLES[name].split(' =')[0]} = {value}"
