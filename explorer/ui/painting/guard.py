"""Painting that fails: Qt asks again at every frame, and an exception that gets out to it can end the process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

W = TypeVar("W")
E = TypeVar("E")


def guarded(paint: Callable[[W, E], None]) -> Callable[[W, E], None]:
    """A `paintEvent` whose exceptions go to sys.excepthook, which tells them, and not to Qt."""

    @wraps(paint)
    def painted(widget: W, event: E) -> None:
        try:
            paint(widget, event)
        except Exception:
            # in no variable: a traceback that this frame holds would keep the painter open
            sys.excepthook(*sys.exc_info())

    return painted


class Repeats:
    """Tells what is said for the first time from what goes on: the same error from the same line.

    What has not come for `calm` seconds counts as new, so that a button that fails says so each time.
    """

    def __init__(self, calm: float = 3.0) -> None:
        self._calm = calm
        self._seen: dict[tuple[Any, ...], float] = {}

    def again(self, error: BaseException, now: float) -> bool:
        """Whether this error came just before `now` (seconds of any clock)."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = (trace.tb_frame.f_code, trace.tb_lineno) if trace is not None else ()
        key = (type(error), *where)
        before = self._seen.get(key)
        self._seen[key] = now
        return before is not None and now - before < self._calm
