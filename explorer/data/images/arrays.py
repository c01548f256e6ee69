"""Images in arrays: MNIST's own files (IDX), NPZ and NPY as MedMNIST and Keras have them, CIFAR's binary files.

Rows are streamed, so that of a large file only those that are taken are in memory. Nothing is ever unpickled: what
needs that (CIFAR's Python files, arrays of objects) is refused with a sentence.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from explorer.base import npy
from explorer.data.images.archive import ImageError
from explorer.data.images.square import ENDINGS, LEAST_SIDE, MOST_BYTES
from explorer.data.images.tree import MOST_CLASSES, TEST, TRAIN, VALIDATION, split_of

#: Bytes of an array that are unpacked at most, and of rows that are looked at at once.
MOST_UNPACKED, CHUNK = 4 * 2**30, 2**24
#: An image's sides at most, and how much longer one may be than the other: other arrays are no images.
MOST_SIDE, MOST_RATIO = 4096, 4
PICKLED = (".pkl", ".pickle", ".pt", ".pth", ".p")
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IMAGES = ("images", "image", "imgs", "pictures", "x", "data", "samples", "arr_0")
_LABELS = ("labels", "label", "y", "targets", "target", "classes", "class", "fine_labels")


class Pickled(ImageError):
    """A file that only unpickling could open, which is never done: a pickle can run any program."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some images of a split, as they are in the file (k, h, w) or (k, h, w, c), and the names of their classes."""

    images: np.ndarray
    labels: np.ndarray | None
    total: int
    name: str


@dataclass(frozen=True, eq=False)
class Arrays:
    """What is learned from, what is held out if the file says so, and what there is to say."""

    train: Part
    held_out: Part | None
    remarks: tuple[str, ...] = ()


