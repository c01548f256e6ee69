"""The PC microscope: one step of one particle, taken apart into everything that moved it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion.frames import Array, Frame
from explorer.diffusion.samplers import Reverse
from explorer.diffusion.simulate import Simulation, simulate, step_terms
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Equation, Figure, Picture, Table
from explorer.figures.marks import Arrows, Bounds, Mark, Points, Text
from explorer.figures.views.moves import moves_of_step
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.fields import density_image

#: Frames between two reports while a run is computed.
PAUSE = 50
#: Room around the arrows, as a share of how far they reach.
ROOM = 0.35


@dataclass(frozen=True, eq=False)
class Move:
    """One sub-step of one particle: where it was, what each term added (d,), and the sizes behind the step.

    `score_norm` and `noise_norm` are ∥s∥ and ∥z∥ of this particle, `batch_*` their means over all of them,
    which is what the corrector's rule uses. z is not told apart from its factor in a predictor's step.
    """

    after: Frame
    x: np.ndarray
    drift: np.ndarray
    score: np.ndarray
    noise: np.ndarray
    score_norm: float
    noise_norm: float
    batch_score: float
    batch_noise: float

    @property
    def mean(self) -> np.ndarray:
        """x_mean: the step without its noise (d,)."""
        return np.asarray(self.x + self.drift + self.score)

    @property
    def x_next(self) -> np.ndarray:
        """Where the particle is after it (d,)."""
        return np.asarray(self.mean + self.noise)

    @property
    def word(self) -> str:
        """What it is: "predictor", "corrector 2", ..."""
        names = {"predict": "predictor", "correct": f"corrector {self.after.sub}", "langevin": "Langevin"}
        return names[self.after.part]


@LABS.register("pc_microscope", title="PC microscope", order=10)
@dataclass(frozen=True)
class PCMicroscope(Lab):
    """Drift, score push and noise of the predictor, then each move of the corrector, with their numbers."""

    section = "see"
    about = (
        "One particle, one step. Drift, score push and noise are the arrows that add up to the predictor's "
        "move; then each corrector move pushes along the score and puts noise back. Full stop and comma step "
        "on and back."
    )
    equation = r"x' = x + \drift{\text{drift}} + \score{\text{score}} + \noise{\text{noise}}"
    source = "Song et al. 2021, Algorithms 2 to 5"
    follows = True
    guided = True

    particle: int = param(
        0, "Particle", symbol="i", low=0, high=199, minimum=0, maximum=99_999,
        help="Which particle. Right-click one on the stage: Look at this particle.",
        equation="xᵢ",
    )  # fmt: skip
    order: str = param(
        "run", "Order",
        choices={"run": "as the sampler", "predictor": "paper: P then C", "corrector": "code: C then P"},
        help="The paper's Algorithms 2 and 3 predict first, the authors' code corrects first. The run is "
        "computed anew where the sampler has the other order.",
        equation="[S21] Alg. 2, 3",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> PCMicroscope:
        return cls(particle=3)

    def unfit(self, experiment: Experiment) -> str:
        if experiment.sampler.mode == "forward":
            return "The forward mode asks for no score; choose PC, the reverse SDE or the ODE as the mode."
        if experiment.sampler.mode == "ode" and experiment.sampler.solver.adaptive:
            return "An adaptive solver chooses steps of its own; choose Heun, Euler or RK4 as the solver."
        return ""

    def reports(self, context: Context) -> Iterator[Report]:
        e = context.experiment
        if self.order not in ("run", e.sampler.order) and e.sampler.mode == "pc":
            e = replace(e, sampler=replace(e.sampler, order=self.order))
            context = replace(context, experiment=e, frames=())
        frames: Sequence[Frame] = context.frames
        if not moves_of_step(frames):
            for rerun, progress in _rerun(context):
                frames = rerun
                yield Report((), progress, "Running the sampler up to this step …")
        i = min(self.particle, len(frames[-1].x) - 1)
        yield _report(e, take_apart(context, frames, i), i)


def _rerun(context: Context) -> Iterator[tuple[list[Frame], float]]:
    """The frames of a run up to the whole step that passes the playhead's time, as they come, and how far it is."""
    e = context.experiment
    frames: list[Frame] = []
    source = simulate(e.sde, e.sampler, context.resolved.score, e.data.mixture, e.seed)
    for frame in source:
        passed = bool(frames) and frames[-1].step > 0 and frames[-1].t <= context.t
        if passed and frame.step > frames[-1].step:
            break
        frames.append(frame)
        if len(frames) % PAUSE == 0:
            yield frames, 0.9 * len(frames) / e.sampler.expected_frames
    yield frames, 0.9


