"""The cards at the left: what to compute. They show a part of the document and say what was changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QWidget

from explorer.base.params import Validated, param, params
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.sdes import SDE, SDES
from explorer.experiment.defaults import MOST_PICTURES, PICTURE_SAMPLER, default_sampler, in_mode
from explorer.experiment.schema import ScoreSource
from explorer.training import TrainFrame, percent
from explorer.training.forecast import FASTER, SMALL_DEPTH, SMALL_WIDTH
from explorer.ui.stage.timeline import figures
from explorer.ui.widgets import style
from explorer.ui.widgets.card import Card
from explorer.ui.widgets.controls import Segmented
from explorer.ui.widgets.equation import EquationView
from explorer.ui.widgets.forms import Form
from explorer.ui.widgets.labels import Button, label, row


class EditCard(Card):
    """A card with something to edit: `edited` carries the new value, `finished` ends a drag."""

    edited = Signal(object)
    finished = Signal()
    refused = Signal(str)

    def add_form(self, owner: Any, **options: Any) -> Form:
        """Put a form of `owner` into the card."""
        form = Form(owner, **options)
        form.edited.connect(self.edited)
        form.finished.connect(self.finished)
        form.refused.connect(self.refused)
        self.add(form)
        return form


class ProcessCard(EditCard):
    """The SDE: which one, its equation with the numbers of the moment, its parameters."""

    def __init__(self, sde: SDE, parent: QWidget | None = None) -> None:
        super().__init__("Process", parent=parent)
        self._kinds = {name: type(sde)() if type(sde) is cls else cls() for name, cls in SDES.items()}
        self.choice = Segmented([(name, cls.title, cls.__doc__ or "") for name, cls in SDES.items()])
        self.choice.changed.connect(self.choose)
        self.add(self.choice)
        self.equation = EquationView()
        self.add(self.equation)
        self.form = self.add_form(sde)
        self.set_sde(sde)

    def choose(self, name: str) -> None:
        """Take another SDE, with the parameters it had last."""
        self.edited.emit(self._kinds[name])

    def set_sde(self, sde: SDE, pictures: bool = False) -> None:
        """Show an SDE; the parameters of the others are kept for when one goes back to them."""
        self._kinds = {name: kind.refitted(pictures) for name, kind in self._kinds.items()} | {sde.name: sde}
        self.choice.set_value(sde.name)
        self.equation.set_latex(sde.equation_now())
        self.equation.setToolTip(style.tip(f"The forward SDE with the current numbers. {sde.source}"))
        self.form.set_owner(sde)


#: What is trained, and how, where the data are pictures.
FOR_PICTURES = ("unet", "picture_training")
PICTURE_WORDS = (
    "Held out is the loss on images never trained on: the floor is not known, since nobody has the exact score of "
    "what images there could be. On a device that has bfloat16 it is used by itself. What is trained is kept when "
    "it is paused or left, and can be gone on with."
)


class ScoreCard(EditCard):
    """Where the score comes from, and its training."""

    train_pressed = Signal()
    pause_pressed = Signal()
    reset_pressed = Signal()
    resume_pressed = Signal()
    on_pressed = Signal()
    smaller_pressed = Signal()

    def __init__(self, score: ScoreSource, parent: QWidget | None = None) -> None:
        super().__init__("Score", parent=parent)
        self.source = self.add_form(score, only=("source",), untitled=("source",))
        self.word = label("", "small")
        self.word.setWordWrap(True)
        self.add(self.word)
        self.train = Button("Train", "Train a network for this data in the background (Ctrl+T)", primary=True)
        self.pause = Button("Pause", "Hold the training, or go on with it")
        self.reset = Button("Reset", "Reset training")
        self.train.clicked.connect(self.train_pressed)
        self.pause.clicked.connect(self.pause_pressed)
        self.reset.clicked.connect(self.reset_pressed)
        self._buttons = QWidget()
        self._buttons.setLayout(row(self.train, self.pause, self.reset))
        self.add(self._buttons)
        self.resume = Button("Go on")
        self.resume.clicked.connect(self.resume_pressed)
        self.on = Button(
            "Continue training", "A new training, which begins with the weights of the network in use"
        )
        self.on.clicked.connect(self.on_pressed)
        for button in (self.resume, self.on):
            button.hide()
            self.add(button)
        self.progress = label("", "small")
        self.progress.setWordWrap(True)
        self.add(self.progress)
        self.forecast = label("", "small")
        self.forecast.setWordWrap(True)
        self.smaller = Button(
            f"Train a smaller network ({FASTER}× faster)",
            f"Begin again with {SMALL_WIDTH} channels and {SMALL_DEPTH} blocks, and keep the time that is set",
        )
        self.smaller.clicked.connect(self.smaller_pressed)
        for widget in (self.forecast, self.smaller):
            widget.hide()
            self.add(widget)
        self.details = self.add_form(score, skip=("source", *FOR_PICTURES), hidden=True)
        self.for_pictures = self.add_form(score, only=FOR_PICTURES, hidden=True)
        self.about_pictures = label(PICTURE_WORDS, "small")
        self.about_pictures.setWordWrap(True)
        self.add(self.about_pictures)
        self.set_score(score)

    def set_score(
        self, score: ScoreSource, pictures: bool = False, usual: ScoreSource | None = None, used: str = ""
    ) -> None:
        """Show where the score comes from, and how it is trained for points or for pictures; `usual` is what the
        arrows lead back to, `used` the source in use where that is not the one asked for."""
        self.source.set_owner(replace(score, source=used or score.source))
        self.details.set_owner(score)
        self.for_pictures.set_owner(score)
        self.for_pictures.set_usual(usual)
        trained = score.source == "trained"
        for widget in (self._buttons, self.progress):
            widget.setVisible(trained)
        self.details.setVisible(trained and not pictures)
        for widget in (self.for_pictures, self.about_pictures):
            widget.setVisible(trained and pictures)

    def set_word(self, text: str) -> None:
        """The sentence about the score in use."""
        if text != self.word.text():
            self.word.setText(text)

    def set_training(
        self, running: bool, paused: bool, frame: TrainFrame | None, ready: bool, left: float | None = None,
        on: bool = False,
    ) -> None:  # fmt: skip
        """What the buttons can do now and how far the training is; `left` is how much of one was done that was
        interrupted and can be gone on with, `on` whether the network in use can be trained further."""
        its_own = left is not None and left < 1 and frame is not None and not frame.done
        self.on.setVisible(on and not its_own)  # the network in use is what `resume` goes on with
        self.on.setEnabled(ready)
        self.resume.setVisible(left is not None and self.source.owner().source == "trained")
        words, tip = _going_on(left or 0.0)
        self.resume.setText(words)
        self.resume.setToolTip(tip)
        self.resume.setEnabled(ready)
        self.train.setEnabled(ready)
        self.train.setText(
            "Train again" if frame is not None and not running else "Restart" if running else "Train"
        )
        self.pause.setEnabled(running)
        self.pause.setText("Resume" if paused else "Pause")
        self.reset.setEnabled(frame is not None or on)
        self.progress.setText("" if frame is None else _progress(frame, running, paused))

    def set_forecast(self, words: str, offer: bool) -> None:
        """What a training on images can reach in the time set, and whether a smaller network is offered."""
        self.forecast.setText(words)
        self.forecast.setVisible(bool(words))
        self.smaller.setVisible(offer)


def _going_on(left: float) -> tuple[str, str]:
    """Words and tooltip of the button that goes on with a training of which so much is done."""
    if left < 1:
        tip = "Continue the interrupted training on this data, as if it had never stopped"
        return f"Resume ({percent(left)})", tip
    return "Restore trained network", "Use the network that was trained on this data to the end"


def _progress(frame: TrainFrame, running: bool, paused: bool) -> str:
    reached = percent(frame.progress)
    stopped = "Done" if frame.done else f"Stopped at {reached}"
    state = "paused" if paused else reached if running else stopped
    left = frame.seconds * (1 - frame.progress) / frame.progress if running and frame.progress > 0.02 else 0.0
    time_left = f", {_lasting(left)} left" if left >= 1 and not paused else ""
    digits = 0 if frame.iterations_per_second >= 10 else 1
    losses = [f"loss {frame.smoothed:.4f}"]
    losses += [f"of which {frame.excess:.4f} is above the floor"] if frame.exact else []
    losses += [f"held out {frame.held:.4f}"] if frame.validated else []
    lines = [
        f"{state}{time_left} · iteration {frame.iteration:,} · {frame.iterations_per_second:,.{digits}f} it/s",
        f"{', '.join(losses)} · {frame.device}",
    ]
    return "\n".join([*lines, *([frame.note] if frame.note else [])])


@dataclass(frozen=True)
class Pictures(Validated):
    """How many pictures are sampled: what the number of particles is called where the data are pictures."""

    pictures: int = param(
        PICTURE_SAMPLER.particles, "Images", symbol="n", low=4, high=MOST_PICTURES, minimum=1,
        maximum=MOST_PICTURES, help="How many are made at once, on one sheet.", equation="x₁, …, x_n",
    )  # fmt: skip


def _lasting(seconds: float) -> str:
    """A time in words of the size that it has."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class SamplerCard(EditCard):
    """Mode, methods and numbers of the simulation, and the seed."""

    seed_edited = Signal(object)

    def __init__(self, experiment: Any, parent: QWidget | None = None) -> None:
        super().__init__("Sampler", parent=parent)
        sampler: Sampler = experiment.sampler
        self._experiment = experiment
        help_text = next(p.help for p in params(Sampler) if p.name == "mode")
        names = list(MODES.items())
        self.modes = [
            Segmented([(m, words, help_text) for m, words in half]) for half in (names[:3], names[3:])
        ]
        for segmented in self.modes:
            segmented.changed.connect(self._choose_mode)
            self.add(segmented)
        self.form = self.add_form(sampler, skip=("mode",))
        self.count = self._form_of(Pictures())
        self.count.edited.connect(self._choose_count)
        self.seed = Form(experiment, only=("seed",))
        self.seed.edited.connect(self.seed_edited)
        self.seed.finished.connect(self.finished)
        self.seed.refused.connect(self.refused)
        self.add(self.seed)
        self.set_experiment(experiment)

    def _form_of(self, owner: Any) -> Form:
        form = Form(owner)
        form.finished.connect(self.finished)
        form.refused.connect(self.refused)
        self.add(form)
        return form

    def _choose_count(self, chosen: Pictures) -> None:
        self.edited.emit(replace(self._experiment.sampler, particles=chosen.pictures))

    def _choose_mode(self, mode: str) -> None:
        self.edited.emit(in_mode(self._experiment, mode))

    def set_experiment(self, experiment: Any) -> None:
        """Show the sampler and the seed of an experiment."""
        self._experiment = experiment
        pictures = experiment.pictures is not None
        for segmented in self.modes:
            segmented.set_entry(experiment.sampler.mode)
        self.form.set_owner(experiment.sampler)
        self.form.set_usual(default_sampler(experiment))
        self.form.leave_out(("particles",) if pictures else ())
        self.count.setVisible(pictures)
        if pictures:
            self.count.set_owner(Pictures(min(experiment.sampler.particles, MOST_PICTURES)))
        self.seed.set_owner(experiment)


