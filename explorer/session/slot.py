"""A place for one background job at a time; jobs that were replaced are waited for at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Generic, TypeVar

from explorer.base.cores import CORES
from explorer.base.jobs import Job

T = TypeVar("T")


class Slot(Generic[T]):
    """Starting a job cancels the one before. A cancelled thread may still be inside one step: `close` waits."""

    def __init__(self, name: str, *, capacity: int = 64, latest: bool = False) -> None:
        self.job: Job[T] | None = None
        self._name, self._capacity, self._latest = name, capacity, latest
        self._retired: list[Job[T]] = []

    def start(
        self, source: Callable[[], Iterable[T]], capacity: int | None = None, greedy: bool = False
    ) -> None:
        """Run `source` instead of what ran before.

        `capacity` is for items of another size than usual; a greedy job takes all cores while it is the only one.
        """
        self.cancel()
        work = partial(CORES.working, source, greedy)
        self.job = Job(work, name=self._name, capacity=capacity or self._capacity, latest=self._latest)

    def cancel(self) -> None:
        """Stop the job, if any, without waiting."""
        if self.job is not None:
            self.job.cancel()
            self._retire()

    def _retire(self) -> None:
        assert self.job is not None
        self._retired = [job for job in self._retired if not job.join(0)] + [self.job]
        self.job = None

    def take(self) -> tuple[list[T], BaseException | None, bool]:
        """(items ready, error, whether the job has just ended)."""
        if self.job is None:
            return [], None, False
        items = self.job.drain()
        if not self.job.finished:
            return items, None, False
        error = self.job.error
        self._retire()
        return items, error, True

    @property
    def running(self) -> int:
        """How many threads of this slot are alive, the cancelled ones that are about to end included."""
        return sum(not job.join(0) for job in [*self._retired, *([self.job] if self.job else [])])

    def close(self, timeout: float = 2.0) -> bool:
        """Stop and wait for all threads; True when they have ended."""
        self.cancel()
        deadline = time.monotonic() + timeout
        return all([job.join(max(0.0, deadline - time.monotonic())) for job in self._retired])
