"""All shortcuts over the window, on `?`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import IconButton
from explorer.ui.widgets.labels import label, row


class ShortcutsOverlay(QWidget):
    """A sheet over `host` listing (group, keys, what they do); `?`, Escape or a press beside it closes it."""

    def __init__(self, host: QWidget, entries: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(host)
        self._host = host
        self._entries = list(entries)
        self._sheet: QFrame | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Keyboard shortcuts")
        host.installEventFilter(self)
        self.hide()

    def set_entries(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """Other shortcuts, shown the next time."""
        self._entries = list(entries)

    def toggle(self) -> None:
        """Open or close."""
        if self.isVisible():
            self.close_sheet()
        else:
            self.open_sheet()

    def open_sheet(self) -> None:
        """Show the shortcuts over the host."""
        self._build()
        self.setGeometry(self._host.rect())
        self._place()
        assert self._sheet is not None
        self._sheet.show()
        self.show()
        self.raise_()
        self.setFocus()

    def rescale(self) -> None:
        """Lay it out in the text size in force, if it is open."""
        if self.isVisible():
            self.open_sheet()

    def close_sheet(self) -> None:
        """Hide it and give the keyboard back."""
        self.hide()
        self._host.setFocus()

    def _build(self) -> None:
        # Made anew each time: the theme, the text size or the shortcuts may have changed.
        if self._sheet is not None:
            self._sheet.hide()
            self._sheet.deleteLater()
        self._sheet = sheet = QFrame(self)
        sheet.setProperty("role", "popover")
        cross = IconButton("close", "Close (Esc)")
        cross.clicked.connect(self.close_sheet)
        whole = QVBoxLayout(sheet)
        whole.setContentsMargins(*[style.px(20)] * 4)
        whole.setSpacing(style.px(14))
        whole.addLayout(row(label("Keyboard shortcuts", "headline"), 1, cross))
        inner = QWidget()
        inner.setObjectName("column")
        columns = QHBoxLayout(inner)
        columns.setContentsMargins(0, 0, style.px(8), 0)
        columns.setSpacing(style.px(36))
        for groups in self._columns():
            columns.addLayout(self._column(groups))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        self._wanted = inner.sizeHint()
        whole.addWidget(area)

    def _columns(self) -> list[list[str]]:
        """The groups, in order, in two columns of about one length."""
        groups = list(dict.fromkeys(group for group, _, _ in self._entries))
        sizes = {g: 2 + sum(group == g for group, _, _ in self._entries) for g in groups}
        left: list[str] = []
        while groups and (
            not left or sum(sizes[g] for g in left) + sizes[groups[0]] / 2 < sum(sizes.values()) / 2
        ):
            left.append(groups.pop(0))
        return [column for column in (left, groups) if column]

    def _column(self, groups: list[str]) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(style.px(6))
        for group in groups:
            column.addWidget(label(group, "title"))
            grid = QGridLayout()
            grid.setHorizontalSpacing(style.px(14))
            grid.setVerticalSpacing(style.px(5))
            grid.setColumnStretch(1, 1)
            grid.setColumnMinimumWidth(0, self._keys_width())
            for i, (_, keys, text) in enumerate(e for e in self._entries if e[0] == group):
                grid.addWidget(label(keys, "key"), i, 0, Qt.AlignmentFlag.AlignLeft)
                grid.addWidget(label(text), i, 1)
            column.addLayout(grid)
            column.addSpacing(style.px(10))
        column.addStretch(1)
        return column

    def _keys_width(self) -> int:
        metrics = QFontMetrics(style.font(0.85))
        return max(metrics.horizontalAdvance(keys) for _, keys, _ in self._entries) + style.px(14)

    def _place(self) -> None:
        if self._sheet is not None:
            width = min(self.width() - style.px(48), self._wanted.width() + style.px(60))
            height = min(self.height() - style.px(48), self._wanted.height() + style.px(100))
            self._sheet.setGeometry((self.width() - width) // 2, (self.height() - height) // 2, width, height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._host.rect())
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape or event.text() == "?":
            self.close_sheet()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._sheet is None or not self._sheet.geometry().contains(event.position().toPoint()):
            self.close_sheet()
        event.accept()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        scrim = QColor(self.palette().color(QPalette.ColorRole.Shadow))
        scrim.setAlphaF(0.55)
        painter.fillRect(self.rect(), scrim)
        painter.end()
