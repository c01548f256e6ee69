"""The slider: a thin track, a round handle, and a scale that turns positions into clean values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSlider, QWidget

from explorer.ui.painting.guard import guarded

KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
TICKS = 1000  # positions of a slider of real numbers


def compact(value: float, decimals: int | None) -> str:
    """`value` with fixed decimals (or, with None, three significant digits), longer only if it has more."""
    if isinstance(value, int):
        return str(value)
    plain = decimals is not None and abs(value) < 1e6
    text = f"{value:.{decimals}f}" if plain else f"{value:#.3g}".rstrip(".")
    if math.isclose(float(text), value, rel_tol=1e-9, abs_tol=1e-12) and "e" not in text:
        return text
    return f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e")


@dataclass(frozen=True)
class Scale:
    """From 0..1 along a slider to a value, linear or logarithmic, real or whole (then perhaps in multiples)."""

    low: float
    high: float
    log: bool = False
    whole: bool = False
    every: int = 1

    @property
    def decimals(self) -> int | None:
        """Decimals that this range needs; None where three significant digits are better."""
        if self.log:
            return None
        span = self.high - self.low
        return 0 if self.whole or span <= 0 else max(0, 2 - math.floor(math.log10(span)))

    @property
    def ticks(self) -> int:
        """How many positions the slider has."""
        if self.whole and not self.log:
            return max(1, round(self.high - self.low))
        return TICKS

    def at(self, share: float) -> float:
        """The value at `share` of the way, rounded to what is shown."""
        if self.log:
            value = self.low * (self.high / self.low) ** share
            value = float(f"{value:.3g}") if 0 < share < 1 else (self.low, self.high)[share >= 1]
        else:
            value = round(self.low + (self.high - self.low) * share, self.decimals)
        return round(value / self.every) * self.every if self.whole else float(value)

    def share(self, value: float) -> float:
        """Where `value` is, clipped to the ends."""
        if self.high <= self.low:
            return 0.0
        if self.log:
            low = math.log(self.low)
            return min(max((math.log(max(value, self.low)) - low) / (math.log(self.high) - low), 0.0), 1.0)
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def stepped(self, value: float, steps: int) -> float:
        """`value` moved by `steps` hundredths of the range, and for whole numbers by at least one each."""
        moved = self.at(min(max(self.share(value) + steps / 100, 0.0), 1.0))
        if not self.whole:
            return moved
        if abs(steps) == 1 and (not self.log or abs(moved - value) < self.every):
            moved = value + steps * self.every
        return int(min(max(moved, self.low), self.high))


class TrackSlider(QSlider):
    """A horizontal slider that jumps to where it is pressed. Painted from the palette alone."""

    nudged = Signal(int)  # arrow keys and wheel, where a number's own steps are wanted

    def __init__(self, parent: QWidget | None = None, *, own_steps: bool = False) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._own_steps = own_steps
        self._ring = False
        self._notch: float | None = None
        self._beyond = False
        self._marks: tuple[float, ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def set_notch(self, share: float | None) -> None:
        """Mark the default, at `share` of the way."""
        self._notch = share
        self.update()

    def set_beyond(self, beyond: bool) -> None:
        """Show the handle hollow: the value is outside of the slider's range."""
        if beyond != self._beyond:
            self._beyond = beyond
            self.update()

    def set_marks(self, shares: Sequence[float]) -> None:
        """Ticks under the track."""
        self._marks = tuple(shares)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, self._radius() * 2 + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self._radius() * 2 + 6)

    def _radius(self) -> int:
        return max(6, round(self.fontMetrics().height() * 0.4))

    def share(self) -> float:
        """Where the handle is, 0..1."""
        return (self.value() - self.minimum()) / max(1, self.maximum() - self.minimum())

    def x_of(self, share: float) -> float:
        """The pixel of a share of the track."""
        r = self._radius() + 1
        return r + share * (self.width() - 2 * r)

    def _value_at(self, x: float) -> int:
        r = self._radius() + 1
        share = min(max((x - r) / max(1, self.width() - 2 * r), 0.0), 1.0)
        return round(self.minimum() + share * (self.maximum() - self.minimum()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setSliderDown(True)
        self.setValue(self._value_at(event.position().x()))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setValue(self._value_at(event.position().x()))
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.isSliderDown():
            self.setSliderDown(False)
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        # A column of sliders scrolls under the wheel; only the one with the focus takes it.
        if not self.hasFocus():
            event.ignore()
            return
        self._step(1 if event.angleDelta().y() > 0 else -1)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key
        steps = {
            key.Key_Left: -1, key.Key_Down: -1, key.Key_Right: 1, key.Key_Up: 1,
            key.Key_PageUp: 10, key.Key_PageDown: -10,
        }  # fmt: skip
        if event.key() in steps:
            self._ring = True
            self._step(steps[Qt.Key(event.key())])
            event.accept()
        else:
            super().keyPressEvent(event)

    def _step(self, steps: int) -> None:
        if self._own_steps:
            self.nudged.emit(steps)
        else:
            self.setValue(self.value() + steps)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in KEYBOARD
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        super().focusOutEvent(event)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        self._paint_track(painter)
        self._paint_handle(painter)
        painter.end()

    def _paint_track(self, painter: QPainter) -> None:
        colours, middle = self.palette(), self.height() / 2
        here = self.x_of(self.share())
        painter.setBrush(colours.color(QPalette.ColorRole.Mid))
        painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
        painter.setBrush(colours.color(QPalette.ColorRole.Highlight))
        painter.drawRoundedRect(QRectF(0, middle - 2, here, 4), 2, 2)
        painter.setBrush(colours.color(QPalette.ColorRole.Dark))
        for share in (*self._marks, *(() if self._notch is None else (self._notch,))):
            painter.drawRect(QRectF(self.x_of(share) - 0.5, middle + 4, 1, 4))

    def _paint_handle(self, painter: QPainter) -> None:
        colours, r = self.palette(), self._radius()
        centre = QPointF(self.x_of(self.share()), self.height() / 2)
        ink = colours.color(QPalette.ColorRole.WindowText)
        accent = colours.color(QPalette.ColorRole.Highlight)
        if self.hasFocus() and self._ring:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(accent, 2))
            painter.drawEllipse(centre, r + 1.5, r + 1.5)
        hot = self.isSliderDown() or self.underMouse()
        painter.setPen(QPen(ink, 1.6) if self._beyond else Qt.PenStyle.NoPen)
        painter.setBrush(colours.color(QPalette.ColorRole.Base) if self._beyond else ink)
        painter.drawEllipse(centre, r - (0 if hot else 1), r - (0 if hot else 1))
