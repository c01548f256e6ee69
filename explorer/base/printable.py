"""Text of others (names of files, columns and classes, cells) as it is shown: a terminal, a title or a file of text
obeys control characters, and an eye is misled by those that turn or hide others."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

#: What stands for a character that cannot be shown.
REPLACEMENT = "�"
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")


def printable(text: str) -> str:
    """`text` on one line and without commands to a terminal: every space is a plain one, invisible characters (bidi
    overrides, those of no width) are left out, others that cannot be shown are replaced by "�"."""
    if text.isprintable():
        return text
    with suppress(UnicodeEncodeError):  # names of files that the locale could not decode
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else _stand_in(c) for c in _ESCAPE.sub(REPLACEMENT, text))


def _stand_in(c: str) -> str:
    if c.isspace():
        return " "
    return "" if unicodedata.category(c) == "Cf" else REPLACEMENT


def escaped(text: str) -> str:
    """JSON or Python source with what cannot be shown written as \\u....: it means the same, and commands nothing."""
    return "".join(c if c.isprintable() or c == "\n" else _code(c) for c in text)


def _code(c: str) -> str:
    units = c.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
