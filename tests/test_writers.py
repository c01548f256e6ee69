"""Everything that writes, on a disk that takes a part of it: the old file stays whole, nothing is left beside it, and
whoever asked is told. The disk is a small file system where one may be mounted, else a limit of the system."""

import ast
import os
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import test_export as exports
import torch

import explorer
from explorer.base.errors import sentence
from explorer.cli import main
from explorer.data.images import DATA
from explorer.experiment.codec import edited
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.export import EXPORTERS
from explorer.figures.figure import Plot, Series, Table
from explorer.figures.files import Source, write_numbers
from explorer.figures.theme import theme
from explorer.networks import NetworkSpec
from explorer.networks.files import Model, save
from explorer.networks.preconditioned import Denoiser
from explorer.session.document import Document, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are POSIX's")
OLD = b"what was there"


# --- everything that writes ------------------------------------------------------------------------------------------


def figures():
    x = np.linspace(0, 1, 3000)
    return [Plot("Figure", "x", "y", (Series("a", x, np.random.default_rng(0).normal(size=3000)),))]


def drawn(path):
    from explorer.ui.figures.render import write_picture

    write_picture(path, figures(), Source("Laboratory"), theme("light"))


def numbers(path):
    rows = tuple((i, i / 7) for i in range(500))
    write_numbers(path, [*figures(), Table("Table", ("i", "x"), rows)], {}, Source("Laboratory"))


def document(path):
    points = tuple((i / 7, i / 3) for i in range(1000))
    write(path, Document(edited(Experiment(), "data", {"type": "points", "points": points})))


def network(path):
    spec = NetworkSpec()
    save(Model(spec, Denoiser(spec).state_dict()), path)


def checkpoint(path):
    from explorer.experiment.checkpoint import Checkpoint
    from explorer.experiment.checkpoint import save as keep

    tensors = {"flat": torch.randn(20_000)}
    keep(Checkpoint(with_data(Experiment(), DATA["mnist"]()), "", "cpu", 0.5, tensors, {}), path)


def classifier(path):
    from explorer.networks.image_classifier import PictureClassifier, PictureClassifierSpec, save_classifier

    save_classifier(PictureClassifier(PictureClassifierSpec((1, 8, 8), 3, (0.0,), 0.5)), path, {}, {})


def features(path):
    from explorer.analysis.image_quality.features import Features
    from explorer.analysis.image_quality.network import FeatureNet

    Features((1, 8, 8), 3, FeatureNet((1, 8, 8), 3).state_dict(), {}, {}).save(path)


def card(path):
    from explorer.pretraining.points import write_card

    write_card(path, {str(i): "a word " * 20 for i in range(300)})


def autosaved(path):
    from explorer.ui.files.autosave import Kept, State

    assert path.name == "state.json"
    Kept(path.parent).write(State("x" * 60_000))


def simulated(path):
    from explorer.cli.run import _save

    found = Document(exports.experiment(sampler__particles=400))
    _, _, recording = exports.run_of(found.experiment)
    _save(iter(recording.frames), len(recording), found, "exact", str(path), None)


def filled_in(path):
    from explorer.cli.inpaint import _write

    levels = np.random.default_rng(0).integers(0, 256, (9, 3, 64, 64), np.uint8)
    _write(str(path), list(levels))


def exported(name):
    def write(path):
        pictures = EXPORTERS[name].of_pictures
        e = exports.experiment(sampler__particles=400)
        if pictures:
            e = edited(with_data(e, DATA["mnist"]()), "sampler.particles", 64)
            e = edited(edited(e, "sampler.steps", 2), "score.source", "pretrained")
        exports.written(exports.small(name), exports.replay_for(e), path, exports.QtRenderer())

    return write


WRITERS = {
    "experiment.json": document, "model.safetensors": network, "checkpoint.safetensors": checkpoint,
    "classifier.safetensors": classifier, "features.safetensors": features, "card.safetensors": card,
    "state.json": autosaved, "run.npz": simulated, "sheet.png": filled_in,
    **{f"figure{ending}": drawn for ending in (".png", ".svg", ".pdf")},
    **{f"numbers{ending}": numbers for ending in (".csv", ".tex", ".npz", ".json")},
    **{f"{name}{EXPORTERS[name].suffix}": exported(name) for name in EXPORTERS},
}  # fmt: skip


def written_by(name, folder):
    """The file that the writer of this name writes into a folder."""
    return (folder / name).with_suffix(".json") if name.startswith("card") else folder / name


