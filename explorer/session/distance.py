"""The distance of the particles to the data along a run, measured a few frames at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import numpy as np

from explorer.analysis.distance import Distance, Scale, to_data
from explorer.diffusion.frames import Recording
from explorer.experiment.schema import Experiment

#: (share of the run, t, distance); and some of them by frame, with the recording they are of and what they mean.
Row: TypeAlias = tuple[float, float, float]
Measured: TypeAlias = tuple[Recording, dict[int, Row], Scale]

#: Points of the curve, how many are measured in one piece of work, and of how many particles (one point at least).
POINTS, AT_ONCE, AT_MOST = 40, 4, 10_000


class Distances:
    """The curve of one track: (share of the run, t, distance) for evenly spaced frames."""

    def __init__(self) -> None:
        self.scale: Scale | None = None
        self._distance: Callable[[], Distance] | None = None
        self._rows: dict[int, Row] = {}
        self._recording: Recording | None = None
        self._pending = False

    @property
    def floor(self) -> float | None:
        """What data itself comes to, on average."""
        return None if self.scale is None else self.scale.floor.mean

    def restart(self, experiment: Experiment, *, keep: bool = False) -> None:
        """Begin again for a new run, against what an experiment's samples should be like.

        With `keep` the old curve stays until the new one has points.
        """
        self._rows = self._rows if keep else {}
        self._distance = cache(lambda: to_data(experiment))  # made in the worker, once for a run
        self._pending = False
        self._recording = None

    @property
    def stale(self) -> bool:
        """Whether the curve is that of an older run."""
        return self._recording is None

    def work(self, recording: Recording) -> Callable[[], Measured] | None:
        """A piece of work that measures the next few frames of a complete recording, or None."""
        if self._pending or not recording.complete or self._distance is None:
            return None
        if recording is not self._recording:
            self._recording, self._rows = recording, {}
        if len(self._rows) >= min(POINTS, len(recording)):
            return None
        wanted = np.unique(np.linspace(0, len(recording) - 1, POINTS).round().astype(int)).tolist()
        n = len(recording[0].x)
        missing = [i for i in wanted if i not in self._rows][: max(1, min(AT_ONCE, AT_MOST // n))]
        if not missing:
            return None
        self._pending = True
        of, last = self._distance, max(len(recording) - 1, 1)
        known = self.scale if self._rows else None

        def measure() -> Measured:
            distance = of()
            rows = {i: (i / last, recording[i].t, distance(recording[i].x)) for i in missing}
            return recording, rows, known or Scale.of(distance, n)

        return measure

    def add(self, result: Measured) -> None:
        """Take in what a piece of work has measured, unless the run has changed since."""
        recording, rows, scale = result
        self._pending = False
        if recording is self._recording:
            self._rows |= rows
            self.scale = scale

    def array(self) -> np.ndarray:
        """(m, 3), sorted by the share of the run."""
        return np.array(sorted(self._rows.values()), dtype=np.float64).reshape(-1, 3)
