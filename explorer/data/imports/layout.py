"""How a text is laid out as a table: delimiter, title lines, header, units, row names.

CleverCSV judges where more than one delimiter makes a table of the text; which do, is counted here.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from explorer.data.imports.base import DataFileError, short
from explorer.data.imports.numerals import dressed, is_missing, is_number, tidy

#: In the order of preference where nothing else decides. A space stands for a run of spaces and tabs.
DELIMITERS = (",", ";", "\t", "|", " ")
#: Lines that CleverCSV looks at: it is thorough, and slow.
_JUDGED = 60
#: A column with more numbers than this share of its words is one of numbers, whose words are then refused.
NUMERIC = 0.2
_EXCEL = re.compile(r"#(N/A|NA|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!|NV|WERT!|BEZUG!|ZAHL!)", re.I)
#: Units below a header: in brackets or not, short, without the look of a name.
_UNIT = re.compile(r"[\[(]?[\w°%‰µμΩÅ/·*^²³⁻¹ .\-]{0,12}[\])]?")
#: A first line that may name a single column, and is no sentence.
_WORD = re.compile(r"[^\W\d]\w*( ?[\[(].*[\])])?")


@dataclass(frozen=True)
class Line:
    """A line that holds fields, and its number in the file, from 1."""

    number: int
    fields: list[str]
    text: str


@dataclass(frozen=True)
class Layout:
    """How the lines of a table are read.

    `delimiter` is "" for one column. `begins` is the number of the line where the rows begin; `names` are those of the
    header, one for each of `width` columns, empty where there is none. `titles` are lines before it that are no
    part of the table.
    """

    delimiter: str
    quote: str
    width: int
    begins: int
    names: tuple[str, ...] = ()
    header: bool = False
    titles: int = 0
    units: tuple[str, ...] = ()
    remark: str = ""

    @property
    def said(self) -> tuple[str, ...]:
        """What was passed over and what was made of it, in words."""
        said = [f"{self.titles} title line{'s' * (self.titles > 1)} passed over"] if self.titles else []
        if self.units:
            said.append(f"units {', '.join(self.units)}")
        return (*said, self.remark) if self.remark else tuple(said)


#: A line that is drawn in a table of Markdown or of a database, +----+----+ or |:---|---:|.
_DRAWN = re.compile(r"(?=.*(--|==|:-|-:))(?=.*([|+]|---|===))[ |:+=\-]+")


def is_comment(text: str) -> bool:
    """Whether a line says something about the table or is drawn in it, and is no row of it (#N/A is Excel's word for a
    missing number)."""
    if _DRAWN.fullmatch(text):
        return True
    text = text.lstrip()
    return text[:1] in "#%" and text != "" and not _EXCEL.match(text)


def split(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    """The fields of each line, by CPython's csv module."""
    if not delimiter:
        return ([_unquoted(line, quote)] for line in lines)
    if delimiter == " ":
        lines = (line.replace("\t", " ").strip(" ") for line in lines)
    # each with its end, which keeps the lines of one field apart: "5 and 30 are not 530
    return csv.reader(
        (line + "\n" for line in lines), delimiter=delimiter, quotechar=quote, skipinitialspace=True
    )


def _unquoted(line: str, quote: str) -> str:
    line = line.strip()
    return line[1:-1].replace(quote * 2, quote) if len(line) > 1 and line[0] == line[-1] == quote else line


def laid_out(
    lines: Sequence[tuple[int, str]], name: str, delimiter: str = "", header: bool | None = None
) -> Layout:
    """The layout of a table from its first lines (number, text). DataFileError where they are no table.

    delimiter, header: what somebody has said of it, in place of what is found.
    """
    if lines and (said := re.fullmatch(r"\s*\"?sep=(.)\"?\s*", lines[0][1], re.I)):
        delimiter, lines = delimiter or said[1], lines[1:]
    names_above = ""
    rows: list[tuple[int, str]] = []
    for number, text in lines:
        if is_comment(text):
            names_above = text.strip() if not rows and not _DRAWN.fullmatch(text) else names_above
        elif text.strip(" \t\x1a"):
            rows.append((number, text))
    if not rows:
        raise DataFileError(f"{name} is empty: there is not one row of numbers in it")
    quote = _quote([text for _, text in rows])
    found = _best(rows, quote, name, delimiter, header)
    _check_commas(found, rows, name)
    _check_zeros(found, rows, name)
    if names_above and not found.header:
        bare = names_above.lstrip("#% ")
        # a sign that stands alone is the name of the first column
        own = names_above if found.delimiter and bare.startswith(found.delimiter) else bare
        above = [f.strip() for f in next(split([own], found.delimiter, quote), [])]
        if len(above) == found.width > 1 and all(above) and not any(is_number(f) for f in above):
            return replace(found, names=tuple(above), header=True)
    return found


