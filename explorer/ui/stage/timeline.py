"""The timeline at the foot of the window. It shows and asks; it knows nothing of what it plays."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from explorer.figures.theme import Theme
from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import Combo, IconButton
from explorer.ui.widgets.slider import TrackSlider

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
FEW_MARKS = 80  # more ticks than this are a grey smear
#: The readouts, in the order in which a narrow window keeps them, and the room that the slider keeps.
KEPT_LONGEST = ("t", "step", "distance", "nfe", "sigma")
LEAST_SCRUBBER = 80


class Scrubber(TrackSlider):
    """The slider over the frames; what is not computed yet is a thinner track."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ready = 1.0
        self.setAccessibleName("Time")
        self.setToolTip("Drag to any moment; arrow keys step")

    def set_ready(self, share: float) -> None:
        """How much of the track is computed."""
        if share != self._ready:
            self._ready = share
            self.update()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._ready >= 1:
            return
        painter = QPainter(self)
        start = self.x_of(self._ready)
        ground = self.palette().color(QPalette.ColorRole.Base)
        painter.fillRect(QRectF(start, self.height() / 2 - 2, self.width() - start, 1.5), ground)
        painter.fillRect(QRectF(start, self.height() / 2 + 0.5, self.width() - start, 1.5), ground)
        painter.end()


