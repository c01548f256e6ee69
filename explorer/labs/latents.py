"""A data point's path to its code, and the divergence that gathers on the way."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from explorer.analysis.likelihood import START, Exact, Moment, end_log_density, final
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.samplers import SOLVERS
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.figures.marks import Array, Curve, Mark, Points
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.density_parts import (
    array,
    backdrop,
    code_picture,
    codes_of_data,
    dots,
    flat,
    flow_of,
    handle,
    hues,
    line_density,
    over_time,
    report,
    size,
    whole,
)

#: Steps of the solver between two reports; steps of the rough path that shows where it leads.
EVERY, ROUGHLY = 3, 16
#: Ways that are kept: where only the cut moves, none is gone again.
MOST_KEPT = 4
_kept: dict[Hashable, tuple[list[Moment], torch.Tensor]] = {}


@LABS.register("codes", title="Data and codes", order=20)
@dataclass(frozen=True)
class Codes(Lab):
    """Drag a data point: its path to its code, log p along it, and the way back."""

    section = "density"
    main = ("From the point",)
    about = (
        "Drag the data point. The probability-flow ODE takes it to its code; on the way log p falls by the "
        "divergence of the field, and at the end the prior is known. Run backwards, the ODE gives the point again."
    )
    equation = (
        r"\frac{dx}{dt} = \drift{f} - \frac{1}{2} g^2 \score{s}, \qquad "
        r"\frac{d \log p}{dt} = -\nabla\cdot(\drift{f} - \frac{1}{2} g^2 \score{s})"
    )
    source = "Song et al. 2021, section 4.3 and appendix D; Chen et al. 2018"

    x: float = param(
        1.0, "Point, x", symbol="x₁", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4,
        help="The data point: drag it in the image.",
        equation="x₀ = (x₁, x₂)",
    )  # fmt: skip
    y: float = param(
        0.9, "Point, y", symbol="x₂", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4,
        help="Its second coordinate (one-dimensional data has none).",
        equation="x₀ = (x₁, x₂)",
    )  # fmt: skip
    others: int = param(
        400, "Other codes", low=0, high=2000, minimum=0, maximum=5000,
        help="Data points drawn beside it with their codes, neighbours in like colours.",
        symbol="n", equation="zᵢ = code of xᵢ, i = 1…n",
    )  # fmt: skip

    moment: float = param(
        1.0, "Trajectory until", symbol="t", low=0.0, high=1.0, maximum=1.0,
        help="How far the path and what has gathered along it are drawn; the rest of the path is grey.",
        equation="∫₀ᵗ ∇·u dt",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> Codes:
        return cls(others=20)

    def reports(self, context: Context) -> Iterator[Report]:
        way = _Way(self, context)
        for progress in way.walked():
            yield way.report(None, 0.6 * progress)
        yield way.report(None, 0.7 if self.others else 1.0)
        if self.others:
            e, score = context.experiment, cast(Hashable, context.resolved.score)
            found = codes_of_data(e.sde, score, way.mixture, e.seed, self.others)
            yield way.report(found, 1.0)


class _Way:
    """The path of one point there and back, as far as it has come, and its figures."""

    def __init__(self, lab: Codes, context: Context) -> None:
        self.lab, self.e, self.mixture = lab, context.experiment, context.exact.mixture
        self.sde, self.dim = self.e.sde, self.e.data.dim
        self.flow = flow_of(context)
        self.point = torch.tensor([[lab.x, lab.y][: self.dim]], dtype=torch.float64)
        self.key = (self.sde, cast(Hashable, context.resolved.score), tuple(self.point[0].tolist()))
        self.moments: list[Moment] = []
        self.back: torch.Tensor | None = None
        rough = replace(self.flow, solver=SOLVERS["rk4"](), steps=ROUGHLY)
        self.ahead = self._scaled(list(rough.encode(self.point)))

    def walked(self) -> Iterator[float]:
        """Go the way there, saying after every few steps how far it is, and back. It is kept: only the cut moves."""
        if self.key not in _kept:
            for i, moment in enumerate(self.flow.encode(self.point, divergence=Exact())):
                self.moments.append(moment)
                if i % EVERY == EVERY - 1:
                    self._cut()
                    yield moment.progress
            while len(_kept) >= MOST_KEPT:
                _kept.pop(next(iter(_kept)), None)
            _kept[self.key] = self.moments, final(self.flow.decode(self.moments[-1].x)).x[0] - self.point[0]
        self.moments, self.back = _kept[self.key]
        self.ahead = self._scaled(self.moments)
        self._cut()

    def _cut(self) -> None:
        """What is shown: the moments up to the one that is asked for, where the ODE is solved to that very time."""
        shown = [m for m in self.moments if m.t <= max(self.lab.moment, START)]
        end, behind = min(self.lab.moment, self.sde.T), shown[-1]
        if behind.t < end < self.moments[-1].t:
            leg = final(self.flow.encode(behind.x, behind.t, Exact(), end))
            shown.append(leg._replace(divergence=leg.divergence + behind.divergence))
        self.ts = np.array([m.t for m in shown])
        self.path = np.concatenate([array(m.x) for m in shown])
        self.gathered = np.array([float(m.divergence) for m in shown])
        self.scaled = self._scaled(shown)
        self.truth = np.array([float(self.mixture.log_density(m.x, *self.sde.marginal(m.t))) for m in shown])

    def _scaled(self, moments: Sequence[Moment]) -> Array:
        """The path over the spread of unit data (m, d)."""
        return np.concatenate([array(m.x) / size(self.sde, m.t) for m in moments]).astype(np.float32)

    @property
    def there(self) -> bool:
        """Whether the code is known."""
        return self.back is not None

    @property
    def found(self) -> np.ndarray:
        """log p_t(x_t) along the path, from the prior and the divergence."""
        return self._by_ode()[0] - self.gathered

    @property
    def code(self) -> Array:
        """The code in units of the prior's standard deviation (1, d); none (0, d) before it is known."""
        last = array(self.moments[-1].x)[: int(self.there)]
        return np.asarray(last / self.sde.prior_std, np.float32)

    def report(self, others: tuple[Array, Array] | None, progress: float) -> Report:
        figures = (self._picture(others), self._codes(others), self._along(), self._table())
        known = {"log_density": self.found} if self.there else {}
        return report(
            figures, progress, self._words(), t=self.ts, path=self.path, divergence=self.gathered,
            exact=self.truth, **known,
        )  # fmt: skip

    def _picture(self, others: tuple[Array, Array] | None) -> Picture:
        return self._over_time() if self.dim == 1 else self._in_the_plane(others)

    def _in_the_plane(self, others: tuple[Array, Array] | None) -> Picture:
        edge = max(whole(self.mixture)[1], min(1.1 * float(np.abs(self.ahead).max()), 12.0))
        bounds = (-edge, edge, -edge, edge)
        data = () if others is None else (_coloured(others[0], others[0], 3.0, 0.6),)
        marks: tuple[Mark, ...] = (
            backdrop(self.mixture, bounds), *data, Curve(self.ahead, "muted", 1.5), Curve(self.scaled, "accent", 2.0),
            dots(self.scaled[:1], "accent", 8.0), dots(self.scaled[-1:], "noise", 8.0),
        )  # fmt: skip
        return Picture(
            "From the point to its code", marks, bounds, "x₁ / √(α² + σ²)", "x₂ / √(α² + σ²)",
            handles=(handle(2, ("x", "y"), (self.lab.x, self.lab.y), "x₀"),),
            about="Each place is divided by √(α² + σ²), so that the path stays in the image; the data is at t = 0.",
        )  # fmt: skip

    def _over_time(self) -> Picture:
        edge = max(whole(self.mixture)[1], 3.0)
        bounds = (0.0, 1.0, -edge, edge)
        curve = np.column_stack([self.ts, self.scaled[:, 0]]).astype(np.float32)
        marks: tuple[Mark, ...] = (
            over_time(self.mixture, self.sde, edge), *self._ahead_in_time(), Curve(curve, "accent", 2.0),
            dots(curve[-1:], "noise", 8.0),
        )  # fmt: skip
        return Picture(
            "From the point to its code", marks, bounds, "t", "x / √(α² + σ²)", square=False,
            handles=(handle(1, ("x", "y"), (0.0, self.lab.x), "x₀"),),
        )  # fmt: skip

    def _ahead_in_time(self) -> tuple[Curve, ...]:
        """The rest of the way, once it is known when it is where."""
        if not self.there:
            return ()
        way = np.column_stack([[m.t for m in self.moments], self.ahead[:, 0]])
        return (Curve(way.astype(np.float32), "muted", 1.5),)

    def _codes(self, others: tuple[Array, Array] | None) -> Figure:
        if self.dim == 1:
            return self._quantiles(others)
        marks = () if others is None else (_coloured(others[1] / self.sde.prior_std, others[0], 4.0, 0.8),)
        return code_picture(
            "Codes", (*marks, dots(self.code, "noise", 9.0)), 2,
            "Circles are 1, 2 and 3 standard deviations of the prior. Colours are those of the data beside it.",
            1.1 * float(np.abs(self.code).max(initial=0.0)),
        )  # fmt: skip

    def _quantiles(self, others: tuple[Array, Array] | None) -> Plot:
        """In one dimension codes keep the order: the code is the quantile's."""
        edge = whole(self.mixture)[1]
        xs = np.linspace(-edge, edge, 2001)
        shares = np.cumsum(np.exp(line_density(self.mixture, xs, 1.0, START))) * (xs[1] - xs[0])
        normal = torch.special.ndtri(torch.from_numpy(np.clip(shares, 1e-6, 1 - 1e-6))).numpy()
        inside = np.abs(normal) < 4
        series = [Series("quantile of the normal distribution", xs[inside], normal[inside], "muted")]
        if others is not None:
            order = np.argsort(others[0][:, 0])
            codes = others[1][order, 0] / self.sde.prior_std
            series.append(Series("codes of data", others[0][order, 0], codes, "score", "none", True))
        at = self.path[: len(self.code), 0]
        series.append(Series("this point", at, self.code[:, 0], "noise", "none", True))
        return Plot(
            "Codes", "x₀", "z / σ_prior", tuple(series),
            about="On a line paths cannot cross, so the code is the normal quantile of the point's own.",
        )  # fmt: skip

    def _along(self) -> Plot:
        found = (Series("log pₜ(xₜ) by the ODE", self.ts, self.found, "score"),) if self.there else ()
        return Plot(
            "Log-density along the path", "t", "nats",
            (
                *found,
                Series("exact log pₜ(xₜ)", self.ts, self.truth, "text", "dash"),
                Series("gathered: ∫₀ᵗ ∇·u dt", self.ts, self.gathered, "noise"),
            ),
        )  # fmt: skip

    def _table(self) -> Table:
        """There and back; what is not known yet is left out."""
        rows = [("xy"[i], *values) for i, values in enumerate(self._places().T.tolist())]
        logs = [("log p by the ODE, nats", self._by_ode), ("log p, exact, nats", self._exact)]
        rows += [(word, *(values() if self.there else [math.nan] * 2), math.nan) for word, values in logs]
        return Table("There and back", ("", "data, t = 0", "code, t = 1", "decoded, t = 0"), tuple(rows))

    def _places(self) -> np.ndarray:
        """The point, its code and what that is decoded to (3, d); NaN where not known yet."""
        begin = self.point[0].numpy()
        if self.back is None:
            return np.stack([begin, *[np.full(self.dim, math.nan)] * 2])
        return np.stack([begin, array(self.moments[-1].x)[0], begin + self.back.numpy()])

    def _by_ode(self) -> tuple[float, float]:
        """log p of the point, and of its code under the prior."""
        end = float(end_log_density(self.sde, self.moments[-1].x))
        return end + float(self.moments[-1].divergence), end

    def _exact(self) -> tuple[float, float]:
        end = float(self.mixture.log_density(self.moments[-1].x, *self.sde.marginal(self.sde.T)))
        return float(self.truth[0]), end

    def _words(self) -> str:
        so_far = f"By t = {self.ts[-1]:.3g}, {self.gathered[-1]:+.3f} nats have gathered on the way. "
        if self.back is None:
            return so_far
        whole, far = float(self.moments[-1].divergence), float(self.back.abs().max())
        (point, code), lost = self._by_ode(), ""
        if far > 1e-3 and whole < -3:
            lost = (
                f" From so far off the data the flow draws volumes together by a factor of e^{-whole:.0f}: "
                "on the way back what the solver rounds off grows by as much."
            )
        return (
            f"{so_far if self.ts[-1] < self.sde.T else ''}"
            f"log p of the point is {point:.3f} nats: {code:.3f} of its code under the prior and "
            f"{whole:+.3f} gathered on the way; exact is {self.truth[0]:.3f}. Decoding the code gives "
            f"the point again to {far:.1g}. {self.moments[-1].nfe} evaluations of the score.{lost}"
        )


def _coloured(xy: Array, by: Array, size: float, alpha: float) -> Points:
    return Points(flat(xy), "text", size, alpha, values=hues(by))
