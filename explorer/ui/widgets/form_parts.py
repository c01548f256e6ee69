"""What the rows of a form are made of: a chooser between entries, and a number that can be typed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QLocale, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QStandardItemModel
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QWidget

from explorer.base.numbers import Marks
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import Combo, Segmented
from explorer.ui.widgets.labels import row

SEGMENTS_MOST = 4
SEGMENTS_WIDTH = 274  # what a card of 300 px leaves


def is_short(words: list[str]) -> bool:
    """Whether these entries fit side by side in a card."""
    metrics = QFontMetrics(style.font(weight=style.SEMIBOLD))
    widest = sum(metrics.horizontalAdvance(w) + style.px(12) for w in words)
    return 2 <= len(words) <= SEGMENTS_MOST and widest <= style.px(SEGMENTS_WIDTH)


class Chooser(QWidget):
    """One of several: segments where they fit, else a combo box. Entries are (value, words, tip)."""

    changed = Signal(object)

    def __init__(self, entries: list[tuple[Any, str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries = entries
        self.segments: Segmented | None = None
        self.combo: Combo | None = None
        if is_short([words for _, words, _ in entries]):
            self.segments = Segmented(entries)
            self.segments.changed.connect(self.changed)
        else:
            self.combo = self._make_combo()
        self.setLayout(row(self.segments or self.combo or QWidget(), spacing=0))

    def _make_combo(self) -> Combo:
        combo = Combo()
        combo.setPlaceholderText("Choose…")
        for i, (_, words, tip) in enumerate(self._entries):
            combo.addItem(words)
            combo.setItemData(i, style.tip(tip), Qt.ItemDataRole.ToolTipRole)
        combo.activated.connect(lambda i: self.changed.emit(self._entries[i][0]))
        return combo

    def set_enabled(self, value: Any, on: bool, why_not: str) -> None:
        """Offer an entry, or say on hover why it is not."""
        i = [v for v, _, _ in self._entries].index(value)
        tip = self._entries[i][2] if on else why_not
        if self.segments is not None:
            button = self.segments.buttons()[i]
            if button.isEnabled() != on:
                button.setEnabled(on)
                button.setToolTip(tip)
        elif self.combo is not None:
            model = self.combo.model()
            assert isinstance(model, QStandardItemModel)
            item = model.item(i)
            if item.isEnabled() != on:
                item.setEnabled(on)
                item.setToolTip(tip)

    def value(self) -> Any:
        """What is chosen, or None."""
        if self.segments is not None:
            return self.segments.value()
        i = self.combo.currentIndex() if self.combo else -1
        return self._entries[i][0] if i >= 0 else None

    def set_value(self, value: Any) -> None:
        """Choose without emitting; a value that is no entry leaves nothing chosen."""
        values = [v for v, _, _ in self._entries]
        if self.segments is not None:
            self.segments.set_entry(value)
        elif self.combo is not None:
            self.combo.setCurrentIndex(values.index(value) if value in values else -1)


class Entry(QLineEdit):
    """A number in tabular figures that becomes a box to type in when it is pressed."""

    typed = Signal(str)
    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = ""
        self._entered = False  # whether the press that is coming has just given it the focus
        self.setProperty("flat", True)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._widen()
        self.editingFinished.connect(self._commit)

    def _widen(self) -> None:
        self.setFixedWidth(QFontMetrics(style.font()).horizontalAdvance("0") * 7 + style.px(12))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._widen()

    def show_text(self, text: str) -> None:
        """Show a value, unless another one is being typed."""
        self._shown = text
        if not (self.hasFocus() and self.isModified()):
            self.setText(text)
            self.setCursorPosition(0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        first, self._entered = self._entered, False  # by now it has the focus: Qt gives that before the press
        super().mousePressEvent(event)
        if first:  # what is typed then replaces the number
            self.selectAll()

    def _commit(self) -> None:
        text, changed = self.text().strip(), self.isModified() and self.text().strip() != self._shown
        self.setModified(False)
        if changed:
            self.typed.emit(text)
        self.setText(self._shown)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._shown)
            self.setModified(False)
            self.clearFocus()  # so that the keys of the window work again
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clearFocus()
        elif event.key() in steps:
            self._commit()
            self.stepped.emit(steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._entered = event.reason() == Qt.FocusReason.MouseFocusReason
        if not self._entered:
            self.selectAll()


def marks() -> Marks:
    """What separates decimals and groups digits in the user's locale."""
    locale = QLocale()
    return Marks(locale.decimalPoint(), locale.groupSeparator())
