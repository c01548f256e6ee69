"""The rows of a form: one widget for one parameter, made from what its Param says."""

from __future__ import annotations

import html
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from explorer.base.numbers import NumberError, number
from explorer.base.params import Param, parts_of
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import IconButton, Switch
from explorer.ui.widgets.form_parts import Chooser, Entry, marks
from explorer.ui.widgets.labels import ElidedLabel, label, row
from explorer.ui.widgets.slider import Scale, TrackSlider, compact


def default_of(p: Param) -> Any:
    """The value that a new object has."""
    return p.default() if callable(p.default) else p.default


def symbol_html(symbol: str) -> str:
    """ "β_min" as an italic β with a small "min" below."""
    stem, _, low = html.escape(symbol).partition("_")
    return f"<i>{stem}</i><sub>{low}</sub>" if low else f"<i>{stem}</i>"


def tip_html(p: Param, usual: Any = None) -> str:
    """What hovering a row tells: name, symbol, meaning, range, default (where another is usual, that), equation."""
    usual = default_of(p) if usual is None else usual
    head = f"<b>{html.escape(p.label or p.name)}</b>" + (
        f" &nbsp;{symbol_html(p.symbol)}" if p.symbol else ""
    )
    facts = []
    if p.kind in ("int", "float"):
        top = f" to {p.maximum:g}" if p.maximum < float("inf") else " or more"
        facts = [f"{p.minimum:g}{top}" if p.minimum > -float("inf") else "any number"]
        facts.append(f"usually {usual:g}{' ' + p.unit if p.unit else ''}")
    if p.equation:
        facts.append(html.escape(p.equation))
    lines = [head, html.escape(p.help), " · ".join(facts), *style.sources(p.help + p.equation)]
    return "<div>" + "<br>".join(line for line in lines if line) + "</div>"


class Row(QWidget):
    """One parameter. `proposed` carries a value that the owner may still refuse."""

    proposed = Signal(object)
    finished = Signal()  # a drag has ended, or a value was typed
    refused = Signal(str)  # what was typed has no value, and why
    typing = False  # whether a value is half typed, so that it may be wrong for a while

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__()
        self.param = p
        #: What the button resets to: the parameter's default, unless another suits what the form is about.
        self.usual = default_of(p)
        # With a parent from the start: shown without one they would be windows of their own.
        self.title = ElidedLabel(p.label or p.name, parent=self, lines=2)
        self.title.setVisible(titled)
        self.reset = IconButton("reset", "", size=18, parent=self)
        self._headed = False
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        self.reset.hide()
        self.reset.clicked.connect(self._on_reset)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(style.px(1))
        self._tell_usual()

    def set_usual(self, value: Any) -> None:
        """Have another value to go back to."""
        if value != self.usual:
            self.usual = value
            self._tell_usual()

    def _tell_usual(self) -> None:
        for widget in (self, self.title):
            widget.setToolTip(tip_html(self.param, self.usual))
        self.reset.setToolTip(f"Back to {self._usual_words()}")
        self.reset.setAccessibleName(self.reset.toolTip())

    def head(self, *right: QWidget) -> None:
        """The line with the name, the symbol, the button that resets, and what stands at the right."""
        self._headed = True
        symbol = QLabel(symbol_html(self.param.symbol) if self.param.symbol else "")
        symbol.setTextFormat(Qt.TextFormat.RichText)
        symbol.setProperty("role", "muted")
        line = row(self.title, symbol, 1, self.reset, *right, spacing=5)
        line.setStretch(0, 0)
        self.column.addLayout(line)

    def _usual_words(self) -> str:
        usual = self.usual
        words = dict(self.param.choices).get(usual) if self.param.kind == "choice" else None
        if self.param.kind == "many":
            words = ", ".join(dict(self.param.choices).get(text, text) for text in parts_of(usual))
        return str(words or getattr(usual, "title", None) or compactly(self.param, usual))

    def _on_reset(self) -> None:
        self.proposed.emit(self.usual)
        self.finished.emit()

    def show_value(self, value: Any) -> None:
        """Show `value` without emitting."""
        self.reset.setVisible(self._headed and value != self.usual)
        self.display(value)

    def display(self, value: Any) -> None:
        """Bring the control to `value`."""
        raise NotImplementedError


def scale_of(p: Param) -> Scale:
    """The slider's scale of a number; a logarithm that reaches 0 is refused by being linear."""
    return Scale(p.low, p.high, p.log and p.low > 0, p.kind == "int", p.every)


