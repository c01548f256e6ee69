"""The user's own points: drawn with the mouse or imported from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.base.params import ParamError, param
from explorer.base.printable import printable
from explorer.data.distributions.base import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture
from explorer.data.distributions.units import Units

#: Support points of a file unless somebody chooses: with so many, the exact score moves 2,000 particles of two runs
#: side by side 25 times a second on two cores. And the most there may be: a run of 200 steps then takes half a
#: minute (benchmarks/own_points.py).
USUAL, MOST = 2000, 20_000
#: Held-out points that are kept at most: as many as the validation loss is measured on.
MOST_HELD_OUT = 1536

#: What stands until something is drawn: a small ring.
_START = tuple(
    (round(1.4 * float(np.cos(a)), 3), round(1.4 * float(np.sin(a)), 3))
    for a in np.linspace(0, 2 * np.pi, 91)[:-1]
)


_KINDS = ("a number", "a list of numbers", "a list of rows of numbers", "a list of matrices")


#: Beyond this a variance, or the product of two, is more than a float holds.
LARGEST = 1e50


def numbers(value: Any, path: str, *ndims: int) -> np.ndarray:
    """`value` as finite float64 with one of `ndims` axes, or a ParamError naming `path`."""
    kinds = " or ".join(_KINDS[i] for i in ndims)
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ParamError(f"{path} must be {kinds}, all of one length") from None
    if array.ndim not in ndims or array.size == 0:
        raise ParamError(f"{path} must be {kinds}, not an array of shape {array.shape}")
    if not np.isfinite(array).all():
        where = "".join(f"[{i}]" for i in np.argwhere(~np.isfinite(array))[0])
        raise ParamError(f"{path}{where} is not a finite number")
    if np.abs(array).max() > LARGEST:
        where = "".join(f"[{i}]" for i in np.argwhere(np.abs(array) > LARGEST)[0])
        raise ParamError(f"{path}{where} is beyond {LARGEST:g}, where the arithmetic ends; use other units")
    return array


def given(value: Any) -> bool:
    """Whether an optional field of numbers was filled in."""
    return not (isinstance(value, list | tuple | np.ndarray) and len(value) == 0)


def class_names(words: Iterable[str]) -> tuple[str, ...]:
    """The different ones of `words`, the names of classes: numbers in their order, others as they come."""
    names = tuple(dict.fromkeys(words))
    whole = all(re.fullmatch(r"-?\d+", name) for name in names)
    return tuple(sorted(names, key=int)) if whole else names


def _rows(value: Any, name: str, most: int, d: int = 0) -> tuple[tuple[float, ...], ...]:
    """Rows of numbers as plain tuples, at most so many, of d columns (0: any)."""
    array = numbers(value, f"points.{name}", 2)
    if len(array) > most:
        raise ParamError(f"points.{name} must be at most {most} points, not {len(array)}")
    if d and array.shape[1] != d:
        raise ParamError(f"points.{name} must have as many columns as the points, {d}, not {array.shape[1]}")
    return tuple(map(tuple, array.tolist()))


@DISTRIBUTIONS.register("points", title="Your points", order=400)
@dataclass(frozen=True)
class Points(Distribution):
    """Support points (k, d), d 1 or 2, of equal weight with jitter.

    `labels` is empty or has the class of each point: its number or its name. `held_out` (m, d) are points of the same
    origin that are no support points: a network's validation loss is measured on them. `file` is the name of the file
    that the points are from; its coordinates `columns` were moved by `shift` and divided by `scale` (d,), see `units`.
    All may be given as lists or arrays; they are kept as plain tuples, so that two experiments are equal when their
    points are, and a file can carry them.
    """

    builtin = False
    about = "Your own data: drawn with the mouse, or imported from a table or an image."
    points: Any = param(
        _START, "Points", kind="data",
        help=f"At most {MOST:,} rows x, y, or x alone.", equation="p = 1/k Σᵢ N(uᵢ, s² I)",
    )  # fmt: skip
    jitter: float = param(
        0.05, "Jitter", symbol="s", low=0.01, high=0.3, minimum=0.001, maximum=2.0, log=True,
        help="Standard deviation around each point.",
        equation="N(uᵢ, s² I)",
    )  # fmt: skip
    labels: Any = param(
        (), "Classes", kind="data",
        help="One number or name for each point, or none.", equation="p(y | x) = Σ_{yᵢ = y} pᵢ(x) / Σᵢ pᵢ(x)",
    )  # fmt: skip
    held_out: Any = param(
        (), "Held-out points", kind="data",
        help=f"At most {MOST_HELD_OUT:,} rows of the same file, for the validation loss.",
        equation="1/m Σⱼ ℓ(θ; vⱼ), vⱼ held out",
    )  # fmt: skip
    file: str = param(
        "",
        "File",
        advanced=True,
        help="The name of the file that the points are from: what titles and captions call them.",
    )
    columns: Any = param((), "Columns", kind="data", help="What its coordinates are called.")
    shift: Any = param(
        (), "Shift", kind="data", help="The origin of the standard units, in those of the file.",
        equation="y = scale · x + shift",
    )  # fmt: skip
    scale: Any = param(
        (), "Scale", kind="data", help="The standard units, in those of the file.", equation="y = scale · x + shift"
    )  # fmt: skip
    note: str = param(
        "", "Note",
        help="Where the points are from, and what was done to them.", advanced=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        points = _rows(self.points, "points", MOST)
        d = len(points[0])
        if d not in (1, 2):
            raise ParamError(f"points.points must have one or two columns, not {d}")
        held_out = _rows(self.held_out, "held_out", MOST_HELD_OUT, d) if given(self.held_out) else ()
        kept = {"dim": d, "points": points, "held_out": held_out, "labels": self._checked_labels()}
        kept |= {name: printable(getattr(self, name)) for name in ("file", "note")}
        kept |= self._checked_units(d) | ({"title": kept["file"]} if kept["file"] else {})
        for name, value in kept.items():  # of this object, since its numbers decide it
            object.__setattr__(self, name, value)

    @property
    def held_out_points(self) -> np.ndarray | None:
        return np.array(self.held_out) if self.held_out else None

    def _checked_units(self, d: int) -> dict[str, tuple[Any, ...]]:
        """Shift, scale and names of the columns: of all coordinates or of none."""
        parts = {"shift": self.shift, "scale": self.scale, "columns": self.columns}
        if not any(given(value) for value in parts.values()):
            return dict.fromkeys(parts, ())
        numeric = {}
        for name in ("shift", "scale"):
            if not given(parts[name]):
                continue
            values = numbers(parts[name], f"points.{name}", 1)
            if len(values) != d:
                raise ParamError(f"points.{name} must be {d} numbers, one a coordinate, not {len(values)}")
            numeric[name] = tuple(values.tolist())
        names = self.columns if isinstance(self.columns, list | tuple) else ()
        if len(names) != d or not all(isinstance(name, str) for name in names):
            raise ParamError(f"points.columns must be {d} names, one a coordinate")
        if numeric.keys() != {"shift", "scale"}:
            raise ParamError("points.shift and points.scale must both be given, or none of them")
        if min(numeric["scale"]) <= 0:
            raise ParamError("points.scale must be greater than 0")
        return {**numeric, "columns": tuple(map(printable, names))}

    @property
    def units(self) -> Units | None:
        return Units(self.columns, self.shift, self.scale) if self.scale else None

    def _checked_labels(self) -> tuple[int, ...] | tuple[str, ...]:
        if not given(self.labels):
            return ()
        words = list(self.labels) if isinstance(self.labels, list | tuple | np.ndarray) else []
        if words and all(isinstance(word, str) for word in words):
            if len(words) != len(self.points):
                raise ParamError(
                    f"points.labels must be {len(self.points)} names, one a point, not {len(words)}"
                )
            return tuple(map(printable, words))
        labels = numbers(self.labels, "points.labels", 1)
        if len(labels) != len(self.points):
            raise ParamError(
                f"points.labels must be {len(self.points)} numbers, one a point, not {len(labels)}"
            )
        if (labels < 0).any() or (labels != np.floor(labels)).any() or labels.max() >= MOST:
            raise ParamError(f"points.labels must be whole numbers from 0 to {MOST - 1}")
        return tuple(int(v) for v in labels)

    def build(self) -> Mixture:
        if not self.labels:
            return Mixture.of_points(np.array(self.points), self.jitter)
        if isinstance(self.labels[0], str):
            names = class_names(self.labels)
            labels = np.array([names.index(word) for word in self.labels])
        else:
            names = tuple(f"class {i + 1}" for i in range(max(self.labels) + 1))
            labels = np.array(self.labels)
        return Mixture.of_points(np.array(self.points), self.jitter, labels, names)
