"""Frames: what a running simulation says after each step, and the recording that keeps them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]

#: What a recording may hold before it thins itself (bytes). Two stages, each with its last run
#: beside the new one, stay below 500 MB.
BYTE_BUDGET = 120_000_000


@dataclass(frozen=True, eq=False)
class Frame:
    """The particles after one step or sub-step.

    x is (n, d), float32, on the CPU, never mutated. `t` is the time of x, `sigma` and `alpha` its marginal's
    scale, `step` counts whole steps (0 is the start), `part` is what was just done ("start", "predict",
    "correct", "diffuse", "langevin"), `sub` counts the corrector sub-steps, `nfe` the evaluations
    of the score per particle so far. `epsilon` is the step size of a Langevin-type move. `note` is
    a sentence for the status line where the numbers went bad (""; else what and why). `accepted` is the share
    of the particles whose move the Metropolis test let pass (None where there is no test).
    """

    x: Array
    t: float
    alpha: float
    sigma: float
    step: int
    steps: int
    nfe: int
    part: str = "start"
    sub: int = 0
    epsilon: float = 0.0
    note: str = ""
    accepted: float | None = None


@dataclass
class Recording:
    """The frames of one simulation, oldest first, within a byte budget.

    When the budget is reached every second frame is dropped and from then on only every second one is
    kept (then every fourth, ...): the whole run stays scrubbable in bounded memory. The last frame seen is
    always kept.
    """

    budget: int = BYTE_BUDGET
    frames: list[Frame] = field(default_factory=list)
    stride: int = 1
    complete: bool = False
    _seen: int = 0
    _bytes: int = 0

    def append(self, frame: Frame) -> None:
        """Add the next frame, thinning where the budget says so."""
        if self._tail_is_extra:
            self._bytes -= self.frames.pop().x.nbytes
        self.frames.append(frame)
        self._seen += 1
        self._bytes += frame.x.nbytes
        while self._bytes > self.budget and len(self.frames) > 2:
            self._thin()

    @property
    def _tail_is_extra(self) -> bool:
        """Whether the last frame is only there because it is the last."""
        return (self._seen - 1) % self.stride != 0

    def _thin(self) -> None:
        last = self.frames[-1]
        self.frames = self.frames[: -1 if self._tail_is_extra else None : 2]
        self.stride *= 2
        if self._tail_is_extra:
            self.frames.append(last)
        self._bytes = sum(f.x.nbytes for f in self.frames)

    @property
    def seen(self) -> int:
        """How many frames came in, kept or not."""
        return self._seen

    @property
    def nbytes(self) -> int:
        """Bytes held by the particles of all frames."""
        return self._bytes

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        return self.frames[index]

    def nearest_time(self, t: float) -> int:
        """Index of the frame whose t is nearest (times run one way in every recording that has a clock)."""
        frames = self.frames
        sign = -1 if frames[0].t > frames[-1].t else 1
        i = bisect.bisect_left(frames, sign * t, key=lambda f: sign * f.t)
        around = [j for j in (i - 1, i) if 0 <= j < len(frames)]
        return min(around, key=lambda j: abs(frames[j].t - t))

    def moment(self, index: int) -> range:
        """The frames around `index` that are of the same t: a step and the moves of its corrector, or a level."""
        t, start, end = self.frames[index].t, index, index + 1
        while start > 0 and self.frames[start - 1].t == t:
            start -= 1
        while end < len(self.frames) and self.frames[end].t == t:
            end += 1
        return range(start, end)
