"""The units of a file of points: what its coordinates are called, and how far they were moved and scaled."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO

import numpy as np

from explorer.base.printable import printable

#: What positions may be written in.
FILE, STANDARD = "file", "standard"


@dataclass(frozen=True)
class Units:
    """A point of the file is y = scale * x + shift, coordinate by coordinate, for x in standard units.

    `columns` are the names of the coordinates in the file, `shift` and `scale` (d,) as many numbers.
    """

    columns: tuple[str, ...]
    shift: tuple[float, ...]
    scale: tuple[float, ...]

    def to_file(self, x: np.ndarray) -> np.ndarray:
        """Points x (..., d) in standard units, in those of the file, float64."""
        return np.asarray(x, np.float64) * np.array(self.scale) + np.array(self.shift)

    def to_standard(self, y: np.ndarray) -> np.ndarray:
        """Points y (..., d) in the units of the file, in standard ones."""
        return (np.asarray(y, np.float64) - np.array(self.shift)) / np.array(self.scale)

    def score(self, score: np.ndarray) -> np.ndarray:
        """The gradient (..., d) of a log-density by standard coordinates, by those of the file."""
        return np.asarray(score, np.float64) / np.array(self.scale)

    @property
    def log_jacobian(self) -> float:
        """What is added to a log-density in standard units: p_y(y) = p_x(x) / |det dy/dx|."""
        return -float(np.log(np.abs(self.scale)).sum())


def header(names: Iterable[str]) -> str:
    """The first line of a table in CSV: one line, whatever is in the names; one with a comma in it is quoted."""
    line = StringIO()
    csv.writer(line, lineterminator="\n").writerow([" ".join(printable(name).split()) for name in names])
    return line.getvalue()


def axis_names(columns: Sequence[str], dim: int) -> list[str]:
    """What the columns of a table of points are called: x, y, z, or x1, x2, ..., unless `columns` has names."""
    if columns:
        return list(columns)
    return list("xyz"[:dim]) if dim <= 3 else [f"x{i}" for i in range(1, dim + 1)]
