"""A file of points looked at: `look` says what is in it and what is proposed, `take` reads what was chosen.

    preview = look("measured.csv")
    imported = take(preview, replace(preview.proposal, columns=("height", "weight")))

Everything that a dialog shows is in the Preview, everything that it asks is in the Choice.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from explorer.data.distributions.points import LARGEST, MOST, MOST_HELD_OUT, USUAL, class_names
from explorer.data.imports.arrays import npy_table, npz_table
from explorer.data.imports.base import (
    DataFileError,
    Imported,
    Kept,
    UndecidedError,
    jitter_for,
    said_of,
    short,
    spread_places,
    transform_of,
)
from explorer.data.imports.books import SheetTable, parquet_table, sheet_table
from explorer.data.imports.columns import (
    INDEX,
    MISSING,
    MOST_CLASSES,
    Column,
    are_pixels,
    called_as_coordinates,
    columns_of,
    is_own_trajectories,
    is_total,
    label_of,
    names_of_rows,
    proposed_classes,
    proposed_coordinates,
    reading_of,
    sets_of,
    unusable_coordinate,
)
from explorer.data.imports.numerals import Evidence, values_of
from explorer.data.imports.signatures import (  # fmt: skip
    BZIP2,
    GZIP,
    LOOKED_AT,
    NPY,
    NPZ,
    PARQUET,
    PICTURE,
    READ,
    TEXT,
    WORKBOOK,
    XZ,
    packed_kind,
)
from explorer.data.imports.sources import Source
from explorer.data.imports.tables import Cells, Table, TextTable, clean, text_table

#: Rows that a preview shows.
SHOWN = 20
#: Standard deviations that differ more than so many times make a flat figure with one scale for both axes.
UNLIKE = 20.0
#: Rows with these words for a value are taken by `last`: those of its last value in the file.
LAST = "last"


@dataclass(frozen=True)
class Choice:
    """What is taken of a file.

    `columns`: the names (or numbers from 1) of one or two columns that are the coordinates. `classes`: that of a column
    whose words are the classes, or "". `rows`: conditions that all must hold, each "column=value" (a last value of
    "last" means the last there is), or "from:to" as Python counts, from 0 and without the end. `per_axis`: whether each
    coordinate has a scale of its own. `count`: support points at most, 2 to MOST. `held_out`: the share of the points,
    0 to 0.5, from which no support point is chosen, for the validation loss; None: a tenth where there are more than
    `count`, else none. `decimal`: the decimal mark, "." or ",", where
    the file leaves it open.
    """

    columns: tuple[str, ...] = ()
    classes: str = ""
    rows: tuple[str, ...] = ()
    per_axis: bool = False
    count: int = USUAL
    held_out: float | None = None
    decimal: str = ""


@dataclass(frozen=True, eq=False)
class Preview:
    """What a file holds, judged by its first rows.

    `kind` says what it is and how it is read ("text in UTF-8 with semicolons"). `rows` are the first SHOWN rows as
    text, a word for each of `columns`. `complete`: whether the rows looked at are all. `parts` are the sheets or arrays
    that could be taken instead of `part` (look(path, part=...)). `encoding` is that of a text, `guessed` the one that
    was guessed where it does not say so by itself (look(path, encoding=...)). `sets` are columns whose words mean data
    sets of their own, with those words: each may be a condition of `Choice.rows`, or the classes. `unlike`: the
    standard deviation of the first proposed coordinate over that of the second. `remarks` are sentences without a full
    stop. `proposal` is what is taken if nobody chooses; `by_name`: whether its coordinates are called as such.
    """

    name: str
    kind: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    complete: bool
    proposal: Choice
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    part: str = ""
    parts: tuple[str, ...] = ()
    encoding: str = ""
    guessed: str = ""
    remarks: tuple[str, ...] = ()
    unlike: float = 1.0
    by_name: bool = False
    table: Any = field(default=None, repr=False)

    @property
    def questions(self) -> tuple[Column, ...]:
        """The proposed columns that can be read in two ways: `Choice.decimal` must say which."""
        return tuple(c for c in self.columns if c.name in self.proposal.columns and len(c.readings) > 1)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to choose: one or two columns, all of them coordinates, read in one way."""
        spare = [
            c for c in self.columns if c.name not in self.proposal.columns and c.kind not in (INDEX, MISSING)
        ]
        return not spare and not self.questions and len(self.parts) < 2


