"""Documents: files there and back, files of every bad kind, the second stage tied to the first."""

import json
import os
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_experiment import objects

from explorer.base.params import params
from explorer.diffusion.sdes import SDES
from explorer.experiment import migrations as experiment
from explorer.experiment.codec import edited
from explorer.experiment.migrations import MIGRATIONS, VERSION
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.experiment.view_settings import Look
from explorer.session import document as module
from explorer.session.document import Document, dumps, loads, read, write

DOCUMENTS = st.builds(
    Document, objects(Experiment), st.none() | objects(Experiment), objects(Look)
).map(Document.linked)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_any_document_comes_back(document):
    text = dumps(document)
    back, caution = loads(text)
    assert back == document and caution == "" and dumps(back) == text


@settings(max_examples=50, deadline=None)
@given(objects(Experiment), objects(Experiment))
def test_the_second_stage_differs_in_sde_sampler_and_control_alone(a, b):
    linked = Document(a, b).linked()
    assert linked.experiment == a and linked.linked() == linked
    for f in fields(Experiment):
        assert getattr(linked.compare, f.name) == getattr(
            b if f.name in ("sde", "sampler", "control") else a, f.name
        ) or (
            f.name == "sampler"
            and linked.compare.sampler == replace(b.sampler, particles=a.sampler.particles)
        )


def test_a_file_keeps_everything(tmp_path):
    a = edited(
        edited(Experiment(), "data", {"type": "points", "note": "两 \u00e9 ☃ from my table"}), "seed", 7
    )
    document = Document(a, replace(a, sde=SDES["ve"]()), Look(field="exact", trails=False)).linked()
    path = tmp_path / "mine 两.json"
    write(path, document)
    assert read(path) == (document, "") and [p.name for p in tmp_path.iterdir()] == [path.name]
    value = json.loads(path.read_text(encoding="utf-8"))
    assert value["version"] == VERSION and value["format"] == "score-explorer"
    assert sorted(value["compare"]) == ["control", "sampler", "sde"]
    assert set(value["look"]) == {p.name for p in params(Look)}


def test_half_a_surrogate_pair_does_not_stop_a_save(tmp_path):
    document, _ = loads('{"data": {"type": "points", "note": "a\\ud800b"}}')
    write(tmp_path / "e.json", document)
    assert read(tmp_path / "e.json")[0].experiment.data.note == "a�b"


def test_the_mark_that_some_editors_put_first(tmp_path):
    path = tmp_path / "e.json"
    path.write_text(dumps(Document()), encoding="utf-8-sig")
    assert read(path) == (Document(), "")


def test_little_is_enough():
    assert loads("{}") == (Document(), "")
    assert loads('{"compare": null}')[0].compare is None
    document, _ = loads('{"seed": 3, "compare": {"sde": "ve"}}')
    assert document.compare == replace(document.experiment, sde=SDES["ve"]())
    assert loads('{"look": {"field": "none"}}')[0] == Document(look=Look(field="none"))


# --- what is refused ----------------------------------------------------------------------------------------

BAD = {
    "[]": "JSON object",
    "3": "JSON object",
    '{"look": 3}': "look must be an object",
    '{"look": null}': "look",
    '{"look": {"colour": 1}}': "look.colour",
    '{"look": {"arrows": 1}}': "look.arrows",
    '{"look": {"field": "magnetic"}}': "look.field",
    '{"look": {"type": "look"}}': "look.type",
    '{"compare": 3}': "compare must be an object",
    '{"compare": {"seed": 3}}': "compare must be an object",
    '{"compare": {"sde": {"type": "vp", "beta_max": -1}}}': "compare.sde.beta_max",
    '{"compare": {"sampler": {"steps": "x"}}}': "compare.sampler.steps",
    '{"sampler": {"steps": NaN}}': "sampler.steps must be a finite number",
    '{"format": "another"}': "format",
    '{"format": "another", "look": 3}': "format",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_text_is_refused_with_the_field(text):
    with pytest.raises(ExperimentError) as error:
        loads(text)
    assert BAD[text] in str(error.value) and "\n" not in str(error.value)


FILES = {
    "empty.json": (b"", "not JSON"),
    "binary.json": (bytes(range(256)), "not text"),
    "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(64), "not text"),
    "zeros.json": (bytes(1000), "not text"),
    "latin.json": ('{"note": "é"}'.encode("latin-1"), "experiment.note"),
    "words.json": (b"dear diary", "not JSON"),
    "cut.json": (dumps(Document()).encode()[:-20], "not JSON"),
    "array.json": (b"[1, 2]", "JSON object"),
    "deep.json": (b"[" * 200_000, "deep"),
    "field.json": (b'{"sampler": {"steps": -3}}', "experiment.sampler.steps"),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files_are_refused_with_their_name(tmp_path, name):
    content, reason = FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExperimentError) as error:
        read(tmp_path / name)
    assert name in str(error.value) and reason in str(error.value) and "\n" not in str(error.value)


def test_what_is_no_file(tmp_path, monkeypatch):
    with pytest.raises(ExperimentError, match=r"none\.json cannot be read: No such file"):
        read(tmp_path / "none.json")
    with pytest.raises(ExperimentError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "big.json").write_bytes(b" " * 1000)
    monkeypatch.setattr(module, "LARGEST", 999)
    with pytest.raises(ExperimentError, match=r"big\.json is too large"):
        read(tmp_path / "big.json")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text("{}")
    path.chmod(0)
    with pytest.raises(ExperimentError, match=r"mine\.json cannot be read: Permission denied"):
        read(path)


# --- versions -------------------------------------------------------------------------------------------------


def test_a_migration_sees_the_second_stage_and_the_look(monkeypatch):
    monkeypatch.setattr(experiment, "VERSION", 2)

    def renamed(part):
        return {"steps": part["n"]} if part else {}

    monkeypatch.setitem(MIGRATIONS, 1, lambda v: {
        "sampler": renamed(v["sampler"]),
        "compare": {"sampler": renamed(v["compare"]["sampler"])},
        "look": {"field": v["look"]["arrows_of"]},
    })  # fmt: skip
    old = {
        "version": 1,
        "sampler": {"n": 5},
        "compare": {"sampler": {"n": 9}},
        "look": {"arrows_of": "exact"},
    }
    document, caution = loads(json.dumps(old))
    found = (document.experiment.sampler.steps, document.compare.sampler.steps, document.look.field)
    assert found == (5, 9, "exact") and caution == ""


def test_a_newer_version_opens_with_a_word():
    value = json.loads(dumps(Document(compare=Experiment()))) | {"version": VERSION + 3, "stage_c": {}}
    value["look"] |= {"glow": 3, "arrows": 11}
    value["compare"] |= {"camera": [1, 2]}
    value["compare"]["sampler"] |= {"magic": True}
    document, caution = loads(json.dumps(value))
    assert document == Document(compare=Experiment(), look=Look(arrows=11))
    assert "newer" in caution
    value["look"]["field"] = "magnetic"
    with pytest.raises(ExperimentError, match=r"look\.field .*newer"):
        loads(json.dumps(value))
