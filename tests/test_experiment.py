"""Experiments as JSON: random ones come back whole, bad ones are refused with a sentence that names the field."""

import dataclasses
import json
import random

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from explorer.base.params import ParamError, params
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.samplers.base import CORRECTORS, PREDICTORS, SOLVERS
from explorer.diffusion.sdes import SDES
from explorer.experiment import migrations as module
from explorer.experiment.codec import decode, edited, encode, parse
from explorer.experiment.migrations import MIGRATIONS, VERSION, from_dict, to_dict
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.training.objectives import OBJECTIVES

REGISTRIES = {
    "data": DISTRIBUTIONS, "sde": SDES, "score.objective": OBJECTIVES, "sampler.predictor": PREDICTORS,
    "sampler.solver": SOLVERS, "sampler.corrector": CORRECTORS,
}  # fmt: skip
NAMES = [(path, name) for path, registry in REGISTRIES.items() for name in registry]

COORDINATE = st.floats(-5, 5)
PAIRS = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=2).map(tuple)
#: Fields whose values a Param does not describe; those of one class fit each other.
SPECIAL = {
    ("letters", "word"): st.text("ABC xyz09", min_size=1, max_size=8).filter(str.strip),
    ("points", "points"): PAIRS,
    ("points", "labels"): st.sampled_from([(), (0, 1), (2, 2)]),
    ("gaussian_mixture", "means"): PAIRS | st.tuples(st.tuples(COORDINATE), st.tuples(COORDINATE)),
    ("gaussian_mixture", "scales"): st.floats(0.01, 3) | st.tuples(st.floats(0.01, 3), st.just(1)),
    ("gaussian_mixture", "covariances"): st.just(()),
    ("points", "held_out"): st.sampled_from([(), ((0.5, 1),)]),
    ("points", "columns"): st.sampled_from([(), ("a", "b, c")]),
    ("points", "shift"): st.sampled_from([(), (1.5, -2)]),
    ("points", "scale"): st.sampled_from([(), (0.5, 3)]),
    ("inpaint_picture", "mask"): st.sampled_from(["left", "none", "00ff"]),
    **{
        (name, "own"): st.sampled_from([(), (0, 9, 255)])
        for name in ("inpaint_picture", "colourise", "super_resolve")
    },
    ("folder", "path"): st.text(max_size=20),
    ("folder", "names"): st.sampled_from([(), ("a.png", "b c.jpg")]),
    ("folder", "digest"): st.text("0123456789abcdef", max_size=16),
    ("gaussian_mixture", "weights"): st.sampled_from([(), (1, 2.5), (0.0, 1.0)]),
}


