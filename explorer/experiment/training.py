"""The training that an experiment means: on points, or on pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from explorer.data.images.base import Pixels
from explorer.experiment.checkpoint import Checkpoint
from explorer.experiment.schema import Experiment
from explorer.training.fleet import Fleet
from explorer.training.frame import TrainFrame
from explorer.training.images import Material, PictureRun
from explorer.training.loop import room_needed
from explorer.training.run import train

if TYPE_CHECKING:
    import torch


def training_of(e: Experiment, start: Mapping[str, torch.Tensor] | None = None) -> Iterator[TrainFrame]:
    """Frames of the training of an experiment's network; `start` are weights to go on from."""
    s = e.score
    if e.pictures is not None:
        return Course(e, start).frames()
    return train(
        e.data.mixture, e.sde, s.objective, s.network, s.training, e.seed, start, e.data.held_out_points
    )  # fmt: skip


class Course:
    """A training on pictures that can be interrupted and gone on from: from the beginning, weights or a checkpoint.

    `archive` stands for the pictures that come with the program; `fleet` are the processes that share the work.
    `weight_seconds` pass between two frames with weights.
    """

    def __init__(
        self, experiment: Experiment, start: Mapping[str, torch.Tensor] | None = None,
        checkpoint: Checkpoint | None = None, *, archive: tuple[Pixels, Pixels] | None = None,
        fleet: Fleet | None = None, weight_seconds: float = PictureRun.weight_seconds,
    ) -> None:  # fmt: skip
        self._experiment, self._start, self._checkpoint = experiment, start, checkpoint
        self._archive, self._fleet, self._weight_seconds = archive, fleet, weight_seconds
        self._run: PictureRun | None = None

    def frames(self) -> Iterator[TrainFrame]:
        """The frames. Raises TrainingError, CheckpointError and ImageError."""
        e, pressed = self._experiment, time.perf_counter()
        assert e.pictures is not None
        with room_needed():
            material = Material.of(e.pictures, self._archive)
            s = e.score
            self._run = PictureRun(material, s.unet, s.picture_training, e.seed, self._start, self._fleet)
            self._run.weight_seconds = self._weight_seconds
            if self._checkpoint is not None:
                self._checkpoint.put_into(self._run)
                self._checkpoint = None
                pressed = time.perf_counter()  # a resumed training does not pay for starting twice
            yield from self._run.frames(pressed)

    def kept(
        self, write: Callable[[Course], None], every: float, asked: Callable[[], bool] = lambda: False
    ) -> Iterator[TrainFrame]:
        """The frames. `write` is to keep the checkpoint: every so many seconds, when `asked` for, with the last frame,
        and where the training is given up before that."""
        last, done = time.monotonic(), False
        try:
            for frame in self.frames():
                done = frame.done
                if done or asked() or time.monotonic() - last >= every:
                    write(self)
                    last = time.monotonic()
                yield frame
        except GeneratorExit:
            if not done:
                write(self)
            raise

    def checkpoint(self) -> Checkpoint | None:
        """All that the rest of the training depends on, as it is between two frames; None before the first."""
        return Checkpoint.of(self._run, self._experiment) if self._run is not None else None
