"""What a hand does on the stages: move both cameras, turn the paths in space, open a menu, pick a picture."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QMenu

from explorer.ui.widgets.mnemonics import keep

if TYPE_CHECKING:
    from explorer.ui.window.base import Window

#: Degrees that the paths in space turn for a pixel of dragging.
TURN = 0.4


class StageHand:
    """Turns the signals of the stages into edits of the window."""

    def __init__(self, window: Window) -> None:
        self.window = window
        for name, stage in window.stages.items():
            stage.bounds_changed.connect(partial(window.session.showing.set_bounds, name))
            stage.camera_changed.connect(partial(self.link_cameras, name))
            stage.probed.connect(lambda x, y, name=name: window.session.showing.probe(name, (x, y)))
            stage.selected.connect(partial(window.select, name))
            stage.canvas.clicked.connect(partial(self.clicked, name))
            stage.turned.connect(self.turn)
            stage.let_go.connect(window.end_drag)

    def turn(self, right: float, up: float) -> None:
        """Turn the paths in space by a drag of so many pixels."""
        look = self.window.session.document.look
        azimuth = (look.azimuth + TURN * right + 180.0) % 360.0 - 180.0
        elevation = min(max(look.elevation - TURN * up, -90.0), 90.0)
        self.window.edit_look(replace(look, azimuth=azimuth, elevation=elevation))

    def clicked(self, name: str, x: float, y: float, button: Qt.MouseButton) -> None:
        """The menu of a stage: what can be done at this point of it; of pictures, one is shown large."""
        pictures = self.window.session.document.experiment.pictures is not None
        if pictures and button == Qt.MouseButton.LeftButton:
            return self.show_large(self.window.session.showing.particle_at(name, (x, y)))
        if button != Qt.MouseButton.RightButton or self.window.stages[name].canvas.drawing:
            return
        menu = keep(QMenu(self.window))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if (
            not pictures
            and self.window.labs.has_microscope
            and self.window.session.showing.particle_at(name, (x, y)) is not None
        ):
            menu.addAction("Look at this particle", partial(self.window.labs.look_at_particle, name, (x, y)))
        menu.addAction("Fit", self.window.stages[name].fit)
        menu.popup(QCursor.pos())

    def show_large(self, picture: int | None) -> None:
        """Show one picture large, or all again where one is already."""
        look = self.window.session.document.look
        if look.picture or picture is not None:
            self.window.end_drag()
            self.window.edit_look(
                replace(look, picture=0 if look.picture or picture is None else picture + 1)
            )

    def link_cameras(self, name: str, camera: Any) -> None:
        for other, stage in self.window.stages.items():
            if other != name:
                stage.look_at(camera)
