"""What every stage does alike: hold marks and a camera, and answer the mouse, the wheel and the keys.

A canvas says which widget takes its events (`listen_to`) and how it shows itself again (`redraw`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from explorer.figures.camera import Camera, Size
from explorer.figures.marks import Curve, Mark
from explorer.figures.theme import DARK, Theme
from explorer.ui.painting.layout import REFERENCE

WHEEL_STEP = 1.0015  # per eighth of a degree: a notch of 120 is about a fifth
KEY_ZOOM = 1.25
KEY_PAN = 0.1  # share of the picture
CLICK_REACH = 4  # pixels the hand may shake between press and release of a click
INK_SPACING = 1.0  # pixels between two points of a stroke, at least
INK_WIDTH = 3.0
#: A large stage has thicker marks, as a large exported picture has, up to so many times.
THICKEST = 1.75

_PANS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_ZOOMS = {
    Qt.Key.Key_Plus: KEY_ZOOM,
    Qt.Key.Key_Equal: KEY_ZOOM,
    Qt.Key.Key_Minus: 1 / KEY_ZOOM,
    Qt.Key.Key_Underscore: 1 / KEY_ZOOM,
}


def thickness(size: Size, ratio: float) -> float:
    """Device pixels to a pixel of a mark on a stage of `size` device pixels, `ratio` to a pixel of Qt's."""
    return ratio * min(max(min(size) / ratio / REFERENCE, 1.0), THICKEST)


