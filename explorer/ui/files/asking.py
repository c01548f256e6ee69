"""File dialogs that do not block the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from explorer.ui.files.file_names import Recent


class Asking:
    """At most one file dialog at a time over `parent`; it begins in the folder that was used last."""

    def __init__(self, parent: QWidget, recent: Recent) -> None:
        self._parent, self._recent = parent, recent
        self.dialog: QFileDialog | None = None

    def ask(
        self, title: str, filters: Sequence[str], then: Callable[[Path], None], suggest: str = ""
    ) -> None:
        """Open a dialog, and call `then` with what is chosen; `suggest` makes it one that saves."""
        dialog = self._made(title)
        dialog.setNameFilters(list(filters))
        if suggest:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix(Path(suggest).suffix[1:])
            dialog.selectFile(suggest)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        dialog.open()

    def ask_folder(self, title: str, then: Callable[[Path], None]) -> None:
        """Open a dialog for a folder, and call `then` with it."""
        dialog = self._made(title)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        dialog.open()

    def ask_several(self, title: str, filters: Sequence[str], then: Callable[[list[Path]], None]) -> None:
        """Open a dialog for several files, and call `then` with them."""
        dialog = self._made(title)
        dialog.setNameFilters(list(filters))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda names: then([Path(name) for name in names]))
        dialog.open()

    def _made(self, title: str) -> QFileDialog:
        """A dialog over the window, in the place of one that is open."""
        self.close()
        self.dialog = QFileDialog(self._parent, title, str(self._recent.folder()))
        self.dialog.setOption(QFileDialog.Option.HideNameFilterDetails)  # of images there are some sixty
        self.dialog.finished.connect(partial(self._finished, self.dialog))
        return self.dialog

    def _finished(self, dialog: QFileDialog, _: int) -> None:
        self.dialog = None if self.dialog is dialog else self.dialog
        dialog.deleteLater()

    def close(self) -> None:
        """Close the dialog that is open, if any."""
        if self.dialog is not None:
            self.dialog.close()
