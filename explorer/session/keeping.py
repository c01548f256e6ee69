"""Where the training on pictures is kept while it goes on, so that it can be gone on from after a restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from explorer.experiment import Experiment
from explorer.train import TrainFrame
from explorer.train.checkpoint import Checkpoint, glance, save
from explorer.train.start import Course

#: Seconds between two checkpoints.
EVERY = 120.0


class Keeper:
    """Writes the checkpoints of one training to `path`: every EVERY seconds, when asked to, and where it is left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wanted, self.trouble = True, ""
        self._asked = False

    def ask(self) -> None:
        """Write one after the frame that is being made."""
        self._asked = True

    def forget(self) -> None:
        """Write no more, and remove what was written."""
        self.wanted = False
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def frames(self, course: Course) -> Iterator[TrainFrame]:
        """The frames of a training (in its thread)."""
        last, done = time.monotonic(), False
        try:
            for frame in course.frames():
                done = frame.done
                if done or self._asked or time.monotonic() - last >= EVERY:
                    self._asked = False
                    self._write(course)
                    last = time.monotonic()
                yield frame
        except GeneratorExit:
            if not done:
                self._write(course)
            raise

    def _write(self, course: Course) -> None:
        checkpoint = course.checkpoint() if self.wanted else None
        if checkpoint is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save(checkpoint, self.path)
            if not self.wanted:  # forgotten meanwhile
                self.forget()
        except OSError as error:
            self.trouble = f"The training cannot be kept for after a restart: {error.strerror or error}."


class Kept:
    """The checkpoints in a folder, one for each kind of data, as the last look at them found them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[Path, tuple[float, Checkpoint | None]] = {}

    def path(self, e: Experiment) -> Path:
        """Where the training of an experiment is kept."""
        return self.folder / f"{e.data.name}.safetensors"

    def of(self, e: Experiment) -> Checkpoint | None:
        """How the training on the data of an experiment was left (its tensors are not read), if it was."""
        return self._glanced(self.path(e)) if e.pictures is not None else None

    def newest(self) -> Checkpoint | None:
        """That which was left last before its end."""
        with suppress(OSError):
            for path in sorted(self.folder.glob("*.safetensors"), key=lambda p: -p.stat().st_mtime):
                found = self._glanced(path)
                if found is not None and found.progress < 1:
                    return found
        return None

    def _glanced(self, path: Path) -> Checkpoint | None:
        try:
            modified = path.stat().st_mtime
        except OSError:
            return None
        if self._seen.get(path, (0.0, None))[0] != modified:
            self._seen[path] = modified, glance(path)
        return self._seen[path][1]
