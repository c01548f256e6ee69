"""Parameters: what a field of a frozen dataclass means, said once.

The forms of the window, the JSON files, the command line, `list --json` and the tests are all made from it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from numbers import Real
from typing import Any, get_type_hints

from explorer.base.errors import Told
from explorer.base.registry import Registry


class ParamError(Told, ValueError):
    """A value that a parameter cannot take. The message names the field, the value and the range."""


#: Small letters below the line, as far as there are any.
_BELOW = dict(zip("aehijklmnoprstuvx0123456789", "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₀₁₂₃₄₅₆₇₈₉", strict=True))


@dataclass(frozen=True)
class Param:
    """One parameter.

    `low`..`high` is the range of the slider; `minimum`..`maximum` the range of what may be typed. Whole numbers are
    multiples of `every`.
    `kind` is one of: float, int, bool, choice, text, many (texts separated by commas, of which `choices` offers the
    usual ones by their titles), one_of (a nested registered thing), spec (a nested
    dataclass), data (arrays that a form does not show).
    `zero` is what 0 means, where that is no amount ("no limit").
    """

    name: str
    kind: str
    default: Any
    label: str
    symbol: str = ""
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    minimum: float = -math.inf
    maximum: float = math.inf
    log: bool = False
    every: int = 1
    choices: tuple[tuple[Any, str], ...] = ()
    help: str = ""
    equation: str = ""
    advanced: bool = False
    registry: Registry[Any] | None = None
    visible: Callable[[Any], bool] | None = None
    zero: str = ""

    @property
    def short(self) -> str:
        """The symbol as it is written within a line, "βₘᵢₙ"; the label where there is none."""
        stem, _, low = self.symbol.partition("_")
        if not set(low) <= _BELOW.keys():
            return self.symbol
        return stem + "".join(_BELOW[letter] for letter in low) or self.label

    def shown(self, owner: Any) -> bool:
        """Whether this parameter means anything for `owner` as it is now."""
        return self.visible is None or bool(self.visible(owner))

    def check(self, value: Any, path: str) -> Any:
        """`value` in this parameter's type, or a ParamError naming `path`."""
        return _CHECKS.get(self.kind, _accept)(self, value, path)


def param(
    default: Any,
    label: str,
    *,
    symbol: str = "",
    unit: str = "",
    low: float = 0.0,
    high: float = 1.0,
    minimum: float | None = None,
    maximum: float | None = None,
    log: bool = False,
    every: int = 1,
    choices: Mapping[Any, str] | None = None,
    help: str = "",
    equation: str = "",
    advanced: bool = False,
    registry: Registry[Any] | None = None,
    visible: Callable[[Any], bool] | None = None,
    kind: str | None = None,
    zero: str = "",
) -> Any:
    """A dataclass field that carries its Param. See `Param` for the words.

    `choices` maps each value to the words shown for it. `minimum` defaults to `low`, `maximum` to no limit.
    `default` may be a callable (a registered class, say): it is then called for each new object.
    """
    factory = callable(default)
    meta = dict(
        label=label,
        symbol=symbol,
        unit=unit,
        zero=zero,
        low=low,
        high=high,
        minimum=low if minimum is None else minimum,
        maximum=math.inf if maximum is None else maximum,
        log=log,
        every=every,
        choices=tuple((choices or {}).items()),
        help=help,
        equation=equation,
        advanced=advanced,
        registry=registry,
        visible=visible,
        kind=kind,
    )
    if factory:
        return field(default_factory=default, metadata={"param": meta})
    return field(default=default, metadata={"param": meta})


def _kind(f: Field[Any], annotation: Any, meta: Mapping[str, Any]) -> str:
    if meta["kind"]:
        return str(meta["kind"])
    if meta["choices"]:
        return "choice"
    if meta["registry"] is not None:
        return "one_of"
    by_type = {bool: "bool", int: "int", float: "float", str: "text"}
    return by_type.get(annotation, "spec" if hasattr(annotation, "__dataclass_fields__") else "data")


@cache
def params(cls: type) -> tuple[Param, ...]:
    """The parameters of a dataclass, in the order of its fields. Fields made without `param` have none."""
    hints = get_type_hints(cls)
    out = []
    for f in fields(cls):
        if "param" not in f.metadata:
            continue
        meta = dict(f.metadata["param"])
        meta["kind"] = _kind(f, hints[f.name], meta)
        default = f.default if f.default is not MISSING else f.default_factory
        out.append(Param(name=f.name, default=default, **meta))
    return tuple(out)


def validated(owner: Any, path: str = "") -> None:
    """Check every parameter of `owner` in place (for `__post_init__`); numbers are brought to their type."""
    for p in params(owner.__class__):
        where = f"{path or type(owner).__name__.lower()}.{p.name}"
        object.__setattr__(owner, p.name, p.check(getattr(owner, p.name), where))


class Validated:
    """Base of the frozen dataclasses made of parameters: a bad value is refused when the object is made."""

    def __post_init__(self) -> None:
        validated(self, getattr(type(self), "name", ""))


def _accept(p: Param, value: Any, path: str) -> Any:
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)  # numpy's numbers are Real too


def _check_float(p: Param, value: Any, path: str) -> float:
    if not _is_number(value):
        raise ParamError(f"{path} must be a number, not {value!r}")
    _check_range(p, value, path)
    return float(value)


def _check_int(p: Param, value: Any, path: str) -> int:
    if not _is_number(value) or value % 1 != 0:  # (inf % 1 and nan % 1 are nan)
        raise ParamError(f"{path} must be a whole number, not {value!r}")
    _check_range(p, value, path)
    if value % p.every:
        raise ParamError(f"{path} must be a multiple of {p.every}, not {value}")
    return int(value)


def _check_range(p: Param, value: Any, path: str) -> None:
    """Refuse what is out of range, NaN included; whole numbers beyond float are compared as they are."""
    if not p.minimum <= value <= p.maximum or value in (math.inf, -math.inf):
        limits = (
            f"between {_limit(p.minimum)} and {_limit(p.maximum)}"
            if math.isfinite(p.maximum)
            else f"at least {_limit(p.minimum)}"
        )
        raise ParamError(f"{path} must be {limits}, not {str(value)[:20]}")


def _limit(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _check_bool(p: Param, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise ParamError(f"{path} must be true or false, not {value!r}")
    return value


def parts_of(text: str) -> list[str]:
    """The texts of a parameter of kind many: commas within brackets separate nothing."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _check_choice(p: Param, value: Any, path: str) -> Any:
    allowed = [c for c, _ in p.choices]
    if value not in allowed:
        raise ParamError(f"{path} must be one of {', '.join(map(str, allowed))}, not {value!r}")
    return value


def _check_text(p: Param, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise ParamError(f"{path} must be text, not {value!r}")
    return value


def _check_one_of(p: Param, value: Any, path: str) -> Any:
    if p.registry is None or p.registry.holds(type(value)):
        return value
    if isinstance(value, tuple(p.registry.values())):
        raise ParamError(
            f"{path} must be a {p.registry.kind}, and {type(value).__name__} is not registered as one"
        )
    raise ParamError(f"{path} must be a {p.registry.kind} ({', '.join(p.registry)}), not {str(value)[:40]!r}")


_CHECKS: dict[str, Callable[[Param, Any, str], Any]] = {
    "float": _check_float,
    "int": _check_int,
    "bool": _check_bool,
    "choice": _check_choice,
    "text": _check_text,
    "many": _check_text,
    "one_of": _check_one_of,
}