def _value(cls, p):
    special = SPECIAL.get((getattr(cls, "name", ""), p.name))
    if special is not None:
        return special
    simple = {
        "float": st.floats(max(p.minimum, -1e300), min(p.maximum, 1e300)),
        "int": st.integers(int(-(-p.minimum // p.every)), int(min(p.maximum, 10**18) // p.every)).map(
            p.every.__mul__
        ),
        "bool": st.booleans(),
        "choice": st.sampled_from([c for c, _ in p.choices] or [None]),
        "text": st.text(max_size=20),
        "spec": objects(p.default) if p.kind == "spec" else None,
        "one_of": st.deferred(lambda: st.sampled_from(list(p.registry.values())).flatmap(objects)),
    }
    return simple[p.kind]


def objects(cls):
    """Random objects of a dataclass of parameters, over the whole of what may be typed."""

    def build(values):
        state = random.getstate()  # the checks of types draw from it, which Hypothesis would complain of
        try:
            return cls(**values)
        except ParamError:  # two fields that do not go together
            reject()
        finally:
            random.setstate(state)

    return st.fixed_dictionaries({}, optional={p.name: _value(cls, p) for p in params(cls)}).map(build)


# --- there and back ---------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(objects(Experiment))
def test_any_experiment_comes_back_from_json(experiment):
    text = json.dumps(to_dict(experiment), allow_nan=False)
    back, caution = from_dict(parse(text))
    assert back == experiment and hash(back) == hash(experiment) and caution == ""
    assert json.dumps(to_dict(back)) == text


@pytest.mark.parametrize(("path", "name"), NAMES)
def test_every_registered_thing_by_its_name_alone_or_in_full(path, name):
    thing = edited(Experiment(), path, name)
    assert thing == edited(Experiment(), path, {"type": name})
    assert from_dict(to_dict(thing))[0] == thing
    held = thing
    for part in path.split("."):
        held = getattr(held, part)
    assert type(held) is REGISTRIES[path][name] and encode(held)["type"] == name


def test_every_parameter_is_written():
    def check(value, written):
        for p in params(type(value)):
            assert p.name in written
            if p.kind in ("one_of", "spec"):
                check(getattr(value, p.name), written[p.name])

    check(Experiment(), to_dict(Experiment()))
    assert to_dict(Experiment())["version"] == VERSION and to_dict(Experiment())["format"] == "score-explorer"


def test_what_is_missing_takes_its_default():
    assert from_dict({})[0] == Experiment()
    assert from_dict({"sampler": {"steps": 7}})[0].sampler == dataclasses.replace(
        Experiment().sampler, steps=7
    )


def test_a_mixture_written_out_in_the_file():
    data = {"type": "gaussian_mixture", "means": [[0, 1], [2, 3]], "weights": [3, 1], "scales": [0.1, 0.2]}
    e, _ = from_dict({"data": data})
    assert e.data.mixture.means.tolist() == [[0, 1], [2, 3]]
    assert e.data.mixture.weights.tolist() == [0.75, 0.25]
    full = {"type": "gaussian_mixture", "means": [[0, 0]], "covariances": [[[2, 1], [1, 2]]]}
    np.testing.assert_allclose(from_dict({"data": full})[0].data.mixture.covariance, [[2, 1], [1, 2]])
    line = from_dict({"data": {"type": "gaussian_mixture", "means": [[0], [1]]}})[0]
    assert line.data.dim == 1 and from_dict(to_dict(line))[0] == line


def test_numbers_take_the_type_of_their_field():
    e, _ = from_dict(
        {"seed": 3.0, "sampler": {"snr": 1, "steps": 1e2}, "sde": {"type": "vp", "beta_max": 20}}
    )
    assert (e.seed, e.sampler.steps, e.sampler.snr, e.sde.beta_max) == (3, 100, 1.0, 20.0)
    assert [type(v) for v in (e.seed, e.sampler.steps, e.sampler.snr, e.sde.beta_max)] == [
        int,
        int,
        float,
        float,
    ]


# --- what is refused ----------------------------------------------------------------------------------------

BAD = [
    ([], "JSON object"),
    ("text", "JSON object"),
    (None, "JSON object"),
    ({"format": "something else"}, "format"),
    ({"version": "1"}, "version"),
    ({"version": True}, "version"),
    ({"version": -1}, "version"),
    ({"version": 1.5}, "version"),
    ({"version": None}, "version"),
    ({"steps": 3}, "experiment.steps"),
    ({"type": "vp"}, "experiment.type"),
    ({"data": 3}, "experiment.data"),
    ({"data": None}, "experiment.data"),
    ({"data": {}}, "experiment.data"),
    ({"data": {"type": 3}}, "experiment.data"),
    ({"data": "eight"}, "experiment.data.type"),
    ({"data": ["eight_gaussians"]}, "experiment.data"),
    ({"sde": {"type": "vp", "sigma_max": 3}}, "experiment.sde.sigma_max"),
    ({"sde": {"type": "vp", "beta_max": "20"}}, "experiment.sde.beta_max"),
    ({"sde": {"type": "vp", "beta_max": 1e9}}, "experiment.sde.beta_max"),
    ({"sde": {"type": "vp", "beta_max": float("nan")}}, "experiment.sde.beta_max"),
    ({"sde": {"type": "vp", "beta_max": float("inf")}}, "experiment.sde.beta_max"),
    ({"sde": {"type": "vp", "beta_max": 10**400}}, "experiment.sde.beta_max"),
    ({"sde": {"type": "vp", "beta_min": 5, "beta_max": 2}}, "experiment.sde.beta_max"),
    ({"sde": {"type": "ve", "sigma_min": 1, "sigma_max": 0.5}}, "experiment.sde.sigma_max"),
    ({"seed": 0.5}, "experiment.seed"),
    ({"seed": -1}, "experiment.seed"),
    ({"seed": "0"}, "experiment.seed"),
    ({"seed": True}, "experiment.seed"),
    ({"seed": [0]}, "experiment.seed"),
    ({"seed": {}}, "experiment.seed"),
    ({"seed": 10**400}, "experiment.seed"),
    ({"sampler": []}, "experiment.sampler"),
    ({"sampler": {"type": "x"}}, "experiment.sampler.type"),
    ({"sampler": {"mode": "sideways"}}, "experiment.sampler.mode"),
    ({"sampler": {"mode": ["ode"]}}, "experiment.sampler.mode"),
    ({"sampler": {"denoise": 1}}, "experiment.sampler.denoise"),
    ({"sampler": {"steps": 0}}, "experiment.sampler.steps"),
    ({"sampler": {"solver": "euler_maruyama"}}, "experiment.sampler.solver.type"),
    ({"score": {"source": "guess"}}, "experiment.score.source"),
    ({"score": {"network": {"width": 0}}}, "experiment.score.network.width"),
    ({"score": {"network": {"wide": 3}}}, "experiment.score.network.wide"),
    ({"score": {"training": {"seconds": 0, "iterations": 0}}}, "experiment.score.training.seconds"),
    ({"score": {"objective": {"type": "dsm", "centre": {}}}}, "experiment.score.objective.centre"),
    ({"data": {"type": "letters", "word": 5}}, "experiment.data.word"),
    ({"data": {"type": "letters", "word": ""}}, "experiment.data.word"),
    ({"data": {"type": "points", "points": []}}, "experiment.data.points"),
    ({"data": {"type": "points", "points": [[1, 2, 3]]}}, "experiment.data.points"),
    ({"data": {"type": "points", "points": [[1, 2], [3]]}}, "experiment.data.points"),
    ({"data": {"type": "points", "points": [[1, "x"]]}}, "experiment.data.points"),
    ({"data": {"type": "points", "points": [[1, None]]}}, "experiment.data.points"),
    ({"data": {"type": "points", "points": {"a": 1}}}, "experiment.data.points"),
    ({"data": {"type": "points", "points": [[1, 10**400]]}}, "experiment.data.points"),
    ({"data": {"type": "points", "labels": [1]}}, "experiment.data.labels"),
    ({"data": {"type": "gaussian_mixture", "means": [[0, 0, 0]]}}, "experiment.data.means"),
    ({"data": {"type": "gaussian_mixture", "means": [[0]], "scales": 0}}, "experiment.data.scales"),
    ({"data": {"type": "gaussian_mixture", "means": [[0]], "weights": [-1]}}, "experiment.data.weights"),
    ({"data": {"type": "gaussian_mixture", "means": [[0]], "weights": [1, 2]}}, "experiment.data.weights"),
]


def sentence(error):
    """The message, once found to be one line that a person can read."""
    text = str(error.value)
    assert text and "\n" not in text and "Traceback" not in text and len(text) < 800
    return text


@pytest.mark.parametrize(("value", "field"), BAD, ids=[str(b)[:60] for b, _ in BAD])
def test_what_is_wrong_is_named(value, field):
    with pytest.raises(ExperimentError) as error:
        from_dict(value)
    assert field in sentence(error)


def all_params(cls, path="experiment"):
    """(path, Param, JSON of the object around it) of every parameter reachable from a class."""
    for p in params(cls):
        yield f"{path}.{p.name}", p
        if p.kind == "spec":
            yield from all_params(p.default, f"{path}.{p.name}")
        if p.kind == "one_of":
            for name in p.registry:
                yield from all_params(p.registry[name], f"{path}.{p.name}:{name}")


def at(path, value):
    """The JSON in which `value` stands at a path; "sde:vp" is an object of that type."""
    for part in reversed(path.split(".")[1:]):
        name, _, kind = part.partition(":")
        value = {name: {"type": kind} | value if kind else value}
    return value


WRONG = {
    "float": ["x", None, [], {}, True, float("nan"), float("inf"), -1e300, 10**400, -(10**400)],
    "int": ["x", None, [], {}, True, float("nan"), float("inf"), 0.5, -(10**30)],
    "bool": ["x", None, [], {}, 0, 1.0],
    "choice": ["no such choice", None, [], {}, 3, True],
    "text": [3, None, [], {}, True],
    "one_of": ["no such name", None, [], {}, 3, {"type": None}, {"type": []}, {"kind": "x"}],
    "spec": ["x", None, [], 3, {"no_such_field": 1}, {"type": "x"}],
    "data": ["x", None, {}, [[]], [["a"]], [[[[1.0]]]], [[float("nan")]]],
}
FIELDS = list(all_params(Experiment))


@pytest.mark.parametrize(("path", "p"), FIELDS, ids=[path for path, _ in FIELDS])
def test_no_field_takes_nonsense(path, p):
    """Every field of everything registered, given values of every wrong kind: ExperimentError that names it."""
    plain = ".".join(part.split(":")[0] for part in path.split("."))
    for value in WRONG[p.kind]:
        with pytest.raises(ExperimentError) as error:
            from_dict(at(path, value))
            pytest.fail(f"{path} took {value!r}")
        assert plain in sentence(error), value


def test_values_at_the_edges_are_taken_and_those_beyond_are_not():
    e = Experiment()
    for p in params(type(e.sampler)):
        if p.kind in ("float", "int") and np.isfinite(p.maximum):
            for edge in (p.minimum, p.maximum):
                assert getattr(edited(e, f"sampler.{p.name}", edge).sampler, p.name) == edge
            for beyond in (p.minimum - 1, p.maximum + 1):
                with pytest.raises(ExperimentError, match=f"sampler.{p.name}"):
                    edited(e, f"sampler.{p.name}", beyond)


NOT_JSON = {
    "": "not JSON",
    "   ": "not JSON",
    "{": "not JSON",
    '{"seed": 1,}': "not JSON",
    "seed = 3": "not JSON",
    '{"seed": NaN}': "seed must be a finite number",
    '{"seed": -Infinity}': "seed must be a finite number",
    '{"data": {"points": [[1, 2], [3, 1e400]]}}': "data.points[1][1] must be a finite number",
    '{"seed": 1' + "0" * 5000 + "}": "digits",
    "[" * 100_000: "deep",
    '{"a":' * 100_000: "deep",
    "\x00\x01\x02": "not JSON",
}


@pytest.mark.parametrize("text", NOT_JSON, ids=[t[:12] or "empty" for t in NOT_JSON])
def test_what_is_no_json(text):
    with pytest.raises(ExperimentError) as error:
        parse(text)
    assert NOT_JSON[text] in sentence(error)


@pytest.mark.parametrize("depth", [40, 100, 300, 600, 900, 5000])
def test_deep_nesting_is_refused_in_words(depth):
    """Whether Python's own reader still takes it or not."""
    points = "[" * depth + "]" * depth
    with pytest.raises(ExperimentError, match="deep"):
        parse('{"data": {"type": "points", "points": ' + points + "}}")


KEYS = ["data", "sde", "type", "sampler", "vp", "points", "score", "x"]


@settings(max_examples=100, deadline=None)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
))  # fmt: skip
def test_any_json_gives_an_experiment_or_a_sentence(value):
    try:
        assert isinstance(from_dict(value)[0], Experiment)
    except ExperimentError as error:
        assert str(error)


