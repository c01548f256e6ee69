"""Which frame of a recording a moment of play means: one rule for the stage, exported files and the shell."""

from __future__ import annotations

from explorer.diffusion.frames import Recording
from explorer.experiment.schema import Experiment

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


def linked_index(other: Recording, first: Recording, index: int) -> int:
    """The frame of `other` that stands beside frame `index` of `first`: that of nearest t.

    Of several at that t it is the same sub-step, where Langevin moves tell them apart the same share of them; the
    last one where `first` is through with its own. Starts stand beside starts, ends beside ends.
    """
    if index == 0:
        return 0
    if first.complete and index == len(first) - 1:
        return len(other) - 1
    mine, theirs = first.moment(index), other.moment(other.nearest_time(first[index].t))
    done = index - mine.start + 1
    walked = mine.start > 0 and other.nearest_time(first[mine.start - 1].t) in theirs
    if walked or done == len(mine):  # a step of `other` may last for several of `first`
        return theirs[-1]
    if other[theirs[-1]].part == "langevin":
        done = max(round(done / len(mine) * len(theirs)), 1)
    return theirs[min(done, len(theirs)) - 1]
