"""What goes wrong on a command line, and in which words it is said."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any, NoReturn

from explorer.base.errors import Told, no_memory, sentence
from explorer.base.numbers import NumberError, number

FAILED, WRONG_USE = 1, 2


class WrongUse(Told, ValueError):
    """The command was given something that it cannot take. The message is a sentence."""


class Failed(Told, RuntimeError):
    """The command was right, and yet it did not work. The message is a sentence."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, and whose numbers are read as those of the window are."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("type", int, partial(_typed, whole=True))
        self.register("type", float, _typed)

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message} ({self.prog} --help says more).")


def _typed(text: str, whole: bool = False) -> int | float:
    """The number that an option is given."""
    try:
        value = number(text, whole=whole)
    except NumberError as error:
        raise argparse.ArgumentTypeError(f"must be {error}") from None
    return value if whole else float(value)


def sentence_of(error: Exception) -> tuple[str, int]:
    """The sentence for an exception, and the exit code: 2 where it is about what was given."""
    told = isinstance(error, Told)
    foreseen = told or isinstance(error, OSError) or no_memory(error)
    said = sentence(error) if foreseen else f"{sentence(error)} This is a bug."
    return said, WRONG_USE if told and isinstance(error, ValueError) else FAILED