@dataclass
class Source:
    """One array in a file: where it is read from, its type and shape. `open` gives a stream at its first number."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    open: Callable[[], _Opened]
    key: str = ""

    @property
    def is_images(self) -> bool:
        """Whether it can be a set of images."""
        return _layout(self.shape) is not None and self.dtype.kind in "uifb"

    def rows(self, wanted: np.ndarray) -> np.ndarray:
        """The rows `wanted` (k,), in rising order. Raises ImageError."""
        each = math.prod(self.shape[1:]) * self.dtype.itemsize
        out = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        step, done = max(1, CHUNK // max(each, 1)), 0
        with self.open() as stream:
            for start in range(0, self.shape[0] if len(wanted) else 0, step):
                count = min(step, self.shape[0] - start)
                data = _read(stream, count * each, self.name)
                here = wanted[(wanted >= start) & (wanted < start + count)] - start
                chunk = np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])
                out[done : done + len(here)] = chunk[here]
                done += len(here)
            _read(stream, 0, self.name, ends=True)
        return out


class _Opened:
    """A stream that is closed at the end, with whatever it is in."""

    def __init__(self, stream: BinaryIO, stack: ExitStack) -> None:
        self._stream, self._stack = stream, stack

    def __enter__(self) -> BinaryIO:
        return self._stream

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def holds_images(path: Path) -> bool:
    """Whether a file is a set of images in an array, by its header. Raises Pickled."""
    try:
        return any(s.is_images for s in sources_of(path))
    except Pickled:
        raise
    except ImageError:
        return False


def looks_like_arrays(path: Path) -> bool:
    """Whether a file may be one of those that are read here, by its name."""
    name = path.name.lower()
    if path.suffix.lower() in (".npz", ".npy"):
        return True
    return bool(_idx_name(name)) or (path.suffix.lower() == ".bin" and _cifar_name(name))


def family(path: Path) -> list[Path]:
    """A file, and those beside it that are read with it."""
    if path.suffix.lower() == ".npy":
        return _beside(path, ".npy")
    if path.suffix.lower() == ".bin":
        named = ("batches.meta.txt", "fine_label_names.txt", "coarse_label_names.txt")
        return [p for p in _files(path.parent) if _cifar_name(p.name.lower()) or p.name in named]
    return _idx_family(path)


def read_arrays(path: Path, most: int, most_held: int) -> Arrays:
    """The images of a file, with the labels and the held-out split that belong to it. Raises ImageError."""
    if path.suffix.lower() in ENDINGS:
        raise ImageError(f"{path.name} is one image: choose the folder that it is in.")
    found = sources_of(path)
    images = [s for s in found if s.is_images]
    if not images:
        raise ImageError(
            f"{path.name} holds no images: arrays of shape (n, h, w), (n, h, w, c) or (n, c, h, w)."
        )
    by_split = _by_split(images)
    train = by_split.pop(TRAIN, None) or by_split.pop("", None)
    if train is None:
        train = by_split.pop(next(iter(by_split)))
    held = by_split.pop(VALIDATION, None) or by_split.pop(TEST, None)
    remarks = [
        f"{s.key or s.name} ({s.shape[0]:,} images) is not read"
        for s in images
        if s is not train and s is not held
    ]
    _check_order(train)
    first, said = _part(train, found, most)
    second = None
    if held is not None:
        second, more = _part(held, found, most_held)
        said += [m for m in more if m not in said]
        if second.images.shape[1:] != first.images.shape[1:]:
            said.append(f"{second.name} is of another size: not read")
            second = None
        elif (second.labels is None) != (first.labels is None):
            said.append(f"{second.name} has {'no ' * (second.labels is None)}labels: not read")
            second = None
    return Arrays(first, second, (*remarks, *said))


def _by_split(images: Sequence[Source]) -> dict[str, Source]:
    """The one array of each split: by its name, that of the names that archives have first."""
    ordered = sorted(images, key=lambda s: _rank(s.key or s.name, _IMAGES))
    found: dict[str, Source] = {}
    for source in ordered:
        found.setdefault(_split_in(source), source)
    return found


def _check_order(images: Source) -> None:
    """Refuse images one behind the other along the last axis, as MATLAB has them: as they are read they would be of
    other sides."""
    if len(images.shape) == 3 and images.shape[0] == images.shape[1] != images.shape[2]:
        side, _, n = images.shape
        raise ImageError(
            f"{images.name} has shape {images.shape}, which may be {n:,} images of {side} by {side} in MATLAB's order, "
            f"or {side} of {side} by {n}: save it as (n, height, width, 1)."
        )


def _split_in(source: Source) -> str:
    """The split that the name of an array tells, whatever else it tells: "emnist-letters-train-images"."""
    words = re.split(r"[\W_]+", (source.key or source.name).lower())
    found = {split_of(word) for word in words} - {""}
    return found.pop() if len(found) == 1 else ""


def _rank(name: str, known: Sequence[str]) -> int:
    words = re.split(r"[\W]+|_(?!0)", name.lower())
    return next((i for i, word in enumerate(known) if word in words), len(known))


def _part(source: Source, found: Sequence[Source], most: int) -> tuple[Part, list[str]]:
    """At most `most` random images of an array, always the same, and their labels."""
    n = source.shape[0]
    if (
        math.prod(source.shape) * source.dtype.itemsize > MOST_UNPACKED
    ):  # asked before anything is made of that size
        raise ImageError(f"{source.name} unpacks to more than {MOST_UNPACKED:,} bytes: take a smaller one.")
    rng = np.random.default_rng(list(b"folder"))
    order = rng.permutation(n)[:most]
    rising = np.sort(order)
    place = np.searchsorted(rising, order)
    values = _last_channels(source.rows(rising)[place])
    labels, said = _labels_of(source, found, rising)
    return Part(values, None if labels is None else labels[place], n, source.key or source.name), said


def _labels_of(
    images: Source, found: Sequence[Source], rows: np.ndarray
) -> tuple[np.ndarray | None, list[str]]:
    """The labels of some rows as words (k,), or None, and what there is to say."""
    n = images.shape[0]
    split = _split_in(images)
    fitting = [
        s
        for s in found
        if s is not images and s.shape[:1] == (n,) and len(s.shape) <= 2 and s.dtype.kind in "uifbUS"
        and _split_in(s) == split and _rank(s.key or s.name, _LABELS) < len(_LABELS)
    ]  # fmt: skip
    if not fitting:
        return None, _misfits(images, found)
    labels = min(fitting, key=lambda s: _rank(s.key or s.name, _LABELS))
    if math.prod(labels.shape) * labels.dtype.itemsize > MOST_UNPACKED:
        raise ImageError(f"{labels.name} unpacks to more than {MOST_UNPACKED:,} bytes: take a smaller one.")
    values: Any = labels.rows(rows)
    name = labels.key or labels.name
    if values.ndim == 2 and values.shape[1] > 1:
        if values.dtype.kind in "US" or not (np.sort(values, 1)[:, :-1] == 0).all():
            return None, [f"{name} has several labels an image: read without classes"]
        values = values.argmax(1)
    values = values.reshape(len(rows))
    if values.dtype.kind == "S":
        values = np.asarray(np.char.decode(values, "utf-8", "replace"))
    elif values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values % 1).any():
            return None, [f"{name} has labels that are no whole numbers: read without classes"]
        values = values.astype(np.int64)
    many = len(np.unique(values))
    if many > MOST_CLASSES:
        return None, [f"{many:,} classes, but at most {MOST_CLASSES} can be carried: read without them"]
    return _named(values, labels), []


def _misfits(images: Source, found: Sequence[Source]) -> list[str]:
    """What is wrong with arrays that are called as the labels of these images, and cannot be."""
    said = []
    for source in found:
        name = source.key or source.name
        if source is images or _rank(name, _LABELS) == len(_LABELS) or _split_in(source) != _split_in(images):
            continue
        if source.dtype.hasobject:
            said.append(f"{name} holds Python objects, which are never unpickled: read without classes")
        elif len(source.shape) <= 2 and source.shape[0] != images.shape[0]:
            said.append(
                f"{name} has {source.shape[0]:,} labels for {images.shape[0]:,} images: read without classes"
            )
    return said


def _named(values: np.ndarray, labels: Source) -> np.ndarray:
    """Labels as words: names where the archive has a list of them, else their numbers."""
    names = getattr(labels, "names", None)
    if names and values.dtype.kind in "iub" and values.max() < len(names):
        return np.array([names[int(v)] for v in values])
    return values.astype(str)


def _layout(shape: tuple[int, ...]) -> str | None:
    """How an array holds images: "hw", "hwc" or "chw" after n; None where it holds none."""
    if len(shape) == 3 and _sides(shape[1:]):
        return "hw"
    if len(shape) != 4:
        return None
    if shape[3] in (1, 3, 4) and _sides(shape[1:3]):
        return "hwc"
    return "chw" if shape[1] in (1, 3, 4) and _sides(shape[2:]) else None


def _sides(sides: Sequence[int]) -> bool:
    return min(sides) >= LEAST_SIDE and max(sides) <= min(MOST_SIDE, MOST_RATIO * min(sides))


def _last_channels(values: np.ndarray) -> np.ndarray:
    return np.moveaxis(values, 1, -1) if _layout(values.shape) == "chw" else values


# --- what there is in a file -------------------------------------------------------------------------------------


def sources_of(path: Path) -> list[Source]:
    """The arrays of a file, and those beside it that belong to it. Raises ImageError."""
    name = path.name.lower()
    try:
        if path.suffix.lower() in PICKLED or re.fullmatch(r"data_batch_\d|test_batch|batches\.meta", name):
            raise Pickled(
                f"{path.name} is a Python pickle, which is never opened, for it can run any program. "
                "CIFAR comes as binary files too (cifar-10-binary.tar.gz): take those."
            )
        if path.suffix.lower() == ".npz":
            return list(_of_npz(path))
        if path.suffix.lower() == ".npy":
            return [s for p in _beside(path, ".npy") for s in _of_npy(p)]
        if path.suffix.lower() == ".bin" and _cifar_name(name):
            return list(_of_cifar(path.parent))
        if _idx_name(name) or _starts_as_idx(path):
            return [s for p in _idx_family(path) for s in _of_idx(p)]
    except OSError as error:
        raise ImageError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    return []


def _read(stream: BinaryIO, count: int, name: str, ends: bool = False) -> bytes:
    """So many bytes; with `ends` the stream ends here, and what is packed is checked against its sum."""
    try:
        data = stream.read(count)
        more = stream.read(1) if ends else b""
    except Exception as error:  # decompressors raise errors of many kinds on damaged data
        raise ImageError(f"{name} is damaged: it cannot be unpacked.") from error
    if len(data) != count or more:
        raise ImageError(f"{name} is {'longer than it claims' if more else 'cut short'}: it is damaged.")
    return data


def _plain(path: Path, offset: int) -> Callable[[], _Opened]:
    def opened() -> _Opened:
        stack = ExitStack()
        stream = stack.enter_context(_unzipped(path))
        _read(stream, offset, path.name)
        return _Opened(stream, stack)

    return opened


@contextmanager
def _unzipped(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast(BinaryIO, stream)


# --- NumPy's ---


def _npy_header(stream: BinaryIO, name: str) -> npy.Header:
    try:
        found = npy.header(stream)
    except ValueError as error:
        raise ImageError(f"{name} is damaged: {error}.") from error
    if any(not isinstance(n, int) or n < 0 for n in found[0]):
        raise ImageError(f"{name} is damaged: its shape is {found[0]}.")
    return found


def _of_npy(path: Path) -> Iterator[Source]:
    with path.open("rb") as file:
        shape, fortran, dtype = _npy_header(file, path.name)
        offset = file.tell()
    if len(shape):
        opened = _plain(path, offset)
        yield Source(
            path.name, shape, dtype, _in_order(opened, shape, dtype, path.name) if fortran else opened
        )


def _of_npz(path: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
        raise ImageError(f"{path.name} is damaged: it cannot be opened as an .npz archive.") from error
    for member in members:
        with _member(path, member, 0)() as stream:
            counted = _Counted(stream)
            shape, fortran, dtype = _npy_header(cast(BinaryIO, counted), path.name)
        opened = _member(path, member, counted.count)
        if len(shape):
            opened = _in_order(opened, shape, dtype, path.name) if fortran else opened
            yield Source(path.name, shape, dtype, opened, member.filename.removesuffix(".npy"))


class _Counted:
    """A stream whose bytes that were read are counted: one in a zip file may not tell where it is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.count = stream, 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.count += len(data)
        return data


