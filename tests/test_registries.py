"""Registries heal: what cannot be imported is named at every call, and leaves everything else as it was."""

import builtins
import json
import sys
from dataclasses import dataclass, replace
from importlib import import_module

import pytest

from explorer.base.params import ParamError
from explorer.base.registry import Joined, Registry, UnknownName, Unregistered, type_tag
from explorer.cli import main
from explorer.data.images import DATA, IMAGES
from explorer.experiment.codec import encode
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.export import EXPORTERS
from explorer.figures.views import VIEWS
from explorer.labs import LABS
from explorer.session import document
from explorer.session.document import Document

assert len(LABS) and len(EXPORTERS) and len(VIEWS)  # these import all others
REGISTRIES = {r.kind: r for r in Registry.every if r._package.startswith("explorer.")}
KINDS = pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES)

#: What can be wrong with a module -> its text; the last has already registered something when it fails.
BROKEN = {
    "syntax": "def broken(:",
    "import": "import a_package_that_nobody_has",
    "error": "raise RuntimeError('two\\nlines')",
    "exit": "raise SystemExit(3)",
    "half": "{registering}\n1 / 0",
}
REGISTERING = """
from explorer.base.registry import Registry
(registry,) = [r for r in Registry.every if r.kind == {kind!r} and r._package]
@registry.register("half_made", title="Half made")
class HalfMade: ...
"""


def test_every_registry_is_whole():
    assert Registry.failures() == []
    assert {len(r) > 0 for r in REGISTRIES.values()} == {True}
    assert len(REGISTRIES) >= 12


