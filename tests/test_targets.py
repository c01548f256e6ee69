"""Every command that writes, into everything that can be at the place it is told to write to: a file, a link, a pipe
or a device gets the content and stays what it is; anything else is refused before the work, and is left alone."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import test_export as exports
from PIL import Image
from safetensors import safe_open

from explorer.base.files import write_bytes
from explorer.cli import main
from explorer.session.document import Document, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kinds of files that POSIX has")
OLD = b"what was there"
#: Arguments before --out, and the ending of what is written. Those of SAME write as `lab` does.
COMMANDS = {
    "new": (("new",), ".json"),
    "run": (("run", "E"), ".npz"),
    "train": (("train", "E", "--iterations", "1"), ".safetensors"),
    "export": (("export", "E", "--height", "60"), ".png"),
    "export table": (("export", "E"), ".csv"),
    "export script": (("export", "E"), ".py"),
    "lab": (("lab", "schedules", "E", "--quick"), ".svg"),
    "lab numbers": (("lab", "schedules", "E", "--quick"), ".npz"),
    "inpaint": (("inpaint", "--steps", "2", "--n", "1"), ".png"),
}  # fmt: skip
SAME = {
    "convergence": (("convergence", "E", "--quick", "--samplers", "heun"), ".csv"),
    "race": (("race", "E", "--quick", "--iterations", "2"), ".json"),
}  # fmt: skip


def opens(path):
    """Whether the file is whole, by what reads such files."""
    kind = path.suffix
    if kind == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif kind == ".npz":
        with np.load(path) as arrays:
            assert [arrays[name].shape for name in arrays]
    elif kind == ".safetensors":
        with safe_open(path, "np") as tensors:
            assert list(tensors.keys())
    elif kind == ".png":
        with Image.open(path) as image:
            image.load()
    else:
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n") or text.rstrip().endswith("</svg>")
    return True


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    path = tmp_path_factory.mktemp("given") / "e.json"
    write(path, Document(exports.experiment(sampler__particles=20, sampler__steps=3)))
    return path


@pytest.fixture
def command(request, experiment, tmp_path):
    words, ending = (COMMANDS | SAME)[request.param]
    arguments = [str(experiment) if word == "E" else word for word in words]
    return lambda path: main([*arguments, "--out", str(path)]), tmp_path / f"o{ending}"


def everywhere(*kinds, commands=tuple(COMMANDS)):
    """Every command with every kind."""
    by_kind = pytest.mark.parametrize("kind", kinds)
    return lambda test: by_kind(pytest.mark.parametrize("command", commands, indirect=True)(test))


def node(path, *kind):
    """A device of one's own; never the system's."""
    if subprocess.run(["mknod", str(path), *kind], capture_output=True, check=False).returncode:
        pytest.skip("no device can be made here")


# --- written into, and left what it is ------------------------------------------------------------------------------


@everywhere(
    "a file",
    "a name of all kinds of letters",
    "the longest name",
    "a link",
    "a link of a link",
    "a link to nothing",
)
def test_the_content_comes_there_and_a_link_stays_one(command, kind, tmp_path):
    run, path = command
    link = tmp_path / f"link{path.suffix}"
    made, asked = path, path
    if kind == "a name of all kinds of letters":
        made = asked = tmp_path / f"ä 数 'x' -o{path.suffix}"
    elif kind == "the longest name":
        made = asked = tmp_path / ("n" * (255 - len(path.suffix)) + path.suffix)
    elif kind.startswith("a link"):
        asked = link
        if kind == "a link of a link":
            asked = tmp_path / f"second{path.suffix}"
            asked.symlink_to(link)
        link.symlink_to(path)
    if kind != "a link to nothing":
        made.write_bytes(OLD)
    assert run(asked) == 0
    assert not made.is_symlink() and made.read_bytes() != OLD and opens(made)
    assert asked is made or (asked.is_symlink() and link.is_symlink())
    assert {p.name for p in tmp_path.iterdir()} == {made.name, asked.name} | (
        {link.name} if asked is not made else set()
    )


@everywhere("a pipe")
def test_a_pipe_gets_all_of_it_and_stays_a_pipe(command, kind, tmp_path):
    run, path = command
    os.mkfifo(path)
    copy = tmp_path / f"copy{path.suffix}"

    def read():
        with path.open("rb") as pipe:
            copy.write_bytes(pipe.read())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert run(path) == 0
    reader.join(20)
    assert path.is_fifo() and opens(copy)


@everywhere("like null")
def test_a_device_that_takes_all_stays_a_device(command, kind):
    run, path = command
    node(path, "c", "1", "3")
    assert run(path) == 0
    assert path.is_char_device()


@everywhere("like full")
def test_a_device_that_is_full_is_told_and_stays_a_device(command, kind, capsys):
    run, path = command
    node(path, "c", "1", "7")
    assert run(path) == 1
    assert "No space left on device" in capsys.readouterr().err and path.is_char_device()


# --- refused before the work, and left alone -------------------------------------------------------------------------


def missing_folder(path):
    return path.parent / "none" / path.name


def folder(path):
    path.mkdir()
    return path


def below_a_file(path):
    path.write_bytes(OLD)
    return path / path.name


def link_to(found):
    def make(path):
        path.symlink_to(found(path))
        return path

    return make


def protected(path):
    path.write_bytes(OLD)
    path.chmod(0o444)
    return path


def block_device(path):
    node(path, "b", "7", "200")
    return path


#: What makes a place that cannot be written to, beside or at a path, and gives its name.
REFUSED = {
    "no name": lambda path: "",
    "a folder": folder,
    "a link to a folder": link_to(lambda path: path.parent),
    "in no folder": missing_folder,
    "in a file": below_a_file,
    "a link to itself": link_to(lambda path: path),
    "a link into no folder": link_to(missing_folder),
    "a name that is too long": lambda path: path.parent / ("n" * 256 + path.suffix),
    "a path that is too long": lambda path: f"{path.parent}{'/none/..' * 600}/{path.name}",
    "write-protected": protected,
    "a block device": block_device,
}


@everywhere(*REFUSED, commands=(*COMMANDS, *SAME))
def test_what_cannot_be_written_is_refused_at_once_and_left_alone(
    command, kind, tmp_path, capsys, monkeypatch
):
    run, path = command
    asked = REFUSED[kind](path)
    before = state(tmp_path)
    monkeypatch.setattr("explorer.cli.common.read_document", worked)
    assert run(asked) == 2
    err = capsys.readouterr().err
    assert "--out" in err and err.count("\n") <= 2 and "Traceback" not in err and "bug" not in err
    assert state(tmp_path) == before


def worked(*_):
    pytest.fail("the experiment was read before the name was refused")


def state(folder):
    return {p.name: (p.lstat().st_mode, p.lstat().st_ino, p.lstat().st_size) for p in folder.iterdir()}


@pytest.mark.parametrize("command", COMMANDS, indirect=True)
def test_a_file_system_that_is_read_only(command, tmp_path, capsys):
    run, path = command
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount = ["mount", "-t", "tmpfs", "-o", "size=16k,ro", "tmpfs", str(folder)]
        done = subprocess.run(mount, capture_output=True, check=False).returncode
    except OSError:
        done = 1
    if done:
        pytest.skip("no file system can be mounted here")
    try:
        assert run(folder / path.name) == 2
        assert "cannot be written" in capsys.readouterr().err and not list(folder.iterdir())
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_long_ending_and_a_nul(tmp_path):
    """The temporary beside a file has a name that fits wherever that of the file does."""
    path = tmp_path / ("a." + "y" * 253)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new" and [p.name for p in tmp_path.iterdir()] == [path.name]
    with pytest.raises(OSError, match="NUL"):
        write_bytes(f"{tmp_path}/a\0b", b"new")
