"""torch, loaded on first use.

Importing torch takes longer than opening the window may take, and the forms, the experiment files and the
registries need none of it. `from explorer.base.lazy import torch` gives a module that loads itself when touched.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch as torch
else:

    class _LazyModule:
        """Stands for a module until an attribute of it is asked for (imports are locked, so threads may race)."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            value = getattr(import_module(self._name), attribute)
            setattr(self, attribute, value)
            return value

    torch = _LazyModule("torch")


def ops(t: Any) -> Any:
    """The module whose exp, log, sqrt, expm1 and log1p fit `t`: math for a number, else torch."""
    return math if isinstance(t, float | int) else torch
