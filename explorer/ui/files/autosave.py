"""What is kept beside the user's files: the work of each window, every few seconds, for after a crash.

Each window owns one folder of `user_data()/sessions` while it runs (a lock file says so), which holds a state
from the first change on. A window that closes clears its folder: a state in a folder that no window owns is
what a crash has left. Work that was closed without being saved goes to the folder "previous".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from PySide6.QtCore import QLockFile

from explorer.base.files import write_text
from explorer.networks.files import Model
from explorer.networks.files import save as save_model

#: Windows that can be open at once with a folder each.
MOST = 20
#: Seconds after 1970 that every system can say as a date.
LATEST = 1e11


@dataclass(frozen=True)
class State:
    """The work of a window. `document` is its JSON text, `path` the file that it belongs to ("" for none)."""

    document: str
    path: str = ""
    attempts: int = 0  # how often it was brought back after a crash and crashed again
    saved: float = field(default_factory=time.time)
    ended: bool = False  # by a signal: no crash, and the work was kept in full

    @property
    def sound(self) -> bool:
        """Whether the fields are what they should be: a damaged file may hold anything."""
        saved = type(self.saved) in (int, float) and 0 <= self.saved < LATEST
        texts = isinstance(self.document, str) and isinstance(self.path, str)
        return saved and texts and type(self.attempts) is int and type(self.ended) is bool

    @property
    def when(self) -> str:
        """The time of day it is of, with the date unless it is today's."""
        at = time.localtime(self.saved)
        today = at[:3] == time.localtime()[:3]
        return time.strftime("%H:%M" if today else "%d %B %H:%M", at)


class Kept:
    """A folder with a state, and perhaps the network that goes with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "state.json"
        self.model_path = folder / "model.safetensors"

    def state(self) -> State | None:
        """What is kept; a state that is missing or damaged is none."""
        try:
            state = State(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return state if state.sound else None

    def write(self, state: State, model: Model | None = None) -> None:
        """Keep `state`, and the network if one is given. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if model is not None:
            save_model(model, self.model_path, private=True)
        write_text(self._state, json.dumps(asdict(state)), private=True)

    def forget(self) -> None:
        """Hold nothing. Raises OSError."""
        self._state.unlink(missing_ok=True)
        self.model_path.unlink(missing_ok=True)


class Store(Kept):
    """The folder of a window that runs."""

    def __init__(self, folder: Path, lock: QLockFile) -> None:
        super().__init__(folder)
        self._lock = lock

    def release(self) -> None:
        """Let another window have the folder."""
        self._lock.unlock()


def previous(root: Path) -> Kept:
    """The work that was last closed without being saved."""
    return Kept(root / "previous")


def claim(root: Path, empty: bool = False) -> Store | None:
    """A folder that no other window owns, one with what a crash has left first, or an empty one; None if none can
    be had."""
    free: list[Store] = []
    chosen = None
    for store in _unowned(root):
        free.append(store)
        if (store.state() is None) == empty:
            chosen = store
            break
    chosen = chosen or (free[0] if free and not empty else None)
    for other in free:
        if other is not chosen:
            other.release()
    return chosen


def _unowned(root: Path) -> Iterator[Store]:
    """Folders that are there and free, then a new one."""
    for number in range(1, MOST + 1):
        folder = root / str(number)
        new = not folder.is_dir()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return
        lock = QLockFile(str(folder / "lock"))
        lock.setStaleLockTime(0)  # held as long as the window is open; that of a dead process does not count
        if lock.tryLock(0):
            yield Store(folder, lock)
        if new:
            return