def _member(path: Path, member: zipfile.ZipInfo, offset: int) -> Callable[[], _Opened]:
    def opened() -> _Opened:
        stack = ExitStack()
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            stream = cast(BinaryIO, stack.enter_context(archive.open(member)))
            _read(stream, offset, path.name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, ValueError) as error:
            stack.close()
            if isinstance(error, ImageError):
                raise
            raise ImageError(f"{path.name} is damaged: it cannot be unpacked.") from error
        return _Opened(stream, stack)

    return opened


def _in_order(
    opened: Callable[[], _Opened], shape: tuple[int, ...], dtype: np.dtype, name: str
) -> Callable[[], _Opened]:
    """The same numbers row by row, of an array that is stored column by column: it must be read as a whole."""

    def reordered() -> _Opened:
        size = math.prod(shape) * dtype.itemsize
        if size > 8 * MOST_BYTES:
            raise ImageError(f"{name} stores its array column by column and is large: save it in C order.")
        with opened() as stream:
            data = _read(stream, size, name)
        rows = np.ascontiguousarray(np.frombuffer(data, dtype).reshape(shape, order="F"))
        return _Opened(io.BytesIO(rows.tobytes()), ExitStack())

    return reordered


def _beside(path: Path, ending: str) -> list[Path]:
    """A file, and those beside it whose names differ in what says images or labels, train or test."""

    def stem(p: Path) -> str:
        words = re.split(r"[\W_]+", p.name.lower().removesuffix(ending))
        return "_".join(w for w in words if w not in (*_IMAGES, *_LABELS) and not split_of(w))

    if _rank(path.stem, (*_IMAGES, *_LABELS)) == len((*_IMAGES, *_LABELS)):
        return [path]
    return [p for p in _files(path.parent) if p.suffix.lower() == ending and stem(p) == stem(path)]


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.is_symlink())


