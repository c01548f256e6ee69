"""When to speak up during long work, and how long it takes: laboratories yield between moves, but not at every one."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from explorer.experiment.schema import Experiment

#: Seconds that a network and the exact score need on one core (2.5 GHz, 2023): for a call, and for a point of it; the
#: exact score for a point and a component of the data.
NETWORK_CALL, NETWORK_POINT = 2e-4, 1.3e-6
EXACT_CALL, EXACT_POINT = 6e-5, 2.5e-8


@dataclass
class Pace:
    """`due()` is true once in every `seconds` at most."""

    seconds: float = 0.4
    _last: float = field(default_factory=time.monotonic, init=False)

    def due(self) -> bool:
        """Whether it is time again; if so the clock starts anew."""
        now = time.monotonic()
        if now - self._last < self.seconds:
            return False
        self._last = now
        return True


def evaluating(e: Experiment, calls: float, points: int) -> float:
    """About how many seconds so many calls of the score for so many points take."""
    if e.score.source == "exact":
        return calls * (EXACT_CALL + EXACT_POINT * points * len(e.data.mixture.weights))
    return calls * (NETWORK_CALL + NETWORK_POINT * points)


def duration(seconds: float) -> str:
    """Seconds in words, as roughly as they are known."""
    if seconds < 7.5:
        return "a few seconds"
    if seconds < 45:
        return f"{5 * round(seconds / 5)} seconds"
    if seconds < 90:
        return "1 minute"
    if seconds < 3600:
        return f"{math.ceil(seconds / 60 - 0.5)} minutes"
    return "1 hour" if seconds < 5400 else f"{round(seconds / 3600)} hours"
