"""Labels and layouts: the plainest widgets, which the others are made of."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from explorer.ui.widgets import style


def row(*widgets: QWidget | int, spacing: int = 8) -> QHBoxLayout:
    """A horizontal layout without margins; a number is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(style.px(spacing))
    for widget in widgets:
        if isinstance(widget, int):
            layout.addStretch(widget)
        else:
            layout.addWidget(widget)
    return layout


def label(text: str, role: str = "", parent: QWidget | None = None) -> QLabel:
    """A label in one of the roles of the style sheet: title, headline, muted, small, key."""
    made = QLabel(text, parent)
    if role:
        made.setProperty("role", role)
    return made


#: Letters of a shortened text that still say something.
SHORTEST = 6


class ElidedLabel(QLabel):
    """A label that shortens its text to the room there is, and tells the whole of it on hover.

    `lines`: into how many lines it breaks its text before it shortens it, one or two.
    """

    def __init__(
        self, text: str = "", role: str = "", parent: QWidget | None = None, *, lines: int = 1
    ) -> None:
        super().__init__(parent)
        self._whole = ""
        self._own_tip = True
        self._lines = lines
        if role:
            self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(lines > 1)
        self.setSizePolicy(policy)
        self.set_text(text)

    def heightForWidth(self, width: int) -> int:
        if self._lines == 1:
            return -1
        metrics = QFontMetrics(self.font())
        return metrics.lineSpacing() * (len(self._broken(width)) - 1) + metrics.height() + 2

    def set_text(self, text: str) -> None:
        """The whole text."""
        self._whole = text
        self.updateGeometry()
        self._fit()

    def whole(self) -> str:
        """The text before shortening."""
        return self._whole

    def setToolTip(self, text: str) -> None:
        self._own_tip = False
        super().setToolTip(style.tip(text))

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self._whole) + 2, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(min(metrics.horizontalAdvance(self._whole) + 2, 24), metrics.height() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()
        super().resizeEvent(event)

    def _broken(self, width: int) -> list[str]:
        """The text in its lines: broken at the last space before which it fits, where it may be."""
        metrics = QFontMetrics(self.font())
        if self._lines == 1 or metrics.horizontalAdvance(self._whole) <= width:
            return [self._whole]
        ends = [i for i, letter in enumerate(self._whole) if letter == " "]
        fitting = [i for i in ends if metrics.horizontalAdvance(self._whole[:i]) <= width]
        return [self._whole[: fitting[-1]], self._whole[fitting[-1] + 1 :]] if fitting else [self._whole]

    def _fit(self) -> None:
        *above, last = self._broken(self.width())
        shown = self.fontMetrics().elidedText(last, Qt.TextElideMode.ElideRight, self.width())
        if shown != last and not above and len(shown) < SHORTEST:  # "Eig…" tells nothing
            shown = ""
        self.setText("\n".join([*above, shown]))
        if self._own_tip:
            super().setToolTip(self._whole if shown != last else "")


class Badge(QLabel):
    """A word or two on a tinted ground: "exact score", "CPU"; kind is plain, good, warn or error."""

    def __init__(self, text: str = "", kind: str = "plain", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("role", "badge")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.set(text, kind)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(style.tip(text))

    def set(self, text: str, kind: str = "plain") -> None:
        """Show `text`; an empty one hides the badge."""
        self.setText(text)
        self.setVisible(bool(text))
        if self.property("kind") != kind:
            style.mark(self, kind=kind)


class Button(QPushButton):
    """A push button that a click does not give the focus to, so that rings appear for the keyboard alone."""

    def __init__(
        self,
        text: str,
        tip: str = "",
        *,
        primary: bool = False,
        quiet: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setToolTip(tip)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setProperty("primary", primary)
        self.setProperty("quiet", quiet)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(style.tip(text))
