"""Everything that cards and dialogs are made of, to import from one place; and the card itself."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from explorer.ui.widgets import style
from explorer.ui.widgets.controls import Combo, IconButton, Segmented, Switch
from explorer.ui.widgets.labels import Badge, Button, ElidedLabel, label, row
from explorer.ui.widgets.notices import NoticeBar, ProgressCard

__all__ = [
    "Badge", "Button", "Card", "Combo", "ElidedLabel", "IconButton", "NoticeBar", "ProgressCard", "Segmented",
    "Switch", "label", "row",
]  # fmt: skip


class Card(QFrame):
    """A titled panel that folds away; a badge and small controls stand at the right of its title."""

    folded = Signal(bool)

    def __init__(
        self, title: str, *, badge: str = "", foldable: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.badge = Badge(badge, parent=self)
        self._title = label(title, "title")
        self._fold = IconButton("down", f"Fold {title}", size=20, parent=self)
        self._fold.setVisible(foldable)
        self._fold.clicked.connect(lambda: self.set_folded(not self.is_folded()))
        self._head = row(self._title, 1, self.badge, self._fold, spacing=6)
        self._body = QWidget()
        self.column = QVBoxLayout(self._body)
        self.column.setContentsMargins(0, style.px(6), 0, 0)
        self.column.setSpacing(style.px(8))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(style.px(12), style.px(9), style.px(12), style.px(11))
        whole.setSpacing(0)
        whole.addLayout(self._head)
        whole.addWidget(self._body)

    def add(self, widget: QWidget) -> QWidget:
        """Put `widget` under what is there already, and return it."""
        self.column.addWidget(widget)
        return widget

    def set_title(self, title: str) -> None:
        """Another title."""
        self._title.setText(title)

    def is_folded(self) -> bool:
        """Whether only the title shows."""
        return self._body.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Show the title alone, or everything."""
        if folded != self.is_folded():
            self._body.setVisible(not folded)
            self._fold.set_icon(
                "right" if folded else "down", f"{'Unfold' if folded else 'Fold'} {self._title.text()}"
            )
            self.folded.emit(folded)

    def mouseDoubleClickEvent(self, event: object) -> None:
        if not self._fold.isHidden():
            self.set_folded(not self.is_folded())
