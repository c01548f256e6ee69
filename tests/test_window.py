"""The real window: everything a person does with it, once."""

import os
import signal
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import windows
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.exceptions import capture_exceptions

from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.sdes import SDES
from explorer.experiment.view_settings import FIELDS
from explorer.session.document import Document
from explorer.ui.painting.guard import Repeats, guarded
from explorer.ui.widgets.labels import Button
from explorer.ui.window import app
from explorer.ui.window.actions import COMMANDS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path) as made:
        # small runs, so that these tests are about the window
        e = made.session.document.experiment
        sampler = replace(e.sampler, steps=30, particles=150)
        made.session.edit(Document(replace(e, sampler=sampler)))
        made.refresh()
        yield weakref.proxy(made)  # pytest would keep it alive beyond the look at what is left


def test_notices_and_shortcuts_grow_with_the_words(qtbot, window):
    window.resize(1280, 720)
    window.notices.show_notice("What is told here takes several lines. " * 5, "info")
    window.overlay.open_sheet()
    (notice,) = window.notices.notices()
    height, sheet = notice.height(), window.overlay._sheet.size()
    for _ in range(2):
        window.commands.toggle_presentation()
        (words,) = [part for part in notice.findChildren(QLabel) if part.text() == notice.text]
        assert words.height() >= words.heightForWidth(words.width())
        assert notice.rect().contains(words.geometry())
        assert window.notices.rect().contains(notice.geometry())
        assert (notice.height() > height) == window.presentation
        (shown,) = [s for s in window.overlay.children() if s.isWidgetType() and s.isVisible()]
        assert (shown.size() != sheet) == window.presentation
        heading, *_ = [part for part in shown.findChildren(QLabel) if part.text() == "Keyboard shortcuts"]
        assert heading.width() >= heading.sizeHint().width()


def test_focus_goes_back_to_the_window(qtbot, window):
    window.commands.draw_data()
    assert window.focusWidget() is window.drawing.board.canvas
    window.drawing.cancel()
    assert window.focusWidget() is window.centralWidget().window()
    window.labs.open("annealing")
    window.labs.column.findChild(Button).setFocus()
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert not window.on_page
    assert window.focusWidget() is window.centralWidget().window()
    window.labs_button.setFocus()
    window.labs_button.click()
    assert window.on_page
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert not window.on_page
    assert window.focusWidget() is window.centralWidget().window()


def complete(window):
    runs = [window.session.tracks[name].full for name in window.session.shown]
    return all(run is not None and run.recording.complete for run in runs)


def through(qtbot, window):
    """Wait until the runs of the current settings are complete and shown."""
    windows.wait(
        qtbot,
        lambda: complete(window) and set(window.session.shown) <= set(window.session.showing.pictures),
        20,
    )


def e(window):
    return window.session.document.experiment


def test_it_begins_with_something_that_moves(qtbot, window):
    through(qtbot, window)
    assert window.session.playhead.playing
    seen = window.session.showing.pictures["A"].index
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index > seen)
    assert window.notices.notices() == []


def test_nothing_is_ever_a_window_of_its_own(qapp, qtbot, tmp_path):
    """A widget that is shown before it has a parent flashes on the screen, and keeps the program from ending."""
    shown = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
                shown.append(type(watched).__name__)
            return False

    watch = Watch()
    qapp.installEventFilter(watch)
    with windows.windowed(qtbot, tmp_path) as window:
        through(qtbot, window)
        for command in ("train", "compare", "mode_pc", "mode_langevin", "toggle_theme", "reset_training"):
            getattr(window.commands, command)()
            windows.keep_going(qtbot, 0.1)
        window.data.gallery.chosen.emit("letters")
        windows.keep_going(qtbot, 0.1)
    qapp.removeEventFilter(watch)
    assert set(shown) == {"MainWindow"}


def test_every_distribution_can_be_chosen(qtbot, window):
    for name in [name for name, cls in DISTRIBUTIONS.items() if cls.builtin]:
        window.data.gallery.chosen.emit(name)
        assert e(window).data.name == name
        through(qtbot, window)
        assert window.session.showing.pictures["A"].marks
    assert window.notices.notices() == []


def test_every_sde_in_every_mode(qtbot, window):
    sampler = replace(e(window).sampler, langevin_steps=40, levels=4, level_steps=10)
    window.edit("sampler", sampler)
    for sde in SDES:
        for mode in MODES:
            window.process.choice.changed.emit(sde)
            window.commands.set_mode(mode)
            assert (e(window).sde.name, e(window).sampler.mode) == (sde, mode)
            through(qtbot, window)
            assert np.isfinite(window.session.tracks["A"].full.recording[-1].x).all()
    assert window.notices.notices() == []


