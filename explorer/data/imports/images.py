"""Pictures whose darkness is the density."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from explorer.data.images.archive import ImageError
from explorer.data.images.base import light_edge
from explorer.data.images.square import COMMON, opened, reduced, square_of
from explorer.data.imports.base import DataFileError

T = TypeVar("T")
#: Pixels along the longer side of what is looked at.
_SIDE = 256


def density_of(path: Path) -> tuple[np.ndarray, bool]:
    """How dense each pixel is, 0 to 1, (height, width), at most _SIDE on the longer side, and whether the ground is
    dark (by its edge, as everywhere): how dark a pixel is, or on a dark ground how bright. Raises DataFileError."""
    return _read(path, _density)


def _density(path: Path) -> tuple[np.ndarray, bool]:
    brightness = _brightness(path)
    darkest, lightest = float(brightness.min()), float(brightness.max())
    if not lightest - darkest > 0.02:
        raise DataFileError(f"{path.name} is blank: all of it is equally bright")
    dark = not light_edge((255 * (brightness - darkest) / (lightest - darkest))[None, None])
    density = (brightness - darkest if dark else lightest - brightness) / (lightest - darkest)
    # paper is never quite white
    return np.asarray(np.where(density < 0.05, 0, density)), dark


def levels_of(path: Path, size: tuple[int, int, int], span: tuple[float, float] | None = None) -> np.ndarray:
    """An image as levels (c, h, w), uint8: the middle of it, brought to that size; transparent counts as white.

    span: what of an image of more than 8 bits becomes black and white; by default its own range. Raises
    DataFileError, whose sentence names the file.
    """
    return _read(path, partial(square_of, size=size, span=span))


def _read(path: Path, read: Callable[[Path], T]) -> T:
    """What `read` makes of a picture, or a DataFileError."""
    try:
        with warnings.catch_warnings():
            # of pictures that are large (checked below) or damaged (refused, or shown as far as they go)
            warnings.simplefilter("ignore")
            return read(path)
    except DataFileError:
        raise
    except ImageError as e:
        raise DataFileError(str(e)) from e
    # decoders raise errors of many kinds on damaged data
    except Exception as e:
        if isinstance(e, OSError) and e.strerror:
            raise DataFileError(f"{path.name} cannot be read: {e.strerror}") from e
        kinds = ", ".join(COMMON)
        raise DataFileError(
            f"{path.name} is damaged, or no image of a known kind ({kinds} and others)"
        ) from e


def _brightness(path: Path) -> np.ndarray:
    """How bright it is on white, 0 to 1; one of more than 8 bits is stretched."""
    with opened(path, (2 * _SIDE, 2 * _SIDE)) as file:
        picture = reduced(file, (_SIDE, _SIDE))
    picture.thumbnail((_SIDE, _SIDE))
    if picture.mode == "F":
        values = np.asarray(picture, np.float64)
        return np.asarray((values - values.min()) / (np.ptp(values) or 1.0))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(picture.convert("L"), np.float64) / 255
