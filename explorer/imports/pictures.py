"""Pictures whose darkness is the density."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from explorer.images.archive import ImageError
from explorer.images.square import FORMATS, MOST_PIXELS, square_of
from explorer.imports.base import DataFileError

T = TypeVar("T")
#: Pixels along the longer side of what is looked at.
_SIDE = 256


def darkness_of(path: Path) -> np.ndarray:
    """How dark each pixel is, 0 to 1, (height, width), at most _SIDE on the longer side."""
    brightness = _read(path, _brightness)
    darkest, lightest = float(brightness.min()), float(brightness.max())
    if not lightest - darkest > 0.02:
        raise DataFileError(f"{path.name} is blank: all of it is equally bright")
    darkness = (lightest - brightness) / (lightest - darkest)
    # paper is never quite white
    return np.asarray(np.where(darkness < 0.05, 0, darkness))


def levels_of(path: Path, size: tuple[int, int, int]) -> np.ndarray:
    """A picture as levels (c, h, w), uint8: the middle of it, brought to that size; transparent counts as white.

    Raises DataFileError, whose sentence names the file.
    """
    return _read(path, partial(square_of, size=size))


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
    except Image.DecompressionBombError as e:
        raise DataFileError(f"{path.name} is too large: at most {MOST_PIXELS:,} pixels are read") from e
    # decoders raise errors of many kinds on damaged data
    except Exception as e:
        if isinstance(e, OSError) and e.strerror:
            raise DataFileError(f"{path.name} cannot be read: {e.strerror}") from e
        kinds = ", ".join(FORMATS)
        raise DataFileError(f"{path.name} is damaged, or no picture of a known kind ({kinds})") from e


def _brightness(path: Path) -> np.ndarray:
    picture = _picture(path)
    return _deep(picture) if picture.mode[0] in "IF" else np.asarray(picture.convert("L"), np.float64) / 255


def _picture(path: Path) -> Image.Image:
    """The picture in RGB on white, at most _SIDE on the longer side; one of 16 or 32 bits as it is."""
    with Image.open(path, formats=FORMATS) as file:
        if file.width * file.height > MOST_PIXELS:
            size = f"{file.width} by {file.height} pixels"
            raise DataFileError(f"{path.name} is too large: {size}, at most {MOST_PIXELS:,} are read")
        file.draft("RGB", (2 * _SIDE, 2 * _SIDE))
        picture: Image.Image = ImageOps.exif_transpose(file)
        if picture.mode[0] in "IF":
            picture.load()
            return picture
        factor = max(picture.size) // (2 * _SIDE)
        if factor > 1 and picture.mode in ("L", "RGB", "RGBA", "CMYK"):
            # smaller first, so that the conversion does not take four bytes for each of millions of pixels
            picture = picture.reduce(factor)
        picture = picture.convert("RGBA")
        picture.thumbnail((_SIDE, _SIDE))
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")


def _deep(picture: Image.Image) -> np.ndarray:
    """The brightness of a picture of 16 or 32 bits, which Pillow would clip at 255."""
    stride = math.ceil(max(picture.size) / _SIDE)
    values = np.asarray(picture, np.float64)[::stride, ::stride]
    span = float(values.max() - values.min())
    if not math.isfinite(span) or span == 0:
        return np.zeros((1, 1))
    return np.asarray((values - values.min()) / span)
