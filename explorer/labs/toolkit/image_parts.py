"""What the laboratories on pictures share: pictures side by side with words under them, sheets, encoding."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.analysis.likelihood import Flow
from explorer.base.lazy import torch
from explorer.data.images import ImageSet
from explorer.data.images.base import from_pixels
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import SOLVERS, Sampler
from explorer.diffusion.simulate import simulate
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Picture
from explorer.figures.marks import Array, Curve, Image, Mark, Text
from explorer.figures.views.image_parts import noise_like, rgb
from explorer.labs.base import Context, Report
from explorer.labs.toolkit.pace import Pace

#: Of a picture's side: between two of them, a line of words, and the words before a row.
GAP, LINE, GUTTER = 0.06, 0.34, 1.0
#: The size of words, and the side of a picture that leaves them room, in pixels.
WORDS, SIDE = 11.0, 62


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures (n, h, w, 3), or (n, h, w) for a colour map, with words before the row and under each picture.

    Where `marked` names one of them it has a frame around it.
    """

    word: str
    pictures: Array
    under: Sequence[str] = ()
    marked: int | None = None


def strip(title: str, rows: Sequence[Row], about: str = "") -> Picture:
    """Rows of pictures under each other."""
    marks: list[Mark] = []
    top, gutter = 0.0, GUTTER if any(row.word for row in rows) else GAP
    for row in rows:
        foot = top - 1
        marks.append(Text((-GAP, foot + 0.5), row.word, "muted", WORDS, "e"))
        for i, pixels in enumerate(row.pictures):
            x = i * (1 + GAP)
            marks.append(Image(pixels[::-1], (x, x + 1, foot, top), "difference", smooth=False))
            if i < len(row.under):
                marks.append(Text((x + 0.5, foot - 0.02), row.under[i], "text", WORDS, "n"))
        if row.marked is not None:
            marks.append(_frame(row.marked * (1 + GAP), foot))
        top = foot - (LINE if row.under else GAP)
    count = max(len(row.pictures) for row in rows)
    return Picture(
        title, tuple(m for m in marks if not (isinstance(m, Text) and not m.text)),
        (-gutter, count * (1 + GAP), top, GAP), about=about, width=round(SIDE * (count + gutter)),
    )  # fmt: skip


def short(value: float) -> str:
    """A positive number in a place for four letters: "152", "1.4", "0.011"."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _frame(x: float, y: float) -> Curve:
    e = GAP / 2
    corners = [(x - e, y - e), (x + 1 + e, y - e), (x + 1 + e, y + 1 + e), (x - e, y + 1 + e), (x - e, y - e)]
    return Curve(np.array(corners, np.float32), "accent", 2.0)


def pictures_of(e: Experiment) -> ImageSet:
    """The data, which a laboratory for pictures is only asked about where they are pictures."""
    assert e.pictures is not None, "a laboratory is asked for its refusal first"
    return e.pictures


def seen(x: np.ndarray | torch.Tensor, data: ImageSet, scale: float = 1.0) -> Array:
    """Points (n, d), divided by `scale`, as pixels (n, h, w, 3)."""
    return rgb(_array(x), data, scale)


def noise_seen(x: np.ndarray | torch.Tensor, data: ImageSet) -> Array:
    """Values of about unit size (n, d), for a colour map whose middle is none."""
    return noise_like(_array(x), data)


def _array(x: np.ndarray | torch.Tensor) -> Array:
    return np.asarray(x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x, np.float32)


def held_out(data: ImageSet, index: int) -> np.ndarray:
    """The held-out picture `index` (1, c, h, w), counted round where there are fewer."""
    row = index % len(data.held_out)
    return np.asarray(data.held_out.images[row : row + 1])


def own_image(levels: Sequence[int], data: ImageSet) -> np.ndarray:
    """A picture of the user's own (1, c, h, w), from its levels."""
    return np.array(levels, np.uint8).reshape(1, *data.size)


def points(images: np.ndarray) -> torch.Tensor:
    """Pictures (n, c, h, w) as points (n, d), float64."""
    return torch.from_numpy(from_pixels(images)).double()


def rms(x: np.ndarray | torch.Tensor) -> np.ndarray:
    """The root mean square over the pixels (n,) of x (n, d)."""
    return np.asarray(np.sqrt(np.square(_array(x).astype(np.float64)).mean(1)))


def levels(value: float) -> str:
    """A difference of x in words: in grey levels."""
    return f"{value * 127.5:.3g} levels"


def typical_rms(data: ImageSet, alpha: float, sigma: float) -> float:
    """The root mean square of x_t's pixels that is to be expected."""
    centre, spread = data.moments
    return math.hypot(alpha * math.hypot(spread, float(np.sqrt(np.square(centre).mean()))), sigma)


def run(context: Context, sampler: Sampler) -> Iterator[Frame]:
    """The frames of the experiment's run with another sampler, on the same noise."""
    e = context.experiment
    return simulate(e.sde, sampler, context.resolved.score, e.target, e.seed)


def last_frame(
    context: Context, sampler: Sampler, say: Callable[[float], Report]
) -> Generator[Report, None, Frame]:
    """Run to the end; now and then a report on how far it is."""
    pace = Pace()
    for frame in run(context, sampler):
        if pace.due():
            yield say(frame.step / max(frame.steps, 1))
    return frame


def flow(context: Context, steps: int) -> Flow:
    """The probability flow by RK4, steps equal in log(sigma/alpha), from half a grey level up.

    Below that a picture does not change, and codes would hold what the eye cannot see.
    """
    e = context.experiment
    start = max(e.sde.time_at(0.004), 1e-5)
    return Flow(e.sde, context.resolved.score, SOLVERS["rk4"](), steps, start)


def as_far(report: Report, progress: float) -> Report:
    """The same report, farther on."""
    return replace(report, progress=progress)
