"""The Control card: what is asked of the samples, and how."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.data.distributions import Distribution
from explorer.data.images.base import PictureMixture
from explorer.experiment.defaults import first_sheet
from explorer.experiment.schema import Experiment
from explorer.guidance import CONTROLS, Control
from explorer.guidance.class_guidance import CLASS_OF_PICTURES, ClassGuidance, class_names
from explorer.guidance.images import PictureProblem
from explorer.ui.cards.cards import EditCard
from explorer.ui.cards.class_buttons import ClassButtons
from explorer.ui.cards.mask_editor import PictureEditor
from explorer.ui.widgets import style
from explorer.ui.widgets.equation import EquationView
from explorer.ui.widgets.form_parts import Chooser
from explorer.ui.widgets.labels import Button, label

#: What can be trained for a control: the words of the button, and what it does.
TRAININGS = {
    "classifier": ("Train classifier", "Train a classifier of this data under noise, in the background"),
    "labels": (
        "Train with labels",
        "Train a network that is told the class, and a tenth of the time is not: in the background",
    ),
}
#: What a rule rests on; of points it takes seconds, so that it is offered again when it is there.
RESTS_ON = {"classifier": "classifier", "mixed": "classifier", "classifier_free": "labels"}


class ControlCard(EditCard):
    """Class, inpainting, projection or measurement; the classes by their names; a picture to paint on."""

    classifier_pressed = Signal()
    labels_pressed = Signal()
    open_pressed = Signal()

    def __init__(self, experiment: Experiment, parent: QWidget | None = None) -> None:
        super().__init__("Control", parent=parent)
        self._control: Control = experiment.control
        self._kinds: dict[str, Control] = {name: cls() for name, cls in CONTROLS.items()}
        self._pictures: bool | None = None
        self._data: Distribution | None = None
        self._refused, self._missing = False, ""
        self.choice = Chooser([])
        self.add(self.choice)
        self.equation = EquationView()
        self.add(self.equation)
        self.picture = PictureEditor()
        self.picture.edited.connect(self.edited)
        self.picture.finished.connect(self.finished)
        self.picture.open_pressed.connect(self.open_pressed)
        self.add(self.picture)
        self._names: dict[int, str] = {}
        self.classes: ClassButtons | None = None
        self.form = self.add_form(experiment.control, skip=("label", "mask"))
        self.word = label("", "small")
        self.word.setWordWrap(True)
        self.add(self.word)
        self.train = Button("", "", primary=True)
        self.train.clicked.connect(self._train)
        self.add(self.train)
        self.set_experiment(experiment)

    def _offer(self, experiment: Experiment) -> None:
        """The controls that are made for this kind of data."""
        pictures = experiment.pictures is not None
        if pictures == self._pictures:
            return
        self._pictures = pictures
        mixture = experiment.data.mixture
        kinds = [(name, cls) for name, cls in CONTROLS.items() if cls.suits(mixture)]
        old = self.choice
        self.choice = Chooser([(name, cls.title, cls.about or cls.__doc__ or "") for name, cls in kinds])
        self.choice.changed.connect(self.choose)
        self.column.replaceWidget(old, self.choice)
        old.hide()
        old.deleteLater()
        if pictures and self._kinds["class_guidance"] == ClassGuidance():
            self._kinds["class_guidance"] = CLASS_OF_PICTURES

    def choose(self, name: str) -> None:
        """Take another control, with the parameters it had last."""
        self.edited.emit(self._kinds[name])
        self.finished.emit()

    def choose_class(self, number: int) -> None:
        """Ask for another class."""
        if isinstance(self._control, ClassGuidance):
            self.edited.emit(replace(self._control, label=number, each=False))
            self.finished.emit()

    def set_experiment(self, experiment: Experiment) -> None:
        """Show the control of an experiment, and the classes of its data."""
        self._control = control = experiment.control
        self._kinds[control.name] = control
        if experiment.data is not self._data:  # a mask for pictures of another size is none for these
            self._data = experiment.data
            self._kinds = {name: kind.fitted(experiment.data) for name, kind in self._kinds.items()}
        self._offer(experiment)
        if control.suits(experiment.data.mixture):
            self.choice.set_value(control.name)
        self.equation.set_latex(control.equation)
        self.equation.setVisible(bool(control.equation))
        self.equation.setToolTip(style.tip(f"{control.about} {control.source}"))
        self.form.set_owner(control)
        asked = isinstance(control, ClassGuidance)
        first = first_sheet(replace(experiment, control=CONTROLS["none"]())).control
        usual = first if isinstance(first, ClassGuidance) else CLASS_OF_PICTURES
        self.form.set_usual(usual if asked and self._pictures else None)
        self.form.leave_out(() if self._pictures else ("each",))
        self._show_classes(experiment)
        self._show_picture(experiment)
        self._refused = bool(control.refusal(experiment.data.mixture))
        self._show_train()

    def _show_classes(self, experiment: Experiment) -> None:
        names = class_names(experiment.data.mixture)
        if names != self._names or self.classes is None:
            self._names = names
            if self.classes is not None:
                self.classes.hide()
                self.classes.deleteLater()
            self.classes = ClassButtons(names)
            self.classes.changed.connect(self.choose_class)
            self.column.insertWidget(self.column.indexOf(self.form), self.classes)
        control = experiment.control
        asked = isinstance(control, ClassGuidance)
        self.classes.setVisible(asked and len(names) > 1)
        if isinstance(control, ClassGuidance) and control.label in names:
            self.classes.set_value(None if control.each else control.label)

    def _show_picture(self, experiment: Experiment) -> None:
        control, mixture = experiment.control, experiment.data.mixture
        control = control.fitted(experiment.data)  # one from a file may not fit: here it can be made to
        shown = isinstance(control, PictureProblem) and not control.refusal(mixture)
        self.picture.setVisible(shown)
        if shown and isinstance(control, PictureProblem) and isinstance(mixture, PictureMixture):
            self.picture.set_control(control, mixture)

    def set_word(self, text: str, busy: bool, missing: str = "") -> None:
        """The sentence about the control in force, whether something is being trained for it, and what must be
        first: a key of TRAININGS, or ""."""
        if text != self.word.text():
            self.word.setText(text)
        self.word.setVisible(bool(text))
        self.train.setEnabled(not busy)
        self._missing = missing
        self._show_train()

    @property
    def _trains(self) -> str:
        """What the button trains. On pictures that takes minutes: it is offered where it is missing."""
        rests_on = "" if self._pictures else RESTS_ON.get(getattr(self._control, "rule", ""), "")
        return "" if self._refused else self._missing or rests_on

    def _show_train(self) -> None:
        words, tip = TRAININGS.get(self._trains, ("", ""))
        self.train.setText(words)
        self.train.setToolTip(tip)
        self.train.setVisible(bool(words))

    def _train(self) -> None:
        (self.labels_pressed if self._trains == "labels" else self.classifier_pressed).emit()
