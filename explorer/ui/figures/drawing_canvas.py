"""Drawing on an image of a lab with the mouse: soft strokes, shown at once, handed over stroke by stroke."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from explorer.data.images.brush import painted
from explorer.figures.figure import Canvas
from explorer.ui.figures.ink import Area
from explorer.ui.widgets import style
from explorer.ui.widgets.labels import Button

#: Strokes that can be taken back.
KEPT = 100
ERASING = (Qt.MouseButton.RightButton,)


class DrawingCanvas(QObject):
    """Drawing with the mouse on the image of a figure card: the left button draws, the right one erases.

    `shown` gives the gray levels (rows, columns) that are on the card; `painted` is told of them after each stroke.
    """

    def __init__(
        self, card: QWidget, shown: Callable[[], np.ndarray], painted: Callable[[Canvas, np.ndarray], None]
    ) -> None:
        super().__init__(card)
        self.card, self.canvas = card, Canvas("", 1, 1)
        self._shown, self._painted = shown, painted
        self._stroke: list[tuple[float, float]] = []
        self._erasing = False
        self._before: list[np.ndarray] = []
        self.undo = Button("Undo stroke", "Take the last stroke back")
        self.clear = Button("Clear", "Begin with an empty image")
        self.undo.clicked.connect(self.take_back)
        self.clear.clicked.connect(partial(self._hand_over_empty))
        for button in (self.undo, self.clear):
            button.setParent(card)
            button.show()
        card.setCursor(Qt.CursorShape.CrossCursor)
        card.installEventFilter(self)
        self._place()

    def show(self, shown: bool) -> None:
        """Have the buttons there or not: a small card has no room for them."""
        for button in (self.undo, self.clear):
            button.setVisible(shown)

    def remove(self) -> None:
        """Be a card like any other again."""
        self.card.removeEventFilter(self)
        self.card.unsetCursor()
        for button in (self.undo, self.clear):
            button.deleteLater()
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        """The buttons at the right of the title."""
        right, top = self.card.width() - style.px(10), style.px(6)
        for button in (self.clear, self.undo):
            button.adjustSize()
            right -= button.width()
            button.move(right, top)
            right -= style.px(6)

    # --- what is drawn -------------------------------------------------------------------------------------

    def now(self) -> np.ndarray:
        """The same, with the stroke that is being drawn."""
        if not self._stroke:
            return self._shown()
        black = self._erasing != self.canvas.light
        return painted(self._shown(), np.array(self._stroke), self.canvas.radius, erase=black)

    def take_back(self) -> None:
        """Undo the last stroke, or the clearing."""
        if self._before:
            self._painted(self.canvas, self._before.pop())
            self.card.update()

    def _hand_over_empty(self) -> None:
        paper = 255 if self.canvas.light else 0
        self._hand_over(np.full((self.canvas.rows, self.canvas.columns), paper, np.uint8))

    def _hand_over(self, levels: np.ndarray) -> None:
        self._before = [*self._before[-KEPT:], self._shown()]
        self._painted(self.canvas, levels)
        self.card.update()

    # --- the mouse -----------------------------------------------------------------------------------------

    def press(self, event: QMouseEvent, area: Area) -> bool:
        """Begin a stroke, if the press is on the picture."""
        if event.button() not in (Qt.MouseButton.LeftButton, *ERASING) or not area.rect.contains(
            event.position()
        ):
            return False
        self._erasing = event.button() in ERASING
        self._stroke = []
        return self._add(event, area)

    def move(self, event: QMouseEvent, area: Area) -> bool:
        """Continue the stroke, if there is one."""
        return self._add(event, area) if self._stroke else False

    def release(self) -> bool:
        """End it: what is drawn is handed over."""
        if not self._stroke:
            return False
        new, self._stroke = self.now(), []
        self._hand_over(new)
        return True

    def _add(self, event: QMouseEvent, area: Area) -> bool:
        rect, at = area.rect, event.position()
        x = (at.x() - rect.left()) / rect.width() * self.canvas.columns
        y = (at.y() - rect.top()) / rect.height() * self.canvas.rows
        self._stroke.append((x, y))
        self.card.update()
        return True

    def paint(self, painter: QPainter, area: Area) -> None:
        """What is drawn, over the picture."""
        levels = np.ascontiguousarray(self.now())
        rows, columns = levels.shape
        image = QImage(levels.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        painter.drawImage(QRectF(area.rect), image)