# --- IDX, MNIST's own ---


def _idx_name(name: str) -> str:
    """The part of an IDX file's name that its images and labels share, of all splits; "" for other names."""
    plain = re.sub(r"\.gz$", "", name.lower())
    found = re.fullmatch(
        r"(.*?)(train|t10k|test|valid|val)?-?(images|labels)[-.]idx[13](-ubyte|\.ubyte)?", plain
    )
    return (found[1] or "-") if found else ""


def _idx_family(path: Path) -> list[Path]:
    family = _idx_name(path.name)
    if not family:
        return [path]
    members = [p for p in _files(path.parent) if _idx_name(p.name) == family]
    plain = {p.name.lower() for p in members if p.suffix.lower() != ".gz"}
    return [p for p in members if p.suffix.lower() != ".gz" or p.name.lower()[:-3] not in plain]


def _starts_as_idx(path: Path) -> bool:
    try:
        with _unzipped(path) as stream:
            start = stream.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _IDX_TYPES and 1 <= start[3] <= 4


def _of_idx(path: Path) -> Iterator[Source]:
    try:
        with _unzipped(path) as stream:
            start = _read(stream, 4, path.name)
            kind, dims = start[2:]
            if start[:2] != b"\0\0" or kind not in _IDX_TYPES or not 1 <= dims <= 4:
                raise ImageError(f"{path.name} is damaged: it does not begin as an IDX file does.")
            shape = struct.unpack(f">{dims}I", _read(stream, 4 * dims, path.name))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImageError(f"{path.name} is damaged: it cannot be unpacked.") from error
    yield Source(path.name, shape, np.dtype(_IDX_TYPES[kind]), _plain(path, 4 + 4 * dims))


