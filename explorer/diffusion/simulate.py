"""The sampling loop, written once: a generator of frames for every mode of the sampler."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from copy import copy
from dataclasses import dataclass, replace
from itertools import repeat

from explorer.base import placement as place
from explorer.base.lazy import torch
from explorer.data.distributions import Mixture
from explorer.diffusion import grids, noise
from explorer.diffusion.divergence_cause import cause
from explorer.diffusion.frames import Frame
from explorer.diffusion.observation import Replaced
from explorer.diffusion.samplers import Reverse, Sampler
from explorer.diffusion.samplers.base import Terms
from explorer.diffusion.samplers.mala import Mala
from explorer.diffusion.samplers.mistakes import Setup
from explorer.diffusion.sdes import SDE

ScoreFunction = Callable[["torch.Tensor", float], "torch.Tensor"]

#: Coordinates beyond this are held there: the run has diverged and says so, but stays finite.
LIMIT = 1e6


@dataclass
class Simulation:
    """One run: what is integrated, with which noise. Iterate `frames()`; stop whenever you like.

    score: (x (n, d), t) -> s (n, d), on `device`. mixture gives the starting points of the forward mode. start
    (n, d): those of the Langevin mode, instead of N(0, I).
    Same seed and device: the same frames, bit for bit. After each step of a `Replaced` score what is known is
    put in anew. Where the sampler has a mistake in it, sde, score and sampler are those with the mistake.
    """

    sde: SDE
    sampler: Sampler
    score: ScoreFunction
    mixture: Mixture
    seed: int = 0
    device: str = "cpu"
    start: torch.Tensor | None = None

    def __post_init__(self) -> None:
        self.cause = ""  # why it diverged, once it has
        self.known = self.score.known if isinstance(self.score, Replaced) else None
        self.setup = self.sampler.mistake.broken(
            Setup(self.sde, self.score, self.sampler, self.mixture, self.seed, self.sampler.effective_eta)
        )
        self.sde, self.score, self.sampler = self.setup.sde, self.setup.score, self.setup.sampler
        flows = self.known is not None and self.sampler.mode == "ode"
        score = self._score_of_known if flows else self.score
        self.process = Reverse(self.sde, score, self.setup.eta)
        self.shape = (self.sampler.particles, self.mixture.dim)

    def again(self) -> Simulation:
        """The same run with its own count of evaluations."""
        other = copy(self)
        other.process = replace(self.process)
        return other

    def frames(self) -> Iterator[Frame]:
        """The frames of the run, the first being its start."""
        # no_grad in a generator would leak into the consumer's thread between frames: enter it per step
        source, quiet, note = _MODES[self.sampler.mode](self), torch.no_grad(), ""
        while True:
            place.said()  # what others asked for in this thread is not of this run
            with quiet:
                frame = next(source, None)
            if frame is None:
                return
            note = place.said() or note
            yield replace(frame, note=note) if note and not frame.note else frame

    def prepare(self, times: list[float]) -> None:
        """Tell a score that can make use of it at which times it will be asked."""
        prepare = getattr(self.process.score_function, "prepare", None)
        if prepare is not None:
            prepare(times)

    def prior(self) -> torch.Tensor:
        """x_T ~ N(0, prior_std² I): one standard normal draw per seed, scaled, so all SDEs share it."""
        z = noise.normal(self.shape, self.seed, noise.PRIOR)
        x = (z * self.sde.prior_std).to(self.device)
        return x if self.known is None else self._with_known(x, self.sde.T)

    def data(self) -> torch.Tensor:
        """x_0 ~ p_0, the same for the same seed."""
        import numpy as np

        x, _ = self.mixture.sample(self.shape[0], np.random.default_rng(noise.seed_of(self.seed, noise.DATA)))
        return torch.from_numpy(x).to(self.device)

    def increments(self, times: list[float]) -> Iterator[torch.Tensor]:
        """What the method takes as noise at each step of the grid, from one path for any grid of the same SDE.

        Normalised Brownian increments (n, d), with the areas (2, n, d) where it draws two; zeros without noise.
        """
        if not self.process.eta:
            return repeat(torch.zeros(self.shape, device=self.device))
        return (z.to(self.device) for z in noise.ahead(self.path(times).increments(times)))

    def path(self, times: list[float]) -> noise.Brownian | noise.BrownianArea:
        """The Brownian motion over a falling grid, of the kind that the method reads."""
        kind = noise.BrownianArea if self.sampler.method.draws == 2 else noise.Brownian
        return kind(self.seed, self.shape, (times[-1], times[0]))

    def settled(
        self, x: torch.Tensor, t: float, step: int, sub: int = 0, last: bool = False
    ) -> tuple[torch.Tensor, str]:
        """x after a (sub-)step that ended at t: what is known put in, held within LIMIT; why, or ""."""
        x = x if self.known is None else self._with_known(x, t, step, sub, last)
        # both are false for NaN; the first is quick, and true of nearly all
        if float(torch.linalg.vector_norm(x)) <= LIMIT or float(x.abs().max()) <= LIMIT:
            return x, ""
        held = torch.nan_to_num(x, nan=LIMIT, posinf=LIMIT, neginf=-LIMIT).clamp(-LIMIT, LIMIT)
        self.cause = self.cause or self._cause(held, t, step, sub)
        return held, self.cause

    def _cause(self, x: torch.Tensor, t: float, step: int, sub: int) -> str:
        s, growth = self.sampler, 1.0
        if s.mode in ("reverse", "pc", "ode") and not s.method.adaptive:
            growth = self.process.growth(*grids.times(s.grid, s.steps, self.sde)[step - 1 : step + 1])
        return cause(s, self.process, x, t, growth, corrected=sub > 0)

    def _with_known(
        self, x: torch.Tensor, t: float, step: int = 0, sub: int = 0, last: bool = False
    ) -> torch.Tensor:
        """[S21] appendix I.2: fresh noise for each sub-step; one draw for a whole run of the ODE."""
        alpha, sigma = (1.0, 0.0) if last else self.sde.marginal(t)
        return self._put_in(x, alpha, sigma, step, sub)

    def _put_in(
        self, x: torch.Tensor, alpha: float, sigma: float, step: int = 0, sub: int = 0
    ) -> torch.Tensor:
        assert self.known is not None
        address = (0, 0) if self.sampler.mode == "ode" else (step, sub)
        each = (self.shape[0], len(self.known.y))
        z = noise.normal(each, self.seed, noise.OBSERVED, *address).to(x)
        error = noise.normal(each, self.seed, noise.OBSERVED).to(x)
        return self.known.put_in(x, alpha, sigma, z[: len(x)], error[: len(x)])

    def _score_of_known(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """The score at x with what is known put in; along that it is -z/sigma, whose flow is alpha y + sigma z."""
        s = self.score(self._with_known(x, t), t)
        return self._put_in(s, 0.0, -1 / self.sde.marginal(t)[1])

    def frame(self, x: torch.Tensor, t: float, step: int, steps: int, **what: object) -> Frame:
        """A Frame of the state now."""
        alpha, sigma = self.sde.marginal(t)
        values = x.cpu().float().numpy()  # not copied: nothing writes to x again
        return Frame(values, t, alpha, sigma, step, steps, self.process.evaluations, **what)  # type: ignore[arg-type]


def simulate(
    sde: SDE, sampler: Sampler, score: ScoreFunction, mixture: Mixture, seed: int = 0, device: str = "cpu"
) -> Iterator[Frame]:
    """Frames of one run; see `Simulation`."""
    return Simulation(sde, sampler, score, mixture, seed, device).frames()


def _forward(run: Simulation) -> Iterator[Frame]:
    """x_t = alpha x_0 + the SDE's own noise: exact, whatever the number of steps. The first goes past eps."""
    sde, n = run.sde, run.sampler.steps
    times = grids.times(run.sampler.grid, n, sde)[::-1]
    x0 = run.data()
    yield run.frame(x0, 0.0, 0, n)
    path = noise.Brownian(run.seed, run.shape, (times[0], times[-1]), marginal=sde.marginal)
    for i, (t, z) in enumerate(zip(times, path.values(times), strict=True)):
        if i:
            yield run.frame(
                torch.add(z.to(run.device), x0, alpha=sde.marginal(t)[0]), t, i, n, part="diffuse"
            )


