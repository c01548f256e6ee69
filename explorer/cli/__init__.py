"""The command line. Each command is a module of this package, imported only when it is asked for.

Exit codes: 0, 1 where something failed, 2 where the command was used wrongly. An error is one sentence on
stderr that names the field or the file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import explorer
from explorer.base import paths
from explorer.base.files import clear_strays
from explorer.base.printable import printable
from explorer.base.registry import Registry
from explorer.cli import streams
from explorer.cli.errors import FAILED, Failed, WrongUse, sentence_of

PROGRAM = "score-explorer"
#: Name -> (module of this package, what it does).
COMMANDS = {
    "open": ("window", "open the window, with an experiment file if one is given"),
    "list": ("listing", "name everything that can be chosen, with parameters, ranges and defaults"),
    "new": ("new", "write a new experiment file"),
    "run": ("run", "simulate an experiment and save its arrays"),
    "train": ("train", "train a score network"),
    "export": ("export", "make an animation, a picture or a table of an experiment"),
    "lab": ("labs", "run a laboratory and save its figures"),
    "convergence": ("convergence", "measure errors of samplers against steps, with fitted orders"),
    "race": ("race", "train several objectives side by side against the exact score"),
    "likelihood": ("likelihood", "log-densities of a score in nats, against the exact ones"),
    "inpaint": ("inpaint", "fill in what is not known of a picture, several times, into one sheet"),
    "score": ("score", "evaluate the exact and the learned score at given points"),
    "bench": ("bench", "measure speed (in a checkout)"),
    "pretrain": ("pretrain", "train the networks that come with the program anew"),
}
HELP = """\
usage: {program} [COMMAND] [ARGUMENTS]

Without a command, or with an experiment file alone, the window opens. Commands:

{commands}

{program} COMMAND --help says more; the commands and files are explained in
{pages}."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; no exception gets out."""
    streams.prepare()
    clear_strays()
    arguments = list(sys.argv[1:] if argv is None else argv)
    code = _run(arguments)
    for failure in Registry.failures():
        _note(failure.sentence)
    return code


def _run(arguments: list[str]) -> int:
    try:
        code = _dispatched(arguments)
        streams.flush()
        return code
    except BrokenPipeError:  # `list | head`: the reader has what it wanted
        streams.silence()
        return FAILED
    except KeyboardInterrupt:
        return _say("Interrupted.", FAILED)
    except Exception as error:
        if os.environ.get("SCORE_EXPLORER_DEBUG") and not isinstance(error, WrongUse | Failed):
            raise
        return _say(*sentence_of(_of_stdout(error)))


def _dispatched(arguments: list[str]) -> int:
    try:
        return _dispatch(arguments)
    except SystemExit as error:  # argparse's own, for --help
        return error.code if isinstance(error.code, int) else FAILED


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if first == "--version":
        print(f"{PROGRAM} {explorer.__version__}")
        return 0
    try:
        os.getcwd()
    except FileNotFoundError:
        raise Failed("the folder that this was started in is gone; change to another one.") from None
    if not first or (first not in COMMANDS and Path(first).is_file()):
        arguments = ["open", *arguments]
    elif first not in COMMANDS:
        raise WrongUse(f"there is no command or file {first!r}; the commands are {', '.join(COMMANDS)}.")
    command: Callable[[str, list[str]], int] = import_module(f"explorer.cli.{COMMANDS[arguments[0]][0]}").main
    return command(f"{PROGRAM} {arguments[0]}", arguments[1:])


def _overview() -> str:
    rows = "\n".join(f"  {name:12}{what}" for name, (_, what) in COMMANDS.items())
    return HELP.format(program=PROGRAM, commands=rows, pages=paths.docs() / "command-line.md")


def _say(sentence: str, code: int) -> int:
    _to_stderr(f"{PROGRAM}: {sentence}")
    return code


def _note(sentence: str) -> None:
    _to_stderr(f"note: {sentence}")


def _to_stderr(line: str) -> None:
    with suppress(OSError):  # nobody reads it
        print(printable(line), file=sys.stderr)


def _of_stdout(error: Exception) -> Exception:
    """The error that names stdout where that is what fails: `print` itself names nothing."""
    bare = isinstance(error, OSError) and error.filename is None
    try:
        streams.flush(more="\n" if bare else "")  # a text that failed may be in no buffer any more
    except (Failed, BrokenPipeError) as named:
        streams.silence()
        return named if bare and isinstance(named, Failed) else error
    return error
