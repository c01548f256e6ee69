"""Parameters: what is taken, what is refused and with which words; registries."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.base.params import Param, ParamError, Validated, param, params
from explorer.base.registry import Registry, UnknownName
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.sdes import SDES

REGISTRIES = [SDES, PREDICTORS, SOLVERS, CORRECTORS]


@dataclass(frozen=True)
class Inner(Validated):
    name = "inner"
    size: int = param(3, "Size", low=1, high=5, minimum=0, maximum=10)


@dataclass(frozen=True)
class Thing(Validated):
    name = "thing"
    x: float = param(0.5, "X", low=0.0, high=1.0, maximum=2.0)
    free: float = param(0.5, "Free", low=0.0, high=1.0)
    count: int = param(2, "Count", low=1, high=9, maximum=2**31)
    kind: str = param("a", "Kind", choices={"a": "A", "b": "B"})
    on: bool = param(True, "On", visible=lambda t: t.kind == "b")
    words: str = param("hello", "Words")
    inner: Inner = param(Inner, "Inner")
    sde: object = param(SDES["vp"], "SDE", registry=SDES)
    unsaid: int = 7


BAD = [
    ("x", math.nan, "between 0 and 2, not nan"), ("x", math.inf, "between 0 and 2"),
    ("x", "1", "a number, not '1'"),
    ("x", None, "a number"), ("x", True, "a number, not True"), ("x", 2.0001, "between 0 and 2, not 2.0001"),
    ("x", -1e-9, "between"), ("x", 10**400, "between 0 and 2"), ("x", 1j, "a number"),
    ("free", math.inf, "at least 0"), ("free", -1, "at least 0, not -1"),
    ("count", 1.5, "a whole number, not 1.5"), ("count", math.nan, "a whole number"),
    ("count", -math.inf, "a whole number"), ("count", False, "a whole number"), ("count", 0, "between 1 and"),
    ("count", 10**400, "between 1 and"), ("count", [1], "a whole number"),
    ("kind", "c", "one of a, b, not 'c'"), ("kind", ["a"], "one of a, b"),
    ("on", 1, "true or false, not 1"), ("words", 3, "text, not 3"),
    ("sde", "vp", "a SDE"), ("sde", Inner(), "a SDE"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "words"), BAD, ids=lambda v: str(v)[:20])
def test_refused_in_a_sentence_naming_the_field(field, value, words):
    with pytest.raises(ParamError) as caught:
        Thing(**{field: value})
    message = str(caught.value)
    assert message.startswith(f"thing.{field} must be ") and words in message and len(message) < 120


@given(st.floats(0, 2) | st.integers(0, 2) | st.fractions(0, 2))
def test_numbers_within_the_limits_are_taken(value):
    taken = Thing(x=value).x
    assert type(taken) is float and taken == float(value)


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), Fraction(3)])
def test_whole_numbers_of_any_kind(value):
    taken = Thing(count=value).count
    assert taken == 3 and type(taken) is int


def test_what_a_field_says_about_itself():
    by_name = {p.name: p for p in params(Thing)}
    assert list(by_name) == ["x", "free", "count", "kind", "on", "words", "inner", "sde"]
    kinds = {name: p.kind for name, p in by_name.items()}
    assert kinds == {"x": "float", "free": "float", "count": "int", "kind": "choice", "on": "bool",
                     "words": "text", "inner": "spec", "sde": "one_of"}  # fmt: skip
    assert (by_name["x"].minimum, by_name["x"].maximum, by_name["free"].maximum) == (0, 2, math.inf)
    assert not by_name["on"].shown(Thing()) and by_name["on"].shown(Thing(kind="b"))
    assert Thing().inner == Inner() and Thing().sde == SDES["vp"]() and Thing().unsaid == 7


def classes():
    return [registry[name] for registry in REGISTRIES for name in registry] + [Sampler]


@pytest.mark.parametrize("cls", classes(), ids=lambda c: c.__name__)
def test_every_parameter_is_usable_in_a_form(cls):
    """A label, help, a slider within the limits, a default within them, and ends that the class accepts."""
    made = cls()
    for p in params(cls):
        assert isinstance(p, Param) and p.label and (p.help or p.kind == "one_of")
        default = getattr(made, p.name)
        assert p.check(default, "x") == default
        if p.kind in ("float", "int"):
            assert p.minimum <= p.low < p.high <= p.maximum and p.low <= default <= p.high
            assert not p.log or p.low > 0
        for value, words in p.choices:
            assert words and p.check(value, "x") == value


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda r: r.kind)
def test_registries_know_their_things(registry):
    assert len(registry) == len(list(registry)) > 1
    orders = [registry[name].menu_order for name in registry]
    assert orders == sorted(orders)
    for name in registry:
        cls = registry[name]
        assert name in registry and cls.name == name and cls.title and cls.__doc__ and cls.source
    with pytest.raises(UnknownName, match=rf"no {registry.kind} is called 'nonsense'; there are: .*{name}"):
        registry["nonsense"]
    assert "nonsense" not in registry


def test_a_name_is_registered_once():
    registry = Registry("toy", "explorer.diffusion.sdes")
    registry.register("a", title="A")(type("A", (), {}))
    with pytest.raises(ValueError, match="toy 'a' is registered twice"):
        registry.register("a", title="A again")(type("B", (), {}))


@pytest.mark.parametrize(
    ("symbol", "short"),
    [("β_min", "βₘᵢₙ"), ("σ_max", "σₘₐₓ"), ("snr", "snr"), ("σ_L", "σ_L"), ("", "Rate"), ("x_1", "x₁")],
)
def test_a_symbol_within_a_line_has_its_small_letters_below_where_there_are_any(symbol, short):
    assert Param("rate", "float", 0.0, "Rate", symbol).short == short
