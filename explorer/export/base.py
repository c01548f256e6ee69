"""What exporters have in common: a file is written beside its target, checked, then takes its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import Any, ClassVar

from explorer.base.errors import Told
from explorer.base.files import write_atomically
from explorer.base.params import Validated, param
from explorer.base.registry import Registry
from explorer.data.distributions.units import FILE, STANDARD
from explorer.export.page import Page, Renderer
from explorer.export.replay import Replay

#: How every PNG ends.
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"

EXPORTERS: Registry[Exporter] = Registry("file format", "explorer.export")


class ExportError(Told, RuntimeError):
    """A file that was not written. The message is one sentence that names it; what was there is unchanged."""


@dataclass(frozen=True)
class Progress:
    """`done` of `total` pictures, rows or arrays."""

    done: int
    total: int


@dataclass(frozen=True)
class Outline:
    """What a file will be, known at once: pixels (0 where it is no picture), frames, and seconds of play."""

    width: int
    height: int
    frames: int
    seconds: float = 0.0


@dataclass(frozen=True)
class Preview(Outline):
    """The same with the size to expect, in bytes."""

    size: int = 0


def units_param() -> Any:
    """The field of exporters that write positions."""
    return param(
        FILE, "Units", choices={FILE: "those of the file", STANDARD: "standard units of the SDE"},
        help="Positions in the units of the file that the data is from, under the names of its columns, or in the "
        "standard units (mean 0, standard deviation 1) that the SDE works in. Other data has the standard units only.",
    )  # fmt: skip


class Exporter(Validated, ABC):
    """One file format. Subclasses are frozen dataclasses registered in EXPORTERS.

    suffix: the ending of the file's name. kind: 'movie', 'still' (the frame at the playhead) or 'data'.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffix: ClassVar[str]
    kind: ClassVar[str]
    #: One sentence for the dialog.
    about: ClassVar[str] = ""
    #: Whether only runs on pictures can be written.
    of_pictures: ClassVar[bool] = False
    #: Whether the file bears the caption of the replay, so that it can be left out.
    captioned: ClassVar[bool] = True

    def write(self, replay: Replay, path: str | Path, renderer: Renderer) -> Iterator[Progress]:
        """Write the file, telling how far it has come; ExportError if it cannot be done.

        Closing the generator cancels. Whatever happens, `path` is the whole new file or what it was.
        """
        path = Path(path)
        with _one_sentence(path), write_atomically(path) as temporary:
            yield from self.produce(replay, temporary, renderer)
            self.check(temporary, replay)

    def page(self, replay: Replay, position: float, width: int, height: int, renderer: Renderer) -> Page:
        """What the file shows at a position of the playhead, in so many pixels."""
        return replay.page(replay.indices(position), width, height, renderer)

    @abstractmethod
    def outline(self, replay: Replay) -> Outline:
        """What the file will be."""

    @abstractmethod
    def produce(self, replay: Replay, path: Path, renderer: Renderer) -> Iterator[Progress]:
        """Write to `path`, which nobody else sees yet."""

    @abstractmethod
    def check(self, path: Path, replay: Replay) -> None:
        """Open what was written and raise ExportError unless it is what was to be written."""

    @abstractmethod
    def size(self, replay: Replay, renderer: Renderer) -> int:
        """How many bytes the file will have, about. May take as long as a dozen pictures."""


def preview(replay: Replay, exporter: Exporter, renderer: Renderer) -> Preview:
    """What the file will be, its size estimated by encoding a few of its frames."""
    o = exporter.outline(replay)
    return Preview(o.width, o.height, o.frames, o.seconds, exporter.size(replay, renderer))


def expect(found: object, due: object, what: str) -> None:
    """For `check`: raise unless the file holds what it should."""
    if found != due:
        raise ExportError(f"the file came out wrong ({what} {found}, not {due})")


def expect_end(path: Path, end: bytes) -> None:
    """For `check`: raise unless the file ends as a whole one does; decoders put up with a missing end."""
    with path.open("rb") as file:
        file.seek(-min(len(end), path.stat().st_size), SEEK_END)
        if file.read() != end:
            raise ExportError("the file came out without its end")


@contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except ExportError as error:
        raise ExportError(f"{path.name} was not written: {error}.") from error
    except OSError as error:
        raise ExportError(f"{path.name} cannot be written: {error.strerror or error}.") from error
    except MemoryError as error:
        raise ExportError(f"{path.name} was not written: there is not enough memory for it.") from error
