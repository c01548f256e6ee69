"""Where the files that are not code live.

In a checkout `assets/`, `pretrained/` and `docs/` stand beside `explorer/`; a wheel carries them inside the package
as `_assets`, `_pretrained` and `_docs` (see pyproject.toml). Callers need not know which it is.
"""

import os
from pathlib import Path

import platformdirs

PACKAGE = Path(__file__).resolve().parent


def assets() -> Path:
    """Lessons, icons and other files the program only reads."""
    return _shipped("assets")


def pretrained() -> Path:
    """The networks that come with the program."""
    return _shipped("pretrained")


def docs() -> Path:
    """The pages of the documentation, in Markdown."""
    return _shipped("docs")


def in_checkout() -> bool:
    """Whether the program runs from its source, whose folders may be written to."""
    return not (PACKAGE / "_pretrained").is_dir()


def user_data() -> Path:
    """The user's own files (autosave, recent files), made if missing; SCORE_EXPLORER_DATA moves it."""
    own = os.environ.get("SCORE_EXPLORER_DATA")
    folder = Path(own) if own else platformdirs.user_data_path("score-explorer", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def private(name: str) -> Path:
    """A folder of the user's own files that nobody else may look into, made if missing. Raises OSError."""
    folder = user_data() / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_mode & 0o077:  # one that an earlier version has made
        folder.chmod(0o700)
    return folder


def _shipped(name: str) -> Path:
    installed = PACKAGE / f"_{name}"
    return installed if installed.is_dir() else PACKAGE.parent / name