def _reverse(run: Simulation) -> Iterator[Frame]:
    """Predictor and corrector over the grid: [S21] Algorithms 1 to 3, and the ODE with eta = 0."""
    s = run.sampler
    if s.mode == "ode" and s.solver.adaptive:
        yield from _adaptive(run)
        return
    times = grids.times(s.grid, s.steps, run.sde)
    run.prepare(times)
    x = run.prior()
    yield run.frame(x, times[0], 0, s.steps)
    walk, increments, kicks = run.setup.begin(run.process, times), run.increments(times), _kicks(run)
    correct_first = s.order == "corrector"
    for i, (t, t_next, z) in enumerate(zip(times, times[1:], increments, strict=False), start=1):
        last = i == s.steps and s.denoise
        if correct_first:
            x = yield from _correct(run, x, t, t_next, t, i, False, kicks)
        step = walk.step(x, t, t_next, z)
        drop_noise = last and (correct_first or not s.corrections)
        x, note = run.settled(step.mean if drop_noise else step.x, t_next, i, last=last)
        yield run.frame(x, t_next, i, s.steps, part="predict", note=note)
        if not correct_first:
            x = yield from _correct(run, x, t, t_next, t_next, i, last, kicks)


def _kicks(run: Simulation) -> Iterator[torch.Tensor]:
    """The noise of the corrector moves, move by move."""
    s = run.sampler
    places = ((i, j) for i in range(1, s.steps + 1) for j in range(1, s.corrections + 1))
    return noise.ahead(noise.normal(run.shape, run.seed, noise.CORRECTOR, i, j) for i, j in places)


