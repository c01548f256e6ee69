"""The user's own pictures, a folder of them or several files, made the data. They are read in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from explorer.document import Document
from explorer.images.archive import ImageError
from explorer.images.folder import ENDINGS, Folder, forget, of_files, read
from explorer.ui.asking import Asking
from explorer.ui.host import Host
from explorer.ui.words import NEW_DATA

#: `run(work, done, name)`: do work in a thread and hand its outcome on; say what went wrong.
Run = Callable[[Callable[[], Any], Callable[[Any], None], str], None]
KEPT = "Experiment files name the folder, and do not hold its pictures."


@dataclass(frozen=True)
class Lost:
    """An experiment whose folder of pictures cannot be read, and why."""

    document: Document
    caution: str
    why: str


class OwnPictures:
    """Asks for pictures, reads them, and edits the session's document. Everything can be undone."""

    def __init__(self, host: Host, asking: Asking, run: Run) -> None:
        self._host, self._asking, self._run = host, asking, run

    def ask_for_folder(self) -> None:
        """Ask for a folder, and make its pictures the data."""
        self._asking.ask_folder("Pictures from a folder", self.take_folder)

    def ask_for_several(self) -> None:
        """Ask for several pictures of one folder, and make them the data."""
        wanted = " ".join(f"*{ending}" for ending in ENDINGS)
        self._asking.ask_several("Several pictures", (f"Pictures ({wanted})",), self.take_several)

    def take_folder(self, path: Path) -> None:
        """Make the pictures of a folder the data."""
        forget()
        self._read(partial(replace, self._like(), path=str(path.absolute()), names=(), digest=""), path.name)

    def take_several(self, paths: Sequence[Path]) -> None:
        """Make some pictures of a folder the data."""
        forget()
        self._read(partial(of_files, paths, self._like()), "The pictures")

    def bring(self, data: Folder) -> None:
        """Make a folder that was chosen before the data, in other size or colours."""
        self._read(lambda: data, Path(data.path).name)

    def _like(self) -> Folder:
        """Size and colours as they were chosen last."""
        data = self._host.session.document.experiment.data
        return data if isinstance(data, Folder) else Folder()

    def _read(self, chosen: Callable[[], Folder], name: str) -> None:
        self._host.notices.show_notice(f"{name}: reading the pictures …")
        self._run(lambda: read(chosen()), self.use, name)

    def use(self, data: Folder) -> None:
        """Make pictures that have been read the data, and say what was read."""
        session = self._host.session
        source = session.document.experiment.score.source
        session.edit(session.document.with_data(data))
        self._host.refresh()
        said = f"{data.found.sentence} {NEW_DATA[source]} {KEPT}"
        self._host.notices.show_notice(said, "info", ("Undo", self._undo))

    def _undo(self) -> None:
        self._host.session.undo()
        self._host.refresh()

    # --- experiments that name a folder ------------------------------------------------------------------------

    def offer(self, lost: Lost, then: Callable[[Document], None]) -> None:
        """Say that the folder of an experiment cannot be read, and offer to choose it again."""

        def chosen(path: Path) -> None:
            gone = lost.document.experiment.data
            assert isinstance(gone, Folder)
            data = replace(gone, path=str(path.absolute()))
            self._run(lambda: read(data), lambda found: then(_with(lost.document, found)), path.name)

        ask = partial(self._asking.ask_folder, "Choose the folder of pictures again", chosen)
        self._host.notices.show_notice(lost.why, "error", ("Choose the folder", ask))


def prepared(document: Document, caution: str) -> tuple[Document, str] | Lost:
    """A document that was read from a file, with its folder of pictures, if it has one, read too."""
    data = document.experiment.data
    if not isinstance(data, Folder):
        return document, caution
    try:
        found = data.found
    except ImageError as error:
        return Lost(document, caution, str(error))
    if data.digest and found.digest != data.digest:
        caution = (
            f"{caution} The pictures in {Path(data.path).name} are others than it was made with.".strip()
        )
    return document, caution


def _with(document: Document, data: Folder) -> Document:
    return replace(document, experiment=replace(document.experiment, data=data)).linked()
