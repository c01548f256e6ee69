"""A picture of one's own, drawn with the mouse: its likelihood, its noising, and its return as the network sees it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from explorer.analysis.likelihood import Bits, Coder
from explorer.base.lazy import torch
from explorer.base.params import ParamError, param
from explorer.data.images import ImageSet, to_pixels
from explorer.data.images.brush import example
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.sdedit import noised, returned
from explorer.figures.figure import Canvas, Figure, Picture, Table
from explorer.figures.marks import Image
from explorer.labs.base import LABS, Context, Lab, OwnPicture, Report
from explorer.labs.toolkit.image_parts import (
    Row,
    as_far,
    held_out,
    levels,
    pictures_of,
    points,
    rms,
    seen,
    short,
    strip,
)
from explorer.labs.toolkit.pace import Pace

MODES = {"reverse": "Reverse SDE", "ode": "ODE"}
#: Moments of the noising that are shown.
MOMENTS = 5


@LABS.register("drawing", title="Your own drawing", order=330)
@dataclass(frozen=True)
class Drawing(Lab):
    """Draw on the first picture with the mouse: bits/dim, noise up to a strength, and several returns."""

    section = "pictures"
    main = ("Draw here", "Noised up to")
    for_points, for_pictures = False, True
    about = (
        "Draw on the first image with the mouse (right button: erase). The drawing is noised up to the strength "
        "and taken back several times: a little noise mends strokes, much noise makes another image of it. Its "
        "bits/dim say how likely the network takes it to be."
    )
    equation = (
        r"x_{t_0} = \alpha x + \noise{\sigma z}, \qquad "
        r"dx = [\drift{f} - g^2 \score{s}]\, dt + \noise{g\, d\bar w}"
    )
    source = "Meng et al. 2022 (SDEdit), Algorithm 1; Kingma et al. 2021"

    own_pictures: ClassVar = {"drawing": OwnPicture(grey=True)}

    drawing: tuple[int, ...] = param((), "Drawing", kind="data")
    strength: float = param(
        1.6, "Strength", symbol="σ₀/α₀", low=0.05, high=20.0, minimum=0.01, maximum=150.0, log=True,
        help="The noise level up to which the drawing is noised. What is coarser than the noise is kept.",
        equation="σ(t₀)/α(t₀)",
    )  # fmt: skip
    returns: int = param(
        6, "Returns", symbol="n", low=2, high=8, minimum=1, maximum=16,
        help="How many ways back at once, each from noise of its own.",
        equation="xₜ = αx₀ + σzᵢ, i = 1…n",
    )  # fmt: skip
    mode: str = param(
        "reverse", "Reverse process", choices=MODES,
        help="The reverse SDE puts noise in on the way, the ODE does not. Methods and grid are the sampler's.",
        equation="[S21] eq. 6, 13",
    )  # fmt: skip
    steps: int = param(
        30, "Steps", symbol="N", low=5, high=200, minimum=1, maximum=1000, log=True, help="Steps of the way back.",
        equation="t_N = t₀ … t_0 = ε",
    )  # fmt: skip
    thickness: float = param(
        1.1, "Brush", symbol="r", unit="px", low=0.5, high=3.0, minimum=0.2, maximum=10.0,
        help="Half the width of the line, in pixels of the image.",
        equation="∥u − line∥ ≤ r",
    )  # fmt: skip
    likelihood_steps: int = param(
        24, "Steps of likelihood", symbol="N_b", low=8, high=128, minimum=1, maximum=4096, log=True, advanced=True,
        help="RK4 steps of the ODE by which bits/dim are found. Too few flatter.", equation="4N_b evaluations",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "drawing", _checked(self.drawing))

    @classmethod
    def quick(cls) -> Drawing:
        return cls(returns=2, steps=2, likelihood_steps=1)

    def reports(self, context: Context) -> Iterator[Report]:
        work = _Work(self, context)
        yield work.report(0.02)
        yield from work.way_back()
        yield from work.measure()
        yield work.report(1.0)

    def picture(self, data: ImageSet) -> np.ndarray:
        """The drawing as levels (h, w); where there is none of this size a digit, or a held-out picture in grey."""
        _, h, w = data.size
        if len(self.drawing) != h * w:
            return example(h, w) if data.digits else held_out(data, 0)[0].mean(0).round().astype(np.uint8)
        return np.array(self.drawing, np.uint8).reshape(h, w)

    def sampler(self, own: Sampler) -> Sampler:
        """The experiment's, in the mode and with the steps of the way back."""
        return replace(own, mode=self.mode, steps=self.steps)


def _checked(value: Any) -> tuple[int, ...]:
    """Grey levels as plain whole numbers."""
    try:
        found = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError):
        raise ParamError("drawing.drawing must be a list of grey levels") from None
    if not ((found >= 0) & (found <= 255) & (found == found.round())).all():
        raise ParamError("drawing.drawing must be whole grey levels from 0 to 255")
    return tuple(int(v) for v in found)


