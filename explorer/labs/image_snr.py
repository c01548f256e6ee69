"""Predictor and corrector on pictures: what the signal-to-noise ratio does, side by side on the same noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import Sampler
from explorer.experiment.diagnostics import LARGE_SNR
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.image_parts import Row, pictures_of, rms, run, seen, strip, typical_rms
from explorer.labs.toolkit.pace import Pace
from explorer.labs.toolkit.styles import style

#: The snr tried besides the one asked for; 0 is the predictor alone.
LADDER = (0.0, 0.05, 0.1, 0.16, 0.25, 0.4)
#: So much longer than under the predictor and than is to be expected, or with this many times the noise that a smaller
#: one leaves and so many grey levels of it more, an snr is called too large.
LONG, NOISY, LEVELS = 0.1, 1.5, 4.0
#: The noise level at which the end is asked what noise it still holds: where noise begins to be seen.
ASKED = 0.2


@LABS.register("picture_snr", title="Signal to noise on images", order=350)
@dataclass(frozen=True)
class PictureSnr(Lab):
    """PC with several snr on the same noise: the pictures, their length on the way, the noise left in them."""

    section = "pictures"
    for_points, for_pictures = False, True
    about = (
        "The paper's case: predictor and corrector on images. A small snr mends what the predictor got wrong; one "
        "that is too large puts in more noise than the score takes out, and leaves it in the image."
    )
    equation = r"x \leftarrow x + \score{\epsilon\, s} + \noise{\sqrt{2\epsilon}\, z}, \qquad " \
               r"\epsilon = 2\alpha \left(\mathrm{snr} \frac{\|z\|}{\|s\|}\right)^2"  # fmt: skip
    source = "Song et al. 2021, Algorithms 2 to 5 and appendix G"

    snr: float = param(
        0.6, "One more snr", symbol="snr", low=0.02, high=1.5, minimum=0.001, maximum=3.0, log=True,
        help="Tried beside 0 (the predictor alone), 0.05, 0.1, 0.16, 0.25 and 0.4.",
        equation="ε = 2α(snr∥z∥/∥s∥)²",
    )  # fmt: skip
    steps: int = param(
        40, "Steps", symbol="N", low=10, high=500, minimum=2, maximum=2000, log=True,
        help="Predictor steps; the corrector's moves come besides.", equation="N(M + 1) evaluations",
    )  # fmt: skip
    corrections: int = param(
        1, "Corrector steps", symbol="M", low=1, high=4, minimum=1, maximum=20, help="Moves at each noise level.",
        equation="x + ε s + √(2ε) z, M times",
    )  # fmt: skip
    pictures: int = param(
        3, "Images", symbol="n", low=2, high=8, minimum=1, maximum=32, help="How many are made with each snr.",
        equation="xᵢ, i = 1…n",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> PictureSnr:
        return cls(steps=2, pictures=1)

    def reports(self, context: Context) -> Iterator[Report]:
        tried = sorted({*LADDER, self.snr})
        runs: list[_Run] = []
        pace = Pace()
        for i, snr in enumerate(tried):
            now = _Run(context, snr)
            for frame in run(context, self.sampler(context.experiment.sampler, snr)):
                now.add(frame)
                if pace.due() and runs:
                    yield _report(runs, (i + frame.step / max(frame.steps, 1)) / len(tried) * 0.999)
            now.finish()
            runs.append(now)
            yield _report(runs, (i + 1) / len(tried) * 0.999)
        yield _report(runs, 1.0)

    def sampler(self, own: Sampler, snr: float) -> Sampler:
        """The experiment's predictor and corrector with this snr; the reverse SDE for 0."""
        mode = "pc" if snr else "reverse"
        return replace(
            own,
            mode=mode,
            snr=snr,
            steps=self.steps,
            corrector_steps=self.corrections,
            particles=self.pictures,
        )