def test_a_dragged_slider_is_one_step_of_undo_and_queues_nothing(qtbot, window, monkeypatch):
    monkeypatch.setattr("explorer.session.history.MERGE_SECONDS", 60.0)  # a busy machine may pause in a drag
    through(qtbot, window)
    row = window.sampler.form.row("steps")
    before = window.session.document
    row.slider.setSliderDown(True)
    for position in np.linspace(0, row.scale.ticks, 60).astype(int):
        row.slider.setValue(int(position))
        qtbot.wait(1)
    row.slider.setSliderDown(False)
    assert e(window).sampler.steps == 1000
    assert window.session.tracks["A"].threads <= 2  # the one that runs, and one about to end
    window.commands.undo()
    assert window.session.document == before
    window.commands.redo()
    assert e(window).sampler.steps == 1000
    through(qtbot, window)


def test_a_value_typed_beyond_the_range_is_refused_in_words(window):
    before = window.session.document
    row = window.sampler.form.row("steps")
    row.entry.typed.emit("5000")
    assert window.session.document == before
    (notice,) = window.notices.notices()
    assert "2000" in notice.text


def test_what_is_typed_into_a_row_that_goes_away_is_dropped(qtbot, window):
    window.activateWindow()
    entry = window.process.form.row("beta_min").entry
    entry.setFocus()
    windows.wait(qtbot, entry.hasFocus)
    QTest.keyClicks(entry, "0.5")
    window.process.choice.changed.emit("ve")
    windows.keep_going(qtbot, 0.05)
    assert e(window).sde == SDES["ve"]()
    assert window.notices.notices() == []


def test_playing_scrubbing_and_stepping(qtbot, window):
    through(qtbot, window)
    timeline, head = window.timeline, window.session.playhead
    window.commands.toggle_play()
    assert not head.playing
    timeline.scrubbed.emit(15)
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index == 15)
    window.commands.step_forward()
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index == 16)
    window.commands.step_back()
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index == 15)
    window.commands.to_end()
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index == 30)
    assert timeline.readouts["step"].text().replace(" ", "") == "30/30"
    window.commands.to_start()
    windows.wait(qtbot, lambda: window.session.showing.pictures["A"].index == 0)
    for command in ("faster", "slower", "toggle_loop", "toggle_direction"):
        getattr(window.commands, command)()


def test_corrector_moves_are_steps_of_their_own(qtbot, window):
    window.commands.set_mode("pc")
    window.edit("sampler", replace(e(window).sampler, corrector_steps=2))
    through(qtbot, window)
    window.session.playhead.seek(0.5)
    parts = []
    for _ in range(4):
        window.commands.step_forward()
        place = window.session.showing.place("A")
        parts.append(place[0].recording[place[1]].part)
    assert parts.count("correct") in (2, 3)
    assert "predict" in parts


def test_two_stages_on_the_same_noise(qtbot, window):
    window.commands.compare()
    assert window.stages["B"].isVisible()
    through(qtbot, window)
    a, b = (window.session.tracks[name].full.recording for name in "AB")
    assert np.array_equal(a[0].x, b[0].x)
    window.commands.set_mode("pc")
    assert window.session.document.compare.sampler.mode == "pc"
    assert e(window).sampler.mode == "reverse"
    window.commands.swap()
    assert e(window).sampler.mode == "pc"
    through(qtbot, window)
    window.stages["A"].zoom(2.0)
    assert window.stages["B"].canvas.camera == window.stages["A"].canvas.camera
    window.commands.compare()
    assert window.session.shown == ("A",)
    assert not window.stages["B"].isVisible()


def test_training_is_shown_live_paused_and_forgotten(qtbot, window):
    through(qtbot, window)
    window.commands.train()
    assert e(window).score.source == "trained"
    trainer = window.session.networks.trainer
    windows.wait(qtbot, lambda: trainer.model is not None and len(trainer.history.rows) > 2, 30)
    windows.wait(qtbot, lambda: window.score.progress.text() != "")
    window.commands.pause_training()
    assert trainer.paused
    windows.wait(qtbot, lambda: window.score.pause.text() == "Resume")
    window.commands.pause_training()
    window.data.gallery.chosen.emit("two_moons")  # what it was training for has changed
    assert not trainer.running
    windows.wait(qtbot, lambda: any("Training stopped" in n.text for n in window.notices.notices()))
    window.commands.reset_training()
    assert trainer.model is None


