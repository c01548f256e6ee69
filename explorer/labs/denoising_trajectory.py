"""One picture's way out of the noise, three times from the same noise: reverse SDE, ODE, and PC."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.data.images import ImageSet
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.scores import of_row
from explorer.figures.figure import Figure, Picture, Plot, Series
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.image_parts import (
    Row,
    levels,
    noise_seen,
    pictures_of,
    rms,
    run,
    seen,
    short,
    strip,
    typical_rms,
)
from explorer.labs.toolkit.pace import Pace

WAYS = {
    "reverse": ("Reverse SDE", "noise"),
    "ode": ("Probability-flow ODE", "accent"),
    "pc": ("PC", "corrector"),
}
#: Ends so far apart, over the distance of two pictures of the set, are different pictures; or the same one.
FAR, NEAR = 0.5, 0.1


@LABS.register("film", title="Denoising trajectory", order=300)
@dataclass(frozen=True)
class Film(Lab):
    """x_t, the denoised estimate and the score along a run, for SDE, ODE and PC on the same noise."""

    section = "pictures"
    for_points, for_pictures, guided = False, True, True
    about = (
        "The chosen image of the sheet from noise to data, as a film strip: x(t), what the network takes to be the "
        "image behind it, and the score. The same noise goes through the reverse SDE, the ODE, and PC."
    )
    equation = r"\hat x_0 = \frac{x_t + \sigma^2 \score{s}}{\alpha}"
    source = "Song et al. 2021, eq. 6, 13, Algorithms 2, 3; Robbins 1956 (Tweedie's formula)"

    picture: int = param(
        1, "Image", symbol="i", low=1, high=16, minimum=1, maximum=100,
        help="Which image of the sheet, counted from the upper left.",
        equation="xᵢ",
    )  # fmt: skip
    columns: int = param(
        8, "Moments", low=4, high=12, minimum=2, maximum=16,
        help="How many moments of the run the strip shows, evenly spaced over its steps.",
        symbol="m", equation="t_1 > … > t_m",
    )  # fmt: skip
    steps: int = param(
        80, "Steps", symbol="N", low=10, high=500, minimum=2, maximum=2000, log=True,
        help="Steps of the reverse SDE and of PC, which takes as many corrector moves besides. The ODE takes the "
        "steps of the sampler where that is one for the ODE, else as many.",
        equation="t_N = T … t_0 = ε",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> Film:
        return cls(columns=3, steps=4)

    def reports(self, context: Context) -> Iterator[Report]:
        ways: dict[str, _Way] = {}
        pace = Pace()
        for i, mode in enumerate(WAYS):
            sampler = self.sampler(context.experiment.sampler, mode)
            way = ways[mode] = _Way(self, context)
            for frame in run(context, sampler):
                way.frames.append(frame)
                if pace.due() and ways.get("reverse") and len(way.frames) > 1:
                    yield _report(ways, (i + frame.step / max(frame.steps, 1)) / len(WAYS) * 0.999)
        yield _report(ways, 1.0)

    def sampler(self, own: Sampler, mode: str) -> Sampler:
        """The experiment's sampler in this mode, for all of the sheet up to the picture."""
        steps = own.steps if mode == "ode" == own.mode else self.steps
        particles = min(max(own.particles, self.picture), 100)
        return replace(own, mode=mode, steps=steps, particles=particles)


