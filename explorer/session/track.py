"""A track: one stage's run, computed in the background, coarse first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from explorer.diffusion.frames import Frame, Recording
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.simulate import simulate
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.session.playback import index_at
from explorer.session.slot import Slot

#: The first picture after a change comes from a run of at most this many particles and moves.
COARSE_PARTICLES, COARSE_MOVES = 300, 40
#: For pictures: evaluations of the score, of the ODE and where noise is put in.
COARSE_ODE, COARSE_SDE = 5, 20
#: Frames that may wait to be taken in, in bytes.
WAITING_BYTES = 20_000_000


@dataclass
class Run:
    """A recording and what it is a recording of."""

    experiment: Experiment
    resolved: Resolved
    recording: Recording = field(default_factory=Recording)
    #: Tells runs apart, also those that are gone (an id() may come again).
    serial: int = field(default_factory=count().__next__)

    @property
    def reach(self) -> float:
        """How far it has come, 0 to 1."""
        if self.recording.complete:
            return 1.0
        expected = max(self.experiment.sampler.expected_frames, self.recording.seen + 1)
        return (self.recording.seen - 1) / (expected - 1) if self.recording.frames else -1.0

    @property
    def whole(self) -> tuple[tuple[Frame, ...], int]:
        """All frames there are, for pictures (points need none after the one shown), and how many there will be."""
        frames = tuple(self.recording.frames) if self.experiment.pictures else ()
        due = (
            0 if self.recording.complete else self.experiment.sampler.expected_frames // self.recording.stride
        )
        return frames, max(due, len(self.recording))

    def index(self, position: float) -> int:
        """The frame that a playhead position means: a share of the whole run, as far as it has come."""
        return index_at(self.recording, self.experiment.sampler.expected_frames, position)

    def position(self, index: int) -> float:
        """The playhead position of a frame (of the nearest there is): the inverse of `index`."""
        last = len(self.recording) - 1
        whole = (self.experiment.sampler.expected_frames - 1) / self.recording.stride
        return min(max(index, 0), last) / max(last if self.recording.complete else max(whole, last), 1)


def coarse(sampler: Sampler, pictures: bool = False) -> Sampler:
    """The same sampler, cheap enough to answer a dragged slider at once."""
    if pictures:
        evaluations = COARSE_ODE if sampler.mode == "ode" else COARSE_SDE
        return replace(sampler, steps=max(1, min(sampler.steps, evaluations // max(sampler.nfe_per_step, 1))))
    steps = max(1, min(sampler.steps, COARSE_MOVES // (1 + sampler.corrections)))
    return replace(sampler, particles=min(sampler.particles, COARSE_PARTICLES), steps=steps)


class Track:
    """What one stage shows. `run(position)` is the best there is for a playhead position."""

    def __init__(self, name: str) -> None:
        self.error: BaseException | None = None
        self.full: Run | None = None
        self._coarse: Run | None = None
        self._old: Run | None = None
        self._slot: Slot[tuple[bool, Frame]] = Slot(f"simulate-{name}", capacity=256)

    def start(self, experiment: Experiment, resolved: Resolved, *, quick: bool = True) -> None:
        """Run `experiment` instead of what ran before. What is shown stays until the new run has caught up with
        it; with `quick` a coarse run comes first, so that this is soon."""
        self._old = next(
            (r for r in (self.full, self._coarse) if r is not None and r.recording.complete), self._old
        )
        self.error = None
        small = coarse(experiment.sampler, experiment.pictures is not None)
        quick = quick and small != experiment.sampler
        self._coarse = Run(replace(experiment, sampler=small), resolved) if quick else None
        self.full = Run(experiment, resolved)
        frame_bytes = 4 * experiment.sampler.particles * experiment.data.dim
        source = partial(_source, [(False, self._coarse), (True, self.full)])
        waiting = max(4, min(256, WAITING_BYTES // frame_bytes))
        self._slot.start(source, capacity=waiting, greedy=experiment.pictures is not None)

    def show(self, run: Run) -> None:
        """Show a run that is complete."""
        self._old = run

    def drain(self) -> bool:
        """Take the frames that are ready; True if there were any."""
        items, error, ended = self._slot.take()
        for is_full, frame in items:
            run = self.full if is_full else self._coarse
            assert run is not None
            if is_full and self._coarse is not None:
                self._coarse.recording.complete = True
            run.recording.append(frame)
        if ended and self.full is not None:
            self.full.recording.complete = error is None and len(self.full.recording) > 0
            self.error = error
            if self.full.recording.complete:  # the others are not shown any more: a recording is large
                self._coarse = self._old = None
        return bool(items)

    def _choices(self) -> list[Run]:
        return [r for r in (self.full, self._coarse, self._old) if r is not None and len(r.recording)]

    def run(self, position: float) -> Run | None:
        """The newest run that reaches `position`, else the one that reaches furthest."""
        choices = self._choices()
        reaching = (r for r in choices if r.reach >= position)
        return next(reaching, max(choices, key=lambda r: r.reach, default=None))

    @property
    def covered(self) -> float:
        """How far there is something to show, 0 to 1."""
        return max((r.reach for r in self._choices()), default=0.0)

    def use_score(self, resolved: Resolved) -> None:
        """Draw the field of a newer score over the runs there are of the same SDE (while a network trains)."""
        for run in self._choices():
            same = self.full is not None and run.experiment.sde == self.full.experiment.sde
            if same and run.experiment.data.dim == resolved.dim:
                run.resolved = resolved

    def stopped(self) -> bool:
        """Stop the run, without waiting; True once no thread is left."""
        self._slot.cancel()
        return self._slot.running == 0

    @property
    def busy(self) -> bool:
        """Whether a run is going on."""
        return self._slot.job is not None

    @property
    def threads(self) -> int:
        """How many threads are alive."""
        return self._slot.running

    def clear(self) -> None:
        """Stop, and show nothing."""
        self._slot.cancel()
        self.full = self._coarse = self._old = None

    def close(self, timeout: float = 2.0) -> bool:
        """Stop and wait for the threads; True when they have ended."""
        return self._slot.close(timeout)


def _source(stages: list[tuple[bool, Run | None]]) -> Iterator[tuple[bool, Frame]]:
    """(is_full, frame) of the coarse run, then of the full one."""
    for is_full, run in stages:
        if run is None:
            continue
        e = run.experiment
        for frame in simulate(e.sde, e.sampler, run.resolved.score, e.target, e.seed):
            yield is_full, frame
