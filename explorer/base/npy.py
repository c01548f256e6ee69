"""The headers of NumPy's .npy files, of which nothing is ever unpickled."""

from __future__ import annotations

import ast
import struct
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO, TypeAlias

import numpy as np

#: Shape, whether in the order of Fortran, type.
Header: TypeAlias = tuple[tuple[int, ...], bool, "np.dtype[Any]"]
#: Bytes that the header of an array may have: NumPy's own limit for the older formats.
LONGEST = 10_000


def header(stream: BinaryIO) -> Header:
    """What an array claims to be, read from the beginning of its file; the stream then stands at its numbers.

    ValueError where it does not begin as an .npy array does. Whether the claim makes sense is for the caller to ask.
    """
    readers: dict[tuple[int, int], Callable[[BinaryIO], Header]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
        (3, 0): _header_3_0,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return readers[np.lib.format.read_magic(stream)](stream)
    # the header is a Python literal: what parsing a damaged one raises is of many kinds
    except Exception as error:
        raise ValueError("it does not begin as an .npy array does") from error


def _header_3_0(stream: BinaryIO) -> Header:
    """As version 2.0, but in UTF-8. (NumPy has no public reader of it.)"""
    (length,) = struct.unpack("<I", stream.read(4))
    if length > LONGEST:
        raise ValueError("a header of that size is damaged")
    said = ast.literal_eval(stream.read(length).decode("utf-8"))
    return tuple(said["shape"]), bool(said["fortran_order"]), np.lib.format.descr_to_dtype(said["descr"])
