"""Autosave while one works, and bringing back what a crash has left."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from explorer.base import paths
from explorer.base.errors import sentence
from explorer.experiment.schema import ExperimentError
from explorer.networks.files import Model, ModelFileError
from explorer.networks.files import load as load_model
from explorer.session import document as files
from explorer.session.document import Document
from explorer.ui.files import autosave
from explorer.ui.files.autosave import Kept, State, Store
from explorer.ui.files.file_names import File
from explorer.ui.files.own_images import Lost, OwnPictures, prepared
from explorer.ui.widgets.host import Host, widget_of
from explorer.ui.widgets.tasks import Task

#: Seconds between two writes, and with a network that is being trained.
EVERY, EVERY_TRAINING = 3.0, 15.0
#: After so many seconds without a crash, what was brought back counts as harmless.
SOUND = 20.0
#: What crashed so often is not brought back without being asked for.
MOST_ATTEMPTS = 2

#: What was kept, what its file holds, and the network.
Work = tuple[tuple[Document, str] | Lost, Document | None, Model | None]


class OpenDocument(Protocol):
    """The document of the window and its file, as autosave and recovery see them."""

    pictures: OwnPictures

    @property
    def file(self) -> File: ...

    @property
    def dirty(self) -> bool: ...

    @property
    def loose_network(self) -> Model | None: ...

    def new(self) -> None: ...

    def restored(self, document: Document, path: Path | None, saved: Document | None) -> None: ...


class Recovery:
    """Keeps the work of the window in a folder that no other window uses."""

    def __init__(self, host: Host, documents: OpenDocument) -> None:
        self._host, self._documents = host, documents
        self._root: Path | None = None
        self._store: Store | None = None
        self._aside: Store | None = None  # holds what a crash has left and could not be brought back
        self._task: Task | None = None
        self._written: tuple[Document, Model | None] = (host.session.document, None)
        self._next = 0.0
        self._attempts, self._sound_from = 0, 0.0
        self._failing = self._restoring = False
        #: Whether the program is being ended by a signal: then the next start brings the work back by itself.
        self.interrupted = False

    def start(self) -> None:
        """Take a folder; bring back what a crash has left in it."""
        try:
            self._root = paths.private("sessions")
            self._store = autosave.claim(self._root)
        except OSError:
            self._store = None
        if self._store is None:
            self._warn()
            return
        state = self._store.state()
        if state is None:
            return self._offer_last()
        try:
            self._after_crash(self._store, state)
        except OSError:  # a full disk, say: what the crash has left stays there for the next time
            self._store.release()
            self._store = None
            self._warn()

    def _offer_last(self) -> None:
        """Offer what was left unsaved when the window was closed last."""
        last = self.previous()
        if last is not None:
            name = Path(last.path).name if last.path else "Your last experiment"
            text = f"{name} was not saved when the window was closed. It is kept."
            self._host.notices.show_notice(text, "offer", ("Reopen last", self.bring_back), "reopen")

    def _after_crash(self, store: Store, state: State) -> None:
        self._attempts, self._sound_from = state.attempts + 1, time.monotonic() + SOUND
        how = "was ended from outside" if state.ended else "did not end as it should"
        said = f"The program {how} last time. Your work of {state.when} is back."
        if state.attempts < MOST_ATTEMPTS:
            with suppress(OSError):  # the work counts for more than the count
                store.write(replace(state, attempts=self._attempts, ended=False))
            self._restore(store, state, said, ("Discard", self.discard))
            return
        kept = autosave.previous(store.folder.parent)
        kept.write(replace(state, attempts=0), self._model_of(store))
        store.forget()
        self._attempts = 0
        text = f"The program ended badly {state.attempts} times with your work of {state.when}. It is kept."
        self._host.notices.show_notice(text, "warn", ("Bring it back", self.bring_back))

    @staticmethod
    def _model_of(kept: Kept) -> Model | None:
        try:
            return load_model(kept.model_path) if kept.model_path.is_file() else None
        except ModelFileError:  # the document alone, then
            return None

    # --- bringing back ---------------------------------------------------------------------------------

    def previous(self) -> State | None:
        """The work that was last closed without being saved."""
        return autosave.previous(self._root).state() if self._root else None

    def bring_back(self) -> None:
        """Open that work again."""
        state = self.previous()
        if state is not None and self._root is not None:
            kept = autosave.previous(self._root)
            self._restore(kept, state, f"Your work of {state.when} is back.", ("Discard", self.discard))

    def discard(self) -> None:
        """A fresh experiment instead of what was brought back. Undo goes back to it."""
        self._host.session.networks.reset_training()
        self._documents.new()

    def _restore(self, kept: Kept, state: State, said: str, action: tuple[str, Callable[[], None]]) -> None:
        def read() -> Work:
            document, _ = files.loads(state.document)
            return prepared(document, ""), _saved_in(state.path), self._model_of(kept)

        def done(work: Work) -> None:
            self._restoring = False
            found, saved, model = work
            if isinstance(found, Lost):  # a folder of pictures that has gone
                self._set_aside(kept, state)
                return self._documents.pictures.offer(found, lambda found: restored(found, saved, model))
            restored(found[0], saved, model)

        def restored(document: Document, saved: Document | None, model: Model | None) -> None:
            self._restored(state, document, saved, model)
            if kept is self._aside:
                self._forget(kept)
            self._host.notices.show_notice(said, "warn", action)

        def failed(error: BaseException) -> None:
            self._restoring = False
            self._set_aside(kept, state)
            text = f"What was kept of the last session cannot be used: {sentence(error)}"
            self._host.notices.show_notice(text, "error", ("Forget it", partial(self._forget, kept)))

        self._restoring = True
        self._task = Task(widget_of(self._host), read, done, failed)

    def _set_aside(self, kept: Kept, state: State) -> None:
        """Leave what a crash has left where it is, for the next time; this window's work goes elsewhere."""
        if kept is not self._store or self._root is None:
            return
        with suppress(OSError):
            kept.write(state)  # with the attempts that there were: this one did not crash
        self._attempts = 0
        self._aside, self._store = self._store, autosave.claim(self._root, empty=True)
        if self._store is None:
            self._warn()

    def _forget(self, kept: Kept) -> None:
        """Hold what could not be brought back no more."""
        with suppress(OSError):
            kept.forget()
        if kept is self._aside:
            self._release_aside()

    def _release_aside(self) -> None:
        if self._aside is not None:
            self._aside.release()
            self._aside = None

    def _restored(
        self, state: State, document: Document, saved: Document | None, model: Model | None
    ) -> None:
        session = self._host.session
        if model is not None:
            session.networks.trainer.model = model
        self._documents.restored(document, Path(state.path) if state.path else None, saved)
        if model is not None and session.document.experiment.score.source == "trained":
            session.networks.use_model(model)

    # --- keeping ---------------------------------------------------------------------------------------

    def look(self) -> None:
        """Write if there is something new and it is time to. Called a few times a second."""
        now = time.monotonic()
        if self._store is None or now < self._next or (self._task is not None and self._task.alive):
            return
        if self._attempts and now > self._sound_from:
            self._attempts = 0
        document, model = self._host.session.document, self._host.session.networks.trainer.model
        if document is self._written[0] and model is self._written[1]:
            return
        self._next = now + (EVERY_TRAINING if self._host.session.networks.trainer.running else EVERY)
        new_model = model if model is not self._written[1] else None
        write = partial(self._write, self._store, document, self._path(), self._attempts, new_model)
        self._task = Task(widget_of(self._host), write, partial(self._wrote, (document, model)), self._failed)

    def _path(self) -> str:
        path = self._documents.file.path
        return str(path.absolute()) if path else ""

    @staticmethod
    def _write(kept: Kept, document: Document, path: str, attempts: int, model: Model | None) -> None:
        kept.write(State(files.dumps(document), path, attempts), model)

    def _wrote(self, what: tuple[Document, Model | None], _: None) -> None:
        self._written, self._failing = what, False

    def _failed(self, error: BaseException) -> None:
        self._next = time.monotonic() + 10 * EVERY
        if not self._failing:
            self._failing = True
            self._warn(sentence(error, "The autosave", "written"))

    def _warn(self, why: str = "its folder cannot be written.") -> None:
        self._host.notices.show_notice(f"Autosave is off: {why}", "warn")

    def close(self) -> None:
        """Keep what the user's files do not have, and give the folder back."""
        if self._task is not None and self._task.alive:
            self._task.finish(1.0)
            self._task.drop()
        self._release_aside()
        if self._store is None:
            return
        try:
            if not self._restoring:  # else what a crash has left stays for the next time
                self._keep_for_next_time(self._store)
        except OSError:  # a full disk: then the last state stays, and is brought back
            pass
        self._store.release()
        self._store = None

    def _keep_for_next_time(self, store: Store) -> None:
        if self._documents.dirty or self._documents.loose_network is not None:
            document = self._host.session.document
            trained = document.experiment.score.source == "trained"
            kept = store if self.interrupted else autosave.previous(store.folder.parent)
            model = self._host.session.networks.trainer.model if trained else None
            if kept is not store:
                kept.forget()
            kept.write(State(files.dumps(document), self._path(), ended=self.interrupted), model)
            if kept is store:
                return
        store.forget()


def _saved_in(path: str) -> Document | None:
    """What the file that the work belongs to holds; None where there is none that can be read."""
    try:
        return files.read(path)[0] if path else None
    except ExperimentError:
        return None
