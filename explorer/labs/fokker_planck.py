"""The density as it evolves, by the Fokker-Planck equation, beside the particles of the same dynamics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.analysis.fokker_planck import Forward, Grid, Langevin
from explorer.base.params import param
from explorer.diffusion import grids
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.simulate import simulate
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.density_story import Moment, Story, curves, pictures, plots

#: How many moments of a run are looked at.
MOMENTS = 25


@LABS.register("fokker_planck", title="Fokker–Planck", order=20)
@dataclass(frozen=True)
class FokkerPlanck(Lab):
    """dp/dt = -div(f p) + ½ g² Δp on a grid, against the histogram of particles and against the known law."""

    section = "langevin"
    main = ("Density, τ", "Density and particles")
    about = (
        "Many particles under one SDE have a density, and the density has an equation of its own. Left it is "
        "solved on a grid, beside it the particles are counted: the same distribution at every time, on its way to "
        "exp(−U/T), or along the closed form of p_t."
    )
    equation = r"\partial_t p = \drift{-\nabla\cdot(f\,p)} + \noise{\frac{1}{2} g^2 \Delta p}"
    source = "Song et al. 2021, appendix D.1; scheme: Scharfetter & Gummel 1969, Chang & Cooper 1970"

    dynamics: str = param(
        "langevin", "Dynamics",
        choices={"langevin": "Langevin, to the Boltzmann distribution", "forward": "Forward SDE, along pₜ"},
        help="Langevin: dx = s dτ + √(2T) dw at one noise level, from N(0, I). Forward SDE: data to noise.",
        equation="f = s, ½g² = T  |  f(x, t), g(t)",
    )  # fmt: skip
    time: float = param(
        0.05, "Noise level", symbol="t", low=0.001, high=1.0, minimum=1e-5, maximum=1.0, log=True,
        visible=lambda lab: lab.dynamics == "langevin",
        help="The potential is U = −log pₜ of this t.", equation="U = −log pₜ",
    )  # fmt: skip
    temperature: float = param(
        1.0, "Temperature", symbol="T", low=0.05, high=5.0, minimum=0.01, maximum=100.0, log=True,
        visible=lambda lab: lab.dynamics == "langevin",
        help="The distribution settles in exp(−U/T): pₜ itself at 1, sharper below, flatter above.",
        equation="p ∝ e^(−U/T), T = σ²/2",
    )  # fmt: skip
    step: float = param(
        0.002, "Particles, step size", symbol="ε", low=1e-4, high=0.05, minimum=1e-6, maximum=10.0, log=True,
        visible=lambda lab: lab.dynamics == "langevin",
        help="A large ε widens the particles' distribution; the density is that of ε → 0. Time is τ = Nε.",
        equation="x + ε s + √(2εT) z",
    )  # fmt: skip
    moves: int = param(
        500, "Moves", symbol="N", low=25, high=2000, minimum=1, maximum=20000, log=True,
        visible=lambda lab: lab.dynamics == "langevin",
        help="How many moves the particles make.", equation="τ = Nε",
    )  # fmt: skip
    metropolis: bool = param(
        False, "Metropolis adjustment", visible=lambda lab: lab.dynamics == "langevin",
        help="Takes the bias of ε away from where the particles settle.",
        equation="min(1, π(x′)q(x|x′) / π(x)q(x′|x))",
    )  # fmt: skip
    moment: float = param(
        1.0, "Moment shown", symbol="τ/Nε", low=0.0, high=1.0, maximum=1.0,
        help="Which part of the run the images show once it is through.",
        equation="p(x, τ)",
    )  # fmt: skip
    particles: int = param(
        5000, "Particles", symbol="n", low=500, high=20000, minimum=10, maximum=100000, log=True,
        help="How many are counted: their noise falls as 1/√n.",
        equation="counts ± √counts",
    )  # fmt: skip
    bins: int = param(
        32, "Bins", symbol="b", low=16, high=64, minimum=4, maximum=128,
        help="Of the histogram, along each axis.",
        equation="b × b of width/b",
    )  # fmt: skip
    cells: int = param(
        4, "Cells per bin", symbol="k", low=1, high=6, minimum=1, maximum=32,
        help="The equation is solved on b·k cells along each axis; its error is of second order in their width.",
        equation="h = width/(b k)", advanced=True,
    )  # fmt: skip
    substeps: int = param(
        8, "Time steps per moment", symbol="m", low=1, high=40, minimum=1, maximum=1000,
        help="Backward Euler steps of the density between two of the moments looked at: first order in time.",
        advanced=True, equation="(I − Δτ L) p' = p, m times",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> FokkerPlanck:
        return cls(particles=300, bins=12, cells=3, moves=50, substeps=2)

    def reports(self, context: Context) -> Iterator[Report]:
        context = context.free
        langevin = self.dynamics == "langevin"
        story = Story(self._grid(context, langevin), self.cells, self._narrowest(context, langevin))
        moments = self._langevin(context, story.grid) if langevin else self._forward(context, story.grid)
        for share, moment in moments:
            story.add(moment, self.particles)
            yield self._report(story, share, langevin)

    def _grid(self, context: Context, langevin: bool) -> Grid:
        """Wide enough for the start, the data and five standard deviations of noise."""
        e, mixture = context.experiment, context.experiment.data.mixture
        far = float(np.abs(mixture.means - mixture.mean).max())
        if not langevin:
            half = max(5.0, (far + 4 * float(mixture.scales.max())) / mixture.std)
            return Grid(self.bins * self.cells, half, (0.0,) * mixture.dim)
        alpha, sigma = e.sde.marginal(self.time)
        spread = np.hypot(alpha * float(mixture.scales.max()), sigma) * max(self.temperature, 1) ** 0.5
        centre = alpha * mixture.mean
        half = max(5.0 + float(np.abs(centre).max()), alpha * far + 5 * float(spread))
        return Grid(self.bins * self.cells, half, tuple(map(float, centre)))

    def _narrowest(self, context: Context, langevin: bool) -> float:
        """Infinity for the forward SDE, which starts where the grid can show all modes."""
        alpha, sigma = context.experiment.sde.marginal(self.time)
        narrow = float(context.experiment.data.mixture.scales.min())
        return float(np.hypot(alpha * narrow, sigma)) * self.temperature**0.5 if langevin else np.inf

    def _langevin(self, context: Context, grid: Grid) -> Iterator[tuple[float, Moment]]:
        e = context.experiment
        marginal = e.sde.marginal(self.time)
        count = min(MOMENTS, self.moves)
        every = self.moves // count
        flow = Langevin(
            grid, -grid.log_density(e.data.mixture, *marginal), self.temperature,
            every * self.step / self.substeps,
        )  # fmt: skip
        p = grid.law(-0.5 * (grid.points() ** 2).sum(axis=1).reshape(grid.shape))
        sampler = Sampler(
            mode="langevin", particles=self.particles, langevin_time=self.time, langevin_step=self.step,
            langevin_steps=count * every, temperature=self.temperature, metropolis=self.metropolis,
        )  # fmt: skip
        for frame in self._frames(context, sampler):
            if frame.step % every:
                continue
            for _ in range(self.substeps if frame.step else 0):
                p = flow.step(p)
            counted = grid.coarser(self.cells).histogram(frame.x)
            moment = Moment(frame.step * self.step, p, counted, flow.equilibrium, frame.note)
            yield frame.step / frame.steps, moment

    def _forward(self, context: Context, grid: Grid) -> Iterator[tuple[float, Moment]]:
        e = context.experiment
        flow = Forward(grid, e.sde, e.data.mixture)
        start = flow.start()
        times = [t for t in grids.times("log_snr", MOMENTS, e.sde)[::-1] if t >= start]
        sampler = Sampler(mode="forward", particles=self.particles, grid="log_snr", steps=MOMENTS)
        p = flow.exact(times[0])
        for frame in self._frames(context, sampler):
            if frame.t < times[0]:
                continue
            if frame.t > times[0]:
                before = times[times.index(frame.t) - 1]
                for t, t_next in pairwise(flow.between(before, frame.t, self.substeps)):
                    p = flow.step(p, t, t_next)
            counted = grid.coarser(self.cells).histogram(flow.to_frame(frame.x, frame.t))
            at = e.sde.noise_level(frame.t)
            yield frame.step / frame.steps, Moment(at, p, counted, flow.exact(frame.t))

    def _frames(self, context: Context, sampler: Sampler) -> Iterator[Frame]:
        e = context.experiment
        return simulate(e.sde, sampler, context.resolved.score, e.data.mixture, e.seed)

    def _report(self, story: Story, share: float, langevin: bool) -> Report:
        last = len(story.moments) - 1
        moment = story.moments[round(self.moment * last) if share >= 1 else last]
        laws = curves(story, moment, langevin) if story.grid.dim == 1 else pictures(story, moment, langevin)
        arrays = {
            "density": moment.density, "particles": moment.particles, "target": moment.target,
            "axis": story.grid.offsets, "curves": story.columns(),
        }  # fmt: skip
        figures = (*laws, *plots(story, moment, langevin))
        return Report(figures, share, self._words(story, langevin), arrays)

    def _words(self, story: Story, langevin: bool) -> str:
        at, to_target, _, to_density, _, noise, _ = story.rows[-1]
        mass = max(row[-1] for row in story.rows)
        farthest = max(row[1] for row in story.rows)
        against = (
            f"At τ = {at:.3g} the density is {to_target:.2g} from the Boltzmann distribution in total variation"
            if langevin
            else f"Up to σ/α = {at:.3g} the density is never more than {farthest:.2g} from the closed form in total "
            "variation"
        )
        return (
            f"{against}; the particles are {to_density:.2g} from the density, of which {noise:.2g} is the noise of "
            f"counting {self.particles:,}. Mass is conserved to {max(mass, 1e-16):.0e}.{self._caution(story)}"
        )

    def _caution(self, story: Story) -> str:
        """Where the particles diverged; where a mode is narrower than a cell, the grid's law is not theirs."""
        note = next((f" {m.note}" for m in story.moments if m.note), "")
        if story.narrowest >= story.grid.h:
            return note
        return (
            f"{note} The narrowest mode is only {story.narrowest / story.grid.h:.1g} cells wide: take more cells "
            "per bin, or a higher noise level."
        )