def take_apart(context: Context, frames: Sequence[Frame], i: int) -> list[Move]:
    """The moves of particle i in the step that the last frame belongs to, as far as it has come."""
    e = context.experiment
    run = Simulation(e.sde, e.sampler, context.resolved.score, e.data.mixture, e.seed)
    return [_move(run, before, after, i) for before, after in moves_of_step(frames)]


def _move(run: Simulation, before: Frame, after: Frame, i: int) -> Move:
    terms = step_terms(run, before, after)
    assert terms is not None  # forward mode and starts are no moves here
    drift, score, noise = (part.double().numpy() for part in terms)
    if after.part == "predict":
        with torch.no_grad():
            at = torch.from_numpy(before.x)
            s = Reverse(run.sde, run.score).score(at, before.t).double().numpy()
        z = np.full_like(s, math.nan)
    else:
        s, z = score / after.epsilon, noise / math.sqrt(2 * after.epsilon)
    size = np.linalg.norm(s, axis=1), np.linalg.norm(z, axis=1)
    x = before.x[i].astype(np.float64)
    sizes = float(size[0][i]), float(size[1][i]), float(size[0].mean()), float(size[1].mean())
    return Move(after, x, drift[i], score[i], noise[i], *sizes)


# --- figures ---------------------------------------------------------------------------------------------


def _report(e: Experiment, moves: list[Move], i: int) -> Report:
    if not moves:
        return Report((), 1.0, "The run has not made a step yet here: move the playhead on.")
    last = moves[-1]
    names = ("x", "drift", "score", "noise", "mean")
    arrays = {name: np.stack([getattr(m, name) for m in moves]) for name in names}
    figures: tuple[Figure, ...] = (_picture(e, moves, i), *_equations(e, last), _table(moves))
    return Report(figures, 1.0, _words(moves), arrays)


def _words(moves: list[Move]) -> str:
    start, last = moves[0], moves[-1]
    far = float(np.linalg.norm(last.x_next - start.x))
    path = sum(float(np.linalg.norm(m.x_next - m.x)) for m in moves)
    corrections = [m for m in moves if m.after.part == "correct"]
    said = (
        f"Step {last.after.step} of {last.after.steps}: {_count(len(moves))} of {path:.3g} in all, "
        f"{far:.3g} from where it began."
    )
    if corrections:
        m = corrections[-1]
        said += (
            f" The corrector's ε = {m.after.epsilon:.3g} follows from the mean ∥s∥ = {m.batch_score:.3g} "
            f"over all particles; this one has ∥s∥ = {m.score_norm:.3g}."
        )
    return said


def _count(moves: int) -> str:
    return f"{moves} moves" if moves > 1 else "one move"


