"""The distance of the particles to the data along a run, measured a few frames at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import numpy as np

from explorer.distributions import Distribution
from explorer.experiment import Experiment
from explorer.frames import Recording
from explorer.images import ImageSet
from explorer.images.base import from_pixels
from explorer.metrics import DistanceCurve

#: (share of the run, t, distance); and some of them by frame, with the recording they are of and the distance of
#: data to other data.
Row: TypeAlias = tuple[float, float, float]
Measured: TypeAlias = tuple[Recording, dict[int, Row], float]
Ruler: TypeAlias = tuple[Callable[[np.ndarray], float], float]

#: Points of the curve, and how many are measured in one piece of work.
POINTS, AT_ONCE = 40, 4
#: Particles that are measured.
PARTICLES = 1000
PROJECTIONS = 24
#: Pictures of a run, and held-out ones, whose nearest training picture is sought.
SAMPLES, HELD_OUT = 16, 200


class Distances:
    """The curve of one track: (share of the run, t, distance) for evenly spaced frames."""

    def __init__(self) -> None:
        self.floor: float | None = None
        self._ruler: Callable[[], Ruler] | None = None
        self._rows: dict[int, Row] = {}
        self._recording: Recording | None = None
        self._pending = False

    def restart(self, data: Distribution | Experiment, *, keep: bool = False) -> None:
        """Begin again for a new run, of `data` or of what an experiment's samples should be like.

        With `keep` the old curve stays until the new one has points.
        """
        self._rows = self._rows if keep else {}
        self._ruler = cache(lambda: _ruler(data))  # made in the worker, once for a run
        self._pending = False
        self._recording = None

    @property
    def stale(self) -> bool:
        """Whether the curve is that of an older run."""
        return self._recording is None

    def work(self, recording: Recording) -> Callable[[], Measured] | None:
        """A piece of work that measures the next few frames of a complete recording, or None."""
        if self._pending or not recording.complete or self._ruler is None:
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
        ruler, last = self._ruler, max(len(recording) - 1, 1)

        def measure() -> Measured:
            distance, floor = ruler()
            rows = {i: (i / last, recording[i].t, distance(recording[i].x[:PARTICLES])) for i in missing}
            return recording, rows, floor

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


def _ruler(data: Distribution | Experiment) -> Ruler:
    """The distance to a draw of the data, and that of another draw from it."""
    pictures = data.pictures if isinstance(data, Experiment) else None
    if pictures is not None:
        return _picture_ruler(pictures)
    distance = DistanceCurve(data.sample(PARTICLES, seed=2), PROJECTIONS)
    return distance, distance(data.sample(PARTICLES, seed=3))


def _picture_ruler(data: ImageSet) -> Ruler:
    """How far pictures are from the nearest training picture, root mean square over pixels, on average; and how far
    held-out ones are: below that a sampler only copies. (A cloud of 16 points in 784 dimensions has no useful
    distance to a cloud of data.)"""

    def distance(x: np.ndarray) -> float:
        return float(data.neighbours(x[:SAMPLES])[1].mean())

    return distance, float(data.neighbours(from_pixels(data.held_out.images[:HELD_OUT]))[1].mean())
