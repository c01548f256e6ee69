"""JSON as its standard has it: NaN and the infinities, which it does not know, are written as null."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from explorer.base.printable import escaped


def dumps(value: Any, indent: int | None = None, default: Callable[[Any], Any] | None = None) -> str:
    """`value` as JSON text; letters of all languages stand for themselves, what cannot be
    shown does not. Other types go through `default`."""
    text = json.dumps(_finite(value, default), indent=indent, ensure_ascii=False, allow_nan=False)
    return escaped(text)


def _finite(value: Any, default: Callable[[Any], Any] | None) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(v, default) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v, default) for v in value]
    if value is None or isinstance(value, str | int) or default is None:
        return value
    return _finite(default(value), default)
