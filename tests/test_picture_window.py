"""Pictures in the real window: chosen, looked at, compared, exported, and left again. The score is the exact one."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import windows
from leaks import closed
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from explorer.data.images import IMAGES
from explorer.experiment import resolution as models
from explorer.experiment.defaults import MOST_PICTURES, PICTURE_SAMPLER, with_data
from explorer.experiment.schema import Experiment
from explorer.figures.marks import Image
from explorer.figures.views.image_parts import HOME
from explorer.session import Session
from explorer.session.document import Document
from explorer.ui.cards.data_card import Shelf
from explorer.ui.cards.gallery import picture_thumbnail

FEW = replace(PICTURE_SAMPLER, steps=4, particles=6)


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch):
    """The window on a sheet of six digits, paused at its end."""
    monkeypatch.setattr(models, "pretrained", lambda data: None)  # the exact score is used, and says so
    with windows.windowed(qtbot, tmp_path, started=False) as window:
        e = replace(with_data(Experiment(), IMAGES["mnist"]()), sampler=FEW)
        window.session.edit(Document(e))
        window.start()
        through(qtbot, window)
        yield weakref.proxy(window)  # pytest would keep it alive beyond the look at what is left


def through(qtbot, window):
    """Wait for all runs, and stand at their end."""
    session = window.session

    def complete():
        runs = [session.tracks[name].full for name in session.shown]
        return all(r is not None and r.recording.complete for r in runs) and not session._due

    windows.wait(qtbot, complete, 60)
    session.playhead.seek(1.0)
    session.playhead.playing = False
    window.refresh()
    windows.wait(qtbot, lambda: all(_current(session, name) for name in session.shown), 60)


def _current(session, name):
    picture, run = session.showing.pictures.get(name), session.tracks[name].full
    return picture is not None and picture.frame is run.recording[-1] and session.showing.idle


def images(window, name="A"):
    return [m for m in window.session.showing.pictures[name].marks if isinstance(m, Image)]


def redrawn(qtbot, window, condition):
    windows.wait(qtbot, lambda: condition() and window.session.showing.idle, 60)


def e(window):
    return window.session.document.experiment


def at(window, share, name="A"):
    """A pixel of the canvas at a share of its width and height."""
    surface = window.stages[name].canvas.canvas
    return surface, QPoint(round(share[0] * surface.width()), round(share[1] * surface.height()))


def place_of(window, picture):
    """Where on the canvas a picture of the sheet stands, as shares of width and height."""
    left, right, bottom, top = images(window)[0].bounds
    x = left + (picture % 3 + 0.5) / 3 * (right - left)
    y = top - (picture // 3 + 0.5) / 2 * (top - bottom)
    stage = window.session.showing.bounds["A"]
    return (x - stage[0]) / (stage[1] - stage[0]), (stage[3] - y) / (stage[3] - stage[2])


def test_two_clicks_from_points_to_pictures_and_one_step_back(qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "pretrained", lambda data: None)
    with windows.windowed(qtbot, tmp_path) as window:
        before = window.session.document
        window.data.gallery.open_pictures()
        names = [thumb.item.name for thumb in window.data.gallery.popover.thumbs]
        assert names == [n for n in IMAGES if IMAGES[n].builtin]
        window.data.gallery.popover.thumbs[0].click()
        windows.wait(qtbot, lambda: e(window).data == IMAGES["mnist"](), 60)
        assert e(window).sampler == PICTURE_SAMPLER
        assert window.session.playhead.playing and window.stages["A"].canvas.camera == HOME
        windows.wait(qtbot, lambda: "A" in window.session.showing.pictures and len(images(window)) == 3, 60)
        window.commands.undo()
        assert window.session.document == before
        window.commands.redo()
        assert e(window).data.name == "mnist"
        window.data.gallery.chosen.emit("two_moons")
        assert e(window).sampler == Experiment().sampler and e(window).pictures is None
        assert window.notices.notices() == []


def test_every_view_and_what_means_nothing_for_pictures_is_not_offered(qtbot, window):
    look = window.session.document.look
    for change in (
        {"sheet": "sheet"}, {"sheet": "plane"}, {"sheet": "plane", "plane": "three", "triple": 2},
        {"picture": 3, "nearest": True}, {"follow": False},
    ):  # fmt: skip
        before = window.session.showing.pictures["A"]
        window.edit_look(replace(look, **change))
        redrawn(qtbot, window, lambda before=before: window.session.showing.pictures["A"] is not before)
        assert window.session.showing.pictures["A"].marks
    assert window.notices.notices() == []
    window.edit_look(look)
    window.right.refresh("A")
    form = window.right.form()
    shown = {name for name in form._rows if not form.row(name).isHidden()}
    assert shown == {"sheet", "picture", "follow"}
    assert not window.actions_by_slot["layer_density"].isEnabled()
    assert window.sampler.form.row("particles").isHidden() and not window.sampler.count.isHidden()
    window.edit_look(replace(window.session.document.look, sheet="plane", plane="three"))
    window.right.refresh("A")
    assert not form.row("triple").isHidden() and form.row("nearest").isHidden()
    window.edit("data", Experiment().data)
    window.right.refresh("A")
    assert {"density", "field"} <= {name for name in form._rows if not form.row(name).isHidden()}
    assert form.row("sheet").isHidden() and window.actions_by_slot["layer_density"].isEnabled()
    assert not window.sampler.form.row("particles").isHidden() and window.sampler.count.isHidden()


def test_a_click_shows_one_picture_large_and_the_mouse_reads_a_pixel(qtbot, window):
    surface, place = at(window, place_of(window, 4))
    QTest.mouseClick(surface, Qt.MouseButton.LeftButton, pos=place)
    assert window.session.document.look.picture == 5
    redrawn(qtbot, window, lambda: len(images(window)) == 3 + 3 * 5)
    QTest.mouseClick(surface, Qt.MouseButton.LeftButton, pos=place)
    assert window.session.document.look.picture == 0
    redrawn(qtbot, window, lambda: len(images(window)) == 3)
    surface, place = at(window, place_of(window, 1))
    QTest.mouseClick(surface, Qt.MouseButton.LeftButton, pos=place)
    assert window.session.document.look.picture == 2
    QTest.keyClick(window.left.window(), Qt.Key.Key_Escape)
    assert window.session.document.look.picture == 0
    window.commands.undo()  # each was one step
    assert window.session.document.look.picture == 2
    corner = at(window, (0.005, 0.005))
    window.edit_look(replace(window.session.document.look, picture=0))
    redrawn(qtbot, window, lambda: len(images(window)) == 3)
    QTest.mouseClick(corner[0], Qt.MouseButton.LeftButton, pos=corner[1])
    assert window.session.document.look.picture == 0
    left, *_, top = images(window)[0].bounds
    window.session.showing.probe("A", (left + 1e-3, top - 1e-3))
    windows.wait(qtbot, lambda: window.stages["A"].hover.text() != "")
    value = window.session.showing.pictures["A"].frame.x[0, 0]
    assert window.stages["A"].hover.text() == f"image 1   pixel (0, 0)   x(t) = {value:.2f}"


def test_ten_thousand_pictures_in_a_file_are_a_hundred_on_the_stage():
    many = replace(with_data(Experiment(), IMAGES["mnist"]()), sampler=replace(FEW, particles=10_000))
    session = Session(Document(many))
    try:
        assert session.document.experiment.sampler.particles == MOST_PICTURES
        assert str(MOST_PICTURES) in session.notices[0].text
        session.edit(Document(Experiment()))
        assert session.document.experiment.sampler.particles == Experiment().sampler.particles
        session.edit(Document(many, many))
        assert session.document.compare.sampler.particles == MOST_PICTURES
    finally:
        assert closed(session)


def test_two_stages_show_pictures_of_the_same_noise(qtbot, window):
    window.commands.compare()
    assert window.session.document.compare.sampler.mode == "reverse"
    window.edit("sampler", replace(window.session.document.compare.sampler, steps=10))
    through(qtbot, window)
    a, b = (window.session.tracks[name].full.recording for name in "AB")
    assert np.array_equal(a[0].x, b[0].x) and not np.allclose(a[-1].x, b[-1].x, atol=0.1)
    assert len(images(window, "B")) == 3
    window.data.gallery.chosen.emit("fashion_mnist")  # the second stage follows
    windows.wait(qtbot, lambda: window.session.document.compare.data.name == "fashion_mnist")
    window.data.gallery.chosen.emit("two_moons")  # points begin with one
    assert window.session.document.compare is None and e(window).data.name == "two_moons"


def test_stepping_scrubbing_the_charts_and_the_number_of_pictures(qtbot, window):
    window.commands.to_start()
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index == 0)
    for index in (1, 2):
        window.commands.step_forward()
        windows.wait(qtbot, lambda index=index: window.session.showing.pictures["A"].index == index)
    assert window.session.showing.pictures["A"].terms is not None
    window.timeline.scrubbed.emit(4)
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index == 4)
    windows.wait(qtbot, lambda: len(window.session.showing.distance_curve("A")) == 5, 60)
    curve = window.session.showing.distance_curve("A")[:, 2]
    assert (
        curve[-1] < 0.02 < window.session.showing.distances["A"].floor < curve[0]
    )  # the exact score can only copy
    assert "training image" in window.right.distance.toolTip()
    row = window.sampler.count.row("pictures")
    row.entry.typed.emit("9")
    assert e(window).sampler.particles == 9
    through(qtbot, window)
    assert window.session.showing.pictures["A"].frame.x.shape == (9, 784)
    row.entry.typed.emit("10000")
    assert e(window).sampler.particles == 9 and "100" in window.notices.notices()[-1].text


def test_the_export_panel_offers_a_sheet_for_pictures_alone(qtbot, window, tmp_path):
    window.commands.export()
    form = window.exporting.form
    assert form.format.findData("sheet") >= 0
    form.choose_format("sheet")
    windows.wait(qtbot, lambda: window.exporting.start_button.isEnabled())
    window.exporting.start(tmp_path / "six.png")
    windows.wait(qtbot, lambda: window.exporting.job is None)
    assert (tmp_path / "six.png").stat().st_size > 0
    window.edit("data", Experiment().data)
    through(qtbot, window)
    windows.wait(qtbot, lambda: form.format.findData("sheet") < 0)


def test_thumbnails_are_of_real_pictures(qtbot):
    data = IMAGES["twemoji"]()
    shelf = Shelf([data])
    windows.wait(qtbot, lambda: shelf.sheet("twemoji") is not None)
    sheet = shelf.sheet("twemoji")
    assert (sheet[:32, 32:64] == np.moveaxis(data.train.images[1], 0, -1)).all()
    assert picture_thumbnail(sheet, 48).width() == 48
