"""The words of a scene, above the stage: a panel of its own that covers nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout

from explorer.figures.theme import Theme
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import IconButton
from explorer.ui.widgets.labels import label


class Caption(QFrame, style.Themed):
    """A title and a text, which stay until they are closed or are about nothing that is shown any more."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.title, self.words = label("", "title"), label("")
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        cross = IconButton("close", "Close the text of the scene", size=22)
        cross.clicked.connect(self.clear)
        text = QVBoxLayout()
        text.setSpacing(style.px(2))
        text.addWidget(self.title)
        text.addWidget(self.words)
        self._line = QHBoxLayout(self)
        self._line.addLayout(text, 1)
        self._line.addWidget(cross, 0, Qt.AlignmentFlag.AlignTop)
        self.set_theme(style.current())
        self.hide()

    def show_text(self, title: str, words: str) -> None:
        """Show the words of a scene."""
        self.title.setText(title)
        self.words.setText(words)
        self.setAccessibleName(f"{title}. {words}")
        self.show()

    def clear(self) -> None:
        """Take the words away."""
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def set_theme(self, theme: Theme) -> None:
        """The text size may be another one."""
        self._line.setContentsMargins(style.px(14), style.px(8), style.px(8), style.px(9))
