"""The user's own pictures in the window: chosen, dropped, several at once, gone, changed."""

import dataclasses
import pickle

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMenu
from windows import wait, windowed

from explorer.data.images import folder as folders
from explorer.data.images.folder import Folder, read
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.session import document


@pytest.fixture
def cats(tmp_path):
    """Six pictures and a file that is none."""
    folders.forget()
    folder = tmp_path / "cats"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    (folder / "words.png").write_text("words")
    return folder


def said(window, words):
    return any(words in n.text for n in window.notices.notices())


def data(window):
    return window.session.document.experiment.data


def test_a_folder_is_chosen_in_the_menu_and_undone(qtbot, tmp_path, cats):
    with windowed(qtbot, tmp_path) as window:
        before = window.session.document
        window.commands.import_folder()
        dialog = window.documents.asking.dialog
        assert dialog.fileMode() == dialog.FileMode.Directory
        dialog.fileSelected.emit(str(cats))
        dialog.close()
        wait(qtbot, lambda: isinstance(data(window), Folder))
        assert said(window, "cats: 6 images; left out: 1 unreadable image. No network has been trained on it")
        assert said(window, "6 in color were read as grey: for color, Data › Parameters › Color. Experiment")
        assert said(window, "do not hold its images")
        assert "6 images" in window.data.about.text()
        assert window.session.document.experiment.score.unet.classes == 0
        wait(
            qtbot,
            lambda: window.session.networks.named == "exact score" and "A" in window.session.showing.pictures,
        )
        (notice,) = [n for n in window.notices.notices() if "do not hold" in n.text]
        notice.button.click()
        assert window.session.document == before


def test_the_import_button_offers_what_there_is(qtbot, tmp_path):
    with windowed(qtbot, tmp_path, started=False) as window:
        button = next(
            b for b in window.data.gallery.findChildren(type(window.data.more)) if b.text() == "Import"
        )
        asked = []
        for signal in (window.data.import_pressed, window.data.folder_pressed, window.data.several_pressed):
            signal.connect(lambda signal=signal: asked.append(signal))
        button.click()
        menu = next(m for m in window.data.findChildren(QMenu) if m.isVisible())
        for action in menu.actions():
            action.trigger()
        assert len(asked) == 3
        menu.close()
        window.documents.asking.close()


def drop(window, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, none, left = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    QApplication.sendEvent(window, QDragEnterEvent(window.rect().center(), copy, mime, left, none))
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), copy, mime, left, none))


def test_a_folder_and_several_pictures_are_dropped(qtbot, tmp_path, cats):
    with windowed(qtbot, tmp_path) as window:
        drop(window, cats)
        wait(qtbot, lambda: isinstance(data(window), Folder))
        assert data(window).names == () and len(data(window).train) == 5
        drop(window, *(cats / f"{i}.png" for i in (1, 2, 3, 4)))
        wait(qtbot, lambda: data(window).names != ())
        assert data(window).names == ("1.png", "2.png", "3.png", "4.png")
        assert said(window, "cats: 4 images.")
        now = data(window)
        elsewhere = tmp_path / "x.png"
        elsewhere.write_bytes((cats / "0.png").read_bytes())
        drop(window, cats / "1.png", elsewhere)
        wait(qtbot, lambda: said(window, "in several folders"))
        (tmp_path / "empty").mkdir()
        drop(window, tmp_path / "empty")
        wait(qtbot, lambda: said(window, "empty holds no images"))
        assert data(window) == now


def test_a_good_folder_makes_up_for_bad_files(qtbot, tmp_path, cats):
    with windowed(qtbot, tmp_path) as window:
        (tmp_path / "bad.csv").write_text("words")
        drop(window, tmp_path / "bad.csv")
        wait(qtbot, lambda: said(window, "bad.csv"))
        drop(window, tmp_path / "bad.csv")
        wait(qtbot, lambda: not window.documents.busy)
        assert said(window, "bad.csv")  # which it does not make up for itself
        drop(window, cats)
        wait(qtbot, lambda: said(window, "reading the images"))
        assert said(window, "bad.csv")
        wait(qtbot, lambda: isinstance(data(window), Folder))
        assert not said(window, "bad.csv") and not said(window, "reading the images")
        assert said(window, "cats: 6 images")


