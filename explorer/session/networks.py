"""The networks of a session: that of the score, trained or opened, and the classifier; the stages follow them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from explorer.base.errors import Told, sentence
from explorer.experiment.checkpoint import Checkpoint
from explorer.experiment.resolution import IN_USE, Resolved, needs_classifier, pretrained_path, resolve, told
from explorer.experiment.schema import Experiment
from explorer.networks.files import Model
from explorer.session.classifying import ClassifierTrainer
from explorer.session.document import Document
from explorer.session.notices import NOTHING
from explorer.session.state import State
from explorer.session.trainer import Trainer
from explorer.training import DeviceError, choose_device, device_words, percent
from explorer.training.forecast import foretold, smaller

#: The least seconds between two runs of the samplers while a network trains.
RESAMPLE_SECONDS = 0.6
#: How long runs on pictures rest for each second that they took, while a network trains.
PICTURE_REST = 3.0
#: What notices offer, and what must not be offered any more when another training has begun, which it would stop.
STALE = ("restore_network", "resume_training", "resume_newest", "resume_stopped", "train_on_cpu")


class Networks:
    """What a person does with networks, and the runs that show newer weights. `weights` counts the networks."""

    def __init__(self, session: State) -> None:
        self._session = session
        self.trainer = Trainer()
        self.classifier = ClassifierTrainer()
        self.weights = 0
        #: Hands on a document whose data are at hand. The window's reads in a thread what must be read first.
        self.bring: Callable[[Document, Callable[[Document], None]], None] = lambda document, then: then(
            document
        )
        #: What the training was for that a change has stopped, if it is kept.
        self._stopped: Experiment | None = None
        self._stale_runs = False
        self._rest = 0.0  # seconds to wait before the next run with newer weights

    @property
    def _experiment(self) -> Experiment:
        return self._session.document.experiment

    def _edit(self, experiment: Experiment, document: Document | None = None) -> None:
        self._session.edit(replace(document or self._session.document, experiment=experiment))

    # --- what a person does ----------------------------------------------------------------------------

    def train(self) -> None:
        """Train a network for the experiment in the background; the stages follow it."""
        e = self._experiment
        if e.score.source != "trained":
            self._edit(replace(e, score=replace(e.score, source="trained")))
        left = self.left_part
        unfinished = left is not None and left < 1
        self._session.notices.withdraw(*STALE)
        if not unfinished or self.trainer.frame is None:  # else it is that which can be gone on with
            self._say_gone("The network that was there gives way to the one that is trained now.", "warn")
        self.trainer.start(self._experiment)
        if left is not None and unfinished:
            text = f"This begins anew, and once it is kept it takes the place of what was left at {percent(left)}."
            action = (f"Resume the earlier one ({percent(left)})", "resume_training")
            self._session.notices.say("offer", text, action)

    def train_on_cpu(self) -> None:
        """Train anew on the CPU, where the accelerator did not serve."""
        e = self._experiment
        cpu = replace(e.training, device="cpu")
        training: dict[str, Any] = {"picture_training" if e.pictures else "training": cpu}
        self._edit(replace(e, score=replace(e.score, **training)))
        self.train()

    def train_with_labels(self) -> None:
        """Train a network that knows the classes of the data, for classifier-free guidance."""
        e = self._experiment
        network = replace(e.network, classes=len(e.data.mixture.label_weights))
        own: dict[str, Any] = {"unet" if e.pictures else "network": network}
        self._edit(replace(e, score=replace(e.score, source="trained", **own)))
        self.train()

    def train_smaller(self) -> None:
        """Train the smaller network anew, of which more iterations can be made in the time set."""
        e = self._experiment
        self._edit(replace(e, score=replace(e.score, source="trained", unet=smaller(e.score.unet))))
        self.train()

    def foretold(self) -> tuple[str, bool]:
        """What the training on images that is running can reach in its time, and whether to offer a smaller network."""
        frame, e = self.trainer.frame, self._experiment
        if frame is None or not self.trainer.running or e.pictures is None:
            return "", False
        return foretold(frame, e.training, e.score.unet)

    def train_classifier(self) -> None:
        """Train a classifier of noisy points for the data in the background; guidance by it then uses it."""
        self.classifier.start(self._experiment.data)

    def reset_training(self) -> None:
        """Forget the trained network."""
        self._session.notices.withdraw("resume_training", "resume_stopped")
        self._say_gone("The trained network is forgotten.")
        self.trainer.reset()
        self._new_weights()

    def _say_gone(self, text: str, level: str = "offer") -> None:
        """That the network in use goes, and a way back."""
        if self.trainer.model is not None:
            self._session.notices.say(level, text, ("Undo", "restore_network"))

    def restore_network(self) -> None:
        """Have the network back that was there before Reset or Train."""
        self.trainer.restore()
        self._new_weights()

    @property
    def can_train_on(self) -> bool:
        """Whether there is a network whose weights a training of this experiment can begin with."""
        model, e = self.trainer.model, self._experiment
        fits = model is not None and (model.network, model.dim, model.picture) == (
            e.network, e.data.dim, e.data.picture
        )  # fmt: skip
        return fits and e.score.source == "trained" and not self.trainer.running

    def train_on(self) -> None:
        """Train the network in use further."""
        if self.can_train_on:
            self._session.notices.withdraw(*STALE)
            self.trainer.start(self._experiment, self.trainer.model)

    def use_model(self, model: Model) -> None:
        """Use a network that was opened from a file."""
        self.trainer.use(model)
        e = self._experiment
        own: dict[str, Any] = {"unet" if model.picture else "network": model.network}
        self._edit(replace(e, score=replace(e.score, source="trained", **own)))
        self._new_weights()

    def turn(self, pictures: bool) -> None:
        """Lay by what was trained on points, or on pictures, and take up what was trained on the other kind."""
        self._session.notices.withdraw("restore_network")
        self.trainer.turn(pictures)
        self.weights += 1

    # --- going on with what was left -----------------------------------------------------------------------

    def stop_training(self) -> None:
        """Stop it since a change of the document has made it pointless; say what is kept, and how to go on."""
        frame = self.trainer.frame
        self._stopped = self.trainer.leave()
        at = f" at {percent(frame.progress)}" if frame is not None else ""
        trained = self._experiment.score.source == "trained"
        why = "what it was for has changed" if trained else "the score is no longer one that is trained here"
        say, text = self._session.notices.say, f"Training stopped{at}: {why}."
        if self._stopped is not None:
            say("offer", f"{text} What is done of it is kept.", ("Resume", "resume_stopped"))
        elif frame is not None:
            say("info", f"{text} Its network stays until you train again.")
        else:
            say("info", text)

    def resume_stopped(self) -> None:
        """Go on with the training that a change has stopped, as it was."""
        if self._stopped is not None:
            self._take_up(self._stopped, lambda: self.trainer.go_on(self._experiment, instead=False))

    @property
    def left_part(self) -> float | None:
        """How much is done of the training on these data that was left, by the budget that it would be gone on with;
        None where there is nothing to go on with: it is done, and its network is there."""
        e, left = self._experiment, None if self.trainer.running else self.trainer.left(self._experiment)
        if left is None:
            return None
        part = left.done_of(e.training) if _same_training(e, left.experiment) else left.progress
        return part if part < 1 or self.trainer.model is None else None

    def offer_training(self) -> None:
        """Say that a training on pictures was left before its end, and offer to go on."""
        left = self.trainer.newest_left()
        if left is not None:
            title, done = left.experiment.data.title, percent(left.progress)
            text = f"Training on {title} stopped at {done}."
            self._session.notices.say("offer", text, ("Resume training", "resume_newest"))

    def resume_newest(self) -> None:
        """Go on with the training that was left last."""
        self._go_on(self.trainer.newest_left())

    def resume_training(self) -> None:
        """Go on with the training on the data of the moment, with its own settings but for the budget given now."""
        self._go_on(self.trainer.left(self._experiment))

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        """Go on with a training whose checkpoint was opened from a file."""
        self._go_on(checkpoint, whole=True)

    def _go_on(self, left: Checkpoint | None, whole: bool = False) -> None:
        """`whole`: with all that is needed, not only glanced at in the place where trainings are kept."""
        if left is not None:
            trainer = self.trainer
            from_it = lambda: trainer.start(self._experiment, left)  # noqa: E731
            self._take_up(left.experiment, from_it if whole else lambda: trainer.go_on(self._experiment))

    def _take_up(self, old: Experiment, how: Callable[[], None]) -> None:
        """On the data of the moment where those are meant; others may have to be read first."""
        if told(self._experiment.data) == told(old.data):
            self._taken_up(old, how, self._session.document)
        else:
            self.bring(Document(old), partial(self._taken_up, old, how))

    def _taken_up(self, old: Experiment, how: Callable[[], None], on: Document) -> None:
        e, data = self._experiment, on.experiment.data
        if told(data) != told(old.data):
            text = "These are not the images that the training was left with: training on them begins anew."
            return self._session.notices.say("error", text)
        score = replace(e.score if _same_training(e, old) else old.score, source="trained")
        document = self._session.document.with_data(data)
        self._edit(replace(document.experiment, score=score, seed=old.seed), document)
        self._session.notices.withdraw(*STALE)
        how()

    # --- what is known of them -----------------------------------------------------------------------------

    def resolved(self, e: Experiment) -> Resolved:
        """The score that an experiment means now."""
        try:
            return resolve(e, self.trainer.model)
        except Told as error:  # a damaged model file: say so, keep what was there
            self._session.notices.say_once(f"{sentence(error)} The exact score is used.")
            return resolve(replace(e, score=replace(e.score, source="exact")))

    def word(self) -> str:
        """The sentence about the score in use."""
        found = self._in_use("A")
        return found.word if found else ""

    def control_word(self, name: str) -> tuple[str, str]:
        """The sentence about the control of a stage, or how far what it needs is trained; and what is missing for
        it (`Resolved.missing`)."""
        found = self._in_use(name)
        said, missing = (found.control, found.missing) if found else ("", "")
        return self.classifier.words or said, missing

    @property
    def source(self) -> str:
        """Where the score in use comes from: "exact" too where no pretrained network is there for the data."""
        e = self._experiment
        without = e.score.source == "pretrained" and pretrained_path(e.data) is None
        return "exact" if without else e.score.source

    @property
    def exact(self) -> bool:
        """Whether the score in use is the exact one."""
        found = self._in_use("A")
        return found.exact if found else self.source == "exact"

    @property
    def named(self) -> str:
        """The score in use in a few words; before there is a run, where it would come from."""
        found = self._in_use("A")
        return found.named if found else IN_USE[self.source]

    def _in_use(self, name: str) -> Resolved | None:
        run = self._session.tracks[name].full if self._session.started else None
        return run.resolved if run else None

    # --- the clock -----------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Take what the trainings have made since the last tick."""
        if self.trainer.drain():
            self._new_weights()
        notices = self._session.notices
        notices.report(self.trainer, self._way_out(self.trainer.error))
        if self.trainer.trouble:
            notices.say("warn", self.trainer.told())
        if self.classifier.drain():
            self._new_classifier()
        notices.report(self.classifier)

    def _way_out(self, error: BaseException | None) -> tuple[str, str]:
        """What could be done about an error of the training."""
        fits = isinstance(error, DeviceError) and self._experiment.training.device != "cpu"
        return ("Train on the CPU", "train_on_cpu") if fits else NOTHING

    def _new_weights(self) -> None:
        """Fields are redrawn at once; runs start again when the last ones are through."""
        session = self._session
        self.weights += 1
        if self._experiment.score.source != "trained" or not session.started:
            return
        for name in session.shown:
            experiment = session.experiment(name)
            if experiment is not None:
                session.tracks[name].use_score(self.resolved(experiment))
        session.redraw()
        self._stale_runs = True

    def _new_classifier(self) -> None:
        """Stages that are guided by a classifier run again with the new one."""
        session = self._session
        for name in session.shown:
            e = session.experiment(name)
            if session.started and e is not None and needs_classifier(e):
                session.run_again(name)

    def resample(self, seconds: float) -> None:
        """Show the newer weights in new runs, which take half of the time at most (on pictures a quarter): training
        needs the rest."""
        session = self._session
        if any(session.tracks[name].busy for name in session.shown):
            self._rest += seconds * (PICTURE_REST if self._experiment.pictures else 1.0)
            return
        self._rest = max(self._rest - seconds, 0.0)
        if self._stale_runs and self._rest <= 0:
            self._stale_runs, self._rest = False, RESAMPLE_SECONDS
            for name in session.shown:
                session.simulate(name, quick=False)


def _same_training(e: Experiment, old: Experiment) -> bool:
    """Whether a training that was left can be gone on with under the settings of `e`."""
    return (told(e.data), e.score.unet, e.seed) == (told(old.data), old.score.unet, old.seed)


def device_of(e: Experiment) -> str:
    """The device that the experiment trains on, in words; where it is not here (a file from elsewhere), the one that
    is. Training itself says what is missing."""
    try:
        return device_words(choose_device(e.training.device))
    except DeviceError:
        return device_words(choose_device())
