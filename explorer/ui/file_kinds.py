"""Which kind of thing a file is, by its ending, and where that says nothing, by how it begins."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from explorer.errors import Refused
from explorer.imports import PICTURES, TABLES

EXPERIMENT, MODEL, DATA, FOLDER, OTHER = "experiment", "model", "data", "folder", "other"

#: What is opened first when several files are dropped at once: data and a network belong to an experiment.
ORDER = (EXPERIMENT, FOLDER, DATA, MODEL, OTHER)

#: An ending of the program's own comes first, by which a file manager knows whom to call; any other JSON will do.
EXPERIMENT_ENDINGS = (".scorex", ".json")
_ENDINGS = (
    dict.fromkeys(EXPERIMENT_ENDINGS, EXPERIMENT)
    | {".safetensors": MODEL}
    | dict.fromkeys((*PICTURES, *TABLES), DATA)
)
#: Marks of text in UTF-16 and UTF-32; how pages (SVG among them) and PDF begin, which are text, but no points.
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_PAGES = (b"<", b"%PDF")
_LOOKED_AT = 1024


def _pattern(endings: tuple[str, ...]) -> str:
    return " ".join(f"*{ending}" for ending in endings)


OPEN_FILTERS = (
    f"All that can be opened ({_pattern(tuple(_ENDINGS))})",
    f"Experiments ({_pattern(EXPERIMENT_ENDINGS)})",
    "Models (*.safetensors)",
    f"Points ({_pattern(TABLES)})",
    f"Pictures ({_pattern(PICTURES)})",
    "All files (*)",
)
MODEL_FILTERS = ("Models (*.safetensors)", "All files (*)")
EXPERIMENT_FILTERS = (f"Experiments ({_pattern(EXPERIMENT_ENDINGS)})",)
DATA_FILTERS = (
    f"Points and images ({_pattern((*TABLES, *PICTURES))})",
    f"Points ({_pattern(TABLES)})",
    f"Pictures ({_pattern(PICTURES)})",
    "All files (*)",
)
PICTURE_FILTERS = (f"Pictures ({_pattern(PICTURES)})", "All files (*)")


def several_pictures(paths: Sequence[Path]) -> bool:
    """Whether these are pictures, and more than one: a set of them then, and no density each."""
    return len(paths) > 1 and all(path.suffix.lower() in PICTURES for path in paths)


def kind_of(path: Path) -> str:
    """EXPERIMENT, MODEL, DATA, FOLDER or OTHER. Text that looks like none of them counts as a table."""
    return FOLDER if path.is_dir() else _ENDINGS.get(path.suffix.lower()) or _kind_by_content(path)


def _kind_by_content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:  # whoever opens it says so
        return DATA
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**27:
        return MODEL
    if start.lstrip().startswith(b"{"):
        return EXPERIMENT
    text = start.startswith(_MARKS) or b"\0" not in start
    return DATA if text and not start.lstrip().startswith(_PAGES) else OTHER


def refuse(path: Path) -> NoReturn:
    """A file that is OTHER."""
    raise Refused(
        f"{path.name} is no file that can be opened here: those are experiments "
        f"({' '.join(EXPERIMENT_ENDINGS)}), models (.safetensors), "
        f"points ({' '.join(TABLES)}) and images ({' '.join(PICTURES)})"
    )
