"""Drawing a distribution with the mouse."""

import numpy as np
import pytest
import windows
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest

from explorer.figures.theme import LIGHT
from explorer.ui.window.draw import DrawTool


@pytest.fixture
def host(qapp, qtbot, tmp_path):
    with windows.hosted(tmp_path) as made:
        made.show()
        qtbot.waitExposed(made)
        yield made


@pytest.fixture
def tool(host):
    made = DrawTool(host)
    yield made
    made.cancel()


def drag(board, *points):
    """A stroke with the mouse through these pixels."""
    surface = board.canvas._surface
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(surface, left, none, QPoint(*points[0]))
    for point in points[1:]:
        QTest.mouseMove(surface, QPoint(*point))
    QTest.mouseRelease(surface, left, none, QPoint(*points[-1]))


def line(y, start=60, end=300):
    return [(x, y) for x in range(start, end, 4)]


def test_a_stroke_becomes_the_data(host, tool):
    tool.start()
    assert tool.active
    drag(tool.board, *line(200))
    board = tool.board
    assert len(board.strokes) == 1
    at = board.canvas.camera.to_data((60, 200), board.canvas.canvas_size())
    before = host.session.document
    tool.finish()
    assert not tool.active
    data = host.session.document.experiment.data
    points = np.array(data.points)
    assert data.name == "points"
    assert np.allclose(points[:, 1], at[1], atol=1e-4)
    assert points[0, 0] == pytest.approx(at[0], abs=0.1)
    assert np.diff(points[:, 0]) == pytest.approx(0.04, rel=0.2)
    assert "1 stroke" in data.note
    assert "exact score" in host.said()[-1]
    assert host.session.playhead.playing
    host.session.undo()  # one step
    assert host.session.document is before


def test_strokes_are_taken_back(host, tool):
    tool.start()
    board = tool.board
    assert not board.strip.ready.isEnabled()
    for y in (150, 200, 250):
        drag(board, *line(y))
    assert "3 strokes" in board.strip.words.text()
    board.strip.undo.click()
    assert len(board.strokes) == 2
    board.strip.clear.click()
    assert len(board.strokes) == 0
    assert not board.strip.undo.isEnabled()
    tool.finish()  # nothing is drawn
    assert tool.active
    assert host.kinds() == ["warn"]


def test_cancel_changes_nothing(host, tool):
    host.session.playhead.playing = True
    before = host.session.document
    tool.start()
    assert not host.session.playhead.playing
    drag(tool.board, *line(200))
    tool.board.strip.cancel.click()
    assert not tool.active
    assert host.session.document is before
    assert host.session.playhead.playing


def test_keys_mean_the_drawing_while_there_is_one(host, tool, qtbot):
    undone = []
    action = QAction("Undo", host)
    action.setShortcut(QKeySequence.StandardKey.Undo)
    action.triggered.connect(lambda: undone.append(1))
    host.addAction(action)
    host.activateWindow()
    tool.start()
    board = tool.board
    drag(board, *line(150))
    drag(board, *line(200))
    surface = board.canvas._surface
    QTest.keyClick(surface, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(board.strokes) == 1
    assert undone == []
    QTest.keyClick(surface, Qt.Key.Key_Return)
    assert host.session.document.experiment.data.name == "points"
    tool.start()
    QTest.keyClick(tool.board.canvas._surface, Qt.Key.Key_Escape)
    assert not tool.active


def test_it_starts_once_and_follows_the_stage_and_the_theme(host, tool):
    tool.start()
    board = tool.board
    tool.start()
    assert tool.board is board
    stage = host.stages["A"].canvas
    stage.resize(320, 280)
    assert board.size() == stage.size()
    assert board.strip.geometry().right() < 320
    board.set_theme(LIGHT)
    assert board.canvas.theme is LIGHT


def test_scribbles_are_bounded(host, tool):
    from explorer.data.distributions.geometry import MAX_POINTS

    tool.start()
    rng = np.random.default_rng(0)
    for scale in (1.0, 1e3, 1e30):
        tool.board._add((rng.normal(size=(4000, 2)) * scale).astype(np.float32))
    tool.board._add(np.array([[np.nan, 1.0], [0.0, np.inf]], np.float32))
    assert len(tool.board.strokes) == 3
    tool.finish()
    data = host.session.document.experiment.data
    assert 2 <= len(data.points) <= MAX_POINTS
    assert np.isfinite(data.mixture.std)


def test_a_click_is_a_point(host, tool):
    tool.start()
    drag(tool.board, (100, 150))
    assert len(tool.board.points()) == 1
    assert not tool.board.strip.ready.isEnabled()
    drag(tool.board, (200, 250))
    tool.finish()
    assert len(host.session.document.experiment.data.points) == 2
