"""Numbers as people and programs write them: decimal marks, group marks, and words for a missing number.

A field alone does not tell: 1,200 is 1.2 in Paris and 1200 in London. So every column is judged by all of its rows
(`Evidence`), and only then read (`values_of`). Where two readings fit, nobody guesses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

#: Words for a number that is not there: of pandas, R, SAS, Excel (in English and German), and by hand. In lower case.
MISSING = frozenset({
    "", "nan", "na", "n/a", "<na>", "null", "none", "nil", "nat", "missing", "n.a.", "n.d.", "nd", "(null)", "(none)",
    "-", "--", "---", "–", "—", "?", ".", "*", "\\n", "-nan", "+nan", "nan(ind)", "-nan(ind)", "-1.#ind", "1.#ind",
    "-1.#qnan", "1.#qnan", "1.#snan", "#n/a", "#n/a!", "#n/a n/a", "#na", "#div/0!", "#value!", "#ref!", "#name?",
    "#num!", "#null!", "#getting_data", "#spill!", "#calc!", "#nv", "#wert!", "#bezug!", "#zahl!", "#null", "#error",
})  # fmt: skip
INFINITE = {
    word: sign * math.inf
    for word in ("inf", "infinity", "1.#inf", "∞")
    for word, sign in ((word, 1), (f"+{word}", 1), (f"-{word}", -1))
}
#: Spaces that stand between groups of digits; the last is a no-break space whose byte was no UTF-8.
_SPACES = " \u00a0\u202f\u2009\u2007\u2008\u2002\udca0"
_APOSTROPHES = "'’‘ʼ´`"
_TRANSLATE = str.maketrans(
    {**dict.fromkeys(_SPACES, " "), **dict.fromkeys(_APOSTROPHES, "'"), "−": "-", "–": "-", "－": "-"}
)
_SIGN = r"([+-]? ?)"
_EXPONENT = r"((?: ?[eEdD] ?[+-]?\d+)?)"
_PLAIN = re.compile(rf"{_SIGN}(\d+){_EXPONENT}")
#: Groups of three between spaces or apostrophes, then perhaps a decimal mark.
_SPACED = re.compile(rf"{_SIGN}(\d{{1,3}}(?:( |')\d{{3}})(?:\3\d{{3}})*)(?:([.,])(\d*))?{_EXPONENT}")
#: One mark.
_MARKED = re.compile(rf"{_SIGN}(\d*)([.,])(\d*){_EXPONENT}")
#: One mark again and again: groups of three, or as in India of two before the last three.
_GROUPED = re.compile(rf"{_SIGN}([1-9]\d{{0,2}}(?:([.,])\d{{2,3}})(?:\3\d{{2,3}})*\3\d{{3}}){_EXPONENT}")
#: Groups by one mark, then the other.
_BOTH = re.compile(
    rf"{_SIGN}(\d{{1,3}}([.,])(?:\d{{3}}(?:\3\d{{3}})*|\d{{2}}(?:\3\d{{2}})*\3\d{{3}}))(?!\3)([.,])(\d*){_EXPONENT}"
)
_OTHER = {".": ",", ",": "."}
#: A number with a sign of money, brackets or a unit about it, or with its error behind it.
_DRESSED = re.compile(
    r"([^\w\s.,+-]{0,2}|[A-Z]{2,3} ?)\s*([+-]?\d[\d., '\u00a0\u202f]*(?:[eE][+-]?\d+)?)\s*(\D{0,8})"
)
_ERROR = re.compile(r"\s*(±|\+/?-)\s*\d[\d.,]*|(?<=\d)\(\d+\)")


@dataclass(frozen=True)
class Form:
    """How one field is written. `decimal`: the mark that must be decimal, "" where none must; `open`: the mark that may
    be decimal or group digits, "" where there is none."""

    decimal: str = ""
    open: str = ""
    #: Of an open mark: whether the digits after it end in 0. Of none: whether there are more than three digits.
    round: bool = False
    long: bool = False


def form_of(text: str) -> Form | None:
    """How a number is written; None where `text`, translated and stripped, is none."""
    if match := _PLAIN.fullmatch(text):
        return Form(long=len(match[2]) > 3)
    if match := _MARKED.fullmatch(text):
        before, mark, after, exponent = match[2], match[3], match[4], match[5]
        if not before and not after:
            return None
        if len(after) == 3 and 1 <= len(before) <= 3 and before[0] != "0" and not exponent:
            return Form(open=mark, round=after.endswith("0"))
        return Form(decimal=mark)
    if match := _SPACED.fullmatch(text):
        return Form(decimal=match[4] or "")
    if match := _GROUPED.fullmatch(text):
        return Form(decimal=_OTHER[match[3]])
    if match := _BOTH.fullmatch(text):
        return Form(decimal=match[4])
    return None


def tidy(text: str) -> str:
    """A field without what is around it, its signs, spaces and apostrophes of one kind each."""
    return text.translate(_TRANSLATE).strip(' \t\r\n"')


def is_missing(text: str) -> bool:
    """Whether a field says that there is no number, or none that is finite."""
    word = text.strip().lower()
    return word in MISSING or word in INFINITE or tidy(word) in MISSING


def is_number(text: str) -> bool:
    """Whether a field is a number in some way of writing."""
    return form_of(tidy(text)) is not None


def dressed(texts: Iterable[str]) -> str:
    """The first of `texts` if all are numbers in the same dress, as $10, 10 %, (10), 10 mm and 10 ± 1 are; "" if
    not."""
    there = [text.strip() for text in texts if not is_missing(text)]
    found = [_DRESSED.fullmatch(_ERROR.sub("±", text)) for text in there]
    dress = {(m[1], m[3]) for m in found if m and is_number(m[2]) and ("(" in m[1]) == (")" in m[3])}
    alike = all(found) and len(dress - {("", "")}) == 1 and len(dress) <= 2
    return next((text for text in there if not is_number(text)), "") if alike else ""


@dataclass
class Evidence:
    """What the fields of a column say about its decimal mark. Each kind is kept with the first field that shows it."""

    decimal: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    #: The first number with no mark; with more than three digits and no mark; with an open mark and a last 0; not so.
    whole: str = ""
    long: str = ""
    round: str = ""
    uneven: str = ""

    def add(self, fields: Sequence[str | float]) -> None:
        """Take more fields of the column; those that are numbers already say nothing."""
        try:
            text = "".join(fields)  # type: ignore[arg-type]
        except TypeError:
            return self.add([f for f in fields if isinstance(f, str)])
        for raw in fields:
            if self._says_nothing_new(text):
                return
            if (found := form_of(tidy(str(raw)))) is not None:
                self._take(str(raw), found)

    def _take(self, raw: str, found: Form) -> None:
        if found.decimal:
            self.decimal.setdefault(found.decimal, raw.strip())
        elif found.open:
            self.open.setdefault(found.open, raw.strip())
            self.round = self.round or (raw if found.round else "")
            self.uneven = self.uneven or ("" if found.round else raw)
        else:
            self.whole = self.whole or raw
            self.long = self.long or (raw if found.long else "")

    def _says_nothing_new(self, text: str) -> bool:
        """Whether fields with these characters can only say what is known: the decimal mark, if the other does not
        come up; that there are numbers without marks, if none does. (What is wrong otherwise is met when they are
        read.)"""
        if self.decimal:
            return len(self.decimal) == 2 or _OTHER[next(iter(self.decimal))] not in text
        return bool(self.whole and self.long) and "." not in text and "," not in text

    def readings(self) -> tuple[str, ...]:
        """The decimal marks that fit: one; both, where nobody can tell; none, where the column mixes two."""
        if self.decimal:
            return tuple(self.decimal) if len(self.decimal) == 1 else ()
        if not self.open:
            return (".",)
        if len(self.open) == 2:
            return ()
        mark = next(iter(self.open))
        # decimals have a fixed number of digits, or no last 0; grouped numbers are grouped from 1000 on
        as_decimal = not self.whole or not self.round
        as_group = not self.long
        if as_decimal == as_group:
            return (mark, _OTHER[mark])
        return (mark,) if as_decimal else (_OTHER[mark],)

    def settled(self, elsewhere: Iterable[str] = (), delimiter: str = "") -> str:
        """The decimal mark; "" where two fit, or none.

        What the column leaves open, the marks that other columns need decide (`elsewhere`), since one writer has
        written all. Where commas separate the fields, the decimal mark is a dot, unless the digits after it all end in
        0.
        """
        fitting = self.readings()
        if len(fitting) == 1:
            return fitting[0]
        known = set(elsewhere)
        if len(fitting) == 2 and len(known) == 1:
            return known.pop()
        return "." if len(fitting) == 2 and "." in self.open and self.uneven and delimiter == "," else ""

    @property
    def plain(self) -> bool:
        """Whether the column is known to be written as Python writes numbers."""
        return set(self.decimal) == {"."} or bool(self.whole and not self.decimal and not self.open)

    @property
    def own(self) -> str:
        """The decimal mark that the column needs by itself; "" where it has no marks, or leaves it open."""
        fitting = self.readings()
        return fitting[0] if len(fitting) == 1 and (self.decimal or self.open) else ""

    @property
    def example(self) -> str:
        """A field that can be read in two ways, or the two that contradict each other."""
        shown = self.decimal if len(self.decimal) == 2 else self.open
        return " and ".join(shown.values())


def values_of(fields: Sequence[str | float], decimal: str) -> tuple[np.ndarray, list[int]]:
    """The numbers (n,) float64 in `fields`, NaN for a missing one, and the places of those that are no numbers.

    decimal: "." or ","; the other may group digits, as spaces and apostrophes may.
    """
    try:
        return np.array(_quick(fields, decimal), np.float64), []
    except (ValueError, TypeError):
        out = np.empty(len(fields))
        bad = []
        for i, raw in enumerate(fields):
            value = value_of(raw, decimal)
            out[i] = math.nan if value is None else value
            if value is None:
                bad.append(i)
        return out, bad


def _quick(fields: Sequence[str | float], decimal: str) -> list[float]:
    """As `float` reads them, or ValueError where it might not read them right."""
    text = "\n".join(fields)  # type: ignore[arg-type]
    if "_" in text or (decimal == "," and "." in text):
        raise ValueError
    if decimal == "," and "," in text:
        split = text.replace(",", ".").split("\n")
        if len(split) != len(fields):
            raise ValueError
        fields = split
    return list(map(float, fields))


def value_of(raw: str | float, decimal: str) -> float | None:
    """One field as a number: NaN where it says that there is none, None where it is something else."""
    if not isinstance(raw, str):
        return math.nan if raw is None else float(raw)
    word = raw.strip().lower()
    if word in MISSING:
        return math.nan
    if word in INFINITE:
        return INFINITE[word]
    text = tidy(raw)
    found = form_of(text)
    if found is None:
        return math.nan if text.lower() in MISSING else None
    if found.decimal not in ("", decimal):
        return None
    if found.open and found.open != decimal:
        text = text.replace(found.open, "")
    text = text.replace(" ", "").replace("'", "")
    if (mark := _OTHER[decimal]) in text:
        text = text.replace(mark, "")
    return float(text.replace(decimal, ".").replace("d", "e").replace("D", "e"))


def said(decimal: str, fields: Iterable[str]) -> str:
    """How numbers with these fields were read, where it is not as Python writes them; else ""."""
    parts = []
    forms = [(raw, form) for raw in fields if (form := form_of(tidy(raw)))]
    if decimal == "," and any("," in raw for raw, _ in forms):
        parts.append("decimal comma")
    if any(_OTHER[decimal] in raw for raw, _ in forms):
        parts.append(f"{'comma' if decimal == '.' else 'dot'} between thousands")
    if any(" " in tidy(raw) for raw, _ in forms):
        parts.append("space between thousands")
    if any("'" in tidy(raw) for raw, _ in forms):
        parts.append("apostrophe between thousands")
    return ", ".join(parts)
