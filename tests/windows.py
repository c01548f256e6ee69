"""Hosts for tests of the window's parts, and the real window; each with settings of its own."""

import time
from contextlib import contextmanager

from leaks import closed
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from explorer.session import Session
from explorer.ui.stage.canvas import Choice, Stage
from explorer.ui.widgets.notices import NoticeBar

PAINTER = Choice("painter", "a test")


def settings(folder):
    return QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)


def dispose(widget):
    """Delete a widget now."""
    widget.hide()
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def wait(qtbot, condition, seconds=30.0):
    qtbot.waitUntil(condition, timeout=round(seconds * 1000))


def keep_going(qtbot, seconds):
    """Let the event loop run."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        qtbot.wait(10)


class Panel(QWidget):
    """A stage panel with nothing but its canvas."""

    def __init__(self, parent):
        super().__init__(parent)
        self.canvas = Stage(self, PAINTER)


class FakeHost(QWidget):
    """The least that files, export and drawing need of a window."""

    def __init__(self, folder):
        super().__init__()
        self.resize(900, 600)
        self.session = Session()
        self.stages = {name: Panel(self) for name in "AB"}
        for panel in self.stages.values():
            panel.resize(500, 400)
            panel.canvas.resize(500, 400)
        self.notices = NoticeBar(self)
        self.settings = settings(folder)
        self.theme_name = "dark"
        self.refreshed = 0

    def refresh(self):
        self.refreshed += 1

    def said(self):
        """The sentences of all notices shown."""
        return [notice.text for notice in self.notices.notices()]

    def kinds(self):
        return [notice.kind for notice in self.notices.notices()]

    def run(self, qtbot, name="A"):
        """Compute the session's run to its end."""
        self.session.started = True
        self.session.simulate(name)

        def through():
            self.session.tick(0.02)
            full = self.session.tracks[name].full
            return full is not None and full.recording.complete

        wait(qtbot, through)


@contextmanager
def hosted(folder):
    host = FakeHost(folder)
    try:
        yield host
    finally:
        assert closed(host.session)
        dispose(host)


@contextmanager
def windowed(qtbot, folder, size=(1280, 800), started=True):
    """The real window on the painter's stage."""
    from explorer.ui.window.window import MainWindow

    window = MainWindow(Session(), settings(folder), PAINTER)
    try:
        window.resize(*size)
        window.show()
        if started:
            window.start()
            # made when they are first shown: in a window that many tests share, no one of them is to blame for that
            _ = window.right.schedule, window.right.distance, window.right.loss
        yield window
    finally:
        window.close()
        dispose(window)


def drag(surface, *points, button=Qt.MouseButton.LeftButton):
    QTest.mousePress(surface, button, pos=QPoint(*points[0]))
    for point in points[1:]:
        QTest.mouseMove(surface, QPoint(*point))
        move(surface, point, button)
    QTest.mouseRelease(surface, button, pos=QPoint(*points[-1]))


def move(surface, point, buttons=Qt.MouseButton.NoButton):
    """A move with buttons held, which QTest.mouseMove cannot do."""
    place = QPointF(*point)
    kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
    event = QMouseEvent(
        kind, place, surface.mapToGlobal(place), none, buttons, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(surface, event)
