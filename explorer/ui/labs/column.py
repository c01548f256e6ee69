"""The right column of a laboratory: what it is, its settings, Run and Stop, its equation, its files."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from explorer.base.params import params
from explorer.figures.papers import PAPER
from explorer.labs import Lab
from explorer.ui.cards.cards import EditCard
from explorer.ui.widgets import style
from explorer.ui.widgets.card import Card
from explorer.ui.widgets.equation import EquationView
from explorer.ui.widgets.forms import Form
from explorer.ui.widgets.labels import Button, label, row
from explorer.ui.widgets.mnemonics import keep
from explorer.ui.widgets.sides import SideColumn

#: Ending -> words of the Save menu.
FORMATS = {
    ".png": "Image (PNG)", ".svg": "Drawing (SVG)", ".pdf": "Page (PDF)", ".csv": "Tables or curves (CSV)",
    ".tex": "Tables (LaTeX)", ".npz": "All numbers (NPZ)", ".json": "Words and numbers (JSON)",
}  # fmt: skip


#: Milliseconds after which a run shows on the button: a drag starts many that are over sooner.
PATIENCE = 250


class LabColumn(SideColumn):
    """Shows a laboratory; `edited` carries it with other fields."""

    edited = Signal(object)
    finished = Signal()
    refused = Signal(str)
    run_pressed = Signal()
    stop_pressed = Signal()
    back_pressed = Signal()
    all_pressed = Signal()
    save_pressed = Signal(str)  # the ending
    open_pressed = Signal(str)  # the field that a picture is opened for

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(290, parent)
        self.back = Button("Back to the stage", "Close the laboratory (Esc)")
        self.all = Button("All", "All laboratories (Ctrl+L)")
        self.back.clicked.connect(self.back_pressed)
        self.all.clicked.connect(self.all_pressed)
        self._make_about()
        self._make_settings()
        self.files = Card("Save")
        self.save = Button("Save the figures", "As an image, a table or numbers, with their settings")
        self.save.setMenu(self._save_menu())
        self.files.add(self.save)
        self.files.add(
            _small(
                "Press a small figure to show it large. A figure's menu (right button) copies and saves it alone."
            )
        )
        ways = QWidget()
        line = row(self.back, self.all)
        line.setStretch(0, 1)
        ways.setLayout(line)
        for card in (ways, self.about, self.settings, self.files):
            self.add(card)

    def _make_about(self) -> None:
        self.about = Card("")
        self.text, self.source = _small(""), _small("")
        self.equation = EquationView()
        for widget in (self.text, self.equation, self.source):
            self.about.add(widget)

    def _make_settings(self) -> None:
        self.settings = EditCard("Settings")
        self._form: Form | None = None
        #: Field -> the button that opens a picture for it.
        self.openers: dict[str, Button] = {}
        self._nothing = _small("It has no settings of its own: it follows the experiment at the left.")
        self.run = RunButton()
        self.run.run_pressed.connect(self.run_pressed)
        self.run.stop_pressed.connect(self.stop_pressed)
        self.state = _small("")
        for widget in (self.run, self.state, self._nothing):  # above the form, which may be long
            self.settings.add(widget)

    def _save_menu(self) -> QMenu:
        menu = keep(QMenu(self))
        for ending, words in FORMATS.items():
            menu.addAction(f"{words}…", partial(self.save_pressed.emit, ending))
        menu.addSeparator()
        menu.addAction("For a paper or a slide…", partial(self.save_pressed.emit, PAPER))
        return menu

    def form(self) -> Form:
        """The form of the laboratory that is open."""
        assert self._form is not None
        return self._form

    def set_lab(self, lab: Lab) -> None:
        """Show a laboratory and its fields."""
        if self._form is None or type(self._form.owner()) is not type(lab):
            self._show_kind(lab)
        self.form().set_owner(lab)

    def _show_kind(self, lab: Lab) -> None:
        self.about.set_title(lab.title)
        self.text.setText(lab.about)
        self.equation.set_latex(lab.equation)
        self.equation.setVisible(bool(lab.equation))
        self.source.setText(lab.source)
        self.source.setVisible(bool(lab.source))
        if self._form is not None:
            self.settings.column.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        self._form = form = Form(lab)
        form.edited.connect(self.edited)
        form.finished.connect(self.finished)
        form.refused.connect(self.refused)
        self.settings.add(form)
        self._set_openers(lab)
        kind = type(lab)
        self._nothing.setVisible(not params(kind))
        self.verticalScrollBar().setValue(0)

    def _set_openers(self, lab: Lab) -> None:
        """Buttons that open pictures of the user's own."""
        for button in self.openers.values():
            button.hide()
            button.deleteLater()
        self.openers = {
            field: Button(own.words, "One of your own, brought to the size of these")
            for field, own in lab.own_pictures.items()
        }
        for field, button in self.openers.items():
            button.clicked.connect(partial(self.open_pressed.emit, field))
            self.settings.add(button)

    def set_state(
        self, text: str, *, running: bool, progress: float, can_run: bool, can_save: bool, waiting: bool
    ) -> None:
        """What the buttons can do now, and what the run is doing."""
        if self.state.text() != text:
            self.state.setText(text)
        self.state.setVisible(bool(text))
        self.run.show_state(running, progress, can_run, "Run" if waiting else "Run again")
        self.save.setEnabled(can_save)


class RunButton(Button):
    """Run, which is Stop with a bar of progress while something runs. A run that is over at once leaves it as it is."""

    run_pressed, stop_pressed = Signal(), Signal()

    def __init__(self) -> None:
        super().__init__("Run", primary=True)
        self._running, self._progress, self._idle = False, 0.0, "Run"
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PATIENCE)
        self._soon.timeout.connect(self._dress)
        self.clicked.connect(lambda: (self.stop_pressed if self.stops else self.run_pressed).emit())

    @property
    def stops(self) -> bool:
        """Whether a press stops what runs."""
        return self._running and not self._soon.isActive()

    def show_state(self, running: bool, progress: float, can_run: bool, idle: str) -> None:
        """Whether something runs, how far it is (0 to 1), and what the button says when nothing does."""
        if running and not self._running:
            self._soon.start()
        elif not running:
            self._soon.stop()
        self._running, self._progress, self._idle = running, progress, idle
        self.setEnabled(running or can_run)
        self._dress()

    def _dress(self) -> None:
        words = f"Stop: {self._progress:.0%} done" if self.stops else self._idle
        if self.text() != words:
            self.setText(words)
            self.setToolTip(
                "Stop the run; what is shown stays (Ctrl+R)"
                if self.stops
                else "Run it as it is set now (Ctrl+R)"
            )
        if self.property("primary") == self.stops:
            style.mark(self, primary=not self.stops)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.stops:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().highlight())
            inside, high = self.rect().adjusted(style.px(6), 0, -style.px(6), 0), style.px(3)
            bar = QRectF(inside.left(), inside.bottom() - high - 2, inside.width() * self._progress, high)
            painter.drawRoundedRect(bar, high / 2, high / 2)
            painter.end()


def _small(text: str) -> QLabel:
    made = label(text, "small")
    made.setWordWrap(True)
    return made
