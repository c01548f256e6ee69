"""Which file the document belongs to, also after undo and redo; recent files; names to suggest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from explorer.networks.files import Model
from explorer.session.document import Document
from explorer.session.history import History

RECENT_MOST = 8


@dataclass(frozen=True)
class File:
    """The file that the document belongs to, and what was last written to or read from it."""

    path: Path | None
    saved: Document
    read_only: bool = False

    @property
    def name(self) -> str:
        """Its name, or what an unnamed one is called."""
        return self.path.name if self.path else "Untitled"


class Followed:
    """The file of the current document, where `undo` may go back to before it was opened.

    Without this, undoing an Open and pressing Save would write the old document over the new file.
    """

    def __init__(self, history: History, file: File) -> None:
        self._history = history
        self._openings: list[tuple[Document | None, File]] = [(None, file)]
        self._applied = 1

    def opened(self, file: File) -> None:
        """From the current document on, it belongs to `file`."""
        self.now()
        self._openings = [*self._openings[: self._applied], (self._history.now, file)]
        self._applied = len(self._openings)

    def replace(self, file: File) -> None:
        """What belonged to the current file belongs to `file` (it was saved)."""
        self.now()
        self._openings[self._applied - 1] = (self._openings[self._applied - 1][0], file)

    def now(self) -> File:
        """The file of the newest opening that has not been undone."""
        places = [1 if at is None else self._history.place(at) for at, _ in self._openings]
        # one that is too far back to be undone is in no list any more, and counts as it did
        applies = [p > 0 or (p == 0 and i < self._applied) for i, p in enumerate(places)]
        self._applied = 1 + max(i for i, yes in enumerate(applies) if yes)
        return self._openings[self._applied - 1][1]


class Recent:
    """The files that were opened or saved last, newest first, and the folder to begin in."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def paths(self) -> list[Path]:
        """Those of them that are still there."""
        value: Any = self._settings.value("files/recent", [])
        names = [value] if isinstance(value, str) else list(value or [])
        return [path for path in map(Path, names) if path.is_file()]

    def add(self, path: Path) -> None:
        """Put `path` first."""
        path = path.absolute()
        names = [str(path), *(str(p) for p in self.paths() if p != path)]
        self._settings.setValue("files/recent", names[:RECENT_MOST])
        self._settings.setValue("files/folder", str(path.parent))

    def clear(self) -> None:
        """Forget them."""
        self._settings.remove("files/recent")

    def folder(self) -> Path:
        """Where dialogs begin."""
        kept = str(self._settings.value("files/folder", "") or "")
        return Path(kept) if kept and Path(kept).is_dir() else Path.home()


def with_ending(name: str, ending: str) -> str:
    """`name` as a file name with this ending."""
    stem = name[: -len(ending)] if name.lower().endswith(ending) else name
    return (re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "experiment") + ending


def model_name(model: Model) -> str:
    """What to call the file of a network."""
    return with_ending(str(model.data.get("type", "model")), ".safetensors")
