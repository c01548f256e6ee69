"""Arrays in .npy and .npz files as tables. What they claim of their size is checked before memory is asked for."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from explorer.base import npy
from explorer.base.npy import Header
from explorer.data.imports.base import DataFileError, short
from explorer.data.imports.sources import Source
from explorer.data.imports.tables import BATCH, Batch, Cells

#: Bytes that an array of an .npz may unpack to.
MAX_UNPACKED = 400_000_000
#: Names that arrays of points have, the best first.
_POINTS = (
    "points",
    "xy",
    "x",
    "data",
    "samples",
    "pos",
    "positions",
    "coords",
    "coordinates",
    "embedding",
    "arr_0",
)
#: Beginnings of names that arrays of pairs have which are no points.
_NO_POINTS = (
    "cov",
    "edge",
    "face",
    "link",
    "adj",
    "bound",
    "extent",
    "limit",
    "range",
    "mean",
    "center",
    "centre",
)
#: Columns that one field of a structured array may be.
_MOST_OF_A_FIELD = 100
#: The two arrays of coordinates.
_PAIRS = (("x", "y"), ("lon", "lat"), ("x1", "x2"), ("x0", "x1"), ("u", "v"))
#: Arrays of a run of this program: (frames, particles, d), and what is beside it.
_RUN = {"x", "t", "nfe", "experiment"}


@dataclass(frozen=True)
class ArrayTable:
    """Columns of arrays of one length."""

    name: str
    kind: str
    names: tuple[str, ...]
    columns: tuple[np.ndarray, ...]
    remarks: tuple[str, ...] = ()
    delimiter: str = ""
    #: Where they are mapped from: to read beyond the end of a file that was cut ends the program.
    mapped: Source | None = None

    def batches(
        self, columns: Sequence[int], size: int = BATCH, plain: Callable[[], bool] = lambda: False
    ) -> Iterator[Batch]:
        n = len(self.columns[0])
        for i in range(0, n, size):
            if self.mapped is not None:
                self.mapped.check_same()
            yield Batch([_cells(self.columns[c][i : i + size]) for c in columns], min(1.0, (i + size) / n))

    def where(self, row: int) -> str:
        return f"row {row + 1}"


def _cells(values: np.ndarray) -> Cells:
    """Numbers as float64, words as text."""
    if values.dtype.kind in "USb":  # True and False are words, as they are in a text
        return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.tolist()]
    # bytes that are no number in half or extended precision warn when they are converted
    with np.errstate(all="ignore"):
        return np.array(values, dtype=np.float64)  # a copy: what is mapped may be gone later


# --- .npy -----------------------------------------------------------------------------------------------------


def npy_table(source: Source) -> ArrayTable:
    """The array of an .npy file."""
    with source.opened() as file:
        shape, fortran, dtype = _header(file, source.name, source.size)
        offset = file.tell()
    order: Any = "F" if fortran else "C"
    if source.path is not None:  # mapped, so that only the rows being looked at take memory
        array: np.ndarray = np.memmap(source.path, dtype, "r", offset, shape, order)
    else:
        array = np.frombuffer(source.held, dtype, math.prod(shape), offset).reshape(shape, order=order)
    table = _table(source.name, "a NumPy array", array, {})
    beyond = source.size - offset - array.nbytes
    said = _saying(table, f"{beyond:,} bytes behind the array passed over" if beyond else "")
    return replace(said, mapped=source if source.path is not None else None)


def _header(stream: BinaryIO, name: str, size: int) -> Header:
    """The shape, order and type of an .npy stream of `size` bytes, checked before any array is made."""
    shape, fortran, dtype = _read_header(stream, name)
    if dtype.hasobject:
        raise DataFileError(
            f"{name} holds Python objects, which would have to be unpickled: save plain numbers"
        )
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise DataFileError(f"{name} has shape {short(str(shape))}, which no array has")
    if math.prod(shape) * dtype.itemsize > size - stream.tell():
        raise DataFileError(
            f"{name} is cut short: it claims shape {short(str(shape))} but has only {size:,} bytes"
        )
    if math.prod(shape) == 0:
        raise DataFileError(f"{name} is empty: its array has shape {short(str(shape))}")
    return shape, fortran, dtype


def _read_header(stream: BinaryIO, name: str) -> Header:
    try:
        return npy.header(stream)
    except ValueError as e:
        raise DataFileError(f"{name} is damaged: {e}") from e


def _table(
    name: str, kind: str, array: np.ndarray, beside: Mapping[str, np.ndarray], called: str = ""
) -> ArrayTable:
    """An array as columns (one is `called` so), with the arrays of one number or word a row that stand beside it."""
    said: list[str] = []
    if array.dtype.names:
        names, columns = _structured(name, array, said)
    else:
        names, columns = _plain(name, array, said)
        names = [called] if called and len(names) == 1 else names
    n = len(columns[0])
    more = {key: value for key, value in beside.items() if value.shape in ((n,), (n, 1))}
    return ArrayTable(
        name, kind, (*names, *more), (*columns, *(v.reshape(n) for v in more.values())), tuple(said)
    )


def _structured(name: str, array: np.ndarray, said: list[str]) -> tuple[list[str], list[np.ndarray]]:
    """By the names of its fields."""
    fields = dict(_fields(array.reshape(-1)))
    usable = {n: values for n, values in fields.items() if values.dtype.kind in "fiubUS"}
    if not usable:
        raise DataFileError(f"{name} has no field of numbers (its type is {short(str(array.dtype))})")
    if others := [f"{n} ({fields[n].dtype})" for n in fields if n not in usable]:
        said.append(f"field{'s' * (len(others) > 1)} {', '.join(others)[:80]} passed over")
    return list(usable), list(usable.values())


def _fields(array: np.ndarray, outside: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Names and values (n,) of the fields of an array (n,), those within others too."""
    for name in array.dtype.names or ():
        values, called = array[name], outside + name
        if values.dtype.names:
            yield from _fields(values.reshape(-1), f"{called}.") if values.ndim == 1 else ()
        elif values.ndim == 2 and values.shape[1] <= _MOST_OF_A_FIELD:
            yield from ((f"{called}[{i}]", values[:, i]) for i in range(values.shape[1]))
        elif values.ndim == 1:
            yield called, values


