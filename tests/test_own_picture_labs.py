"""Laboratories with pictures of one's own: drawn on the paper that the set has, or opened from a file."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import windows
from PIL import Image
from PySide6.QtCore import Qt
from test_drawing_window import stroke
from test_lab_window import ready

from explorer.base.params import ParamError
from explorer.data.images import IMAGES
from explorer.data.images.base import light_edge
from explorer.data.images.brush import example
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.labs import LABS
from explorer.session.document import Document
from explorer.ui.files.own_images import put_at_hand


@pytest.fixture(scope="module")
def sets():
    return {name: put_at_hand(IMAGES[name]()) for name in ("mnist", "fashion_mnist", "twemoji")}


def exactly(data):
    e = with_data(Experiment(), data)
    return replace(e, score=ScoreSource("exact"), sampler=replace(e.sampler, particles=4, steps=3))


@pytest.fixture
def window(qapp, qtbot, tmp_path, sets):
    with windows.windowed(qtbot, tmp_path, size=(1280, 720)) as made:
        made.session.edit(Document(exactly(sets["twemoji"])))
        yield weakref.proxy(made)


def test_the_first_picture_is_one_of_the_sets_kind(sets):
    lab = LABS["drawing"]()
    assert (lab.picture(sets["mnist"]) == example(28, 28)).all()
    for name in ("fashion_mnist", "twemoji"):
        data = sets[name]
        shown, first = lab.picture(data), data.held_out.images[0]
        assert abs(shown.astype(float) - first.mean(0)).max() <= 0.5
        assert light_edge(shown[None, None]) == data.light == (name == "twemoji")


def test_on_light_paper_the_pen_is_black(qtbot, window):
    window.labs.show(LABS["drawing"].quick())
    windows.wait(qtbot, lambda: ready(window))
    card = window.labs.page.board.cards[0]
    card.grab()

    def drawn():
        return np.array(window.session.lab.lab.drawing, int).reshape(32, 32)

    card.drawing.clear.click()
    assert (drawn() == 255).all()
    windows.wait(qtbot, lambda: ready(window) and "Nothing is drawn" in window.labs.page.words.text())
    stroke(card, (2, 14), (25, 14))  # in 28ths of the card
    row = round(14.5 / 28 * 32 - 0.5)
    assert (drawn()[row, 5:25] == 0).all() and (drawn()[:8] == 255).all()
    stroke(card, (2, 14), (25, 14), button=Qt.MouseButton.RightButton)
    assert (drawn()[row, 5:25] == 255).all()


@pytest.mark.parametrize(
    "name, field, set_with",
    [
        ("drawing", "drawing", {}),
        ("picture_bits", "own", {}),
        ("picture_codes", "own_0", {"source_0": "own"}),
        ("picture_codes", "own_1", {"source_1": "own"}),
    ],
)
def test_a_picture_is_opened_for_a_laboratory(qtbot, window, tmp_path, name, field, set_with):
    path = tmp_path / "mine.png"
    Image.fromarray(np.full((64, 64, 3), (10, 200, 90), np.uint8)).save(path)
    window.labs.show(LABS[name].quick())
    before = window.session.document
    window.labs.column.openers[field].click()
    window.documents.asking.dialog.fileSelected.emit(str(path))
    windows.wait(qtbot, lambda: bool(getattr(window.session.lab.lab, field)))
    lab = window.session.lab.lab
    levels = np.array(getattr(lab, field)).reshape(-1, 32, 32)
    assert len(levels) == (1 if name == "drawing" else 3)
    assert all(getattr(lab, k) == v for k, v in set_with.items())
    windows.wait(qtbot, lambda: ready(window))
    assert not window.session.lab.failure and not window.session.lab.refusal
    window.commands.undo()
    assert window.session.document == before


def test_a_picture_of_another_size_is_asked_for_again_and_bits_leave_it_out(sets):
    e = exactly(sets["mnist"])
    codes = LABS["picture_codes"](source_1="own", own_1=(3,) * 3072)
    assert "no second image" in codes.refusal(e) and "second" not in codes.refusal(exactly(sets["twemoji"]))
    bits = LABS["picture_bits"](own=(3,) * 784, others=False)
    assert list(bits.kinds(sets["mnist"])) == ["your own image", "MNIST digits, held out"]
    assert (bits.kinds(sets["mnist"])["your own image"] == 3).all()
    assert list(bits.kinds(sets["twemoji"])) == ["Twemoji, held out"]
    for wrong in ((256,), (-1,), ("x",)):
        with pytest.raises(ParamError):
            LABS["picture_bits"](own=wrong)


def test_the_end_of_a_way_is_the_picture_that_was_opened(sets):
    e = exactly(sets["mnist"])
    own = tuple(example(28, 28).ravel().tolist())
    lab = replace(LABS["picture_codes"].quick(), source_0="own", own_0=own)
    from explorer.labs import Context

    generator = lab._ends(Context(e, resolve(e)))
    with pytest.raises(StopIteration) as stop:
        next(generator)
    ends = stop.value.value.numpy()
    assert np.abs((ends[0] + 1) * 127.5 - np.array(own)).max() < 1e-3
