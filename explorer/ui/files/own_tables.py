"""The user's own tables: where what was imported is from, and the panel that chooses its columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.data.distributions import Distribution
from explorer.data.distributions.points import Points
from explorer.data.imports import PICTURES, Choice, Imported, Preview, look
from explorer.data.imports.questions import choice_like
from explorer.ui.files.file_names import Recent
from explorer.ui.files.own_images import Run
from explorer.ui.widgets.host import Host, widget_of

if TYPE_CHECKING:  # the panel is made when it is first needed
    from explorer.ui.files.columns_panel import ColumnsPanel

#: Imports that are remembered.
MOST = 20


def has_columns(data: Distribution) -> bool:
    """Whether data is from a file with columns that can be chosen: a table or arrays, not a picture."""
    return isinstance(data, Points) and bool(data.file) and Path(data.file).suffix.lower() not in PICTURES


@dataclass(frozen=True)
class _Taken:
    """What an import was made of."""

    path: Path
    part: str
    encoding: str
    choice: Choice
    points: Any
    shift: Any

    def gave(self, data: Points) -> bool:
        """Whether `data` is from it (its jitter may have been changed since)."""
        return data.file == self.path.name and data.shift == self.shift and data.points == self.points


def _chosen_encoding(preview: Preview) -> str:
    return preview.encoding if preview.guessed else ""


class OwnTables:
    """Opens the panel, and remembers what was chosen while the window is open. `use(path, imported)` makes it the
    data; `folder()` is where the experiment's file is, if it has one."""

    def __init__(
        self,
        host: Host,
        recent: Recent,
        run: Run,
        use: Callable[[Path, Imported], None],
        folder: Callable[[], Path | None],
    ) -> None:
        self._host, self._recent, self._run = host, recent, run
        self._use, self._folder = use, folder
        self._taken: list[_Taken] = []
        self.panel: ColumnsPanel | None = None

    def ask(self, path: Path, preview: Preview, choice: Choice | None = None) -> None:
        """Have the columns of a file chosen."""
        from explorer.ui.files.columns_panel import ColumnsPanel

        if self.panel is None:
            self.panel = ColumnsPanel(widget_of(self._host), self.use)
        self.panel.open_on(path, preview, choice)

    def use(self, path: Path, preview: Preview, choice: Choice, imported: Imported) -> None:
        """Make points that were read the data, and remember where they are from."""
        data = imported.distribution()
        kept = _Taken(
            path.absolute(), preview.part, _chosen_encoding(preview), choice, data.points, data.shift
        )
        self._taken = [kept, *self._taken][:MOST]
        self._use(path, imported)

    def ask_again(self) -> None:
        """Have the columns of the data's own file chosen anew; say so where it is not known any more."""
        data = self._host.session.document.experiment.data
        if not isinstance(data, Points) or not has_columns(data):
            text = f"{data.title} is not from a table: Import data (Ctrl+I) brings one."
            self._host.notices.show_notice(text, "warn", None, "read")
            return
        taken = self._taken_for(data)
        path = next(iter(self.places(data)), None)
        if path is None:
            text = f"{data.file} is not where it was, or was never opened on this machine: import it again (Ctrl+I)."
            self._host.notices.show_notice(text, "warn", None, "read")
            return
        part, encoding = (taken.part, taken.encoding) if taken else ("", "")
        self._run(
            partial(look, path, part=part, encoding=encoding),
            partial(self._looked, path, data, taken),
            path.name,
        )

    def _looked(self, path: Path, data: Points, taken: _Taken | None, preview: Preview) -> None:
        self.ask(path, preview, taken.choice if taken else choice_like(preview, data))

    def places(self, data: Distribution) -> list[Path]:
        """Where the file of the data is, or may be: where it was read, or else those of its name among the recent
        ones and beside the experiment."""
        if not isinstance(data, Points) or not data.file:
            return []
        if taken := self._taken_for(data):
            return [taken.path] if taken.path.is_file() else []
        folder = self._folder()
        places = [p for p in self._recent.paths() if p.name == data.file]
        return [p for p in [*places, *([folder / data.file] if folder else [])] if p.is_file()]

    def _taken_for(self, data: Points) -> _Taken | None:
        return next((t for t in self._taken if t.gave(data)), None)

    def shut_down(self) -> None:
        """Close the panel."""
        if self.panel is not None:
            self.panel.close()
