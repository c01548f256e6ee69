"""The notice of a file that takes a while to be read: how far it is, and Cancel."""

from __future__ import annotations

import time

from explorer.ui.files.own_images import READING
from explorer.ui.widgets.host import Host
from explorer.ui.widgets.tasks import Task

#: Seconds after which a reading is worth a notice.
PATIENCE = 0.4


class Reading:
    """The file of points that is being read, at most one. `task` is its work."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._name, self._begun = "", 0.0
        self.task: Task | None = None

    def begin(self, name: str) -> None:
        """A file begins to be read."""
        self._name, self._begun = name, time.monotonic()

    def progress(self, share: float) -> None:
        """So much (0 to 1) is read."""
        if time.monotonic() - self._begun < PATIENCE:
            return
        notices = self._host.notices
        if not notices.about(READING):
            notices.show_notice(f"Reading {self._name} …", "offer", ("Cancel", self.cancel), READING)
        for notice in notices.about(READING):
            notice.set_progress(share)

    def end(self) -> None:
        """It has been read, or will not be."""
        self.task = None
        self._host.notices.settle(READING)

    def drop(self) -> None:
        """Read it no further, without a word: another comes in its place."""
        if self.task is not None and self.task.alive:
            self.task.drop()
        self.end()

    def cancel(self) -> None:
        """Read it no further, since somebody has said so."""
        self.drop()
        self._host.notices.show_notice(f"{self._name} was not read to its end; the data stays as it was.")
