"""The watch for leaks sees leaks."""

import threading

import leaks
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QWidget


def test_a_thread_that_goes_on_is_seen():
    before, end = set(threading.enumerate()), threading.Event()
    thread = threading.Thread(target=end.wait, name="stray", daemon=True)
    thread.start()
    assert leaks.leaked_threads(before, patience=0.05) == ["stray"]
    end.set()
    assert leaks.leaked_threads(before) == []


def test_a_running_timer_without_an_owner_is_seen(qapp):
    before = leaks.qt_objects()
    timer = QTimer()
    timer.start(10_000)
    assert leaks.leaked_qt(before) == ["QTimer ''"]
    timer.stop()
    assert leaks.leaked_qt(before) == []


def test_a_window_is_seen_until_it_is_deleted(qapp):
    before = leaks.qt_objects()
    window = QWidget(objectName="stray")
    QComboBox(window).showPopup()
    assert leaks.leaked_qt(before) == ["QWidget 'stray'"]
    window.deleteLater()
    assert leaks.leaked_qt(before) == []