@pytest.mark.parametrize("begin", ["train", "train_on", "resume_training"])
def test_the_loss_is_in_view_when_a_training_begins(qtbot, window, monkeypatch, begin):
    through(qtbot, window)
    window.resize(1280, 720)
    trained = replace(e(window).score, source="trained")
    # that it begins one is tested elsewhere
    monkeypatch.setattr(window.session.networks, begin, lambda: window.edit("score", trained))
    column, card = window.right, window.right._loss_card
    windows.wait(qtbot, lambda: column.charted)
    assert card.isHidden()

    def seen():
        place = QRect(card.mapTo(column.viewport(), QPoint(0, 0)), card.size())
        return card.isVisible() and column.viewport().rect().contains(place)

    getattr(window.commands, begin)()
    windows.wait(qtbot, seen)


def test_layers_theme_and_sizes(qtbot, window):
    through(qtbot, window)
    for command in COMMANDS:
        if command.slot.startswith("layer_"):
            window.actions_by_slot[command.slot].trigger()
    for name in FIELDS:
        window.edit_look(replace(window.session.document.look, field=name))
        windows.keep_going(qtbot, 0.05)
    for _ in range(2):
        window.commands.toggle_theme()
        windows.keep_going(qtbot, 0.05)
    assert window.settings.value("theme") == window.theme_name
    for _ in range(2):
        window.commands.toggle_presentation()
        window.commands.toggle_left()
        window.commands.toggle_right()
        windows.keep_going(qtbot, 0.05)
    for size in ((1280, 720), (2560, 1440), (640, 480), (1280, 800)):
        window.resize(*size)
        windows.keep_going(qtbot, 0.05)
    assert window.notices.notices() == []


def test_drawing_and_exporting_in_the_window(qtbot, window, tmp_path):
    window.actions_by_slot["draw_data"].trigger()
    board = window.drawing.board
    assert board.isVisible()
    surface = board.canvas._surface
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(surface, left, none, QPoint(100, 150))
    for x in range(104, 300, 4):
        QTest.mouseMove(surface, QPoint(x, 150))
    QTest.mouseRelease(surface, left, none, QPoint(300, 150))
    windows.keep_going(qtbot, 0.1)
    board.strip.ready.click()
    assert e(window).data.name == "points"
    through(qtbot, window)
    window.actions_by_slot["export"].trigger()
    panel = window.exporting
    panel.form.choose_format("png")
    panel.form.set_exporter(replace(panel.exporter, width=320, height=180))
    windows.wait(qtbot, panel.start_button.isEnabled)
    panel.start(tmp_path / "a.png")
    windows.wait(qtbot, lambda: panel.job is None)
    assert (tmp_path / "a.png").stat().st_size > 1000
    panel.close()
    window.commands.undo()
    assert e(window).data.name == "eight_gaussians"


def test_documents_and_bad_files_in_the_window(qtbot, window, tmp_path):
    window.documents.save_to(tmp_path / "a.json")
    windows.wait(qtbot, lambda: not window.documents.busy)
    assert window.windowTitle().startswith("a.json")
    window.commands.set_mode("ode")
    windows.wait(qtbot, window.isWindowModified)
    before = window.session.document
    for name, content in {
        "bad.json": b"{",
        "bad.safetensors": b"x" * 50,
        "bad.npy": b"x",
        "bad.png": b"x",
    }.items():
        (tmp_path / name).write_bytes(content)
        window.documents.open_path(tmp_path / name)
        windows.wait(qtbot, lambda: not window.documents.busy)
    assert [notice.kind for notice in window.notices.notices()] == ["error"] * 4
    assert window.session.document is before
    window.documents.open_path(tmp_path / "a.json")
    windows.wait(qtbot, lambda: not window.documents.busy)
    assert e(window).sampler.mode == "reverse"
    assert not window.documents.dirty


def test_every_command_can_be_triggered(qtbot, window):
    """But for those that end the program or ask for a file, which have tests of their own."""
    asking = {"open", "save", "save_as", "import_data", "open_model", "save_model", "quit", "close"}
    for slot, action in window.actions_by_slot.items():
        if slot not in asking and action.isEnabled():
            action.trigger()
            windows.keep_going(qtbot, 0.02)
            window.setFocus()
            if window.overlay.isVisible():
                window.overlay.close_sheet()
            if "drawing" in window.__dict__:
                window.drawing.cancel()
    through(qtbot, window)


def test_asking_commands_open_dialogs_that_do_not_block(window):
    for slot in ("open", "save_as", "import_data", "open_model"):
        window.actions_by_slot[slot].trigger()
        assert window.documents.asking.dialog.isVisible()
        window.documents.asking.close()