def _places(moves: list[Move]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(role, from, to) of every arrow, in the plane; one-dimensional data climbs beside the count of arrows."""
    out: list[tuple[str, np.ndarray, np.ndarray]] = []
    for m in moves:
        at = m.x
        for role in ("drift", "score", "noise"):
            to = at + getattr(m, role)
            k = len(out)
            ends = (at, to) if len(at) == 2 else (np.array([k, at[0]]), np.array([k + 1, to[0]]))
            out.append((role, *ends))
            at = to
    return out


def _picture(e: Experiment, moves: list[Move], i: int) -> Picture:
    arrows = _places(moves)
    flat = e.data.dim == 1
    bounds = _bounds(np.array([p for _, a, b in arrows for p in (a, b)]), flat)
    now = moves[-1].after
    marks: list[Mark] = [] if flat else [density_image(e.data.mixture, now.alpha, now.sigma, bounds, 0.6)]
    marks += [Arrows(_row(a), _row(b - a), role, 2.4) for role, a, b in arrows if np.linalg.norm(b - a) > 0]
    reach = bounds[3] - bounds[2]
    for k, m in enumerate(moves):
        end, mean = arrows[3 * k + 2][2], arrows[3 * k + 2][1]
        color = "accent" if m.after.part == "predict" else "corrector"
        marks += [Points(_row(mean), "muted", 5.0), Points(_row(end), color, 8.0)]
        marks.append(Text((float(end[0]), float(end[1]) + 0.02 * reach), m.word, color, 12.0, "s"))
    start = arrows[0][1]
    marks += [Points(_row(start), "text", 8.0)]
    marks.append(Text((float(start[0]), float(start[1]) - 0.02 * reach), "before", "text", 12.0, "n"))
    labels = ("arrows, one after the other", "x") if flat else ("x₁", "x₂")
    return Picture(
        f"Particle {i}, step {moves[-1].after.step} of {moves[-1].after.steps}", tuple(marks), bounds, *labels,
        square=not flat, about="Blue: drift. Green: push along the score. Orange: noise. Grey dots: x_mean.",
    )  # fmt: skip


def _row(point: np.ndarray) -> Array:
    """One point as an array of points (1, 2)."""
    return np.asarray(point, np.float32)[None]


def _bounds(points: np.ndarray, flat: bool) -> Bounds:
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    reach = (high - low) if flat else np.full(2, (high - low).max())
    half = np.maximum(reach * (0.5 + ROOM), 1e-6)
    return (
        float(middle[0] - half[0]), float(middle[0] + half[0]),
        float(middle[1] - half[1]), float(middle[1] + half[1]),
    )  # fmt: skip


def _equations(e: Experiment, m: Move) -> tuple[Equation, Equation]:
    rule = e.sampler.method.equation if m.after.part == "predict" else e.sampler.corrector.equation
    title = e.sampler.method.title if m.after.part == "predict" else e.sampler.corrector.title
    parts = {role: getattr(m, role) for role in ("drift", "score", "noise")}
    terms = {role: v for role, v in parts.items() if abs(v).max() > 1e-6}  # none, but for rounding
    least = min((float(abs(v).max()) for v in terms.values()), default=1.0)
    digits = min(max(3, 2 - math.floor(math.log10(least))), 6)
    numbers = r"\\".join(  # where it may be broken
        [f"{_vector(m.x_next, digits)} = {_vector(m.x, digits)}"]
        + [f"+ \\{role}{{{_vector(v, digits)}}}" for role, v in terms.items()]
    )
    rate = f"ε = {m.after.epsilon:.4g}, ∥s∥ = {m.score_norm:.4g}, ∥z∥ = {m.noise_norm:.4g}, x_mean = {_plain(m.mean)}"
    words = f"∥s∥ = {m.score_norm:.4g}, x_mean = {_plain(m.mean)}" if m.after.part == "predict" else rate
    return Equation(f"{m.word[0].upper()}{m.word[1:]}: {title}", rule), Equation("In numbers", numbers, words)


def _vector(values: np.ndarray, digits: int) -> str:
    parts = [
        f"{round(v, digits) + 0.0:.{digits}f}" if abs(v) < 1e3 else f"{v:.2g}" for v in values
    ]  # no -0.000
    return parts[0] if len(parts) == 1 else rf"({', '.join(parts)})"


def _plain(values: np.ndarray) -> str:
    parts = [f"{v + 0.0:.4g}" for v in values]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def _table(moves: list[Move]) -> Table:
    columns = ("sub-step", "t", "ε", "drift", "score", "noise", "∥s∥", "∥z∥", "x_mean", "x")
    rows = []
    for m in moves:
        correct = m.after.part != "predict"
        rows.append((
            m.word, m.after.t, m.after.epsilon if correct else "", _plain(m.drift), _plain(m.score),
            _plain(m.noise), m.score_norm, m.noise_norm if correct else "", _plain(m.mean), _plain(m.x_next),
        ))  # fmt: skip
    return Table("Every sub-step", columns, tuple(rows))
