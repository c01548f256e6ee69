"""Numbers as they are printed: minus signs, and powers of ten with raised exponents."""

from __future__ import annotations

import re

#: A hyphen that stands for a minus: before a digit, not within a word or an exponent.
_MINUS = re.compile(r"(?<![\w)])-(?=[\d.])")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN = {raised: plain for plain, raised in _RAISED.items()}


def with_minus(words: str) -> str:
    """Words with minus signs before numbers."""
    return _MINUS.sub("−", words)


def power(k: int) -> str:
    """Ten to the k, short."""
    return f"{10.0**k:g}" if -2 <= k <= 3 else f"10{raised(k)}"


def raised(k: int) -> str:
    """An exponent."""
    return str(k).translate(_RAISED)


def lowered(exponent: str) -> str:
    """What `raised` made, as plain digits."""
    return exponent.translate(_PLAIN)


def scientific(value: float, digits: int) -> str:
    """With so many significant digits and a power of ten: 4.35×10⁻⁹."""
    factor, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{factor.replace('-', '−')}×10{raised(int(exponent))}"