def compactly(p: Param, value: Any) -> str:
    """A value in the words and digits of its entry."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return compact(value, scale_of(p).decimals)


class NumberRow(Row):
    """A slider with a typed entry, which may go beyond it."""

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__(p, titled=titled)
        self.scale = scale_of(p)
        self._value: float = default_of(p)
        self._shows = False
        self.entry = Entry()
        self.entry.setAccessibleName(p.label)
        self.slider = TrackSlider(own_steps=True)
        self.slider.setRange(0, self.scale.ticks)
        self.slider.setAccessibleName(p.label)
        self._unit = label(p.unit, "muted", self)
        self._unit.setVisible(bool(p.unit or p.zero))
        self.head(self.entry, self._unit)
        self.column.addWidget(self.slider)
        self.slider.valueChanged.connect(self._on_slide)
        self.slider.sliderReleased.connect(self.finished)
        self.slider.nudged.connect(self._on_step)
        self.entry.stepped.connect(self._on_step)
        self.entry.typed.connect(self._on_typed)
        self._tell_usual()

    def _tell_usual(self) -> None:
        super()._tell_usual()
        if not hasattr(self, "slider"):  # while it is being made
            return
        for widget in (self.entry, self.slider):
            widget.setToolTip(self.toolTip())
        self.slider.set_notch(self.scale.share(self.usual))

    def display(self, value: float) -> None:
        self._value = value
        self.entry.show_text(compactly(self.param, value))
        if self.param.zero:
            self._unit.setText(self.param.unit if value else self.param.zero)
        self._shows = True
        self.slider.setValue(round(self.scale.share(value) * self.scale.ticks))
        self._shows = False
        self.slider.set_beyond(not self.param.low <= value <= self.param.high)

    def _on_slide(self, position: int) -> None:
        if not self._shows:
            value = self.scale.at(position / self.scale.ticks)
            if value != self._value:
                self.proposed.emit(value)

    def _on_step(self, steps: int) -> None:
        self.proposed.emit(self.scale.stepped(self._value, steps))
        self.finished.emit()

    def _on_typed(self, text: str) -> None:
        try:
            self.proposed.emit(number(text, marks(), whole=self.param.kind == "int"))
        except NumberError as error:
            self.refused.emit(f"{self.param.label or self.param.name} must be {error}")
        self.finished.emit()


class SwitchRow(Row):
    """A switch."""

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__(p, titled=titled)
        self.switch = Switch()
        self.switch.setAccessibleName(p.label)
        self.head(self.switch)
        self.switch.clicked.connect(self._on_click)

    def _on_click(self, on: bool) -> None:
        self.proposed.emit(on)
        self.finished.emit()

    def display(self, value: bool) -> None:
        self.switch.setChecked(value)


class ChoiceRow(Row):
    """One of a parameter's choices."""

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__(p, titled=titled)
        self.chooser = Chooser([(value, words, "") for value, words in p.choices])
        self.chooser.changed.connect(self._on_choice)
        if titled:
            self.head()
            self.column.setSpacing(style.px(4))
        self.column.addWidget(self.chooser)

    def _on_choice(self, value: Any) -> None:
        self.proposed.emit(value)
        self.finished.emit()

    def display(self, value: Any) -> None:
        self.chooser.set_value(value)


class TextRow(Row):
    """A line of text; what is half typed may be wrong for a while."""

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__(p, titled=titled)
        self._value = ""
        self.line = QLineEdit()
        self.line.setAccessibleName(p.label)
        self.line.textEdited.connect(self._typed)
        self.line.editingFinished.connect(self._ended)
        self.head()
        self.column.setSpacing(style.px(4))
        self.column.addWidget(self.line)

    def _typed(self, text: str) -> None:
        self.typing = True
        self.proposed.emit(text)

    def _ended(self) -> None:
        if self.typing:
            self.typing = False
            self.proposed.emit(self.line.text())
        self.finished.emit()

    def display(self, value: str) -> None:
        if value != self.line.text():
            self.line.setText(value)
            self.line.setCursorPosition(0)  # where it is longer than the line, its beginning is read


class ManyRow(Row):
    """Several of a parameter's choices, each a box to tick; what else a file names is a box of its own."""

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__(p, titled=titled)
        self.boxes: dict[str, QCheckBox] = {}
        self.head()
        for text, words in p.choices:
            self._add(text, words)

    def _add(self, text: str, words: str) -> None:
        box = self.boxes[text] = QCheckBox(words)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        box.setToolTip(text)
        box.clicked.connect(self._on_click)
        self.column.addWidget(box)

    def _on_click(self) -> None:
        self.proposed.emit(", ".join(text for text, box in self.boxes.items() if box.isChecked()))
        self.finished.emit()

    def display(self, value: str) -> None:
        chosen = parts_of(value)
        known = dict(self.param.choices)
        if chosen == ["all"]:
            chosen = [text for text in known if "(" not in text]
        for text in chosen:
            if text not in self.boxes:
                self._add(text, text)
        for text, box in self.boxes.items():
            box.setChecked(text in chosen)
            box.setVisible(text in chosen or text in known)


ROWS: dict[str, type[Row]] = {
    "float": NumberRow,
    "int": NumberRow,
    "bool": SwitchRow,
    "choice": ChoiceRow,
    "text": TextRow,
    "many": ManyRow,
}