@contextmanager
def limited(most):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """How large the file of a writer is: it is written once where there is room."""
    known = {}

    def size(name):
        if name not in known:
            path = written_by(name, tmp_path_factory.mktemp("room"))
            WRITERS[name](path.parent / name)
            known[name] = path.stat().st_size
        return known[name]

    return size


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("name", WRITERS)
def test_a_part_of_the_file_is_taken(name, share, sizes, tmp_path):
    path = written_by(name, tmp_path)
    path.write_bytes(OLD)
    with limited(int(sizes(name) * share)), pytest.raises(Exception) as caught:
        WRITERS[name](tmp_path / name)
    assert "too large" in sentence(caught.value, path.name, "saved").lower()
    assert path.read_bytes() == OLD and list(tmp_path.iterdir()) == [path]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own of 16 kB, for those who may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode
    except OSError:
        done = 1
    if done:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk(name, small_disk, sizes):
    path = written_by(name, small_disk)
    path.write_bytes(OLD)
    room = 16_384 - 4_096
    if sizes(name) <= room:  # leave it half of what it needs
        left = sizes(name) // 2 // 4096 * 4096
        (small_disk / "other").write_bytes(b"x" * (room - left))
    with pytest.raises(Exception) as caught:
        WRITERS[name](small_disk / name)
    assert "No space left on device" in sentence(caught.value, path.name, "saved")
    assert path.read_bytes() == OLD and {p.name for p in small_disk.iterdir()} <= {path.name, "other"}


# --- on the command line ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    path = tmp_path_factory.mktemp("given") / "e.json"
    write(path, Document(exports.experiment(sampler__particles=400)))
    return path


COMMANDS = {
    "new": ("new", "--set", f"score.source={'exact'}", "--out", "o.json"),
    "run": ("run", "E", "--out", "o.npz"),
    "export": ("export", "E", "--out", "o.svg"),
    "lab": ("lab", "schedules", "E", "--quick", "--out", "o.svg"),
    "train": ("train", "E", "--iterations", "20", "--out", "o.safetensors"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_a_full_disk_says_so_and_fails(name, experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [str(experiment) if a == "E" else a for a in COMMANDS[name]]
    out = Path(arguments[-1])
    out.write_bytes(OLD)
    with limited(600):
        code = main(arguments)
    err = capsys.readouterr().err
    assert code == 1 and f"{out.name} cannot be written: File too large." in err, err
    assert out.read_bytes() == OLD and os.listdir() == [out.name]


def test_settings_that_do_not_reach_the_disk(tmp_path, qapp):
    from PySide6.QtCore import QSettings

    from explorer.ui.files.settings_watch import SettingsWatch

    path = tmp_path / "settings.ini"
    settings = QSettings(str(path), QSettings.Format.IniFormat)
    watch = SettingsWatch(settings)
    settings.setValue("kept", "x" * 1000)
    settings.sync()
    before = path.read_bytes()
    assert watch.trouble() == ""
    with limited(500):
        settings.setValue("lost", "y" * 1000)
        settings.sync()
    assert "cannot be saved" in watch.trouble() and watch.trouble() == ""
    assert path.read_bytes() == before and b"kept" in before


# --- nobody writes past the one writer -------------------------------------------------------------------------------

ROOT = Path(explorer.__file__).parent
#: Those that write to a temporary path that the writer has given them, to stdout, or a script for people.
TRUSTED = {
    "base/files.py",
    "cli/streams.py",
    "export/csv.py",
    "export/script.py",
    "export/sheet.py",
    "export/still.py",
}
WRITING = {"write_text", "write_bytes", "replace_file", "savetxt", "tofile"}


def writes(tree):
    """The lines of a module that write a file by themselves."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        method = isinstance(node.func, ast.Attribute)
        modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if (method and name in WRITING) or (
            name == "open" and any(m[:1] in "wax" and len(m) < 4 for m in modes)
        ):
            yield node.lineno


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_module_writes_by_itself(path):
    name = path.relative_to(ROOT).as_posix()
    found = list(writes(ast.parse(path.read_text(encoding="utf-8"))))
    known = {
        "export/movie.py": "av.open(",
        "export/npz.py": "archive.open(",
        "figures/files.py": "temporary.open(",
    }
    lines = path.read_text(encoding="utf-8").splitlines()
    assert name in TRUSTED or all(known.get(name, "\0") in lines[i - 1] for i in found), (name, found)


# --- what is written is whole ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["sheet.png", "figure.png", "figure.svg", "figure.pdf", "run.npz", "numbers.npz"]
)
def test_what_is_written_has_its_end(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path)
    raw = path.read_bytes()
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
    else:
        end = {".png": b"IEND\xaeB`\x82", ".svg": b"</svg>", ".pdf": b"%%EOF"}[path.suffix]
        assert raw.rstrip().endswith(end)


@pytest.mark.parametrize("name", [n for n in EXPORTERS if EXPORTERS[n].suffix == ".png"])
def test_a_png_without_its_end_is_not_kept(name, tmp_path, monkeypatch):
    """Decoders put up with it, so the exporter must not."""
    cls = EXPORTERS[name]
    method = "encoded" if hasattr(cls, "encoded") else "_encoded"
    whole = getattr(cls, method)
    monkeypatch.setattr(cls, method, lambda self, *a: whole(self, *a)[:-4])
    path = tmp_path / f"{name}.png"
    path.write_bytes(OLD)
    with pytest.raises(exports.ExportError, match=r"was not written|cannot be written"):
        exported(name)(path)
    assert path.read_bytes() == OLD and list(tmp_path.iterdir()) == [path]
