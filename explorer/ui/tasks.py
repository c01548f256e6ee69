"""One piece of slow work in a background thread, whose outcome is told in the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer

from explorer.jobs import Job

T = TypeVar("T")

POLL_MS = 20


class Task(QObject):
    """Runs `work()`; then `done(result)` or `failed(error)`, unless it was dropped before."""

    def __init__(
        self,
        parent: QObject,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        super().__init__(parent)
        self._done, self._failed = done, failed
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._look)
        self._job: Job[Any] = Job(lambda: _once(work), name="task")
        self._told = False
        self._clock.start(POLL_MS)

    @property
    def alive(self) -> bool:
        """Whether the outcome is still to come."""
        return not self._told

    def _look(self) -> None:
        results = self._job.drain()
        if not results and not self._job.finished:
            return
        self._end()
        error = self._job.error
        if error is not None:
            self._failed(error)
        elif results:
            self._done(results[0])

    def drop(self) -> None:
        """Tell nothing any more; the thread ends with its work."""
        if not self._told:
            self._end()
            self._job.cancel()

    def _end(self) -> None:
        self._told = True
        self._clock.stop()
        self.deleteLater()

    def finish(self, timeout: float = 1.0) -> bool:
        """Wait for the work and tell its outcome; False when it takes longer than `timeout` seconds."""
        ended = self._job.join(timeout)
        if ended and self.alive:
            self._look()
        return ended


def _once(work: Callable[[], T]) -> Iterator[T]:
    yield work()
