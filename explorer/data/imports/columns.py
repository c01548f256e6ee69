"""What the columns of a table are: numbers, words, a count of the rows; which are coordinates and classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from explorer.data.distributions.units import axis_names
from explorer.data.imports.base import short
from explorer.data.imports.numerals import Evidence, dressed, is_missing, is_number, said, tidy, value_of
from explorer.data.imports.tables import Cells, Table, clean

NUMBER, TEXT, INDEX, MISSING = "number", "text", "index", "missing"
#: Classes that a column may have: what colours tell apart, and buttons find room for.
MOST_CLASSES = 30
#: Rows by which the kind of a column is judged.
_JUDGED = 2000
#: Names of columns that count or name the rows, and of those that are classes or parts of a collection.
_INDEX = re.compile(
    r"(?i:index|idx|ids?|[uofgp]id|uuid|guid|pk|key|rows?|rowid|rownames?|row[._ ](names?|id|nr|no|num(ber)?)|level_\d+"
    r"|obs|nr\.?|no\.?|num|number|s(l|r)?\.? ?no\.?|n°|№|#|unnamed(: ?\d+)?(\.\d+)?|\.\.\.\d+|particle|record"
    r"|seq|sequence|case|subject|(object|feature|sample|subject|particle|cell|track|record|case)id"
    r"|.*[_. -](id|idx|index))"
    r"|.*[a-z](ID|Id|Index|Idx)"
)
_CLASS = re.compile(
    r"(label|class|target|species|cluster|group|category|type|kind|variety|dataset|set|series|component|mode)(es|s)?"
    r"|.*[_. -](label|class|cluster|type|group)|y_true|y_pred",
    re.I,
)
#: What labels are called in arrays, where they stand beside two coordinates.
_LABELS = re.compile(r"ys?|y_?(train|test|val)|arr_1", re.I)
#: Names of rows that are made of the others.
_TOTAL = re.compile(
    r"(grand |sub-?)?totals?|sums?|means?|averages?|avg|st(an)?d\.?[ _]?dev(iation)?\.?|std|sd|median|min(imum)?"
    r"|max(imum)?|count|var(iance)?|(25|50|75) ?%|(gesamt)?summe|(ins)?gesamt|mittel(wert)?|durchschnitt"
    r"|standardabweichung|total général|somme|moyenne|écart[- ]type|suma|media|promedio|somma|合计|总计|合計|平均值?",
    re.I,
)
_SET = re.compile(r"(data ?_?set|series|set|panel|quartet|collection|source|stage|experiment|run)s?", re.I)
#: Pairs of names that are coordinates, the best first.
_PAIRS = (
    ("x", "y"), ("x0", "y0"), ("x1", "y1"),
    ("lon", "lat"), ("long", "lat"), ("lng", "lat"), ("longitude", "latitude"), ("x1", "x2"), ("x0", "x1"),
    ("easting", "northing"), ("east", "north"), ("px", "py"), ("posx", "posy"), ("u", "v"), ("dim1", "dim2"),
    ("pc1", "pc2"), ("tsne1", "tsne2"), ("umap1", "umap2"), ("xcoord", "ycoord"), ("xpos", "ypos"), ("xm", "ym"),
    ("e", "n"), ("re", "im"), ("real", "imag"), ("real", "imaginary"), ("col", "row"), ("column", "row"),
)  # fmt: skip
_ALONE = {"t", "time", "z", "value", "values"}
#: Columns of this program's own tables of trajectories.
_OWN = ("frame", "t", "particle")


@dataclass(frozen=True)
class Reading:
    """One of the ways in which a column can be read. `decimal` is what `Choice.decimal` takes; `words` say it of an
    example: "1,200 is 1.2 (decimal comma)"."""

    decimal: str
    words: str


@dataclass(frozen=True)
class Column:
    """A column. `kind` is "number", "text", "index" (it counts, names or dates the rows) or "missing" (it is empty).

    `read` says how its numbers are written, where not plainly. `readings` are two where the rows looked at can be read
    in two ways. `values` are its different words, in the order of the file, where they are at most MOST_CLASSES.
    """

    name: str
    kind: str
    read: str = ""
    readings: tuple[Reading, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def can_be_coordinate(self) -> bool:
        """Whether there are numbers in it."""
        return self.kind in (NUMBER, INDEX)

    @property
    def can_be_classes(self) -> bool:
        """Whether it has a few different words or whole numbers."""
        return len(self.values) > 1


def columns_of(table: Table, cells: Sequence[Cells]) -> tuple[Column, ...]:
    """The columns of a table, by the `cells` of its first rows."""
    names = _distinct([clean(name) for name in table.names])
    paired = {name for pair in _PAIRS if {*pair} <= {*map(_bare, names)} for name in pair}
    all_cells, cells = cells, [c[:_JUDGED] for c in cells]
    evidence = [_evidence(c) for c in all_cells]
    marks = {e.own for e in evidence if e} - {""}
    columns = []
    for i, (name, found) in enumerate(zip(names, cells, strict=True)):
        kind = _kind(i, table.names[i], found, len(names), any(table.names), paired)
        readings, read = _readings(found, evidence[i], marks, table.delimiter)
        kept = kind in (NUMBER, INDEX)
        columns.append(Column(name, kind, read if kept else "", readings if kept else (), _values(found)))
    if not any(c.kind == NUMBER for c in columns):  # better a count of the rows than nothing
        return tuple(Column(c.name, NUMBER if c.kind == INDEX else c.kind, c.read, c.readings, c.values)
                     for c in columns)  # fmt: skip
    return tuple(columns)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names, with numbers where there are none or two are the same."""
    out: list[str] = []
    for i, name in enumerate(names, start=1):
        name = name or f"column {i}"
        out.append(name if name not in out else f"{name} ({i})")
    return out


