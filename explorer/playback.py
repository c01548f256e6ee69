"""Which frame of a recording a moment of play means: one rule for the stage, exported files and the shell."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.experiment import Experiment
from explorer.frames import Frame, Recording
from explorer.look import Look

#: Which way the clock of each mode runs: Langevin stands still.
_CLOCKS = {"reverse": -1, "ode": -1, "pc": -1, "annealed": -1, "forward": 1, "langevin": 0}


def same_clock(a: Experiment, b: Experiment) -> bool:
    """Whether t runs the same way in both, so that they can be shown at equal t."""
    return _CLOCKS[a.sampler.mode] == _CLOCKS[b.sampler.mode] != 0


def index_at(recording: Recording, expected: int, position: float) -> int:
    """The frame at `position`, a share of the whole run of `expected` frames, as far as it has come."""
    last = len(recording) - 1
    if recording.complete:
        return round(position * last)
    whole = (expected - 1) / recording.stride
    return min(round(position * max(whole, last)), last)


def linked_index(recording: Recording, shown: Frame) -> int:
    """The frame of another run that stands beside `shown`: that of nearest t."""
    return recording.nearest_time(shown.t)


def frames_until(recording: Recording, index: int, experiment: Experiment, look: Look) -> Sequence[Frame]:
    """The frames that a picture of the one at `index` is made from: trails and moves need those before it."""
    back = max(look.trail_length + 1, experiment.sampler.corrections + 2)
    whole = experiment.data.dim == 1 or look.space
    return recording.frames[0 if whole else max(0, index + 1 - back) : index + 1]
