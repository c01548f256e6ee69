"""What the stages show: pictures, probes and distances, made in one thread, the newest request of each kind only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from explorer.base.workers import LatestWorker
from explorer.figures.marks import Bounds
from explorer.figures.views import Scene
from explorer.figures.views.image_parts import picture_at
from explorer.session.distance import Distances
from explorer.session.notices import words_of
from explorer.session.playback import linked_index, same_clock
from explorer.session.snapshot import Picture, make_picture, probe_text
from explorer.session.state import State
from explorer.session.track import Run

#: The part of the plane that a stage shows first.
BOUNDS: Bounds = (-3.0, 3.0, -3.0, 3.0)
#: A distance is told of a moment so far from the one that it was measured at, as a share of the run.
NEAR = 0.04


class Showing:
    """By stage: the newest picture, what the pointer is on, the bounds and the distance curve."""

    def __init__(self, session: State) -> None:
        self._session = session
        self.pictures: dict[str, Picture] = {}
        self.probes: dict[str, str] = {}
        self.bounds = {"A": BOUNDS, "B": BOUNDS}
        self.distances = {"A": Distances(), "B": Distances()}
        self._worker = LatestWorker("pictures")
        self._asked: dict[str, Any] = {}
        self._redraws = 0

    @property
    def idle(self) -> bool:
        """Whether nothing that was asked for has yet to come."""
        return self._worker.idle

    def set_bounds(self, name: str, bounds: Bounds) -> None:
        """The part of the plane a stage shows."""
        self.bounds[name] = bounds

    def redraw(self) -> None:
        """Ask for new pictures of what is shown."""
        self._redraws += 1

    def forget(self, name: str) -> None:
        """Show nothing of a stage."""
        self.pictures.pop(name, None)
        self._asked.pop(name, None)

    def close(self, timeout: float = 2.0) -> bool:
        """Stop and wait for the thread; True when it has ended."""
        return self._worker.close(timeout)

    # --- where things are ----------------------------------------------------------------------------------

    def place(self, name: str) -> tuple[Run, int] | None:
        """The run of a stage and the index in it that the playhead means.

        B is linked to A by t where both clocks run the same way, else by the share of the run.
        """
        position = self._session.playhead.position
        run = self._session.tracks[name].run(position)
        if run is None:
            return None
        other = self.place("A") if name == "B" else None
        if other is None or not same_clock(other[0].experiment, run.experiment):
            return run, run.index(position)
        return run, linked_index(run.recording, other[0].recording, other[1])

    def particle_at(self, name: str, xy: tuple[float, float]) -> int | None:
        """The particle of a stage that is nearest to a point of its view, or None before there is a run.

        Where the data are pictures: the picture that is there, or None.
        """
        here = self.place(name)
        if here is None:
            return None
        scene, frame = self._moment(name, *here), here[0].recording[here[1]]
        if scene.pictures is not None:
            return picture_at(scene, xy)
        left, right, bottom, top = self.bounds[name]
        return _nearest(scene.to_view(frame.x, frame.t) / [right - left, top - bottom],
                        (xy[0] / (right - left), xy[1] / (top - bottom)))  # fmt: skip

    def particle_near(self, name: str, x: tuple[float, float]) -> int | None:
        """The particle that is nearest to a point of the data's plane; None before there is a run in the plane."""
        here = self.place(name)
        if here is None or here[0].experiment.data.dim != 2:
            return None
        return _nearest(here[0].recording[here[1]].x, x)

    def _moment(self, name: str, run: Run, index: int) -> Scene:
        """One frame of a run as a stage shows it."""
        look, frame = self._session.document.look, run.recording[index]
        return Scene(run.experiment, look, [frame], run.resolved.score, self.bounds[name])

    # --- pictures ------------------------------------------------------------------------------------------

    def tick(self) -> set[str]:
        """Ask for what is newer than what is shown; returns the stages that have a new picture."""
        for name in self._session.shown:
            self._ask_for_picture(name)
        self._measure()
        return self._take()

    def _ask_for_picture(self, name: str) -> None:
        here, started = self.place(name), self._session.started
        if here is None or self._session.stages_hidden:
            return
        run, index = here
        e, look, recording = run.experiment, self._session.document.look, run.recording
        wanted: tuple[Any, ...] = (
            run.serial,
            started,
            recording.stride,
            index,
            self._redraws,
            self.bounds[name],
        )
        if e.pictures and look.picture:  # the film strip grows with the run
            wanted = (*wanted, len(recording))
        if self._asked.get(name) == wanted:
            return
        self._asked[name] = wanted
        look = look if started else replace(look, field="none")
        frames = recording.frames[: index + 1]
        scene = Scene(e, look, frames, run.resolved.score, self.bounds[name], *run.whole)
        count = len(recording)
        self._worker.submit(name, lambda: make_picture(scene, index, count, terms=started))

    def _take(self) -> set[str]:
        fresh = set()
        for key, result, error in self._worker.poll():
            if error is not None:
                self._session.notices.say_once(words_of(error))
            elif isinstance(key, tuple) and key[0] == "probe":
                self.probes[key[1]] = result
            elif isinstance(key, tuple):
                self.distances[key[1]].add(result)
            elif key in self._session.shown:
                self.pictures[key] = result
                fresh.add(key)
        return fresh

    def probe(self, name: str, xy: tuple[float, float]) -> None:
        """Ask what x, log p_t and the score are at a point of the view; the words come into `probes`."""
        here = self.place(name)
        if here is not None and self._session.started:
            scene = self._moment(name, *here)
            self._worker.submit(("probe", name), lambda: probe_text(scene, xy))

    # --- distances -----------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Ask for a few more points of the distance curves of runs that are complete."""
        for name in self._session.shown:
            full = self._session.tracks[name].full
            work = self.distances[name].work(full.recording) if full else None
            if work is not None:
                self._worker.submit(("distance", name), work)

    def distance_curve(self, name: str) -> np.ndarray:
        """(m, 3): share of the run, t, distance to the data, for the frames measured so far."""
        return self.distances[name].array()

    def distance_at(self, name: str, position: float) -> float | None:
        """The measured distance at a playhead position, or None where nothing near it has been measured yet.

        That of B is of the frame that stands beside A's, which may be at another share of its run.
        """
        rows, here = self.distances[name].array(), self.place(name)
        if self.distances[name].stale or not len(rows) or here is None:
            return None
        run, index = here
        position = run.position(index) if name == "B" else position
        away = np.abs(rows[:, 0] - position)
        near = max(NEAR, 1 / max(len(run.recording) - 1, 1))  # a run of few frames has nothing nearer
        return float(rows[away.argmin(), 2]) if away.min() <= near else None


def _nearest(points: np.ndarray, at: tuple[float, float]) -> int:
    """Which of the points (n, 2) is nearest; those that are not finite are far."""
    away = np.nan_to_num(points - np.array(at), nan=np.inf)
    return int(np.hypot(away[:, 0], away[:, 1]).argmin())
