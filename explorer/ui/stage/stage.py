"""A stage panel: a heading, the canvas, and what the mouse points at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from explorer.figures.camera import Camera
from explorer.figures.marks import Mark
from explorer.figures.theme import Theme
from explorer.figures.views.image_parts import HOME
from explorer.figures.views.outside import Outside
from explorer.ui.stage.canvas import Choice, Stage
from explorer.ui.widgets import style
from explorer.ui.widgets.labels import Button, ElidedLabel, label, row

#: The plane as it is first shown: unit data with room around it (as much of it across where the stage is narrow);
#: and time across, x up, for one dimension.
PLANE = Camera(height=6.4)
LEAST_WIDTH = 5.0
#: The plane over time, from any side.
SPACE, SPACE_WIDTH = Camera(height=9.0), 10.0
OVER_TIME = Camera(center=(0.5, 0.0), width=1.08, height=7.0, stretch=True)


class StagePanel(QFrame):
    """One stage. `bounds_changed` says which part of the plane it shows; `probed` where the mouse is."""

    bounds_changed = Signal(object)
    camera_changed = Signal(object)
    probed = Signal(float, float)
    selected = Signal()
    turned = Signal(float, float)
    let_go = Signal()

    def __init__(self, name: str, choice: Choice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.name = name
        self.canvas = Stage(self, choice)
        self.canvas.set_camera(PLANE)
        self.letter, self.title = label(name, "title"), ElidedLabel("", "title")
        self.subtitle = ElidedLabel("", "small")
        self.cost, self.figures = label("", "small"), label("", "small")
        self.hover = QLabel(self.canvas)
        self.hover.setProperty("role", "badge")
        self.hover.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hover.hide()
        self.missing = Button("", "Show all particles")
        self.missing.setParent(self.canvas)
        self.missing.setProperty("over", True)
        self.missing.clicked.connect(self.show_all)
        self.missing.hide()
        self._outside = Outside(0, 0, 0)
        self._flat = self._space = self._pictures = False
        self._at_home = True
        self._pointed = (math.nan, math.nan)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        head = QWidget()
        lines = QVBoxLayout(head)
        lines.setContentsMargins(style.px(14), style.px(8), style.px(14), style.px(6))
        lines.setSpacing(0)
        top = row(self.letter, self.title, self.cost, spacing=8)
        top.setStretch(1, 1)
        below = row(self.subtitle, self.figures, spacing=8)
        below.setStretch(0, 1)
        lines.addLayout(top)
        lines.addLayout(below)
        head.mousePressEvent = lambda event: self.selected.emit()  # type: ignore[method-assign]
        whole = QVBoxLayout(self)
        whole.setContentsMargins(1, 1, 1, 1)
        whole.setSpacing(0)
        whole.addWidget(head)
        whole.addWidget(self.canvas, 1)

    def _connect(self) -> None:
        self.canvas.camera_changed.connect(self._moved)
        self.canvas.fit_requested.connect(self.fit)
        self.canvas.hovered.connect(self._hovered)
        self.canvas.turned.connect(self.turned)
        self.canvas.let_go.connect(self.let_go)
        self.canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            if self._at_home:
                self.canvas.set_camera(self._home())
            self._place()
            self.tell_bounds()
        return False

    def _home(self) -> Camera:
        """The camera that shows everything."""
        if self._pictures:
            return HOME
        if self._flat:
            return OVER_TIME
        width, height = self.canvas.canvas_size()
        around, least = (SPACE, SPACE_WIDTH) if self._space else (PLANE, LEAST_WIDTH)
        return replace(around, height=max(around.height, least * height / width))

    def tell_bounds(self) -> None:
        """Say which part of the plane is shown."""
        self.bounds_changed.emit(self.canvas.camera.bounds(*self.canvas.canvas_size()))

    def _moved(self, camera: Camera) -> None:
        self._at_home = False
        self.camera_changed.emit(camera)
        self.tell_bounds()

    def look_at(self, camera: Camera) -> None:
        """Take a camera without emitting `camera_changed` (the stages are linked)."""
        self._at_home = camera == self._home()
        self.canvas.set_camera(camera)
        self.tell_bounds()

    def set_shape(self, flat: bool, space: bool, pictures: bool = False) -> None:
        """Show the plane, or x over time (flat), or the plane over time in space, which a drag turns; or pictures."""
        space = space and not flat and not pictures
        if (flat, space, pictures) != (self._flat, self._space, self._pictures):
            self._flat, self._space, self._pictures = flat, space, pictures
            self.canvas.turning = space
            self.look_at(self._home())

    def fit(self) -> None:
        """Back to the camera that shows everything."""
        self.look_at(self._home())
        self.camera_changed.emit(self.canvas.camera)

    def show_all(self) -> None:
        """Show all particles that can be shown: where home does not, whatever it takes."""
        home, reach = self._home(), self._outside.reach
        size = self.canvas.canvas_size()
        if reach is not None:
            edges = zip(home.bounds(*size), reach, (min, max, min, max), strict=True)
            around: Any = tuple(farther(mine, theirs) for mine, theirs, farther in edges)
            home = home if around == home.bounds(*size) else home.fitted(around, size)
        self.look_at(home)
        self.camera_changed.emit(self.canvas.camera)

    def set_outside(self, outside: Outside) -> None:
        """Say how many particles the stage does not show, and offer to."""
        self._outside = outside
        words = outside.words
        if words and outside.beyond > outside.lost:
            words += " · Fit"
        if words != self.missing.text():
            self.missing.setText(words)
            self.missing.setEnabled(words.endswith("Fit"))
            self._place()
        self.missing.setVisible(bool(words))

    def _place(self) -> None:
        """Put the words about missing particles into the upper right corner."""
        self.missing.adjustSize()
        self.missing.move(self.canvas.width() - self.missing.width() - style.px(10), style.px(10))
        self.missing.raise_()

    def zoom(self, factor: float) -> None:
        """Zoom about the centre."""
        camera = self.canvas.camera
        self.look_at(camera.zoomed(factor, camera.center))
        self.camera_changed.emit(self.canvas.camera)

    def set_heading(self, letter: str, title: str, subtitle: str, cost: str, figures: str) -> None:
        """The words above the canvas; `letter` is empty where there is one stage."""
        self.letter.setVisible(bool(letter))
        self.letter.setText(letter)
        self.title.set_text(title)
        self.subtitle.set_text(subtitle)
        for shown, text in ((self.cost, cost), (self.figures, figures)):
            if text != shown.text():
                shown.setText(text)

    def show_marks(self, marks: Sequence[Mark], theme: Theme) -> None:
        """Draw."""
        self.canvas.canvas.show_marks(marks, theme)

    def _hovered(self, x: float, y: float) -> None:
        self._pointed = (x, y)
        if math.isnan(x) or self._space:  # in space a pixel is a line, not a point
            self.hover.hide()
        else:
            self.probed.emit(x, y)

    def probe_again(self) -> None:
        """Ask anew for the numbers under a mouse that rests while time goes on."""
        if self.hover.isVisible():
            self.probed.emit(*self._pointed)

    def show_probe(self, text: str) -> None:
        """What the numbers are under the mouse; where the stage is narrow, in as many lines as they need."""
        self.hover.setWordWrap(False)
        self.hover.setText(text)
        self.hover.adjustSize()
        room = self.canvas.width() - 2 * style.px(10)
        if self.hover.width() > room:
            between = "   "  # numbers are parted from each other, and never from their names
            self.hover.setWordWrap(True)
            self.hover.setText(between.join(part.replace(" ", "\u00a0") for part in text.split(between)))
            self.hover.resize(room, self.hover.heightForWidth(room))
        self.hover.move(style.px(10), self.canvas.height() - self.hover.height() - style.px(10))
        self.hover.setVisible(bool(text) and self.canvas.underMouse())
        self.hover.raise_()