def look(
    path: Path | str, *, part: str = "", delimiter: str = "", header: bool | None = None, encoding: str = ""
) -> Preview:
    """What a file of points holds. `path` may be "-" for stdin.

    part: the sheet of a workbook or the array of an .npz, delimiter, header, encoding: what is known better than it can
    be found. Raises DataFileError, whose sentence names the file, where it is no file of points.
    """
    source = path if isinstance(path, Source) else Source.of(path)
    table, parts = _table_of(source, part, delimiter, header, encoding)
    batches = table.batches(range(len(table.names)))
    first = next(batches, None)
    complete = next(batches, None) is None
    if first is None or not len(first):
        raise DataFileError(f"{source.name} is empty: there is not one row of numbers in it")
    columns = columns_of(table, first.columns)
    if are_pixels(columns):
        raise DataFileError(f"{source.name} is a run on images: its rows are pixels, not points")
    coordinates = proposed_coordinates(columns)
    if wrong := unusable_coordinate(columns, first.columns, coordinates):
        raise DataFileError(f"{source.name}: {wrong}")
    if not coordinates:
        raise DataFileError(f"{source.name} has no column of numbers")
    sets = sets_of(columns, coordinates)
    rows, classes = _own_rows(columns) if is_own_trajectories(columns) else ((), "")
    classes = classes or proposed_classes(columns, coordinates)
    if rows:
        classes = ""
    proposal = Choice(coordinates, classes, rows)
    return Preview(
        source.name, table.kind, columns, _shown(first.columns), complete, proposal, sets,
        part or _part_taken(table, parts), parts, *_encodings(table), table.remarks,
        _unlike(columns, coordinates, first.columns), called_as_coordinates(columns, coordinates), table,
    )  # fmt: skip


def _table_of(
    source: Source, part: str, delimiter: str, header: bool | None, encoding: str
) -> tuple[Table, tuple[str, ...]]:
    if source.path is not None and source.size == 0:
        raise DataFileError(f"{source.name} is empty: there is not one byte in it")
    if source.kind not in READ:
        raise DataFileError(f"{source.name} is {source.kind}")
    readers: dict[str, Callable[[], tuple[Table, tuple[str, ...]]]] = {
        NPY: lambda: (npy_table(source), ()),
        NPZ: lambda: npz_table(source, part),
        PARQUET: lambda: (parquet_table(source), ()),
        WORKBOOK: lambda: sheet_table(source, part, header),
        PICTURE: lambda: _no_table(source),
    }
    text = {TEXT, GZIP, BZIP2, XZ}
    if part and source.kind not in (NPZ, WORKBOOK):
        raise DataFileError(f"{source.name} has no parts of which {short(part)} could be one")
    if encoding and source.kind not in text:
        raise DataFileError(f"{source.name} is {source.kind}: only text has an encoding")
    if source.kind in text:
        if source.kind != TEXT and (packed := packed_kind(source.beginning(LOOKED_AT))):
            raise DataFileError(f"{source.name} is packed, and holds {packed}")
        table = text_table(source, delimiter, header, encoding)
        if source.path is not None and source.path.suffix.lower() in (".npy", ".npz") and source.kind == TEXT:
            raise DataFileError(
                f"{source.name} is damaged: it does not begin as an {source.path.suffix} file does"
            )
        return table, ()
    return readers[source.kind]()


def _encodings(table: Table) -> tuple[str, str]:
    return (table.encoding, table.guessed) if isinstance(table, TextTable) else ("", "")


def _part_taken(table: Table, parts: Sequence[str]) -> str:
    """Which part a table is, where nobody has chosen one: the first, but of a workbook the first sheet with numbers."""
    if isinstance(table, SheetTable):
        return table.sheet
    return parts[0] if parts else ""


