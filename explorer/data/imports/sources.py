"""Where a table is read from: a file, a pipe or stdin, opened so that nothing endless is ever read."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import select
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from explorer.base.files import read_stream
from explorer.data.imports.base import DataFileError
from explorer.data.imports.signatures import BZIP2, GZIP, LOOKED_AT, XZ, kind_of

#: What stands for stdin.
DASH = "-"
#: Bytes that are read of a pipe, a device or stdin, which may be endless.
MOST_OF_A_STREAM = 64 << 20
#: Bytes that a compressed text may unpack to.
MOST_UNPACKED = 2 << 30
#: Seconds that a pipe may say nothing at all.
PATIENCE = 10.0
_UNPACKERS: dict[str, Callable[[BinaryIO], Any]] = {GZIP: gzip.open, BZIP2: bz2.open, XZ: lzma.open}


@dataclass(frozen=True)
class Source:
    """A file by its path, or what came from a pipe or stdin. `name` is what messages call it."""

    name: str
    path: Path | None
    held: bytes = b""

    @staticmethod
    def of(path: Path | str) -> Source:
        """A file that is there; of what is no regular file at most MOST_OF_A_STREAM bytes, which are held.

        Raises DataFileError where there is nothing to read, and where there is no end of it.
        """
        if path == DASH:
            return Source("stdin", None, _bounded(sys.stdin.buffer, "stdin"))
        path = Path(path)
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise DataFileError(f"{path.name} cannot be read: it is a folder, not a file")
            if stat.S_ISREG(mode):
                return Source(path.name, path)
            with _opened_at_once(path) as stream:
                return Source(path.name, None, _bounded(stream, path.name))
        except (OSError, ValueError) as e:
            if isinstance(e, DataFileError):
                raise
            reason = getattr(e, "strerror", None) or e
            raise DataFileError(f"{path.name} cannot be read: {reason}") from e

    @cached_property
    def size(self) -> int:
        """Bytes, packed."""
        return len(self.held) if self.path is None else self.path.stat().st_size

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """As it is, packed or not. What the system says against reading it becomes a DataFileError, as does that it
        is another file by now than when it was looked at (it may have grown)."""
        try:
            with io.BytesIO(self.held) if self.path is None else self.path.open("rb") as file:
                if self.path is not None and "start" in vars(self):
                    self._check_same(file)
                yield file
        except DataFileError:
            raise
        except OSError as e:
            raise DataFileError(f"{self.name} cannot be read: {e.strerror or e}") from e

    def _check_same(self, file: BinaryIO) -> None:
        """Refuse a file that begins otherwise than before, or is shorter."""
        again = file.read(len(self.start))
        if again != self.start or os.fstat(file.fileno()).st_size < self.size:
            raise DataFileError(f"{self.name} has been changed since it was looked at: open it again")
        file.seek(0)

    def check_same(self) -> None:
        """Raise DataFileError where it is another file by now than when it was looked at."""
        with self.opened():
            pass

    @cached_property
    def start(self) -> bytes:
        """The first bytes, packed."""
        with self.opened() as file:
            _ = self.size  # at this moment
            return file.read(LOOKED_AT)

    @cached_property
    def kind(self) -> str:
        """What it is by how it begins: see `signatures`."""
        with self.opened() as file:
            return kind_of(self.start, file)

    @contextmanager
    def unpacked(self) -> Iterator[tuple[BinaryIO, Callable[[], float]]]:
        """The bytes of a text, unpacked, and the share (0..1) that has been read of them."""
        with self.opened() as file:
            unpack = _UNPACKERS.get(self.kind)
            stream = unpack(file) if unpack else file
            try:
                yield stream, lambda: file.tell() / max(1, self.size)
            except (EOFError, lzma.LZMAError, zlib.error, ValueError, OSError) as e:
                if unpack is None or isinstance(e, DataFileError):
                    raise
                raise DataFileError(f"{self.name} is damaged: it cannot be unpacked") from e

    def beginning(self, size: int) -> bytes:
        """The first `size` bytes of a text, unpacked."""
        with self.unpacked() as (stream, _):
            return stream.read(size)


@contextmanager
def _opened_at_once(path: Path) -> Iterator[BinaryIO]:
    """A pipe or device. A pipe that nobody writes to would hold the opening for ever, so it is waited for a while."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb", buffering=0) as stream:
        if stat.S_ISFIFO(os.fstat(handle).st_mode):
            ready, _, _ = select.select([handle], [], [], PATIENCE)
            if not ready:
                raise DataFileError(f"{path.name} is a pipe that nothing came from in {PATIENCE:g} s")
        os.set_blocking(handle, True)
        yield cast(BinaryIO, stream)


def _bounded(stream: BinaryIO, name: str) -> bytes:
    """All of a stream, unless it is longer than MOST_OF_A_STREAM."""
    first = stream.read(1 << 20)
    if first and not any(first):
        raise DataFileError(f"{name} holds nothing but zero bytes")
    try:
        return first + read_stream(stream, MOST_OF_A_STREAM - len(first), name)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        limit = f"{MOST_OF_A_STREAM >> 20} MB"
        raise DataFileError(
            f"{name} has no end, or more than the {limit} that are read of a stream: save it as a file"
        ) from None