def test_size_and_colour_are_changed_on_the_card(qtbot, tmp_path, cats):
    with windowed(qtbot, tmp_path) as window:
        window.set_data(read(Folder(path=str(cats))))
        window.data.form.row("colour").switch.click()
        wait(qtbot, lambda: data(window).colour)
        assert data(window).ready and data(window).size == (3, 28, 28)
        window.data.form.row("side").chooser.changed.emit(16)
        wait(qtbot, lambda: data(window).side == 16)
        assert data(window).size == (3, 16, 16) and data(window).digest == data(window).found.digest


def kept(cats, tmp_path):
    e = with_data(Experiment(), read(Folder(path=str(cats))))
    document.write(tmp_path / "e.json", document.Document(e))
    folders.forget()
    return tmp_path / "e.json"


def test_an_experiment_reads_its_folder_again(qtbot, tmp_path, cats):
    path = kept(cats, tmp_path)
    with windowed(qtbot, tmp_path) as window:
        window.documents.open_path(path)
        wait(qtbot, lambda: isinstance(data(window), Folder))
        assert data(window).ready and not said(window, "others than")
        (cats / "0.png").unlink()
        folders.forget()
        window.documents.open_path(path)
        wait(qtbot, lambda: said(window, "pictures in cats are others than it was made with"))


def test_an_experiment_whose_folder_has_gone_offers_to_choose_it_again(qtbot, tmp_path, cats):
    path = kept(cats, tmp_path)
    cats.rename(tmp_path / "moved")
    with windowed(qtbot, tmp_path) as window:
        before = window.session.document
        window.documents.open_path(path)
        wait(qtbot, lambda: said(window, "cats cannot be read"))
        assert window.session.document == before
        (notice,) = [n for n in window.notices.notices() if "cannot be read" in n.text]
        notice.button.click()
        dialog = window.documents.asking.dialog
        dialog.fileSelected.emit(str(tmp_path / "moved"))
        dialog.close()
        wait(qtbot, lambda: isinstance(data(window), Folder))
        assert data(window).path == str(tmp_path / "moved") and window.documents.file.path == path
        assert dataclasses.replace(data(window), path="") == dataclasses.replace(
            document.read(path)[0].experiment.data, path=""
        )


def test_arrays_are_dropped_and_pickles_refused(qtbot, tmp_path):
    folders.forget()
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "set.npz",
        images=rng.integers(0, 255, (12, 16, 16), dtype=np.uint8),
        labels=np.arange(12) % 2,
    )
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps([1, 2]))
    with windowed(qtbot, tmp_path) as window:
        drop(window, tmp_path / "set.npz")
        wait(qtbot, lambda: isinstance(data(window), Folder))
        assert data(window).label_names == ("0", "1") and len(data(window).train) == 11
        now = data(window)
        drop(window, tmp_path / "data_batch_1")
        wait(qtbot, lambda: said(window, "a Python pickle, which is never opened"))
        assert data(window) == now


def test_images_on_another_machine_are_asked_about_first(qtbot, tmp_path, cats):
    """Two slashes: here the same folder, on Windows another machine."""
    remote = f"/{cats}"
    folders._agreed.clear()
    document.write(
        tmp_path / "e.json",
        document.Document(dataclasses.replace(Experiment(), data=Folder(path=remote))),
    )
    with windowed(qtbot, tmp_path) as window:
        before = window.session.document
        window.documents.open_path(tmp_path / "e.json")
        wait(qtbot, lambda: said(window, "names images on another machine"))
        assert window.session.document == before and not folders.read_folder.cache_info().currsize
        (notice,) = [n for n in window.notices.notices() if "another machine" in n.text]
        notice.button.click()
        wait(qtbot, lambda: isinstance(data(window), Folder))
        assert data(window).path == remote and data(window).ready
