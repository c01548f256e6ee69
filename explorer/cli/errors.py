"""What goes wrong on a command line, and in which words it is said."""

from __future__ import annotations

import argparse
from typing import NoReturn

from explorer.errors import Told, no_memory, sentence

FAILED, WRONG_USE = 1, 2


class WrongUse(Told, ValueError):
    """The command was given something that it cannot take. The message is a sentence."""


class Failed(Told, RuntimeError):
    """The command was right, and yet it did not work. The message is a sentence."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message} ({self.prog} --help says more).")


def sentence_of(error: Exception) -> tuple[str, int]:
    """The sentence for an exception, and the exit code: 2 where it is about what was given."""
    told = isinstance(error, Told)
    foreseen = told or isinstance(error, OSError) or no_memory(error)
    said = sentence(error) if foreseen else f"{sentence(error)} This is a bug."
    return said, WRONG_USE if told and isinstance(error, ValueError) else FAILED
