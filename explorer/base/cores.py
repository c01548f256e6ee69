"""How the processor is shared between the jobs that compute at once.

torch keeps a number of threads for each thread that calls it. By default that is half of the cores, so that the
window, a run and a training live together. A job that may take more does so for as long as it is the only one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from explorer.base.lazy import torch

T = TypeVar("T")

#: More threads than this do not make networks of this size faster.
MOST = 4


def shared(cores: int) -> int:
    """Threads of a job that need not be alone."""
    return max(1, min(MOST, cores // 2))


class Cores:
    """The jobs that compute at present."""

    def __init__(self, count: int) -> None:
        self.shared, self.alone = shared(count), min(MOST, count)
        self._lock = threading.Lock()
        self._jobs = 0

    def working(self, source: Callable[[], Iterable[T]], greedy: bool) -> Iterator[T]:
        """What `source()` yields, as a job; a greedy one looks before each item whether it is alone.

        How many threads there are does not change what a run gives beyond the last digit.
        """
        with self._lock:
            self._jobs += 1
        try:
            items = iter(source())
            while True:
                if greedy:
                    self._take(self.alone if self._jobs == 1 else self.shared)
                try:
                    item = next(items)
                except StopIteration:
                    return
                yield item
        finally:
            with self._lock:
                self._jobs -= 1

    def _take(self, threads: int) -> None:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def granted(environment: Mapping[str, str], cores: int) -> int:
    """The cores that may be used: all, or as many as OMP_NUM_THREADS says, where somebody has set it."""
    asked = environment.get("OMP_NUM_THREADS", "")
    return min(int(asked), cores) if asked.isdecimal() and int(asked) else cores


CORES = Cores(granted(os.environ, os.cpu_count() or 1))
