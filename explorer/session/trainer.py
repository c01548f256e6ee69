"""Training in the background, as the session sees it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from explorer.experiment.checkpoint import Checkpoint, load
from explorer.experiment.resolution import model_of
from explorer.experiment.schema import Experiment
from explorer.experiment.training import Course, training_of
from explorer.networks.files import Model
from explorer.session.checkpoints import Keeper, Kept
from explorer.session.slot import Slot
from explorer.training import TrainFrame

#: What a training goes on from: the file of a checkpoint, a checkpoint, a network; None for its seed.
Origin = Path | Checkpoint | Model | None
#: Points of the loss chart; older ones are thinned.
HISTORY = 600


@dataclass
class LossHistory:
    """What the loss chart draws: (m, 5) of iteration, smoothed loss, floor, excess, loss on what is held out."""

    rows: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def add(self, frame: TrainFrame) -> None:
        """Append a frame, thinning where there are many."""
        held = frame.held if frame.validated else math.nan
        self.rows.append((float(frame.iteration), frame.smoothed, frame.floor, frame.excess, held))
        if len(self.rows) > HISTORY:
            self.rows = self.rows[::2]

    def array(self) -> np.ndarray:
        """(m, 5)."""
        return np.array(self.rows, dtype=np.float64).reshape(-1, 5)


#: A network, and the last frame and the losses of its training.
Trained = tuple[Model, TrainFrame | None, LossHistory]
#: The same while there may be none yet, and the network that was there before.
Kind = tuple[Model | None, TrainFrame | None, LossHistory, Trained | None]


class Trainer:
    """At most one training at a time; the newest averaged weights as a Model.

    `kept` is where trainings on pictures are kept for after a restart; None where they are not. `before` is the network
    that was forgotten last, or that a training took the place of.
    """

    def __init__(self) -> None:
        self.model: Model | None = None
        self.frame: TrainFrame | None = None
        self.history = LossHistory()
        self.error: BaseException | None = None
        self.kept: Kept | None = None
        self.before: Trained | None = None
        #: What was trained on the other kind of data: pictures, or points.
        self._laid_by: dict[bool, Kind] = {}
        self._keeper: Keeper | None = None
        self._slot: Slot[TrainFrame] = Slot("train", latest=True)
        self._experiment: Experiment | None = None
        self._next: tuple[Experiment, Origin] | None = None

    def start(self, experiment: Experiment, origin: Origin = None) -> None:
        """Train for `experiment`, from its seed, a checkpoint or the weights of a network, instead of what was trained
        before.

        It begins once that has ended, here or in `drain`: what is being left may still be written.
        """
        self.cancel()
        self._remember()
        self.history, self.frame, self.error = LossHistory(), None, None
        self._next = experiment, origin
        self._begin()

    def _begin(self) -> None:
        if self._next is None or self._slot.running:
            return
        (experiment, origin), self._next = self._next, None
        self._experiment = experiment
        keeper = self._keeper = self._keeper_of(experiment)
        self._slot.start(lambda: _frames(experiment, origin, keeper))

    def _keeper_of(self, e: Experiment) -> Keeper | None:
        return Keeper(self.kept.path(e)) if self.kept is not None and e.pictures is not None else None

    def go_on(self, experiment: Experiment, instead: bool = True) -> None:
        """Go on with the training on its data that was left: `instead` of the newest one, or with that."""
        if self.kept is None:
            return
        path, keeper = self.kept.path(experiment), self._keeper
        if instead and keeper is not None and keeper.path == path and not keeper.written:
            keeper.wanted = False  # it would write over what is gone on from
        self.start(experiment, path)

    def newest_left(self) -> Checkpoint | None:
        """The training that was left last before its end, if there is one."""
        return self.kept.newest() if self.kept is not None and not self.running else None

    def left(self, e: Experiment) -> Checkpoint | None:
        """How far an interrupted training on the data of an experiment is, if there is one to go on with."""
        return self.kept.of(e) if self.kept is not None else None

    @property
    def running(self) -> bool:
        """Whether a training is going on, paused or not."""
        return self._slot.job is not None or self._next is not None

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return self._slot.job is not None and self._slot.job.paused

    def pause(self) -> None:
        """Hold the training."""
        if self._slot.job:
            if self._keeper is not None:
                self._keeper.ask()
            self._slot.job.pause()

    def resume(self) -> None:
        """Go on."""
        if self._slot.job:
            self._slot.job.resume()

    def cancel(self) -> None:
        """Stop; the weights so far are kept."""
        self._next = None
        self._slot.cancel()

    def leave(self) -> Experiment | None:
        """Stop; what was trained for, where that is kept to be gone on with."""
        begun = self._next is None and self.frame is not None
        self.cancel()
        return self._experiment if begun and self._keeper is not None else None

    def use(self, model: Model | None) -> None:
        """Stop, and have this network instead of the weights; the training can still be gone on with."""
        self.cancel()
        self.model, self.frame, self.history = model, None, LossHistory()

    def reset(self) -> None:
        """Stop and forget the weights, and what was kept of the training."""
        of_points = self.model is not None and self.model.picture is None
        if self._keeper is not None and not of_points:
            self._keeper.forget()
        self._remember()
        self.use(None)

    def _remember(self) -> None:
        if self.model is not None:
            self.before = self.model, self.frame, self.history

    def restore(self) -> None:
        """Stop, and have the network that was there before."""
        if self.before is not None:
            model, frame, history = self.before
            self.use(model)
            self.frame, self.history = frame, history

    def turn(self, pictures: bool) -> None:
        """Stop, lay by what was trained on the other kind of data, and have what was trained on this one."""
        self.cancel()
        self._laid_by[not pictures] = self.model, self.frame, self.history, self.before
        nothing: Kind = None, None, LossHistory(), None
        self.model, self.frame, self.history, self.before = self._laid_by.pop(pictures, nothing)

    def laid_by(self, pictures: bool) -> bool:
        """Whether a network for pictures, or for points, is laid by."""
        return self._laid_by.get(pictures, (None,))[0] is not None

    def drain(self) -> bool:
        """Take the newest frame; True if it brought new weights."""
        self._begin()
        frames, error, _ = self._slot.take()
        self.error = error or self.error
        changed = False
        for frame in frames:
            self.frame = frame
            self.history.add(frame)
            new = self.model is None or frame.weights is not self.model.weights
            if frame.weights is not None and new and self._experiment is not None:
                self.model = model_of(self._experiment, frame, frame.weights)
                changed = True
        return changed

    @property
    def keeping(self) -> bool:
        """Whether there is a training that is kept where it is left."""
        return self._keeper is not None and self._slot.running > 0

    @property
    def trouble(self) -> bool:
        """Whether something stands in the way of keeping the training."""
        return self._keeper is not None and bool(self._keeper.trouble)

    def told(self) -> str:
        """What it is; it counts as told then."""
        assert self._keeper is not None
        said, self._keeper.trouble = self._keeper.trouble, ""
        return said

    @property
    def threads(self) -> int:
        """How many threads are alive."""
        return self._slot.running

    def close(self, timeout: float = 2.0) -> bool:
        """Stop and wait for the threads; True when they have ended."""
        return self._slot.close(timeout)


def _frames(e: Experiment, origin: Origin, keeper: Keeper | None) -> Iterator[TrainFrame]:
    """Frames of the training; weights must not be lost to a newer frame without any, so those always carry the last."""
    frames = _trained(e, origin, keeper)
    weights = None
    try:
        for frame in frames:
            weights = frame.weights if frame.weights is not None else weights
            yield replace(frame, weights=weights)
    finally:
        frames.close()  # type: ignore[attr-defined]


def _trained(e: Experiment, origin: Origin, keeper: Keeper | None) -> Iterator[TrainFrame]:
    start = origin.weights if isinstance(origin, Model) else None
    if e.pictures is None:
        yield from training_of(e, start)
        return
    checkpoint = load(origin) if isinstance(origin, Path) else origin
    course = Course(e, start, checkpoint if isinstance(checkpoint, Checkpoint) else None)
    yield from course.frames() if keeper is None else keeper.frames(course)
