"""The stage on OpenGL through vispy. Whatever goes wrong in it ends in the signal `failed`, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer, qInstallMessageHandler
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLayout, QVBoxLayout, QWidget

from explorer.figures.camera import Size
from explorer.figures.marks import Arrows, Curve, Image, Mark, Points, Segments, Text
from explorer.figures.theme import LEVELS, lut, rgb
from explorer.ui.painting import geometry, legend, text
from explorer.ui.painting.canvas_base import CanvasBase, thickness
from explorer.ui.painting.canvas_painter import DASH, RING, RING_ALPHA, colored

Slot: TypeAlias = Any  # DiscSlot, LineSlot or PictureSlot; vispy has no types


@cache
def _vispy() -> tuple[Any, Any, Any]:
    """vispy's app and gloo, and the slots, without what importing them does to the rest of the program.

    vispy's Qt backend takes over Qt's messages and replaces QTest.qWait by a busy loop.
    """
    messages = qInstallMessageHandler(None)
    wait = QTest.qWait
    try:
        from vispy import app, gloo

        app.use_app("pyside6")
    finally:
        qInstallMessageHandler(messages)
        QTest.qWait = wait  # type: ignore[method-assign]
    from explorer.ui.stage import gl_slots

    return app, gloo, gl_slots


class VispyCanvas(CanvasBase):
    """The stage with OpenGL."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._app, self._gloo, self._slot_kinds = _vispy()
        self._words: dict[tuple, tuple[NDArray[np.uint8], float, float]] = {}
        self._has_failed = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._build(layout)

    def _build(self, layout: QLayout) -> None:
        self._slots: list[Slot] = []
        self._has_context = False
        # Qt composes the widget by itself (no swap), and asking for the screen's dpi starts a process.
        self._stage = self._app.Canvas(keys=None, autoswap=False, dpi=96, parent=self, create_native=True)
        self._stage.events.initialize.connect(self._start)
        self._stage.events.draw.connect(self._draw, position="first")
        layout.addWidget(self._stage.native)
        self.setFocusProxy(self._stage.native)
        self.listen_to(self._stage.native)

    def redraw(self) -> None:
        if not self._has_failed:
            self._stage.update()

    def grab_image(self) -> QImage:
        """What the stage shows now."""
        return self._stage.native.grabFramebuffer()

    def finish_frame(self) -> None:
        """Draw now and wait until it is done, to measure how long that takes."""
        native = self._stage.native
        native.makeCurrent()
        native.paintGL()
        native.context().functions().glFinish()
        native.doneCurrent()

    def _start(self, _event: object) -> None:
        if self._has_context:
            # In another window the widget gets another context, which vispy cannot follow.
            self._has_context = False
            QTimer.singleShot(0, self, self._rebuild)
        else:
            self._has_context = True

    def _rebuild(self) -> None:
        layout, old = self.layout(), self._surface
        assert layout is not None
        old.removeEventFilter(self)
        layout.removeWidget(old)
        old.hide()
        old.deleteLater()
        try:
            self._build(layout)
        except Exception as error:
            self._fail(error)
        else:
            self.drawing = self.drawing  # the cursor belongs to the widget
            self.redraw()

    def _draw(self, _event: object) -> None:
        if self._has_failed or not self._has_context:
            return
        try:
            self._draw_all()
        except Exception as error:  # any failure of a driver must lead to the painter
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        reason = str(error).strip().splitlines()
        message = f"OpenGL failed: {reason[-1] if reason else type(error).__name__}"
        # Not from within Qt's painting: whoever listens will replace this widget.
        QTimer.singleShot(0, self, lambda: self.failed.emit(message))

    def _draw_all(self) -> None:
        ratio = self.devicePixelRatioF()
        size = max(round(self._surface.width() * ratio), 1), max(round(self._surface.height() * ratio), 1)
        self._gloo.set_viewport(0, 0, *size)
        self._gloo.set_state(
            blend=True, depth_test=False, cull_face=False, blend_func=("src_alpha", "one_minus_src_alpha")
        )
        self._gloo.clear(color=(*self._rgb("stage"), 1.0), depth=False)
        scale = thickness(size, ratio)
        marks = legend.laid_out(self.all_marks(), self.camera, size, self.theme, scale)
        del self._slots[len(marks) :]
        for place, mark in enumerate(marks):
            self._drawers[type(mark)](self, place, mark, size, scale)

    def _slot(self, place: int, kind: str) -> Slot:
        """The slot of this kind at a place in the list of marks, made when something else was there."""
        make = getattr(self._slot_kinds, kind)
        while len(self._slots) <= place:
            self._slots.append(None)
        if type(self._slots[place]) is not make:
            self._slots[place] = make()
        return self._slots[place]

    def _rgb(self, role: str) -> NDArray[np.float64]:
        return np.array(rgb(self.theme, role)) / 255

    def _colors(self, mark: Points | Arrows, which: NDArray[np.intp]) -> NDArray[np.float64]:
        if mark.values is None:
            return np.append(self._rgb(mark.color), mark.alpha)
        table = lut(mark.colormap, self.theme) / 255
        colors = table[geometry.levels(np.ravel(mark.values)[which], LEVELS)]
        colors[:, 3] = mark.alpha
        return colors

    def _points(self, place: int, mark: Points, size: Size, scale: float) -> None:
        centres, seen = geometry.points(mark, self.camera, size, scale)
        if len(seen):
            ring = np.append(self._rgb("stage"), RING_ALPHA)
            slot = self._slot(place, "DiscSlot")
            slot.draw(
                centres, self._colors(mark, seen), mark.size * scale / 2, RING * scale * mark.ring, ring, size
            )

    def _lines(
        self, place: int, lines: NDArray, colors: NDArray, width: float, cap: float, size: Size
    ) -> None:
        if len(lines):
            corners, across = geometry.quads(lines, width / 2 + 1, cap)
            self._slot(place, "LineSlot").draw(corners, across, colors, width / 2, size)

    def _segments(self, place: int, mark: Segments, size: Size, scale: float) -> None:
        lines, seen = geometry.segments(mark, self.camera, size, scale)
        colors = np.append(self._rgb(mark.color), mark.alpha)
        if mark.fade is not None:
            colors = np.tile(colors, (len(seen), 1))
            colors[:, 3] *= np.nan_to_num(np.ravel(mark.fade)[seen])
        width = mark.width * scale
        self._lines(place, lines, colors, width, width / 2 if width > 1 else 0, size)

    def _arrows(self, place: int, mark: Arrows, size: Size, scale: float) -> None:
        lines, which = geometry.arrows(mark, self.camera, size, scale)
        width = mark.width * scale
        self._lines(place, lines, self._colors(mark, which), width, width / 2, size)

    def _curve(self, place: int, mark: Curve, size: Size, scale: float) -> None:
        pieces = []
        for run in geometry.runs(mark, self.camera, size, scale):
            on, off = DASH[0] * scale, DASH[1] * scale
            pieces.append(geometry.dashed(run, on, off) if mark.dash else np.hstack([run[:-1], run[1:]]))
        if pieces:
            colors = np.append(self._rgb(mark.color), mark.alpha)
            self._lines(place, np.concatenate(pieces), colors, mark.width * scale, 0, size)

    def _image(self, place: int, mark: Image, size: Size, scale: float) -> None:
        patch = geometry.image(mark, self.camera, size)
        if patch is not None:
            pixels = colored(patch[0], mark.colormap, self.theme)
            channels = pixels.view(np.uint8).reshape(*pixels.shape, 4)[..., [2, 1, 0, 3]]
            smooth = geometry.smoothed(mark, pixels.shape, patch[1])
            self._slot(place, "PictureSlot").draw(channels, patch[1], mark.alpha, size, smooth)

    def _text(self, place: int, mark: Text, size: Size, scale: float) -> None:
        x, y = self.camera.to_pixels(mark.xy, size)
        if -size[0] < x < 2 * size[0] and -size[1] < y < 2 * size[1]:
            pixels, left, top = self._written(mark, scale)
            rect = (round(x) + left, round(y) + top, pixels.shape[1], pixels.shape[0])
            self._slot(place, "PictureSlot").draw(pixels, rect, 1.0, size, smooth=False)

    def _written(self, mark: Text, scale: float) -> tuple[NDArray[np.uint8], float, float]:
        """A text mark as a small picture, and where its corner is seen from the anchor."""
        key = (mark.text, mark.color, mark.size, mark.anchor, scale, self.theme.name)
        if key not in self._words:
            if len(self._words) > 200:  # numbers that count up would fill it
                self._words.clear()
            self._words[key] = self._write(mark, scale)
        return self._words[key]

    def _write(self, mark: Text, scale: float) -> tuple[NDArray[np.uint8], float, float]:
        start = text.baseline(mark, (0, 0), scale)
        pad = int(2 * mark.size * scale) + 4
        width = int(text.width(mark.text, mark.size * scale)) + 2 * pad
        image = QImage(width, 2 * pad, QImage.Format.Format_RGBA8888)
        image.fill(0)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text.draw(painter, (pad - start.x(), pad - start.y()), mark, self.theme, scale)
        painter.end()
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(2 * pad, width, 4).copy()
        return pixels, start.x() - pad, start.y() - pad

    _drawers: ClassVar[dict[type[Mark], Callable[..., None]]] = {
        Points: _points,
        Segments: _segments,
        Arrows: _arrows,
        Curve: _curve,
        Image: _image,
        Text: _text,
    }
