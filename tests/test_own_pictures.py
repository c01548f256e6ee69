"""Pictures are read and put into form in threads, and what was asked for before something else does not come."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from windows import wait, windowed

from explorer.data.images import DATA
from explorer.data.images import folder as folders
from explorer.data.images.base import ImageSet
from explorer.data.images.folder import Folder, read
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import untrained
from explorer.experiment.schema import Experiment
from explorer.networks import files
from explorer.networks.spec import UNetSpec
from explorer.session import document
from explorer.session.document import Document
from explorer.session.scenes import SCENES
from explorer.ui.files import own_images as own_pictures


@pytest.fixture
def cats(tmp_path):
    folders.forget()
    folder = tmp_path / "cats"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def gates(monkeypatch):
    """Folders are read when their side's gate is opened."""
    opened = {16: threading.Event(), 32: threading.Event()}

    def slowly(data):
        assert opened[data.side].wait(30)
        return read(data)

    monkeypatch.setattr(own_pictures, "read", slowly)
    return opened


def data(window):
    return window.session.document.experiment.data


def test_the_last_of_two_sizes_stays(qtbot, tmp_path, cats, gates):
    with windowed(qtbot, tmp_path) as window:
        window.set_data(read(Folder(path=str(cats))))
        for side in (16, 32):
            window.set_data(replace(data(window), side=side))
        gates[32].set()
        wait(qtbot, lambda: data(window).side == 32)
        gates[16].set()
        wait(qtbot, lambda: not window.documents.busy)
        assert data(window).side == 32


def test_what_is_chosen_while_a_folder_is_read_stays(qtbot, tmp_path, cats, gates):
    with windowed(qtbot, tmp_path) as window:
        window.set_data(read(Folder(path=str(cats))))
        window.set_data(replace(data(window), side=16))
        window.data.gallery.chosen.emit("two_moons")
        gates[16].set()
        wait(qtbot, lambda: not window.documents.busy)
        assert data(window) == DATA["two_moons"]()


def test_what_is_opened_while_a_set_is_read_stays(qtbot, tmp_path, monkeypatch):
    gate = threading.Event()
    put = own_pictures.put_at_hand
    monkeypatch.setattr(own_pictures, "put_at_hand", lambda data: gate.wait(30) and put(data))
    with windowed(qtbot, tmp_path) as window:
        window.data.gallery.chosen.emit("mnist")
        window.session.edit(Document(with_data(Experiment(), DATA["letters"]())))
        gate.set()
        wait(qtbot, lambda: not window.documents.busy)
        assert data(window) == DATA["letters"]()


@pytest.fixture
def builders(monkeypatch):
    """The threads in which sets of pictures are put into form."""
    threads, build = [], ImageSet.build

    def noted(self):
        threads.append(threading.current_thread())
        return build(self)

    monkeypatch.setattr(ImageSet, "build", noted)
    return threads


def digits():
    e = with_data(Experiment(), DATA["mnist"]())
    unet = UNetSpec(width=8, depth=1, waves=0, classes=10)
    return replace(e, score=replace(e.score, source="exact", unet=unet))


@pytest.mark.parametrize("what", ["gallery", "experiment", "model", "scene"])
def test_a_set_is_put_into_form_in_a_thread(qtbot, tmp_path, monkeypatch, builders, what):
    document.write(tmp_path / "e.json", Document(digits()))
    files.save(untrained(digits()), tmp_path / "m.safetensors")
    with windowed(qtbot, tmp_path, started=False) as window:
        builders.clear()
        if what == "gallery":
            window.data.gallery.chosen.emit("mnist")
        elif what == "scene":
            scene = replace(SCENES[0], document=Document(digits()), lab="")
            monkeypatch.setattr("explorer.session.scenes.scene", lambda name: scene)
            window.labs.play_scene(scene.name)
        else:
            window.documents.open_path(tmp_path / ("e.json" if what == "experiment" else "m.safetensors"))
        wait(qtbot, lambda: isinstance(data(window), ImageSet))
        assert builders and threading.main_thread() not in builders
