"""open: the window."""

from __future__ import annotations

from pathlib import Path

from explorer.cli import COMMANDS, display
from explorer.cli.errors import Failed, Parser, WrongUse

OTHERS = ", ".join(name for name in COMMANDS if name != "open")
NO_DISPLAY = f"{{}}, and the window needs a display; these need none: {OTHERS} (--help says more)."


def main(program: str, argv: list[str]) -> int:
    """Open the window."""
    parser = Parser(program, description="Open the window.")
    parser.add_argument("file", metavar="FILE", nargs="?", help="an experiment to open")
    options = parser.parse_args(argv)
    if options.file and not Path(options.file).is_file():
        raise WrongUse(f"{options.file} cannot be read: there is no such file.")
    try:
        display.check()
    except Failed as error:
        raise Failed(NO_DISPLAY.format(error)) from None
    try:
        from explorer.ui.window.app import main as window
    except ImportError as error:
        raise Failed(f"the window cannot be opened: {error}.") from error
    return int(window(options.file) or 0)
