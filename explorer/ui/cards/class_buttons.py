"""The classes of the data as buttons, in rows: one click asks for another."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.ui.widgets import style
from explorer.ui.widgets.controls import Segmented
from explorer.ui.widgets.form_parts import SEGMENTS_WIDTH

#: Classes shown at most; a set with more keeps to its number in the form.
MOST = 40


class ClassButtons(QWidget):
    """One of the classes; the rows are as long as their words allow."""

    changed = Signal(object)

    def __init__(self, names: Mapping[int, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Segmented] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.px(4))
        entries = [(number, word, f"Class {number}") for number, word in names.items()][:MOST]
        per_row = self._per_row([word for _, word, _ in entries])
        for start in range(0, len(entries), per_row):
            row = Segmented(entries[start : start + per_row])
            row.changed.connect(self._choose)
            self._rows.append(row)
            column.addWidget(row)

    @staticmethod
    def _per_row(words: list[str]) -> int:
        metrics = QFontMetrics(style.font(weight=style.SEMIBOLD))
        widest = max((metrics.horizontalAdvance(w) for w in words), default=0) + style.px(12)
        fit = max(1, style.px(SEGMENTS_WIDTH) // widest)
        return -(-len(words) // -(-len(words) // fit)) if words else 1  # rows of about one length

    def value(self) -> int | None:
        """What is chosen, or None."""
        return next((row.value() for row in self._rows if row.value() is not None), None)

    def set_value(self, value: int | None) -> None:
        """Choose a class, or none, without emitting."""
        for row in self._rows:
            row.set_entry(value)

    def _choose(self, value: int) -> None:
        self.set_value(value)
        self.changed.emit(value)
