"""Arrays in .npy and .npz files. What they claim of their size is checked before memory is asked for."""

from __future__ import annotations

import math
import warnings
import zipfile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from explorer.imports.base import MAX_ROWS, Rows, short

#: Bytes that an array of an .npz may unpack to.
MAX_UNPACKED = 400_000_000


def read_npy(path: Path, rows: Rows) -> None:
    with path.open("rb") as file:
        shape, fortran, dtype = _header(file, rows, path.stat().st_size)
        offset = file.tell()
    # mapped, so that only the rows being looked at take memory
    array = np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
    _add_array(array, rows)


def read_npz(path: Path, rows: Rows) -> None:
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
            members = {Path(m.filename).stem: m for m in archive.infolist() if m.filename.endswith(".npy")}
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, OSError) as e:
            raise rows.refuse("is damaged: it cannot be opened as an .npz archive") from e
        if not members:
            raise rows.refuse("holds no array")
        name = next((n for n in ("points", "x", "X", "data", "samples") if n in members), next(iter(members)))
        if len(members) > 1:
            rows.remarks.append(f"array {short(name)} of {len(members)} taken")
        data = _unpacked(archive, members[name], rows)
    stream = BytesIO(data)
    shape, fortran, dtype = _header(stream, rows, len(data))
    array = np.frombuffer(data, dtype, math.prod(shape), stream.tell())
    _add_array(array.reshape(shape, order="F" if fortran else "C"), rows)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, rows: Rows) -> bytes:
    if member.file_size > MAX_UNPACKED:
        raise rows.refuse(f"unpacks to {member.file_size:,} bytes, more than the {MAX_UNPACKED:,} allowed")
    try:
        with archive.open(member) as stream:
            # one byte more than it claims, since the claim may be a lie
            data = stream.read(member.file_size + 1)
    # the decompressors raise errors of many kinds on damaged data
    except Exception as e:
        raise rows.refuse("is damaged: its array cannot be unpacked") from e
    if len(data) != member.file_size:
        raise rows.refuse("is damaged: its array is not of the size that it claims")
    return data


def _header(stream: BinaryIO, rows: Rows, size: int) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """The shape, order and type of an .npy stream of `size` bytes, checked before any array is made."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, fortran, dtype = readers[np.lib.format.read_magic(stream)](stream)
    # the header is a Python literal: what parsing a damaged one raises is of many kinds
    except Exception as e:
        raise rows.refuse("is damaged: it does not begin as an .npy array does") from e
    if dtype.kind not in "fiu" or dtype.itemsize == 0:
        raise rows.refuse(f"holds values of type {short(str(dtype))}, not real numbers")
    if len(shape) != 2 or any(not isinstance(n, int) or n < 0 for n in shape):
        raise rows.refuse(f"has shape {short(str(shape))}; points are of shape (n, 2)")
    if math.prod(shape) * dtype.itemsize > size - stream.tell():
        raise rows.refuse(f"is cut short: it claims shape {short(str(shape))} but has only {size:,} bytes")
    if math.prod(shape) == 0:
        raise rows.refuse(f"is empty: its array has shape {short(str(shape))}")
    return shape, fortran, dtype


def _add_array(array: np.ndarray, rows: Rows) -> None:
    if array.shape[0] == 2 < array.shape[1]:
        rows.remarks.append(f"shape {array.shape} read as a row of x and a row of y")
        array = array.T
    if array.shape[1] < 2:
        raise rows.refuse(f"has only one column, its shape is {array.shape}; a point needs two")
    if array.shape[1] > 2:
        rows.remarks.append(f"the first two of its {array.shape[1]} columns taken")
    for i in range(0, len(array), MAX_ROWS):
        rows.add(_doubles(array[i : i + MAX_ROWS, :2]))


def _doubles(values: np.ndarray) -> np.ndarray:
    # bytes that are no number in half or extended precision warn when they are converted
    with np.errstate(all="ignore"):
        return np.asarray(values, dtype=np.float64)
