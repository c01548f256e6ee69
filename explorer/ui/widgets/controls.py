"""Controls painted from the palette: icon buttons, switches, segments, and a combo box to go with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QStyledItemDelegate,
    QWidget,
)

from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import icons, style
from explorer.ui.widgets.slider import KEYBOARD

Role = QPalette.ColorRole


class Painted(QAbstractButton):
    """A button painted from the palette, with a focus ring for the keyboard alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ring = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.ring = event.reason() in KEYBOARD
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.ring = True
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.ring = False
        super().mousePressEvent(event)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(style.tip(text))

    def ringed(self) -> bool:
        """Whether to draw the focus ring."""
        return self.ring and self.hasFocus()

    def colour(self, role: Role) -> QColor:
        """The palette's colour for `role`."""
        return self.palette().color(role)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)


class IconButton(Painted):
    """A button that shows one of the drawn icons; `primary` fills it with the accent colour."""

    def __init__(
        self,
        icon: str,
        tip: str = "",
        *,
        primary: bool = False,
        framed: bool = False,
        checkable: bool = False,
        size: int = 28,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon, self._primary, self._framed, self._size = icon, primary, framed, size
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCheckable(checkable)
        self.setToolTip(tip)
        self.setAccessibleName(tip or icon)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_icon(self, name: str, tip: str | None = None) -> None:
        """Show another icon (play, pause), with another tip if one is given."""
        self._icon = name
        if tip is not None:
            self.setToolTip(tip)
            self.setAccessibleName(tip)
        self.update()

    def icon_name(self) -> str:
        """Which icon is shown."""
        return self._icon

    def sizeHint(self) -> QSize:
        side = style.px(self._size)
        return QSize(style.px(self._size * 1.35) if self._framed else side, side)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        ground = self._ground()
        painter.setPen(
            QPen(self.colour(Role.Mid)) if self._framed and not self._primary else Qt.PenStyle.NoPen
        )
        if ground is not None:
            painter.setBrush(self.colour(ground))
        if ground is not None or self._framed:
            painter.drawRoundedRect(box, 8, 8)
        if self.ringed():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.colour(Role.WindowText if self._primary else Role.Highlight), 2))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        side = style.px(self._size) * 0.6
        centre = QRectF(self.rect()).center()
        target = QRectF(centre.x() - side / 2, centre.y() - side / 2, side, side)
        icons.paint(painter, self._icon, target, self.colour(self._ink()))
        painter.end()

    def _ground(self) -> Role | None:
        if self._primary:
            return Role.Highlight
        if self.isDown():
            return Role.Mid
        if self.underMouse() and self.isEnabled():
            return Role.Midlight
        return Role.Button if self._framed or self.isChecked() else None

    def _ink(self) -> Role:
        if self._primary:
            return Role.HighlightedText
        if self.isChecked():
            return Role.Highlight
        return Role.ButtonText if self._framed or self.underMouse() else Role.PlaceholderText


class Switch(Painted):
    """A sliding on/off switch (a check box to assistive tools)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(style.px(34), style.px(20))

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        radius = box.height() / 2
        on = self.isChecked()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colour(Role.Highlight if on else Role.Dark))
        painter.drawRoundedRect(box, radius, radius)
        x = box.right() - radius if on else box.left() + radius
        painter.setBrush(self.colour(Role.HighlightedText if on else Role.Base))
        painter.drawEllipse(QPointF(x, box.center().y()), radius - 2, radius - 2)
        if self.ringed():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.colour(Role.WindowText), 1.5))
            painter.drawRoundedRect(box.adjusted(-1, -1, 1, 1), radius + 1, radius + 1)
        painter.end()


class _Segment(Painted):
    """One of the entries of a Segmented."""

    moved = Signal(int)  # the arrow keys

    def __init__(self, text: str, tip: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setToolTip(tip)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def _width(self) -> int:
        # Of the bold text, so that choosing an entry moves nothing.
        return QFontMetrics(style.font(weight=style.SEMIBOLD)).horizontalAdvance(self.text())

    def sizeHint(self) -> QSize:
        return QSize(self._width() + style.px(16), style.px(28))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._width() + style.px(8), style.px(28))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        if event.key() in steps:
            self.moved.emit(steps[Qt.Key(event.key())])
            event.accept()
        else:
            super().keyPressEvent(event)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(2.5, 2.5, -2.5, -2.5)
        on = self.isChecked()
        painter.setPen(Qt.PenStyle.NoPen)
        if on or (self.underMouse() and self.isEnabled()):
            painter.setBrush(self.colour(Role.Highlight if on else Role.Midlight))
            painter.drawRoundedRect(box, 6, 6)
        if self.ringed():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.colour(Role.WindowText), 1.5))
            painter.drawRoundedRect(box, 6, 6)
        painter.setFont(style.font(weight=style.SEMIBOLD if on else style.REGULAR))
        ink = Role.HighlightedText if on else Role.ButtonText if self.isEnabled() else Role.Mid
        painter.setPen(self.colour(ink))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class Segmented(QWidget):
    """One of a few, side by side: entries are (value, words) or (value, words, tip)."""

    changed = Signal(object)

    def __init__(self, entries: Sequence[tuple[Any, ...]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: list[Any] = []
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(lambda i: self.changed.emit(self._values[i]))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_entries(entries)

    def set_entries(self, entries: Sequence[tuple[Any, ...]]) -> None:
        """Other entries; none of them is chosen."""
        for button in self._group.buttons():
            self._group.removeButton(button)
            button.hide()
            button.deleteLater()
        self._values = [entry[0] for entry in entries]
        for i, (_, words, *tip) in enumerate(entries):
            button = _Segment(words, tip[0] if tip else "", self)
            button.moved.connect(partial(self._move, i))
            self._group.addButton(button, i)
            self._row.addWidget(button)

    def value(self) -> Any:
        """What is chosen, or None."""
        i = self._group.checkedId()
        return self._values[i] if i >= 0 else None

    def set_value(self, value: Any) -> None:
        """Choose `value` without emitting `changed`."""
        if value in self._values:
            self._group.button(self._values.index(value)).setChecked(True)

    def set_entry(self, value: Any) -> None:
        """Choose `value`, or nothing where it is not among the entries; `changed` is not emitted."""
        self._group.setExclusive(False)
        for button in self.buttons():
            button.setChecked(False)
        self._group.setExclusive(True)
        self.set_value(value)

    def buttons(self) -> list[QAbstractButton]:
        """The entries' buttons, in order."""
        return [self._group.button(i) for i in range(len(self._values))]

    def _move(self, i: int, steps: int) -> None:
        button = self._group.button((i + steps) % len(self._values))
        button.setFocus(Qt.FocusReason.TabFocusReason)
        button.click()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.palette().color(Role.Mid))
        painter.setBrush(self.palette().color(Role.Button))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.end()


class Combo(QComboBox):
    """A combo box with a drawn arrow, which leaves the wheel to the column that it stands in."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # A click opens the list and is no wish to type: the keys of the window go on working.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # A plain view: the platform's own draws its rows without the style sheet.
        self.setItemDelegate(QStyledItemDelegate(self))

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        side = style.px(12)
        box = QRectF(self.width() - side - style.px(9), (self.height() - side) / 2, side, side)
        icons.paint(painter, "down", box, self.palette().color(Role.PlaceholderText))
        painter.end()
