"""Where a network for pictures computes: the bulk of it on a GPU where there is one, all else on the CPU.

Points, levels and scores stay on the CPU, so that nobody who asks for a score need know. What goes to and fro is
small beside the work: 100 pictures are 300 kB.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from copy import deepcopy
from functools import cached_property

from explorer.base.lazy import torch
from explorer.base.precision import computes_in_half, in_full_precision

NO_MEMORY = "The GPU has no memory left for these images: the CPU goes on. Fewer images at once would fit."
FAILED = "The GPU failed ({}): the CPU goes on. Update its driver, or choose 'cpu' as the device."
_said: ContextVar[str] = ContextVar("said", default="")


def sampling_device(wanted: str) -> torch.device:
    """The device that a training set to `wanted` would take where that is CUDA, else the CPU."""
    there = wanted in ("auto", "cuda") and torch.cuda.is_available()
    return torch.device("cuda" if there else "cpu")


def autocast(device: torch.device, reduced: bool) -> contextlib.AbstractContextManager[object]:
    """bfloat16 for what is computed within, where `reduced`, and nobody wants all digits."""
    half = reduced and not in_full_precision()
    return torch.autocast(device.type, torch.bfloat16) if half else contextlib.nullcontext()


class Away:
    """A copy of a module on another device, made when first asked: tensors go there, the result comes back."""

    def __init__(self, module: torch.nn.Module, device: torch.device) -> None:
        self.device, self._home = device, module

    @cached_property
    def reduced(self) -> bool:
        """Whether it computes in bfloat16 there."""
        return computes_in_half("auto", self.device)

    @cached_property
    def module(self) -> torch.nn.Module:
        """The copy."""
        return deepcopy(self._home).to(self.device)

    def __call__(self, *tensors: torch.Tensor) -> torch.Tensor:
        home = tensors[0].device
        there = [v.to(self.device) for v in tensors]
        with autocast(self.device, self.reduced):
            out: torch.Tensor = self.module(*there)
        return out.to(home)


def say(trouble: RuntimeError) -> None:
    """What went wrong elsewhere, for whoever runs this (in this thread) to tell people."""
    first = (str(trouble).splitlines() or [""])[0]
    _said.set(NO_MEMORY if isinstance(trouble, torch.OutOfMemoryError) else FAILED.format(first))


def said() -> str:
    """What was said in this thread since it was asked last."""
    sentence = _said.get()
    _said.set("")
    return sentence
