"""One particle, one noise, three steps: ancestral, reverse diffusion and Euler-Maruyama, and how they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from explorer.analysis import chains
from explorer.analysis.convergence import Slope, slope
from explorer.analysis.convergence.study import doubled
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion import noise
from explorer.diffusion.samplers import Predictor, Reverse, Sampler, Step
from explorer.diffusion.samplers.ancestral import Ancestral
from explorer.diffusion.samplers.euler_maruyama import EulerMaruyama
from explorer.diffusion.samplers.reverse_diffusion import ReverseDiffusion
from explorer.diffusion.simulate import simulate
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Handle, Picture, Plot, Series, Table
from explorer.figures.marks import Arrows, Bounds, Curve, Mark, Points, Text
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.fields import density_image

#: Word, method, role. The ancestral step with beta is DDPM's as [S21] appendix E compares it.
STEPS: tuple[tuple[str, Predictor, str], ...] = (
    ("Ancestral, forward", Ancestral(variance="forward"), "score"),
    ("Ancestral, posterior", Ancestral(variance="posterior"), "corrector"),
    ("Reverse diffusion", ReverseDiffusion(), "accent"),
    ("Euler–Maruyama", EulerMaruyama(), "noise"),
)
#: Pairs that are compared, as places in STEPS, and whether with their noise.
PAIRS = (
    (0, 2, False, "Ancestral and reverse diffusion, means"),
    (2, 3, False, "Reverse diffusion and Euler–Maruyama, means"),
    (0, 1, True, "Ancestral, forward and posterior variance, with noise"),
    (2, 3, True, "Reverse diffusion and Euler–Maruyama, with noise"),
)
#: Sizes of the steps that are compared, and of those how large the ones that orders are fitted to.
BETAS = np.geomspace(1e-4, 0.5, 20)
SMALL = 0.01
#: Differences below this, in units of the spread, are none.
ROUNDING = 1e-13


@LABS.register("one_step", title="One step, three ways", order=20)
@dataclass(frozen=True)
class OneStep(Lab):
    """The three steps from one point with one noise, a whole path of each, and their differences against β."""

    section = "discrete"
    main = ("One step of",)
    about = (
        "DDPM's ancestral step, the reverse-diffusion step and Euler–Maruyama discretise one reverse SDE. From "
        "the same point with the same noise their means differ in second order of β: halve β, a quarter is left."
    )
    equation = (
        r"\frac{x + \score{\beta s}}{\sqrt{1-\beta}} + \noise{\sqrt\beta z} \;\approx\; "
        r"(2-\sqrt{1-\beta})\,x + \score{\beta s} + \noise{\sqrt\beta z}"
    )
    source = "Song et al. 2021, appendix E; Ho et al. 2020, Algorithm 2"
    follows = True

    beta: float = param(
        0.5, "Size of the step", symbol="β", low=0.01, high=0.9, minimum=1e-4, maximum=0.99, log=True,
        help="Of the step in the image, from the playhead's time. Where noise is only added: the share of the "
        "noise's variance that the step takes away.",
        equation="β = 1 − α_t²/α_t′²",
    )  # fmt: skip
    steps: int = param(
        20, "Steps of the paths", symbol="N", low=5, high=200, minimum=1, maximum=2000, log=True,
        help="Of the whole paths, from noise to data on one Brownian path.",
        equation="t_0 > t_1 > … > t_N",
    )  # fmt: skip
    particle: int = param(
        0, "Particle", low=0, high=63, minimum=0, maximum=63, help="Whose path and whose noise are shown.",
        symbol="i", equation="xᵢ",
    )  # fmt: skip
    x: float = param(
        1.0, "From x", symbol="x₁", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4,
        help="Where the one step starts, in units of the spread at its time; drag the point.",
        equation="xₜ / √(α² + σ²)",
    )  # fmt: skip
    y: float = param(
        0.5, "From y", symbol="x₂", low=-3.0, high=3.0, minimum=-1e4, maximum=1e4,
        help="As x; not used by one-dimensional data.",
        equation="xₜ / √(α² + σ²)",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> OneStep:
        return cls(steps=5)

    def unfit(self, experiment: Experiment) -> str:
        if experiment.data.dim > 2:
            return "It draws points of a line or a plane: choose data of one or two dimensions."
        return ""

    def reports(self, context: Context) -> Iterator[Report]:
        scene = _Scene(self, context)
        step = scene.picture()
        sizes, gaps = scene.differences()
        falls = [_fall(sizes, gap) for gap in gaps]
        plot, table = _plot(sizes, gaps, falls), _table(sizes, gaps, falls)
        words, arrays = _words(scene, gaps, sizes, falls), {"beta": sizes, "difference": np.array(gaps)}
        yield Report((step, plot, table), 0.3, words, arrays)
        yield Report((step, scene.paths(), plot, table), 1.0, words, arrays)


class _Scene:
    """The numbers behind the figures."""

    def __init__(self, lab: OneStep, context: Context) -> None:
        self.lab, self.e = lab, context.experiment
        self.t = min(max(context.t, 2 * self.e.sde.eps, 0.02), self.e.sde.T)
        self.score = context.resolved.score
        self.process = Reverse(self.e.sde, doubled(self.score))
        largest = chains.beta_of(self.e.sde, self.t, self.e.sde.eps)
        self.beta = min(lab.beta, largest)
        self.t_next = self.t - (chains.step_size_for(self.e.sde, self.t, 0.999999 * self.beta))

    @property
    def flat(self) -> bool:
        return self.e.data.dim == 1

    @cached_property
    def spread(self) -> float:
        """The standard deviation of p_t per coordinate, which x and y are in units of."""
        return self._scale(self.t)

    @cached_property
    def start(self) -> torch.Tensor:
        alpha, _ = self.e.sde.marginal(self.t)
        offset = np.array([self.lab.x, self.lab.y][: self.e.data.dim]) * self.spread
        return torch.from_numpy((alpha * self.e.data.mixture.mean + offset)[None])

    @cached_property
    def z(self) -> torch.Tensor:
        """The noise of the step: the particle's own."""
        z = noise.normal((64, self.e.data.dim), self.e.seed, noise.PROBE)
        return z[self.lab.particle : self.lab.particle + 1].double()

    def taken(self, t_next: float) -> list[Step]:
        """The steps of all methods from the start to t_next."""
        with torch.no_grad():
            return [m.step(self.process, self.start, self.t, t_next, self.z) for _, m, _ in STEPS]

    def differences(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """The sizes beta that there are before eps, and for each of PAIRS how far apart, in units of the spread."""
        wanted = [(b, chains.step_size_for(self.e.sde, self.t, float(b))) for b in BETAS]
        sizes = np.array([b for b, h in wanted if math.isfinite(h)])
        ends = [self.taken(self.t - h) for _, h in wanted if math.isfinite(h)]
        return sizes, [
            np.array([_gap(s[a], s[b], noisy) for s in ends]) / self.spread for a, b, noisy, _ in PAIRS
        ]

    def _at(self, x: np.ndarray, t: float) -> np.ndarray:
        """A place in a picture (1, 2) from coordinates (d,): for one-dimensional data over time."""
        return np.array([[t, x[0]] if self.flat else x], np.float32)

    def _near(self, x: torch.Tensor, t: float) -> np.ndarray:
        """The same from x (1, d), in units of the spread at the step's start: those of the fields x and y."""
        alpha, _ = self.e.sde.marginal(self.t)
        return self._at((x.numpy()[0] - alpha * self.e.data.mixture.mean) / self.spread, t)

    def picture(self) -> Picture:
        """The one step, all ways."""
        start, ends = self._near(self.start, self.t), self.taken(self.t_next)
        places = [(self._near(s.mean, self.t_next), self._near(s.x, self.t_next)) for s in ends]
        marks: list[Mark] = []
        for (_, _, role), (mean, end) in zip(STEPS, places, strict=True):
            marks += [Arrows(start, mean - start, role, 2.0), Arrows(mean, end - mean, role, 1.2, alpha=0.6)]
            marks.append(Points(end, role, 9.0))
        bounds = _around(np.concatenate([start, *(p for pair in places for p in pair)]), square=not self.flat)
        left, right, bottom, top = bounds
        for i, (word, _, role) in enumerate(STEPS):
            place = (left + 0.03 * (right - left), top - (0.03 + 0.085 * i) * (top - bottom))
            marks.append(Text(place, word, role, 11, "nw"))
        handle = Handle(("", "x") if self.flat else ("x", "y"), (float(start[0, 0]), float(start[0, 1])), "x")
        title = f"One step of β = {self.beta:.3g} from t = {self.t:.3g}"
        most = "The largest step from here. " if self.beta < self.lab.beta else ""
        return Picture(
            title, tuple(marks), bounds, "t" if self.flat else "x₁", "x" if self.flat else "x₂",
            square=not self.flat, handles=(handle,),
            about=f"{most}Thick: to the mean of the step. Thin: its noise, the same z for all. In units of the "
            "spread at t.",
        )  # fmt: skip

    def paths(self) -> Picture:
        """Whole paths from one start on one Brownian path, over the data's density."""
        k = self.lab.particle
        marks: list[Mark] = []
        for _, method, role in STEPS:
            s = Sampler(predictor=method, steps=self.lab.steps, particles=64, grid=self.e.sampler.grid)
            run = simulate(self.e.sde, s, self.score, self.e.data.mixture, self.e.seed)
            xy = np.concatenate([self._at(f.x[k] / self._scale(f.t), f.t) for f in run])
            marks += [Curve(xy, role, 1.8), Points(xy[-1:], role, 8.0)]
        everything = np.concatenate([m.xy for m in marks if isinstance(m, Curve)])
        bounds = (0.0, 1.0, *_around(everything, False)[2:]) if self.flat else _around(everything, True)
        title = f"One Brownian path in {self.lab.steps} steps"
        return Picture(
            title, (*self._density(bounds), *marks), bounds, "t" if self.flat else "",
            "x/√(α²s² + σ²)" if self.flat else "", square=not self.flat,
            about="Colours as for the one step. In units of the spread at each time, to fit noise and data in.",
        )  # fmt: skip

    def _scale(self, t: float) -> float:
        return self.e.data.mixture.spread(*self.e.sde.marginal(t))

    def _density(self, bounds: Bounds) -> tuple[Mark, ...]:
        """The data's density behind the paths, where they are in the plane."""
        if self.flat:
            return ()
        eps = self.e.sde.eps
        scale, (alpha, sigma) = self._scale(eps), self.e.sde.marginal(eps)
        left, right, bottom, top = (scale * edge for edge in bounds)
        edges = (left, right, bottom, top)
        image = density_image(self.e.data.mixture, alpha, max(sigma, 0.02 * scale), edges, 0.7)
        return (replace(image, bounds=bounds),)


def _fall(sizes: np.ndarray, gap: np.ndarray) -> Slope:
    """The order in which steps come together; nan where they are the same but for rounding."""
    small = (sizes <= SMALL) & (gap > ROUNDING)
    return slope(sizes[small], gap[small])


def _gap(a: Step, b: Step, noisy: bool) -> float:
    difference = a.x - b.x if noisy else a.mean - b.mean
    return float(difference.norm())


def _around(xy: np.ndarray, square: bool) -> Bounds:
    """Bounds of points (n, 2) with a margin."""
    low, high = xy.min(axis=0).astype(float), xy.max(axis=0).astype(float)
    centre, half = (low + high) / 2, np.maximum((high - low) * 0.65, 1e-3)
    if square:
        half[:] = half.max()
    return (centre[0] - half[0], centre[0] + half[0], centre[1] - half[1], centre[1] + half[1])


def _plot(sizes: np.ndarray, gaps: list[np.ndarray], falls: list[Slope]) -> Plot:
    roles = ("score", "accent", "corrector", "noise")
    series = []
    for (_, _, _, word), gap, fall, role in zip(PAIRS, gaps, falls, roles, strict=True):
        shown = np.where(gap > ROUNDING, gap, np.nan)
        name = f"{word}: slope {fall.value:.2f}" if math.isfinite(fall.value) else f"{word}: equal"
        series.append(Series(name, sizes, shown, role, "solid", points=True))
    return Plot(
        "How far the steps end apart", "β", "difference, in units of the spread", tuple(series), True, True
    )


def _table(sizes: np.ndarray, gaps: list[np.ndarray], falls: list[Slope]) -> Table:
    rows = tuple(
        (word, float(gap[0]), float(gap[-1]), fall.value, fall.width)
        for (_, _, _, word), gap, fall in zip(PAIRS, gaps, falls, strict=True)
    )
    columns = ("Steps compared", f"β = {sizes[0]:.2g}", f"β = {sizes[-1]:.2g}", "slope", "±")
    return Table("Differences of one step", columns, rows, f"Slopes are fitted to β ≤ {SMALL:g}.")


def _words(scene: _Scene, gaps: list[np.ndarray], sizes: np.ndarray, falls: list[Slope]) -> str:
    def said(k: int) -> str:
        return f"with slope {falls[k].value:.2f}"

    near = int(np.argmin(abs(sizes - scene.beta)))
    ancestral = (
        "are the same" if math.isnan(falls[0].value) else f"are {gaps[0][near]:.2g} spreads apart, {said(0)}"
    )
    return (
        f"At t = {scene.t:.2g} and β = {sizes[near]:.2g} the means of the ancestral and the reverse-diffusion step "
        f"{ancestral}; those of reverse diffusion and Euler–Maruyama {gaps[1][near]:.2g}, {said(1)}: second order in "
        "β, so that all tend to one SDE. Where the noises differ too, as with the forward and the posterior "
        f"variance, it is {said(2)}: order 3/2."
    )
