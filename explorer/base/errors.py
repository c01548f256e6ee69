"""What goes wrong, in words: errors of this program speak for themselves, all others are put into a sentence."""

from __future__ import annotations

from explorer.base.printable import printable


class Told(Exception):
    """An error whose message is meant for people: it says what is wrong and what to do, and is shown as it is.

    Errors of this program are subclasses, beside the built-in kind that they are (`class X(Told, ValueError)`).
    """


class Refused(Told, ValueError):
    """Something that cannot be done with what was given; the message says why."""


def sentence(error: BaseException, name: str = "", did: str = "") -> str:
    """An exception as a sentence. `name` is what could not be `did` ("read", "saved"), where that is known.

    Kinds that nobody foresaw carry their name, so that they can be reported.
    """
    text = printable(str(error))
    if isinstance(error, Told):
        return ended(text)
    what = f"{printable(name or _file_of(error)) or 'It'} cannot be {did or 'used'}"
    if isinstance(error, OSError) and (error.strerror or did):
        return ended(f"{what}: {error.strerror or text}")
    if no_memory(error):
        return f"{what}: it does not fit into memory." if did else "There is not enough memory for this."
    inside = f"{type(error).__name__}: {text[:300]}"
    return f"{what} ({inside})." if did else f"Something went wrong inside ({inside})."


def no_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, in Python or in torch, which need not be loaded to ask."""
    torchs = type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)
    return isinstance(error, MemoryError) or torchs


def _file_of(error: BaseException) -> str:
    return str(getattr(error, "filename", None) or "")


def ended(text: str) -> str:
    """With a full stop."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
