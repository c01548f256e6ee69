"""Jobs: an iterator run in a background thread behind a bounded channel, which can be cancelled.

The window pulls (`drain`); a worker never calls into the window. A plain thread, not a QThread: it ends
cleanly when the interpreter does.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

#: Niceness of a worker's thread on Linux (0 is the window's, 19 the most modest).
WORKER_NICENESS = 10

#: Threads are told apart by these.
_numbers = itertools.count(1)


def _step_back() -> None:
    """Let the window go before this thread where there are fewer cores than threads (Linux alone has that)."""
    if sys.platform == "linux":
        with suppress(OSError):  # some sandboxes refuse; then it competes as it did
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WORKER_NICENESS)


class Job(Generic[T]):
    """Runs `source()` in a thread and keeps what it yields until `drain` takes it.

    capacity: how many items may wait before the worker pauses (backpressure). With `latest` only the newest
    item is kept and the worker never waits (progress, training).
    """

    def __init__(
        self,
        source: Callable[[], Iterable[T]],
        *,
        name: str = "job",
        capacity: int = 64,
        latest: bool = False,
    ) -> None:
        self.error: BaseException | None = None
        self._items: deque[T] = deque()
        self._capacity = 1 if latest else capacity
        self._latest = latest
        self._changed = threading.Condition()
        self._cancelled = threading.Event()
        self._running_allowed = threading.Event()
        self._running_allowed.set()
        self._finished = False
        # as the thread's argument, which it forgets at its end: what a source holds may be large
        self._thread = threading.Thread(
            target=self._run, args=(source,), name=f"{name}-{next(_numbers)}", daemon=True
        )
        self._thread.start()

    def _run(self, source: Callable[[], Iterable[T]]) -> None:
        _step_back()
        try:
            for item in source():
                self._running_allowed.wait()
                if not self._put(item):
                    break
        except Exception as error:  # handed to whoever drains: nothing is swallowed
            self.error = error
        finally:
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        with self._changed:
            if self._latest:
                self._items.clear()
            while len(self._items) >= self._capacity and not self._cancelled.is_set():
                self._changed.wait()
            if self._cancelled.is_set():
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def drain(self) -> list[T]:
        """Take what is ready, without waiting."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return items

    def pause(self) -> None:
        """Hold the worker after its current item; a cancelled one is let go."""
        with self._changed:
            if not self._cancelled.is_set():
                self._running_allowed.clear()

    def resume(self) -> None:
        """Let a paused worker go on."""
        self._running_allowed.set()

    @property
    def paused(self) -> bool:
        """Whether `pause` is in force."""
        return not self._running_allowed.is_set()

    def cancel(self) -> None:
        """Ask the worker to stop at its next item; what it had yielded and was not taken is dropped."""
        with self._changed:
            self._cancelled.set()
            self._items.clear()
            self._running_allowed.set()
            self._changed.notify_all()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called; long sources look at it between items."""
        return self._cancelled.is_set()

    @property
    def finished(self) -> bool:
        """Whether the worker is through (done, failed or cancelled) and nothing waits to be drained."""
        with self._changed:
            return self._finished and not self._items

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; True when it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()
