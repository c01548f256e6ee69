"""The numbers that a network for pictures computes with: bfloat16 where that is faster, float32 where digits count.

Samples drawn in bfloat16 cannot be told from those in float32, to the eye or by their Fréchet distance. A divergence
is a difference of nearly equal numbers, and wants all digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from explorer.base.lazy import torch

_full: ContextVar[bool] = ContextVar("full", default=False)


def computes_in_half(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16; with "auto", where the device is made for it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


@contextmanager
def full_precision() -> Iterator[None]:
    """Whatever a network is set to, in this thread it computes in float32 meanwhile."""
    token = _full.set(True)
    try:
        yield
    finally:
        _full.reset(token)


def in_full_precision() -> bool:
    """Whether `full_precision` is in force."""
    return _full.get()