class CanvasBase(QWidget):
    """A widget that shows marks through a camera."""

    camera_changed = Signal(object)  # Camera, after the user moved it
    hovered = Signal(float, float)  # data coordinates; NaN when the mouse leaves
    clicked = Signal(float, float, object)  # data coordinates and the Qt.MouseButton
    turned = Signal(float, float)  # pixels that a drag went right and up, while `turning`
    let_go = Signal()  # after a drag that turned
    stroke = Signal(object)  # (n, 2) float32 in data units, when a stroke ends
    fit_requested = Signal()
    failed = Signal(str)  # the canvas cannot go on, and why

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme: Theme = DARK
        self._marks: tuple[Mark, ...] = ()
        self._camera = Camera()
        self._drawing = False
        self.turning = False  # a drag with the left button turns what is shown instead of moving it
        self._ink: list[tuple[float, float]] = []
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self.setMinimumSize(32, 32)

    # What is shown.

    def show_marks(self, marks: Sequence[Mark], theme: Theme) -> None:
        """Show these from now on."""
        self._marks, self.theme = tuple(marks), theme
        self.redraw()

    def all_marks(self) -> tuple[Mark, ...]:
        """The marks, with the ink of a stroke that is being drawn on top."""
        if len(self._ink) < 2:
            return self._marks
        return (*self._marks, Curve(np.array(self._ink, np.float32), "data", INK_WIDTH))

    @property
    def camera(self) -> Camera:
        return self._camera

    def set_camera(self, camera: Camera) -> None:
        """Look through this camera; says nothing to `camera_changed`, which tells of the user only."""
        if camera != self._camera:
            self._camera = camera
            self.redraw()

    @property
    def drawing(self) -> bool:
        """While on, the left button draws strokes instead of moving the camera."""
        return self._drawing

    @drawing.setter
    def drawing(self, on: bool) -> None:
        self._drawing = on
        self._drop_ink()
        self._surface.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def copy_from(self, other: CanvasBase) -> None:
        """Show what another canvas shows, the same way."""
        self._marks, self.theme, self._camera = other._marks, other.theme, other._camera
        self.drawing, self.turning = other.drawing, other.turning
        self.redraw()

    def redraw(self) -> None:
        """Show all_marks() through the camera, soon."""
        raise NotImplementedError

    def grab_image(self) -> QImage:
        """What the canvas shows now."""
        return self._surface.grab().toImage()

    def canvas_size(self) -> Size:
        """Width and height in the pixels that the camera counts in."""
        return max(self._surface.width(), 1), max(self._surface.height(), 1)

    # What the user does.

    def listen_to(self, surface: QWidget) -> None:
        """Take the mouse and the keys of this widget, which fills the canvas."""
        self._surface = surface
        surface.setMouseTracking(True)
        surface.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        surface.installEventFilter(self)
        self._answers: dict[QEvent.Type, Callable] = {
            QEvent.Type.MouseButtonPress: self._press,
            QEvent.Type.MouseMove: self._move,
            QEvent.Type.MouseButtonRelease: self._release,
            QEvent.Type.MouseButtonDblClick: self._double_click,
            QEvent.Type.Wheel: self._wheel,
            QEvent.Type.KeyPress: self._key,
            QEvent.Type.Leave: self._leave,
        }

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        answer = self._answers.get(event.type()) if watched is self._surface else None
        return bool(answer and answer(event))

    def _data(self, position: QPointF) -> tuple[float, float]:
        return self._camera.to_data((position.x(), position.y()), self.canvas_size())

    def _look(self, camera: Camera) -> None:
        if camera != self._camera:
            self.set_camera(camera)
            self.camera_changed.emit(camera)

    def _press(self, event: QMouseEvent) -> bool:
        self._surface.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pressed = self._last = event.position()
        if self._drawing and event.button() == Qt.MouseButton.LeftButton:
            self._ink = [self._data(event.position())]
        return True

    def _move(self, event: QMouseEvent) -> bool:
        position = event.position()
        self.hovered.emit(*self._data(position))
        if self._ink:
            self._add_ink(position)
        elif event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton):
            self._drag(position, event.buttons())
        return True

    def _drag(self, position: QPointF, buttons: Qt.MouseButton) -> None:
        if self._pressed is None:
            return
        if self.turning and buttons & Qt.MouseButton.LeftButton:
            moved, self._last = position - self._last, position
            self.turned.emit(moved.x(), -moved.y())
            return
        was, now = self._data(self._last), self._data(position)
        self._last = position
        self._look(self._camera.panned(was[0] - now[0], was[1] - now[1]))

    def _add_ink(self, position: QPointF) -> None:
        moved = position - self._last
        if math.hypot(moved.x(), moved.y()) >= INK_SPACING:
            self._ink.append(self._data(position))
            self._last = position
            self.redraw()

    def _release(self, event: QMouseEvent) -> bool:
        position, pressed, ink = event.position(), self._pressed, self._ink
        self._pressed = None
        if ink and event.button() == Qt.MouseButton.LeftButton:
            self._drop_ink()
            self.stroke.emit(np.array(ink, np.float32))
        elif pressed is not None and (position - pressed).manhattanLength() <= CLICK_REACH:
            self.clicked.emit(*self._data(position), event.button())
        elif self.turning:
            self.let_go.emit()
        return True

    def _drop_ink(self) -> None:
        if self._ink:
            self._ink = []
            self.redraw()

    def _double_click(self, event: QMouseEvent) -> bool:
        if self._drawing:
            return self._press(event)
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit_requested.emit()
        return True

    def _wheel(self, event: QWheelEvent) -> bool:
        turned = event.angleDelta().y() or event.angleDelta().x()
        self._look(self._camera.zoomed(WHEEL_STEP**turned, self._data(event.position())))
        return True

    def _key(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if key in _ZOOMS:
            self._look(self._camera.zoomed(_ZOOMS[key], self._camera.center))
        elif key in _PANS:
            left, right, bottom, top = self._camera.bounds(*self.canvas_size())
            across, up = _PANS[key]
            step = KEY_PAN * across * (right - left), KEY_PAN * up * (top - bottom)
            self._look(self._camera.panned(*step))
        else:
            return False
        return True

    def _leave(self, event: QEvent) -> bool:
        self.hovered.emit(math.nan, math.nan)
        return False
