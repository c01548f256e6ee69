"""What goes wrong on a command line, and in which words it is said."""

from __future__ import annotations

import argparse
from typing import NoReturn

FAILED, WRONG_USE = 1, 2


class WrongUse(ValueError):
    """The command was given something that it cannot take. The message is a sentence."""


class Failed(RuntimeError):
    """The command was right, and yet it did not work. The message is a sentence."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message} ({self.prog} --help says more).")


def sentence_of(error: Exception) -> tuple[str, int]:
    """The sentence for an exception that no command foresaw, and the exit code.

    The classes of this program are told by their names: importing them here would import torch for a typing
    error.
    """
    kind = type(error).__name__
    text = " ".join(str(error).split())  # one line
    if kind in _WRONG_FILES:
        return _ended(text), WRONG_USE
    if kind in ("ExportError", "TrainingError", "DeviceError"):
        return _ended(text), FAILED
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return _ended(f"{where}{error.strerror}"), FAILED
    if isinstance(error, MemoryError):
        return "There is not enough memory for this.", FAILED
    return _ended(f"something went wrong inside ({kind}: {text[:300]}); this is a bug"), FAILED


#: Errors of this program that are about what it was given.
_WRONG_FILES = (
    "ExperimentError", "ParamError", "UnknownName", "ModelFileError", "DataFileError", "CheckpointError",
    "ImageError",
)  # fmt: skip


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."
