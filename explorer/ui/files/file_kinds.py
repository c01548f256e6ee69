"""Which kind of thing a file is, by its ending, and where that says nothing, by how it begins."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from explorer.base.decoding import encoding_of
from explorer.base.errors import Refused
from explorer.data.imports import PICTURES, TABLES, DataFileError
from explorer.data.imports.signatures import READ
from explorer.data.imports.sources import Source

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
_LOOKED_AT = 1024


def _pattern(endings: tuple[str, ...]) -> str:
    return " ".join(f"*{ending}" for ending in endings)


#: Images in arrays: MNIST's own files (IDX), NumPy's, CIFAR's.
_ARRAYS = "*-ubyte *.ubyte *-ubyte.gz *.npz *.npy *.bin"

OPEN_FILTERS = (
    f"All that can be opened ({_pattern(tuple(_ENDINGS))} {_ARRAYS})",
    f"Experiments ({_pattern(EXPERIMENT_ENDINGS)})",
    "Models (*.safetensors)",
    f"Points ({_pattern(TABLES)})",
    f"Images ({_pattern(PICTURES)})",
    f"Images in arrays ({_ARRAYS})",
    "All files (*)",
)
MODEL_FILTERS = ("Models (*.safetensors)", "All files (*)")
EXPERIMENT_FILTERS = (f"Experiments ({_pattern(EXPERIMENT_ENDINGS)})",)
DATA_FILTERS = (
    f"Points and images ({_pattern((*TABLES, *PICTURES))} {_ARRAYS})",
    f"Points ({_pattern(TABLES)})",
    f"Images ({_pattern(PICTURES)})",
    f"Images in arrays ({_ARRAYS})",
    "All files (*)",
)
PICTURE_FILTERS = (f"Images ({_pattern(PICTURES)})", "All files (*)")


def several_pictures(paths: Sequence[Path]) -> bool:
    """Whether these are pictures, and more than one: a set of them then, and no density each."""
    return len(paths) > 1 and all(path.suffix.lower() in PICTURES for path in paths)


def kind_of(path: Path) -> str:
    """EXPERIMENT, MODEL, DATA, FOLDER or OTHER. Text that looks like none of them counts as a table."""
    return FOLDER if path.is_dir() else _ENDINGS.get(path.suffix.lower()) or _kind_by_content(path)


def _kind_by_content(path: Path) -> str:
    if not path.is_file():  # a pipe must not be opened twice; of what is not there whoever opens it says so
        return DATA
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
        known = Source.of(path).kind in READ
    except (OSError, DataFileError):  # whoever opens it says so
        return DATA
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**27:
        return MODEL
    encoding = encoding_of(start, whole=False)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(start) if encoding else ""
    if text.lstrip().startswith("{"):
        return EXPERIMENT
    return DATA if known else OTHER


def refuse(path: Path) -> NoReturn:
    """A file that is OTHER, said by name."""
    raise Refused(
        f"{path.name} is {Source.of(path).kind}. What can be opened are experiments "
        f"({' '.join(EXPERIMENT_ENDINGS)}), models (.safetensors), points ({' '.join(TABLES)}) and images "
        "(PNG, JPEG, TIFF and others; IDX and CIFAR files)"
    )
