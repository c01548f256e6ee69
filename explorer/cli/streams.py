"""stdin, stdout and stderr as a shell may hand them over: in any encoding, closed, full, or read by nobody."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

from explorer.base.files import read_stream
from explorer.cli.errors import Failed


def prepare() -> None:
    """Make the three usable: text goes out as UTF-8, and one that is closed fails with a sentence when it is used."""
    if sys.platform != "win32":
        for number in range(3):
            _occupied(number)
        if sys.stdin is None:
            sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process
        if sys.stdout is None:
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:  # else what is meant for it would go to stdout
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _occupied(number: int) -> None:
    """Nothing that is opened later may get the number of a closed stream, or libraries would write into it."""
    try:
        os.fstat(number)
    except OSError:
        # against its direction, so that whoever uses it is told
        way = {0: os.O_WRONLY, 1: os.O_RDONLY, 2: os.O_WRONLY}[number]
        found = os.open(os.devnull, way)
        if found != number:
            os.dup2(found, number)
            os.close(found)


def read_stdin(limit: int) -> bytes:
    """All that comes from stdin, of at most `limit` bytes. Raises Failed."""
    try:
        return read_stream(sys.stdin.buffer, limit, "stdin")
    except OSError as error:
        raise Failed(f"stdin cannot be read: {error.strerror or error}.") from None


def send(path: Path) -> None:
    """A file to stdout, byte for byte. Raises BrokenPipeError where nobody reads any more, and Failed."""
    with _stdout_named(), path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def flush(more: str = "") -> None:
    """All that was printed to stdout, and some `more`. Raises as `send` does."""
    if sys.stdout is not None:  # as under pythonw on Windows
        with _stdout_named():
            sys.stdout.write(more)
            sys.stdout.flush()


@contextmanager
def _stdout_named() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        closed = error.errno == errno.EBADF
        raise Failed(
            f"stdout cannot be written: {'it is closed' if closed else error.strerror or error}."
        ) from error


def silence() -> None:
    """Let what is still to go to stdout go nowhere: it failed, and the interpreter's last flush would fail again."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
