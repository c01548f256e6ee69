"""Files: new, open, save, models, the user's data, recent files, and dropping any of these on the window."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMenu

from explorer.base import paths
from explorer.base.errors import sentence
from explorer.base.files import same_file
from explorer.base.printable import printable
from explorer.data.distributions import Distribution
from explorer.data.images.archive import ImageError
from explorer.data.images.folder import Folder, is_images
from explorer.data.imports import (
    PICTURES,
    Choice,
    Imported,
    Preview,
    UndecidedError,
    is_picture,
    look,
    read_image,
    taking,
)
from explorer.experiment.checkpoint import Checkpoint, glance
from explorer.experiment.checkpoint import load as load_checkpoint
from explorer.experiment.resolution import pretrained
from explorer.networks.files import Model
from explorer.networks.files import load as load_model
from explorer.networks.files import save as save_model
from explorer.session import document as files
from explorer.session.checkpoints import Kept
from explorer.session.document import Document
from explorer.ui.files import file_kinds as kinds
from explorer.ui.files.asking import Asking
from explorer.ui.files.file_names import File, Followed, Recent, model_name, with_ending
from explorer.ui.files.own_images import READING, Lost, OwnPictures, prepared
from explorer.ui.files.own_tables import OwnTables
from explorer.ui.files.reading import Reading
from explorer.ui.files.recovery import Recovery
from explorer.ui.files.settings_watch import SettingsWatch
from explorer.ui.files.use import Action, Use, with_data
from explorer.ui.widgets.host import Host, widget_of
from explorer.ui.widgets.notices import Notice
from explorer.ui.widgets.tasks import Task

Work = Callable[[], Any]
#: A network and the data that it was trained on, or the checkpoint of a training.
Network = tuple[Model, Distribution | None] | Checkpoint
#: The kind of a file, its path, and what it holds, or the exception that reading it raised.
Outcome = tuple[str, Path, Any]

APP = "Score Explorer"
CHECK_MS = 250
#: What offers to have the last document back is about.
REOPEN = "reopen"


class Documents(QObject):
    """What the File menu does. Nothing waits: files are read and written in threads, dialogs do not block.

    The window makes one, calls `start` once it is shown and `shut_down` when it closes.
    """

    title_changed = Signal(str)
    opened = Signal()  # another document has come in the place of the one there was

    def __init__(self, host: Host) -> None:
        super().__init__(widget_of(host))
        self._host = host
        self._tasks: list[Task] = []
        self._title = ""
        self.files = Followed(host.session.history, File(None, host.session.document))
        self.recent = Recent(host.settings)
        self._settings = SettingsWatch(host.settings)
        self.asking = Asking(widget_of(host), self.recent)
        self.recovery = Recovery(host, self)
        self._use = Use(host, self.recent)
        self.reading = Reading(host)
        self._network_kept: Model | None = None  # the one that was last opened or saved
        self.pictures = OwnPictures(host, self.asking, self.run)
        self.tables = OwnTables(host, self.recent, self.run, self._use.data, self._folder)
        host.session.networks.bring = self.pictures.fetch
        self._clock = QTimer(self)
        self._clock.timeout.connect(self.changed)
        self._clock.start(CHECK_MS)
        widget_of(host).setAcceptDrops(True)
        widget_of(host).installEventFilter(self)
        self.changed()

    # --- what is open ------------------------------------------------------------------------------------

    @property
    def file(self) -> File:
        """The file of the current document (undo past the opening of a file goes back to the file before)."""
        return self.files.now()

    @property
    def dirty(self) -> bool:
        """Whether there is something that the file does not have."""
        return self._host.session.document.made != self.file.saved.made

    @property
    def loose_network(self) -> Model | None:
        """The network that the experiment uses and no file of the user's has; None where there is none."""
        used = self._host.session.document.experiment.score.source == "trained"
        model = self._host.session.networks.trainer.model if used else None
        return None if model is self._network_kept else model

    def changed(self) -> None:
        """Bring the title of the window up to date, and let the autosave look."""
        file, window = self.file, widget_of(self._host)
        title = f"{printable(file.name)}{' (read only)' if file.read_only else ''}[*] — {APP}"
        if title != self._title:
            self._title = title
            window.setWindowTitle(title)
            self.title_changed.emit(file.name)
        if window.isWindowModified() != self.dirty:
            window.setWindowModified(self.dirty)
        self.recovery.look()
        if trouble := self._settings.trouble():
            self._host.notices.show_notice(trouble, "warn")

    def start(self) -> None:
        """Take folders for the autosave and for trainings; bring back what a crash has left."""
        self.recovery.start()
        with suppress(OSError):  # which the autosave has told
            self._host.session.networks.trainer.kept = Kept(paths.private("training"))

    def shut_down(self) -> None:
        """Keep everything and end the threads; nothing is asked."""
        self._clock.stop()
        widget_of(self._host).removeEventFilter(self)
        self.asking.close()
        self.tables.shut_down()
        for task in self._running():
            task.finish(1.0)
            task.drop()
        self.recovery.close()
        self._settings.close()

    def show(self, document: Document, file: File) -> None:
        """Make `document`, from `file`, the current one. Undo goes back."""
        session = self._host.session
        session.edit(document)
        self.opened.emit()
        self.files.opened(replace(file, saved=session.document))
        self._host.refresh()
        self.changed()

    def restored(self, document: Document, path: Path | None, saved: Document | None) -> None:
        """Show what was brought back; `saved` is what its file holds, None where that is not known."""
        self.show(document, File(path, document))
        self.files.replace(File(path, saved or Document()))
        self.changed()

    # --- the File menu -------------------------------------------------------------------------------------

    def new(self) -> None:
        """A fresh experiment. Undo brings the old one back, and so does what is offered if it was not saved."""
        before, file, lost = self._host.session.document, self.file, self.dirty
        network = self.loose_network
        self.show(Document(), File(None, Document()))
        if lost or network is not None:
            text = f"{file.name} was not saved. It is kept."
            action = ("Reopen last", partial(self._reopen, before, file, network))
            self._say(text, "offer", action, about=REOPEN)

    def _reopen(self, document: Document, file: File, network: Model | None) -> None:
        """Have back what was left unsaved."""
        if network is not None:
            self._host.session.networks.trainer.model = network
        self.show(document, file)
        self.files.replace(file)
        if network is not None:
            self._host.session.networks.use_model(network)
        self.changed()

    def open(self) -> None:
        """Ask for a file of any kind, and open it."""
        self.asking.ask("Open", kinds.OPEN_FILTERS, self.open_path)

    def open_model(self) -> None:
        """Ask for a model, and use it."""
        self.asking.ask("Open a model", kinds.MODEL_FILTERS, self.open_path)

    def import_data(self) -> None:
        """Ask for points or a picture, and make them the data."""
        self.asking.ask("Import points or an image", kinds.DATA_FILTERS, self.open_path)

    def save(self) -> None:
        """Save to the file that the document came from, or ask for one."""
        file = self.file
        if file.path is None:
            self.save_as()
        elif file.read_only:
            self.save_as()
            self._say(f"{file.name} is of a newer version and stays as it is: choose another name.")
        else:
            self.save_to(file.path)

    def save_as(self) -> None:
        """Ask for a name, and save."""
        name = self.file.name if self.file.path else self._host.session.document.experiment.data.name
        own = next(
            (e for e in kinds.EXPERIMENT_ENDINGS if name.lower().endswith(e)), kinds.EXPERIMENT_ENDINGS[0]
        )
        suggest = with_ending(name, own)
        self.asking.ask("Save the experiment", kinds.EXPERIMENT_FILTERS, self.save_to, suggest)

    def save_model(self) -> None:
        """Ask for a name, and save the network in use."""
        model = self.model()
        if model is None:
            text = "There is no network yet: train one, or choose Pretrained."
            return self._say(text, "warn")
        saving = partial(self._save_model, model)
        self.asking.ask("Save the model", kinds.MODEL_FILTERS, saving, model_name(model))

    def spared(self, path: Path, but: Path | None = None) -> bool:
        """Whether `path` may be written; else says that it is a file that is read here: the experiment (unless it is
        `but`, which is saved to), the table or image of the data, or an image of its folder."""
        data = self._host.session.document.experiment.data
        read = [*self.tables.places(data), *([self.file.path] if self.file.path else [])]
        own = but is not None and same_file(path, but)
        taken = not own and any(same_file(path, place) for place in read)
        if not taken and not (isinstance(data, Folder) and data.reads(path)):
            return True
        self._say(
            f"{path.name} is a file that is read here: choose another name for what is written.", "error"
        )
        return False

    def model(self) -> Model | None:
        """The network that the experiment uses now; while one is being trained, its weights so far."""
        e = self._host.session.document.experiment
        if e.score.source == "pretrained":
            return pretrained(e.data)
        return self._host.session.networks.trainer.model

    def fill_recent(self, menu: QMenu) -> None:
        """Put the recent files into `menu` (connect it to aboutToShow)."""
        menu.clear()
        kept = self.recovery.previous()
        if kept is not None:
            menu.addAction(f"Unsaved work of {kept.when}", self.recovery.bring_back)
            menu.addSeparator()
        for path in self.recent.paths():
            menu.addAction(path.name, partial(self.open_path, path)).setToolTip(str(path))
        if not self.recent.paths():
            menu.addAction("None yet").setEnabled(False)
        else:
            menu.addSeparator()
            menu.addAction("Forget these", self.recent.clear)

    def ask_and_read(
        self, title: str, filters: Sequence[str], read: Callable[[Path], Any], done: Callable[[Any], None]
    ) -> None:
        """Ask for a file, read it in a thread, and hand on what it holds."""
        self.asking.ask(title, filters, lambda path: self.run(lambda: read(path), done, path.name))

    # --- doing it ------------------------------------------------------------------------------------------

    def open_path(self, path: Path | str) -> None:
        """Open an experiment, a model, points or a picture."""
        self.open_paths([Path(path)])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open several: data and a network are put into the experiment among them; several pictures are a set."""
        if kinds.several_pictures(paths):
            return self.pictures.take_several(paths)
        done = partial(self._use_all, self._host.notices.about("read"))
        self._start(lambda: [_outcome(path) for path in paths], done, "The file")

    def _use_all(self, errors: Sequence[Notice], outcomes: Sequence[Outcome]) -> None:
        """Use what could be read, which makes up for earlier `errors`; then say what could not."""
        uses: dict[str, Callable[..., None]] = {
            kinds.EXPERIMENT: self._opened,
            kinds.DATA: self._use_data,
            kinds.MODEL: self._use_network,
            kinds.FOLDER: lambda path, _: self.pictures.take_folder(path),
        }
        ordered = sorted(outcomes, key=lambda outcome: kinds.ORDER.index(outcome[0]))
        for kind, path, value in ordered:
            if not isinstance(value, BaseException):
                if kind != kinds.FOLDER:  # which is yet to be read
                    self._host.notices.dismiss(errors)
                uses[kind](path, value)
        for _, path, value in ordered:
            if isinstance(value, BaseException):
                text = sentence(value, path.name, "read").replace(str(path), path.name)
                self._say(text, "error", about="read")

    def _use_data(self, path: Path, found: Imported | Preview) -> None:
        """Points that have been read, or a table that has been looked at."""
        if isinstance(found, Imported):
            return self._use.data(path, found)
        if not found.is_plain:
            return self.tables.ask(path, found)
        self.take(path, found, found.proposal)

    def take(self, path: Path, preview: Preview, choice: Choice) -> None:
        """Read what was chosen of a table, and make it the data; what takes a while shows how far it is, and Cancel.

        Where only all rows show that its numbers can be read in two ways, the panel asks.
        """
        self.reading.drop()
        self.reading.begin(path.name)

        def work() -> Generator[float, None, Imported | UndecidedError]:
            try:
                return (yield from taking(preview, choice))
            except UndecidedError as error:
                return error

        def done(found: Imported | UndecidedError) -> None:
            self.reading.end()
            if isinstance(found, UndecidedError):
                self.tables.ask(path, preview, choice)
            else:
                self.tables.use(path, preview, choice, found)

        self.reading.task = self._start(work, done, path.name, progress=self.reading.progress)

    def _folder(self) -> Path | None:
        """Where the experiment's file is."""
        return self.file.path.parent if self.file.path else None

    def save_to(self, path: Path | str) -> None:
        """Save the document to `path`."""
        path, document = Path(path), self._host.session.document
        if not self.spared(path, but=self.file.path):
            return

        def saved(_: None) -> None:
            self.files.replace(File(path, document))
            self.recent.add(path)
            if self.loose_network is None:
                self._say(f"Saved as {path.name}.")
            else:
                text = f"Saved as {path.name}. The trained network is not in this file."
                self._say(text, "offer", ("Save model", self.save_model))
            self.changed()

        self.run(lambda: files.write(path, document), saved, path.name, "saved")

    def _save_model(self, model: Model, path: Path) -> None:
        if not self.spared(path):
            return

        def saved(_: None) -> None:
            self.recent.add(path)
            self._network_kept = model
            self._say(f"The network is saved as {path.name}.")

        self.run(lambda: save_model(model, path), saved, path.name, "saved")

    def _opened(self, path: Path, read: tuple[Document, str] | Lost) -> None:
        if isinstance(read, Lost):
            caution = read.caution
            return self.pictures.offer(read, lambda document: self._opened(path, (document, caution)))
        document, caution = read
        self.show(document, File(path, document, read_only=bool(caution)))
        self.recent.add(path)
        self._say_missing(path)
        if caution:
            self._say(f"{path.name}: {caution}", "warn")

    def _say_missing(self, path: Path) -> None:
        """That a file means a trained network and has none; it may be what was kept when the window closed."""
        session = self._host.session
        trained = session.document.experiment.score.source == "trained"
        if not trained or session.networks.trainer.model is not None:
            return
        kept = self.recovery.previous()
        here = kept is not None and kept.path == str(path.absolute())
        action = ("Bring it back", self.recovery.bring_back) if here else ("Open model", self.open_model)
        self._say(f"{path.name} means a trained network, which is not in it.", "offer", action)

    def _use_network(self, path: Path, read: Network) -> None:
        """A network from a file, or the checkpoint of its training."""
        if isinstance(read, Checkpoint):
            self._host.session.networks.go_on_from(read)
            self._host.refresh()
            self._say(f"The training goes on from {path.name}, where it was at {read.progress:.0%}.")
        else:
            self._network_kept = read[0]
            self._use.model(path, read)

    # --- dropping ------------------------------------------------------------------------------------------

    def accepts(self, urls: Sequence[QUrl]) -> bool:
        """Whether these can be opened: files of this machine."""
        return bool(urls) and all(url.isLocalFile() for url in urls)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDragEnterEvent) and self.accepts(event.mimeData().urls()):
            event.acceptProposedAction()
            return True
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            event.acceptProposedAction()
            self.open_paths([Path(url.toLocalFile()) for url in event.mimeData().urls()])
            return True
        return False

    # --- threads, words ---------------------------------------------------------------------------

    def run(self, work: Work, done: Callable[[Any], None], name: str, did: str = "read") -> None:
        """Work in a thread; then hand its outcome to `done`, or say what went wrong with `name`.

        Success makes up for the errors of such work that were shown when it began.
        """
        errors = self._host.notices.about(did)

        def succeeded(outcome: Any) -> None:
            self._host.notices.dismiss(errors)
            done(outcome)

        self._start(work, succeeded, name, did)

    def _start(
        self, work: Work, done: Callable[[Any], None], name: str, did: str = "read",
        progress: Callable[[float], None] = lambda share: None,
    ) -> Task:  # fmt: skip
        def failed(error: BaseException) -> None:
            self._host.notices.settle(READING)
            self._say(sentence(error, name, did), "error", about=did)

        task = Task(self, work, done, failed, progress)
        self._tasks = [*self._running(), task]
        return task

    def _running(self) -> list[Task]:
        return [task for task in self._tasks if task.alive]

    @property
    def busy(self) -> bool:
        """Whether a file is being read or written."""
        return bool(self._running())

    def _say(self, text: str, kind: str = "info", action: Action | None = None, about: str = "") -> None:
        self._host.notices.show_notice(text, kind, action, about)


def _network_in(path: Path) -> Network:
    return load_checkpoint(path) if glance(path) is not None else with_data(load_model(path))


def _outcome(path: Path) -> Outcome:
    """What kind of file this is, and what it holds or what is wrong with it."""
    try:
        kind = kinds.kind_of(path)
        if kind in (kinds.DATA, kinds.OTHER) and path.suffix.lower() not in PICTURES and is_images(path):
            kind = kinds.FOLDER
    except ImageError as error:
        return kinds.OTHER, path, error
    read: dict[str, Callable[[Path], Any]] = {
        kinds.EXPERIMENT: lambda path: prepared(*files.read(path)),
        kinds.FOLDER: lambda path: None,  # whose reading says what it finds
        kinds.MODEL: _network_in,
        kinds.DATA: lambda path: read_image(path) if is_picture(path) else look(path),
        kinds.OTHER: kinds.refuse,
    }
    try:
        return kind, path, read[kind](path)
    except Exception as error:  # told to the person
        return kind, path, error
