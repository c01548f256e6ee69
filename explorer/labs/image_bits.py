"""The likelihood of pictures in bits per dimension, gathering along the ODE, and what it ranks above what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from explorer.analysis.likelihood import Bits, Coder, Moment
from explorer.analysis.likelihood.bits import STEPS, Draw
from explorer.base.digits import with_minus
from explorer.base.params import param
from explorer.data.images import IMAGES, ImageSet
from explorer.data.images.base import from_pixels
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.guidance.images import checked_levels, own_param
from explorer.labs.base import LABS, Context, Lab, OwnPicture, Report
from explorer.labs.toolkit.image_parts import Row, held_out, own_image, pictures_of, seen, strip
from explorer.labs.toolkit.pace import Pace
from explorer.labs.toolkit.styles import style


@LABS.register("picture_bits", title="Bits per dimension", order=320)
@dataclass(frozen=True)
class PictureBits(Lab):
    """Bits/dim of a held-out picture beside pictures of other kinds."""

    section = "pictures"
    main = ("The images", "The bound")
    for_points, for_pictures = False, True
    about = (
        "How many bits a pixel the network needs to tell an image it has never seen: the flow's log-density, gathered "
        "along the ODE, with its error bar. Beside it images of other kinds, to see what likelihood takes for likely."
    )
    equation = (
        r"-\log_2 P(x_0) \le E\,[\,-\log_2 p_e(x_e) \\ "
        r"\quad + \log_2 q(x_e \mid x_0) - \log_2 P(x_0 \mid x_e)\,], \qquad "
        r"\log p_e = \log p_T + \int \nabla\cdot(\drift{f} - \frac{1}{2} g^2 \score{s})\, dt"
    )
    source = "Kingma et al. 2021, eq. 11 to 14; Song et al. 2021, eq. 39, 40; Nalisnick et al. 2019"

    own_pictures: ClassVar = {"own": OwnPicture()}

    picture: int = param(
        1, "Image", symbol="i", low=1, high=100, minimum=1, maximum=10**6,
        help="Which held-out image, counted round where there are fewer.",
        equation="−log₂ p(xᵢ)/d",
    )  # fmt: skip
    own: tuple[int, ...] = own_param()
    others: bool = param(
        True, "Other kinds", help="Images of other sets, its negative, nothing at all, and noise beside it.",
        equation="−log₂ p(x)/d",
    )  # fmt: skip
    probes: int = param(
        2, "Probes", symbol="k", low=1, high=16, minimum=1, maximum=256,
        help="Random probes of the divergence, each with its own draw of x_e; from two on their spread gives the error "
        "bars.",
        equation="∇·s = E[vᵀ(∇s)v], error = std/√k",
    )  # fmt: skip
    steps: int = param(
        STEPS, "Steps", symbol="N", low=8, high=256, minimum=1, maximum=4096, log=True,
        help="RK4 steps, equal in log σ/α. Too few flatter the network: double them to see whether it has settled.",
        equation="N steps, 4N evaluations",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "own", checked_levels(self.own, "picture_bits.own"))

    @classmethod
    def quick(cls) -> PictureBits:
        return cls(steps=2)

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        kinds = self.kinds(pictures_of(e))
        coder = Coder(e.sde, context.resolved.score, self.steps, self.probes, e.seed)
        work = _Gathering(pictures_of(e), kinds, self)
        pace = Pace()
        yield work.report(0.0)
        for draw in coder.draws(np.concatenate(list(kinds.values()))):
            for moment in draw.moments():
                work.add(draw, moment)
                if pace.due():
                    yield work.report(work.done * 0.999)
            work.close()
        yield work.report(1.0, moment.nfe)

    def kinds(self, data: ImageSet) -> dict[str, np.ndarray]:
        """Name -> picture (1, c, h, w), uint8."""
        own = held_out(data, self.picture - 1)
        found = {"your own image": own_image(self.own, data)} if len(self.own) == data.dim else {}
        found |= {f"{data.title}, held out": own}
        if self.others:
            found |= _elsewhere(data, self.picture - 1)
            noise = np.random.default_rng(self.picture).integers(0, 256, own.shape)
            found |= {"its negative": 255 - own, "black": own * 0, "noise": noise.astype(np.uint8)}
        return found


def _elsewhere(data: ImageSet, index: int) -> dict[str, np.ndarray]:
    """Held-out pictures of other sets of the same size that come with the program."""
    others: list[Any] = [cls() for cls in IMAGES.values() if cls.builtin]
    fitting = [s for s in others if s.picture == data.picture and s.name != data.name]
    return {s.title: held_out(s, index) for s in fitting}


class _Gathering:
    """What has been gathered so far: the parts of the bound at every moment of every draw."""

    def __init__(self, data: ImageSet, kinds: dict[str, np.ndarray], lab: PictureBits) -> None:
        self.data, self.kinds, self.lab = data, kinds, lab
        self.finished: list[list[tuple[float, dict[str, np.ndarray]]]] = []
        self.open: list[tuple[float, dict[str, np.ndarray]]] = []
        self.done = 0.0
        self._rows = 0

    def add(self, draw: Draw, moment: Moment) -> None:
        """The next moment of a draw."""
        ratio = draw.coder.fine[0].noise_level(moment.t)
        self.open.append((ratio, draw.parts(moment)))
        total = len(self.kinds) * self.lab.probes
        self.done = (self._rows + len(draw.x0) * moment.progress) / total

    def close(self) -> None:
        """A draw is at its end."""
        self._rows += len(self.open[0][1]["code"])
        self.finished.append(self.open)
        self.open = []

    def _gathered(self, part: str) -> np.ndarray:
        """One part at every moment (m, kinds, probes); NaN where nothing is known yet."""
        draws = [*self.finished, *([self.open] if self.open else [])]
        most = max((len(d) for d in draws), default=1)
        columns = []
        for d in draws:
            values = np.array([parts[part] for _, parts in d])
            columns.append(np.concatenate([values, np.full((most - len(d), values.shape[1]), np.nan)]))
        n = len(self.kinds) * self.lab.probes
        there = np.concatenate(columns, 1) if columns else np.empty((most, 0))
        gap = np.full((most, n - there.shape[1]), np.nan)
        return np.concatenate([there, gap], 1).reshape(most, len(self.kinds), self.lab.probes)

    def report(self, progress: float, nfe: int = 0) -> Report:
        parts = {name: self._gathered(name) for name in ("code", "volume", "noise", "levels")}
        total = np.asarray(sum(parts.values()))
        figures: tuple[Figure, ...] = (self._pictures(total, progress), self._so_far(total))
        figures += (self._table({k: v[-1] for k, v in parts.items()}),)
        arrays = {"each": total[-1], "pictures": np.concatenate(list(self.kinds.values()))}
        words = (
            self._words(Bits(total[-1], nfe, 0.0)) if progress == 1 else "The divergence is being gathered."
        )
        return Report(figures, progress, words, arrays)

    def _pictures(self, total: np.ndarray, progress: float) -> Picture:
        x = from_pixels(np.concatenate(list(self.kinds.values())))
        under = [with_minus(f"{v:.2f}") if progress == 1 else "…" for v in total[-1].mean(1)]
        return strip("The images", (Row("", seen(x, self.data), under),), about="Below each: bits/dim.")

    def _so_far(self, total: np.ndarray) -> Plot:
        ratios = [ratio for ratio, _ in max([*self.finished, self.open], key=len)] or [np.nan]
        series = []
        for i, name in enumerate(self.kinds):
            error = _error(total[:, i])
            bars = np.where(np.arange(len(error)) == len(error) - 1, error, np.nan)
            series.append(Series(name, np.array(ratios), total[:, i].mean(1), *style(i), error=bars))
        return Plot(
            "The bound while the divergence gathers", "σ/α", "bits/dim", tuple(series), log_x=True,
            about="As if the flow ended there and the prior were the density: true at the right end.",
        )  # fmt: skip

    def _table(self, last: dict[str, np.ndarray]) -> Table:
        total = np.asarray(sum(last.values()))
        rows: list[tuple[str | float, ...]] = []
        for i, name in enumerate(self.kinds):
            parts = [float(v[i].mean()) for v in last.values()]
            rows.append((name, float(total[i].mean()), float(_error(total[i])), *parts))
        columns = ("picture", "bits/dim", "± (probes)", "−log p_T", "−∫∇·f̃", "log q", "−log P(levels)")
        return Table("Decomposition, bits/dim", columns, tuple(rows))

    def _words(self, found: Bits) -> str:
        values, names = found.values, list(self.kinds)
        order = [names[i] for i in np.argsort(values)]
        bar = f" ± {found.errors[0]:.2g}" if found.each.shape[1] > 1 else ""
        ranked = f" From likely to unlikely: {', '.join(order)}." if len(order) > 1 else ""
        return (
            f"{names[0]}: {values[0]:.3f}{bar} bits/dim with {self.lab.steps} RK4 steps, {found.nfe} evaluations; "
            f"eight bits store any image.{ranked}"
        )


def _error(each: np.ndarray) -> np.ndarray:
    """The standard error over the probes, the last axis; NaN for one."""
    k = each.shape[-1]
    return np.asarray(each.std(-1, ddof=1) / np.sqrt(k)) if k > 1 else np.full(each.shape[:-1], np.nan)
