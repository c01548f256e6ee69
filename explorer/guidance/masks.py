"""Masks: which pixels of a picture are painted out. A preset has a name; a painted one is its bits in hexadecimal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.base.params import ParamError

#: Name -> (words, painted out at row i and column j of h by w pixels).
PRESETS: dict[str, tuple[str, Callable[..., np.ndarray]]] = {
    "left": ("Left half", lambda i, j, h, w: 2 * j < w),
    "right": ("Right half", lambda i, j, h, w: 2 * j >= w),
    "lower": ("Lower half", lambda i, j, h, w: 2 * i >= h),
    "middle": ("Middle box", lambda i, j, h, w: (abs(4 * i + 2 - 2 * h) < h) & (abs(4 * j + 2 - 2 * w) < w)),
    "none": ("Nothing", lambda i, j, h, w: np.zeros((h, w), bool)),
}


def hidden(mask: str, height: int, width: int) -> np.ndarray:
    """The pixels painted out (height, width), bool. ParamError where it is the mask of other pictures, or none."""
    if mask in PRESETS:
        i, j = np.mgrid[:height, :width]
        return np.asarray(PRESETS[mask][1](i, j, height, width))
    raw = _bytes(mask)
    if not fits(mask, height, width):
        raise ParamError(f"this mask is not one for images of {width} x {height}: paint it anew")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=height * width)
    return bits.reshape(height, width).astype(bool)


def fits(mask: str, height: int, width: int) -> bool:
    """Whether it is a mask for pictures of this size."""
    return mask in PRESETS or len(_bytes(mask)) == -(-height * width // 8)


def encoded(out: np.ndarray) -> str:
    """A mask (height, width) in hexadecimal, row by row."""
    return np.packbits(out.astype(bool)).tobytes().hex()


def check(mask: str) -> None:
    """ParamError where this is no mask for pictures of any size."""
    if mask not in PRESETS:
        _bytes(mask)


def _bytes(mask: str) -> bytes:
    try:
        return bytes.fromhex(mask)
    except ValueError:
        names = ", ".join(PRESETS)
        raise ParamError(f"a mask is one of {names}, or bits in hexadecimal, not {mask[:20]!r}") from None