def _no_table(source: Source) -> tuple[Table, tuple[str, ...]]:
    raise DataFileError(f"{source.name} is an image, not a table of points")


def _own_rows(columns: Sequence[Column]) -> tuple[tuple[str, ...], str]:
    """Of this program's own trajectories the last frame, and the first of two stages."""
    stage = next((c for c in columns if c.name == "stage" and c.values), None)
    return (*((f"stage={stage.values[0]}",) if stage else ()), f"frame={LAST}"), ""


def _shown(cells: Sequence[Cells]) -> tuple[tuple[str, ...], ...]:
    def text(cell: Any) -> str:
        return clean(cell) if isinstance(cell, str) else "" if cell != cell else f"{cell:.9g}"

    return tuple(tuple(text(column[i]) for column in cells) for i in range(min(SHOWN, len(cells[0]))))


def _unlike(columns: Sequence[Column], chosen: Sequence[str], cells: Sequence[Cells]) -> float:
    if len(chosen) != 2:
        return 1.0
    names = [c.name for c in columns]
    spreads = []
    for name in chosen:
        column = cells[names.index(name)]
        values = column if isinstance(column, np.ndarray) else values_of(column, ".")[0]
        finite = values[np.isfinite(values)]
        with np.errstate(over="ignore"):
            spreads.append(float(finite.std()) if len(finite) else 0.0)
    return spreads[0] / spreads[1] if min(spreads) > 0 and max(spreads) < LARGEST else 1.0


# --- taking ---------------------------------------------------------------------------------------------------


def take(preview: Preview, choice: Choice | None = None) -> Imported:
    """The points that `choice` says (the proposal, if None). DataFileError where they cannot be had."""
    work = taking(preview, choice)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return cast(Imported, end.value)


def taking(preview: Preview, choice: Choice | None = None) -> Generator[float, None, Imported]:
    """`take` in steps: yields the share done, 0 to 1, and returns what was imported. Closing it ends the reading."""
    choice = choice or preview.proposal
    plan = _Plan.of(preview, choice)
    kept = Kept(len(plan.places))
    while True:
        again = _Pass(plan)
        yield from again.run(kept)
        if not plan.settle(again):
            return _imported(preview, choice, plan, again, kept)
        kept = Kept(len(plan.places))


def all_points(preview: Preview, choice: Choice | None = None) -> np.ndarray:
    """All points (n, d) float64 in the units of the file and the order of its rows, none left out.

    DataFileError where a row has a number missing, or there is none.
    """
    choice = choice or preview.proposal
    plan = _Plan.of(preview, choice)
    plan.strict = True
    while True:
        again = _Pass(plan)
        found = _All(len(plan.places))
        for _ in again.run(found):
            pass
        if not plan.settle(again):
            if not len(found.points):
                raise DataFileError(f"{preview.name} has no row that is chosen (0 of {again.read:,})")
            return found.points


class _All:
    """Rows, every one of them. Stands for Kept."""

    def __init__(self, dim: int) -> None:
        self._parts = [np.empty((0, dim))]

    def add(self, rows: np.ndarray, labels: np.ndarray) -> None:
        """Take rows (n, d)."""
        self._parts.append(rows)

    def clear(self) -> None:
        """Forget all rows."""
        del self._parts[1:]

    @property
    def points(self) -> np.ndarray:
        """(n, d)."""
        return np.concatenate(self._parts)


@dataclass(frozen=True)
class _Where:
    """A condition: the column at a place has this value, or (LAST) the last that there is."""

    place: int
    value: str

    def holds(self, cells: Cells) -> np.ndarray:
        if isinstance(cells, np.ndarray):
            wanted = values_of([self.value], ".")[0][0]
            return np.asarray(cells == wanted)
        plain = np.array([clean(c) if isinstance(c, str) else f"{c:.17g}" for c in cells], dtype=object)
        same = plain == self.value
        if not same.all() and (wanted := values_of([self.value], ".")[0][0]) == wanted:
            same |= values_of(list(plain), ".")[0] == wanted
        return np.asarray(same, bool)