def _check_commas(found: Layout, rows: Sequence[tuple[int, str]], name: str) -> None:
    """Refuse one column of decimal commas below a name with as many commas: those rather separate columns."""
    commas = found.names[0].count(",") if found.width == 1 and found.header else 0
    if commas and all(text.count(",") == commas for number, text in rows if number >= found.begins):
        raise DataFileError(
            f"{name} can be read in two ways, as {commas + 1} columns with commas between them or as one with decimal "
            "commas: leave out the quotation marks around its lines, and a wrong sep= above them"
        )


def _check_zeros(found: Layout, rows: Sequence[tuple[int, str]], name: str) -> None:
    """Refuse whole numbers between commas, without names, of which the second begins with 0: 1,05 may be 1.05."""
    if found.delimiter != "," or found.width != 2 or found.header:
        return
    texts = [text.strip() for number, text in rows if number >= found.begins]
    zero = next((text for text in texts if re.fullmatch(r"[+-]?\d+,0\d+", text)), "")
    if zero and all(re.fullmatch(r"[+-]?\d+(,\d+)?", text) for text in texts):
        raise DataFileError(
            f"{name} can be read in two ways, {zero} as {zero.replace(',', '.')} (decimal comma) or as two columns: "
            "write the name of one column, or of two, above them"
        )


def layout_of(lines: Sequence[Line], name: str, header: bool | None = None) -> Layout:
    """The layout of rows that are split already, as those of a sheet are."""
    return _layout(lines, "", '"', name, header)


def _quote(texts: Sequence[str]) -> str:
    """The quotation mark: single ones where fields stand in such, and none in double ones."""
    if any('"' in text for text in texts):
        return '"'
    single = re.compile(r"(^|[,;\t| ])'[^']*'($|[,;\t| ])")
    return "'" if all(single.search(text) for text in texts[1:4]) and len(texts) > 1 else '"'


def _best(rows: Sequence[tuple[int, str]], quote: str, name: str, given: str, header: bool | None) -> Layout:
    if given:
        return _layout(_lines(rows, given, quote), given, quote, name, header)
    shares: dict[str, float] = {}
    layouts: dict[str, Layout] = {}
    wrong: DataFileError | None = None
    wordy: DataFileError | None = None
    for mark in (*DELIMITERS, ""):
        if mark and not any(mark in text for _, text in rows):
            continue
        lines: list[Line] = []
        try:
            lines = _lines(rows, mark, quote)
            layouts[mark] = _layout(lines, mark, quote, name, header)
            shares[mark] = _share(lines, layouts[mark])
        except DataFileError as e:
            wrong = wrong or e
            if (
                mark not in ("", " ")
                and len(widths := {len(line.fields) for line in lines}) == 1
                and 1 not in widths
            ):
                wordy = wordy or e
    tables = {mark: share for mark, share in shares.items() if layouts[mark].width > 1}
    even = {mark: share for mark, share in tables.items() if share > 0}
    if shares.get("") == 1.0 and _one_column(layouts, even, wrong):
        return layouts[""]
    if not tables:
        raise wrong or DataFileError(f"{name} has no column of numbers")
    # a delimiter that makes fields of the first line too, and not a title
    whole = {mark: share for mark, share in even.items() if layouts[mark].header or not layouts[mark].titles}
    if wordy and not whole:  # spaces within its fields are no delimiters
        raise wordy
    tables = whole or tables
    most = max(tables.values())
    best = [mark for mark, share in tables.items() if share > most - 1e-9]
    return layouts[best[0] if len(best) == 1 else _judged(rows, best)]


