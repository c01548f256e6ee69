"""Training in the background, as the session sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from explorer.experiment import Experiment
from explorer.models import model_of
from explorer.scores.files import Model
from explorer.session.slot import Slot
from explorer.train import TrainFrame
from explorer.train.start import training_of

#: Points of the loss chart; older ones are thinned.
HISTORY = 600


@dataclass
class LossHistory:
    """What the loss chart draws: (m, 4) of iteration, smoothed loss, floor, excess."""

    rows: list[tuple[float, float, float, float]] = field(default_factory=list)

    def add(self, frame: TrainFrame) -> None:
        """Append a frame, thinning where there are many."""
        self.rows.append((float(frame.iteration), frame.smoothed, frame.floor, frame.excess))
        if len(self.rows) > HISTORY:
            self.rows = self.rows[::2]

    def array(self) -> np.ndarray:
        """(m, 4)."""
        return np.array(self.rows, dtype=np.float64).reshape(-1, 4)


class Trainer:
    """At most one training at a time; the newest averaged weights as a Model."""

    def __init__(self) -> None:
        self.model: Model | None = None
        self.frame: TrainFrame | None = None
        self.history = LossHistory()
        self.error: BaseException | None = None
        self._slot: Slot[TrainFrame] = Slot("train", latest=True)
        self._experiment: Experiment | None = None

    def start(self, experiment: Experiment) -> None:
        """Train for `experiment`, from its seed, instead of what was trained before."""
        self.cancel()
        self.history, self.frame, self.error = LossHistory(), None, None
        self._experiment = experiment
        self._slot.start(lambda: _frames(experiment))

    @property
    def running(self) -> bool:
        """Whether a training is going on, paused or not."""
        return self._slot.job is not None

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return self._slot.job is not None and self._slot.job.paused

    def pause(self) -> None:
        """Hold the training."""
        if self._slot.job:
            self._slot.job.pause()

    def resume(self) -> None:
        """Go on."""
        if self._slot.job:
            self._slot.job.resume()

    def cancel(self) -> None:
        """Stop; the weights so far are kept."""
        self._slot.cancel()

    def reset(self) -> None:
        """Stop and forget the weights."""
        self.cancel()
        self.model, self.frame, self.history = None, None, LossHistory()

    def drain(self) -> bool:
        """Take the newest frame; True if it brought new weights."""
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
    def threads(self) -> int:
        """How many threads are alive."""
        return self._slot.running

    def close(self, timeout: float = 2.0) -> bool:
        """Stop and wait for the threads; True when they have ended."""
        return self._slot.close(timeout)


def _frames(e: Experiment) -> Iterator[TrainFrame]:
    """Frames of the training; weights must not be lost to a newer frame without any, so those always carry the last."""
    from dataclasses import replace

    weights = None
    for frame in training_of(e):
        weights = frame.weights if frame.weights is not None else weights
        yield replace(frame, weights=weights)
