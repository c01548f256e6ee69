"""The export panel: what it says a file will be, and what the file is."""

import time
from dataclasses import replace

import av
import numpy as np
import pytest
import windows
from PIL import Image
from PySide6.QtWidgets import QApplication

from explorer.data.distributions.points import Points
from explorer.experiment.schema import Experiment
from explorer.export import EXPORTERS
from explorer.session.document import Document
from explorer.ui.dialogs import export_work as work
from explorer.ui.dialogs.export_dialog import ExportPanel


def small(**changes):
    e = Experiment()
    sampler = replace(e.sampler, steps=20, particles=60, **changes)
    return replace(e, score=replace(e.score, source="exact"), sampler=sampler)


@pytest.fixture
def host(qapp, qtbot, tmp_path):
    with windows.hosted(tmp_path) as made:
        made.session.edit(Document(small()))
        made.run(qtbot)
        yield made


@pytest.fixture
def panel(host):
    made = ExportPanel(host, lambda path: True)
    yield made
    made.shut_down()


def shown(panel, name, **settings):
    panel.open_panel()
    panel.form.choose_format(name)
    panel.form.set_exporter(replace(panel.exporter, **settings))
    return panel


def finish(qtbot, panel):
    windows.wait(qtbot, lambda: panel.job is None, 30)


SMALL = {"width": 160, "height": 90}
SHORT = SMALL | {"fps": 10, "seconds": 0.6, "hold": 0.0}


def test_it_shows_what_the_file_will_be(qtbot, panel):
    shown(panel, "mp4", **SHORT)
    assert "160 × 90 px · 6 frames · 0.6 s" in panel.facts.text()
    windows.wait(qtbot, lambda: not panel.preview.pixmap().isNull())
    windows.wait(qtbot, lambda: "about" in panel.facts.text())
    pixmap = panel.preview.pixmap()
    ratio = pixmap.devicePixelRatio()
    assert pixmap.width() / ratio <= panel.preview.width()
    assert pixmap.height() / ratio <= panel.preview.height()


def test_another_run_is_shown_also_where_it_has_the_memory_of_the_one_before(host, panel, monkeypatch):
    panel.open_panel()
    panel._follow()
    made = []
    monkeypatch.setattr(panel, "_show", lambda: made.append(1))
    panel._follow()
    assert not made
    host.session.tracks["A"].full.serial += 1000  # its id is what it was
    panel._follow()
    assert made


def test_sizes_are_those_people_know(panel):
    panel.open_panel()
    panel.form.choose_format("mp4")
    sizes = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
    for name, (width, height) in sizes.items():
        panel.form.sizes.changed.emit(name)
        assert (panel.exporter.width, panel.exporter.height) == (width, height)
        assert panel.form.sizes.value() == name
    panel.form.set_exporter(replace(panel.exporter, width=1001))
    assert panel.form.sizes.value() is None


@pytest.mark.parametrize("name", [name for name in EXPORTERS if not EXPORTERS[name].of_pictures])
def test_every_format_is_written(qtbot, host, panel, tmp_path, name):
    settings = {"mp4": SHORT, "gif": SHORT, "webp": SHORT, "apng": SHORT, "png": SMALL, "svg": SMALL}
    shown(panel, name, **settings.get(name, {}))
    path = tmp_path / f"out{panel.exporter.suffix}"
    panel.start(path)
    assert not panel.start_button.isEnabled()
    finish(qtbot, panel)
    assert path.stat().st_size > 0
    assert host.kinds() == ["info"]
    assert path.name in host.said()[0]
    assert panel.start_button.isEnabled()


def test_the_movie_has_the_size_and_length_that_were_said(qtbot, panel, tmp_path):
    shown(panel, "mp4", **SHORT)
    panel.start(tmp_path / "a.mp4")
    finish(qtbot, panel)
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height) == (160, 90)
        assert sum(1 for _ in file.decode(video=0)) == 6


def test_theme_and_caption_are_in_the_picture(qtbot, panel, tmp_path):
    shown(panel, "png", **SMALL)
    pictures = []
    for theme, caption in (("dark", True), ("light", True), ("light", False)):
        panel.form.theme.set_value(theme)
        panel.form.caption.setChecked(caption)
        panel._show()
        panel.start(tmp_path / "a.png")
        finish(qtbot, panel)
        pictures.append(np.asarray(Image.open(tmp_path / "a.png").convert("L"), float))
    assert pictures[0].mean() < 80 < 150 < pictures[1].mean()
    assert np.abs(pictures[1][-6:] - pictures[2][-6:]).max() > 0


