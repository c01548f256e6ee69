"""The user's own data: points from a table or an array, an image by its darkness, mouse strokes.

Whatever the file, it ends in a number of support points, moved and scaled to the size that the SDEs expect; what was
done is said in a sentence, and the transform is kept. A file that cannot be read is refused
with one sentence that names the file and, in a table, the line. Files are never unpickled.

`look` and `take` (preview.py) are the one way to points; `read_data` takes what `look` proposes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from explorer.data.distributions.geometry import MAX_POINTS, along, lengths
from explorer.data.images.square import ENDINGS
from explorer.data.imports.base import (
    DataFileError,
    Imported,
    UndecidedError,
    jitter_for,
    said_of,
    spread,
    transform_of,
)
from explorer.data.imports.images import density_of
from explorer.data.imports.preview import Choice, Preview, all_points, look, take, taking
from explorer.data.imports.signatures import PICTURE
from explorer.data.imports.sources import Source

__all__ = [
    "PICTURES",
    "TABLES",
    "Choice",
    "DataFileError",
    "Imported",
    "Preview",
    "UndecidedError",
    "all_points",
    "from_strokes",
    "is_picture",
    "look",
    "read_data",
    "read_image",
    "read_points",
    "reading_data",
    "take",
    "taking",
]

#: Endings of the pictures that are read, and of the tables and arrays that a file dialog offers.
PICTURES = ENDINGS
TABLES = (
    ".csv", ".tsv", ".txt", ".dat", ".tab", ".npy", ".npz", ".parquet", ".xlsx", ".xlsm", ".xls", ".ods",
    ".csv.gz", ".tsv.gz", ".txt.gz",
)  # fmt: skip


def is_picture(path: Path | str) -> bool:
    """Whether a file is read by its darkness: by its ending, or by how it begins. Raises DataFileError."""
    path = Path(path)
    return path.suffix.lower() in PICTURES or (path.is_file() and Source.of(path).kind == PICTURE)


def read_data(path: Path | str) -> Imported:
    """Points or an image, as they are taken if nobody chooses."""
    return read_image(path) if is_picture(path) else read_points(path)


def reading_data(path: Path | str) -> Generator[float, None, Imported]:
    """`read_data` in steps: yields the share done, 0 to 1."""
    if is_picture(path):
        return read_image(path)
    return (yield from taking(look(path)))


def read_points(path: Path | str) -> Imported:
    """Points from a table or arrays, as they are taken if nobody chooses."""
    return take(look(path))


def read_image(path: Path | str) -> Imported:
    """Support points spread over an image in proportion to its darkness (of one on a dark ground, its brightness);
    transparent counts as white."""
    path = Path(path)
    darkness, on_dark = density_of(path)
    height, width = darkness.shape
    row, column = np.nonzero(darkness)
    pixels = np.stack([column + 0.5, height - row - 0.5], axis=1)
    points = spread(pixels, darkness[row, column], MAX_POINTS)
    shift, scale = transform_of(points, path.name)
    points = (points - shift) / np.array(scale)
    by = "brightness, for the ground is dark" if on_dark else "darkness"
    said = f"{path.name}: {width} by {height} pixels looked at, {len(points)} points spread by {by}"
    jitter = max(jitter_for(points), 1 / scale[0])
    sentence = f"{said}; {said_of(shift, scale)}."
    return Imported(points, jitter, shift, scale, len(pixels), sentence, path.name)


def from_strokes(strokes: Sequence[np.ndarray], spacing: float = 0.04) -> np.ndarray:
    """Evenly spaced points (k, 2) on mouse strokes (m, 2), in the same units; a click is one point."""
    curves = [np.asarray(s, np.float64).reshape(-1, 2) for s in strokes]
    curves = [c[np.isfinite(c).all(axis=1)] for c in curves]
    curves = [c for c in curves if len(c)]
    if not curves:
        raise DataFileError("nothing was drawn")
    total = [float(lengths(c)[-1]) for c in curves]
    spacing = max(spacing, sum(total) / MAX_POINTS)
    points = np.concatenate(
        [along(c, max(1, round(s / spacing))) for c, s in zip(curves, total, strict=True)]
    )
    return spread(points, np.ones(len(points)), MAX_POINTS)
