"""Excel workbooks and Parquet files as tables, by libraries that come with the extra `tables`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.data.imports.base import DataFileError, short
from explorer.data.imports.layout import Layout, Line, layout_of
from explorer.data.imports.sources import Source
from explorer.data.imports.tables import BATCH, Batch, Cells

#: Bytes that a workbook may unpack to, and that a Parquet file may hold in the columns taken at once.
MAX_UNPACKED = 400_000_000
_JUDGED_ROWS = 400


@contextmanager
def _extra(name: str, what: str) -> Iterator[None]:
    """Say what is to be installed where a library is missing."""
    try:
        yield
    except ImportError as e:
        raise DataFileError(
            f'{name} is {what}, which needs one more package: pip install "score-explorer[tables]" (or save it as CSV)'
        ) from e


# --- workbooks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SheetTable:
    """One sheet of a workbook."""

    name: str
    sheet: str
    layout: Layout
    #: The cells of each row, numbers as numbers.
    rows: list[list[str | float]]
    first_row: int
    remarks: tuple[str, ...] = ()
    delimiter: str = ""

    @property
    def kind(self) -> str:
        """With the sheet's name."""
        return f"an Excel workbook, sheet {short(self.sheet)}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple([*self.layout.names, *[""] * (self.layout.width - len(self.layout.names))])

    def batches(
        self, columns: Sequence[int], size: int = BATCH, plain: Callable[[], bool] = lambda: False
    ) -> Iterator[Batch]:
        start = self.layout.begins - 1
        for i in range(start, len(self.rows), size):
            rows = [row for row in self.rows[i : i + size] if any(cell != "" for cell in row)]
            yield Batch([[row[c] for row in rows] for c in columns], min(1.0, (i + size) / len(self.rows)))

    def where(self, row: int) -> str:
        filled = [
            i
            for i, cells in enumerate(self.rows)
            if i >= self.layout.begins - 1 and any(c != "" for c in cells)
        ]
        return f"row {self.first_row + filled[row] + 1}"


def sheet_table(
    source: Source, part: str = "", header: bool | None = None
) -> tuple[SheetTable, tuple[str, ...]]:
    """The first sheet with numbers (or the one called `part`), and the names of all sheets."""
    with _extra(source.name, "an Excel workbook"):
        import python_calamine as calamine
    _check_unpacked(source)
    # the library raises errors of its own kind for each damage, and panics of Rust at some
    try:
        with source.opened() as file:
            book = calamine.load_workbook(io.BytesIO(file.read()))
        names = tuple(book.sheet_names)
        hidden = {s.name for s in book.sheets_metadata if s.visible != calamine.SheetVisibleEnum.Visible}
        wanted = [part] if part else sorted(names, key=lambda name: name in hidden)
        if part and part not in names:
            raise DataFileError(f"{source.name} has no sheet {short(part)}; it has {', '.join(names)[:120]}")
        wrong: DataFileError | None = None
        for name in wanted:
            sheet = book.get_sheet_by_name(name)
            rows = [[_cell(v) for v in row] for row in sheet.to_python(skip_empty_area=True)]
            _fill_down(rows, getattr(sheet, "merged_cell_ranges", None) or (), sheet.start or (0, 0))
            try:
                return _sheet(source.name, name, rows, (sheet.start or (0, 0))[0], header, names), names
            except DataFileError as e:
                wrong = wrong or e
        raise wrong or DataFileError(f"{source.name} is empty: no sheet of it holds a number")
    except DataFileError:
        raise
    except calamine.PasswordError as e:
        raise DataFileError(f"{source.name} is a workbook behind a password: save it without one") from e
    except BaseException as e:
        if isinstance(e, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise DataFileError(
            f"{source.name} is damaged, or no workbook that can be read (.xlsx, .xls, .ods)"
        ) from e


def _check_unpacked(source: Source) -> None:
    """By the list of the archive's members; an .xls is none."""
    with source.opened() as file:
        if not zipfile.is_zipfile(file):
            return
        file.seek(0)
        try:
            size = sum(m.file_size for m in zipfile.ZipFile(file).infolist())
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as e:
            raise DataFileError(f"{source.name} is damaged: it cannot be unpacked") from e
    if size > MAX_UNPACKED:
        raise DataFileError(
            f"{source.name} unpacks to {size:,} bytes, more than the {MAX_UNPACKED:,} allowed"
        )


def _cell(value: Any) -> str | float:
    if isinstance(value, bool):
        return str(value)
    return float(value) if isinstance(value, int | float) else str(value).strip()


def _fill_down(
    rows: list[list[str | float]],
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]],
    start: tuple[int, int],
) -> None:
    """Give each cell that was merged with one above it the value of that one, of which it is part."""
    for (top, left), (bottom, right) in merged:
        column = left - start[1]
        if left == right and column >= 0:
            for row in rows[max(0, top + 1 - start[0]) : bottom + 1 - start[0]]:
                row[column] = rows[top - start[0]][column]


