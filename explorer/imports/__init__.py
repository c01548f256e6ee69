"""The user's own data: points from a table or an array, a picture by its darkness, mouse strokes.

Whatever the file, it ends in at most MAX_POINTS support points, moved and scaled to the size that the SDEs
expect; what was done is said in a sentence, and the transform is kept. A file that cannot be read is refused
with one sentence that names the file and, in a table, the line. Files are never unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from explorer.distributions.geometry import MAX_POINTS, along, lengths
from explorer.images.square import ENDINGS
from explorer.imports.arrays import read_npy, read_npz
from explorer.imports.base import DataFileError, Imported, Rows, jitter_for, said_of, spread, transform_of
from explorer.imports.pictures import density_of
from explorer.imports.tables import read_table

__all__ = [
    "PICTURES",
    "TABLES",
    "DataFileError",
    "Imported",
    "from_strokes",
    "read_data",
    "read_image",
    "read_points",
]

#: Endings of the pictures that are read, and of the tables and arrays that a file dialog offers.
PICTURES = ENDINGS
TABLES = (".csv", ".tsv", ".txt", ".npy", ".npz")


def read_data(path: Path | str) -> Imported:
    """Points or a picture, by the file's ending."""
    return (read_image if Path(path).suffix.lower() in PICTURES else read_points)(path)


def read_points(path: Path | str) -> Imported:
    """Points from .npy, .npz, or a text table (.csv, .tsv, .txt and whatever else)."""
    path = Path(path)
    readers: dict[str, Callable[[Path, Rows], None]] = {".npy": read_npy, ".npz": read_npz}
    rows = Rows(path.name)
    try:
        readers.get(path.suffix.lower(), read_table)(path, rows)
    except OSError as e:
        raise DataFileError(f"{path.name} cannot be read: {e.strerror or e}") from e
    return rows.imported()


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
    points = (points - shift) / scale
    by = "brightness, for the ground is dark" if on_dark else "darkness"
    said = f"{path.name}: {width} by {height} pixels looked at, {len(points)} points spread by {by}"
    jitter = max(jitter_for(points), 1 / scale)
    return Imported(points, jitter, shift, scale, len(pixels), 0, f"{said}; {said_of(shift, scale)}.")


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