def _evidence(cells: Cells) -> Evidence | None:
    if isinstance(cells, np.ndarray):
        return None
    found = Evidence()
    found.add(cells)
    return found


def _readings(
    cells: Cells, evidence: Evidence | None, elsewhere: set[str], delimiter: str
) -> tuple[tuple[Reading, ...], str]:
    """The two ways to read a column, or how it is read."""
    if evidence is None:
        return (), ""
    decimal = evidence.settled(elsewhere, delimiter)
    if decimal:
        return (), said(decimal, [c for c in cells[:1000] if isinstance(c, str)])
    return tuple(reading_of(evidence.example, mark) for mark in evidence.readings()), ""


def reading_of(example: str, decimal: str) -> Reading:
    """How a field is read with a decimal mark, in words."""
    value = value_of(example, decimal)
    mark = "decimal comma" if decimal == "," else "decimal point"
    return Reading(decimal, f"{example} is {value:.12g} ({mark})")


def _kind(place: int, name: str, cells: Cells, width: int, titled: bool, paired: set[str]) -> str:
    if not isinstance(cells, np.ndarray):
        there = [c for c in cells if not (isinstance(c, str) and is_missing(c))]
        if not there:
            return MISSING
        if sum(not isinstance(c, str) or is_number(c) for c in there) <= 0.2 * len(there):
            return TEXT
    if width == 1 or _bare(name) in paired:
        return NUMBER
    if (_INDEX.fullmatch(name.strip()) if name else titled and place == 0) or _are_days(cells):
        return INDEX
    counted = place == 0 and _bare(name) not in _ALONE and _counts(cells)
    return (
        INDEX
        if counted and (width > 2 or (_bare(name) != "x" and not isinstance(cells, np.ndarray)))
        else NUMBER
    )


