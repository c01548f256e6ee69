"""Text of others never gets anywhere as it is: names of files, columns and classes, and cells, are cleaned for show."""

import json
import zlib

import numpy as np
import pytest
from PIL import Image

from explorer.base.printable import escaped, printable
from explorer.cli import main
from explorer.data.images.folder import Folder
from explorer.experiment.codec import edited
from explorer.session.document import dumps, loads, read

NASTY = {
    "color": "\x1b[31mred\x1b[0m", "title of the terminal": "\x1b]0;owned\x07x", "clear": "\x1b[2Jx",
    "escape": "a\x1bb", "nul": "a\x00b", "bell": "a\x07b", "backspace": "abc\x08\x08\x08d", "delete": "a\x7fb",
    "return": "a\rb", "line": "a\nb", "C1": "a\x9b31mb", "bidi": "a\u202egnp.b", "isolate": "a\u2066b\u2069",
    "no width": "a\u200bb",
    "joiner": "a\u200db", "mark": "a\ufeffb", "separator": "a\u2028b", "private": "a\ue000b", "tag": "a\U000e0041b",
}  # fmt: skip
#: In names of files there is no NUL.
IN_NAMES = {name: text for name, text in NASTY.items() if "\x00" not in text}


def harmless(text):
    """Whether every character of a text of several lines is one that is shown."""
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_what_is_shown_is_printable(text):
    shown = printable(text)
    assert shown.isprintable()
    assert "\x1b" not in shown
    assert printable(shown) == shown
    assert harmless(escaped(json.dumps({"a": text}, ensure_ascii=False)))
    assert json.loads(escaped(json.dumps({"a": text}, ensure_ascii=False))) == {"a": text}


def test_letters_of_all_languages_stay():
    for text in ("naïve λ x₀", "数据 集", "наши данные", "نقطة", "😀", "a - b"):
        assert printable(text) == text
    assert printable("a\u00a0b\tc") == "a b c"
    assert printable("caf\udcc3\udca9.csv") == "café.csv"  # as Python decodes names in a locale of ASCII


def outcome(capsys, *arguments):
    capsys.readouterr()
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def table(path, text):
    """A table of 60 points in two classes, all of whose names have `text` in them."""
    names, xy = (
        [f"{letter} {text}" for letter in ("x", "y", "class")],
        np.random.default_rng(3).normal(size=(60, 2)),
    )
    rows = [(*point, text if i % 2 else "b") for i, point in enumerate(xy.tolist())]
    if path.suffix == ".npy":
        np.save(path, np.array(rows, list(zip(names, ("f8", "f8", "U30"), strict=True))))
    else:
        lines = [",".join(f'"{cell}"' for cell in row) for row in (names, *rows)]
        path.write_bytes("\n".join(lines).encode())


@pytest.mark.parametrize("ending", ["csv", "npy"])
@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_names_of_columns_classes_and_files(tmp_path, capsys, text, ending):
    """From the table to the experiment, the CSV of scores, and the files and captions of an export."""
    name = "".join(c for c in text if c not in "\x00/")
    file, e = tmp_path / f"{name}.{ending}", tmp_path / "e.json"
    table(file, text)
    header = ("--header", "yes") if ending == "csv" else ()
    code, out, err = outcome(
        capsys, "new", "--data", file, "--columns", "1,2", "--classes", "3", *header, "--out", e
    )
    if code:  # as text it is none
        assert ending == "csv" and harmless(out + err)
        return
    assert harmless(out + err + e.read_text())
    data = read(e)[0].experiment.data
    for shown in (data.title, data.note, *data.columns, *data.labels):
        assert shown.isprintable()
    assert len(set(data.labels)) == 2
    code, out, err = outcome(capsys, "score", e, "--points", file, "--columns", "1,2", *header)
    assert (code, harmless(out + err)) == (0, True), err
    small = ("--set", "sampler.particles=20", "--set", "sampler.steps=3", "--set", "control=class_guidance")
    for target in (tmp_path / "out.csv", tmp_path / "out.svg", tmp_path / "out.py"):
        code, out, err = outcome(capsys, "export", e, "--out", target, *small)
        assert code == 0, err
        assert harmless(out + err + target.read_text())


@pytest.mark.parametrize("text", IN_NAMES.values(), ids=IN_NAMES)
def test_errors_and_notes(tmp_path, capsys, text):
    """Whatever is wrong, its sentence is one line."""
    e = tmp_path / "e.json"
    e.write_text(dumps(loads("{}")[0]))
    bad = tmp_path / f"{text}.csv"
    bad.write_text(f'x,y\n1,2\n3,4\n5,"{text}"\n', newline="")
    wrong = [
        ("score", e, "--points", bad), ("score", e, "--points", tmp_path / f"no {text}"), ("run", tmp_path / text),
        (text,), ("run", e, "--set", f"{text}=1"), ("run", e, "--set", f"sampler.steps={text}"), ("list", text),
        ("new", "--data", bad, "--columns", text), ("run", e, "--out", tmp_path / text / "x.npz"), ("run", e, text),
        ("export", e, "--out", f"x.{text}"), ("new", "--distribution", text), ("lab", text),
    ]  # fmt: skip
    for value in (
        {text: 1},
        {"data": text},
        {"seed": text},
        {"sampler": {text: 1}},
        {"data": {"type": text}},
    ):
        file = tmp_path / f"{zlib.crc32(json.dumps(value).encode())}.json"
        file.write_text(json.dumps(value))
        wrong.append(("run", file))
    for arguments in wrong:
        code, out, err = outcome(capsys, *arguments)
        assert code, arguments
        assert harmless(out + err), (arguments, err)
        assert err.count("\n") == 1, (arguments, err)


@pytest.mark.parametrize("text", IN_NAMES.values(), ids=IN_NAMES)
def test_class_folders(tmp_path, text):
    rng = np.random.default_rng(0)
    for name in (text, "plain"):
        (tmp_path / name).mkdir()
        for i in range(6):
            Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(tmp_path / name / f"{i}.png")
    found = Folder(path=str(tmp_path), side=16).found
    assert sorted(found.label_names) == sorted([printable(text), "plain"])
    assert found.sentence.isprintable()


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_an_experiment_of_others(text):
    """What an experiment file says of its data is shown too, by whomever it was written."""
    e = loads("{}")[0].experiment
    points = {"type": "points", "points": [[0, 0], [1, 1]], "file": text, "note": text, "labels": [text, "b"],
              "columns": [text, "y"], "shift": [0, 0], "scale": [1, 1]}  # fmt: skip
    data = edited(e, "data", points).data
    for shown in (data.title, data.note, *data.columns, *data.labels, *data.mixture.label_names):
        assert shown.isprintable()