def _correct(
    run: Simulation,
    x: torch.Tensor,
    t: float,
    t_next: float,
    at: float,
    i: int,
    last: bool,
    kicks: Iterator[torch.Tensor],
) -> Generator[Frame, None, torch.Tensor]:
    """The M corrector moves that belong to the step t -> t_next, taken at time `at`; returns x after them."""
    s = run.sampler
    a = (run.sde.marginal(t)[0] / run.sde.marginal(t_next)[0]) ** 2
    for j in range(1, s.corrections + 1):
        z = next(kicks).to(run.device)
        step, epsilon = s.corrector.step(run.process, x, at, a, s.snr, z)
        drop_noise = last and j == s.corrections
        x, note = run.settled(step.mean if drop_noise else step.x, at, i, j, last)
        yield run.frame(x, at, i, s.steps, part="correct", sub=j, epsilon=epsilon, note=note)
    return x


def _adaptive(run: Simulation) -> Iterator[Frame]:
    x, times = run.prior(), [run.sde.T, run.sde.eps]
    yield run.frame(x, times[0], 0, 0)
    for i, (t, state) in enumerate(run.sampler.solver.path(run.process, x, times), start=1):
        x, note = run.settled(state, t, i, last=t == times[-1] and run.sampler.denoise)
        yield run.frame(x, t, i, i, part="predict", note=note)


def _langevin(run: Simulation) -> Iterator[Frame]:
    """x + ε s + sqrt(2ε T) z at one noise level, from z: about the size of the data. T is the temperature."""
    s = run.sampler
    x = (noise.normal(run.shape, run.seed, noise.PRIOR) if run.start is None else run.start).to(run.device)
    yield run.frame(x, s.langevin_time, 0, s.langevin_steps)
    if s.adjusted:
        yield from _adjusted(run, x)
    else:
        yield from _moves(run, x, [(s.langevin_time, s.langevin_epsilon)] * s.langevin_steps, s.temperature)


def _adjusted(run: Simulation, x: torch.Tensor) -> Iterator[Frame]:
    """The same moves with the Metropolis test, against the exact p_t whatever the score."""
    s, t = run.sampler, run.sampler.langevin_time
    marginal = run.sde.marginal(t)
    chain = Mala(
        lambda y: run.process.score(y, t),
        lambda y: run.mixture.log_density(y, *marginal),
        s.langevin_epsilon, s.temperature, x,
    )  # fmt: skip
    for i in range(1, s.langevin_steps + 1):
        z = noise.normal(run.shape, run.seed, noise.CORRECTOR, i, 0).to(run.device)
        u = noise.normal(run.shape[:1], run.seed, noise.CORRECTOR, i, 1).to(run.device)
        share = chain.move(z, torch.special.log_ndtr(u))
        yield run.frame(
            chain.x, t, i, s.langevin_steps, part="langevin", epsilon=s.langevin_epsilon, accepted=share
        )


