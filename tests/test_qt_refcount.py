"""PySide6 6.12.0 on Python < 3.12 loses a reference to None or True on every event, until the process aborts.

Since Python 3.12 both are immortal and their counts stand still.
"""

import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QSlider

ROUNDS = 1_000


def lost_references(call):
    """How many references to None or to True are gone after ROUNDS calls."""
    before = sys.getrefcount(None), sys.getrefcount(True)
    for i in range(ROUNDS):
        call(i)
    return max(before[0] - sys.getrefcount(None), before[1] - sys.getrefcount(True))


def assert_none_lost(qtbot, widget, call):
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    call(0)  # what is made once, at the first call, is no loss
    # A fault loses one or more a call; the counts drift by a few by themselves.
    assert lost_references(call) < ROUNDS // 20


@pytest.fixture
def slider():
    return QSlider(Qt.Orientation.Horizontal, maximum=ROUNDS)


def test_moving_a_slider_loses_no_references(qtbot, slider):
    seen = []
    slider.valueChanged.connect(seen.append)
    assert_none_lost(qtbot, slider, lambda i: slider.setValue(i + 1))
    assert seen[-1] == ROUNDS


def test_painting_loses_no_references(qtbot):
    class Painted(QSlider):
        painted = 0

        def paintEvent(self, event):
            type(self).painted += 1
            super().paintEvent(event)

    slider = Painted()
    assert_none_lost(qtbot, slider, lambda i: slider.repaint())
    assert Painted.painted >= ROUNDS


def test_processing_events_loses_no_references(qtbot, slider):
    def move_and_process(i):
        slider.setValue(i + 1)
        QApplication.processEvents()

    assert_none_lost(qtbot, slider, move_and_process)


@pytest.mark.screen
def test_drawing_with_opengl_loses_no_references(qtbot):
    from PySide6.QtOpenGLWidgets import QOpenGLWidget

    class Painted(QOpenGLWidget):
        painted = 0

        def paintGL(self):
            type(self).painted += 1
            self.context().functions().glClear(0x4000)  # GL_COLOR_BUFFER_BIT

    stage = Painted()
    assert_none_lost(qtbot, stage, lambda i: (stage.repaint(), QApplication.processEvents()))
    assert stage.isValid(), "the screen of the tests must have OpenGL"
    assert Painted.painted >= ROUNDS
