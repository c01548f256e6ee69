"""Choose columns: what is taken of a table or an array file, seen before it becomes the data."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QCursor
from PySide6.QtWidgets import QDialog, QFrame, QMenu, QScrollArea, QVBoxLayout, QWidget

from explorer.base.errors import sentence
from explorer.base.params import ParamError
from explorer.data.imports import Choice, DataFileError, Imported, Preview, UndecidedError, look, taking
from explorer.data.imports.questions import Asked, Question, questions
from explorer.ui.files.columns_table import ColumnsTable, roles
from explorer.ui.widgets import style
from explorer.ui.widgets.form_rows import ROWS, Row
from explorer.ui.widgets.labels import Button, ElidedLabel, label, row
from explorer.ui.widgets.mnemonics import keep, lettered
from explorer.ui.widgets.tasks import Task

#: Milliseconds of rest after a change before the file is read.
REST_MS = 120
#: Takes what was chosen: its file, how it was looked at, the choice, the points.
Use = Callable[[Path, Preview, Choice, Imported], None]


class ColumnsPanel(QDialog):
    """A window of its own that blocks nothing. It reads while one chooses, so that it says what will be used.

    Everything that can be chosen is a question of `imports.questions`: a row is made for each.
    """

    def __init__(self, parent: QWidget, use: Use) -> None:
        super().__init__(parent)
        self._window, self._use = parent, use
        self._path = Path()
        self.asked: Asked | None = None
        self.imported: Imported | None = None  # what the choice gives, once it has been read
        self._wanted = False  # whether Import was pressed while it was still being read
        self._task: Task | None = None
        self._rows: dict[str, Row] = {}
        self._questions: tuple[Question, ...] = ()
        self.setWindowTitle("Choose columns")
        self.kind = ElidedLabel("", "small")
        self.table = ColumnsTable()
        self.table.asked_about.connect(self._ask_role)
        self.said, self.state = label("", "small"), label("")
        for words in (self.said, self.state):
            words.setWordWrap(True)
            words.setTextFormat(Qt.TextFormat.PlainText)
        take, leave = lettered(["Import", "Cancel"])
        self.import_button = Button(take, "Make these points the data (Enter)", primary=True)
        self.import_button.setDefault(True)
        self.import_button.clicked.connect(self.take)
        self.cancel_button = Button(leave, "The data stays as it is (Esc)")
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.clicked.connect(self.close)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._read)
        self._lay_out()

    def _lay_out(self) -> None:
        self._form = QWidget()
        self._form.setObjectName("column")
        self._column = QVBoxLayout(self._form)
        self._column.setContentsMargins(0, 0, style.px(8), 0)
        self._column.setSpacing(style.px(9))
        self._column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self._form)
        area.setFixedWidth(style.px(300))
        left = QVBoxLayout()
        left.setSpacing(style.px(8))
        left.addWidget(self.kind)
        left.addWidget(self.table, 1)
        left.addWidget(self.said)
        left.addWidget(self.state)
        middle = row(spacing=18)
        middle.addLayout(left, 1)
        middle.addWidget(area)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(*[style.px(18)] * 4)
        whole.setSpacing(style.px(12))
        whole.addLayout(middle, 1)
        whole.addLayout(row(1, self.cancel_button, self.import_button))
        for before, after in ((area, self.table), (self.table, self.import_button)):
            self.setTabOrder(before, after)

    # --- asking ----------------------------------------------------------------------------------------

    def open_on(self, path: Path, preview: Preview, choice: Choice | None = None) -> None:
        """Ask about a file; what was asked about before is dropped."""
        self._drop()
        self._path = path
        self._show(Asked.of(preview, choice))
        room = self._window.size()
        self.resize(min(style.px(960), room.width() - 40), min(style.px(600), room.height() - 60))
        self.show()
        self.raise_()
        self._first().setFocus(Qt.FocusReason.OtherFocusReason)

    def _first(self) -> QWidget:
        """What is to be used first: the question that needs an answer, else Import."""
        missing = self.asked.unanswered if self.asked else None
        if missing is None:
            return self.import_button
        inside = self._rows[missing.param.name].findChildren(QWidget)
        # a row just made is shown later, and takes the focus then
        hidden = Qt.WidgetAttribute.WA_WState_ExplicitShowHide
        shown = [w for w in inside if not (w.isHidden() and w.testAttribute(hidden))]
        return next(w for w in shown if w.focusPolicy() & Qt.FocusPolicy.TabFocus)

    def row(self, name: str) -> Row:
        """The row of a question, by the name of its parameter."""
        return self._rows[name]

    def names(self) -> list[str]:
        """The questions that are asked, in order."""
        return list(self._rows)

    @property
    def busy(self) -> bool:
        """Whether what is chosen is still to be read."""
        return self._rest.isActive() or (self._task is not None and self._task.alive)

    def answer(self, name: str, value: Any) -> None:
        """Answer a question."""
        question = next(q for q in self._questions if q.param.name == name)
        try:
            checked = question.param.check(value, question.param.label)
        except ParamError as error:
            self._say(f"{error}.")
            self._rows[name].show_value(question.answer)
            return
        if question.looks:
            return self._look(**{question.looks: checked})
        assert self.asked is not None
        choice = question.put(checked)
        if choice != self.asked.choice:
            same = choice.columns == self.asked.choice.columns
            readings = self.asked.open_readings if same else ()
            self._show(replace(self.asked, choice=choice, open_readings=readings))

    def _show(self, asked: Asked) -> None:
        """Show what is chosen, and read it once there is a rest."""
        self.asked = asked
        self.kind.set_text(f"{asked.preview.name}: {asked.preview.kind}")
        self.table.show_asked(asked)
        self._show_rows()
        self._drop_task()
        self.imported = None
        missing = asked.unanswered
        self.import_button.setEnabled(missing is None)
        if missing is None:
            self._say("")
            self._tell("Reading …")
            self._rest.start(REST_MS)
        else:
            self._wanted = False
            self._tell("")
            self._say(f"{missing.param.label}: choose one. {missing.param.help}")

    def _show_rows(self) -> None:
        """One row for each question; those of questions that are asked as before stay, with their focus."""
        assert self.asked is not None
        self._questions = questions(self.asked)
        wanted = {q.param.name: q for q in self._questions}
        for name, old in list(self._rows.items()):
            if name not in wanted or _shape(old.param) != _shape(wanted[name].param):
                del self._rows[name]
                self._column.removeWidget(old)
                old.hide()
                old.deleteLater()
        made = {}
        for place, (name, question) in enumerate(wanted.items()):
            made[name] = self._rows.get(name) or self._make(question, place)
            # what has no usual answer leads back to none
            usual = question.answer if question.none is not None else question.param.default
            made[name].set_usual(usual)
            made[name].show_value(question.answer)
        self._rows = made

    def _make(self, question: Question, place: int) -> Row:
        name = question.param.name
        made = ROWS[question.param.kind](question.param)
        made.proposed.connect(partial(self.answer, name))
        made.refused.connect(lambda text: self._say(f"{text}."))
        self._column.insertWidget(place, made)
        return made

    def _ask_role(self, place: int) -> None:
        """What the column at a place is to be, in a menu below its header."""
        assert self.asked is not None
        name, menu = self.asked.preview.columns[place].name, keep(QMenu(self))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        taken = {"x": "x", "y": "y", "class": "classes"}.get(roles(self.asked).get(name, ""), "")
        for question in self._questions:
            key = question.param.name
            if key in ("x", "y", "classes"):
                can = name in dict(question.param.choices)
                action = menu.addAction(
                    f"Take as {question.param.label.lower()}", partial(self.answer, key, name)
                )
                action.setEnabled(can and key != taken)
        if taken in ("y", "classes"):
            menu.addAction("Leave out", partial(self.answer, taken, ""))
        menu.popup(QCursor.pos())

    def _tell(self, text: str) -> None:
        """What will be used, or how far the reading is."""
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def _say(self, text: str) -> None:
        """What is wrong, or has to be chosen; "" where nothing is."""
        self.state.setText(text)
        self.state.setVisible(bool(text))

    # --- reading ---------------------------------------------------------------------------------------

    def _look(self, part: str = "", encoding: str = "") -> None:
        """Look at the file in another way (arguments of `look`); how many points are kept stays as it was chosen."""
        assert self.asked is not None
        self._drop_task()
        self._rest.stop()
        self.imported = None
        self.import_button.setEnabled(False)
        self._tell("Reading …")
        kept = self.asked.choice

        def done(preview: Preview) -> None:
            choice = replace(
                preview.proposal, per_axis=kept.per_axis, count=kept.count, held_out=kept.held_out
            )
            self._show(Asked.of(preview, choice))

        self._task = Task(
            self, partial(look, self._path, part=part, encoding=encoding), done, self._refuse_part
        )

    def _refuse_part(self, error: BaseException) -> None:
        """That a part cannot be read; what was looked at before stays."""
        assert self.asked is not None
        self._show(self.asked)
        self._say(sentence(error, self._path.name, "read"))

    def _read(self) -> None:
        assert self.asked is not None
        work: Callable[[], Generator[float, None, Imported]] = partial(
            taking, self.asked.preview, self.asked.choice
        )
        self._task = Task(self, work, self._read_done, self._failed, self._progress)

    def _progress(self, share: float) -> None:
        self._tell(f"Reading … {share:.0%}")

    def _read_done(self, imported: Imported) -> None:
        assert self.asked is not None
        self.imported = imported
        self._tell(imported.sentence)
        if self.asked.choice.held_out is None:
            held_out = 0.1 if imported.held_out is not None and len(imported.held_out) else 0.0
            self.asked = replace(self.asked, held_out=held_out)
            self._show_rows()
        if self._wanted:
            self.take()

    def _failed(self, error: BaseException) -> None:
        assert self.asked is not None
        self._tell("")
        if isinstance(error, UndecidedError) and not self.asked.readings:
            return self._show(replace(self.asked, open_readings=error.readings))
        self._wanted = False
        self.import_button.setEnabled(False)
        self._say(
            str(error) if isinstance(error, DataFileError) else sentence(error, self._path.name, "read")
        )

    def take(self) -> None:
        """Make what is chosen the data, as soon as it has been read."""
        if self.imported is None or self.asked is None:
            self._wanted = True
            return
        path, asked, imported = self._path, self.asked, self.imported
        self.close()
        self._use(path, asked.preview, asked.choice, imported)

    def _drop_task(self) -> None:
        if self._task is not None and self._task.alive:
            self._task.drop()
        self._task = None

    def _drop(self) -> None:
        """Read no further, and forget what was read."""
        self._rest.stop()
        self._drop_task()
        self._wanted = False
        self.imported = None

    def closeEvent(self, event: QCloseEvent) -> None:
        self._drop()
        event.accept()

    def reject(self) -> None:
        """Esc closes it like Cancel."""
        self.close()


def _shape(param: Any) -> Any:
    """What a row is made of: two questions with the same have the same row."""
    return replace(param, default=None)
