"""open: the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from explorer.cli import COMMANDS
from explorer.cli.errors import Failed, Parser, WrongUse

OTHERS = ", ".join(name for name in COMMANDS if name != "open")
NO_DISPLAY = (
    f"there is no display here, and the window needs one; these need none: {OTHERS} (--help says more)."
)


def main(program: str, argv: list[str]) -> int:
    """Open the window."""
    parser = Parser(program, description="Open the window.")
    parser.add_argument("file", metavar="FILE", nargs="?", help="an experiment to open")
    options = parser.parse_args(argv)
    if options.file and not Path(options.file).is_file():
        raise WrongUse(f"{options.file} cannot be read: there is no such file.")
    if not display():
        raise Failed(NO_DISPLAY)
    try:
        from explorer.ui.app import main as window
    except ImportError as error:
        raise Failed(f"the window cannot be opened: {error}.") from error
    return int(window(options.file) or 0)


def display() -> bool:
    """Whether a window could be shown; a platform that was asked for by name is taken at its word."""
    named = ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform != "linux" or any(os.environ.get(name) for name in named)