# --- CIFAR's binary files ---


def _cifar_name(name: str) -> bool:
    return bool(re.fullmatch(r"(data_batch_\d|test_batch|train|test)\.bin", name))


@dataclass
class _Records(Source):
    """One field of the records in several files."""

    names: tuple[str, ...] = field(default_factory=tuple)
    files: Mapping[Path, int] = field(default_factory=dict)
    bytes: tuple[int, int | None] = (0, 1)

    def rows(self, wanted: np.ndarray) -> np.ndarray:
        parts, start = [], 0
        for path, count in self.files.items():
            here = wanted[(wanted >= start) & (wanted < start + count)] - start
            records = np.memmap(path, np.uint8, "r").reshape(count, -1)
            parts.append(np.array(records[here][:, slice(*self.bytes)]))
            start += count
        return np.concatenate(parts).reshape(-1, *self.shape[1:])


def _of_cifar(folder: Path) -> Iterator[Source]:
    """CIFAR-10: a label and 3,072 bytes of an image; CIFAR-100: a coarse and a fine label before them."""
    files = [p for p in _files(folder) if _cifar_name(p.name.lower())]
    if not files:
        return
    before = next((b for b in (1, 2) if all(p.stat().st_size % (3072 + b) == 0 for p in files)), 0)
    if not before:
        raise ImageError(f"{folder.name} is damaged: its files are not as long as CIFAR's are.")
    listed = folder / ("batches.meta.txt" if before == 1 else "fine_label_names.txt")
    names = tuple(listed.read_text("utf-8", "replace").split()) if listed.is_file() else ()
    for split in (TRAIN, TEST):
        own = {
            p: p.stat().st_size // (3072 + before)
            for p in files
            if ("test" in p.name.lower()) == (split == TEST)
        }
        n = sum(own.values())
        if n:
            eight = np.dtype(np.uint8)
            yield _Records(
                split, (n, 3, 32, 32), eight, _never, f"{split} images", names, own, (before, None)
            )
            yield _Records(split, (n,), eight, _never, f"{split} labels", names, own, (before - 1, before))


def _never() -> _Opened:
    raise AssertionError("records are read from their files")