# --- versions ----------------------------------------------------------------------------------------------


def test_an_older_version_is_migrated(monkeypatch):
    """Version 0 called the steps n; two versions up, one function each."""
    monkeypatch.setattr(module, "VERSION", 2)

    def first(value):
        sampler = dict(value.get("sampler", {}))
        return value | {"sampler": {"steps": sampler.pop("n"), **sampler}}

    monkeypatch.setitem(MIGRATIONS, 0, first)
    monkeypatch.setitem(MIGRATIONS, 1, lambda value: value | {"seed": value.get("seed", 0) + 1})
    e, caution = from_dict({"version": 0, "seed": 4, "sampler": {"n": 33, "mode": "ode"}})
    assert (e.sampler.steps, e.sampler.mode, e.seed, caution) == (33, "ode", 5, "")
    assert from_dict({"version": 1, "seed": 4})[0].seed == 5
    assert from_dict({"version": 2, "seed": 4})[0].seed == 4
    assert to_dict(e)["version"] == 2


def test_a_version_that_nothing_migrates():
    with pytest.raises(ExperimentError, match="version 0 is too old"):
        from_dict({"version": 0})


def test_a_newer_version_opens_with_a_word():
    """What is unknown here is left out, at any depth; what is known counts."""
    value = to_dict(Experiment()) | {"version": VERSION + 1, "seed": 9, "weather": {"rain": 3}}
    value["sampler"] = value["sampler"] | {"steps": 12, "temperature": 1.0}
    value["sde"] = value["sde"] | {"gamma": [1, 2]}
    value["score"]["network"] = value["score"]["network"] | {"attention": True}
    e, caution = from_dict(json.loads(json.dumps(value)))
    assert e == edited(edited(Experiment(), "seed", 9), "sampler.steps", 12)
    assert "newer" in caution and str(VERSION + 1) in caution
    assert from_dict(to_dict(Experiment()))[1] == ""


