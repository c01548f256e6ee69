"""The two side columns: cards one under the other, which scroll where the window is low."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from explorer.ui.widgets import style


class SideColumn(QScrollArea):
    """A column of cards of a fixed width."""

    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._width = width
        self._revealed: QWidget | None = None  # the card that is kept in view while it grows
        # a timer of its own: a shot at a card that goes before it would keep the card in memory
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.timeout.connect(self._scroll)
        self.verticalScrollBar().sliderPressed.connect(self._leave)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, style.px(4), 0)
        self._column.setSpacing(style.px(10))
        self._column.addStretch(1)
        self.setWidget(inside)
        self.rescale()

    def add(self, card: QWidget) -> None:
        """Add a card at the foot."""
        self._column.insertWidget(self._column.count() - 1, card)

    def reveal(self, card: QWidget) -> None:
        """Scroll so that a card is seen to its foot, or from its head where it is higher than the column; also when
        it grows again because more is known of what was chosen, or what is above it does, until the person scrolls."""
        self._leave()
        self._revealed = card
        card.installEventFilter(self)
        self._due.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        card = self._revealed
        if card is not None and watched is card and event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self._due.start()
        return bool(super().eventFilter(watched, event))

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._leave()
        super().wheelEvent(event)

    def _leave(self) -> None:
        """The person scrolls: no card is followed any more."""
        if self._revealed is not None:
            self._revealed.removeEventFilter(self)
            self._revealed = None

    def _scroll(self) -> None:
        card, inside = self._revealed, self.widget()
        if card is None or inside is None:
            return
        if layout := inside.layout():
            layout.activate()
        # the area takes the new height at once; a size set here would be undone by it, and the card resized for ever
        QCoreApplication.sendEvent(self, QEvent(QEvent.Type.LayoutRequest))
        top, bottom = card.y(), card.y() + card.height()
        bar, room = self.verticalScrollBar(), self.viewport().height()
        bar.setValue(min(top, max(bar.value(), bottom - room)))

    def rescale(self) -> None:
        """Take the width for the text size in force."""
        self.setFixedWidth(style.px(self._width) + style.px(8))
