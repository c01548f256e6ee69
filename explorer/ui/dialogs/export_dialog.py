"""Export: choose a format and a size, see what it will be, and go on working while it is written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QHideEvent, QImage, QPixmap, QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QLabel, QScrollArea, QVBoxLayout

from explorer.base.errors import sentence
from explorer.base.jobs import Job
from explorer.base.workers import LatestWorker
from explorer.export import Exporter, Progress, Replay
from explorer.figures.theme import Theme
from explorer.figures.theme import theme as theme_named
from explorer.ui.dialogs import export_work as work
from explorer.ui.dialogs import exporting
from explorer.ui.dialogs.clipboard import Clipboard
from explorer.ui.dialogs.export_form import ExportForm
from explorer.ui.files.asking import Asking
from explorer.ui.files.file_names import Recent
from explorer.ui.widgets import style
from explorer.ui.widgets.host import Host, widget_of
from explorer.ui.widgets.labels import Button, label, row
from explorer.ui.widgets.notices import ProgressCard

PREVIEW = (416, 234)
#: Milliseconds between two looks at the work, and of rest before an estimate begins.
LOOK_MS, REST_MS = 60, 500
WAITING = "The run is still being computed: Export waits for its end."


class ExportPanel(QDialog):
    """A window of its own that blocks nothing; closing it leaves an export running.

    spared: whether a file may be written, which is none that is read (`Documents.spared`).
    """

    def __init__(self, host: Host, spared: Callable[[Path], bool]) -> None:
        super().__init__(widget_of(host))
        self._host, self._spared = host, spared
        self._replay: Replay | None = None
        self._wanted: tuple[Any, ...] = ()
        self._size_words = ""
        self._worker: LatestWorker | None = None
        self._estimator: LatestWorker | None = None
        self._closing: list[LatestWorker] = []
        self.job: Job[Progress] | None = None
        self._target = Path()
        self.asking = Asking(self, Recent(host.settings))
        self.setWindowTitle("Export")
        clipboard = self.clipboard = Clipboard(host)
        self.copy_picture, self.copy_script = clipboard.copy_picture, clipboard.copy_script
        self._built = False
        self.state = label("", "small", self)
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._look)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._ask_for_size)

    # --- building --------------------------------------------------------------------------------------

    def _build(self) -> None:
        """Made when it is first opened, so that the window opens sooner."""
        self._built = True
        self.form = ExportForm(self._host.theme_name)
        self.form.changed.connect(self._changed)
        self.form.refused.connect(lambda text: self.state.setText(text))
        self.preview = QLabel()
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setFixedSize(*map(style.px, PREVIEW))
        self.facts = label("", "title")
        for words in (self.facts, self.state):
            words.setWordWrap(True)
        self.progress = ProgressCard("Export")
        self.progress.cancelled.connect(self.cancel)
        self.progress.hide()
        self.start_button = Button("Export…", "Choose where, and write it", primary=True)
        self.start_button.clicked.connect(self.ask_where)
        self.close_button = Button("Close", "An export that is going on goes on")
        self.close_button.clicked.connect(self.close)
        self._lay_out()

    def _lay_out(self) -> None:
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.form)
        area.setMinimumWidth(style.px(330))
        left = QVBoxLayout()
        left.setSpacing(style.px(8))
        for widget in (self.preview, self.facts, self.state, self.progress):
            left.addWidget(widget)
        left.addStretch(1)
        middle = row(spacing=18)
        middle.addLayout(left)
        middle.addWidget(area, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(*[style.px(18)] * 4)
        whole.setSpacing(style.px(12))
        whole.addLayout(middle, 1)
        whole.addLayout(row(1, self.close_button, self.start_button))

    @property
    def exporter(self) -> Exporter:
        """The format that is chosen, with its settings."""
        return self.form.exporter

    def _theme_now(self) -> Theme:
        return theme_named(self.form.theme.value() if self._built else self._host.theme_name)

    def _changed(self) -> None:
        self.state.setText("")
        self._size_words = ""
        self._show()

    def _show(self) -> None:
        """Say what the file will be, and ask for the picture and the size of it."""
        replay = work.replay_now(self._host.session, self._theme_now(), caption=self.form.caption.isChecked())
        self.form.set_data(self._host.session.document.experiment.data)
        self._replay = replay or self._replay
        ready = self._replay is not None
        self.start_button.setEnabled(ready and self.job is None)
        if not ready or self.state.text() == WAITING:
            self.state.setText("" if ready else WAITING)
        self._show_facts()
        if self._replay is not None and self._worker is not None:
            args = (self._replay, self.exporter, self._host.session.playhead.position)
            self._worker.submit("picture", partial(work.thumbnail, *args, self._room()))
            self._rest.start(REST_MS)

    def _show_facts(self) -> None:
        if self._replay is not None:
            outline = work.outline_words(self.exporter.outline(self._replay))
            self.facts.setText(" · ".join(part for part in (outline, self._size_words) if part))

    def _room(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return round(self.preview.width() * ratio), round(self.preview.height() * ratio)

    def _ask_for_size(self) -> None:
        if self._estimator is not None and self._replay is not None:
            work_of = partial(work.estimate, self._replay, self.exporter)
            self._estimator.submit("size", partial(_keyed, self.exporter, work_of))

    # --- looking at the work -----------------------------------------------------------------------------

    def _look(self) -> None:
        self._take_previews()
        self._take_progress()
        if self.isVisible() and self.job is None:
            self._follow()

    def _follow(self) -> None:
        """Show anew what has changed in the window; while it plays, its playhead alone is no reason."""
        session = self._host.session
        runs = [session.tracks[name].full for name in session.shown]
        if any(run is None or not run.recording.complete for run in runs):
            return
        position = None if session.playhead.playing else session.playhead.position
        serials = (run.serial for run in runs if run is not None)
        wanted = (*serials, session.document.look, session.showing.bounds["A"], position)
        if wanted != self._wanted:
            self._wanted = wanted
            self._show()

    def _take_previews(self) -> None:
        for _, result, error in self._worker.poll() if self._worker else []:
            if error is not None:
                self.state.setText(sentence(error, "The preview", "drawn"))
            elif result is None:
                self.preview.setText("No preview: this is not an image")
            else:
                self._show_picture(work.image_of(result))
        for _, result, error in self._estimator.poll() if self._estimator else []:
            if error is None and result[0] is self.exporter:
                self._size_words = f"about {work.bytes_words(result[1])}"
                self._show_facts()

    def _show_picture(self, image: QImage) -> None:
        image.setDevicePixelRatio(self.devicePixelRatioF())
        self.preview.setPixmap(QPixmap.fromImage(image))

    # --- writing -----------------------------------------------------------------------------------------

    def ask_where(self) -> None:
        """Ask for the name of the file, and begin."""
        if self.job is not None or self._replay is None:
            return
        filters = [f"{self.exporter.title} (*{self.exporter.suffix})"]
        self.asking.ask("Export", filters, self.start, work.file_name(self._host.session, self.exporter))

    def start(self, path: Path) -> None:
        """Write the file to `path` in the background."""
        if self.job is not None or self._replay is None or not self._spared(path):
            return
        self._host.settings.setValue("files/folder", str(path.absolute().parent))
        exporter, replay, renderer = self.exporter, self._replay, exporting.QtRenderer()
        self._target = path
        self.progress.start(path.name)
        self.progress.show()
        self.start_button.setEnabled(False)
        self.job = Job(lambda: exporter.write(replay, path, renderer), name="export", latest=True)
        self._clock.start(LOOK_MS)

    def cancel(self) -> None:
        """Stop writing; what was there before stays."""
        if self.job is not None:
            self.job.cancel()

    def _take_progress(self) -> None:
        job = self.job
        if job is None:
            return
        for progress in job.drain():
            self.progress.set_progress(progress.done / max(progress.total, 1))
        if job.finished and job.join(0):
            self.job = None
            self.progress.hide()
            self.start_button.setEnabled(True)
            self._tell(job)
            self._stop_looking()

    def _tell(self, job: Job[Progress]) -> None:
        name, folder = self._target.name, self._target.absolute().parent
        notices = self._host.notices
        if job.error is not None:
            text = sentence(job.error, name, "written")
            notices.show_notice(text, "error", about="written")
            self.state.setText(text)
        elif job.cancelled:
            self.state.setText("Cancelled: nothing was written.")
        else:
            size = work.bytes_words(self._target.stat().st_size) if self._target.exists() else ""
            text = f"Saved {name} ({size})."
            self.state.setText(text)
            notices.settle("written")
            notices.show_notice(text, "info", ("Open folder", partial(_open_folder, folder)))

    # --- opening and closing -------------------------------------------------------------------------------

    def open_panel(self) -> None:
        """Show the panel beside the work."""
        if not self._built:
            self._build()
        self.form.theme.set_value(self._host.theme_name)
        room = widget_of(self._host).size()
        width, height = style.px(820), style.px(560)
        self.resize(min(width, room.width() - 40), min(height, room.height() - 60))
        self.show()
        self.raise_()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._worker is None:
            self._worker, self._estimator = LatestWorker("export-preview"), LatestWorker("export-size")
        self._wanted = ()
        self._clock.start(LOOK_MS)
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._close_workers(0.0)
        self._stop_looking()

    def _stop_looking(self) -> None:
        if self.job is None and not self.isVisible():
            self._clock.stop()
            self._rest.stop()

    def _close_workers(self, timeout: float) -> None:
        self._closing += [w for w in (self._worker, self._estimator) if w is not None]
        self._worker = self._estimator = None
        self._closing = [worker for worker in self._closing if not worker.close(timeout)]

    def closeEvent(self, event: QCloseEvent) -> None:
        self.hide()
        event.accept()

    def shut_down(self) -> None:
        """Stop everything: a file that is being written is given up, and what was there stays."""
        self._clock.stop()
        self._rest.stop()
        self.asking.close()
        if self.job is not None:
            self.job.cancel()
        self.clipboard.shut_down()
        self._close_workers(1.0)
        self.hide()
        if self.job is not None:
            self.job.join(1.5)
            self.job = None


def _keyed(key: Exporter, measure: Callable[[], int]) -> tuple[Exporter, int]:
    """A measurement together with what it is of."""
    return key, measure()


def _open_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