#: Height of a line of the step's equation: whatever the method, its card has the height of so many of these.
ROW = 40


class TermsCard(Card):
    """The step being taken: its equation, and how large each term is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("This step", parent=parent)
        self.equation = EquationView(row=ROW)
        self.add(self.equation)
        self._values = {role: QLabel() for role in ("drift", "score", "noise")}
        for name, value in self._values.items():
            value.setProperty("role", "small")
            value.setToolTip(f"Root mean square of the {name} term over the particles, in data units")
        line = QWidget()
        thirds = row(*self._values.values(), spacing=4)  # of one width, whatever the numbers
        for i, place in enumerate(("Left", "HCenter", "Right")):
            thirds.setStretch(i, 1)
            item = thirds.itemAt(i)
            assert item is not None
            item.setAlignment(getattr(Qt.AlignmentFlag, f"Align{place}"))
        line.setLayout(thirds)
        self.add(line)
        self.set_step("", "", None)

    def set_step(
        self, part: str, latex: str, terms: tuple[float, float, float] | None, others: Sequence[str] = (),
        without: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Show a step: `part` says what it was, `terms` the sizes of drift, score and noise, of which it may be
        `without` some. `others` are the equations of the other sub-steps of the run, for which there is room too, so
        that nothing below moves while they alternate."""
        self.badge.set(part or " ")
        self.equation.set_latex(latex, others)
        theme = style.current()
        for i, (role, value) in enumerate(self._values.items()):
            size = None if terms is None or role in without else terms[i]
            number = f"{size:.3f}" if size is not None and size < 1000 else figures(size)
            value.setText(f'<span style="color:{getattr(theme, role)}">{role}</span> {number}')