@dataclass
class _Run:
    """One run: |x| over what is to be expected at each step, the last frame, and the noise that is left in it."""

    context: Context
    snr: float
    ratios: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    last: Frame | None = None
    left: float = float("nan")

    def add(self, frame: Frame) -> None:
        """The next frame."""
        data = pictures_of(self.context.experiment)
        size = float(np.sqrt(np.square(rms(frame.x)).mean()))
        self.ratios.append(frame.sigma / frame.alpha)
        self.lengths.append(size / typical_rms(data, frame.alpha, frame.sigma))
        self.last = frame

    def finish(self) -> None:
        """What the score would still take out at the end, sigma² s/alpha: RMS in grey levels."""
        assert self.last is not None
        e, x = self.context.experiment, torch.from_numpy(self.last.x)
        t = e.sde.time_at(ASKED)
        alpha, sigma = e.sde.marginal(t)
        with torch.no_grad():
            taken = self.context.resolved.score(x * alpha, t) * (sigma**2 / alpha)
        self.left = float(np.sqrt(np.square(rms(taken)).mean())) * 127.5

    @property
    def longest(self) -> float:
        """The farthest that |x| was from what is to be expected, on the second half of the way."""
        half = np.array(self.lengths[len(self.lengths) // 2 :])
        return float(half[np.abs(half - 1).argmax()])


def _too_large(r: _Run, runs: list[_Run]) -> bool:
    """Whether x grew longer than under the predictor alone, or visibly more noise is left than with a smaller snr."""
    below = [other for other in runs if other.snr < r.snr]
    long = any(r.longest > max(o.longest, 1.0) + LONG for o in below[:1])
    return long or any(r.left > max(NOISY * o.left, o.left + LEVELS) for o in below)


def _report(runs: list[_Run], progress: float) -> Report:
    figures: tuple[Figure, ...] = (_sheets(runs), _lengths(runs), _residue(runs), _table(runs))
    arrays = {"snr": np.array([r.snr for r in runs]), "left": np.array([r.left for r in runs])}
    return Report(figures, progress, _words(runs), arrays)


def _name(r: _Run) -> str:
    return f"snr {r.snr:.3g}" if r.snr else "predictor"


def _sheets(runs: list[_Run]) -> Picture:
    data = pictures_of(runs[0].context.experiment)
    ends = [r.last.x for r in runs if r.last is not None]
    n = len(ends[0])
    rows = [Row("", seen(np.stack([x[i] for x in ends]), data)) for i in range(n - 1)]
    rows.append(Row("", seen(np.stack([x[n - 1] for x in ends]), data), [_name(r) for r in runs]))
    return strip("The same noise, snr from left to right", rows)


def _lengths(runs: list[_Run]) -> Plot:
    series = tuple(
        Series(_name(r), np.array(r.ratios), np.array(r.lengths), *style(i)) for i, r in enumerate(runs)
    )
    return Plot(
        "Length of x on the way", "σ/α", "|x| / expected", series, log_x=True, about="Noise falls from right to left.",
    )  # fmt: skip


def _residue(runs: list[_Run]) -> Plot:
    x, y = np.array([r.snr for r in runs]), np.array([r.left for r in runs])
    return Plot(
        "Noise left in the images", "snr", "grey levels, RMS", (Series("", x, y, "noise", points=True),),
        about="What the score would still take out at σ/α = 0.2; snr = 0 is the predictor alone.",
    )  # fmt: skip


def _table(runs: list[_Run]) -> Table:
    rows = tuple(
        (
            _name(r),
            r.longest,
            r.left,
            0 if r.last is None else r.last.nfe,
            "too large" if _too_large(r, runs) else "",
        )
        for r in runs
    )
    columns = ("", "|x| / expected, farthest", "noise left, levels", "evaluations", "warning")
    return Table("Predictor and corrector", columns, rows)


def _words(runs: list[_Run]) -> str:
    best = min(runs, key=lambda r: r.left)
    return (
        f"The predictor alone leaves noise of {runs[0].left:.3g} grey levels; least is left by {_name(best)}, "
        f"{best.left:.3g}.{_warning(runs)}"
    )


def _warning(runs: list[_Run]) -> str:
    """Which snr were too large; where none was, but the stage would warn of one, why they differ."""
    large = [r.snr for r in runs if _too_large(r, runs)]
    if large:
        which = ", ".join(f"{snr:.3g}" for snr in large)
        return f" Too large here: snr = {which}; x grows too long or noise stays in the images."
    if runs[-1].snr <= LARGE_SNR:
        return " None of these is too large here."
    return (
        f" None of these is too large by these measures. Above snr = {LARGE_SNR:g} the stage warns all the same: moves "
        "that settle, as few do not, settle at 1 + snr² times the variance of the noise."
    )
