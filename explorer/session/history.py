"""Undo and redo: a list of documents."""

from __future__ import annotations

import time
from collections.abc import Callable

from explorer.session.document import Document

#: How many steps back are kept.
DEPTH = 200
#: Edits of one control within this many seconds of each other are one step.
MERGE_SECONDS = 1.0


class History:
    """The current document and those before and after it."""

    def __init__(self, document: Document, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = document
        self._past: list[Document] = []
        self._future: list[Document] = []
        self._clock = clock
        self._last_edit: tuple[str, float] = ("", float("-inf"))

    def push(self, document: Document, control: str = "") -> None:
        """Make `document` the current one. Edits in a row of the same named `control` merge into one step."""
        if document == self.now:
            return
        at = self._clock()
        merges = bool(control) and control == self._last_edit[0] and at - self._last_edit[1] < MERGE_SECONDS
        if not (merges and self._past):
            self._past = [*self._past, self.now][-DEPTH:]
        self._last_edit = (control, at)
        if (
            merges and self._past and self._past[-1] == document
        ):  # dragged back to where it was: no step at all
            self._past.pop()
            self._last_edit = ("", float("-inf"))
        self._future.clear()
        self.now = document

    def undo(self) -> bool:
        """Go one step back, if there is one."""
        return self._go(self._past, self._future)

    def redo(self) -> bool:
        """Go one step forward again, if there is one."""
        return self._go(self._future, self._past)

    def _go(self, source: list[Document], target: list[Document]) -> bool:
        if not source:
            return False
        target.append(self.now)
        self.now = source.pop()
        self._last_edit = ("", float("-inf"))
        return True

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would do something."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would do something."""
        return bool(self._future)

    def place(self, document: Document) -> int:
        """1 for a document (that very one) that is now or past, -1 for one that was undone, and 0 where it may
        be one that is further back than is kept."""
        if any(d is document for d in (self.now, *self._past)):
            return 1
        undone = any(d is document for d in self._future) or len(self._past) < DEPTH
        return -1 if undone else 0
