"""A number as people type it, whatever their locale: one reader for every field of the window and the command line.

- A minus may be the typographic one; 1/3 is a fraction, 50 % a hundredth part, 1e3 a power of ten.
- Spaces of any width, apostrophes and underscores only group digits: in threes, or as in India in twos before a three.
- A comma or a point is the decimal mark, or groups digits if it stands as such a mark would. Where both are there, that
  leaves one reading. Where one of them could be either ("1,000", "1.000"):
    - in a field of whole numbers it groups, unless it is the locale's decimal mark: then the text is refused;
    - in a field of real numbers the locale decides: its group mark groups, its decimal mark separates decimals. A point
      that is not the locale's group mark separates decimals too, for that is how this program writes numbers. What is
      left is refused: a comma that the locale does not use, a point that groups.
  A refusal names both readings.
- A whole number never comes from a fraction: "1,5" is refused, and so is "1,00"; "1.0" and "1e3" are whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from explorer.base.errors import Told
from explorer.base.printable import printable

#: Marks that only ever group digits: spaces, also narrow ones and those that do not break, apostrophes, Arabic's.
_GROUPING = (" ", "\u00a0", "\u202f", "\u2009", "\u2007", "'", "’", "ʼ", "_", "٬")
_MINUS = str.maketrans(dict.fromkeys("−‐‑–﹣－", "-"))


class NumberError(Told, ValueError):
    """A text that is no such number; the message goes on from "... must be "."""


@dataclass(frozen=True)
class Marks:
    """The marks of a locale, one character each: what separates decimals, and what groups digits ("" for nothing)."""

    decimal: str = "."
    group: str = ""


#: Where no locale is asked, as on the command line.
PLAIN = Marks()


def number(text: str, marks: Marks = PLAIN, *, whole: bool = False) -> int | float:
    """The number that was typed, an int where it is whole; with `whole` it must be. Raises NumberError."""
    plain = text.strip().translate(_MINUS)
    over, fraction, under = plain.partition("/")
    if fraction:
        value = _divided(number(over, marks), number(under, marks), text)
    elif plain.endswith("%"):
        value = _divided(number(plain[:-1], marks), 100, text)
    else:
        value = _single(plain, text, marks, whole)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if whole and isinstance(value, float):
        raise NumberError(f"a whole number, not {_shown(text)}")
    return value


def _divided(over: float, under: float, text: str) -> float:
    try:
        value = over / under
    except (ZeroDivisionError, OverflowError):
        value = math.inf
    if math.isinf(value) or (over and not value):
        raise NumberError(f"a number, not {_shown(text)}")
    return value


def _single(plain: str, text: str, marks: Marks, whole: bool) -> int | float:
    """A number without fraction bar and percent sign."""
    found = re.fullmatch(r"([+-]?)\s*([\d.,٫].*?)([eE][+-]?\d+)?", plain)
    readings = dict(_readings(found[2])) if found else {}
    if not readings or found is None:
        raise NumberError(f"a {'whole ' * whole}number, not {_shown(text)}")
    chosen = _chosen(readings, marks, whole, text)
    if whole and not found[3] and len(chosen.partition(".")[2]) > 1:  # rather groups that are not of three
        raise NumberError(f"a whole number, not {_shown(text)}")
    digits = found[1] + chosen + (found[3] or "")
    value = int(digits) if re.fullmatch(r"[+-]?\d{1,300}", digits) else float(digits)
    if math.isinf(value) or vanished(digits, value):
        raise NumberError(f"a {'whole' if whole else 'finite'} number, not {_shown(text)}")
    return value


def vanished(digits: str, value: float) -> bool:
    """Whether a number in plain digits, 1e-400 for one, is 0 only because a float cannot hold it."""
    return value == 0 and any(c.isdecimal() and int(c) for c in digits.lower().partition("e")[0])


def _readings(digits: str) -> Iterator[tuple[str, str]]:
    """What digits with marks can mean, as plain digits with a point: by the comma or point that then groups ("" where
    none does)."""
    for group, decimal in product(("", ".", ",", *_GROUPING), ("", ".", ",", "٫")):
        if (group and (group == decimal or group not in digits)) or (decimal and decimal not in digits):
            continue
        whole = r"\d*"
        if group:
            g = re.escape(group)
            whole = rf"(?!0)\d{{1,3}}(?:{g}\d{{3}})+|(?!0)\d{{1,2}}(?:{g}\d{{2}})+{g}\d{{3}}"
        found = re.fullmatch(rf"({whole})(?:{re.escape(decimal)}(\d*))?" if decimal else f"({whole})", digits)
        if found and (found[1] or (decimal and found[2])):
            part = f".{found[2] or '0'}" if decimal else ""
            yield (group if group in ".," else ""), (found[1].replace(group, "") or "0") + part


def _chosen(readings: dict[str, str], marks: Marks, whole: bool, text: str) -> str:
    """The reading that is meant, of those with and without a comma or point that groups. Raises NumberError."""
    if len(readings) == 1:
        return next(iter(readings.values()))
    mark = next(m for m in readings if m)
    grouped, decimal = readings[mark], readings[""]
    if whole and mark != marks.decimal:
        return grouped
    if not whole and mark == marks.group != ".":
        return grouped
    if not whole and mark != marks.group and mark in (marks.decimal, "."):
        return decimal
    one, other = f"{float(decimal):g}", f"{float(grouped):.15g}"
    raise NumberError(f"one number, but {_shown(text)} can mean {one} or {other}: type one of these")


def _shown(text: str) -> str:
    """A text as it was typed, quoted where it is no plain number."""
    plain = printable(text.strip())
    plain = plain if len(plain) <= 24 else f"{plain[:23]}…"
    return plain if re.fullmatch(r"-?[\d.]+", plain) else repr(plain)
