"""The bar at the top: name, menus, what is shown now, badges, the great buttons. It gives up what matters least."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenuBar, QWidget

from explorer.ui import style
from explorer.ui.labels import Badge, Button, ElidedLabel, label, row

#: Between two things of the bar, and the least room for the menus: the rest of them is behind an arrow then.
SPACING, LEAST_MENUS = 10, 60


class TopBar(QWidget):
    """Where there is no room for all of it the badges go first, then the name, then the last menus."""

    def __init__(self, menus: QMenuBar, badges: tuple[Badge, ...], buttons: tuple[Button, ...]) -> None:
        super().__init__()
        self.now = ElidedLabel("", "muted")
        self.now.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._name = label("Score Explorer", "headline")
        self._menus, self._buttons = menus, buttons
        self._badges = QWidget()
        self._badges.setLayout(row(*badges))
        self._with_badges = True
        menus.setMinimumWidth(LEAST_MENUS)
        line = self._line = row(self._name, menus, self.now, self._badges, *buttons, spacing=SPACING)
        line.setStretch(2, 1)
        line.setContentsMargins(style.px(14), style.px(6), style.px(14), style.px(6))
        self.setLayout(line)

    def set_badges(self, wanted: bool) -> None:
        """Whether to show the badges where there is room for them."""
        self._with_badges = wanted
        self._fit(self.width())

    def minimumSizeHint(self) -> QSize:
        return QSize(
            self._needed(self._menus.minimumWidth(), *self._buttons), super().minimumSizeHint().height()
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit(event.size().width())

    def _needed(self, *parts: QWidget | int) -> int:
        """The width of some parts side by side, those that are a number of pixels included."""
        widths = [part if isinstance(part, int) else part.sizeHint().width() for part in parts]
        margins = self._line.contentsMargins()
        return sum(widths) + style.px(SPACING) * len(widths) + margins.left() + margins.right()

    def _fit(self, room: int) -> None:
        always = (self._menus, *self._buttons)
        named = self._needed(self._name, *always)
        self._name.setVisible(named <= room)
        self._badges.setVisible(self._with_badges and self._needed(self._badges, self._name, *always) <= room)
