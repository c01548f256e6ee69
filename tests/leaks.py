"""What a test may leave behind by mistake: threads, running timers, windows. Used by conftest.py."""

import gc
import sys
import threading
import time


def qt_objects():
    """Top-level widgets and the active timers that no object owns, by identity."""
    if "PySide6.QtWidgets" not in sys.modules:
        return {}
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    from shiboken6 import isValid

    if QApplication.instance() is None:
        return {}
    # type(), not isinstance(): asking some of torch's lazy objects for their class warns or imports.
    timers = [o for o in gc.get_objects() if issubclass(type(o), QTimer)]
    timers = [t for t in timers if isValid(t) and t.isActive() and t.parent() is None]
    # A window with a parent (a menu, the list of a combo box) goes when its parent goes, and the tool tip
    # belongs to Qt.
    widgets = [w for w in QApplication.topLevelWidgets() if w.parent() is None]
    widgets = [w for w in widgets if w.objectName() != "qtooltip_label"]
    return {id(o): o for o in timers + widgets}


def settle():
    """Let Qt carry out the deletions that are under way."""
    from PySide6.QtCore import QCoreApplication, QEvent

    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def leaked_qt(before, patience=5.0):
    """Names of the timers and widgets that were not there before and are not gone within `patience` s: a thread that
    ends may hold them that long."""
    end = time.monotonic() + patience
    while set(qt_objects()) - set(before):
        settle()
        left = [f"{type(o).__name__} {o.objectName()!r}" for i, o in qt_objects().items() if i not in before]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)
    return []


def closed(owner, patience=20.0):
    """Close a session or a trainer; whether all its threads have ended within `patience` s (on a busy machine one
    step of theirs may take longer than a closing window waits)."""
    end = time.monotonic() + patience
    while not owner.close():
        if time.monotonic() > end:
            return False
    return True


def leaked_threads(before, patience=20.0):
    """Names of the threads, daemons too, that were not there before and do not end within `patience` s."""
    end = time.monotonic() + patience
    for thread in _new_threads(before):
        thread.join(max(0.0, end - time.monotonic()))
    return [thread.name for thread in _new_threads(before)]


def _new_threads(before):
    # Python never forgets a "dummy", its note of a foreign thread (Qt's, say) that once called into it.
    started = (t for t in threading.enumerate() if not isinstance(t, threading._DummyThread))
    return [t for t in started if t not in before]