class Readout(QWidget):
    """A symbol and a number in a place as wide as its longest value, so that nothing beside it moves."""

    def __init__(self, name: str, widest: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = QLabel(name)
        self._name.setProperty("role", "muted")
        self._value = QLabel("–")
        self._value.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._widest = widest
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(style.px(5))
        line.addWidget(self._name)
        line.addWidget(self._value)
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.reserve()

    def reserve(self) -> None:
        """Keep room for the widest value."""
        self._value.setFixedWidth(_wide(self._widest) + 2)
        self._name.setMinimumWidth(self._name.sizeHint().width())  # never cut, not even for a moment

    def set(self, text: str) -> None:
        """Show a value, widening the place if it must be."""
        if text != self._value.text() and _wide(text) > _wide(self._widest):
            self._widest = text
            self.reserve()
        if text != self._value.text():
            self._value.setText(text)

    def text(self) -> str:
        """The value shown."""
        return self._value.text()


def _wide(text: str) -> int:
    """How many pixels a value takes."""
    return QFontMetrics(style.font()).horizontalAdvance(text)


def figures(value: float | None) -> str:
    """Always five characters or so: 0.106, 12.30, 1.2e5; nothing known is a dash."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size and (size >= 1e4 or size < 1e-3):
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.3f}" if size < 10 else f"{value:.2f}" if size < 100 else f"{value:.1f}"


class Timeline(QFrame, style.Themed):
    """Play, step, scrub, loop, speed and direction; readouts of t, sigma, step, NFE and distance."""

    play_toggled = Signal()
    stepped = Signal(int)  # -1, +1
    scrubbed = Signal(int)  # frame
    speed_changed = Signal(float)
    loop_toggled = Signal(bool)
    direction_changed = Signal(int)  # 1 forward, -1 backward

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._frames, self._playing, self._direction = 0, False, 1
        self.first = IconButton("first", "First frame (Home)", framed=True)
        self.back = IconButton("back", "One step back (,)", framed=True)
        self.play = IconButton("play", "Play (Space)", primary=True, framed=True)
        self.forward = IconButton("forward", "One step forward (.)", framed=True)
        self.last = IconButton("last", "Last frame (End)", framed=True)
        self.loop = IconButton("loop", "Start over at the end (L)", checkable=True)
        self.direction = IconButton("swap", "Play backward (R)", checkable=True)
        self.speed = Combo()
        self.scrubber = Scrubber()
        self.readouts = {
            "t": Readout("t", "0.000", "Time of the process: 1 is noise, 0 is data"),
            "sigma": Readout("σ", "0.000", "Noise level σ(t)"),
            "step": Readout("step", "000 / 000", "Step of the sampler"),
            "nfe": Readout("NFE", "0000", "Evaluations of the score so far"),
            "distance": Readout(
                "distance",
                "0.000",
                "Distance of the particles to the data: which one, and its floor, is said below the chart at the right",
            ),
        }
        self._lay_out()
        self._fit()
        self._connect()
        self.set_range(0, True)

    def _lay_out(self) -> None:
        self.speed.addItems([f"{speed:g}×" for speed in SPEEDS])
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.setMinimumContentsLength(3)
        self.speed.setToolTip("Speed")
        self.speed.setAccessibleName("Speed")
        line = QHBoxLayout(self)
        line.setContentsMargins(style.px(14), style.px(8), style.px(14), style.px(8))
        line.setSpacing(style.px(6))
        for button in (self.first, self.back, self.play, self.forward, self.last, self.loop, self.direction):
            line.addWidget(button)
        line.addWidget(self.speed)
        line.addSpacing(style.px(4))
        line.addWidget(self.scrubber, 1)
        for readout in self.readouts.values():
            line.addSpacing(style.px(8))
            line.addWidget(readout)

    def set_theme(self, theme: Theme) -> None:
        """The text size may be another one."""
        self._fit()
        self._shed()

    def _fit(self) -> None:
        self.speed.setFixedWidth(style.px(76))
        for readout in self.readouts.values():
            readout.reserve()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._needed(0, whole=False), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._shed()

    def _needed(self, readouts: int, whole: bool = True) -> int:
        """The width with so many readouts; not `whole`: without what menus and keys do as well."""
        line = self.layout()
        assert line is not None
        margins = line.contentsMargins()
        buttons = [self.first, self.back, self.play, self.forward, self.last]
        width = margins.left() + margins.right() + style.px(LEAST_SCRUBBER)
        if whole:
            buttons += [self.loop, self.direction]
            width += self.speed.width()
        width += sum(button.sizeHint().width() + line.spacing() for button in buttons)
        width += style.px(4) + len(self.readouts) * style.px(8) + 2 * line.spacing()
        kept = [self.readouts[name] for name in KEPT_LONGEST[:readouts]]
        return width + sum(readout.sizeHint().width() + line.spacing() for readout in kept)

    def _shed(self) -> None:
        """Show as many readouts as there is room for, and loop, direction and speed if they have room."""
        for widget in (self.loop, self.direction, self.speed):
            widget.setVisible(self._needed(0) <= self.width())
        fits = [n for n in range(len(KEPT_LONGEST) + 1) if self._needed(n) <= self.width()]
        kept = KEPT_LONGEST[: max(fits, default=0)]
        for name, readout in self.readouts.items():
            readout.setVisible(name in kept)

    def _connect(self) -> None:
        self.play.clicked.connect(lambda: self.play_toggled.emit())
        self.first.clicked.connect(lambda: self.scrubbed.emit(0))
        self.last.clicked.connect(lambda: self.scrubbed.emit(max(0, self._frames - 1)))
        self.back.clicked.connect(lambda: self.stepped.emit(-1))
        self.forward.clicked.connect(lambda: self.stepped.emit(1))
        self.loop.clicked.connect(lambda on: self.loop_toggled.emit(on))
        self.direction.clicked.connect(lambda on: self.direction_changed.emit(-1 if on else 1))
        self.direction.toggled.connect(lambda on: self._show_play(self._playing))
        self.speed.activated.connect(lambda i: self.speed_changed.emit(SPEEDS[i]))
        self.scrubber.valueChanged.connect(self.scrubbed.emit)

    def set_range(self, n_frames: int, complete: bool, expected: int | None = None) -> None:
        """How many frames there are; until `complete`, `expected` says how many there will be."""
        self._frames = n_frames
        total = n_frames if complete or expected is None else max(expected, n_frames)
        self.scrubber.blockSignals(True)
        self.scrubber.setRange(0, max(0, total - 1))
        self.scrubber.blockSignals(False)
        self.scrubber.set_ready(1.0 if total <= 1 else max(0, n_frames - 1) / (total - 1))
        for widget in (self.first, self.back, self.play, self.forward, self.last, self.scrubber):
            widget.setEnabled(n_frames > 1)

    def set_marks(self, frames: list[int]) -> None:
        """Ticks at these frames (starts of steps with sub-steps), if they are few."""
        last = max(1, self.scrubber.maximum())
        self.scrubber.set_marks([f / last for f in frames] if len(frames) <= FEW_MARKS else [])

    def set_position(self, frame: int) -> None:
        """Move the handle without emitting; a handle that is being dragged stays."""
        if not self.scrubber.isSliderDown():
            self.scrubber.blockSignals(True)
            self.scrubber.setValue(frame)
            self.scrubber.blockSignals(False)
            self.scrubber.update()

    def position(self) -> int:
        """The frame under the handle."""
        return self.scrubber.value()

    def set_playing(self, playing: bool) -> None:
        """Show pause while playing."""
        if playing != self._playing:
            self._show_play(playing)

    def _show_play(self, playing: bool) -> None:
        self._playing = playing
        start = "play-back" if self.direction.isChecked() else "play"
        self.play.set_icon("pause" if playing else start, "Pause (Space)" if playing else "Play (Space)")

    def set_loop(self, on: bool) -> None:
        """Show whether it starts over, without emitting."""
        self.loop.setChecked(on)

    def set_direction(self, direction: int) -> None:
        """Show the direction, without emitting."""
        self.direction.setChecked(direction < 0)

    def set_speed(self, speed: float) -> None:
        """Show a speed (the nearest on offer), without emitting."""
        self.speed.setCurrentIndex(min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - speed)))

    def set_readout(
        self,
        *,
        t: float | None = None,
        sigma: float | None = None,
        step: int | None = None,
        steps: int | None = None,
        nfe: int | None = None,
        distance: float | None = None,
    ) -> None:
        """What holds at this frame; None is shown as a dash."""
        self.readouts["t"].set(figures(t))
        self.readouts["sigma"].set(figures(sigma))
        width = len(str(steps or 0))
        self.readouts["step"].set("–" if step is None else f"{step:>{width}} / {steps if steps else '–'}")
        self.readouts["nfe"].set("–" if nfe is None else str(nfe))
        self.readouts["distance"].set(figures(distance))
