"""The editor of a picture that is known in part: it is shown, painted on with the mouse or the keys, and changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from explorer.data.images.base import PictureMixture
from explorer.data.images.brush import distance
from explorer.guidance import masks
from explorer.guidance.images import PictureProblem
from explorer.guidance.inpaint_image import InpaintPicture
from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import Segmented
from explorer.ui.widgets.labels import Button, label, row
from explorer.ui.widgets.slider import KEYBOARD

Role = QPalette.ColorRole
#: Side of the picture on the screen, and widths of the brush in pixels of the picture.
SIDE, BRUSHES = 196, (1, 3, 5, 9)
PRESET_WORDS = {"left": "Left", "right": "Right", "lower": "Lower", "middle": "Middle", "none": "Clear"}
ARROWS = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
}  # fmt: skip


def stroke(
    out: np.ndarray, start: tuple[float, float], end: tuple[float, float], width: float, on: bool
) -> np.ndarray:
    """A mask (h, w) with a line of a round brush from (row, column) to (row, column) painted out, or restored."""
    centres = np.moveaxis(np.mgrid[: out.shape[0], : out.shape[1]], 0, -1) + 0.5
    return np.where(distance(centres, np.array([start, end])) <= max(width / 2, 0.71), on, out)


class MaskPad(QWidget):
    """A picture, enlarged; where it can be painted on, the left button paints out and the right one restores.

    With the keys: arrows move the brush, Space paints out, Backspace restores.
    """

    painted = Signal(object)
    finished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.brush = BRUSHES[1]
        self._image = QImage()
        self._levels = np.zeros((1, 4, 4), np.uint8)
        self._out: np.ndarray | None = None
        self._at: tuple[float, float] | None = None
        self._stroking = False
        self._shown_by_key = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("The image that is known in part")

    def sizeHint(self) -> QSize:
        _, h, w = self._levels.shape
        side = style.px(SIDE)
        return QSize(round(side * w / max(h, w)), round(side * h / max(h, w)))

    def show_picture(self, levels: np.ndarray, out: np.ndarray | None) -> None:
        """Show levels (c, h, w), uint8, with a mask (h, w) over it; None where there is nothing to paint."""
        reshaped = levels.shape != self._levels.shape
        self._levels, self._out = levels, out
        rgb = np.ascontiguousarray(np.broadcast_to(np.moveaxis(levels, 0, -1), (*levels.shape[1:], 3)))
        self._image = QImage(
            rgb.data, rgb.shape[1], rgb.shape[0], 3 * rgb.shape[1], QImage.Format.Format_RGB888
        ).copy()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if out is None else Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor if out is None else Qt.CursorShape.CrossCursor)
        if reshaped:
            self.updateGeometry()
        self.update()

    def _place(self, at: QPointF) -> tuple[float, float]:
        """(row, column) in pixels of the picture."""
        _, h, w = self._levels.shape
        return at.y() * h / max(self.height(), 1), at.x() * w / max(self.width(), 1)

    def _paint(self, end: tuple[float, float], on: bool) -> None:
        """Paint from where the brush was; tell of it where something has changed."""
        if self._out is None:
            return
        start = self._at if self._stroking and self._at is not None else end
        new = stroke(self._out, start, end, self.brush, on)
        if (new != self._out).any():
            self._out = new
            self.painted.emit(new)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._shown_by_key, self._stroking = False, False
        self._on_mouse(event, event.button())
        self._stroking = True

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        left, right = (b in event.buttons() for b in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton))
        self._on_mouse(
            event, Qt.MouseButton.LeftButton if left else Qt.MouseButton.RightButton if right else None
        )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._stroking = False
        if self._out is not None:
            self.finished.emit()

    def leaveEvent(self, event: object) -> None:
        self._at = None
        self.update()

    def _on_mouse(self, event: QMouseEvent, button: Qt.MouseButton | None) -> None:
        end = self._place(event.position())
        if button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            self._paint(end, button == Qt.MouseButton.LeftButton)
        self._at = end
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self._out is None or key not in {*ARROWS, Qt.Key.Key_Space, Qt.Key.Key_Backspace}:
            super().keyPressEvent(event)
            return
        h, w = self._out.shape
        row_at, column_at = self._at or (h // 2 + 0.5, w // 2 + 0.5)
        if key in ARROWS:
            down, right = ARROWS[key]
            self._at = (min(max(row_at + down, 0.5), h - 0.5), min(max(column_at + right, 0.5), w - 0.5))
        else:
            self._at = (row_at, column_at)
            self._paint(self._at, key == Qt.Key.Key_Space)
            self.finished.emit()
        self._shown_by_key = True
        self.update()

    def focusInEvent(self, event: Any) -> None:
        self._shown_by_key = event.reason() in KEYBOARD
        super().focusInEvent(event)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(self.rect(), self._image)
        painter.setPen(self.palette().color(Role.Mid))  # a white picture ends somewhere on a white card
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if self._out is not None:
            self._paint_mask(painter, self._out)
        if self.hasFocus() and self._shown_by_key:
            painter.setPen(QPen(self.palette().color(Role.Highlight), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_mask(self, painter: QPainter, out: np.ndarray) -> None:
        """What is painted out in the accent's colour, and the brush."""
        h, w = out.shape
        accent = self.palette().color(Role.Highlight)
        veil = np.zeros((h, w, 4), np.uint8)
        veil[out] = (accent.red(), accent.green(), accent.blue(), 205)
        over = QImage(veil.data, w, h, 4 * w, QImage.Format.Format_RGBA8888)
        painter.drawImage(self.rect(), over)
        if self._at is not None:
            cell = self.width() / w
            radius = max(self.brush, 1.4) * cell / 2
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for colour, width in ((QColor(0, 0, 0, 160), 3.0), (QColor(255, 255, 255), 1.2)):
                painter.setPen(QPen(colour, width))
                painter.drawEllipse(
                    QPointF(self._at[1] * cell, self._at[0] * self.height() / h), radius, radius
                )


