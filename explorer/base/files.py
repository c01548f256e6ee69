"""Reading no more than one means to, and writing so that what was there stays whole until the new file is complete.

A file is written under a temporary name, and a record of that name is kept in the user's folder meanwhile, locked.
A record that nobody holds the lock of is of a process that was killed: the temporary is removed at the next start.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from explorer.base import paths

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

#: Seconds after which a record is forgotten that is empty, and one whose folder is not there (a stick, say).
EMPTY_FOR, AWAY_FOR = 86_400.0, 90 * 86_400.0
#: Bytes of a record at most.
_RECORD = 1 << 16


# --- writing ---------------------------------------------------------------------------------------------


@contextmanager
def write_atomically(path: str | Path, private: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` to write to; on success it is synced and takes the place of `path`.

    On any exception (a cancel, a full disk) the temporary is removed and `path` is untouched. Raises OSError where
    that cannot be written, as `check_target` does. A link stays a link, and a file keeps its permissions; one that
    is `private` may be read by its owner alone. A pipe or a device is written into instead of being replaced.
    """
    found = check_target(path)
    target = Path(os.path.realpath(path))
    streamed = found is not None and not stat.S_ISREG(found.st_mode)
    folder = Path(tempfile.gettempdir()) if streamed else target.parent
    with _temporary(folder, target, 0o600 if private or streamed else 0o666) as temporary:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if streamed:
            _pour(temporary, path)
            return
        if found is not None and not private:
            _take_after(found, target, temporary)
        os.replace(temporary, target)


def write_bytes(path: str | Path, raw: bytes, private: bool = False) -> None:
    """Write a whole file, as `write_atomically` does. Raises OSError, also where the disk took a part of it only."""
    with write_atomically(path, private) as temporary:
        temporary.write_bytes(raw)
        _check_size(temporary, len(raw), path)


def write_text(path: str | Path, text: str, private: bool = False) -> None:
    """Write text as UTF-8 with the line ends that it has. Raises OSError as `write_bytes` does."""
    with write_atomically(path, private) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        _check_size(temporary, len(text.encode()), path)


def _check_size(temporary: Path, due: int, path: str | Path) -> None:
    if temporary.stat().st_size != due:
        raise OSError(errno.EIO, "the disk took only a part of the file", str(path))


def check_target(path: str | Path) -> os.stat_result | None:
    """What is at `path` now (None: nothing), or an OSError that says why it is not to be written."""
    if not str(path):
        raise OSError(errno.ENOENT, "a file needs a name", "")
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no name of a file has a NUL in it", str(path))
    try:
        os.getcwd() if not os.path.isabs(path) else None
    except FileNotFoundError:
        raise OSError(errno.ENOENT, "the folder that the program was started in is gone", str(path)) from None
    try:
        found = os.stat(path)
    except FileNotFoundError:  # or a link to nothing, whose target will be made
        return None
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if kind not in (stat.S_IFREG, stat.S_IFIFO, stat.S_IFCHR):
        raise OSError(errno.EINVAL, "it is neither a file nor a pipe nor a character device", str(path))
    # root may write everything: what nobody was meant to write is still not overwritten without being asked
    if not (found.st_mode & 0o222 and os.access(path, os.W_OK)):
        raise PermissionError(
            errno.EACCES, "it is write-protected; make it writable or choose another name", str(path)
        )
    return found


