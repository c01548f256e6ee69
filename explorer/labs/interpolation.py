"""Between two data points: straight across, and through their codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis.likelihood import (
    START,
    Exact,
    end_log_density,
    final,
    linear,
    log_likelihood,
    spherical,
)
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.figures.marks import Array, Curve, Mark
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.density_parts import (
    array,
    backdrop,
    code_picture,
    dots,
    flow_of,
    handle,
    line_density,
    report,
    shade,
    whole,
)

#: Words and colours of the three ways.
WAYS = {
    "straight": ("straight line", "muted"),
    "linear": ("codes, linear", "score"),
    "spherical": ("codes, spherical", "noise"),
}


@LABS.register("interpolation", title="Interpolation", order=30)
@dataclass(frozen=True)
class Interpolation(Lab):
    """The straight line between two points, and the ways through their codes, with log p along each."""

    section = "density"
    main = ("Between two points",)
    about = (
        "Drag both points. Halfway on the straight line there may be no data at all. Between the two codes every "
        "point is a plausible code, and decoding it gives a plausible point."
    )
    equation = (
        r"z_w = (1 - w)\, z_0 + w\, z_1 \qquad "
        r"z_w = \frac{\sin((1 - w)\theta)\, z_0 + \sin(w \theta)\, z_1}{\sin\theta}"
    )
    source = "Song et al. 2021, appendix D; Shoemake 1985; White 2016"

    x1: float = param(
        1.4, "First, x", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4, help="Drag it in the image.",
        symbol="a₁", equation="x₀ = (a₁, a₂)",
    )  # fmt: skip
    y1: float = param(
        0.0, "First, y", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4,
        help="Its second coordinate (one-dimensional data has none).",
        symbol="a₂", equation="x₀ = (a₁, a₂)",
    )  # fmt: skip
    x2: float = param(
        -1.0, "Second, x", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4, help="Drag it in the image.",
        symbol="b₁", equation="x₀ = (b₁, b₂)",
    )  # fmt: skip
    y2: float = param(
        1.0, "Second, y", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4,
        help="Its second coordinate (one-dimensional data has none).",
        symbol="b₂", equation="x₀ = (b₁, b₂)",
    )  # fmt: skip
    places: int = param(
        41,
        "Places",
        symbol="n",
        low=5,
        high=201,
        minimum=3,
        maximum=1001,
        help="Points on each way, ends included.",
        equation="u = 0, 1/(n − 1), …, 1",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> Interpolation:
        return cls(places=5)

    def reports(self, context: Context) -> Iterator[Report]:
        yield _Ways(self, context).report()


class _Ways:
    """The ways between two points, in data and in codes, and log p along them."""

    def __init__(self, lab: Interpolation, context: Context) -> None:
        self.lab, self.mixture = lab, context.exact.mixture
        self.sde, self.dim = context.experiment.sde, context.experiment.data.dim
        flow, n = flow_of(context), lab.places
        ends = torch.tensor([[lab.x1, lab.y1], [lab.x2, lab.y2]], dtype=torch.float64)[:, : self.dim]
        a, b = final(flow.encode(ends)).x
        kinds = {"linear": linear(a, b, n)} | ({"spherical": spherical(a, b, n)} if self.dim > 1 else {})
        self.codes = {name: array(z) / self.sde.prior_std for name, z in kinds.items()}
        straight = linear(ends[0], ends[1], n)
        decoded = final(flow.decode(torch.cat(list(kinds.values())), divergence=Exact()))
        end = end_log_density(self.sde, torch.cat(list(kinds.values())))
        points = [straight, *decoded.x.split(n)]
        found = [log_likelihood(flow, straight).values, *(end - decoded.divergence[:, 0]).split(n)]
        names = ("straight", *kinds)
        self.points = dict(zip(names, points, strict=True))
        self.found = {name: v.numpy() for name, v in zip(names, found, strict=True)}
        level = self.sde.marginal(START)
        self.truth = {name: self.mixture.log_density(x, *level).numpy() for name, x in self.points.items()}

    @property
    def w(self) -> Array:
        """The places along a way, from 0 to 1."""
        return np.linspace(0, 1, self.lab.places, dtype=np.float32)

    def report(self) -> Report:
        figures: tuple[Figure, ...] = (self._line() if self.dim == 1 else self._plane(),)
        if self.dim > 1:
            figures += (self._codes(),)
        arrays = {f"{name}_points": array(x) for name, x in self.points.items()}
        arrays |= {f"{name}_log_density": v for name, v in self.found.items()}
        return report((*figures, self._along(), self._table()), 1.0, self._words(), w=self.w, **arrays)

    def _plane(self) -> Picture:
        bounds = whole(self.mixture)
        marks: list[Mark] = [backdrop(self.mixture, bounds)]
        for name, x in self.points.items():
            color = WAYS[name][1]
            marks += [Curve(array(x), color, 1.6), dots(array(x), color, 4.0)]
        lab = self.lab
        handles = (handle(2, ("x1", "y1"), (lab.x1, lab.y1)), handle(2, ("x2", "y2"), (lab.x2, lab.y2)))
        return Picture("Between two points", tuple(marks), bounds, "x₁", "x₂", handles=handles)

    def _line(self) -> Picture:
        """One-dimensional data: places upwards, the way from left to right."""
        edge = whole(self.mixture)[1]
        bounds = (0.0, 1.0, -edge, edge)
        column = line_density(self.mixture, np.linspace(-edge, edge, 200), 1.0, START)
        marks: list[Mark] = [shade(np.stack([column, column], 1), bounds)]
        for name, x in self.points.items():
            marks.append(Curve(np.column_stack([self.w, array(x)[:, 0]]), WAYS[name][1], 1.8))
        handles = (
            handle(1, ("x1", "y1"), (0.0, self.lab.x1)), handle(1, ("x2", "y2"), (1.0, self.lab.x2)),
        )  # fmt: skip
        return Picture(
            "Between two points", tuple(marks), bounds, "w", "x", square=False, handles=handles,
            about="In one dimension the arc between two codes is the line between them.",
        )  # fmt: skip

    def _codes(self) -> Picture:
        marks: list[Mark] = []
        for name, z in self.codes.items():
            marks += [Curve(z, WAYS[name][1], 1.6), dots(z, WAYS[name][1], 4.0)]
        return code_picture("The same ways among the codes", marks, self.dim)

    def _along(self) -> Plot:
        series = []
        for name, found in self.found.items():
            word, color = WAYS[name]
            series.append(Series(word, self.w, found, color))
            series.append(Series(f"{word}, exact log p", self.w, self.truth[name], color, "dash"))
        return Plot("Log-density on the way", "w", "log p, nats", tuple(series))

    def _table(self) -> Table:
        rows = tuple(
            (WAYS[name][0], float(found.min()), float(self.truth[name].min()), float(self.truth[name].mean()))
            for name, found in self.found.items()
        )
        return Table("On the way, nats", ("way", "lowest log p found", "lowest, exact", "mean, exact"), rows)

    def _words(self) -> str:
        lowest = {name: float(v.min()) for name, v in self.truth.items()}
        through = ", ".join(f"{v:.1f} ({WAYS[k][0]})" for k, v in lowest.items() if k != "straight")
        return (
            f"The straight line goes down to log p = {lowest['straight']:.1f} nats, the way through the codes no "
            f"lower than {through}."
        )
