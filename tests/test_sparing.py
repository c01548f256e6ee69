"""No command and no dialog writes over a file that it reads, by whatever name that is reached."""

import argparse
import json
import os
from importlib import import_module

import numpy as np
import pytest
from PIL import Image
from test_cli import here

from explorer.base.files import same_file
from explorer.cli import COMMANDS, common
from explorer.cli.errors import WrongUse
from explorer.data.images import folder as folders
from explorer.data.images.folder import Folder

QUICK = ["--set", "sampler.particles=20", "--set", "sampler.steps=3", "--set", "score.source=exact"]


@pytest.fixture
def place(tmp_path, monkeypatch, capsys):
    """A folder to work in, with an experiment, a table, an array, an image and a folder of images."""
    folders.forget()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_text("x,y\n" + "".join(f"{i},{i * i % 7}\n" for i in range(30)))
    rng = np.random.default_rng(0)
    (tmp_path / "set" / "a").mkdir(parents=True)
    for i in range(8):
        Image.fromarray(rng.integers(0, 255, (20, 20), dtype=np.uint8)).save(
            tmp_path / "set" / "a" / f"{i}.png"
        )
    Image.fromarray(rng.integers(0, 255, (28, 28), dtype=np.uint8)).save(tmp_path / "i.png")
    np.savez(tmp_path / "images.npz", x_train=rng.integers(0, 255, (30, 28, 28), dtype=np.uint8))
    assert here(capsys, "new", "--data", "set", "--out", "folder.json")[0] == 0
    assert here(capsys, "new", "--out", "e.json", *QUICK)[0] == 0
    return tmp_path


def spellings(name):
    """The same file: as it is, by a detour, absolute, by a link and by a hard link."""
    ending = os.path.splitext(name)[1]
    os.symlink(os.path.abspath(name), f"soft{ending}")
    os.link(name, f"hard{ending}")
    return [name, f"./{name}", f"set/../{name}", os.path.abspath(name), f"soft{ending}", f"hard{ending}"]


