"""torch, loaded on first use.

Importing torch takes longer than opening the window may take, and the forms, the experiment files and the
registries need none of it. `from explorer.lazy import torch` gives a module that loads itself when touched.
"""

from __future__ import annotations

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