def _counts(cells: Cells) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..."""
    if len(cells) < 3:
        return False
    values = (
        cells.tolist()
        if isinstance(cells, np.ndarray)
        else [c if isinstance(c, float) else tidy(c) for c in cells]
    )
    start = values[0]
    if start not in ("0", "1", 0.0, 1.0):
        return False
    first = int(start)
    if isinstance(start, str):
        return values == [str(first + i) for i in range(len(values))]
    return values == [float(first + i) for i in range(len(values))]


def _are_days(cells: Cells) -> bool:
    """Whether a column is of days, written as 20200131."""
    texts = [f"{c:.0f}" if not isinstance(c, str) else c.strip() for c in cells[:100] if c == c]
    return len(texts) > 2 and all(_is_day(text) for text in texts)


def _is_day(text: str) -> bool:
    if not re.fullmatch(r"(1[89]|2[01])\d{6}", text):
        return False
    try:
        return bool(date(int(text[:4]), int(text[4:6]), int(text[6:])))
    except ValueError:
        return False


def _values(cells: Cells) -> tuple[str, ...]:
    """Its different words or whole numbers, if they are few and come again."""
    found: dict[str, None] = {}
    for cell in cells.tolist() if isinstance(cells, np.ndarray) else cells:
        text = label_of(cell)
        if text is None:
            return ()
        if text:
            found[text] = None
        if len(found) > MOST_CLASSES:
            return ()
    return tuple(found) if 1 < len(found) <= max(2, len(cells) // 2) else ()


def label_of(cell: str | float) -> str | None:
    """A cell as the name of a class: "" where it is missing, None where it is a number with a fraction."""
    if not isinstance(cell, str):
        if cell != cell:
            return ""
        return str(int(cell)) if abs(cell) < 1e15 and cell == int(cell) else None
    text = clean(cell)
    if is_missing(text):
        return ""
    if ("." in text or "," in text) and is_number(text):
        value = value_of(text, ".")
        return str(int(value)) if value is not None and value == value and value == int(value) else None
    return text


def _bare(name: str) -> str:
    """A name without units, signs and case: "X [m]" and "x_m" are x."""
    name = re.sub(r"[\[(].*?[\])]", "", name).strip().lower()
    return re.sub(r"[\s_.\-]+", "", name)


def unusable_coordinate(columns: Sequence[Column], cells: Sequence[Cells], coordinates: Sequence[str]) -> str:
    """What is wrong with a column that seems to be meant as a coordinate, and is none: it is called so beside its other
    one, or its numbers wear a unit or a sign where there is one other column of numbers at most. "" where none is."""
    by_name = {_bare(c.name): c for c in reversed(columns)}
    for pair in _PAIRS:
        found = [by_name[name] for name in pair if name in by_name]
        if len(found) == 2:
            for column in found:
                if column.kind in (TEXT, MISSING):
                    what = "holds words, not numbers" if column.kind == TEXT else "is empty"
                    own = cells[list(columns).index(column)]
                    example = dressed([str(c) for c in own[:_JUDGED]]) if column.kind == TEXT else ""
                    return f"column {short(column.name)} {what}{f', as {short(example)} is' * bool(example)}"
            return ""
    for column, own in zip(columns, cells, strict=True):
        if (
            len(coordinates) < 2
            and column.kind == TEXT
            and (example := dressed([str(c) for c in own[:_JUDGED]]))
        ):
            return f"column {short(column.name)} holds {short(example)}: leave only the numbers in it"
    return ""


# --- what is proposed -----------------------------------------------------------------------------------------


def proposed_coordinates(columns: Sequence[Column]) -> tuple[str, ...]:
    """The names of two columns, or one: x and y by name, else the first ones of numbers that are no classes."""
    numbers = [c for c in columns if c.kind == NUMBER]
    if own := own_coordinates(columns):
        return own
    if pair := _pair(numbers):
        return pair
    free = [c.name for c in numbers if not (_CLASS.fullmatch(c.name) and c.values) and c.name[0] != "±"] or [
        c.name for c in numbers
    ]
    return tuple(free[:2])


def called_as_coordinates(columns: Sequence[Column], coordinates: Sequence[str]) -> bool:
    """Whether coordinates were found by their names."""
    if tuple(coordinates) == own_coordinates(columns):
        return True
    if len(coordinates) == 1:
        return _bare(coordinates[0]) == "x"
    return tuple(coordinates) == _pair([c for c in columns if c.kind == NUMBER])


def _pair(numbers: Sequence[Column]) -> tuple[str, str] | None:
    numbers = [c for c in numbers if not re.fullmatch(r"column \d+", c.name)]
    for bare in (
        lambda n: n.strip().lower(),
        _bare,
        lambda n: re.sub(r"(?<=^[xy])[\s_.\-]\w{1,3}$", "", n.lower()),
    ):
        by_name = {bare(c.name): c.name for c in reversed(numbers)}
        for first, second in _PAIRS:
            if first in by_name and second in by_name:
                return by_name[first], by_name[second]
    lower = {c.name.lower(): c.name for c in reversed(numbers) if not c.name.isdecimal()}
    by_name = dict(reversed(lower.items()))
    for letters in (("x", "y"), ("0", "1"), ("1", "2")):
        for name in by_name:
            for i, letter in enumerate(name):
                before, after = name[:i][-1:], name[i + 1 :][:1]
                alone = not (before.isdecimal() or after.isdecimal()) if letter.isdecimal() else (
                    not before.isalnum() or not after.isalnum()
                )  # fmt: skip
                other = name[:i] + letters[1] + name[i + 1 :]
                if letter == letters[0] and alone and other in by_name:
                    return by_name[name], by_name[other]
    return None


def proposed_classes(columns: Sequence[Column], coordinates: Sequence[str]) -> str:
    """The name of a column of classes, "" where there is none."""
    free = [c for c in columns if c.can_be_classes and c.name not in coordinates and c.kind != INDEX]
    named = [c for c in free if _CLASS.fullmatch(c.name)]
    texts = [c for c in free if c.kind == TEXT]
    labels = [c for c in free if len(coordinates) == 2 and _LABELS.fullmatch(c.name)]
    found = named or texts or labels
    return found[0].name if found else ""


def is_total(cell: str | float) -> bool:
    """Whether the name of a row says that it is the sum, the mean or the like of other rows."""
    return isinstance(cell, str) and bool(_TOTAL.fullmatch(cell.strip(" :=()*")))


def names_of_rows(columns: Sequence[Column], taken: Sequence[int]) -> int | None:
    """The place of the column that names the rows, each otherwise; None where there is none beside those `taken`."""
    for place, column in enumerate(columns):
        if place not in taken and column.kind in (TEXT, INDEX) and not column.values:
            return place
    return None


def sets_of(columns: Sequence[Column], coordinates: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns whose words each mean a data set of its own, and those words."""
    return {c.name: c.values for c in columns
            if c.values and c.name not in coordinates and (c.kind == TEXT or _SET.fullmatch(c.name))}  # fmt: skip


