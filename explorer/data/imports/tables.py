"""What all kinds of files are read as: named columns, in batches of rows; and text as such a table."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np

from explorer.base.decoding import CHOICES, encoding_of
from explorer.base.printable import printable
from explorer.data.imports.base import DataFileError, short
from explorer.data.imports.layout import Layout, is_comment, laid_out, split
from explorer.data.imports.numerals import is_number
from explorer.data.imports.sources import MOST_UNPACKED, Source

#: Cells of one column: text as it stands in the file, or numbers.
Cells: TypeAlias = "Sequence[str | float] | np.ndarray"
#: Rows handed on at once.
BATCH = 20_000
#: Characters of a line.
MAX_LINE = 100_000
_BLOCK = 1 << 20
#: What a line without fields consists of; the last is how DOS ends a file.
_NOTHING = " \x1a"
#: Lines that one field in quotes may run over, times a block.
_LONGEST_FIELD = 200_000
#: What a plain number in a table has nothing of.
_UNUSUAL = re.compile(r"[^0-9eE+\-.,;\t|\n nafiNAFI]")
#: What lines that are no rows have in them.
_ODD_LINES = re.compile(r"[#%]|--|==|:-|-:")
#: What the layout is judged by: bytes, and lines with fields in them.
_JUDGED = 1 << 18
_JUDGED_LINES = 400
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces", "": ""}


@dataclass(frozen=True)
class Batch:
    """The cells of some rows, one list for each column asked for, and the share (0..1) of the file read by now."""

    columns: list[Cells]
    share: float

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


class Table(Protocol):
    """A file as a table."""

    @property
    def name(self) -> str:
        """What messages call the file."""

    @property
    def kind(self) -> str:
        """What it is and how it is read, in words."""

    @property
    def names(self) -> tuple[str, ...]:
        """One for each column, "" where it has none."""

    @property
    def delimiter(self) -> str:
        """That of a text; "" elsewhere."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else was found and should be said."""

    def batches(
        self, columns: Sequence[int], size: int = BATCH, plain: Callable[[], bool] = lambda: False
    ) -> Iterator[Batch]:
        """All rows, in batches of about `size`, with these columns alone. DataFileError where the file is damaged.

        plain: whether numbers may from now on be read as Python writes them, without being handed on as text.
        """

    def where(self, row: int) -> str:
        """The place of a row (from 0) in the file, as a person finds it."""


def clean(text: str) -> str:
    """A word of the file for people, on one line: bytes that were no UTF-8 as the Western encoding has them."""
    text = text.strip().strip("\ufeff")
    if _escaped(text):
        text = text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return printable(text).strip()


def _escaped(text: str) -> bool:
    return any("\udc80" <= c <= "\udcff" for c in text)


