"""A background thread that does only the newest piece of work asked for under each key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple


class Done(NamedTuple):
    """The outcome of one piece of work: its result, or the exception that it raised."""

    key: Hashable
    result: Any
    error: BaseException | None


class LatestWorker:
    """`submit(key, work)` replaces what waits under `key`; `poll()` gives what is done since the last poll.

    A slider that is dragged asks a thousand times and gets the newest answer, late by one piece of work.
    """

    def __init__(self, name: str = "worker") -> None:
        self._waiting: dict[Hashable, Callable[[], Any]] = {}
        self._done: list[Done] = []
        self._changed = threading.Condition()
        self._closed = self._busy = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, key: Hashable, work: Callable[[], Any]) -> None:
        """Do `work` soon, instead of any work under `key` that has not begun (nothing is done after `close`)."""
        with self._changed:
            if not self._closed:
                self._waiting[key] = (
                    work  # a key that waits keeps its place in the queue, so none starves another
                )
                self._changed.notify()

    def poll(self) -> list[Done]:
        """What has been done, oldest first."""
        with self._changed:
            done, self._done = self._done, []
            return done

    @property
    def idle(self) -> bool:
        """Whether nothing waits, runs or has yet to be polled."""
        with self._changed:
            return not self._waiting and not self._done and not self._busy

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                key = next(iter(self._waiting))
                work = self._waiting.pop(key)
                self._busy = True
            try:
                done = Done(key, work(), None)
            except Exception as error:  # handed to whoever polls
                done = Done(key, None, error)
            with self._changed:
                self._done.append(done)
            del work, done  # what they hold may be large, and the next work may be long in coming

    def close(self, timeout: float | None = 2.0) -> bool:
        """End the thread after its current piece of work; True when it has ended."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()
