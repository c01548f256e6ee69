"""The sampling loop, written once: a generator of frames for every mode of the sampler."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from explorer import grids, noise
from explorer.distributions import Mixture
from explorer.frames import Frame
from explorer.lazy import torch
from explorer.samplers import Reverse, Sampler, Step
from explorer.samplers.base import Terms
from explorer.sdes import SDE

ScoreFunction = Callable[["torch.Tensor", float], "torch.Tensor"]

#: Coordinates beyond this are held there: the run has diverged and says so, but stays finite.
LIMIT = 1e6


@dataclass
class Simulation:
    """One run: what is integrated, with which noise. Iterate `frames()`; stop whenever you like.

    score: (x (n, d), t) -> s (n, d), on `device`. mixture gives the starting points of the forward mode.
    Same seed and device: the same frames, bit for bit.
    """

    sde: SDE
    sampler: Sampler
    score: ScoreFunction
    mixture: Mixture
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.process = Reverse(self.sde, self.score, self.sampler.effective_eta)
        self.shape = (self.sampler.particles, self.mixture.dim)

    def frames(self) -> Iterator[Frame]:
        """The frames of the run, the first being its start."""
        # no_grad in a generator would leak into the consumer's thread between frames: enter it per step
        source = _MODES[self.sampler.mode](self)
        while True:
            with torch.no_grad():
                frame = next(source, None)
            if frame is None:
                return
            yield frame

    def prior(self) -> torch.Tensor:
        """x_T ~ N(0, prior_std² I): one standard normal draw per seed, scaled, so all SDEs share it."""
        z = noise.normal(self.shape, self.seed, noise.PRIOR)
        return (z * self.sde.prior_std).to(self.device)

    def data(self) -> torch.Tensor:
        """x_0 ~ p_0, the same for the same seed."""
        import numpy as np

        x, _ = self.mixture.sample(self.shape[0], np.random.default_rng(noise.seed_of(self.seed, noise.DATA)))
        return torch.from_numpy(x).to(self.device)

    def increments(self, times: list[float]) -> Iterator[torch.Tensor]:
        """Normalised Brownian increments over the grid, the same path for any grid of the same SDE."""
        span = (min(times), max(times))
        return (z.to(self.device) for z in noise.Brownian(self.seed, self.shape, span).increments(times))

    def frame(self, x: torch.Tensor, t: float, step: int, steps: int, **what: object) -> Frame:
        """A Frame of the state now."""
        alpha, sigma = self.sde.marginal(t)
        values = x.detach().to("cpu", torch.float32, copy=True).numpy()
        return Frame(values, t, alpha, sigma, step, steps, self.process.evaluations, **what)  # type: ignore[arg-type]


def simulate(
    sde: SDE, sampler: Sampler, score: ScoreFunction, mixture: Mixture, seed: int = 0, device: str = "cpu"
) -> Iterator[Frame]:
    """Frames of one run; see `Simulation`."""
    return Simulation(sde, sampler, score, mixture, seed, device).frames()


def _held(x: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """x, or x held within ±LIMIT where it left it or is not a number, and whether it had to be."""
    if float(x.abs().max()) <= LIMIT:  # false for NaN too
        return x, False
    return torch.nan_to_num(x, nan=LIMIT, posinf=LIMIT, neginf=-LIMIT).clamp(-LIMIT, LIMIT), True


DIVERGED = "Diverged: the steps are too large here (fewer snr or ε, or more steps, would hold it)."


def _forward(run: Simulation) -> Iterator[Frame]:
    """x_t = alpha (x_0 + B(sigma²/alpha²)): exact, whatever the number of steps."""
    sde, n = run.sde, run.sampler.steps
    times = grids.times(run.sampler.grid, n, sde)[::-1]
    x0 = run.data()
    wandering = torch.zeros_like(x0)
    clock = 0.0
    yield run.frame(x0, 0.0, 0, n + 1)
    first = noise.normal(run.shape, run.seed, noise.PROBE).to(run.device)
    for i, (t, z) in enumerate(_with_first(times, first, run.increments(times)), start=1):
        level = sde.noise_level(t) ** 2
        wandering = torch.add(wandering, z, alpha=math.sqrt(max(level - clock, 0.0)))
        clock = level
        x = sde.marginal(t)[0] * (x0 + wandering)
        yield run.frame(x, t, i, n + 1, part="diffuse")


def _with_first(
    times: list[float], first: torch.Tensor, rest: Iterator[torch.Tensor]
) -> Iterator[tuple[float, torch.Tensor]]:
    """(t, increment up to t): the stretch from 0 to eps has its own draw, the path proper starts at eps."""
    yield times[0], first
    yield from zip(times[1:], rest, strict=True)


def _reverse(run: Simulation) -> Iterator[Frame]:
    """Predictor and corrector over the grid: [S21] Algorithms 1 to 3, and the ODE with eta = 0."""
    s = run.sampler
    if s.mode == "ode" and s.solver.adaptive:
        yield from _adaptive(run)
        return
    times = grids.times(s.grid, s.steps, run.sde)
    x = run.prior()
    yield run.frame(x, times[0], 0, s.steps)
    increments = run.increments(times) if run.process.eta else _zeros(x)
    correct_first = s.order == "corrector"
    for i, (t, t_next, z) in enumerate(zip(times, times[1:], increments, strict=False), start=1):
        last = i == s.steps and s.denoise
        if correct_first:
            for frame in _correct(run, x, t, t_next, t, i, False):
                x = torch.from_numpy(frame.x).to(run.device)
                yield frame
        step = s.method.step(run.process, x, t, t_next, z)
        drop_noise = last and (correct_first or not s.corrections)
        x, bad = _held(step.mean if drop_noise else step.x)
        yield run.frame(x, t_next, i, s.steps, part="predict", note=DIVERGED if bad else "")
        if not correct_first:
            for frame in _correct(run, x, t, t_next, t_next, i, last):
                x = torch.from_numpy(frame.x).to(run.device)
                yield frame


def _zeros(x: torch.Tensor) -> Iterator[torch.Tensor]:
    z = torch.zeros_like(x)
    while True:
        yield z


def _correct(
    run: Simulation, x: torch.Tensor, t: float, t_next: float, at: float, i: int, last: bool
) -> Iterator[Frame]:
    """The M corrector moves that belong to the step t -> t_next, taken at time `at`."""
    s = run.sampler
    a = (run.sde.marginal(t)[0] / run.sde.marginal(t_next)[0]) ** 2
    for j in range(1, s.corrections + 1):
        z = noise.normal(run.shape, run.seed, noise.CORRECTOR, i, j).to(run.device)
        step, epsilon = s.corrector.step(run.process, x, at, a, s.snr, z)
        drop_noise = last and j == s.corrections
        x, bad = _held(step.mean if drop_noise else step.x)
        note = DIVERGED if bad else ""
        yield run.frame(x, at, i, s.steps, part="correct", sub=j, epsilon=epsilon, note=note)


def _adaptive(run: Simulation) -> Iterator[Frame]:
    x, times = run.prior(), [run.sde.T, run.sde.eps]
    yield run.frame(x, times[0], 0, 0)
    for i, (t, x) in enumerate(run.sampler.solver.path(run.process, x, times), start=1):
        x, bad = _held(x)
        yield run.frame(x, t, i, i, part="predict", note=DIVERGED if bad else "")


def _langevin(run: Simulation) -> Iterator[Frame]:
    """x + ε s + sqrt(2ε) z at one noise level, from the prior held within the picture."""
    s = run.sampler
    x = noise.normal(run.shape, run.seed, noise.PRIOR).to(run.device) * 2.0
    yield run.frame(x, s.langevin_time, 0, s.langevin_steps)
    moves = ((s.langevin_time, s.langevin_step) for _ in range(s.langevin_steps))
    yield from _moves(run, x, moves, s.langevin_steps)


def _annealed(run: Simulation) -> Iterator[Frame]:
    """Song & Ermon 2019, Algorithm 1: T moves of ½ε sigma_i²/sigma_L² at each of L falling noise levels.

    The levels are equally spaced in log(sigma/alpha) down to 0.01, as NCSN's are.
    """
    s, sde = run.sampler, run.sde
    high, low = sde.noise_level(sde.T), max(0.01, sde.noise_level(sde.eps))
    ratios = [high * (low / high) ** (i / max(s.levels - 1, 1)) for i in range(s.levels)]
    levels = [sde.T if i == 0 else sde.time_at(r) for i, r in enumerate(ratios)]
    sigmas = [sde.marginal(t)[1] for t in levels]
    x = run.prior()
    total = s.levels * s.level_steps
    yield run.frame(x, levels[0], 0, total)
    moves = (
        (t, 0.5 * s.annealed_step * (sigma / sigmas[-1]) ** 2)
        for t, sigma in zip(levels, sigmas, strict=True)
        for _ in range(s.level_steps)
    )
    yield from _moves(run, x, moves, total)


def _moves(
    run: Simulation, x: torch.Tensor, moves: Iterator[tuple[float, float]], total: int
) -> Iterator[Frame]:
    """Langevin moves of given (t, ε)."""
    for i, (t, epsilon) in enumerate(moves, start=1):
        z = noise.normal(run.shape, run.seed, noise.CORRECTOR, i, 0).to(run.device)
        x = torch.add(x, run.process.score(x, t), alpha=epsilon).add_(z, alpha=math.sqrt(2 * epsilon))
        x, bad = _held(x)
        note = DIVERGED if bad else ""
        yield run.frame(x, t, i, total, part="langevin", epsilon=epsilon, note=note)


_MODES: dict[str, Callable[[Simulation], Iterator[Frame]]] = {
    "forward": _forward,
    "reverse": _reverse,
    "ode": _reverse,
    "pc": _reverse,
    "langevin": _langevin,
    "annealed": _annealed,
}


def step_terms(run: Simulation, before: Frame, after: Frame) -> Terms | None:
    """What moved the particles from `before` to the next frame `after`, as drift, score and noise (n, d).

    Recomputed from the frame before with the score; the noise is what is left. None for the start and for
    the forward mode, whose steps are exact and need no score.
    """
    if after.part in ("start", "diffuse") or len(before.x) != len(after.x):
        return None
    x, moved = torch.from_numpy(before.x), torch.from_numpy(after.x - before.x)
    probe = replace(run)  # its own count of evaluations
    with torch.no_grad():
        if after.part == "predict":
            zero = torch.zeros_like(x)
            drift, score, _ = probe.sampler.method.terms(probe.process, x, before.t, after.t, zero)
        else:
            drift, score = torch.zeros_like(x), probe.process.score(x, after.t) * after.epsilon
    return Terms(drift, score, moved - drift - score)