#: What is asked, and the file that must stay; OUT is another name of it.
CASES = {
    "lab": (["lab", "schedules", "e.json", "--out", "OUT"], "e.json"),
    "convergence": (["convergence", "e.json", "--out", "OUT"], "e.json"),
    "race": (["race", "e.json", "--out", "OUT"], "e.json"),
    "run": (["run", "e.json", "--out", "OUT"], "e.json"),
    "export": (["export", "e.json", "--format", "csv", "--out", "OUT"], "e.json"),
    "export of a folder": (["export", "folder.json", "--out", "OUT", *QUICK], "set/a/0.png"),
    "lab of a folder": (["lab", "schedules", "folder.json", "--out", "OUT"], "set/a/0.png"),
    "lab's image": (["lab", "drawing", "folder.json", "--image", "i.png", "--out", "OUT"], "i.png"),
    "new": (["new", "--data", "p", "--out", "OUT"], "p"),
    "new of images": (["new", "--data", "images.npz", "--out", "OUT"], "images.npz"),
    "train": (["train", "e.json", "--out", "OUT", "--iterations", "5"], "e.json"),
    "train's network": (["train", "e.json", "--from", "p", "--out", "OUT"], "p"),
    "train's checkpoint": (["train", "folder.json", "--checkpoint", "OUT", "--out", "n.safetensors"], "folder.json"),
    "train's archive": (["train", "folder.json", "--archive", "p", "--out", "OUT"], "p"),
    "train's image": (["train", "folder.json", "--checkpoint", "OUT", "--out", "n.safetensors"], "set/a/0.png"),
    "inpaint's image": (["inpaint", "--image", "i.png", "--out", "OUT", "--n", "1"], "i.png"),
    "inpaint's mask": (["inpaint", "--mask", "i.png", "--out", "OUT", "--n", "1"], "i.png"),
    "inpaint's folder": (["inpaint", "--data", "set", "--exact", "--out", "OUT", "--n", "1"], "set/a/0.png"),
    "inpaint's data": (
        ["inpaint", "--data", "folder.json", "--exact", "--out", "s.png", "--save", "OUT", "--n", "1"], "folder.json",
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked, name", CASES.values(), ids=CASES)
def test_no_command_writes_over_what_it_reads(asked, name, place, capsys):
    before = (place / name).read_bytes()
    for out in spellings(name) if "/" not in name else [name, os.path.abspath(name)]:
        code, _, err = here(capsys, *(out if word == "OUT" else word for word in asked))
        assert code == 2 and err.count("\n") >= 1 and "choose another name" in err, (out, err)
        assert (place / name).read_bytes() == before


def test_what_is_read_from_stdin_is_not_written_over(place, capsys, monkeypatch):
    with (place / "e.json").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        code, _, err = here(capsys, "lab", "schedules", "-", "--out", "e.json")
    assert code == 2 and "choose another name" in err


def test_a_network_and_its_checkpoint_are_two_files(place, capsys):
    one = "n.safetensors"
    code, _, err = here(capsys, "train", "folder.json", "--out", one, "--checkpoint", f"./{one}")
    assert code == 2 and "one file" in err


def test_a_training_goes_on_in_its_checkpoint(place):
    with pytest.raises(WrongUse, match="choose another name"):
        common.target("e.json", ["e.json"], "--checkpoint")
    read = common.files_read(argparse.Namespace(experiment=None, resume="c", image=["a", "b"], data=None))
    assert read == ["a", "b", "c"] and "c" not in [name for name in read if name != "c"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_names_a_file_is_known_to_be_read_or_written(command, monkeypatch, capsys):
    """So that nobody adds an option that reads a file and may be written over."""
    module = import_module(f"explorer.cli.{COMMANDS[command][0]}")
    seen = []
    parse = argparse.ArgumentParser.parse_args

    def look(parser, *args, **options):
        seen.extend(parser._actions)
        return parse(parser, *args, **options)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", look)
    with pytest.raises((SystemExit, Exception)):
        module.main(command, ["--no-such-option"])
    files = [a for a in seen if a.metavar and (a.metavar == "FILE" or "." in str(a.metavar))]
    written = {"out", "save", "checkpoint"}
    assert files or command in ("open", "list", "bench", "pretrain")
    assert {a.dest for a in files} <= {*common._READ, *written} or command in ("open", "bench", "pretrain")


def test_a_folder_of_images_knows_its_files(place):
    data = Folder(path=str(place / "set"))
    assert data.reads(place / "set" / "a" / "3.png") and data.reads("set/a/../a/3.png")
    assert not data.reads("i.png") and not data.reads("e.json") and not data.reads("set/a/new.png")
    some = Folder(path=str(place / "set" / "a"), names=("1.png",))
    assert some.reads("set/a/1.png") and not some.reads("set/a/2.png")
    assert Folder(path=str(place / "images.npz")).reads("images.npz")
    assert not Folder(path="//host/share").reads("i.png") and not Folder().reads("i.png")


def test_names_are_of_one_file(place):
    assert same_file("new.json", "./new.json") and not same_file("new.json", "e.json")
    assert not same_file("\0", "e.json")


# --- the window ------------------------------------------------------------------------------------------


def settled(qtbot, documents):
    qtbot.waitUntil(lambda: not documents.busy, timeout=30_000)


@pytest.mark.parametrize("name", ["p.csv", "dark.png"])
def test_the_window_does_not_write_over_the_file_of_its_data(name, qtbot, host, documents, place):
    (place / "p.csv").write_bytes((place / "p").read_bytes())
    dark = np.full((40, 40), 255, np.uint8)
    dark[10:30, 15:20] = 0
    Image.fromarray(dark).save(place / "dark.png")
    documents.open_path(place / name)
    settled(qtbot, documents)
    before = (place / name).read_bytes()
    documents.save_to(place / name)
    settled(qtbot, documents)
    assert host.kinds()[-1] == "error" and "choose another name" in host.said()[-1]
    assert (place / name).read_bytes() == before and documents.spared(place / "new.csv")
    host.session.undo()
    assert documents.spared(place / name)  # it is the data no more


def test_an_experiment_is_saved_to_its_file_and_nothing_else_is(qtbot, host, documents, place):
    documents.open_path(place / "e.json")
    settled(qtbot, documents)
    assert not documents.spared(place / "set" / ".." / "e.json")
    documents.save_to(place / "e.json")
    settled(qtbot, documents)
    assert json.loads((place / "e.json").read_text())["sampler"]["steps"] == 3
    assert "Saved as e.json." in host.said()


def test_the_window_spares_the_images_of_its_folder(qtbot, host, documents, place):
    documents.open_path(place / "folder.json")
    settled(qtbot, documents)
    assert not documents.spared(place / "set" / "a" / "0.png") and documents.spared(
        place / "set" / "a" / "x.png"
    )


def test_the_export_panel_asks(qtbot, host, place):
    from test_export_dialog import SMALL, shown, small

    from explorer.session.document import Document
    from explorer.ui.dialogs.export_dialog import ExportPanel

    host.session.edit(Document(small()))
    host.run(qtbot)
    asked = []
    panel = ExportPanel(host, lambda path: asked.append(path))
    shown(panel, "png", **SMALL)
    panel.start(place / "i.png")
    assert asked == [place / "i.png"] and panel.job is None
    panel.shut_down()
