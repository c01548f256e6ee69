"""The bar at the top: name, menus, what is shown now, badges, the great buttons. It gives up what matters least."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from explorer.ui.widgets import style
from explorer.ui.widgets.labels import Badge, Button, ElidedLabel, label, row
from explorer.ui.widgets.mnemonics import plain

#: Between two things of the bar; around the name of a menu, by the style sheet; between two menus, by Qt's style.
SPACING, PADDING, BETWEEN = 10, 8, 7


class TopBar(QWidget):
    """Where there is no room for all of it the badges go first, then the name, then the last menus, into one called
    More, then the first buttons, whose commands are in the menus. What is shown now is shortened last of all: badges
    come back only where it is whole."""

    def __init__(
        self, menus: QMenuBar, more: QMenu, badges: tuple[Badge, ...], buttons: tuple[Button, ...]
    ) -> None:
        super().__init__()
        self.now = ElidedLabel("", "muted")
        self.now.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._name = label("Score Explorer", "headline")
        self._menus, self._buttons = menus, buttons
        self._all: list[QAction] = menus.actions()[:-1]
        self.more = more  # the last of `menus`; handed over, since PySide6 6.8 forgets one that is asked of its action
        self._badges = QWidget()
        self._badges.setLayout(row(*badges))
        self._with_badges = True
        line = self._line = row(self._name, menus, self.now, self._badges, *buttons, spacing=SPACING)
        line.setStretch(2, 1)
        line.setContentsMargins(style.px(14), style.px(6), style.px(14), style.px(6))
        self.setLayout(line)

    def set_badges(self, wanted: bool) -> None:
        """Whether to show the badges where there is room for them."""
        self._with_badges = wanted
        self.fit()

    def set_now(self, text: str) -> None:
        """Say what is shown now."""
        if text != self.now.whole():
            self.now.set_text(text)
            self.fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._needed(self._width([]), self._buttons[-1]), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def _width(self, actions: list[QAction]) -> int:
        """The width of the menus that these open, with More for the rest."""
        metrics = self._menus.fontMetrics()
        shown = actions if len(actions) == len(self._all) else [*actions, self.more.menuAction()]
        words = sum(metrics.horizontalAdvance(plain(action.text())) for action in shown)
        return words + len(shown) * (2 * style.px(PADDING) + BETWEEN) + 2 * style.px(PADDING)

    def _needed(self, *parts: QWidget | int) -> int:
        """The width of some parts side by side, those that are a number of pixels included."""
        widths = [part if isinstance(part, int) else part.sizeHint().width() for part in parts]
        margins = self._line.contentsMargins()
        return sum(widths) + style.px(SPACING) * len(widths) + margins.left() + margins.right()

    def fit(self) -> None:
        """Show what there is room for."""
        room = self.width()
        always: tuple[QWidget | int, ...] = (self._width(self._all), *self._buttons)
        named = self._needed(self._name, *always)
        self._name.setVisible(named <= room)
        whole = self._needed(self._badges, self.now, self._name, *always)
        self._badges.setVisible(self._with_badges and whole <= room)
        ends = [self._buttons[k:] for k in range(len(self._buttons))]
        buttons = next((end for end in ends if self._needed(self._width([]), *end) <= room), ends[-1])
        for button in self._buttons:
            button.setVisible(button in buttons)
        shown = [
            n for n in range(len(self._all) + 1) if self._needed(self._width(self._all[:n]), *buttons) <= room
        ]
        self._show_menus(max(shown, default=0))

    def _show_menus(self, count: int) -> None:
        """The first `count` menus in the bar, the others in More."""
        last = self.more.menuAction()
        self._menus.setFixedWidth(self._width(self._all[:count]))
        if count == len(self._menus.actions()) - 1 and last.isVisible() == (count < len(self._all)):
            return
        for action in self._all:
            self._menus.removeAction(action)
            self.more.removeAction(action)
        for action in self._all[:count]:
            self._menus.insertAction(last, action)
        self.more.addActions(self._all[count:])
        last.setVisible(count < len(self._all))