@dataclass
class _Way:
    """The frames of one run, and what the score says at those that are shown."""

    lab: Film
    context: Context
    frames: list[Frame] = field(default_factory=list)
    asked: dict[tuple[int, str, int], np.ndarray] = field(default_factory=dict)

    def shown(self) -> list[Frame]:
        """Evenly spaced, predictor steps where there are corrector moves too."""
        there = [f for f in self.frames if f.part != "correct"] or self.frames
        rows = np.unique(np.linspace(0, len(there) - 1, self.lab.columns).round().astype(int))
        chosen = [there[i] for i in rows]
        return [*chosen[:-1], self.frames[-1]] if len(chosen) > 1 else chosen

    def states(self, frames: list[Frame]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, estimate and sigma s (n, d) of the picture at these frames."""
        row = self.lab.picture - 1
        x = np.stack([f.x[row] for f in frames])
        s = np.stack([self._score(f, row) for f in frames])
        sigma = np.array([[f.sigma] for f in frames], np.float32)
        alpha = np.array([[f.alpha] for f in frames], np.float32)
        return x, np.asarray((x + sigma**2 * s) / alpha), np.asarray(sigma * s)

    def _score(self, frame: Frame, row: int) -> np.ndarray:
        """The score at the picture (d,), asked for once a frame."""
        moment = frame.step, frame.part, frame.sub
        if moment not in self.asked:
            with torch.no_grad():
                s = of_row(self.context.resolved.score, row)(
                    torch.from_numpy(frame.x[row : row + 1]), max(frame.t, 1e-5)
                )
            self.asked[moment] = s[0].numpy()
        return self.asked[moment]

    def picture(self, title: str) -> Picture:
        """The strip: x over the size it should have, estimate, score."""
        data, frames = pictures_of(self.context.experiment), self.shown()
        x, estimate, score = self.states(frames)
        sizes = np.array([[np.hypot(f.alpha, f.sigma)] for f in frames], np.float32)
        norms = rms(x) / [typical_rms(data, f.alpha, f.sigma) for f in frames]
        rows = (
            Row("x(t)", seen(x / sizes, data), [short(f.sigma / f.alpha) for f in frames]),
            Row("estimate", seen(estimate, data), [f"{n:.2f}" for n in norms]),
            Row("σ · score", noise_seen(score, data), [f"{n:.2f}" for n in rms(score)]),
        )
        about = "Below x(t): σ/α. Below the estimate: |x| over what is to be expected. Below the score: σ|s| / √d."
        return strip(title, rows, about)

    def decided(self) -> tuple[np.ndarray, np.ndarray]:
        """sigma/alpha of the moments shown, and how far the estimate then was from the end, RMS."""
        frames = self.shown()
        _, estimate, _ = self.states(frames)
        return np.array([f.sigma / f.alpha for f in frames]), rms(
            estimate - frames[-1].x[self.lab.picture - 1]
        )


def _report(ways: dict[str, _Way], progress: float) -> Report:
    found = {mode: way for mode, way in ways.items() if way.frames}
    pictures: list[Figure] = [way.picture(WAYS[mode][0]) for mode, way in found.items()]
    curves = {mode: way.decided() for mode, way in found.items()}
    series = tuple(
        Series(WAYS[mode][0], x[:-1], np.maximum(y[:-1], 1e-4), WAYS[mode][1], points=True)
        for mode, (x, y) in curves.items()
    )
    plot = Plot(
        "How far the estimate is from the end", "σ/α", "RMS over pixels", series, log_x=True, log_y=True,
        about="Noise falls from right to left.",
    )  # fmt: skip
    first = next(iter(found.values()))
    row, data = first.lab.picture - 1, pictures_of(first.context.experiment)
    arrays = {f"{mode}_end": way.frames[-1].x[row] for mode, way in found.items()}
    return Report((*pictures, plot), progress, _words(found, row, data), arrays)


def _words(ways: dict[str, _Way], row: int, data: ImageSet) -> str:
    ends = {mode: way.frames[-1].x[row][None] for mode, way in ways.items()}
    nfe = ", ".join(f"{WAYS[mode][0]} {way.frames[-1].nfe}" for mode, way in ways.items())
    if len(ends) < len(WAYS):
        return f"Evaluations so far: {nfe}."
    apart = float(rms(ends["reverse"] - ends["ode"])[0])
    return f"From the same noise SDE and ODE come to images {_apart(apart, data)} Evaluations: {nfe}."


def _apart(apart: float, data: ImageSet) -> str:
    """What a distance (RMS) between the ends of SDE and ODE says, beside that of two pictures of the set."""
    two = math.sqrt(2) * data.sigma_data
    if apart > FAR * two:
        said = "the SDE's own noise decides as much as the start"
    elif apart < NEAR * two:
        said = "the start decides, the SDE's own noise changes next to nothing"
    else:
        said = "the SDE's own noise changes the image, but less than another start would"
    return f"{levels(apart)} apart (RMS), where two images of the set are {levels(two)}: {said}."
