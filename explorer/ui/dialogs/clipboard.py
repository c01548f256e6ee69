"""The clipboard: the picture that the stages show, and the experiment as a Python script."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from explorer.base.errors import sentence
from explorer.export.script import script_of
from explorer.figures.theme import theme as theme_named
from explorer.ui.dialogs import export_work as work
from explorer.ui.dialogs import exporting
from explorer.ui.painting import words
from explorer.ui.widgets.host import Host, widget_of
from explorer.ui.widgets.tasks import Task

#: How much finer than the screen a copied picture is.
FINER = 2


class Clipboard(QObject):
    """Copies; the drawing is done in a thread."""

    def __init__(self, host: Host) -> None:
        super().__init__(widget_of(host))
        self._host = host
        self._task: Task | None = None

    def copy_picture(self) -> None:
        """Copy what the stages show."""
        replay = work.replay_now(self._host.session, theme_named(self._host.theme_name))
        if replay is None:
            text = "The run is still being computed: copy it when it is done."
            return self._host.notices.show_notice(text, "warn")
        stages = [self._host.stages[name] for name in self._host.session.shown]
        width, height = FINER * sum(s.width() for s in stages), FINER * stages[0].height()
        draw = partial(replay.pixels, replay.indices(replay.position), width, height, exporting.QtRenderer())
        self.shut_down()
        self._task = Task(self, draw, self._copied, self._failed)

    def _copied(self, pixels: Any) -> None:
        QApplication.clipboard().setImage(work.image_of(pixels))
        height, width = pixels.shape[:2]
        self._host.notices.settle("copied")
        self._host.notices.show_notice(f"The image is on the clipboard ({width} × {height} px).")

    def _failed(self, error: BaseException) -> None:
        self._host.notices.show_notice(sentence(error, "The image", "copied"), "error", about="copied")

    def copy_script(self) -> None:
        """Copy the experiment as a Python script."""
        session = self._host.session
        document = session.document
        experiments = [document.experiment, *([document.compare] if document.compare else [])]
        resolved = [session.networks.resolved(e) for e in experiments]
        caption = words.caption(document.experiment, resolved[0])
        QApplication.clipboard().setText(script_of(experiments, resolved, caption))
        self._host.notices.show_notice("The experiment is on the clipboard as a Python script.")

    def shut_down(self) -> None:
        """Copy nothing any more."""
        if self._task is not None and self._task.alive:
            self._task.drop()
