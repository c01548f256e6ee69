"""Who has the keyboard: the window, so that single keys work, unless a person went into a field."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget
from shiboken6 import isValid

FIELDS = (QLineEdit, QPlainTextEdit, QTextEdit)


class FocusKeeper(QObject):
    """Takes the focus from where nobody has put it.

    Qt gives the focus of a widget that is hidden or switched off to the next one, which may be a field: what is typed
    as a command would then go into it. And a field that a person has left by pressing something else gives the
    keyboard back, as it does on Enter and Escape.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._field: QWidget | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._app = app
        app.focusChanged.connect(self._changed)

    def _mine(self, widget: QWidget | None) -> bool:
        return widget is not None and isValid(widget) and widget.window() is self._window

    def _changed(self, old: QWidget | None, new: QWidget | None) -> None:
        if self._mine(new) and old is not None and old is not self._window and self._gone(old):
            self._window.setFocus()
            return
        self._watch(new if self._mine(new) and isinstance(new, FIELDS) else None)

    def _gone(self, old: QWidget) -> bool:
        """Whether `old` has lost the focus because it can have it no more."""
        if not isValid(old):
            return True
        # the window's own: a popup or a dialog that closes gives the focus back by right
        return old.window() is self._window and not (old.isVisibleTo(self._window) and old.isEnabled())

    def _watch(self, field: QWidget | None) -> None:
        """Look at what is pressed, as long as a field has the keyboard."""
        if self._field is None and field is not None:
            self._app.installEventFilter(self)
        elif self._field is not None and field is None:
            self._app.removeEventFilter(self)
        self._field = field

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        field, kind = self._field, event.type()
        if field is None or not isValid(field):
            return False
        if kind == QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            if watched is not field and not field.isAncestorOf(watched) and self._mine(watched):
                self._window.setFocus(Qt.FocusReason.MouseFocusReason)
        elif watched is field and isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress:
            multiline = not isinstance(field, QLineEdit)
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not multiline:
                self._after(event, field)
                return True
        return False

    def _after(self, event: QKeyEvent, field: QWidget) -> None:
        """Let the field do what it does on Enter; then it has the keyboard no more, unless it went elsewhere."""
        self._app.removeEventFilter(self)
        QApplication.sendEvent(field, event)
        if self._field is not None:
            self._app.installEventFilter(self)
        if isValid(field) and field.hasFocus():
            self._window.setFocus()
