"""Where the training on pictures is kept while it goes on, so that it can be gone on from after a restart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from explorer.experiment.checkpoint import Checkpoint, glance, save
from explorer.experiment.resolution import told
from explorer.experiment.schema import Experiment
from explorer.experiment.training import Course
from explorer.training import TrainFrame

#: Seconds between two checkpoints.
EVERY = 120.0


class Keeper:
    """Writes the checkpoints of one training to `path`: every EVERY seconds, when asked to, and where it is left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Whether to write, whether the file at `path` is of this training, and what stood in the way.
        self.wanted, self.written, self.trouble = True, False, ""
        self._asked = self._forgotten = False

    def ask(self) -> None:
        """Write one after the frame that is being made."""
        self._asked = True

    def forget(self) -> None:
        """Write no more, and remove what was written."""
        self.wanted, self._forgotten = False, True
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def frames(self, course: Course) -> Iterator[TrainFrame]:
        """The frames of a training (in its thread)."""
        yield from course.kept(self._write, EVERY, self._taken)

    def _taken(self) -> bool:
        """Whether one was asked for, once."""
        asked, self._asked = self._asked, False
        return asked

    def _write(self, course: Course) -> None:
        checkpoint = course.checkpoint() if self.wanted else None
        if checkpoint is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save(checkpoint, self.path)
            self.path.chmod(0o600)  # what somebody trains on is nobody else's business
            self.written = True
            if self._forgotten:  # meanwhile
                self.forget()
        except OSError as error:
            self.trouble = f"The training cannot be kept for after a restart: {error.strerror or error}."


class Kept:
    """The checkpoints in a folder, one for each data, as the last look at them found them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[Path, tuple[float, Checkpoint | None]] = {}

    def path(self, e: Experiment) -> Path:
        """Where the training of an experiment is kept: data of the user's own have a name for what was read."""
        about = json.dumps(told(e.data), sort_keys=True, default=str)
        own = "" if e.data.builtin else f"-{hashlib.sha256(about.encode()).hexdigest()[:16]}"
        return self.folder / f"{e.data.name}{own}.safetensors"

    def of(self, e: Experiment) -> Checkpoint | None:
        """How the training on the data of an experiment was left (its tensors are not read), if it was."""
        found = self._glanced(self.path(e)) if e.pictures is not None else None
        return found if found is not None and told(found.experiment.data) == told(e.data) else None

    def newest(self) -> Checkpoint | None:
        """That which was left last before its end."""
        with suppress(OSError):
            for path in sorted(self.folder.glob("*.safetensors"), key=lambda p: -p.stat().st_mtime):
                found = self._glanced(path)
                if found is not None and found.progress < 1 and path == self.path(found.experiment):
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