@dataclass
class _Plan:
    """What is to be read, and how: the places of the coordinates, of the classes (or None), conditions."""

    preview: Preview
    table: Table
    places: list[int]
    names: tuple[str, ...]
    classes: int | None
    wheres: list[_Where]
    last: int | None
    spans: list[slice]
    forced: str
    marks: list[str]
    strict: bool = False

    @staticmethod
    def of(preview: Preview, choice: Choice) -> _Plan:
        places = [place_of(preview, name) for name in choice.columns or preview.proposal.columns]
        if not 1 <= len(places) <= 2 or len(set(places)) != len(places):
            raise DataFileError(
                f"{preview.name}: one or two different columns are coordinates, not {len(places)}"
            )
        wheres, spans, last = [], [], None
        for condition in choice.rows:
            if span := _span(condition):
                spans.append(span)
                continue
            where = _where(preview, condition)
            if where.value == LAST and LAST not in preview.columns[where.place].values:
                last = where.place
            else:
                wheres.append(where)
        known = [place_of(preview, choice.classes)] if choice.classes else []
        columns = [preview.columns[p] for p in places]
        for column in columns:
            if not column.can_be_coordinate:
                what = "is empty" if column.kind == MISSING else "holds words, not numbers"
                raise DataFileError(f"{preview.name}: column {short(column.name)} {what}")
        return _Plan(
            preview, preview.table, places, tuple(c.name for c in columns), known[0] if known else None,
            wheres, last, spans, choice.decimal, [choice.decimal or _likely(c) for c in columns],
        )  # fmt: skip

    def settle(self, done: _Pass) -> bool:
        """Compare the decimal marks that were assumed with what all rows say; True where they must be read again."""
        found = []
        known = {e.own for e in done.evidence} - {""}
        for name, evidence in zip(self.names, done.evidence, strict=True):
            mark = self.forced if self.forced in evidence.readings() else ""
            mark = mark or evidence.settled(known, self.table.delimiter)
            if not mark:
                raise _undecided(self.preview.name, name, evidence)
            found.append(mark)
        again = found != self.marks
        if done.wrong is not None and not again:
            raise done.wrong
        self.marks = found
        return again


def _likely(column: Column) -> str:
    """The decimal mark that a column seems to have."""
    return "," if "decimal comma" in column.read or "dot between" in column.read else "."


def _undecided(name: str, column: str, evidence: Evidence) -> DataFileError:
    if not evidence.readings():
        what = f"{short(evidence.example)} in column {short(column)}"
        return DataFileError(f"{name} has {what}: their decimal marks contradict each other")
    readings = tuple(reading_of(evidence.example, mark) for mark in evidence.readings())
    first, second = (reading.words for reading in readings)
    return UndecidedError(
        f"{name} can be read in two ways: in column {short(column)} {first}, or {second.split(' is ')[1]}; "
        f"say which is the decimal mark (--decimal . or --decimal ,)", readings,
    )  # fmt: skip


def place_of(preview: Preview, name: str) -> int:
    """The place (from 0) of a column by its name, in any case, or by its number from 1."""
    names = [c.name for c in preview.columns]
    for same in (name, name.strip()):
        if same in names:
            return names.index(same)
    lower = [n.lower() for n in names]
    if lower.count(name.strip().lower()) == 1:
        return lower.index(name.strip().lower())
    if name.strip().isdecimal() and 1 <= int(name) <= len(names):
        return int(name) - 1
    there = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    raise DataFileError(f"{preview.name} has no column {short(name)}; it has {there[:140]}")


def _span(condition: str) -> slice | None:
    """ "100:500" as a slice of the rows."""
    match = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", condition)
    if not match:
        return None
    return slice(int(match[1]) if match[1] else 0, int(match[2]) if match[2] else None)