@pytest.mark.parametrize(
    ("path", "value"), [("data", "hologram"), ("sampler.grid", "cosine"), ("seed", "many")]
)
def test_a_newer_version_that_cannot_be_read_says_that_it_is_newer(path, value):
    newer = at(f"experiment.{path}", value) | {"version": VERSION + 1}
    with pytest.raises(ExperimentError) as error:
        from_dict(newer)
    assert f"experiment.{path}" in sentence(error) and "newer" in sentence(error)


# --- dotted paths --------------------------------------------------------------------------------------------


def test_a_field_is_set_at_its_path():
    e = Experiment()
    new = edited(e, "score.network.width", 32)
    assert new.score.network.width == 32 and e.score.network.width != 32
    assert dataclasses.replace(new, score=e.score) == e
    assert edited(e, "sde.beta_max", 5).sde.beta_max == 5.0
    assert edited(e, "data", {"type": "letters", "word": "QED"}).data.word == "QED"
    assert edited(e, "sampler.predictor", "ancestral").sampler.predictor == PREDICTORS["ancestral"]()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", 1), ("stepz", 1), ("sampler.stepz", 1), ("sampler.", 1), (".seed", 1), ("seed.more", 1),
        ("sampler.steps.more", 1), ("sampler.steps", 0), ("sampler.steps", "x"), ("sde", "nothing"),
        ("sde.sigma_max", 3), ("sde.beta_max", 0.05), ("sampler.grid.x", 1), ("sampler.predictor", None),
        ("score.training.seconds", -1), ("data.points", 3),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_or_a_value_that_does_not_fit(path, value):
    with pytest.raises(ExperimentError) as error:
        edited(Experiment(), path, value)
    assert path.strip(".") in sentence(error)


def test_decode_names_the_place_it_was_told():
    with pytest.raises(
        ExperimentError, match=r"^here\.sde\.beta_max \(20\) must be above here\.sde\.beta_min \(30\)$"
    ):
        decode(Experiment, {"sde": {"type": "vp", "beta_min": 30}}, "here")
    with pytest.raises(ExperimentError, match=r"^here\.sde\.beta_max must be"):
        decode(Experiment, {"sde": {"type": "vp", "beta_max": -1}}, "here")