@dataclass(frozen=True)
class TextTable:
    """CSV and its kin. Every field is kept as text."""

    source: Source
    encoding: str
    layout: Layout
    #: Whether it begins with a comment: there may be several tables, as this program's laboratories write them.
    stacked: bool = False
    #: The encoding that was guessed, where the text does not say it by itself.
    guessed: str = ""
    #: Whether some of its bytes are nothing in the encoding that somebody has chosen.
    misfit: bool = False
    _state: dict[str, bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.source.name

    @cached_property
    def kind(self) -> str:
        """Encoding and delimiter."""
        between = _DELIMITERS.get(self.layout.delimiter, repr(self.layout.delimiter))
        return f"text in {self.encoding.upper()}" + (f" with {between}" if between else "")

    @property
    def names(self) -> tuple[str, ...]:
        named = [clean(n) for n in self.layout.names]
        return tuple(named + [""] * (self.layout.width - len(named)))

    @property
    def delimiter(self) -> str:
        return self.layout.delimiter

    @property
    def remarks(self) -> tuple[str, ...]:
        said = tuple(map(clean, self.layout.said))
        if self.misfit:
            said = (f"some bytes are no letters in {self.encoding.upper()}", *said)
        return (*said, "the first of several tables taken") if self._state.get("stacked") else said

    def batches(
        self, columns: Sequence[int], size: int = BATCH, plain: Callable[[], bool] = lambda: False
    ) -> Iterator[Batch]:
        done = 0
        for text, lines, share in self._blocks():
            quick = self._quick(text, lines, columns) if plain() else None
            if quick is not None:
                yield Batch(quick, share)
                done += len(quick[0])
                continue
            rows = self._rows(lines, done)
            if set(map(len, rows)) - {self.layout.width}:
                self._check_lengths(rows, done)
            for i in range(0, len(rows), size):
                across = list(zip(*rows[i : i + size], strict=False))
                yield Batch([across[c] for c in columns], share)
            done += len(rows)

    def _quick(self, text: str, lines: list[str], columns: Sequence[int]) -> list[Cells] | None:
        """Lines of nothing but numbers as Python writes them, by NumPy's reader; None for all others."""
        if len(self.layout.delimiter) != 1 or self.layout.delimiter == " " or _UNUSUAL.search(text):
            return None
        if self.layout.delimiter != "," and "," in text:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of lines without data
                values = np.loadtxt(lines, delimiter=self.layout.delimiter, comments=None, ndmin=2)
        except (ValueError, UserWarning):
            return None
        if values.shape != (len(lines), self.layout.width):
            return None
        return [values[:, c] for c in columns]

    def _rows(self, lines: list[str], done: int) -> list[list[str]]:
        rows: list[list[str]] = []
        try:
            rows.extend(split(lines, self.layout.delimiter, self.layout.quote))
        except csv.Error as e:
            where = self.where(done + len(rows))
            raise DataFileError(f"{self.name} has a field in {where} that never ends: {e}") from e
        return rows

    def _check_lengths(self, rows: list[list[str]], done: int) -> None:
        width = self.layout.width
        for i, row in enumerate(rows):
            if len(row) == width or (len(row) == width + 1 and not row[-1].strip()):
                continue
            due = f"{width} name{'s' * (width > 1)}" if self.layout.header else f"{width} in the first row"
            raise DataFileError(
                f"{self.name} has {len(row)} field{'s' * (len(row) > 1)} in {self.where(done + i)}, but {due}"
            )

    def _blocks(self) -> Iterator[tuple[str, list[str], float]]:
        """The rows, many at a time: the text that they are in, the lines that hold rows, the share of the file read.

        A field in quotes may run over lines, so a block goes on until its quotation marks are even.
        """
        held: list[str] = []
        marks = 0
        for text, numbered, share in self._numbered():
            held += [line for _, line in numbered]
            marks += text.count(self.layout.quote)
            if marks % 2 == 0 or len(held) > _LONGEST_FIELD:
                yield text, held, share
                held, marks = [], 0
        if held:
            yield '"', held, 1.0

    def _numbered(self) -> Iterator[tuple[str, Sequence[tuple[int, str]], float]]:
        """Blocks of text, and their lines that hold rows with the number of each, from 1."""
        blank = headed = False
        for first, text, share in self._read():
            lines = list(enumerate(text.split("\n"), start=first))
            if lines[-1][0] < self.layout.begins:
                continue
            if first >= self.layout.begins and not _ODD_LINES.search(text):  # so is most of a file
                blank, headed = not lines[-1][1].strip(_NOTHING), False
                yield text, [line for line in lines if line[1].strip(_NOTHING)], share
                continue
            kept: list[tuple[int, str]] = []
            for number, line in lines:
                if number < self.layout.begins:
                    continue
                if not line.strip(_NOTHING):
                    blank = True
                elif is_comment(line):
                    headed = headed or blank
                elif headed and self._is_header(line):
                    self._state["stacked"] = True
                    yield '"', kept, 1.0
                    return
                else:
                    blank = headed = False
                    kept.append((number, line))
            yield text, kept, share

    def _is_header(self, line: str) -> bool:
        """Whether a line below a blank one and a comment begins another table."""
        fields = next(iter(split([line], self.layout.delimiter, self.layout.quote)), [])
        return self.stacked and not any(is_number(f) for f in fields)

    def _read(self) -> Iterator[tuple[int, str, float]]:
        """The text in blocks of whole lines: the number of the first, the lines, the share of the file read."""
        errors = "surrogateescape" if self.encoding.startswith("utf-8") else "replace"
        with self.source.unpacked() as (stream, share):
            text = io.TextIOWrapper(stream, self.encoding, errors)
            rest, number, length = "", 1, 0
            while part := text.read(_BLOCK):
                length += len(part)
                whole, end, rest = (rest + part).rpartition("\n")
                lines = whole.count("\n") + 1 if end else 0
                self._check_block(rest, number + lines, length)
                if end:
                    yield number, whole, share()
                number += lines
            if rest:
                yield number, rest, 1.0

    def _check_block(self, rest: str, number: int, length: int) -> None:
        if len(rest) > MAX_LINE:
            raise DataFileError(
                f"{self.name} is no table: line {number} has more than {MAX_LINE:,} characters"
            )
        if length > MOST_UNPACKED and self.source.size < length // 2:
            raise DataFileError(
                f"{self.name} unpacks to more than the {MOST_UNPACKED >> 30} GB that are read"
            )

    def where(self, row: int) -> str:
        """The line, found by reading again up to it."""
        begun: list[int] = []

        def lines() -> Iterator[str]:
            for _, numbered, _ in self._numbered():
                for number, line in numbered:
                    begun.append(number)
                    yield line

        try:
            for i, _ in enumerate(split(lines(), self.layout.delimiter, self.layout.quote)):
                if i == row:
                    return f"line {begun[0]}"
                begun.clear()
        except csv.Error:  # the field that never ends is the one asked about
            return f"line {begun[0]}"
        return f"row {row + 1}"


def text_table(
    source: Source, delimiter: str = "", header: bool | None = None, encoding: str = ""
) -> TextTable:
    """A text as a table. DataFileError where it is none."""
    start = source.beginning(_JUDGED)
    whole = len(start) < _JUDGED
    if not start.strip():
        raise DataFileError(f"{source.name} is empty: there is not one row of numbers in it")
    guess = encoding_of(start, whole)
    chosen = bool(encoding)
    encoding = _known(encoding, source.name) if chosen else guess
    if not encoding:
        raise DataFileError(f"{source.name} is no text, and no file of points of another known kind")
    lines = _first_lines(start, encoding, whole, source.name)
    stacked = bool(lines) and is_comment(lines[0][1])
    layout = laid_out(_first_table(lines) if stacked else lines, source.name, delimiter, header)
    misfit = chosen and not _fits(start, encoding, whole)
    return TextTable(source, encoding, layout, stacked, "" if guess.startswith("utf") else guess, misfit)


def _known(encoding: str, name: str) -> str:
    """An encoding by the name that Python has for it. DataFileError where there is none of this name for text."""
    try:
        known = codecs.lookup(encoding)
        "".encode(known.name)  # some turn bytes into bytes
        b"1".decode(known.name, "replace")  # and some are for names in networks
    except (LookupError, ValueError):
        raise DataFileError(
            f"{name} cannot be read in {short(encoding)}: there is no encoding of this name; some that there are: "
            f"{', '.join(CHOICES)}"
        ) from None
    return next((e for e in CHOICES if codecs.lookup(e).name == known.name), known.name)


def _fits(start: bytes, encoding: str, whole: bool) -> bool:
    """Whether all bytes at the beginning of a text are something in an encoding that was chosen for it."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(start, whole)
    except UnicodeDecodeError:
        return False
    return True


def _first_lines(start: bytes, encoding: str, whole: bool, name: str) -> list[tuple[int, str]]:
    """Numbered lines from the beginning, _JUDGED_LINES of them with fields."""
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    unit = 4 if "32" in encoding else 2 if "16" in encoding else 1
    try:
        text = io.TextIOWrapper(io.BytesIO(start[: len(start) // unit * unit]), encoding, errors).read()
    except UnicodeError:  # of those few that cannot pass over a byte
        raise DataFileError(f"{name} cannot be read in {encoding}: it is in another encoding") from None
    lines = text.split("\n")
    if not whole and len(lines) > 1:
        lines.pop()
    out: list[tuple[int, str]] = []
    found = 0
    for number, line in enumerate(lines, start=1):
        _check_line(line, number, name)
        out.append((number, line))
        found += bool(line.strip()) and not is_comment(line)
        if found == _JUDGED_LINES:
            break
    return out


def _first_table(lines: Sequence[tuple[int, str]]) -> Sequence[tuple[int, str]]:
    """The lines of the first of several tables with commas, each of which has a blank line and a comment above it."""
    begun = blank = headed = False
    for i, (_, text) in enumerate(lines):
        if not text.strip(_NOTHING):
            blank = begun
        elif is_comment(text):
            headed = headed or blank
        elif headed and not any(is_number(f) for f in next(split([text], ",", '"'), [])):
            return lines[:i]
        else:
            begun, blank, headed = True, False, False
    return lines


def _check_line(line: str, number: int, name: str) -> None:
    if len(line) > MAX_LINE:
        raise DataFileError(f"{name} is no table: line {number} has more than {MAX_LINE:,} characters")
    if any(c < " " and c not in "\t\f\x1a" for c in line):
        raise DataFileError(f"{name} is no text, and no file of points of another known kind (line {number})")