def _where(preview: Preview, condition: str) -> _Where:
    """ "dataset=dino"; a name with an equals sign in it is found too."""
    for i, letter in enumerate(condition):
        if letter == "=" and condition[:i].strip().lower() in [c.name.lower() for c in preview.columns]:
            break
    else:
        i = condition.find("=")
    if i < 0:
        raise DataFileError(
            f"{preview.name}: rows are chosen by COLUMN=VALUE or FROM:TO, not {short(condition)}"
        )
    return _Where(place_of(preview, condition[:i]), condition[i + 1 :].strip())


class _Pass:
    """One reading of the whole file under the plan: what was counted on the way."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.evidence = [Evidence() for _ in plan.places]
        self.read = self.chosen = 0
        self.left_out: dict[str, int] = {}
        self.classes: dict[str, int] = {}
        self.wrong: DataFileError | None = None
        self._last: Any = None
        self._names: int | None = None

    def run(self, kept: Kept | _All) -> Iterator[float]:
        """Hand on all rows; yields the share done."""
        plan = self.plan
        places = list(plan.places)
        extra = [p for p in (plan.classes, plan.last) if p is not None] + [w.place for w in plan.wheres]
        self._names = names_of_rows(plan.preview.columns, [*places, *extra])
        wanted = list(dict.fromkeys([*places, *extra, *([] if self._names is None else [self._names])]))

        def plain() -> bool:
            """Whether nothing is left to be learned of how the numbers are written, and they alone are read."""
            return not extra and all(e.plain for e in self.evidence)

        for batch in plan.table.batches(wanted, plain=plain):
            cells = dict(zip(wanted, batch.columns, strict=True))
            if len(batch):
                self._take(cells, len(batch), kept)
            yield min(batch.share, 1.0)

    def _take(self, cells: dict[int, Cells], n: int, kept: Kept | _All) -> None:
        start, plan = self.read, self.plan
        self.read += n
        chosen = self._chosen(cells, n, start)
        if plan.last is not None:
            chosen = self._of_last(cells[plan.last], chosen, kept)
        rows = self._without_totals(cells, np.flatnonzero(chosen), start)
        if not len(rows):
            return
        values = np.stack(
            [self._numbers(i, cells[p], rows, start) for i, p in enumerate(plan.places)], axis=1
        )
        if self.wrong is not None:
            return
        labels, unlabelled = self._labels(cells, rows)
        missing, infinite = np.isnan(values).any(axis=1), np.isinf(values).any(axis=1)
        bad = missing | infinite | unlabelled
        if plan.strict and bad.any():
            i = int(np.flatnonzero(bad)[0])
            where = plan.table.where(start + int(rows[i]))
            raise DataFileError(f"{plan.preview.name} has no number in {where}, where a coordinate should be")
        self._count("a number missing", missing)
        self._count("an infinite number", infinite & ~missing)
        self._count("no class", unlabelled & ~missing & ~infinite)
        good = values[~bad]
        if len(good) and np.abs(good).max() > LARGEST:
            raise DataFileError(
                f"{plan.preview.name} holds {np.abs(good).max():.3g}, which is too large for a coordinate"
            )
        kept.add(good, labels[~bad])

    def _chosen(self, cells: dict[int, Cells], n: int, start: int) -> np.ndarray:
        chosen = np.ones(n, bool)
        for where in self.plan.wheres:
            chosen &= where.holds(cells[where.place])
        for span in self.plan.spans:
            places = np.arange(start, start + n)
            chosen &= (places >= span.start) & (places < (np.inf if span.stop is None else span.stop))
        return chosen

    def _without_totals(self, cells: dict[int, Cells], rows: np.ndarray, start: int) -> np.ndarray:
        """Of the chosen rows (m,) those that are not called a total, a mean or the like; the others are counted."""
        self.chosen += len(rows)
        if self._names is None or isinstance(names := cells[self._names], np.ndarray):
            return rows
        totals = np.array([is_total(names[r]) for r in rows.tolist()], bool)
        if self.plan.strict and totals.any():
            i = int(rows[np.flatnonzero(totals)[0]])
            said = f"has {short(str(names[i]).strip())} in {self.plan.table.where(start + i)}, which names no point"
            raise DataFileError(f"{self.plan.preview.name} {said}")
        self._count("a total or mean", totals)
        return rows[~totals]

    def _of_last(self, cells: Cells, chosen: np.ndarray, kept: Kept | _All) -> np.ndarray:
        """Of the chosen rows those after the last change of a value; what was kept before it is forgotten."""
        at = np.flatnonzero(chosen).tolist()
        if not at:
            return chosen
        values = [cells[i] for i in at]
        last = values[-1]
        if values[0] != self._last or values[0] != last:
            kept.clear()
            self.chosen = 0
            self.left_out.clear()
            self.classes.clear()
        self._last = last
        first = len(values)
        while first > 0 and values[first - 1] == last:
            first -= 1
        chosen = chosen.copy()
        chosen[at[:first]] = False
        return chosen

    def _numbers(self, i: int, cells: Cells, rows: np.ndarray, start: int) -> np.ndarray:
        """The chosen numbers of the coordinate i (m,)."""
        everything = len(rows) == len(cells)
        if isinstance(cells, np.ndarray):
            return np.asarray(cells if everything else cells[rows], np.float64)
        own = cells if everything else [cells[r] for r in rows.tolist()]
        self.evidence[i].add(own)
        values, bad = values_of(own, self.plan.marks[i])
        if bad and self.wrong is None:
            word, where = own[bad[0]], self.plan.table.where(start + int(rows[bad[0]]))
            text = f"has {short(clean(str(word)))} in {where}, where a number should be"
            self.wrong = DataFileError(f"{self.plan.preview.name} {text}")
        return values

    def _labels(self, cells: dict[int, Cells], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of each row's class (m,), and whether it has none."""
        if self.plan.classes is None:
            return np.zeros(len(rows)), np.zeros(len(rows), bool)
        column = cells[self.plan.classes]
        words = [label_of(column[r]) for r in rows.tolist()]
        if None in words:
            self._refuse("holds numbers with fractions, which are no classes")
        for word in words:
            if word and word not in self.classes:
                self.classes[word] = len(self.classes)
        if len(self.classes) > MOST_CLASSES:
            self._refuse(f"has more than {MOST_CLASSES} different words, too many for classes")
        return np.array([self.classes.get(w or "", 0) for w in words]), np.array([not w for w in words])

    def _refuse(self, what: str) -> None:
        assert self.plan.classes is not None
        name = self.plan.preview.columns[self.plan.classes].name
        raise DataFileError(f"{self.plan.preview.name}: column {short(name)} {what}")

    def _count(self, reason: str, rows: np.ndarray) -> None:
        if rows.any():
            self.left_out[reason] = self.left_out.get(reason, 0) + int(rows.sum())