def _plain(name: str, array: np.ndarray, said: list[str]) -> tuple[list[str], list[np.ndarray]]:
    if array.dtype.kind not in "fiu":
        raise DataFileError(f"{name} holds values of type {short(str(array.dtype))}, not real numbers")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise DataFileError(f"{name} has shape {short(str(array.shape))}; points are of shape (n, 2) or (n,)")
    if _lies_across(array.shape):
        rows = {1: "one row of numbers", 2: "a row of x and a row of y"}
        said.append(
            f"shape {array.shape} read as {rows.get(array.shape[0], f'{array.shape[0]} rows of coordinates')}"
        )
        array = array.T
    return [f"column {i + 1}" for i in range(array.shape[1])], [array[:, i] for i in range(array.shape[1])]


def _lies_across(shape: tuple[int, ...]) -> bool:
    """Whether the rows of an array are its coordinates, and its columns the points."""
    return len(shape) == 2 and (shape[0] <= 2 < shape[1] or (shape[0] <= 4 and shape[1] >= 20))


# --- .npz -----------------------------------------------------------------------------------------------------


def npz_table(source: Source, part: str = "") -> tuple[ArrayTable, tuple[str, ...]]:
    """The array of an .npz that holds points (or the one called `part`), with what is beside it, and the names of all
    that could be taken."""
    with source.opened() as file:
        archive = _archive(file, source.name)
        members = {
            m.filename.removesuffix(".npy"): m for m in archive.infolist() if m.filename.endswith(".npy")
        }
        if not members:
            raise DataFileError(f"{source.name} holds no array")
        headers = {name: _member_header(archive, m) for name, m in members.items()}
        read = _Members(source.name, archive, members)
        if _is_run(headers):
            return _run(source.name, read, headers), ()
        usable = {n: h for n, h in headers.items() if h and not h[2].hasobject}
        pair = _pair(usable)
        ranks = {n: rank for n, h in usable.items() if (rank := _rank(n, h)) is not None}
        choices = sorted(ranks, key=lambda n: ranks[n])
        both = " and ".join(pair or ())
        if pair:  # behind an array of points, if there is one; arrays of their length are columns beside them
            n = math.prod(usable[pair[0]][0])
            choices = [c for c in choices if usable[c][0] not in ((n,), (n, 1))]
            choices.insert(int(bool(choices) and ranks[choices[0]][0] == 0), both)
        if part and part not in choices:
            raise DataFileError(
                f"{source.name} has no array {short(part)} of points; it has {', '.join(choices)[:120]}"
            )
        if pair and (part or choices[0]) == both:
            return _paired(source.name, pair, usable, read), tuple(choices)
        if not choices:
            raise DataFileError(_no_points(source.name, headers))
        taken = part or choices[0]
        array = read(taken)
        beside = {n: read(n) for n, h in usable.items() if n != taken and _beside(h, array)}
        table = _table(source.name, "NumPy arrays", array, beside, taken)
        beyond = len(members) - 1 - (len(beside) if array.ndim == 1 else 0)
        said = f"array {short(taken)} of {len(members)} taken" if beyond else ""
        return _saying(table, said), tuple(choices)


def _saying(table: ArrayTable, said: str) -> ArrayTable:
    remarks = (said, *table.remarks) if said else table.remarks
    return replace(table, remarks=remarks)


def _archive(file: BinaryIO, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, OSError) as e:
        raise DataFileError(f"{name} is damaged: it cannot be opened as an .npz archive") from e


def _member_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header | None:
    """What an array claims to be; None where it cannot be told."""
    try:
        with archive.open(member) as stream:
            return _read_header(BytesIO(stream.read(1 << 16)), "")
    except (
        Exception
    ):  # the decompressors raise errors of many kinds on damaged data; told if the array is taken
        return None