def _annealed(run: Simulation) -> Iterator[Frame]:
    """Song & Ermon 2019, Algorithm 1: T moves of ½α_i at each of L falling noise levels, α_i ∝ sigma_i².

    Their noise only adds to the data; where an SDE shrinks it too, x/alpha is what stays from level to level.
    """
    s = run.sampler
    x = run.prior()
    levels = annealing_times(run.sde, s.levels)
    yield run.frame(x, levels[0], 0, s.levels * s.level_steps)
    moves = [(t, 0.5 * s.annealed_step * run.sde.marginal(t)[1] ** 2) for t in levels]
    yield from _moves(run, x, [move for move in moves for _ in range(s.level_steps)])


def annealing_times(sde: SDE, levels: int) -> list[float]:
    """Times whose noise levels sigma/alpha fall in equal ratios from that of T to 0.01, as NCSN's do.

    Where an SDE does not come down to 0.01 (VE with a larger sigma_min), to its own lowest.
    """
    high, low = sde.noise_level(sde.T), max(0.01, sde.noise_level(1e-5))
    return [sde.T, *(sde.time_at(high * (low / high) ** (i / (levels - 1))) for i in range(1, levels))]


def _moves(
    run: Simulation, x: torch.Tensor, moves: list[tuple[float, float]], temperature: float = 1.0
) -> Iterator[Frame]:
    """Langevin moves of given (t, ε); where t changes, x/alpha stays."""
    before = run.sde.marginal(moves[0][0])[0]
    for i, (t, epsilon) in enumerate(moves, start=1):
        alpha = run.sde.marginal(t)[0]
        x, before = (x if alpha == before else x * (alpha / before)), alpha
        z = noise.normal(run.shape, run.seed, noise.CORRECTOR, i, 0).to(run.device)
        size = math.sqrt(2 * epsilon * temperature)
        x = torch.add(x, run.process.score(x, t), alpha=epsilon).add_(z, alpha=size)
        x, note = run.settled(x, t, i)
        yield run.frame(x, t, i, len(moves), part="langevin", epsilon=epsilon, note=note)


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

    Recomputed from the frame before with the score, on the CPU; the noise is what is left. Where a method
    remembers earlier steps, its noise is that of the path and what is left came from the score. A step of the
    forward SDE is exact: its drift is what the mean does, (alpha'/alpha - 1) x, and its score term zero. None for the
    start, and where memory meets a gap.
    """
    if after.part == "start" or before.x.shape != after.x.shape:
        return None
    if after.part == "diffuse":
        x, moved = (torch.from_numpy(x) for x in (before.x, after.x - before.x))
        drift = (after.alpha / before.alpha - 1) * x
        return Terms(drift, torch.zeros_like(x), moved - drift)
    probe = run.again()
    x = torch.from_numpy(before.x).to(run.device)
    change = torch.from_numpy(after.x - before.x)
    with torch.no_grad():
        if after.part == "predict":
            return _predictor_terms(probe, x, before, after, change)
        scale = after.alpha / before.alpha  # other than 1 where annealing goes to its next level
        drift, score = (scale - 1) * x, probe.process.score(scale * x, after.t) * after.epsilon
        if after.accepted is not None:  # what was refused did not move
            score[(torch.from_numpy(after.x) == torch.from_numpy(before.x)).all(1).to(score.device)] = 0
    drift, score = drift.cpu(), score.cpu()
    return Terms(drift, score, change - drift - score)


def _predictor_terms(
    run: Simulation, x: torch.Tensor, before: Frame, after: Frame, change: torch.Tensor
) -> Terms | None:
    s, i = run.sampler, after.step - 1
    method, ends = s.method, [before.t, after.t]
    times = ends if method.adaptive else grids.times(s.grid, s.steps, run.sde)
    whole = method.adaptive or times[i : i + 2] == ends  # a thinned recording has gaps
    z = torch.zeros(run.shape, device=run.device)
    if run.process.eta and whole and (method.memory or method.nfe_per_step > 1):  # else it is not needed
        z = run.path(times).increment(times, i).to(run.device)
    elif method.draws == 2:
        z = torch.stack([z, z])
    drift, score, known = (
        part.cpu() for part in run.setup.begin(run.process, times).terms(x, before.t, after.t, z)
    )
    if not method.memory:
        return Terms(drift, score, change - drift - score)
    if s.denoise and after.step == s.steps and not (s.corrections and s.order == "predictor"):
        known = torch.zeros_like(known)  # the last step dropped it
    return Terms(drift, change - drift - known, known) if whole else None
