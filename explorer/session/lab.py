"""The laboratory that is open, run in the background: at most one at a time, the newest report kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.labs import Context, Lab, Report
from explorer.session.slot import Slot

#: A change lets the run that it replaces come to its first report, for so many seconds at most: under a drag
#: each run would otherwise be stopped before it has shown anything.
FIRST_REPORT_SECONDS = 1.0
#: The least seconds between two runs that only newer weights of a network ask for.
REFRESH_SECONDS = 1.5
#: What is left of a run is told after so many seconds, once so much of it is done.
TOLD_AFTER, SURE = 3.0, 0.03


@dataclass(frozen=True)
class Asked:
    """What a run is of. Two that are equal need no other run."""

    lab: Lab
    experiment: Experiment
    #: Which network is in use, and how often it has changed: 0 for those that never do.
    weights: int = 0
    #: Where the playhead is, for a laboratory that follows it: the run's number and the frame's.
    place: tuple[int, int] = (-1, -1)
    #: The score that it was given; None before it has begun.
    resolved: Resolved | None = field(default=None, compare=False)


class LabRunner:
    """`open` a laboratory, again with other fields, `tick` it with what it should look at; `report` is the newest.

    A heavy laboratory waits for `run`; the others start by themselves with every change.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lab: Lab | None = None
        self.report: Report | None = None
        #: Why there is nothing to show, in a sentence; "" where there is.
        self.refusal = ""
        #: What the newest run failed with, to be told once; and in words, which stay until another starts.
        self.error: BaseException | None = None
        self.failure = ""
        #: How many reports have come: tells whether there is a newer one.
        self.serial = 0
        #: What the report is of.
        self.shown: Asked | None = None
        self._clock = clock
        self._slot: Slot[Report] = Slot("lab", latest=True)
        self._running: Asked | None = None  # what the newest run is of, finished or not
        self._wanted: Asked | None = None
        self._began = float("-inf")
        self._reported = False  # whether the newest run has shown something
        self._pressed = False

    # --- what a person does ----------------------------------------------------------------------------

    def open(self, lab: Lab) -> None:
        """Show this laboratory instead of the one that was open, or that one with other fields."""
        if self.lab is None or type(lab) is not type(self.lab):
            self._forget()
        self.lab = lab

    def show(self, lab: Lab | None) -> None:
        """Open this one, or close what is open."""
        if lab is None:
            self.close()
        else:
            self.open(lab)

    def close(self) -> None:
        """Stop it and show nothing."""
        self._forget()
        self.lab = None

    def run(self) -> None:
        """Run it now, as it is."""
        self._pressed = True

    def stop(self) -> None:
        """Stop the run; what it has shown stays, and only a change or `run` starts another."""
        self._slot.cancel()
        self._running = self._wanted
        self._pressed = False

    def _forget(self) -> None:
        self._slot.cancel()
        self.report = self.shown = self._running = self._wanted = None
        self.refusal = self.failure = ""
        self._pressed = self._reported = False
        self.serial += 1

    # --- what it is doing --------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._slot.job is not None

    @property
    def progress(self) -> float:
        """How far the run is, 0 to 1."""
        return self.report.progress if self.report is not None and self._reported else 0.0

    @property
    def left(self) -> float:
        """About how many seconds the run still takes, from how far it has come; nan while that says too little."""
        age = self._clock() - self._began
        if not self.running or age < TOLD_AFTER or not SURE < self.progress < 1:
            return math.nan
        return age * (1 / self.progress - 1)

    @property
    def waits_for_run(self) -> bool:
        """Whether Run would show something else than what is shown."""
        return (
            self.lab is not None and not self.refusal and not self.running and self._running != self._wanted
        )

    @property
    def due(self) -> bool:
        """Whether a tick should come soon."""
        return self._pressed or (
            self.lab is not None and not self.lab.heavy and self._running != self._wanted
        )

    @property
    def threads(self) -> int:
        """How many threads are alive."""
        return self._slot.running

    # --- the clock ---------------------------------------------------------------------------------------

    def tick(self, asked: Asked, context: Callable[[], Context], playing: bool = False) -> None:
        """Take the newest report; start a run if something else is `asked`. `context` is made for a start only.

        While time is `playing`, a run that only looked at an earlier place is not stopped: it would never end.
        """
        self._take()
        if asked != self._wanted:
            self._wanted = asked
            self.refusal = asked.lab.refusal(asked.experiment)
        if self.refusal:
            self._slot.cancel()
            self.report = self.shown = self._running = None
            return
        wanted = self._pressed or (asked != self._running and not asked.lab.heavy)
        if wanted and self._may_start(asked, playing):
            self._start(asked, context())

    def _may_start(self, asked: Asked, playing: bool) -> bool:
        """Whether the time has come; the run before is stopped once it need not be waited for."""
        age, before = self._clock() - self._began, self._running
        if before is not None and not self._pressed and self.running:
            place = asked.place if playing else before.place
            if replace(before, weights=asked.weights, place=place) == asked:  # newer weights wait for the end
                return False
            if not self._reported and age < FIRST_REPORT_SECONDS:
                return False
        if before is not None and not self._pressed and replace(before, weights=asked.weights) == asked:
            return age >= REFRESH_SECONDS
        self._slot.cancel()
        return self._slot.running == 0  # one at a time: the old one ends with the report that it is at

    def _start(self, asked: Asked, context: Context) -> None:
        self.error, self.failure = None, ""
        self._running, self._began = replace(asked, resolved=context.resolved), self._clock()
        self._reported = self._pressed = False
        greedy = context.experiment.pictures is not None
        self._slot.start(lambda: _reports(asked.lab, context), greedy=greedy)

    def _take(self) -> None:
        reports, error, _ = self._slot.take()
        if error is not None:
            self.error = error
        for report in reports:
            self.report, self.shown, self._reported = report, self._running, True
            self.serial += 1

    def shut_down(self, timeout: float = 2.0) -> bool:
        """Stop and wait for the threads; True when they have ended."""
        return self._slot.close(timeout)


def _reports(lab: Lab, context: Context) -> Iterator[Report]:
    reports: Any = lab.reports(lab.looks_at(context))
    try:
        yield from reports
    finally:
        reports.close()
