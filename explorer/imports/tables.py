"""Text tables: commas, semicolons, tabs or spaces, with or without a header."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from explorer.imports.base import Rows, short

#: Characters of a line.
MAX_LINE = 100_000
_BATCH = 10_000
_MISSING = {"", "nan", "na", "n/a", "null", "none", "inf", "+inf", "-inf", "-", "?"}


def read_table(path: Path, rows: Rows) -> None:
    # what is not of the encoding becomes a replacement character, refused as a number, with its line
    with path.open(encoding=_encoding(path), errors="replace") as file:
        lines = _lines(file, rows)
        number, first = next(lines, (0, ""))
        if not number:
            return
        split, columns = _splitter(first)
        if columns > 2:
            rows.remarks.append(f"the first two of its {columns} columns taken")
        header = all(_number(field) is None for field in split(first)[:2])
        batch = [] if header and len(split(first)) > 1 else [_row(split(first), number, rows)]
        for number, line in lines:
            batch.append(_row(split(line), number, rows))
            if len(batch) == _BATCH:
                rows.add(np.array(batch))
                batch = []
        rows.add(np.array(batch).reshape(-1, 2))


def _encoding(path: Path) -> str:
    """By the mark that the file starts with, as spreadsheets write it; UTF-8 where there is none."""
    with path.open("rb") as file:
        start = file.read(4)
    # that of UTF-32 begins with that of UTF-16
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _lines(file: TextIO, rows: Rows) -> Iterator[tuple[int, str]]:
    """The lines that say something, numbered from 1 as an editor does."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise rows.refuse(f"is no table: line {number} has more than {MAX_LINE:,} characters")
        if "\0" in line:
            raise rows.refuse(
                f"is no text in UTF-8, nor in UTF-16 with its mark (line {number}): save it as UTF-8"
            )
        line = line.strip(" \r\n")
        if line.strip() and not line.startswith("#"):
            yield number, line


def _splitter(first: str) -> tuple[Callable[[str], list[str]], int]:
    """How the lines of a table split into columns, judged by the first one, and how many columns it has."""
    mark = next((m for m in ";\t," if m in first), None)
    decimal_comma = mark != ","

    def split(line: str) -> list[str]:
        fields = line.split(mark)
        return [
            f.strip().strip('"').replace(",", ".") if decimal_comma else f.strip().strip('"') for f in fields
        ]

    return split, len(split(first))


def _number(field: str) -> float | None:
    """The number that `field` is, NaN if it says that there is none, None if it is something else."""
    if field.lower() in _MISSING:
        return math.nan
    try:
        return float(field)
    except ValueError:
        return None


def _row(fields: list[str], number: int, rows: Rows) -> tuple[float, float]:
    if len(fields) < 2:
        raise rows.refuse(f"has only one column in line {number}; a point needs two")
    x, y = _number(fields[0]), _number(fields[1])
    if x is None or y is None:
        bad = fields[0] if x is None else fields[1]
        raise rows.refuse(f"has {short(bad)} in line {number}, where a number should be")
    return x, y