def _imported(preview: Preview, choice: Choice, plan: _Plan, done: _Pass, kept: Kept) -> Imported:
    points, labels = kept.points, kept.labels
    if len(points) < 2:
        rows = f"{len(points) or 'no'} row with {_coordinates(len(plan.places))}"
        chosen = f" ({done.chosen:,} of {done.read:,} chosen)" if choice.rows else f" (of {done.read:,})"
        raise DataFileError(f"{preview.name} has {rows}{chosen}; two are needed")
    held = _held_out(len(points), choice)
    held_out, points, labels = points[held], np.delete(points, held, axis=0), np.delete(labels, held)
    shift, scale = transform_of(points, preview.name, choice.per_axis)
    places = np.sort(spread_places(points, np.ones(len(points)), choice.count))
    support = (points[places] - shift) / np.array(scale)
    names = list(done.classes)
    words = tuple(names[i] for i in labels[places]) if len(names) > 1 else ()
    classes = class_names(words)
    said = [
        f"{preview.name}: {done.read:,} rows read",
        *_counted(done, kept, len(held) + len(points), len(support), len(held), choice),
    ]
    how = [*preview.table.remarks, *_columns_said(preview, plan, classes), *_marks_said(plan, preview)]
    odd = [*_flat(points, plan, choice), *_sum_below(kept, choice)]
    sentence = "; ".join([", ".join(said), *how, said_of(shift, scale), *odd]) + "."
    return Imported(
        support, jitter_for(support), shift, scale, done.read, sentence, preview.name, plan.names,
        words, classes, dict(done.left_out), (held_out[:MOST_HELD_OUT] - shift) / np.array(scale),
    )  # fmt: skip