def test_cancel_leaves_the_old_file_whole(qtbot, host, panel, tmp_path):
    path = tmp_path / "old.mp4"
    path.write_bytes(b"old")
    shown(panel, "mp4", width=1280, height=720, seconds=60.0)
    panel.start(path)
    windows.wait(qtbot, lambda: panel.progress.progress() > 0)
    panel.progress.cancelled.emit()
    finish(qtbot, panel)
    assert path.read_bytes() == b"old"
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    assert "Cancelled" in panel.state.text()
    assert host.said() == []


def test_a_failure_is_a_sentence(qtbot, host, panel, tmp_path):
    shown(panel, "png", **SMALL)
    panel.start(tmp_path / "gone" / "a.png")
    finish(qtbot, panel)
    assert host.kinds() == ["error"]
    assert "a.png" in host.said()[0]
    assert panel.state.text() == host.said()[0]


def test_closing_the_panel_leaves_the_export_running(qtbot, host, panel, tmp_path):
    shown(panel, "gif", **SHORT)
    panel.start(tmp_path / "a.gif")
    panel.close()
    finish(qtbot, panel)
    assert (tmp_path / "a.gif").exists()
    assert not panel._clock.isActive()


def test_shutting_down_during_an_export_is_quick(qtbot, panel, tmp_path):
    shown(panel, "mp4", width=1280, height=720, seconds=60.0)
    panel.start(tmp_path / "a.mp4")
    windows.wait(qtbot, lambda: panel.progress.progress() > 0)
    start = time.monotonic()
    panel.shut_down()
    assert time.monotonic() - start < 2.0
    windows.wait(qtbot, lambda: list(tmp_path.glob("*.mp4")) == list(tmp_path.glob(".*.mp4")) == [])


def test_it_waits_for_a_run_that_is_being_computed(host, panel):
    host.session.tracks["A"].full = None
    panel.open_panel()
    assert not panel.start_button.isEnabled()
    assert "still being computed" in panel.state.text()
    panel.ask_where()
    assert panel.asking.dialog is None


@pytest.mark.parametrize("name", ["csv", "npz"])
def test_the_units_of_a_file_are_offered_where_the_data_has_one(qtbot, host, panel, tmp_path, name):
    shown(panel, name)
    assert not panel.form.form.shown("units")
    points = {"points": [[0.0, 1.0], [1.0, 0.0], [-1.0, 0.5]], "file": "a.csv"}
    data = Points(**points, columns=("u", "v"), shift=(100.0, -7.0), scale=(5.0, 0.1))
    host.session.edit(Document(replace(small(), data=data)))
    host.run(qtbot)
    shown(panel, name)
    assert panel.form.form.shown("units")
    for units in ("file", "standard"):
        panel.form.set_exporter(replace(panel.exporter, units=units))
        panel.start(tmp_path / units)
        finish(qtbot, panel)
    if name == "csv":
        heads = [(tmp_path / units).read_text().splitlines()[1] for units in ("file", "standard")]
        assert heads == ["frame,t,particle,u,v", "frame,t,particle,x,y"]
    else:
        own, plain = (np.load(tmp_path / units)["x"] for units in ("file", "standard"))
        assert np.allclose(own, plain * [5.0, 0.1] + [100.0, -7.0])


def test_it_asks_where(qtbot, host, panel, tmp_path):
    shown(panel, "png", **SMALL)
    panel.ask_where()
    dialog = panel.asking.dialog
    assert dialog.selectedFiles()[0].endswith("eight-gaussians-vp-reverse.png")
    dialog.fileSelected.emit(str(tmp_path / "x.png"))
    panel.asking.close()
    finish(qtbot, panel)
    assert (tmp_path / "x.png").exists()


def test_two_stages_are_side_by_side(qtbot, host, panel, tmp_path):
    e = small()
    host.session.edit(Document(e, replace(e, sampler=replace(e.sampler, mode="ode"))))
    host.run(qtbot, "B")
    assert len(work.replay_now(host.session, panel._theme_now()).tracks) == 2


def test_the_clipboard(qtbot, host, panel):
    panel.copy_picture()
    windows.wait(qtbot, lambda: host.said() != [])
    image = QApplication.clipboard().image()
    stage = host.stages["A"]
    assert (image.width(), image.height()) == (2 * stage.width(), 2 * stage.height())
    panel.copy_script()
    compile(QApplication.clipboard().text(), "script", "exec")
    QApplication.clipboard().clear()


def test_words_for_sizes():
    assert [work.bytes_words(n) for n in (0, 999, 1500, 123_456, 7_300_000, 2.5e12)] == [
        "0 B", "999 B", "1.5 kB", "123 kB", "7.3 MB", "2500 GB",
    ]  # fmt: skip
