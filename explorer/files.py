"""Writing files so that what was there stays whole until the new one is complete."""

from __future__ import annotations

import os
import secrets
import shutil
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
    temporary = target.with_name(f".{target.stem[:32]}-{secrets.token_hex(6)}{target.suffix}")
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
