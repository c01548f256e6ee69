"""The stage: OpenGL where it works, QPainter everywhere else, and why.

`Stage` is what a window holds. It is a canvas like the two behind it, and replaces the one by the other when
OpenGL fails, at the start or an hour later.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication, QImage, QOffscreenSurface, QOpenGLContext
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.figures.camera import Camera, Size
from explorer.figures.marks import Mark
from explorer.figures.theme import Theme
from explorer.ui.painting.canvas_base import CanvasBase
from explorer.ui.painting.canvas_painter import PainterCanvas

Kind: TypeAlias = Literal["opengl", "painter"]

VARIABLE = "SCORE_EXPLORER_STAGE"
# What OpenGL calls a renderer that is the processor: QPainter is several times faster than these.
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software", "gdi generic", "basic render")
RENDERER = 0x1F01  # GL_RENDERER


@dataclass(frozen=True)
class Choice:
    """Which canvas to use, and why, in words for the status bar."""

    kind: Kind
    reason: str


def probe() -> Choice:
    """Whether OpenGL works here: a context is made and used, since a version number promises nothing."""
    platform = QGuiApplication.platformName()
    if platform in ("offscreen", "minimal", "vnc", "linuxfb"):
        return Choice("painter", f"the {platform} screen has no OpenGL")
    if platform.startswith("wayland"):
        return Choice("painter", "OpenGL on Wayland needs QT_QPA_PLATFORM=xcb")
    context = QOpenGLContext()
    if not context.create():
        return Choice("painter", "no OpenGL context can be made")
    surface = QOffscreenSurface()
    surface.setFormat(context.format())
    surface.create()
    # Asking a context that is not current for its functions ends the process.
    if not context.makeCurrent(surface):
        return Choice("painter", "the OpenGL context cannot be used")
    renderer = str(context.functions().glGetString(RENDERER))
    context.doneCurrent()
    if any(name in renderer.lower() for name in SOFTWARE):
        return Choice("painter", f"OpenGL is emulated here ({renderer.split(' (')[0]}), painting is faster")
    return Choice("opengl", renderer)


def choose() -> Choice:
    """The canvas asked for in the environment, or the one that works best."""
    wish = os.environ.get(VARIABLE, "").strip().lower()
    if wish == "painter":
        return Choice("painter", f"asked for by {VARIABLE}")
    found = probe()
    emulated = "emulated" in found.reason
    if wish == "opengl" and emulated:
        return Choice("opengl", f"asked for by {VARIABLE}, though it is emulated")
    return found


def make_canvas(choice: Choice, parent: QWidget | None = None) -> tuple[CanvasBase, Choice]:
    """A canvas of this kind, or the painter with the reason why not."""
    if choice.kind == "opengl":
        try:
            from explorer.ui.stage.canvas_vispy import VispyCanvas

            return VispyCanvas(parent), choice
        except Exception as error:  # vispy reports a missing OpenGL in many ways
            choice = Choice("painter", f"OpenGL failed: {error}")
    return PainterCanvas(parent), choice


class Stage(QWidget):
    """The canvas that works here."""

    camera_changed = Signal(object)
    hovered = Signal(float, float)
    clicked = Signal(float, float, object)
    stroke = Signal(object)
    fit_requested = Signal()
    turned = Signal(float, float)
    let_go = Signal()
    changed = Signal(object)  # Choice, when another canvas had to take over

    def __init__(self, parent: QWidget | None = None, choice: Choice | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._adopt(*make_canvas(choice or choose(), self))

    def _adopt(self, canvas: CanvasBase, choice: Choice) -> None:
        self.canvas, self.choice = canvas, choice
        for name in ("camera_changed", "hovered", "clicked", "stroke", "fit_requested", "turned", "let_go"):
            getattr(canvas, name).connect(getattr(self, name))
        canvas.failed.connect(self._fall_back)
        self._layout.addWidget(canvas)
        self.setFocusProxy(canvas)

    def _fall_back(self, reason: str) -> None:
        old = self.canvas
        old.failed.disconnect(self._fall_back)
        new = PainterCanvas(self)
        new.copy_from(old)
        self._layout.removeWidget(old)
        old.hide()
        old.deleteLater()
        self._adopt(new, Choice("painter", reason))
        self.changed.emit(self.choice)

    @property
    def camera(self) -> Camera:
        return self.canvas.camera

    def set_camera(self, camera: Camera) -> None:
        self.canvas.set_camera(camera)

    def canvas_size(self) -> Size:
        """Width and height in the pixels that the camera counts in."""
        return self.canvas.canvas_size()

    def show_marks(self, marks: Sequence[Mark], theme: Theme) -> None:
        self.canvas.show_marks(marks, theme)

    @property
    def drawing(self) -> bool:
        return self.canvas.drawing

    @drawing.setter
    def drawing(self, on: bool) -> None:
        self.canvas.drawing = on

    @property
    def turning(self) -> bool:
        return self.canvas.turning

    @turning.setter
    def turning(self, on: bool) -> None:
        self.canvas.turning = on

    def grab_image(self) -> QImage:
        """What the stage shows now."""
        return self.canvas.grab_image()