def _sheet(
    name: str,
    sheet: str,
    rows: list[list[str | float]],
    first: int,
    header: bool | None,
    names: Sequence[str],
) -> SheetTable:
    lines = [
        Line(i, [c if isinstance(c, str) else f"{c:.17g}" for c in row], "")
        for i, row in enumerate(rows[:_JUDGED_ROWS], start=1)
        if any(c != "" for c in row)
    ]
    if not lines:
        raise DataFileError(f"{name} is empty: there is not one row of numbers in it")
    layout = layout_of(lines, name, header)
    remarks = (f"sheet {short(sheet)} of {len(names)} taken",) if len(names) > 1 else ()
    return SheetTable(name, sheet, layout, rows, first, (*remarks, *layout.said))


# --- Parquet --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file. What is neither a number nor text is read as text."""

    source: Source
    names: tuple[str, ...]
    fields: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: int
    kind: str = "a Parquet file"
    remarks: tuple[str, ...] = ()
    delimiter: str = ""

    @property
    def name(self) -> str:
        return self.source.name

    def batches(
        self, columns: Sequence[int], size: int = BATCH, plain: Callable[[], bool] = lambda: False
    ) -> Iterator[Batch]:
        import pyarrow as arrow
        from pyarrow import parquet

        done = 0
        try:
            with self.source.opened() as stream, parquet.ParquetFile(stream) as file:
                wanted = list(dict.fromkeys(self.fields[c] for c in columns))
                for batch in file.iter_batches(size, columns=wanted):
                    done += batch.num_rows
                    cells = [self._cells(batch.column(wanted.index(self.fields[c])), c) for c in columns]
                    yield Batch(cells, done / max(1, self.rows))
        except (arrow.ArrowException, OSError) as e:
            raise DataFileError(f"{self.name} is damaged: its columns cannot be read") from e

    def _cells(self, array: Any, column: int) -> Cells:
        if self.numeric[column]:
            return np.asarray(array.cast("float64", safe=False).to_numpy(zero_copy_only=False), np.float64)
        values = array.to_pylist()
        return [
            v.decode("utf-8", "replace") if isinstance(v, bytes) else "" if v is None else str(v)
            for v in values
        ]

    def where(self, row: int) -> str:
        return f"row {row + 1}"


def parquet_table(source: Source) -> ParquetTable:
    """The columns of a Parquet file; that of pandas' index has no name."""
    with _extra(source.name, "a Parquet file"):
        import pyarrow as arrow
        from pyarrow import parquet
    try:
        with source.opened() as stream, parquet.ParquetFile(stream) as file:
            schema, meta = file.schema_arrow, file.metadata
            held = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    except (arrow.ArrowException, OSError) as e:
        raise DataFileError(f"{source.name} is damaged: it cannot be opened as a Parquet file") from e
    if meta.num_rows == 0 or len(schema) == 0:
        raise DataFileError(f"{source.name} is empty: there is not one row in it")
    largest = max((meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)), default=0)
    if largest > MAX_UNPACKED * 4 or held < 0:
        raise DataFileError(f"{source.name} has {largest:,} bytes in one group of rows: write smaller groups")
    flat = [f for f in schema if not arrow.types.is_nested(f.type)]
    nested = [f"{f.name} ({f.type})" for f in schema if arrow.types.is_nested(f.type)]
    if not flat:
        raise DataFileError(f"{source.name} has no column of numbers, but {', '.join(nested)[:120]}")
    indices = _pandas_indices(schema.metadata or {})
    types = arrow.types
    numeric = tuple(
        types.is_integer(f.type) or types.is_floating(f.type) or types.is_decimal(f.type) for f in flat
    )
    names = tuple("index" if f.name in indices and f.name.startswith("__index") else f.name for f in flat)
    remarks = (f"column{'s' * (len(nested) > 1)} {', '.join(nested)[:120]} passed over",) if nested else ()
    return ParquetTable(source, names, tuple(f.name for f in flat), numeric, meta.num_rows, remarks=remarks)


def _pandas_indices(metadata: dict[bytes, bytes]) -> list[str]:
    try:
        found = json.loads(metadata.get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        return []
    return [name for name in found if isinstance(name, str)]
