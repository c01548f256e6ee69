"""The user's own pictures, a folder of them or several files, made the data. They are read in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from explorer.data.distributions import Distribution
from explorer.data.images.archive import ImageError
from explorer.data.images.folder import ENDINGS, Folder, Remote, agree, changed, forget, of_files, read
from explorer.session.document import Document
from explorer.ui.files.asking import Asking
from explorer.ui.painting.words import NEW_DATA
from explorer.ui.widgets.host import Host

#: `run(work, done, name)`: do work in a thread and hand its outcome on; say what went wrong.
Run = Callable[[Callable[[], Any], Callable[[Any], None], str], None]
KEPT = "Experiment files name the folder, and do not hold its images."
#: What the notice is about that pictures are being read.
READING = "reading"


@dataclass(frozen=True)
class Lost:
    """An experiment whose folder of images cannot be read, and why; `remote`: it is on another machine, which is asked
    about before anything there is touched."""

    document: Document
    caution: str
    why: str
    remote: bool = False


class OwnPictures:
    """Asks for pictures, reads them, and edits the session's document. Everything can be undone."""

    def __init__(self, host: Host, asking: Asking, run: Run) -> None:
        self._host, self._asking, self._run = host, asking, run
        self._request = 0  # the number of the newest: what was asked for before it is dropped

    def ask_for_folder(self) -> None:
        """Ask for a folder, and make its pictures the data."""
        self._asking.ask_folder("Images from a folder", self.take_folder)

    def ask_for_several(self) -> None:
        """Ask for several pictures of one folder, and make them the data."""
        wanted = " ".join(f"*{ending}" for ending in ENDINGS)
        self._asking.ask_several("Several images", (f"Pictures ({wanted})",), self.take_several)

    def take_folder(self, path: Path) -> None:
        """Make the images of a folder, or of a file of arrays, the data."""
        forget()
        agree(str(path.absolute()))
        chosen = partial(replace, self._like(), path=str(path.absolute()), names=(), digest="")
        self._read(chosen, path.name, says=path.name)

    def take_several(self, paths: Sequence[Path]) -> None:
        """Make some images of a folder the data."""
        forget()
        agree(str(paths[0].absolute().parent))
        chosen = partial(of_files, paths, self._like())
        self._read(chosen, "The images", says=paths[0].absolute().parent.name)

    def bring(self, data: Distribution) -> None:
        """Make pictures the data that have not been read yet: a set, or a folder in other size or colours."""
        if not isinstance(data, Folder):
            return self._read(lambda: data, data.title)
        name = Path(data.path).name
        self._read(lambda: data, name, says=name)

    def drop(self) -> None:
        """Forget what was asked for and has not come yet."""
        self._request += 1
        self._host.notices.settle(READING)

    def _wanted(self) -> Callable[[], bool]:
        """A new request, as the question whether it still is the newest and no other data have come meanwhile."""
        self.drop()
        request, data = self._request, self._data
        return lambda: request == self._request and data is self._data

    @property
    def _data(self) -> Distribution:
        return self._host.session.document.experiment.data

    def _like(self) -> Folder:
        """Size and colours as they were chosen last."""
        return self._data if isinstance(self._data, Folder) else Folder()

    def _read(self, chosen: Callable[[], Distribution], name: str, says: str = "") -> None:
        wanted = self._wanted()
        if says:
            self._host.notices.show_notice(f"{says}: reading the images …", about=READING)

        def done(data: Distribution) -> None:
            if wanted():
                self.drop()
                self.use(data)

        self._run(lambda: put_at_hand(chosen()), done, name)

    def use(self, data: Distribution) -> None:
        """Make pictures that have been read the data; of the user's own, say what was read."""
        session = self._host.session
        session.set_data(data)
        source = session.document.experiment.score.source
        self._host.refresh()
        if not isinstance(data, Folder):
            return
        said = f"{data.found.sentence} {NEW_DATA[source]} {_on_colour(data)}{KEPT}"
        self._host.notices.show_notice(said, "info", ("Undo", self._undo))

    def _undo(self) -> None:
        self._host.session.undo()
        self._host.refresh()

    # --- experiments that name a folder ------------------------------------------------------------------------

    def fetch(self, document: Document, then: Callable[[Document], None]) -> None:
        """Hand on a document whose pictures are at hand; those of a folder that has gone are to be chosen again."""
        wanted = self._wanted()
        if at_hand(document.experiment.data):
            return then(document)

        def done(read: tuple[Document, str] | Lost) -> None:
            if isinstance(read, Lost):
                self.offer(read, then)
            elif wanted():
                then(read[0])
                self._host.refresh()

        self._run(lambda: prepared(document, ""), done, document.experiment.data.title)

    def offer(self, lost: Lost, then: Callable[[Document], None]) -> None:
        """Say that the folder of an experiment cannot be read, and offer to choose it again."""

        def chosen(path: Path) -> None:
            gone = lost.document.experiment.data
            assert isinstance(gone, Folder)
            data = replace(gone, path=str(path.absolute()))
            agree(data.path)
            self._run(lambda: read(data), found, path.name)

        def found(data: Folder) -> None:
            then(_with(lost.document, data))
            self._host.refresh()

        if lost.remote:
            return self._ask_about(lost, then)
        ask = partial(self._asking.ask_folder, "Choose the folder of images again", chosen)
        self._host.notices.show_notice(lost.why, "error", ("Choose the folder", ask), "read")

    def _ask_about(self, lost: Lost, then: Callable[[Document], None]) -> None:
        """Ask before a folder on another machine is read: only to look at it would connect there."""
        data = lost.document.experiment.data
        assert isinstance(data, Folder)
        path = data.path

        def connect() -> None:
            agree(path)
            self._run(lambda: prepared(lost.document, lost.caution), done, path)

        def done(read: tuple[Document, str] | Lost) -> None:
            if isinstance(read, Lost):
                return self.offer(read, then)
            then(read[0])
            self._host.refresh()

        text = f"This experiment names images on another machine, {path}. Reading them connects to it."
        self._host.notices.show_notice(text, "warn", ("Connect and read", connect), "read")


def at_hand(data: Distribution) -> bool:
    """Whether nothing that takes long must be read or made first."""
    return data.picture is None or "mixture" in data.__dict__


def put_at_hand(data: Distribution) -> Distribution:
    """The same data, read and put into form; of a folder with the digest of what it holds. Raises ImageError."""
    if isinstance(data, Folder):
        return read(data)
    _ = data.mixture
    return data


def prepared(document: Document, caution: str) -> tuple[Document, str] | Lost:
    """A document that was read from a file, with its pictures, if it has any, at hand."""
    data = document.experiment.data
    if not isinstance(data, Folder):
        return _with(document, put_at_hand(data)), caution
    try:
        known = read(data)
    except ImageError as error:
        return Lost(document, caution, str(error), isinstance(error, Remote))
    others = changed(data)
    if not others:
        return _with(document, known), caution
    _ = data.mixture
    return document, f"{caution} {others}".strip()


def _on_colour(data: Folder) -> str:
    """That pictures in colour were read as grey, and what to do; "" where none were."""
    many = data.found.greyed
    if not many:
        return ""
    were = "was" if many == 1 else "were"
    return f"{many:,} in color {were} read as grey: for color, Data › Parameters › Color. "


def _with(document: Document, data: Distribution) -> Document:
    return replace(document, experiment=replace(document.experiment, data=data)).linked()
