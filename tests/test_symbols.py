"""Every control has its symbol and its equation; what can have none is named here."""

from collections.abc import Iterator

import pytest

from explorer.base.params import params
from explorer.experiment.schema import Experiment
from explorer.labs import LABS

#: Words, files and switches of the machine: no formula stands behind them.
WITHOUT = {
    "device", "precision",  # what computes
    "own", "own_0", "own_1", "drawing", "note", "file", "columns", "word", "path", "names", "digest",  # one's own
    "shape",  # figures
    "mask", "named", "predictors", "which",  # choices by name
}  # fmt: skip


def parts(cls: type) -> Iterator[type]:
    """A dataclass of parameters, those that it is made of, and all that can be chosen in it."""
    yield cls
    for p in params(cls):
        if p.kind == "spec":
            yield from parts(p.default)
        if p.registry is not None:
            yield from (p.registry[name] for name in p.registry)


def owners() -> dict[str, type]:
    found = (part for cls in (Experiment, *(LABS[name] for name in LABS)) for part in parts(cls))
    return {f"{cls.__module__}.{cls.__name__}": cls for cls in found}


@pytest.mark.parametrize("cls", owners().values(), ids=owners())
def test_every_control_has_a_symbol_and_an_equation(cls):
    for p in params(cls):
        if p.kind in ("one_of", "spec") or p.name in WITHOUT:
            continue
        assert p.equation, f"{p.name} has no equation"
        assert p.symbol or p.kind not in ("int", "float"), f"{p.name} has no symbol"


@pytest.mark.parametrize("cls", owners().values(), ids=owners())
def test_a_symbol_means_one_thing_on_a_form(cls):
    """Two that are seen together do not share one."""
    symbols = [p.symbol for p in params(cls) if p.symbol and p.visible is None]
    assert len(set(symbols)) == len(symbols)


def test_what_has_none_is_there():
    """The list of exceptions holds nothing that has gone."""
    names = {p.name for cls in owners().values() for p in params(cls) if not p.equation}
    assert names >= WITHOUT
