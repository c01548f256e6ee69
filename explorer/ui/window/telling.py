"""What the window says of what it shows: time, headings, charts, badges, advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.experiment.diagnostics import advice
from explorer.experiment.schema import Experiment
from explorer.session.track import Run
from explorer.ui.painting import words
from explorer.ui.stage.timeline import figures

if TYPE_CHECKING:
    from explorer.ui.window.base import Window


class Telling:
    """Reads the session, and writes into the widgets of the window."""

    def __init__(self, window: Window) -> None:
        self.window, self.session = window, window.session
        self._marked: tuple[int, int] = (-1, 0)
        self._advised: tuple[Experiment | None, tuple[str, ...]] = (None, ())

    def time(self) -> None:
        """Where the playhead is: the bar moves A's frames, and reads what is selected."""
        here = self.session.showing.place("A")
        if here is None:
            return
        run, index = here
        recording, timeline = run.recording, self.window.timeline
        expected = max(run.experiment.sampler.expected_frames // recording.stride, len(recording))
        timeline.set_range(len(recording), recording.complete, expected)
        self._mark_steps(run)
        timeline.set_position(index)
        timeline.set_playing(self.session.playhead.playing)
        selected = self.session.showing.place(self.window.selected)
        frame = selected[0].recording[selected[1]] if selected else recording[index]
        timeline.set_readout(
            t=frame.t, sigma=frame.sigma, step=frame.step, steps=frame.steps, nfe=frame.nfe,
            distance=self._distance(self.window.selected),
        )  # fmt: skip

    def _mark_steps(self, run: Run) -> None:
        """Ticks on the bar where whole steps begin, if a step has sub-steps."""
        key = (run.serial, len(run.recording))
        if key == self._marked:
            return
        self._marked = key
        parts = [frame.part for frame in run.recording.frames] if run.experiment.sampler.corrections else []
        self.window.timeline.set_marks([i for i, part in enumerate(parts) if part == "predict"])

    def slowly(self) -> None:
        """Words and charts, which need not follow every frame."""
        self._headings()
        self._advice()
        self._training()
        said, missing = self.session.networks.control_word(self.window.selected)
        self.window.control.set_word(said, self.session.networks.classifier.running, missing)
        self.window.top.set_now(self._now())
        self.window.device_badge.set(self.session.device)
        self.window.right.refresh(self.window.selected)

    def _headings(self) -> None:
        two = len(self.session.shown) > 1
        for name in self.session.shown:
            e = self.session.experiment(name) or self.session.document.experiment
            stage = self.window.stages[name]
            letter, picture = name if two else "", self.session.showing.pictures.get(name)
            # a recording is shown until something is computed, whatever was opened
            if picture is not None and not self.session.started:
                e = picture.experiment
            cost = f"NFE {picture.frame.nfe}" if picture else ""
            stage.set_heading(letter, words.title(e), words.subtitle(e), cost, self._figures(name))
            stage.probe_again()

    def _figures(self, name: str) -> str:
        """How far a run is, while it is computed; then how far the particles are from the data."""
        picture, distance = self.session.showing.pictures.get(name), self._distance(name)
        track, e = self.session.tracks[name], self.session.experiment(name)
        if picture is not None and track.busy and e is not None and picture.experiment.sampler != e.sampler:
            return f"preview, computing {max(track.full.reach if track.full else 0.0, 0.0):.0%}"
        return "" if distance is None else f"distance {figures(distance)}"

    def _distance(self, name: str) -> float | None:
        return self.session.showing.distance_at(name, self.session.playhead.position)

    def _advice(self) -> None:
        """Why the picture looks as it does, where a setting is numerically bad."""
        picture = self.session.showing.pictures.get(self.window.selected)
        note = (picture.frame.note,) if picture is not None and picture.frame.note else ()
        experiment = self.window.shown_experiment()
        if experiment is not self._advised[0]:  # the rules go through all steps: not ten times a second
            self._advised = experiment, advice(experiment)
        self.window.advice.set_text("   ".join((*note, *self._advised[1])))

    def _training(self) -> None:
        trainer, networks = self.session.networks.trainer, self.session.networks
        self.window.score.set_training(
            trainer.running, trainer.paused, trainer.frame, self.session.started,
            networks.left_part, networks.can_train_on,
        )  # fmt: skip
        self.window.score.set_forecast(*networks.foretold())
        self.window.score.set_word(networks.word())

    def _now(self) -> str:
        """Data, SDE and score in use, in a few words."""
        e = self.session.document.experiment
        return f"{e.data.title} · {self.window.shown_experiment().sde.title} · {self.session.networks.named}"
