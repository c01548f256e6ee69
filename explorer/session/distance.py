"""The distance of the particles to the data along a run, measured a few frames at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from explorer.distributions import Distribution
from explorer.frames import Recording
from explorer.metrics import sliced_wasserstein

#: (share of the run, t, distance); and some of them by frame, with the recording they are of and the distance of
#: data to other data.
Row: TypeAlias = tuple[float, float, float]
Measured: TypeAlias = tuple[Recording, dict[int, Row], float]

#: Points of the curve, and how many are measured in one piece of work.
POINTS, AT_ONCE = 40, 4
#: Particles that are measured.
PARTICLES = 1000
PROJECTIONS = 24


class Distances:
    """The curve of one track: (share of the run, t, distance) for evenly spaced frames."""

    def __init__(self) -> None:
        self.floor: float | None = None
        self._reference: Callable[[], tuple[np.ndarray, np.ndarray]] | None = None
        self._rows: dict[int, Row] = {}
        self._recording: Recording | None = None
        self._pending = False

    def restart(self, data: Distribution, *, keep: bool = False) -> None:
        """Begin again for a new run; with `keep` the old curve stays until the new one has points."""
        self._rows = self._rows if keep else {}
        self._reference = lambda: (data.sample(PARTICLES, seed=2), data.sample(PARTICLES, seed=3))
        self._pending = False
        self._recording = None

    @property
    def stale(self) -> bool:
        """Whether the curve is that of an older run."""
        return self._recording is None

    def work(self, recording: Recording) -> Callable[[], Measured] | None:
        """A piece of work that measures the next few frames of a complete recording, or None."""
        if self._pending or not recording.complete or self._reference is None:
            return None
        if recording is not self._recording:
            self._recording, self._rows = recording, {}
        if len(self._rows) >= min(POINTS, len(recording)):
            return None
        wanted = np.unique(np.linspace(0, len(recording) - 1, POINTS).round().astype(int)).tolist()
        missing = [i for i in wanted if i not in self._rows][:AT_ONCE]
        if not missing:
            return None
        self._pending = True
        reference, last = self._reference, max(len(recording) - 1, 1)

        def measure() -> Measured:
            target, other = reference()
            rows = {
                i: (i / last, recording[i].t, _distance(recording[i].x[:PARTICLES], target)) for i in missing
            }
            return recording, rows, _distance(other, target)

        return measure

    def add(self, result: Measured) -> None:
        """Take in what a piece of work has measured, unless the run has changed since."""
        recording, rows, floor = result
        self._pending = False
        if recording is self._recording:
            self._rows |= rows
            self.floor = floor

    def array(self) -> np.ndarray:
        """(m, 3), sorted by the share of the run."""
        return np.array(sorted(self._rows.values()), dtype=np.float64).reshape(-1, 3)


def _distance(x: np.ndarray, y: np.ndarray) -> float:
    return sliced_wasserstein(x, y, PROJECTIONS)