def _one_column(layouts: dict[str, Layout], even: dict[str, float], wrong: DataFileError | None) -> bool:
    """Whether lines that are numbers as they stand are a column of such, though some of them can be split at commas.

    So it is where none can, and where a word heads them that would stand alone above two columns.
    """
    split_too = [mark for mark, found in layouts.items() if mark and found.width > 1]
    if not split_too and wrong is None:
        return True
    headed = layouts[""].header and bool(_WORD.fullmatch(layouts[""].names[0]))
    comma = layouts.get(",")
    below_title = (
        comma is None or "," not in even or (comma.titles > 0 and (not comma.header or bool(comma.remark)))
    )
    return headed and set(even) <= {","} and below_title


def _judged(rows: Sequence[tuple[int, str]], marks: Sequence[str]) -> str:
    """The delimiter that CleverCSV finds among `marks`, all of which make tables."""
    from clevercsv.detect import Detector  # which loads slowly

    text = "\n".join(text for _, text in rows[:_JUDGED])
    found = Detector().detect(text, delimiters=list(marks))
    mark = found.delimiter if found is not None else None
    return mark if mark in marks and mark is not None else marks[0]


def _lines(rows: Sequence[tuple[int, str]], delimiter: str, quote: str) -> list[Line]:
    """Lines with their fields; a field in quotes may run over several."""
    numbers: list[tuple[int, str]] = []

    def handed() -> Iterator[str]:
        for number, text in rows:
            numbers.append((number, text))
            yield text

    out = []
    try:
        for fields in split(handed(), delimiter, quote):
            out.append(Line(*(numbers[0][0], [f.strip() for f in fields], numbers[0][1])))
            numbers.clear()
    except csv.Error as e:
        raise DataFileError(
            f"has a field in line {numbers[0][0] if numbers else 1} that never ends: {e}"
        ) from e
    return out


def _share(lines: Sequence[Line], found: Layout) -> float:
    """How much of a table is numbers, 0 to 1; 0 where its rows are not all of one length."""
    rows = [line for line in lines if line.number >= found.begins]
    if any(not _fits(line.fields, found.width) for line in rows[:-1] or rows):
        return 0.0
    fields = [f for line in rows for f in line.fields]
    return sum(is_number(f) or is_missing(f) for f in fields) / max(1, len(fields))


def _fits(fields: Sequence[str], width: int) -> bool:
    """Whether a row has as many fields as the table has columns; an empty one more is a delimiter at its end."""
    return len(fields) == width or (len(fields) == width + 1 and not fields[-1].strip())


def _layout(lines: Sequence[Line], delimiter: str, quote: str, name: str, forced: bool | None) -> Layout:
    width = _width(lines)
    first = next(i for i, line in enumerate(lines) if _fits(line.fields, width))
    rows, titles = lines[first:], lines[:first]
    numeric = _numeric_columns(rows, width)
    headed = bool(titles) and len(titles[-1].fields) > 1  # by a line of another length
    depth = 0 if forced is False else _header_depth(rows, numeric, forced and not headed)
    if headed and not depth and not (delimiter == " " and _is_sentence(titles[-1], width)):
        return _short_header(lines, first, delimiter, quote, name)
    named, units, body = _named(rows, depth)
    if not numeric:
        only_names = (
            len(rows) == 1 and not titles and not any(is_number(f) for line in rows for f in line.fields)
        )
        what = "is empty: there is not one row of numbers in it" if only_names else "has no column of numbers"
        raise DataFileError(f"{name} {what}{_dressed_in(rows, width)}")
    names = tuple(named.fields[:width]) if named else _otherwise_split(titles, delimiter, quote, width)
    if delimiter == " ":  # "x, y" above columns with spaces between them
        names = tuple(n.rstrip(",;") or n for n in names)
    remark = ""
    if named and any(is_number(f) for f in names):
        remark = f"its line {named.number} ({', '.join(names)[:24]}) read as names"
    elif not named and forced is None and (_like_names(rows, width) or _has_a_name(rows, numeric)):
        remark = (
            f"its line {rows[0].number} ({', '.join(rows[0].fields[:width])}) read as a point, not as names"
        )
    return Layout(
        delimiter, quote, width, rows[body].number if body < len(rows) else rows[-1].number + 1,
        names, bool(names), first + (named is not None and rows.index(named)), units, remark,
    )  # fmt: skip


