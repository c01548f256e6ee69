"""One piece of slow work in a background thread, whose outcome is told in the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer

from explorer.base.jobs import Job

T = TypeVar("T")

POLL_MS = 20


@dataclass(frozen=True)
class _Share:
    """How much of the work is done, 0 to 1."""

    value: float


class Task(QObject):
    """Runs `work()`; then `done(result)` or `failed(error)`, unless it was dropped before.

    Where `work` returns a generator, that is run to its end in the thread: it yields the share done, 0 to 1, told by
    `progress`, and returns the result. Dropping the task then ends the work at its next step.
    """

    def __init__(
        self,
        parent: QObject,
        work: Callable[[], T | Generator[float, None, T]],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
        progress: Callable[[float], None] = lambda share: None,
    ) -> None:
        super().__init__(parent)
        self._done, self._failed, self._progress = done, failed, progress
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
        items = self._job.drain()
        results = [item for item in items if not isinstance(item, _Share)]
        if not results and not self._job.finished:
            if items:
                self._progress(items[-1].value)
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


def _once(work: Callable[[], T | Generator[float, None, T]]) -> Iterator[T | _Share]:
    begun = work()
    if not isinstance(begun, Generator):
        yield begun
        return
    while True:
        try:
            yield _Share(next(begun))
        except StopIteration as end:
            yield end.value
            return