def _rank(name: str, header: Header) -> tuple[int, ...] | None:
    """How well an array does as points, the least first; None where it does not.

    Of two of one shape that with the better name, then that of numbers with fractions, then the longer one.
    """
    shape, _, dtype = header
    lower = name.lower()
    named = _POINTS.index(lower) if lower in _POINTS else len(_POINTS) + lower.startswith(_NO_POINTS)
    others = (named, dtype.kind != "f", -math.prod(shape))
    if dtype.names:
        return (1, *others) if len(shape) == 1 else None
    if dtype.kind not in "fiu" or not 1 <= len(shape) <= 2 or math.prod(shape) == 0:
        return None
    if len(shape) == 2 and shape[1] == 2:
        return (0 if shape[0] > 2 else 3, *others)
    if len(shape) == 2:
        return (2 if min(shape) == 2 else 3, *others)
    return (4, *others) if shape[0] > 1 else None


def _beside(header: Header, array: np.ndarray) -> bool:
    """Whether an array has one number or word for each row of another."""
    shape, _, dtype = header
    n = array.size if array.dtype.names else max(array.shape) if _lies_across(array.shape) else array.shape[0]
    return dtype.kind in "fiubUS" and shape in ((n,), (n, 1))


def _pair(headers: Mapping[str, Header]) -> tuple[str, str] | None:
    """Two arrays of one length that are called as coordinates are."""
    lower = {name.lower(): name for name in headers}
    for first, second in _PAIRS:
        if first in lower and second in lower:
            (a, _, x), (b, _, y) = headers[lower[first]], headers[lower[second]]
            if a == b and max(a, default=0) == math.prod(a) > 1 and x.kind in "fiu" and y.kind in "fiu":
                return lower[first], lower[second]
    return None


def _paired(name: str, pair: tuple[str, str], headers: Mapping[str, Header], read: _Members) -> ArrayTable:
    columns = [read(n).reshape(-1) for n in pair]
    beside = {n: read(n).reshape(-1) for n, h in headers.items() if n not in pair and _beside(h, columns[0])}
    said = f"arrays {pair[0]} and {pair[1]} of {len(headers)} taken" if len(headers) > 2 else ""
    return _saying(ArrayTable(name, "NumPy arrays", (*pair, *beside), (*columns, *beside.values())), said)


def _is_run(headers: Mapping[str, Header | None]) -> bool:
    shape = (headers.get("x") or ((), False, None))[0]
    return set(headers) >= _RUN and len(shape) == 3


def _run(name: str, read: _Members, headers: Mapping[str, Header | None]) -> ArrayTable:
    """The last frame of a run of this program."""
    x = read("x")
    if x.shape[2] > 3:
        raise DataFileError(f"{name} is a run on images, {x.shape[2]} numbers each; points have one or two")
    last = x[-1]
    axes = ("x", "y", "z")[: last.shape[1]]
    t = read("t").reshape(-1)[-1]
    said = f"the last of {len(x)} frames of a run taken (t = {float(t):.3g})"
    if "x_b" in headers:
        said += ", of the first of its two stages"
    return ArrayTable(name, "a run of this program", axes, tuple(last.T), (said,))


def _no_points(name: str, headers: Mapping[str, Header | None]) -> str:
    if all(h is None for h in headers.values()):
        return f"{name} is damaged: its arrays cannot be read"
    shapes = ", ".join(f"{n[:20]} {h[0]} {h[2]}"[:60] for n, h in headers.items() if h)
    return f"{name} holds no array of points, which are real numbers of shape (n, 2) or (n,): it has {shapes[:160]}"


class _Members:
    """Arrays of an archive, unpacked when asked for, within MAX_UNPACKED."""

    def __init__(self, name: str, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
        self._name, self._archive, self._members = name, archive, members

    def __call__(self, name: str) -> np.ndarray:
        data = self._unpacked(self._members[name])
        stream = BytesIO(data)
        shape, fortran, dtype = _header(stream, self._name, len(data))
        array = np.frombuffer(data, dtype, math.prod(shape), stream.tell())
        return array.reshape(shape, order="F" if fortran else "C")

    def _unpacked(self, member: zipfile.ZipInfo) -> bytes:
        size = member.file_size
        if size > MAX_UNPACKED:
            raise DataFileError(
                f"{self._name} unpacks to {size:,} bytes, more than the {MAX_UNPACKED:,} allowed"
            )
        try:
            with self._archive.open(member) as stream:
                # one byte more than it claims, since the claim may be a lie
                data = stream.read(size + 1)
        # the decompressors raise errors of many kinds on damaged data
        except Exception as e:
            raise DataFileError(f"{self._name} is damaged: its array cannot be unpacked") from e
        if len(data) != size:
            raise DataFileError(f"{self._name} is damaged: its array is not of the size that it claims")
        return data
