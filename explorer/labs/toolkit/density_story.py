"""What the Fokker-Planck laboratory keeps of a run, and its figures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from explorer.analysis.fokker_planck import Density, Grid
from explorer.figures.figure import Figure, Picture, Plot, Series
from explorer.figures.marks import Image

#: What a logarithmic axis shows of a mass that is kept to the last digit.
LEAST = 1e-17


@dataclass(frozen=True, eq=False)
class Moment:
    """The three laws at one time: solved for, counted (on wider cells), and what it should come to."""

    at: float
    density: Density
    particles: Density
    target: Density
    note: str = ""


@dataclass(eq=False)
class Story:
    """A run on one grid: moments, and the distances between their laws."""

    grid: Grid
    factor: int
    narrowest: float  # standard deviation of the narrowest mode at the start of the run
    moments: list[Moment] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, moment: Moment, n: int) -> None:
        """Keep a moment whose particles are n."""
        g, bins = self.grid, self.grid.coarser(self.factor)
        merged = g.merged(moment.density, self.factor)
        self.moments.append(moment)
        self.rows.append((
            moment.at, g.total_variation(moment.density, moment.target), g.divergence(moment.density, moment.target),
            bins.total_variation(moment.particles, merged),
            bins.total_variation(moment.particles, g.merged(moment.target, self.factor)),
            bins.sampling_noise(merged, n), abs(g.mass(moment.density) - 1),
        ))  # fmt: skip

    @property
    def edge(self) -> int:
        """How many bins along each edge have next to nothing in them, at the start and at the end."""
        first = self.moments[0]
        there = (self.grid.merged(law, self.factor) for law in (first.density, first.target))
        held = np.argwhere(np.any([law > 1e-4 * law.max() for law in there], axis=0))
        return int(min(held.min(), self.grid.cells // self.factor - 1 - held.max()))

    def columns(self) -> np.ndarray:
        """(7, moments): time, density to target, its KL, particles to density and to target, floor, mass error."""
        return np.array(self.rows).T


def titles(moment: Moment, langevin: bool) -> tuple[str, str, str]:
    """Of the three laws, with the time."""
    when = f"τ = {moment.at:.3g}" if langevin else f"σ/α = {moment.at:.3g}"
    return (
        f"Density, {when}",
        f"Particles, {when}",
        "Boltzmann distribution" if langevin else "Closed form of pₜ",
    )


def pictures(story: Story, moment: Moment, langevin: bool) -> tuple[Figure, ...]:
    """The three laws as heat maps under one scale: the root of the density, so that faint modes show."""
    g, edge = story.grid, story.edge
    (cx, cy), half = g.centre, g.half - edge * g.h * story.factor
    bounds = (cx - half, cx + half, cy - half, cy + half)
    top = max(float(moment.density.max()), float(moment.target.max()))
    labels = ("x₁", "x₂") if langevin else ("(x₁ − αm₁)/r", "(x₂ − αm₂)/r")
    laws = (moment.density, story.factor), (moment.particles, 1), (moment.target, story.factor)
    made = []
    for title, (law, cells) in zip(titles(moment, langevin), laws, strict=True):
        inside = slice(edge * cells, len(law) - edge * cells)
        values = np.sqrt(np.clip(law[inside, inside].T / top, 0, 1)).astype(np.float32)
        scale = (0.0, top, "density (root scale)")
        made.append(
            Picture(title, (Image(values, bounds),), bounds, *labels, scale=scale, colormap="density")
        )
    return tuple(made)


def curves(story: Story, moment: Moment, langevin: bool) -> tuple[Figure, ...]:
    """The three laws on the line, in one plot."""
    g, bins = story.grid, story.grid.coarser(story.factor)
    edges = g.centre[0] + np.linspace(-g.half, g.half, bins.cells + 1)
    density, particles, target = titles(moment, langevin)
    series = (
        Series(particles, edges, moment.particles, "data", steps=True),
        Series(density, g.axis(0), moment.density, "accent"),
        Series(target, g.axis(0), moment.target, "noise", "dash"),
    )
    return (Plot("Density and particles", "x" if langevin else "(x − αm)/r", "density", series),)


def plots(story: Story, moment: Moment, langevin: bool) -> tuple[Figure, ...]:
    """Distances, divergence and mass error against time."""
    at, to_target, divergence, to_density, particles, noise, mass = story.columns()
    target = "Boltzmann distribution" if langevin else "closed form"
    distances = (
        Series(f"density to {target}", at, to_target, "accent"),
        Series("particles to density", at, to_density, "data"),
        Series(f"particles to {target}", at, particles, "noise", "dash"),
        Series("noise of counting", at, noise, "muted", "dot"),
    )
    x, log_x = ("time τ", False) if langevin else ("noise level σ/α", True)
    marks = ((moment.at, "shown"),)
    free = Series("KL(p ∥ target)", at, np.maximum(divergence, LEAST), "score")
    kept = Series("|∫p − 1|", at, np.maximum(mass, LEAST), "error")
    return (
        Plot("Distances", x, "total variation", distances, log_x, True, marks),
        Plot(
            "Free energy above equilibrium" if langevin else "Divergence from the closed form", x, "nats",
            (free,), log_x, True, marks,
            about="It only falls: the entropy production of the Fokker–Planck equation." if langevin else "",
        ),
        Plot("Mass error", x, "|∫p − 1|", (kept,), log_x, True, marks),
    )  # fmt: skip
