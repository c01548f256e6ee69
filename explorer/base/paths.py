"""Where the files that are not code live.

In a checkout `assets/`, `pretrained/` and `docs/` stand beside `explorer/`; a wheel carries them inside the package
as `_assets`, `_pretrained` and `_docs` (see pyproject.toml). Callers need not know which it is.
"""

import os
import re
from pathlib import Path

import platformdirs

#: The folder of the package `explorer`.
PACKAGE = Path(__file__).resolve().parent.parent


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


def is_remote(path: str) -> bool:
    r"""Whether a path as text means another machine, so that touching it connects there (nothing is touched here).

    `\\host\share` and `//host/share`, in any mixture of slashes, and URLs: `file://host/...`, `smb://...`.
    """
    plain = path.strip().replace("\\", "/")
    scheme, mark, rest = plain.partition("://")
    if mark and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", scheme):
        if scheme.lower() != "file":
            return True
        host, _, below = rest.partition("/")
        return host.lower() not in ("", "localhost") or below.startswith("/")
    return plain.startswith("//") and not re.match(r"//\?/[A-Za-z]:", plain)


def local(path: str) -> Path:
    """A path as text, or a file URL, as a Path."""
    if path.lower().startswith("file:"):
        # here, for they take a quarter of a second and hardly ever are needed
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        parts = urlsplit(path)
        host = "" if parts.netloc.lower() == "localhost" else parts.netloc
        return Path((f"//{host}" if host else "") + url2pathname(parts.path))
    return Path(path)
