"""From a picture's file to a small square of levels, read safely."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from explorer.images.archive import ImageError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")
#: Larger files, and pictures of more pixels, are not read.
MOST_BYTES, MOST_PIXELS = 64 * 2**20, 50_000_000


def square_of(path: Path, size: tuple[int, int, int]) -> np.ndarray:
    """A picture as levels (c, h, w), uint8: the middle of it, brought to that size; what is transparent is white.

    Raises whatever is wrong with the file: ImageError where it is too large, OSError, and what decoders raise.
    """
    channels, height, width = size
    if path.stat().st_size > MOST_BYTES:
        raise ImageError(f"{path.name} is too large: at most {MOST_BYTES:,} bytes are read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pictures that are large (looked at below) or slightly damaged
        with Image.open(path, formats=FORMATS) as file:
            if file.width * file.height > MOST_PIXELS:
                big = f"{file.width} by {file.height} pixels"
                raise ImageError(f"{path.name} is too large: {big}, at most {MOST_PIXELS:,} are read")
            file.draft("RGB", (2 * width, 2 * height))
            picture = _plainly(ImageOps.exif_transpose(file))
    fitted = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    if fitted.mode == "RGBA":
        fitted = Image.alpha_composite(Image.new("RGBA", fitted.size, "white"), fitted)
    pixels = np.asarray(fitted.convert("L" if channels == 1 else "RGB"))
    return np.ascontiguousarray(np.moveaxis(pixels.reshape(height, width, channels), -1, 0))


def grey_of(levels: np.ndarray) -> np.ndarray:
    """Levels (3, h, w) in red, green and blue as levels (1, h, w) in grey."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(np.moveaxis(levels, 0, -1))).convert("L"))[None]


def _plainly(picture: Image.Image) -> Image.Image:
    """The picture in grey, RGB or RGBA, of 8 bits each."""
    if picture.mode[0] in "IF":  # 16 bits, which Pillow would cut off at 255, or numbers from 0 to 1
        levels = np.nan_to_num(np.asarray(picture, np.float64)) * (255 if picture.mode == "F" else 1 / 257)
        return Image.fromarray(levels.clip(0, 255).round().astype(np.uint8))
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture
    clear = picture.mode in ("LA", "PA", "La", "RGBa") or "transparency" in picture.info
    return picture.convert("RGBA" if clear else "RGB")