def is_own_trajectories(columns: Sequence[Column]) -> bool:
    """Whether a table is one of this program's trajectories: every frame one below the other."""
    return bool(_of_trajectories([c.name for c in columns]))


def own_coordinates(columns: Sequence[Column]) -> tuple[str, ...]:
    """The coordinates in a table that this program has written, by its form: they are called as in the user's file,
    which may be anything. () where it is none."""
    names = [c.name for c in columns]
    found = _of_trajectories(names) or _of_scores(names) or _of_densities(names)
    return tuple(found) if len(found) in (1, 2) else ()


def are_pixels(columns: Sequence[Column]) -> bool:
    """Whether a table is one of this program's trajectories of images, whose coordinates are x1, x2, ..."""
    found = _of_trajectories([c.name for c in columns])
    return len(found) > 3 and found == axis_names((), len(found))


def _of_trajectories(names: Sequence[str]) -> list[str]:
    """stage (of two runs), frame, t, particle, COORDINATES."""
    begin = 1 if names[0] == "stage" else 0
    end = begin + len(_OWN)
    return list(names[end:]) if tuple(names[begin:end]) == _OWN else []


def _of_scores(names: Sequence[str]) -> list[str]:
    """t, COORDINATES, log_density, ..., exact_COORDINATE, ..."""
    for d in (2, 1):  # in this order, for a coordinate may be called log_density too
        ours = len(names) > 1 + d and names[0] == "t" and _undoubled(names[1 + d]) == "log_density"
        if ours and {f"exact_{_undoubled(name)}" for name in names[1 : 1 + d]} <= {*names}:
            return list(names[1 : 1 + d])
    return []


def _of_densities(names: Sequence[str]) -> list[str]:
    """COORDINATES, exact, found, error."""
    return list(names[:-3]) if [_undoubled(n) for n in names[-3:]] == ["exact", "found", "error"] else []


def _undoubled(name: str) -> str:
    """A name without the number that tells it from another that is the same (`_distinct`)."""
    return re.sub(r" \(\d+\)$", "", name)
