"""Writing files so that what was there stays whole until the new one is complete."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; on success it is synced and takes the place of `path`.

    On any exception (a cancel, a full disk) the temporary is removed and `path` is untouched. Raises OSError
    where the folder cannot be written. A link stays a link, and a file keeps its permissions.
    """
    target = Path(os.path.realpath(path))
    # the suffix is kept because encoders choose their format by it; the stem's start, as names may not be long
    start = f".{target.stem[:32]}-"
    _clear_leftovers(target.parent, start, target.suffix)
    temporary = target.with_name(f"{start}{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, raw: bytes) -> None:
    """Write a whole file, as `write_atomically` does. Raises OSError, also where the disk took a part of it only."""
    with write_atomically(path) as temporary:
        temporary.write_bytes(raw)
        if temporary.stat().st_size != len(raw):
            raise OSError(errno.EIO, "the disk took only a part of the file", str(path))


def _clear_leftovers(folder: Path, start: str, suffix: str) -> None:
    """Remove what a process that was killed while it wrote has left beside its target."""
    pattern = re.compile(re.escape(start) + r"(\d+)-[0-9a-f]{8}" + re.escape(suffix))
    for name in os.listdir(folder):
        found = pattern.fullmatch(name)
        if found and not _alive(int(found[1])):
            (folder / name).unlink(missing_ok=True)


def _alive(process: int) -> bool:
    if (
        sys.platform == "win32"
    ):  # there a signal of 0 would end it; a file that is open cannot be removed anyway
        return process == os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