def same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two names are of one file: through links of both kinds, and of a file that is yet to be made."""
    with suppress(OSError, ValueError):  # one of them is not there, or no name at all
        return os.path.samefile(one, other)
    with suppress(OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other)
    return False


def _take_after(found: os.stat_result, target: Path, temporary: Path) -> None:
    """Permissions and owner of the file that will be replaced."""
    shutil.copymode(target, temporary)
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        with suppress(OSError):  # only root may
            os.chown(temporary, found.st_uid, found.st_gid)


def _pour(temporary: Path, path: str | Path) -> None:
    """Send the bytes into a pipe or a device."""
    with temporary.open("rb") as source, os.fdopen(os.open(path, os.O_WRONLY), "wb") as sink:
        shutil.copyfileobj(source, sink)


@contextmanager
def _temporary(folder: Path, target: Path, mode: int) -> Iterator[Path]:
    """A new empty file in `folder`, gone afterwards, with a record of it while it is there."""
    token = secrets.token_hex(8)
    # the suffix is kept because encoders choose their format by it; the start of both, as names may not be long
    temporary = folder / f".{target.stem[:32]}-{token}{target.suffix[:16]}"
    record = _begin_record(temporary, token)
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
    finally:
        _end_record(record)


# --- what killed processes have left ---------------------------------------------------------------------


def clear_strays() -> None:
    """Remove the temporaries of processes of this user on this machine that were killed while they wrote."""
    with suppress(OSError):
        for entry in paths.private("writing").iterdir():
            with suppress(OSError, ValueError, KeyError, TypeError):
                _clear(entry)


def _clear(entry: Path) -> None:
    with entry.open("rb+") as file:
        if not _locked(file):  # the process lives
            return
        raw = file.read(_RECORD)
        age = time.time() - os.fstat(file.fileno()).st_mtime
    if raw:
        record = json.loads(raw)
        temporary = Path(record["temporary"])
        if record["machine"] != _machine():  # whether its process lives cannot be known here
            return
        if not temporary.parent.is_dir() and age < AWAY_FOR:
            return
        # the name is random, so a file of it is ours
        if entry.name in temporary.name and temporary.is_file() and not temporary.is_symlink():
            temporary.unlink()
    elif age < EMPTY_FOR:  # perhaps one that is just being written
        return
    entry.unlink(missing_ok=True)


def _begin_record(temporary: Path, token: str) -> tuple[Path, BinaryIO] | None:
    """Record a temporary for as long as this process lives; None where that cannot be done: it is no must."""
    with suppress(OSError):
        entry = paths.private("writing") / token
        file = os.fdopen(os.open(entry, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
        try:
            _locked(file)
            file.write(json.dumps({"temporary": str(temporary), "machine": _machine()}).encode())
            file.flush()
            return entry, file
        except OSError:
            with suppress(OSError):
                file.close()
            entry.unlink(missing_ok=True)
    return None


def _end_record(record: tuple[Path, BinaryIO] | None) -> None:
    if record is not None:
        entry, file = record
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            entry.unlink(missing_ok=True)


def _locked(file: BinaryIO) -> bool:
    """Lock an open file until it is closed; False where another process has it, or where nothing can be locked."""
    try:
        if sys.platform == "win32":
            file.seek(_RECORD)  # a byte that nobody reads
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _machine() -> str:
    """This machine, so that no other one that shares the user's folder judges its processes."""
    own = ""
    with suppress(OSError):
        own = Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    return f"{platform.node()} {own}"


# --- reading ---------------------------------------------------------------------------------------------


def read_bytes(path: str | Path, limit: int) -> bytes:
    """All of a file, or of a pipe, of at most `limit` bytes. Raises OSError, also where it is larger or a device."""
    with Path(path).open("rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
            raise OSError(errno.EINVAL, "it is a device, not a file", str(path))
        if found.st_size > limit:
            raise too_large(path, limit)
        return read_stream(file, limit, path, found.st_size + 1)


def read_stream(file: BinaryIO, limit: int, name: str | Path, at_once: int = 1 << 20) -> bytes:
    """The rest of a stream, of at most `limit` bytes. Raises OSError where there is more; `name` is for its words."""
    parts, left = [], limit
    while part := file.read(at_once):  # in parts, since so many bytes are reserved as are asked for
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise too_large(name, limit)
    return b"".join(parts)


def too_large(name: str | Path, limit: int) -> OSError:
    """The error for what is larger than `limit` bytes."""
    return OSError(errno.EFBIG, f"it is too large (more than {limit / 2**20:,.0f} MB)", str(name))