def _width(lines: Sequence[Line]) -> int:
    """The number of fields that most lines have; of numbers alike, the later one."""
    counts = Counter(len(line.fields) - (len(line.fields) > 1 and not line.fields[-1]) for line in lines)
    bare = Counter(len(line.fields) for line in lines)
    most = max(bare.values())
    width = [n for n in (len(line.fields) for line in lines) if bare[n] == most][-1]
    last = {len(line.fields) for line in lines[-3:]}
    if width == 1 and len(lines) > 3 and len(last) == 1:  # there may be more titles than rows
        width = last.pop()
    # every row may end with a delimiter, the header not
    trailing = all(not line.fields[-1] for line in lines if len(line.fields) == width)
    header = len(lines[0].fields)
    return width - 1 if trailing and width > 2 and counts[width - 1] and header == width - 1 else width


def _otherwise_split(titles: Sequence[Line], delimiter: str, quote: str, width: int) -> tuple[str, ...]:
    """The names in the line above the rows, if there is another delimiter between them; () where they are none."""
    for mark in ("\t", ";", "|", ","):
        if titles and mark != delimiter and mark in titles[-1].text:
            names = [f.strip() for f in next(split([titles[-1].text], mark, quote))]
            known = mark != "," or _knows(Line(0, names, ""))  # a title may well have commas
            if len(names) == width and known and all(names) and not any(map(is_number, names)):
                return tuple(names)
    return ()


def _numeric_columns(rows: Sequence[Line], width: int) -> list[int]:
    """The columns that hold numbers, perhaps beside words, in the rows that are surely below a header."""
    below = [line.fields for line in (rows if len(rows) < 12 else rows[6:])]
    out = []
    for column in range(width):
        fields = [f[column] for f in below if column < len(f) and not is_missing(f[column])]
        if sum(map(is_number, fields)) > NUMERIC * len(fields):
            out.append(column)
    return out


def _header_depth(rows: Sequence[Line], numeric: Sequence[int], forced: bool | None) -> int:
    """How many of the first rows are no data: names, perhaps titles above them and units below."""
    depth = 0
    for i, line in enumerate(rows[: min(8, len(rows) - 1)]):
        cells = [line.fields[c] for c in numeric if c < len(line.fields)]
        if any(is_number(c) for c in cells):
            break
        if any(not is_missing(c) for c in cells):
            depth = i + 1
    if (
        depth == 0
        and len(rows) > 1
        and (forced or _numbers_as_names(rows, numeric) or _mostly_words(rows, numeric))
    ):
        return 1
    if depth == 0 and len(rows) == 1:  # a header with nothing below
        return int(not any(is_number(f) or is_missing(f) for f in rows[0].fields))
    return depth


def _mostly_words(rows: Sequence[Line], numeric: Sequence[int]) -> bool:
    """Whether the first row has words where most columns of numbers begin: names, or as in scikit-learn's files the
    size of the table and the names of its classes."""
    first = [rows[0].fields[c] for c in numeric if c < len(rows[0].fields)]
    return sum(not is_number(f) and not is_missing(f) for f in first) > len(numeric) / 2


def _numbers_as_names(rows: Sequence[Line], numeric: Sequence[int]) -> bool:
    """Whether the first row counts its columns (0, 1, ... as pandas writes, or years) and is no row of data."""
    first, below = rows[0].fields, [line.fields for line in rows[1:]]
    cells = [tidy(first[c]) for c in numeric]
    numbers = [c for c in cells if c.isdecimal()]
    if len(numbers) < 2 or len(numbers) < len(cells) - 1:
        return False
    counts = [int(c) for c in numbers]
    if counts != list(range(counts[0], counts[0] + len(counts))):
        return False
    others = [f for i, f in enumerate(first) if i not in numeric or not tidy(f).isdecimal()]
    if len(numbers) < len(cells) or others:  # beside a blank or a word
        return all(not is_number(f) for f in others)
    fractions = all(
        "." in f[c] or "," in f[c] or is_missing(f[c]) for f in below for c in numeric if c < len(f)
    )
    if fractions:
        return not any(_goes_on(c, rows) for c in numeric)
    return counts[0] == 0 and (len(counts) > 2 or any(_apart(c, rows) for c in numeric))


