"""Text in files: which encoding it is in."""

from __future__ import annotations

import codecs
import re

#: What begins a text that says so itself. That of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Encodings without zero bytes, older than Unicode, that tables are met in.
_OLDER = ("cp1252", "cp1250", "cp1251", "cp1253", "cp932", "gb18030", "euc_kr", "big5")
#: Fewer bytes beyond ASCII say nothing of the language; the Western encoding has the signs that numbers need.
_TELLING = 40
_SAMPLE = 1 << 16
#: Those that can be chosen where one had to be guessed, with the scripts that they are for.
CHOICES = {
    "cp1252": "Western (Windows-1252)",
    "cp1250": "Central European (Windows-1250)",
    "cp1251": "Cyrillic (Windows-1251)",
    "koi8_r": "Cyrillic (KOI8-R)",
    "cp1253": "Greek (Windows-1253)",
    "cp1254": "Turkish (Windows-1254)",
    "cp1255": "Hebrew (Windows-1255)",
    "cp1256": "Arabic (Windows-1256)",
    "gb18030": "Simplified Chinese (GB 18030)",
    "big5": "Traditional Chinese (Big5)",
    "cp932": "Japanese (Shift JIS)",
    "euc_jp": "Japanese (EUC-JP)",
    "euc_kr": "Korean (EUC-KR)",
    "utf-8": "Unicode (UTF-8)",
}
#: Letters that are common, by their bytes, in the order of preference: the syllables of Korean, the first of the two
#: levels that the characters of Chinese and Japanese are sorted into, kana, the small letters of Russian.
_COMMON = {
    "euc_kr": rb"[\xb0-\xc8][\xa1-\xfe]",
    "gb18030": rb"[\xb0-\xd7][\xa1-\xfe]",
    "cp932": rb"[\x82\x83\x88-\x97][\x40-\xfc]",
    "big5": rb"[\xa4-\xc6][\x40-\xfe]",
    "euc_jp": rb"[\xa4\xa5\xb0-\xcf][\xa1-\xfe]",
    "cp1251": rb"[\xe0-\xff]",
    "koi8_r": rb"[\xc0-\xdf]",
}


def encoding_of(start: bytes, whole: bool = True) -> str:
    """The name of the encoding of a text that begins with `start`; "" where it is no text.

    By the mark at its beginning; then by the places of its zero bytes, which UTF-16 and UTF-32 have; then UTF-8 where
    it is valid; then what charset-normalizer makes of it. `whole`: whether `start` is all of it.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if b"\0" in start[:_SAMPLE]:
        return _wide(start[: _SAMPLE & ~3])
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start, final=whole)
        return "utf-8"
    except UnicodeDecodeError:
        return _older(start)


def _wide(start: bytes) -> str:
    """UTF-16 or UTF-32 without its mark: most of a table is ASCII, so most of one kind of byte is zero."""
    if whole_units := start[: len(start) & ~3]:
        zero = [whole_units[i::4].count(0) / (len(whole_units) // 4) for i in range(4)]
        for name, high in (("utf-32-le", (1, 2, 3)), ("utf-32-be", (0, 1, 2))):
            if all(zero[i] > 0.9 for i in high):
                return _if_text(start, name)
    pairs = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if pairs and odd > 0.6 * pairs and even < 0.1 * pairs:
        return _if_text(start, "utf-16-le")
    if pairs and even > 0.6 * pairs and odd < 0.1 * pairs:
        return _if_text(start, "utf-16-be")
    return ""


def _if_text(start: bytes, name: str) -> str:
    """The encoding, unless it makes control characters of it."""
    text = codecs.getincrementaldecoder(name)("replace").decode(start)
    strange = sum((c < " " and c not in "\t\n\r\f") or c == "\ufffd" for c in text)
    return "" if strange else name


def _older(start: bytes) -> str:
    """Of one byte a letter, or of the East Asian kinds."""
    beyond = [line for line in start[:_SAMPLE].splitlines() if not line.isascii()]
    if sum(byte > 127 for line in beyond for byte in line) < _TELLING:
        return _of_few(b"\n".join(beyond))
    from charset_normalizer import from_bytes  # which loads slowly

    found = from_bytes(b"\n".join(beyond), cp_isolation=list(_OLDER)).best()
    return found.encoding if found else "cp1252"


def _of_few(text: bytes) -> str:
    """The encoding of a few names. In Western ones letters beyond ASCII stand alone among others; in those of other
    scripts there are hardly others. Which script it is, is told by how many of the letters are common ones there."""
    beyond = sum(byte > 127 for byte in text)
    if beyond < 0.6 * (beyond + sum(chr(byte).isalpha() for byte in text if byte < 128)):
        return "cp1252"
    if not re.search(rb"[\x80-\xff]{2}", text):  # signs: degrees, squares
        return "cp1252"
    shares = {name: _common(text, name) for name in _COMMON}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.7 else "cp1252"


def _common(text: bytes, encoding: str) -> float:
    """The share of common letters among those beyond ASCII, if `text` is in this encoding: 0 to 1."""
    try:
        letters = [c for c in codecs.getincrementaldecoder(encoding)().decode(text) if c > "\x7f"]
    except UnicodeDecodeError:
        return 0.0
    return len(re.findall(_COMMON[encoding], "".join(letters).encode(encoding))) / max(1, len(letters))


def decoded(data: bytes) -> str:
    """The text in `data`. UnicodeDecodeError where it is not text."""
    name = encoding_of(data)
    if not name:
        raise UnicodeDecodeError("utf-8", data[:40], 0, 1, "zero bytes")
    return data.decode(name, "strict" if name.startswith("utf") else "replace")
