"""The session itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from explorer.data.distributions import Distribution
from explorer.diffusion.frames import Recording
from explorer.diffusion.scores import ExactScore
from explorer.experiment.defaults import MOST_PICTURES
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.labs import Context
from explorer.session.document import Document
from explorer.session.history import History
from explorer.session.lab import Asked, LabRunner
from explorer.session.networks import Networks, device_of
from explorer.session.notices import Notices, words_of
from explorer.session.per_domain import Kinds, of_pictures
from explorer.session.plan import Plan, plan
from explorer.session.playhead import Playhead
from explorer.session.showing import Showing
from explorer.session.track import Run, Track

#: How long closing waits for all threads together.
CLOSE_SECONDS = 1.5
#: The same where a training on pictures writes its checkpoint first.
KEEP_SECONDS = 6.0


class Session:
    """Holds the document and everything that runs because of it.

    The window calls `edit` when something is changed, `tick` sixty times a second, and shows what the properties
    say, those of `networks` and of `showing` too. All methods are called from one thread; nothing here waits for a
    worker.
    """

    def __init__(self, document: Document | None = None) -> None:
        self.notices = Notices()
        self.history = History(self._bounded((document or Document()).linked()))
        self.playhead = Playhead()
        self.networks = Networks(self)
        self.showing = Showing(self)
        self.lab = LabRunner()
        self.lab.show(self.document.lab)
        #: The stage whose experiment the laboratory looks at, and whether the stages are hidden by it.
        self.lab_stage, self.stages_hidden = "A", False
        self.tracks = {"A": Track("A"), "B": Track("B")}
        self._kinds = Kinds()
        self.device = ""
        self.started = False
        self._due: dict[str, bool] = {}  # stages whose run starts at the next tick, and whether coarse first

    # --- the document ----------------------------------------------------------------------------------

    @property
    def document(self) -> Document:
        """The current document."""
        return self.history.now

    def experiment(self, name: str) -> Experiment | None:
        """The experiment of stage "A" or "B" (None for a B that is not shown)."""
        return self.document.experiment if name == "A" else self.document.compare

    @property
    def shown(self) -> tuple[str, ...]:
        """The stages in use."""
        return ("A",) if self.document.compare is None else ("A", "B")

    def edit(self, document: Document, control: str = "") -> Plan:
        """Make `document` the current one; edits in a row of one named control are one step of undo."""
        before = self.document
        self.history.push(self._bounded(document.linked()), control)
        return self._apply(before)

    def set_data(self, data: Distribution, control: str = "") -> None:
        """Other data; where points become pictures, or pictures points, there is one stage, with the score's source,
        sampler and control as they were set last for such data, and the run begins anew and plays."""
        before, after = self.document, self.document.with_data(data)
        trained = self.networks.trainer.laid_by(of_pictures(after))
        self.edit(self._kinds.change(before, after, trained), control)
        if of_pictures(before) != of_pictures(self.document):
            self.playhead.seek(0.0)
            self.playhead.playing = self.started

    def _bounded(self, document: Document) -> Document:
        """No more pictures than a stage shows: ten thousand points are nothing, as many pictures are."""
        e = document.experiment
        if e.pictures is None or e.sampler.particles <= MOST_PICTURES:
            return document
        self.notices.say("info", f"A stage shows at most {MOST_PICTURES} images: so many are sampled.")
        fewer = replace(e, sampler=replace(e.sampler, particles=MOST_PICTURES))
        return replace(document, experiment=fewer).linked()

    def undo(self) -> bool:
        """One step back."""
        before = self.document
        done = self.history.undo()
        self._apply(before)
        return done

    def redo(self) -> bool:
        """One step forward."""
        before = self.document
        done = self.history.redo()
        self._apply(before)
        return done

    def _apply(self, before: Document) -> Plan:
        change = plan(before, self.document)
        if self.document.lab != before.lab:
            self.lab.show(self.document.lab)
        if change.redraw:
            self.showing.redraw()
        if change.retrain and self.networks.trainer.running:
            self.networks.stop_training()
        if self.started:
            # at the next tick: a thousand edits between two ticks start one run
            self._due |= dict.fromkeys(change.simulate, True)
        if self.document.compare is None:
            self._due.pop("B", None)
            self._forget("B")
        if of_pictures(before) != of_pictures(self.document):
            self.networks.turn(of_pictures(self.document))
            for name in self.shown:  # points are no picture to show while the first pictures come
                self._forget(name)
        return change

    def _forget(self, name: str) -> None:
        """Stop the run of a stage, and show nothing of it."""
        self.tracks[name].clear()
        self.showing.forget(name)

    # --- running ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to compute (the window does this once torch has loaded)."""
        self.started = True
        self.device = device_of(self.document.experiment)
        for name in self.shown:
            self.simulate(name, quick=False)
        self.networks.offer_training()

    def preview(self, recording: Recording) -> None:
        """Show a recording of the default experiment until there is something computed."""
        e = self.document.experiment
        if e == Experiment():
            exact = ExactScore(e.data.mixture, e.sde)  # never asked: fields are off until `start`
            self.tracks["A"].show(Run(e, Resolved(exact, True, "Loading PyTorch …"), recording))

    def simulate(self, name: str, *, quick: bool = True) -> None:
        """Run the experiment of a stage instead of what ran before; with `quick` a coarse run comes first."""
        experiment = self.experiment(name)
        if experiment is not None:
            self.tracks[name].start(experiment, self.networks.resolved(experiment), quick=quick)
            self.showing.distances[name].restart(experiment, keep=not quick)

    def run_again(self, name: str) -> None:
        """Run a stage from the next tick on."""
        self._due[name] = True

    def tick(self, seconds: float) -> set[str]:
        """Move on by `seconds`; returns the stages that have a new picture."""
        for name, quick in list(self._due.items()):
            if self.tracks[name].stopped():  # one run at a time: the old one ends with the step that it is in
                del self._due[name]
                self.simulate(name, quick=quick)
        self.networks.tick()
        self._look_in_lab()
        for track in self.tracks.values():
            track.drain()
            self.notices.report(track)
        self.networks.resample(seconds)
        self.playhead.advance(seconds, self.tracks["A"].covered)
        return self.showing.tick()

    def redraw(self) -> None:
        """Ask for new pictures of what is shown."""
        self.showing.redraw()

    # --- the lab ---------------------------------------------------------------------------------------

    def _look_in_lab(self) -> None:
        """Let the open lab look at what there is now."""
        runner, lab = self.lab, self.lab.lab
        if lab is None or not self.started:
            return
        e = self.experiment(self.lab_stage) or self.document.experiment
        here = self._lab_place() if lab.follows else None
        weights = self.networks.weights if e.score.source == "trained" else 0
        asked = Asked(lab, e, weights, (here[0].serial, here[1]) if here else (-1, -1))
        runner.tick(asked, lambda: self._lab_context(e), self.playhead.playing)
        if runner.error is not None:
            runner.failure = words_of(runner.error)
        self.notices.report(runner)

    def _lab_place(self) -> tuple[Run, int] | None:
        return self.showing.place(self.lab_stage if self.lab_stage in self.shown else "A")

    def _lab_context(self, e: Experiment) -> Context:
        """What the lab looks at."""
        here, resolved = self._lab_place(), self.networks.resolved(e)
        if here is None or here[0].experiment.data != e.data:  # the run of other data is still shown
            return Context(e, resolved)
        frames = here[0].recording.frames[: here[1] + 1]
        return Context(e, resolved, frames[-1].t, frames)

    def step(self, by: int) -> None:
        """Pause and go `by` frames on (sub-steps of the corrector are frames of their own)."""
        self.playhead.playing = False
        here = self.showing.place("A")
        if here is not None:
            run, index = here
            self.playhead.seek(run.position(index + by))

    @property
    def behind(self) -> bool:
        """Whether a run that was asked for has yet to begin: what is shown is the last one's."""
        return bool(self._due)

    @property
    def waiting(self) -> bool:
        """Whether something asked for has yet to come, so that ticks should follow soon."""
        return self.behind or not self.showing.idle or self.lab.due

    def close(self) -> bool:
        """Stop everything; True when every thread has ended."""
        trainer, classifier = self.networks.trainer, self.networks.classifier
        keeping = trainer.keeping
        trainer.cancel()  # all are told to stop before any is waited for
        classifier.cancel()
        self.lab.stop()
        for track in self.tracks.values():
            track.clear()
        deadline = time.monotonic() + (KEEP_SECONDS if keeping else CLOSE_SECONDS)
        closers: list[Callable[[float], bool]] = [
            trainer.close, classifier.close, self.lab.shut_down, self.showing.close,
            *(t.close for t in self.tracks.values()),
        ]  # fmt: skip
        return all([close(max(0.0, deadline - time.monotonic())) for close in closers])
