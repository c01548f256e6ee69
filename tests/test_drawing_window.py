"""A digit drawn with the mouse in the laboratory: strokes, rubbing out, undo, clear, and what is measured of it."""

from dataclasses import replace

import numpy as np
import pytest
import windows
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication
from test_lab_window import drag, mouse, ready, release

from explorer.data.images import DATA
from explorer.data.images.brush import example
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.labs import LABS
from explorer.session.document import Document
from explorer.ui.files.file_names import with_ending


def document():
    e = with_data(Experiment(), DATA["mnist"]())
    return Document(replace(e, score=ScoreSource("exact"), sampler=replace(e.sampler, particles=4, steps=4)))


@pytest.fixture(scope="module")
def window(one_application, tmp_path_factory):
    with windows.windowed(None, tmp_path_factory.mktemp("window"), size=(1280, 720)) as made:
        made.session.edit(document())
        yield made


@pytest.fixture
def card(qtbot, window):
    window.labs.close()
    window.labs._kept.clear()
    window.labs.show(LABS["drawing"].quick())
    windows.wait(qtbot, lambda: ready(window))
    assert not window.session.lab.failure and not window.session.lab.refusal
    found = window.labs.page.board.cards[0]
    found.grab()  # painted: it knows where its numbers are
    yield found
    windows.wait(qtbot, lambda: ready(window))  # what the last stroke asked for leaves no thread behind


def drawn(window):
    return np.array(window.session.lab.lab.drawing, int).reshape(-1, 28)


def spot(card, column, row):
    """The middle of a pixel of the canvas."""
    rect = card.area().rect
    return QPointF(
        rect.left() + (column + 0.5) / 28 * rect.width(), rect.top() + (row + 0.5) / 28 * rect.height()
    )


def stroke(card, *pixels, button=Qt.MouseButton.LeftButton):
    places = [spot(card, *pixel) for pixel in pixels]
    mouse(card, QEvent.Type.MouseButtonPress, places[0], button)
    for place in places[1:]:
        mouse(card, QEvent.Type.MouseMove, place, button)
    mouse(card, QEvent.Type.MouseButtonRelease, places[-1], button)


def test_a_stroke_is_seen_at_once_and_measured_when_it_ends(qtbot, window, card):
    before = card.grab().toImage()
    drag(card, spot(card, 3, 25), spot(card, 24, 25))
    assert not window.session.lab.lab.drawing  # not yet handed over
    pixel = spot(card, 14, 25).toPoint()
    now = card.grab().toImage()
    assert before.pixelColor(pixel).lightness() < 30 < 200 < now.pixelColor(pixel).lightness()
    release(card, spot(card, 24, 25))
    levels = drawn(window)
    assert (levels[25, 4:24] == 255).all() and (levels[27] == 0).all()
    assert (levels[:23] == example(28, 28)[:23]).all()  # what stood there before is still there
    windows.wait(
        qtbot, lambda: ready(window) and (window.session.lab.report.arrays["drawing"] == levels).all()
    )
    assert "bits/dim" in " ".join(window.labs.page._sentences)


def test_rubbing_out_undo_and_clear(qtbot, window, card):
    stroke(card, (2, 2), (20, 2))
    once = drawn(window)
    stroke(card, (2, 2), (10, 2), button=Qt.MouseButton.RightButton)
    assert drawn(window)[2, 5] == 0 and drawn(window)[2, 18] == 255
    at = spot(card, 5, 2).toPoint()
    menu = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, card.mapToGlobal(at))
    QApplication.sendEvent(card, menu)
    assert not [m for m in card.children() if m.metaObject().className() == "QMenu"]
    card.drawing.undo.click()
    assert (drawn(window) == once).all()
    card.drawing.clear.click()
    assert not drawn(window).any()
    windows.wait(qtbot, lambda: ready(window) and "Nothing is drawn" in " ".join(window.labs.page._sentences))
    card.drawing.undo.click()
    assert (drawn(window) == once).all()


def test_a_double_click_draws_a_dot_and_does_not_enlarge(window, card):
    size = card.size()
    mouse(card, QEvent.Type.MouseButtonDblClick, spot(card, 25, 25))
    mouse(card, QEvent.Type.MouseButtonRelease, spot(card, 25, 25))
    assert drawn(window)[25, 25] == 255 and card.size() == size


def test_a_press_beside_the_picture_draws_nothing(window, card):
    beside = QPointF(card.area().rect.left() / 2, card.height() - 3)
    drag(card, beside, spot(card, 14, 14))
    release(card, spot(card, 14, 14))
    assert not window.session.lab.lab.drawing


def test_the_drawing_stays_when_the_laboratory_is_left(qtbot, window, card):
    stroke(card, (2, 2), (20, 2))
    mine = window.session.lab.lab.drawing
    window.labs.close()
    window.labs.open("drawing")
    assert window.session.lab.lab.drawing == mine
    windows.wait(qtbot, lambda: ready(window))
    window.labs.open("film", columns=3, steps=4)
    windows.wait(qtbot, lambda: ready(window))
    assert (
        card.drawing is None or window.labs.page.board.cards[0].drawing is None
    )  # a card like any other again


@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf"])
def test_a_film_strip_is_saved(qtbot, window, tmp_path, ending):
    window.labs.show(LABS["film"].quick())
    windows.wait(qtbot, lambda: ready(window))
    report = window.session.lab.report
    path = tmp_path / with_ending("film", ending)
    window.labs.save_to(path, report.figures[:1])
    windows.wait(qtbot, lambda: not window.documents.busy)
    start = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start) and path.stat().st_size > 2000


def test_the_gallery_greys_those_for_other_data(window):
    for made, reason in ((document(), "Needs points"), (Document(), "Needs images")):
        window.session.edit(made)
        window.labs.open_gallery()
        tiles = [t for t in window.labs.gallery.tiles if t.entry.kind == "lab"]
        assert {t.entry.name for t in tiles} >= set(LABS) and not any(t.isHidden() for t in tiles)
        fit = {t: LABS[t.entry.name].made_for(made.experiment) for t in tiles}
        assert {t.reason for t in tiles if fit[t]} == {""} and {t.reason for t in tiles if not fit[t]} == {
            reason
        }
    window.session.edit(document())
    window.labs.close()


def test_every_laboratory_for_pictures_shows_its_figures(qtbot, window):
    for name, cls in LABS.items():
        if not cls.for_pictures:
            continue
        window.labs.show(cls.quick())
        windows.wait(qtbot, lambda: ready(window))
        assert not window.session.lab.failure and not window.session.lab.refusal, name
        assert len(window.labs.page.board.cards) == len(window.session.lab.report.figures)
    window.labs.show(LABS["convergence"].quick())
    windows.wait(qtbot, lambda: "laboratory for points" in window.labs.page.message.text())
