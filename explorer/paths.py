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


def readme() -> Path:
    """The page to begin with: among the docs of a wheel, beside them in a checkout."""
    installed = docs() / "README.md"
    return installed if installed.is_file() else PACKAGE.parent / "README.md"


def user_data() -> Path:
    """The user's own files (autosave, recent files), made if missing; SCORE_EXPLORER_DATA moves it."""
    own = os.environ.get("SCORE_EXPLORER_DATA")
    folder = Path(own) if own else platformdirs.user_data_path("score-explorer", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _shipped(name: str) -> Path:
    installed = PACKAGE / f"_{name}"
    return installed if installed.is_dir() else PACKAGE.parent / name
