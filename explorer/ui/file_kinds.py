"""Which kind of thing a file is, by its ending, and where that says nothing, by how it begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from explorer.imports import PICTURES, TABLES

EXPERIMENT, MODEL, DATA, FOLDER = "experiment", "model", "data", "folder"

#: What is opened first when several files are dropped at once: data and a network belong to an experiment.
ORDER = (EXPERIMENT, FOLDER, DATA, MODEL)

_ENDINGS = {".json": EXPERIMENT, ".safetensors": MODEL} | dict.fromkeys((*PICTURES, *TABLES), DATA)
_DATA_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"\x93NUMPY", b"PK\x03\x04")


def _pattern(endings: tuple[str, ...]) -> str:
    return " ".join(f"*{ending}" for ending in endings)


OPEN_FILTERS = (
    f"All that can be opened ({_pattern(tuple(_ENDINGS))})",
    "Experiments (*.json)",
    "Models (*.safetensors)",
    f"Points ({_pattern(TABLES)})",
    f"Pictures ({_pattern(PICTURES)})",
    "All files (*)",
)
MODEL_FILTERS = ("Models (*.safetensors)", "All files (*)")
EXPERIMENT_FILTERS = ("Experiments (*.json)",)
DATA_FILTERS = (
    f"Points and pictures ({_pattern((*TABLES, *PICTURES))})",
    f"Points ({_pattern(TABLES)})",
    f"Pictures ({_pattern(PICTURES)})",
    "All files (*)",
)
PICTURE_FILTERS = (f"Pictures ({_pattern(PICTURES)})", "All files (*)")


def several_pictures(paths: Sequence[Path]) -> bool:
    """Whether these are pictures, and more than one: a set of them then, and no density each."""
    return len(paths) > 1 and all(path.suffix.lower() in PICTURES for path in paths)


def kind_of(path: Path) -> str:
    """EXPERIMENT, MODEL, DATA or FOLDER. A file of another ending that looks like none of them counts as a table."""
    return FOLDER if path.is_dir() else _ENDINGS.get(path.suffix.lower()) or _kind_by_content(path)


def _kind_by_content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:  # whoever opens it says so
        return DATA
    if start.startswith(_DATA_STARTS):
        return DATA
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**27:
        return MODEL
    return EXPERIMENT if start.lstrip().startswith(b"{") else DATA
