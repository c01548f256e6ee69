"""The session itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from explorer.distributions import Distribution
from explorer.document import Document
from explorer.errors import Told, sentence
from explorer.experiment import MOST_PICTURES, Experiment
from explorer.frames import Recording
from explorer.labs import Context
from explorer.marks import Bounds
from explorer.models import Resolved, needs_classifier, resolve, told
from explorer.playback import frames_until, linked_index, same_clock
from explorer.scores.base import ExactScore
from explorer.scores.files import Model
from explorer.session.classifying import ClassifierTrainer
from explorer.session.distance import Distances
from explorer.session.history import History
from explorer.session.lab import Asked, LabRunner
from explorer.session.picture import Picture, make_picture, probe_text
from explorer.session.plan import Plan, plan
from explorer.session.playhead import Playhead
from explorer.session.track import Run, Track
from explorer.session.trainer import Trainer
from explorer.train import DeviceError, choose_device, device_words
from explorer.train.checkpoint import Checkpoint
from explorer.views import Scene
from explorer.views.picture_parts import picture_at
from explorer.workers import LatestWorker

#: How long closing waits for all threads together.
CLOSE_SECONDS = 1.5
#: The same where a training on pictures writes its checkpoint first.
KEEP_SECONDS = 6.0
#: The least seconds between two runs of the samplers while a network trains.
RESAMPLE_SECONDS = 0.6
#: How long runs on pictures rest for each second that they took, while a network trains.
PICTURE_REST = 3.0


@dataclass(frozen=True)
class Notice:
    """A sentence for the person: level is info, warn or error; `action` is what could be done about it, by the
    words of a button and the name of a method of the session ("" for nothing)."""

    level: str
    text: str
    action: tuple[str, str] = ("", "")


class Session:
    """Holds the document and everything that runs because of it.

    The window calls `edit` when something is changed, `tick` sixty times a second, and shows what the properties
    say. All methods are called from one thread; nothing here waits for a worker.
    """

    def __init__(self, document: Document | None = None) -> None:
        self.notices: deque[Notice] = deque()
        self.history = History(self._bounded((document or Document()).linked()))
        self.playhead = Playhead()
        self.trainer = Trainer()
        self.classifier = ClassifierTrainer()
        self.lab = LabRunner()
        self.lab.show(self.document.lab)
        #: The stage whose experiment the laboratory looks at, and whether the stages are hidden by it.
        self.lab_stage, self.stages_hidden = "A", False
        self.tracks = {"A": Track("A"), "B": Track("B")}
        self.pictures: dict[str, Picture] = {}
        self.bounds: dict[str, Bounds] = {"A": (-3.0, 3.0, -3.0, 3.0), "B": (-3.0, 3.0, -3.0, 3.0)}
        self.distances = {"A": Distances(), "B": Distances()}
        self.probes: dict[str, str] = {}
        #: Hands on a document whose data are at hand. The window's reads in a thread what must be read first.
        self.bring: Callable[[Document, Callable[[Document], None]], None] = lambda document, then: then(
            document
        )
        self.device = ""
        self.started = False
        self._pictures = LatestWorker("pictures")
        self._asked: dict[str, Any] = {}
        self._redraws = 0
        self._rest = 0.0  # seconds to wait before the next run with newer weights
        self._stale_runs = False
        self._weights = 0  # how many networks there have been
        self._due: dict[str, bool] = {}  # stages whose run starts at the next tick, and whether coarse first
        self._told: set[str] = set()

    # --- the document ----------------------------------------------------------------------------------

    @property
    def document(self) -> Document:
        """The current document."""
        return self.history.now

    def edit(self, document: Document, control: str = "") -> Plan:
        """Make `document` the current one; edits in a row of one named control are one step of undo."""
        before = self.document
        self.history.push(self._bounded(document.linked()), control)
        return self._apply(before)

    def _bounded(self, document: Document) -> Document:
        """No more pictures than a stage shows: ten thousand points are nothing, as many pictures are."""
        e = document.experiment
        if e.pictures is None or e.sampler.particles <= MOST_PICTURES:
            return document
        self.say("info", f"A stage shows at most {MOST_PICTURES} pictures: so many are sampled.")
        fewer = replace(e, sampler=replace(e.sampler, particles=MOST_PICTURES))
        return replace(document, experiment=fewer).linked()

    def set_data(self, data: Distribution, control: str = "") -> None:
        """Other data; where points become pictures, or pictures points, the run begins anew and plays."""
        before = self.document.experiment
        self.edit(self.document.with_data(data), control)
        if (before.pictures is None) != (self.document.experiment.pictures is None):
            self.playhead.seek(0.0)
            self.playhead.playing = self.started

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
        self._redraws += change.redraw
        if change.retrain and self.trainer.running:
            self.trainer.cancel()
            self.say("info", "Training stopped: what it was training for has changed. Train starts again.")
        if self.started:
            # at the next tick: a thousand edits between two ticks start one run
            self._due |= dict.fromkeys(change.simulate, True)
        if self.document.compare is None:
            self._due.pop("B", None)
            self._forget("B")
        if (before.experiment.pictures is None) != (self.document.experiment.pictures is None):
            for name in self.shown:  # points are no picture to show while the first pictures come
                self._forget(name)
        return change

    def _forget(self, name: str) -> None:
        """Stop the run of a stage, and show nothing of it."""
        self.tracks[name].clear()
        self.pictures.pop(name, None)
        self._asked.pop(name, None)

    def experiment(self, name: str) -> Experiment | None:
        """The experiment of stage "A" or "B" (None for a B that is not shown)."""
        return self.document.experiment if name == "A" else self.document.compare

    @property
    def shown(self) -> tuple[str, ...]:
        """The stages in use."""
        return ("A",) if self.document.compare is None else ("A", "B")

    def say(self, level: str, text: str) -> None:
        """Leave a notice for the window."""
        self.notices.append(Notice(level, text))

    def _say_once(self, text: str) -> None:
        """An error that would come again with every picture or every move of a slider."""
        if text not in self._told:
            self._told.add(text)
            self.say("error", text)

    # --- running ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to compute (the window does this once torch has loaded)."""
        self.started = True
        self.device = _device_words(self.document.experiment)
        for name in self.shown:
            self._simulate(name, quick=False)
        self._offer_training()

    def preview(self, recording: Recording) -> None:
        """Show a recording of the default experiment until there is something computed."""
        e = self.document.experiment
        if e == Experiment():
            exact = ExactScore(e.data.mixture, e.sde)  # never asked: fields are off until `start`
            self.tracks["A"].show(Run(e, Resolved(exact, True, "Loading PyTorch …"), recording))

    def _simulate(self, name: str, *, quick: bool = True) -> None:
        experiment = self.experiment(name)
        if experiment is not None:
            self.tracks[name].start(experiment, self._resolved(experiment), quick=quick)
            self.distances[name].restart(experiment, keep=not quick)

    def _resolved(self, e: Experiment) -> Resolved:
        try:
            return resolve(e, self.trainer.model)
        except Told as error:  # a damaged model file: say so, keep what was there
            self._say_once(f"{sentence(error)} The exact score is used.")
            return resolve(replace(e, score=replace(e.score, source="exact")))

    def train(self) -> None:
        """Train a network for the experiment in the background; the stages follow it."""
        e = self.document.experiment
        if e.score.source != "trained":
            self.edit(replace(self.document, experiment=replace(e, score=replace(e.score, source="trained"))))
        left = None if self.trainer.running else self.trainer.left(self.document.experiment)
        self.trainer.start(self.document.experiment)
        if left is not None and left.progress < 1:
            text = f"This begins anew, and once it is kept it takes the place of what was left at {left.progress:.0%}."
            action = (f"Go on from {left.progress:.0%} instead", "resume_training")
            self.notices.append(Notice("offer", text, action))

    def _offer_training(self) -> None:
        """Say that a training on pictures was left before its end, and offer to go on."""
        left = self.trainer.newest_left()
        if left is not None:
            text = f"The training on {left.experiment.data.title} was left when {left.progress:.0%} of it was done."
            self.notices.append(Notice("offer", text, ("Resume the training", "resume_newest")))

    def resume_newest(self) -> None:
        """Go on with the training that was left last."""
        self._go_on(self.trainer.newest_left())

    def resume_training(self) -> None:
        """Go on with the training on the data of the moment, with its own settings but for the budget given now."""
        self._go_on(self.trainer.left(self.document.experiment))

    def _go_on(self, left: Checkpoint | None) -> None:
        """On the data of the moment where those are meant; others may have to be read first."""
        if left is None:
            return
        here = told(self.document.experiment.data) == told(left.experiment.data)
        if here:
            self._gone_on(left, self.document)
        else:
            self.bring(Document(left.experiment), partial(self._gone_on, left))

    def _gone_on(self, left: Checkpoint, on: Document) -> None:
        e, old, data = self.document.experiment, left.experiment, on.experiment.data
        if told(data) != told(old.data):
            return self.say(
                "error", "These are not the pictures that the training was left with: Train begins anew."
            )
        same = (told(e.data), e.score.unet, e.seed) == (told(old.data), old.score.unet, old.seed)
        score = replace(e.score if same else old.score, source="trained")
        document = self.document.with_data(data)
        changed = replace(document.experiment, score=score, seed=old.seed)
        self.edit(replace(document, experiment=changed))
        self.trainer.go_on(self.document.experiment)

    def train_with_labels(self) -> None:
        """Train a network that knows the classes of the data, for classifier-free guidance."""
        e = self.document.experiment
        network = replace(e.network, classes=len(e.data.mixture.label_weights))
        own: dict[str, Any] = {"unet" if e.pictures else "network": network}
        score = replace(e.score, source="trained", **own)
        self.edit(replace(self.document, experiment=replace(e, score=score)))
        self.train()

    def train_classifier(self) -> None:
        """Train a classifier of noisy points for the data in the background; guidance by it then uses it."""
        self.classifier.start(self.document.experiment.data)

    def _new_classifier(self) -> None:
        """Stages that are guided by a classifier run again with the new one."""
        for name in self.shown:
            e = self.experiment(name)
            if self.started and e is not None and needs_classifier(e):
                self._due[name] = True

    def control_word(self, name: str) -> tuple[str, str]:
        """The sentence about the control of a stage, or how far what it needs is trained; and what is missing for
        it (`Resolved.missing`)."""
        run = self.tracks[name].full if self.started else None
        said, missing = (run.resolved.control, run.resolved.missing) if run else ("", "")
        return self.classifier.words or said, missing

    def reset_training(self) -> None:
        """Forget the trained network."""
        self.trainer.reset()
        self._new_weights()

    def use_model(self, model: Model) -> None:
        """Use a network that was opened from a file."""
        self.trainer.use(model)
        e = self.document.experiment
        own: dict[str, Any] = {"unet" if model.picture else "network": model.network}
        score = replace(e.score, source="trained", **own)
        self.edit(replace(self.document, experiment=replace(e, score=score)))
        self._new_weights()

    def _new_weights(self) -> None:
        """Fields are redrawn at once; runs start again when the last ones are through."""
        self._weights += 1
        if self.document.experiment.score.source != "trained" or not self.started:
            return
        for name in self.shown:
            experiment = self.experiment(name)
            if experiment is not None:
                self.tracks[name].use_score(self._resolved(experiment))
        self._redraws += 1
        self._stale_runs = True

    # --- the clock ---------------------------------------------------------------------------------------

    def tick(self, seconds: float) -> set[str]:
        """Move on by `seconds`; returns the stages that have a new picture."""
        for name, quick in list(self._due.items()):
            if self.tracks[name].stopped():  # one run at a time: the old one ends with the step that it is in
                del self._due[name]
                self._simulate(name, quick=quick)
        if self.trainer.drain():
            self._new_weights()
        self._report(self.trainer)
        if self.trainer.trouble:
            self.say("warn", self.trainer.told())
        if self.classifier.drain():
            self._new_classifier()
        self._report(self.classifier)
        self._run_lab()
        for track in self.tracks.values():
            track.drain()
            self._report(track)
        self._resample(seconds)
        self.playhead.advance(seconds, self.tracks["A"].covered)
        for name in self.shown:
            self._ask_for_picture(name)
        self._measure()
        return self._take_pictures()

    # --- the laboratory ------------------------------------------------------------------------------------

    def _run_lab(self) -> None:
        """Let the open laboratory look at what there is now."""
        lab = self.lab.lab
        if lab is None or not self.started:
            return
        e = self.experiment(self.lab_stage) or self.document.experiment
        here = self.place(self.lab_stage if self.lab_stage in self.shown else "A") if lab.follows else None
        weights = self._weights if e.score.source == "trained" else 0
        asked = Asked(lab, e, weights, (here[0].serial, here[1]) if here else (-1, -1))
        self.lab.tick(asked, lambda: self._context(e), self.playhead.playing)
        if self.lab.error is not None:
            self.lab.failure = _sentence(self.lab.error)
        self._report(self.lab)

    def _context(self, e: Experiment) -> Context:
        """What a laboratory looks at."""
        here = self.place(self.lab_stage if self.lab_stage in self.shown else "A")
        if here is None or here[0].experiment.data != e.data:  # the run of other data is still shown
            return Context(e, self._resolved(e))
        frames = here[0].recording.frames[: here[1] + 1]
        return Context(e, self._resolved(e), frames[-1].t, frames)

    def particle_at(self, name: str, xy: tuple[float, float]) -> int | None:
        """The particle of a stage that is nearest to a point of its view, or None before there is a run.

        Where the data are pictures: the picture that is there, or None.
        """
        here = self.place(name)
        if here is None:
            return None
        run, index = here
        frame = run.recording[index]
        scene = Scene(run.experiment, self.document.look, [frame], run.resolved.score, self.bounds[name])
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

    def _report(self, worker: Track | Trainer | ClassifierTrainer | LabRunner) -> None:
        error, worker.error = worker.error, None
        device = self.document.experiment.training.device
        if isinstance(error, DeviceError) and worker is self.trainer and device != "cpu":
            self.notices.append(Notice("error", _sentence(error), ("Train on the CPU", "train_on_cpu")))
        elif error is not None:
            self.say("error", _sentence(error))

    def train_on_cpu(self) -> None:
        """Train anew on the CPU, where the accelerator did not serve."""
        e = self.document.experiment
        cpu = replace(e.training, device="cpu")
        training: dict[str, Any] = {"picture_training" if e.pictures else "training": cpu}
        score = replace(e.score, **training)
        self.edit(replace(self.document, experiment=replace(e, score=score)))
        self.train()

    def _resample(self, seconds: float) -> None:
        """Show the newer weights in new runs, which take half of the time at most (on pictures a quarter): training
        needs the rest."""
        if any(self.tracks[name].busy for name in self.shown):
            self._rest += seconds * (PICTURE_REST if self.document.experiment.pictures else 1.0)
            return
        self._rest = max(self._rest - seconds, 0.0)
        if self._stale_runs and self._rest <= 0:
            self._stale_runs, self._rest = False, RESAMPLE_SECONDS
            for name in self.shown:
                self._simulate(name, quick=False)

    def place(self, name: str) -> tuple[Run, int] | None:
        """The run of a stage and the index in it that the playhead means.

        B is linked to A by t where both clocks run the same way, else by the share of the run.
        """
        run = self.tracks[name].run(self.playhead.position)
        if run is None:
            return None
        other = self.place("A") if name == "B" else None
        if other is None or not same_clock(other[0].experiment, run.experiment):
            return run, run.index(self.playhead.position)
        return run, linked_index(run.recording, other[0].recording, other[1])

    def step(self, by: int) -> None:
        """Pause and go `by` frames on (sub-steps of the corrector are frames of their own)."""
        self.playhead.playing = False
        here = self.place("A")
        if here is not None:
            run, index = here
            self.playhead.seek(run.position(index + by))

    def _ask_for_picture(self, name: str) -> None:
        here = self.place(name)
        if here is None or self.stages_hidden:
            return
        run, index = here
        recording = run.recording
        wanted: tuple[Any, ...] = (
            run.serial,
            self.started,
            recording.stride,
            index,
            self._redraws,
            self.bounds[name],
        )
        if run.experiment.pictures and self.document.look.picture:  # the film strip grows with the run
            wanted = (*wanted, len(recording))
        if self._asked.get(name) == wanted:
            return
        self._asked[name] = wanted
        look, e, started = self.document.look, run.experiment, self.started
        look = look if started else replace(look, field="none")
        frames = frames_until(recording, index, e, look)
        scene = Scene(e, look, frames, run.resolved.score, self.bounds[name], *run.whole)
        count = len(recording)
        self._pictures.submit(name, lambda: make_picture(scene, index, count, terms=started))

    def _take_pictures(self) -> set[str]:
        fresh = set()
        for key, result, error in self._pictures.poll():
            if error is not None:
                self._say_once(_sentence(error))
            elif isinstance(key, tuple) and key[0] == "probe":
                self.probes[key[1]] = result
            elif isinstance(key, tuple):
                self.distances[key[1]].add(result)
            elif key in self.shown:
                self.pictures[key] = result
                fresh.add(key)
        return fresh

    def _measure(self) -> None:
        """Ask for a few more points of the distance curves of runs that are complete."""
        for name in self.shown:
            full = self.tracks[name].full
            work = self.distances[name].work(full.recording) if full else None
            if work is not None:
                self._pictures.submit(("distance", name), work)

    def distance_curve(self, name: str) -> np.ndarray:
        """(m, 3): share of the run, t, distance to the data, for the frames measured so far."""
        return self.distances[name].array()

    def distance_at(self, name: str, position: float) -> float | None:
        """The measured distance nearest to a playhead position, or None before there is one.

        That of B is of the frame that stands beside A's, which may be at another share of its run.
        """
        if self.distances[name].stale:
            return None
        here = self.place(name) if name == "B" else None
        position = here[0].position(here[1]) if here else position
        rows = self.distances[name].array()
        return float(rows[np.abs(rows[:, 0] - position).argmin(), 2]) if len(rows) else None

    def probe(self, name: str, xy: tuple[float, float]) -> None:
        """Ask what x, log p_t and the score are at a point of the view; the words come into `probes`."""
        here = self.place(name)
        if here is None or not self.started:
            return
        run, index = here
        scene = Scene(
            run.experiment, self.document.look, [run.recording[index]], run.resolved.score, self.bounds[name]
        )
        self._pictures.submit(("probe", name), lambda: probe_text(scene, xy))

    def word(self) -> str:
        """The sentence about the score in use."""
        run = self.tracks["A"].full if self.started else None
        return run.resolved.word if run else ""

    @property
    def exact(self) -> bool:
        """Whether the score in use is the exact one, asked for or for want of a network."""
        run = self.tracks["A"].full if self.started else None
        return run.resolved.exact if run else self.document.experiment.score.source == "exact"

    @property
    def waiting(self) -> bool:
        """Whether something asked for has yet to come, so that ticks should follow soon."""
        return bool(self._due) or not self._pictures.idle or self.lab.due

    def set_bounds(self, name: str, bounds: Bounds) -> None:
        """The part of the plane a stage shows."""
        self.bounds[name] = bounds

    def redraw(self) -> None:
        """Ask for new pictures of what is shown."""
        self._redraws += 1

    def close(self) -> bool:
        """Stop everything; True when every thread has ended."""
        keeping = self.trainer.keeping
        self.trainer.cancel()  # all are told to stop before any is waited for
        self.classifier.cancel()
        self.lab.stop()
        for track in self.tracks.values():
            track.clear()
        deadline = time.monotonic() + (KEEP_SECONDS if keeping else CLOSE_SECONDS)
        closers: list[Callable[[float], bool]] = [
            self.trainer.close, self.classifier.close, self.lab.shut_down, self._pictures.close,
            *(t.close for t in self.tracks.values()),
        ]  # fmt: skip
        return all([close(max(0.0, deadline - time.monotonic())) for close in closers])


def _nearest(points: np.ndarray, at: tuple[float, float]) -> int:
    """Which of the points (n, 2) is nearest; those that are not finite are far."""
    away = np.nan_to_num(points - np.array(at), nan=np.inf)
    return int(np.hypot(away[:, 0], away[:, 1]).argmin())


def _device_words(e: Experiment) -> str:
    """The device that the experiment trains on; where it is not here (a file from elsewhere), the one that is.
    Training itself says what is missing."""
    try:
        return device_words(choose_device(e.training.device))
    except DeviceError:
        return device_words(choose_device())


def _sentence(error: BaseException) -> str:
    return sentence(error) if isinstance(error, Told) else f"{sentence(error)} Nothing is lost."