class PictureEditor(QWidget):
    """The picture of a control: what is known of it, the brush and presets where it is painted on, other pictures."""

    edited = Signal(object)
    finished = Signal()
    open_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._control: PictureProblem | None = None
        self._mixture: PictureMixture | None = None
        self.pad = MaskPad()
        self.pad.painted.connect(self._painted)
        self.pad.finished.connect(self.finished)
        self.presets = Segmented(
            [(name, word, masks.PRESETS[name][0]) for name, word in PRESET_WORDS.items()]
        )
        self.presets.changed.connect(self._preset)
        self.brushes = Segmented([(b, str(b), f"A brush of {b} pixels") for b in BRUSHES])
        self.brushes.set_value(self.pad.brush)
        self.brushes.changed.connect(lambda b: setattr(self.pad, "brush", b))
        self.next = Button("Next image", "Another image of those that no network was trained on")
        self.next.clicked.connect(self._next)
        self.open = Button("Open an image", "One of your own, brought to the size of these")
        self.open.clicked.connect(self.open_pressed)
        self.hint = label("Left button paints out, right restores (Space, Backspace).", "small")
        self.hint.setWordWrap(True)
        self._painting = QWidget()
        brush = row(label("Brush", "muted"), self.brushes)
        inside = QVBoxLayout(self._painting)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(style.px(6))
        inside.addWidget(self.presets)
        inside.addLayout(brush)
        inside.addWidget(self.hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.px(6))
        column.addWidget(self.pad, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._painting)
        column.addLayout(row(self.next, self.open))

    def set_control(self, control: PictureProblem, mixture: PictureMixture) -> None:
        """Show a control that makes sense for this data."""
        if control is self._control and mixture is self._mixture:
            return
        self._control, self._mixture = control, mixture
        painting = isinstance(control, InpaintPicture)
        self._painting.setVisible(painting)
        if isinstance(control, InpaintPicture):
            self.pad.show_picture(control.levels(mixture), masks.hidden(control.mask, *mixture.picture[1:]))
            self.presets.set_entry(control.mask)
        else:
            self.pad.show_picture(control.shown(mixture), None)

    def take(self, levels: tuple[int, ...]) -> None:
        """Make a picture of one's own the one that is known."""
        if self._control is not None:
            self._edit(own=levels)

    def _edit(self, **fields: Any) -> None:
        control: Any = self._control  # one of the dataclasses of this kind
        self.edited.emit(replace(control, **fields))
        self.finished.emit()

    def _painted(self, out: np.ndarray) -> None:
        if isinstance(self._control, InpaintPicture):
            self.edited.emit(replace(self._control, mask=masks.encoded(out)))

    def _preset(self, name: str) -> None:
        self._edit(mask=name)

    def _next(self) -> None:
        """The next picture of the set; from one's own back to the set's."""
        assert self._control is not None and self._mixture is not None
        count = len(self._mixture.held_out or ())
        number = self._control.picture if self._control.own else (self._control.picture + 1) % max(count, 1)
        self._edit(picture=number, own=())
