"""The user's own points: drawn with the mouse or imported from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.distributions.base import DISTRIBUTIONS, Distribution
from explorer.distributions.geometry import MAX_POINTS
from explorer.distributions.mixture import Mixture
from explorer.params import ParamError, param

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


@DISTRIBUTIONS.register("points", title="Your points", order=400)
@dataclass(frozen=True)
class Points(Distribution):
    """Support points (k, d), d 1 or 2, of equal weight with jitter.

    `labels` is empty or has the class of each point: its number or its name. Both may be given as lists or arrays; they
    are kept as plain tuples, so that two experiments are equal when their points are, and a file can carry them.
    """

    builtin = False
    about = "Your own data: drawn with the mouse, or imported from a table or an image."
    points: Any = param(
        _START, "Points", kind="data",
        help=f"At most {MAX_POINTS} rows x, y, or x alone.", equation="p = 1/k Σᵢ N(uᵢ, s² I)",
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
    note: str = param(
        "", "Note",
        help="Where the points are from, and what was done to them.", advanced=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        array = numbers(self.points, "points.points", 2)
        if array.shape[1] not in (1, 2):
            raise ParamError(f"points.points must have one or two columns, not {array.shape[1]}")
        if len(array) > MAX_POINTS:
            raise ParamError(f"points.points must be at most {MAX_POINTS} points, not {len(array)}")
        # of this object, since its numbers decide it
        object.__setattr__(self, "dim", array.shape[1])
        object.__setattr__(self, "points", tuple(map(tuple, array.tolist())))
        object.__setattr__(self, "labels", self._checked_labels())

    def _checked_labels(self) -> tuple[int, ...] | tuple[str, ...]:
        if not given(self.labels):
            return ()
        words = list(self.labels) if isinstance(self.labels, list | tuple | np.ndarray) else []
        if words and all(isinstance(word, str) for word in words):
            if len(words) != len(self.points):
                raise ParamError(
                    f"points.labels must be {len(self.points)} names, one a point, not {len(words)}"
                )
            return tuple(map(str, words))
        labels = numbers(self.labels, "points.labels", 1)
        if len(labels) != len(self.points):
            raise ParamError(
                f"points.labels must be {len(self.points)} numbers, one a point, not {len(labels)}"
            )
        if (labels < 0).any() or (labels != np.floor(labels)).any() or labels.max() >= MAX_POINTS:
            raise ParamError(f"points.labels must be whole numbers from 0 to {MAX_POINTS - 1}")
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