def _like_names(rows: Sequence[Line], width: int) -> bool:
    """Whether the first row, though it may be data, counts its columns, tells the size of the table, or alone is
    written without fractions."""
    fields = [re.sub(r"[.,]0$", "", tidy(f)) for f in rows[0].fields[:width]]
    if width < 2 or not all(f.isdecimal() for f in fields):
        return False
    below = [f for line in rows[1:] for f in line.fields[:width] if not is_missing(f)]
    if (
        below
        and all(set(f) & {".", ","} for f in below)
        and not any(set(f) & {".", ","} for f in rows[0].fields)
    ):
        return True
    counts = [int(f) for f in fields]
    counted = counts[0] in (0, 1) and counts == list(range(counts[0], counts[0] + width))
    return counted or counts == [len(rows) - 1, width]


def _has_a_name(rows: Sequence[Line], numeric: Sequence[int]) -> bool:
    """Whether the first row has a word in a column that holds numbers alone below it."""
    return any(
        not is_number(rows[0].fields[c]) and not is_missing(rows[0].fields[c])
        and all(is_number(line.fields[c]) for line in rows[1:] if c < len(line.fields))
        for c in numeric if len(rows) > 1
    )  # fmt: skip


def _apart(column: int, rows: Sequence[Line]) -> bool:
    """Whether the first number of a column is beyond all others, and does not lead up to them."""
    fields = [tidy(line.fields[column]) for line in rows if column < len(line.fields)]
    values = [int(field) for field in fields if re.fullmatch(r"[+-]?\d+", field)]
    beyond = len(values) > 3 and not min(values[1:]) <= values[0] <= max(values[1:])
    return beyond and not _goes_on(column, rows)


def _goes_on(column: int, rows: Sequence[Line]) -> bool:
    """Whether the first number of a column begins what the others go on with in even steps."""
    try:
        values = [float(tidy(line.fields[column]).replace(",", ".")) for line in rows[:8]]
    except (ValueError, IndexError):
        return False
    steps = [b - a for a, b in pairwise(values)]
    return len(steps) > 1 and all(abs(s - steps[0]) < 1e-6 * max(1e-9, abs(steps[0])) for s in steps)


def _named(rows: Sequence[Line], depth: int) -> tuple[Line | None, tuple[str, ...], int]:
    """The row of names among the first `depth`, that of units, and where the data begin."""
    if depth == 0:
        return None, (), 0
    last = rows[depth - 1]
    if depth > 1 and all(_UNIT.fullmatch(f) for f in last.fields) and not _knows(last):
        return rows[depth - 2], tuple(last.fields), depth
    return last, (), depth


def _dressed_in(rows: Sequence[Line], width: int) -> str:
    """What to do where columns would hold numbers, but for what is written about them."""
    for column in range(width):
        if example := dressed([line.fields[column] for line in rows[1:] if column < len(line.fields)]):
            return f": it holds {short(example)}, of which only the number is to be left"
    return ""


def _is_sentence(line: Line, width: int) -> bool:
    """Whether a line of more words than there are columns is a title, and not the names of columns."""
    return len(line.fields) > width and not is_number(line.fields[0]) and not _knows(line)


def _knows(line: Line) -> bool:
    """Whether a line has the usual names of coordinates."""
    names = {f.strip("()[],;: ").lower() for f in line.fields}
    return {"x", "y"} <= names or {"lon", "lat"} <= names or {"x1", "x2"} <= names


def _short_header(lines: Sequence[Line], first: int, delimiter: str, quote: str, name: str) -> Layout:
    """A header of other length than the rows: R writes one name less, since row names have none. Else it is refused."""
    head, rows = lines[first - 1], lines[first:]
    width = len(rows[0].fields)
    row_names = [line.fields[0] for line in rows]
    quoted = all(line.text.lstrip().startswith(quote) for line in rows)
    counted = any(row_names == [str(i) for i in range(k, k + len(row_names))] for k in (0, 1))
    words = not any(is_number(f) for f in row_names)
    if len(head.fields) == width - 1 and (words or (counted and (quoted or delimiter != ","))):
        names = ("", *head.fields)
        return Layout(delimiter, quote, width, rows[0].number, names, True, first - 1)
    few = len(head.fields)
    raise DataFileError(
        f"{name} has {width} fields in line {rows[0].number} but {few} names in line {head.number}: "
        f"{short(rows[0].text.strip())}"
    )