@pytest.fixture
def broken_module(monkeypatch, tmp_path):
    """Adds a module to a registry's package and lets all that share it look for their modules again."""

    def add(registry, text):
        package = import_module(registry._package)
        (tmp_path / "a_broken_module.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        look_again(registry)
        return f"{registry._package}.a_broken_module"

    monkeypatch.setattr(Registry, "_failures", {})
    entries = {kind: dict(r._classes) for kind, r in REGISTRIES.items()}
    yield add
    for kind, registry in REGISTRIES.items():
        registry._classes = entries[kind]
        registry._discovered = registry._started = True
    for name in [name for name in sys.modules if name.endswith(".a_broken_module")]:
        del sys.modules[name]


def look_again(registry):
    for each in REGISTRIES.values():
        if each._package == registry._package:
            each._discovered = each._started = False


@KINDS
@pytest.mark.parametrize("how", BROKEN)
def test_a_module_that_fails_is_named_and_leaves_all_others(registry, how, broken_module):
    before = {kind: dict(r) for kind, r in REGISTRIES.items()}
    module = broken_module(registry, BROKEN[how].format(registering=REGISTERING.format(kind=registry.kind)))
    for _ in range(2):  # every call, and not the first alone
        assert {kind: dict(r) for kind, r in REGISTRIES.items()} == before
        (failure,) = Registry.failures()
        assert failure.module == module
        assert module in failure.sentence and "\n" not in failure.sentence and failure.sentence.endswith(".")
        with pytest.raises(UnknownName, match=module):
            registry["half_made"]
        look_again(registry)


@KINDS
def test_an_interrupted_import_is_done_again(registry, broken_module):
    names = list(registry)
    text = (
        REGISTERING.format(kind=registry.kind)
        + "import builtins\nif builtins.interrupting: raise KeyboardInterrupt"
    )
    broken_module(registry, text)

    builtins.interrupting = True
    try:
        with pytest.raises(KeyboardInterrupt):
            len(registry)
        builtins.interrupting = False
        assert set(registry) == {*names, "half_made"}
    finally:
        del builtins.interrupting


def test_every_command_says_what_could_not_be_imported(broken_module, capsys):
    module = broken_module(REGISTRIES["predictor"], "1 / 0")
    for arguments in (["list", "sdes"], ["new"], ["list", "nonsense"]):
        main(arguments)
        said = capsys.readouterr()
        assert [line for line in said.err.splitlines() if module in line and "ZeroDivisionError" in line]
        assert module not in said.out


def test_listeners_are_told_once(broken_module, monkeypatch):
    heard = []
    monkeypatch.setattr(Registry, "listeners", [heard.append])
    broken_module(REGISTRIES["ODE solver"], "1 / 0")
    for kind in ("ODE solver", "predictor", "corrector"):
        look_again(REGISTRIES[kind])
        len(REGISTRIES[kind])
    assert heard == Registry.failures() and len(heard) == 1


# --- an unregistered subclass is not its parent ------------------------------------------------------------


def derived(registry):
    """A subclass of the first entry that has registered nothing."""
    parent = next(iter(registry.values()))
    return dataclass(frozen=True)(type("Derived", (parent,), {"__module__": __name__}))


@KINDS
def test_a_subclass_has_no_type_tag_before_it_has_a_name(registry):
    cls = derived(registry)
    assert not registry.holds(cls) and registry.holds(cls.__mro__[1])
    with pytest.raises(Unregistered, match="Derived"):
        type_tag(cls)
    with pytest.raises(Unregistered, match="Derived"):
        encode(cls())
    try:
        registry.register("derived", title="Derived")(cls)
        assert registry.holds(cls) and type_tag(cls) == "derived"
        assert encode(cls())["type"] == "derived"
    finally:
        del registry._classes["derived"]


FIELDS = {
    "data": lambda v: Experiment(data=v),
    "sde": lambda v: Experiment(sde=v),
    "control": lambda v: Experiment(control=v),
    "predictor": lambda v: replace(Experiment().sampler, predictor=v),
    "solver": lambda v: replace(Experiment().sampler, solver=v),
    "corrector": lambda v: replace(Experiment().sampler, corrector=v),
    "mistake": lambda v: replace(Experiment().sampler, mistake=v),
    "objective": lambda v: replace(Experiment().score, objective=v),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_takes_no_subclass_without_a_name(field):
    kinds = {"data": "distribution", "solver": "ODE solver", "sde": "SDE"}
    with pytest.raises(ParamError, match=rf"\.{field} must be .*Derived is not registered"):
        FIELDS[field](derived(REGISTRIES[kinds.get(field, field)])())


def test_no_document_holds_a_laboratory_without_a_name():
    lab = derived(LABS)()
    with pytest.raises(Unregistered, match="Derived"):
        document.dumps(Document(lab=lab))


# --- joined registries are live ----------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0, 1])
def test_what_is_added_later_is_in_the_joined_one(part):
    parts = Registry("dog", "nowhere"), Registry("cat", "nowhere")
    for r in parts:
        r._discovered = True
    joined = Joined("animal", *parts)
    assert list(joined) == [] and len(joined) == 0

    @parts[part].register("rex", title="Rex", order=2)
    class Rex: ...

    @parts[part].register("ada", title="Ada", order=1)
    class Ada: ...

    assert list(joined) == ["ada", "rex"] and joined["rex"] is Rex and "ada" in joined and joined.holds(Ada)
    with pytest.raises(ValueError, match="registered twice"):
        parts[1 - part].register("rex", title="Another")(type("Other", (), {}))
    with pytest.raises(TypeError, match="dog or cat"):
        joined.register("tom", title="Tom")
    del parts[part]._classes["rex"]
    assert list(joined) == ["ada"]
    for r in (*parts, joined):
        Registry.every.remove(next(e for e in Registry.every if e is r))


def test_the_data_of_an_experiment_are_what_the_two_registries_hold_now():
    cls = derived(IMAGES)
    try:
        IMAGES.register("later", title="Later", order=10**6)(cls)
        assert DATA["later"] is cls and list(DATA)[-1] == "later"
        assert Experiment(data=cls()).data.name == "later"
    finally:
        del IMAGES._classes["later"]
    assert "later" not in DATA


# --- names -------------------------------------------------------------------------------------------------


def test_a_name_of_the_program_stays_its_own(monkeypatch):
    """Whoever came first: a plugin that has taken one before the program's own was looked for gives way."""
    monkeypatch.setattr(Registry, "_failures", {})
    registry = Registry("thing", "nowhere")
    registry._discovered = True
    theirs, ours = (
        type("Theirs", (), {"__module__": "a_plugin"}),
        type("Ours", (), {"__module__": "explorer.things"}),
    )
    try:
        registry.register("x", title="Theirs")(theirs)
        registry.register("x", title="Ours")(ours)
        assert registry["x"] is ours
        (failure,) = Registry.failures()
        assert failure.module == "a_plugin" and "'x'" in failure.sentence
        for late in (theirs, ours):
            with pytest.raises(ValueError, match="registered twice"):
                registry.register("x", title="Late")(late)
    finally:
        Registry.every.remove(next(e for e in Registry.every if e is registry))


@pytest.mark.parametrize(
    "place", ["data", "sde", "sampler.predictor", "sampler.solver", "control", "score.objective"]
)
def test_a_type_that_is_missing_is_named_with_where_it_may_come_from(place):
    value = {"type": "from_elsewhere"}
    for part in reversed(place.split(".")):
        value = {part: value}
    with pytest.raises(ExperimentError) as caught:
        document.loads(json.dumps(value))
    said = str(caught.value)
    assert f"experiment.{place}.type" in said and "'from_elsewhere'" in said and "plugin" in said