@dataclass
class _Work:
    """One drawing, noised, taken back and measured."""

    lab: Drawing
    context: Context
    back: torch.Tensor | None = None
    bits: Bits | None = None
    nfe: int = 0
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data, self.sde = pictures_of(self.context.experiment), self.context.experiment.sde
        self.levels = self.lab.picture(self.data)
        self.images = np.repeat(self.levels[None, None], self.data.size[0], 1)
        self.x0 = points(self.images).float()
        self.t0 = max(self.sde.time_at(self.lab.strength), self.sde.eps * 1.01)
        self.start = noised(self.sde, self.x0, self.t0, self.lab.returns, self.context.experiment.seed)

    def way_back(self) -> Generator[Report, None, None]:
        """Take the noised drawings back."""
        e, pace, done = self.context.experiment, Pace(), 0
        way = returned(
            self.sde, self.context.resolved.score, self.lab.sampler(e.sampler), self.start, self.t0, e.seed
        )
        for state in way:
            self.back, self.nfe, done = state.x, state.nfe, done + 1
            if pace.due():
                yield self.report(0.02 + 0.4 * min(done / self.lab.steps, 1.0))
        yield self.report(0.42)

    def measure(self) -> Generator[Report, None, None]:
        """Bits/dim of the drawing and of its first return."""
        assert self.back is not None
        e, pace = self.context.experiment, Pace()
        first = np.moveaxis(to_pixels(self.back[:1].numpy(), self.data.size), -1, 1)
        coder = Coder(e.sde, self.context.resolved.score, self.lab.likelihood_steps, 2, e.seed)
        now = self.report(0.42)
        for progress, found in coder.measure(np.concatenate([self.images, first])):
            self.bits = found
            if pace.due():
                yield as_far(now, 0.42 + 0.57 * progress)

    def report(self, progress: float) -> Report:
        figures: tuple[Figure, ...] = (self._canvas(), self._strips())
        if self.back is not None:
            figures += (self._table(),)
            self.arrays["returns"] = self.back.numpy()
        return Report(figures, progress, self._words(), {"drawing": self.levels, **self.arrays})

    def _canvas(self) -> Picture:
        h, w = self.levels.shape
        bounds = (0.0, float(w), 0.0, float(h))
        # the window shows what is drawn over it, without waiting for a report
        pixels = np.repeat(self.levels[::-1, :, None] / np.float32(255), 3, axis=-1).astype(np.float32)
        canvas = Canvas("drawing", w, h, self.lab.thickness, self.data.light)
        return Picture("Draw here", (Image(pixels, bounds, smooth=False),), bounds, canvas=canvas)

    def _strips(self) -> Picture:
        ratios = np.geomspace(min(0.05, self.lab.strength / 2), self.lab.strength, MOMENTS)
        alpha, sigma = self.sde.marginal(self.t0)
        z = (self.start[:1] - alpha * self.x0) / sigma
        away = np.concatenate([((self.x0 + r * z) / np.hypot(1, r)).numpy() for r in ratios])
        rows = [
            Row("noising", seen(away, self.data), [short(r) for r in ratios]),
            Row("at t₀", seen(self.start, self.data, float(np.hypot(alpha, sigma)))),
        ]
        if self.back is not None:
            away_now = [f"{127.5 * v:.3g}" for v in rms(self.back - self.x0)]
            rows.append(Row("back", seen(self.back, self.data), away_now))
        about = (
            "Below the noised: σ/α. Below each return: how far it is from the drawing, RMS, in grey levels."
        )
        return strip(f"Noised up to σ/α = {self.lab.strength:.3g}, and back", rows, about)

    def _table(self) -> Table:
        assert self.back is not None
        away = rms(self.back - self.x0)
        rows: list[tuple[str | float, ...]] = [("your drawing", *self._measured(0), 0.0)]
        rows.append(("its first return", *self._measured(1), float(away[0]) * 127.5))
        return Table(
            "How likely", ("picture", "bits/dim", "± (probes)", "from the drawing, levels"), tuple(rows)
        )

    def _measured(self, row: int) -> tuple[float, float]:
        if self.bits is None:
            return float("nan"), float("nan")
        return float(self.bits.values[row]), float(self.bits.errors[row])

    def _words(self) -> str:
        if (self.levels == (255 if self.data.light else 0)).all():
            return "Nothing is drawn yet: draw on the first image with the left mouse button."
        if self.back is None:
            return "The drawing is being noised."
        away = rms(self.back - self.x0)
        kept = (
            f"With noise up to σ/α = {self.lab.strength:.3g} (t₀ = {self.t0:.3f}) the returns are "
            f"{levels(away.min()).split()[0]} to {levels(away.max())} from the drawing (RMS), "
            f"{self.nfe} evaluations each."
        )
        if self.bits is None:
            return kept
        own, first = self.bits.values
        return (
            f"{kept} The drawing takes {own:.2f} ± {self.bits.errors[0]:.2g} bits/dim, its first return {first:.2f}: "
            f"{'the network finds the return likelier' if first < own else 'the drawing is the likelier of the two'}."
        )
