"""JSON without what JSON does not know."""

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from explorer.base import strict_json

NUMBERS = st.floats() | st.integers() | st.text() | st.none() | st.booleans()
VALUES = st.recursive(NUMBERS, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=20)


def refuse(word):
    raise AssertionError(f"{word} is no JSON")


def without(value):
    """What is to be read back."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [without(v) for v in value]
    return {k: without(v) for k, v in value.items()} if isinstance(value, dict) else value


@given(VALUES)
def test_what_is_written_is_json_and_is_read_back(value):
    assert json.loads(strict_json.dumps(value), parse_constant=refuse) == without(value)


def test_other_types_go_through_the_default():
    value = {"a": np.float32("nan"), "b": (np.float32(0.5), np.float64("inf")), "c": {"ö": np.float32(2)}}
    text = strict_json.dumps(value, indent=2, default=float)
    assert json.loads(text, parse_constant=refuse) == {"a": None, "b": [0.5, None], "c": {"ö": 2.0}}
    assert "ö" in text
