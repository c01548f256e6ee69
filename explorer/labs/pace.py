"""When to speak up during long work: laboratories yield between moves, but not at every one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


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