def _held_out(n: int, choice: Choice) -> np.ndarray:
    """The places (m,) of the points that are held out, in random order: the same for the same file."""
    if not 2 <= choice.count <= MOST:
        raise DataFileError(f"the support points must be 2 to {MOST:,}, not {choice.count:,}")
    if not 0 <= (choice.held_out or 0.0) <= 0.5:
        raise DataFileError(f"the share that is held out must be 0 to 0.5, not {choice.held_out:g}")
    share = choice.held_out if choice.held_out is not None else 0.1 * (n > choice.count)
    return np.random.default_rng(list(b"held out")).permutation(n)[: min(round(share * n), n - 2)]


def _coordinates(d: int) -> str:
    return "two finite numbers" if d == 2 else "a finite number"


def _counted(
    done: _Pass, kept: Kept, looked_at: int, support: int, held_out: int, choice: Choice
) -> Iterator[str]:
    if done.chosen < done.read:
        yield f"{done.chosen:,} chosen by {' and '.join(choice.rows)}"
    for reason, count in done.left_out.items():
        yield f"{count:,} with {reason} left out"
    if looked_at < kept.count:
        yield f"a random {looked_at:,} of them looked at"
    if held_out:
        used = f", {MOST_HELD_OUT:,} of which are used" if held_out > MOST_HELD_OUT else ""
        yield f"{held_out:,} held out for validation{used}"
    if support < looked_at - held_out:
        yield f"{support:,} kept as support points"


def _columns_said(preview: Preview, plan: _Plan, classes: tuple[str, ...]) -> Iterator[str]:
    for column in preview.columns:
        if column.kind == INDEX and column.name not in plan.names:
            yield f"{column.name} only counts or names the rows"
    if len(preview.columns) > len(plan.names):
        names = [name.removeprefix("column ") for name in plan.names]
        yield f"column{'s' * (len(names) > 1)} {' and '.join(names)} of {len(preview.columns)} taken"
    if classes:
        assert plan.classes is not None
        yield f"{len(classes)} classes by {preview.columns[plan.classes].name}"


def _marks_said(plan: _Plan, preview: Preview) -> Iterator[str]:
    for mark, name in dict(zip(plan.marks, plan.names, strict=True)).items():
        column = next(c for c in preview.columns if c.name == name)
        if column.read:
            yield column.read
        elif mark == ",":
            yield "decimal comma"


def _flat(points: np.ndarray, plan: _Plan, choice: Choice) -> Iterator[str]:
    """Say it where one coordinate hardly varies beside the other."""
    if choice.per_axis or points.shape[1] < 2:
        return
    spreads = points.std(axis=0)
    wide, narrow = int(np.argmax(spreads)), int(np.argmin(spreads))
    if spreads[narrow] > 0 and spreads[wide] > UNLIKE * spreads[narrow]:
        ratio = spreads[wide] / spreads[narrow]
        yield (
            f"{plan.names[narrow]} varies {ratio:,.0f} times less than {plan.names[wide]}, so the points are nearly on "
            "a line: give each axis a scale of its own"
        )


def _sum_below(kept: Kept, choice: Choice) -> Iterator[str]:
    """Say it where the last row is the sum of all others."""
    points = kept.points
    if choice.rows or kept.count > len(points) or not (points.shape[1] == 2 and len(points) > 3):
        return
    if points[-1].all() and np.allclose(points[:-1].sum(axis=0), points[-1], rtol=1e-9, atol=0):
        yield "its last row is the sum of all others, and was read as a point"


def columns_in(text: str) -> tuple[str, ...]:
    """Names of columns written with commas between them; one with a comma in it stands in double quotes."""
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip())
