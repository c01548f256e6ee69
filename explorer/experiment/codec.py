"""Experiments and their parts as JSON objects, and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from explorer.base.numbers import vanished
from explorer.base.params import Param, ParamError, params
from explorer.base.registry import Registry, type_tag
from explorer.experiment.schema import ExperimentError


def encode(value: Any) -> Any:
    """A parameter value as JSON: registered things carry their name as "type"."""
    if is_dataclass(value) and not isinstance(value, type):
        tag = type_tag(type(value))
        told = {f.name: encode(getattr(value, f.name)) for f in fields(value) if "param" in f.metadata}
        return {"type": tag} | told if tag else told
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    return value


def decode(cls: type, value: Any, path: str, *, lenient: bool = False) -> Any:
    """An object of the dataclass `cls` from a JSON object; fields that are missing take their defaults.

    Unknown fields are refused, unless `lenient`: a newer version may have them.
    """
    if not isinstance(value, Mapping):
        raise ExperimentError(f"{path} must be an object, not {_short(value)}")
    known = {p.name: p for p in params(cls)}
    unknown = sorted(set(value) - set(known) - ({"type"} if type_tag(cls) else set()))
    if unknown and not lenient:
        raise ExperimentError(_no_field(f"{path}.{unknown[0]}", known))
    given = {k: _decode_field(known[k], v, f"{path}.{k}", lenient) for k, v in value.items() if k in known}
    try:
        return cls(**given)
    except ParamError as error:
        raise ExperimentError(_located(str(error), cls, path)) from None


def _no_field(path: str, known: Mapping[str, Param]) -> str:
    return f"{path} is not a field; the fields are {', '.join(known) or 'none'}"


def _located(message: str, cls: type, path: str) -> str:
    """A message that starts with the class's own name, with the whole path in its place before every field."""
    own = getattr(cls, "name", "")
    if not own or not message.startswith(own + "."):
        return f"{path}: {message}"
    fields = "|".join(p.name for p in params(cls))
    return path + re.sub(rf"\b{own}\.(?=(?:{fields})\b)", f"{path}.", message[len(own) :])


def _decode_field(p: Param, value: Any, path: str, lenient: bool = False) -> Any:
    if p.kind == "one_of":
        assert p.registry is not None
        return decode_one_of(p.registry, value, path, lenient)
    if p.kind == "spec":
        assert isinstance(p.default, type)
        return decode(p.default, value, path, lenient=lenient)
    try:
        return p.check(_tuples(value), path)
    except ParamError as error:
        raise ExperimentError(str(error)) from None
    except OverflowError:  # a whole number beyond all floats
        raise ExperimentError(f"{path} is too large") from None


def decode_one_of(registry: Registry[Any], value: Any, path: str, lenient: bool = False) -> Any:
    """A registered thing from its name alone or from {"type": name, ...}."""
    value = {"type": value} if isinstance(value, str) else value
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        raise ExperimentError(f'{path} must be an object with a "type" (one of {", ".join(registry)})')
    name = value["type"]
    if name not in registry:
        missing = registry.unknown(name, ", which may come from a plugin that is not loaded")
        raise ExperimentError(f"{path}.type: {missing}")
    return decode(registry[name], value, path, lenient=lenient)


def _tuples(value: Any) -> Any:
    """Lists become tuples, so that experiments stay immutable and comparable."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


#: Deeper than anything an experiment holds.
_DEEPEST = 32


def parse(text: str) -> Any:
    """JSON text as an object. Numbers that no float holds (NaN, 1e400, 1e-400) are refused with their place."""
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_float=_float)  # some editors put a mark first
    except RecursionError:
        raise ExperimentError("the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ExperimentError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise ExperimentError("not an experiment: it has a number of thousands of digits") from None
    if _deeper(value, _DEEPEST):
        raise ExperimentError("the JSON is nested too deeply")
    for path in not_finite(value):
        if path:  # a number alone is no experiment anyway
            raise ExperimentError(f"{path} must be a finite number that a float can hold")
    return value


def _float(digits: str) -> float:
    value = float(digits)
    return math.nan if vanished(digits, value) else value


def not_finite(value: Any, path: str = "") -> Iterator[str]:
    """The places (a.b[0].c) of a JSON value where a number is infinite or not a number."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from not_finite(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from not_finite(inner, f"{path}[{i}]")


def _deeper(value: Any, most: int) -> bool:
    """Whether containers are nested more than `most` deep."""
    layer = [value]
    for _ in range(most + 1):
        inside = (
            v for c in layer if isinstance(c, dict | list) for v in (c.values() if isinstance(c, dict) else c)
        )
        layer = [v for v in inside if isinstance(v, dict | list)]
    return bool(layer)


def edited(experiment: Any, path: str, value: Any) -> Any:
    """A copy with the field at a dotted path set, as `edited(e, "sampler.steps", 100)` does."""
    return _edited(experiment, path, value, "")


def _edited(owner: Any, path: str, value: Any, above: str) -> Any:
    head, _, rest = path.partition(".")
    cls: type = type(owner)
    known = {p.name: p for p in params(cls)} if is_dataclass(cls) else {}
    where = above + head
    if head not in known:
        raise ExperimentError(_no_field(where, known))
    inner = getattr(owner, head)
    new = _edited(inner, rest, value, f"{where}.") if rest else _decode_field(known[head], value, where)
    try:
        return replace(owner, **{head: new})
    except ParamError as error:
        raise ExperimentError(_located(str(error), cls, above.rstrip(".") or "experiment")) from None
