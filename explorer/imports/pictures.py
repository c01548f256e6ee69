"""Pictures whose darkness is the density."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from explorer.imports.base import DataFileError

#: Pixels of a picture that is read, and along the longer side of what is looked at.
MAX_PIXELS = 50_000_000
_SIDE = 256
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")


def darkness_of(path: Path) -> np.ndarray:
    """How dark each pixel is, 0 to 1, (height, width), at most _SIDE on the longer side."""
    try:
        with warnings.catch_warnings():
            # of pictures that are large (checked below) or damaged (refused, or shown as far as they go)
            warnings.simplefilter("ignore")
            brightness = _brightness(path)
    except DataFileError:
        raise
    except Image.DecompressionBombError as e:
        raise DataFileError(f"{path.name} is too large: at most {MAX_PIXELS:,} pixels are read") from e
    # decoders raise errors of many kinds on damaged data
    except Exception as e:
        if isinstance(e, OSError) and e.strerror:
            raise DataFileError(f"{path.name} cannot be read: {e.strerror}") from e
        kinds = ", ".join(_FORMATS)
        raise DataFileError(f"{path.name} is damaged, or no picture of a known kind ({kinds})") from e
    darkest, lightest = float(brightness.min()), float(brightness.max())
    if not lightest - darkest > 0.02:
        raise DataFileError(f"{path.name} is blank: all of it is equally bright")
    darkness = (lightest - brightness) / (lightest - darkest)
    # paper is never quite white
    return np.asarray(np.where(darkness < 0.05, 0, darkness))


def _brightness(path: Path) -> np.ndarray:
    with Image.open(path, formats=_FORMATS) as file:
        if file.width * file.height > MAX_PIXELS:
            size = f"{file.width} by {file.height} pixels"
            raise DataFileError(f"{path.name} is too large: {size}, at most {MAX_PIXELS:,} are read")
        file.draft("RGB", (2 * _SIDE, 2 * _SIDE))
        picture: Image.Image = ImageOps.exif_transpose(file)
        if picture.mode[0] in "IF":
            return _deep(picture)
        factor = max(picture.size) // (2 * _SIDE)
        if factor > 1 and picture.mode in ("L", "RGB", "RGBA", "CMYK"):
            # smaller first, so that the conversion does not take four bytes for each of millions of pixels
            picture = picture.reduce(factor)
        picture = picture.convert("RGBA")
        picture.thumbnail((_SIDE, _SIDE))
        white = Image.new("RGBA", picture.size, "white")
        return np.asarray(Image.alpha_composite(white, picture).convert("L"), np.float64) / 255


def _deep(picture: Image.Image) -> np.ndarray:
    """The brightness of a picture of 16 or 32 bits, which Pillow would clip at 255."""
    stride = math.ceil(max(picture.size) / _SIDE)
    values = np.asarray(picture, np.float64)[::stride, ::stride]
    span = float(values.max() - values.min())
    if not math.isfinite(span) or span == 0:
        return np.zeros((1, 1))
    return np.asarray((values - values.min()) / span)