def test_an_exception_that_nobody_foresaw_is_a_notice(qapp, qtbot, tmp_path, capsys):
    with windows.hosted(tmp_path) as host, capture_exceptions() as caught, app.failures_shown(host):
        QTimer.singleShot(0, lambda: 1 / 0)
        windows.wait(qtbot, lambda: bool(host.said()))
        assert "ZeroDivisionError" in host.said()[0]
        assert not caught and "Traceback" not in capsys.readouterr().err


def test_what_fails_at_every_frame_is_said_once_and_a_later_failure_again(qapp, qtbot, tmp_path, capsys):
    class Failing(QWidget):
        painted = 0

        @guarded
        def paintEvent(self, event):
            self.painted += 1
            raise ValueError(f"frame {self.painted}")

    with windows.hosted(tmp_path) as host, capture_exceptions() as caught, app.failures_shown(host):
        widget = Failing(host)
        for _ in range(20):
            widget.grab()
        assert widget.painted >= 20
        assert len([text for text in host.said() if "frame" in text]) == 1
        assert capsys.readouterr().err.count("score-explorer:") == 1
        QTimer.singleShot(0, lambda: 1 / 0)  # from another line
        windows.wait(qtbot, lambda: any("ZeroDivisionError" in text for text in host.said()))
        assert not caught


@pytest.mark.parametrize("gap, again", [(0.0, True), (2.9, True), (3.1, False)])
def test_a_failure_is_new_after_a_calm(gap, again):
    repeats = Repeats(calm=3.0)

    def fail():
        try:
            raise ValueError
        except ValueError as error:
            return error

    assert not repeats.again(fail(), 10.0)
    assert repeats.again(fail(), 10.0 + gap) == again


# --- as a process ----------------------------------------------------------------------------------------

CLOSE_WHILE = """
import sys, threading, time
sys.path.insert(0, {root!r})
from PySide6.QtCore import QTimer, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
qInstallMessageHandler(lambda kind, context, text: None if "plugin does not support" in text else print("QT", text))
from explorer.ui.window import app
app_ = QApplication([])

def act():
    (window,) = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"]
    if not window.ready:
        return QTimer.singleShot(50, act)
    {act}

def close(window):
    global closed
    closed = time.monotonic()
    window.close()

QTimer.singleShot(0, act)
code = app.main()
left = [t.name for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
ours = ("train", "simulate", "export", "task", "pictures")
alive = [t.name for t in threading.enumerate() if t.name.split("-")[0] in ours]
print("ended", round(time.monotonic() - closed, 2), code, left, alive, flush=True)
"""

ACTS = {
    "idle": "QTimer.singleShot(300, lambda: close(window))",
    "training": "window.commands.train(); QTimer.singleShot(1500, lambda: close(window))",
    "paused": "window.commands.train(); QTimer.singleShot(700, window.commands.pause_training); "
    "QTimer.singleShot(1000, lambda: close(window))",
}


def run_window(tmp_path, code):
    environment = os.environ | {"SCORE_EXPLORER_DATA": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        out, err = process.communicate(timeout=90)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize("name", ACTS)
def test_closing_ends_the_process_at_once(tmp_path, name):
    code, out, err = run_window(tmp_path, CLOSE_WHILE.format(root=str(ROOT), act=ACTS[name]))
    assert code == 0, err
    assert "Traceback" not in err, err
    assert "QT" not in out
    words = out.split()
    assert words[0] == "ended"
    assert float(words[1]) < 2.0
    assert out.rstrip().endswith("0 [] []")


def test_a_killed_window_is_brought_back(tmp_path):
    kill = f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
    killed = f"window.commands.set_mode('ode'); QTimer.singleShot(4500, lambda: {kill})"
    code, _, err = run_window(tmp_path, "import os\n" + CLOSE_WHILE.format(root=str(ROOT), act=killed))
    assert code == -signal.SIGKILL, err
    assert list(tmp_path.rglob("state.json"))
    look = (
        "print(window.session.document.experiment.sampler.mode, [n.text for n in window.notices.notices()]); "
        "close(window)"
    )
    code, out, err = run_window(tmp_path, CLOSE_WHILE.format(root=str(ROOT), act=look))
    assert code == 0, err
    assert out.startswith("ode ")
    assert "is back" in out


def test_an_old_projector_is_wide_enough(window):
    """At 1024 pixels everything has room: the badges give way, every button stays whole."""
    assert window.minimumSizeHint().width() <= 1000
    window.resize(1024, 700)
    QApplication.processEvents()
    assert window.width() == 1024 and not window.device_badge.isVisible()
    for button in (window.labs_button, window.compare_button):
        assert button.width() >= button.sizeHint().width()
    window.resize(1600, 900)
    QApplication.processEvents()
    assert window.device_badge.isVisible()
