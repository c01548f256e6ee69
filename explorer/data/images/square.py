"""From an image file to a small square of levels, read safely and in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from explorer.data.images.archive import ImageError

#: The still formats that Pillow reads, by the endings of their files. Left out on purpose: EPS, for which Pillow
#: starts Ghostscript; WMF, which Windows would draw; and those whose pixels it cannot read (HDF5, GRIB, BUFR, MPEG).
FORMAT_OF = {
    ending: name
    for name, endings in {
        "PNG": ".png .apng", "JPEG": ".jpg .jpeg .jpe .jfif", "BMP": ".bmp", "GIF": ".gif", "WEBP": ".webp",
        "PPM": ".ppm .pgm .pbm .pnm .pfm", "TIFF": ".tif .tiff", "AVIF": ".avif .avifs",
        "JPEG2000": ".jp2 .j2k .jpc .jpf .jpx .j2c", "TGA": ".tga .icb .vda .vst", "ICO": ".ico", "CUR": ".cur",
        "ICNS": ".icns", "PSD": ".psd", "DDS": ".dds", "DIB": ".dib", "PCX": ".pcx", "DCX": ".dcx", "QOI": ".qoi",
        "SGI": ".sgi .rgb .rgba .bw", "SUN": ".ras", "FITS": ".fit .fits", "XBM": ".xbm", "XPM": ".xpm", "IM": ".im",
        "MSP": ".msp", "PCD": ".pcd", "PIXAR": ".pxr", "BLP": ".blp", "FTEX": ".ftc .ftu", "GBR": ".gbr",
        "FLI": ".fli .flc", "IPTC": ".iim",
    }.items()
    for ending in endings.split()
}  # fmt: skip
ENDINGS = tuple(FORMAT_OF)
#: Tried whatever the ending says, for files are misnamed; and the name that Pillow has for those of several images.
COMMON = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
#: Larger files, and images of more pixels, are not read; nor are images whose shorter side is below LEAST_SIDE.
MOST_BYTES, MOST_PIXELS, LEAST_SIDE = 64 * 2**20, 50_000_000, 8
#: Pixels that are converted at once.
STRIP = 1_000_000


class TooLarge(ImageError):
    """An image of more bytes or pixels than are read."""


class TooSmall(ImageError):
    """An image of so few pixels that it shows nothing."""


def square_of(path: Path, size: tuple[int, int, int], span: tuple[float, float] | None = None) -> np.ndarray:
    """An image as levels (c, h, w), uint8: the middle of it, brought to that size; what is transparent is white.

    One of more than 8 bits is stretched: `span` (by default the range of its own values) goes to black and white.
    Raises whatever is wrong with the file: ImageError where it is too large, OSError, and what decoders raise.
    """
    return stretched(values_of(path, size), span)


def values_of(path: Path, size: tuple[int, int, int]) -> np.ndarray:
    """The same before it is stretched (c, h, w): levels (uint8), or of more than 8 bits the values (float32)."""
    _, height, width = size
    if path.stat().st_size > MOST_BYTES:
        raise TooLarge(f"{path.name} is too large: at most {MOST_BYTES:,} bytes are read")
    with opened(path, (2 * width, 2 * height)) as picture:
        small = reduced(picture, (4 * width, 4 * height))
    return fitted(small, size)


@contextmanager
def opened(path: Path, draft: tuple[int, int]) -> Iterator[Image.Image]:
    """An image file, the right way up; a JPEG may be decoded smaller, but not below `draft` (width, height)."""
    named = FORMAT_OF.get(path.suffix.lower(), "PNG")
    formats = COMMON if named in COMMON else (named, *COMMON)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of images that are large (looked at below) or slightly damaged
        try:
            file = Image.open(path, formats=formats)
        except Image.DecompressionBombError:
            raise TooLarge(f"{path.name} is too large: at most {MOST_PIXELS:,} pixels are read") from None
        with file:
            if file.width * file.height > MOST_PIXELS:
                big = f"{file.width} by {file.height} pixels"
                raise TooLarge(f"{path.name} is too large: {big}, at most {MOST_PIXELS:,} are read")
            file.draft("RGB", draft)
            ImageOps.exif_transpose(file, in_place=True)
            yield file


def frames_in(path: Path) -> int:
    """How many images a file holds one behind the other, of which the first is read: stacks and animations."""
    if path.suffix.lower() not in (".tif", ".tiff", ".gif", ".webp", ".png", ".apng"):
        return 1
    with opened(path, (1, 1)) as file:
        return int(getattr(file, "n_frames", 1))


def reduced(picture: Image.Image, least: tuple[int, int]) -> Image.Image:
    """An image in grey, RGB or RGBA of 8 bits (L, RGB, RGBA), or of more bits (F), not much over `least` pixels.

    Strip by strip: beside the decoded image, only STRIP pixels of it take memory.
    """
    factor = max(1, min(picture.width // least[0], picture.height // least[1]))
    if factor == 1:
        return _plainly(picture)
    step = factor * max(1, STRIP // (picture.width * factor))
    tops = range(0, picture.height, step)
    strips = (picture.crop((0, top, picture.width, min(top + step, picture.height))) for top in tops)
    small: Image.Image | None = None
    for top, strip in zip(tops, strips, strict=True):
        part = _plainly(strip).reduce(factor)
        if small is None:
            small = Image.new(part.mode, (part.width, -(-picture.height // factor)))
        small.paste(part, (0, top // factor))
    assert small is not None
    return small


def _plainly(picture: Image.Image) -> Image.Image:
    """The image in grey, RGB or RGBA of 8 bits; of more bits, which Pillow would cut off at 255, as real numbers."""
    if picture.mode[0] in "IF":
        return Image.fromarray(np.nan_to_num(np.asarray(picture, np.float32), posinf=0.0, neginf=0.0))
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture
    clear = picture.mode in ("LA", "PA", "La", "RGBa") or "transparency" in picture.info
    return picture.convert("RGBA" if clear else "RGB")


def fitted(picture: Image.Image, size: tuple[int, int, int]) -> np.ndarray:
    """The middle of an image (L, RGB, RGBA or F) as values (c, h, w): uint8, or float32 of an F."""
    channels, height, width = size
    if min(picture.size) < LEAST_SIDE:
        raise TooSmall(f"an image of {picture.width} by {picture.height} pixels is too small")
    small = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    if small.mode == "F":
        low, high = picture.getextrema()
        values = np.asarray(small, np.float32).clip(low, high)  # the filter goes a little beyond
        return np.repeat(values[None], channels, 0)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    pixels = np.asarray(small.convert("L" if channels == 1 else "RGB"))
    return np.ascontiguousarray(np.moveaxis(pixels.reshape(height, width, channels), -1, 0))


def span_of(values: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value of an image of more than 8 bits, or of several."""
    return float(values.min()), float(values.max())


def stretched(values: np.ndarray, span: tuple[float, float] | None = None) -> np.ndarray:
    """Values as levels, uint8: what is uint8 stays, and of others `span`, by default their own, goes to 0 and 255."""
    if values.dtype == np.uint8:
        return values
    low, high = span_of(values) if span is None else span
    share = (values.astype(np.float64) - low) / ((high - low) or 1.0)
    return np.asarray(np.rint(share.clip(0, 1) * 255), np.uint8)


def grey_of(levels: np.ndarray) -> np.ndarray:
    """Levels (3, h, w) in red, green and blue as levels (1, h, w) in grey."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(np.moveaxis(levels, 0, -1))).convert("L"))[None]
