"""Both stages behave alike under mouse, wheel and keys, and whatever fails in OpenGL ends in the painter."""

import math

import numpy as np
import pytest
import windows
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QOpenGLContext, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from explorer.figures.camera import Camera
from explorer.figures.marks import Arrows, Curve, Image, Points, Segments, Text
from explorer.figures.theme import DARK, LIGHT, rgb
from explorer.ui.painting.canvas_base import THICKEST, CanvasBase, thickness
from explorer.ui.painting.canvas_painter import PainterCanvas
from explorer.ui.painting.render import to_array
from explorer.ui.stage import canvas as canvases
from explorer.ui.stage.canvas import Choice, Stage, choose, probe

WIDTH, HEIGHT = 240, 160
CAMERA = Camera(height=1.6)  # 100 pixels a unit; (0, 0) is at pixel (120, 80)
LEFT = Qt.MouseButton.LeftButton


def array(*rows):
    return np.array(rows, np.float32)


def shown(qtbot, widget):
    qtbot.addWidget(widget)
    widget.resize(WIDTH, HEIGHT)
    widget.set_camera(CAMERA)
    widget.show()
    qtbot.waitExposed(widget)
    QApplication.processEvents()
    return widget


@pytest.fixture(params=["painter", pytest.param("opengl", marks=pytest.mark.screen)])
def stage(qtbot, request):
    """A stage on each canvas; all that a test says of the one it says of the other."""
    made = shown(qtbot, Stage(choice=Choice(request.param, "the test wants it")))
    assert made.choice.kind == request.param
    return made


@pytest.fixture
def surface(stage):
    """The widget that the mouse is over."""
    return stage.canvas._surface


def heard(signal):
    """A list that fills with what the signal says."""
    said = []
    signal.connect(lambda *args: said.append(args))
    return said


def wheel(surface, x, y, turned=120):
    place = QPointF(x, y)
    event = QWheelEvent(
        place,
        surface.mapToGlobal(place),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(surface, event)


def picture(stage):
    return to_array(stage.grab_image().convertToFormat(QImage.Format.Format_RGB32)).astype(int)


def test_wheel_zooms_around_the_cursor(stage, surface):
    moved = heard(stage.camera_changed)
    before = stage.camera.to_data((180, 40), (WIDTH, HEIGHT))
    wheel(surface, 180, 40)
    assert len(moved) == 1 and moved[0][0] is stage.camera
    assert stage.camera.height < CAMERA.height
    assert stage.camera.to_data((180, 40), (WIDTH, HEIGHT)) == pytest.approx(before)
    wheel(surface, 180, 40, -120)
    assert stage.camera.height == pytest.approx(CAMERA.height)


def test_drag_moves_the_point_with_the_hand(stage, surface):
    said = heard(stage.camera_changed)
    windows.drag(surface, (120, 80), (150, 90), (170, 60))
    assert stage.camera.center == pytest.approx((-0.5, -0.2))
    assert said and stage.camera.height == CAMERA.height


def test_set_camera_is_silent(stage):
    said = heard(stage.camera_changed)
    stage.set_camera(CAMERA.panned(1, 1))
    assert not said and stage.camera.center == (1, 1)


def test_double_click_asks_for_a_fit(qtbot, stage, surface):
    with qtbot.waitSignal(stage.fit_requested, timeout=1000):
        QTest.mouseDClick(surface, LEFT, pos=QPoint(50, 50))


def test_click_and_no_click_after_a_drag(stage, surface):
    clicks = heard(stage.clicked)
    QTest.mouseClick(surface, Qt.MouseButton.RightButton, pos=QPoint(170, 80))
    assert len(clicks) == 1
    assert clicks[0][:2] == pytest.approx((0.5, 0)) and clicks[0][2] == Qt.MouseButton.RightButton
    windows.drag(surface, (10, 10), (60, 60))
    assert len(clicks) == 1


def test_hover_and_leave(stage, surface):
    seen = heard(stage.hovered)
    windows.move(surface, (20, 30))
    assert seen[-1] == pytest.approx((-1.0, 0.5))
    QApplication.sendEvent(surface, QEvent(QEvent.Type.Leave))
    assert all(map(math.isnan, seen[-1]))


@pytest.mark.parametrize(
    "key, center, height",
    [
        (Qt.Key.Key_Plus, (0, 0), 1.28),
        (Qt.Key.Key_Minus, (0, 0), 2.0),
        (Qt.Key.Key_Left, (-0.24, 0), 1.6),
        (Qt.Key.Key_Up, (0, 0.16), 1.6),
        (Qt.Key.Key_A, (0, 0), 1.6),
    ],
)
def test_keys(stage, surface, key, center, height):
    QTest.keyClick(surface, key)
    assert stage.camera.center == pytest.approx(center)
    assert stage.camera.height == pytest.approx(height)


def test_strokes_instead_of_moves_while_drawing(stage, surface):
    strokes, moved = heard(stage.stroke), heard(stage.camera_changed)
    stage.drawing = True
    stage.show_marks([], DARK)
    QTest.mousePress(surface, LEFT, pos=QPoint(20, 80))
    for x in (60, 100, 100, 220):
        windows.move(surface, (x, 80), LEFT)
    ink = picture(stage)[80, 150]
    assert np.abs(ink - rgb(DARK, "data")).max() < 30, "the ink shows while the hand draws"
    QTest.mouseRelease(surface, LEFT, pos=QPoint(220, 80))
    assert len(strokes) == 1 and not moved
    xy = strokes[0][0]
    assert xy.dtype == np.float32 and xy.shape == (4, 2)
    assert xy == pytest.approx(array((-1, 0), (-0.6, 0), (-0.2, 0), (1, 0)), abs=1e-5)
    stage.drawing = False
    windows.drag(surface, (20, 80), (60, 80))
    assert len(strokes) == 1 and moved


def test_what_is_shown(stage):
    marks = [
        Image(np.ones((4, 4), np.float32), (-1.2, -0.8, 0.4, 0.8), "viridis"),
        Points(array((0, 0)), "score", size=12),
        Points(array((0.5, 0)), size=12, values=np.ones(1, np.float32), colormap="viridis"),
        Segments(array((-1.2, 0.3)), array((1.2, 0.3)), "noise", width=4),
        Curve(array((-1.2, -0.3), (1.2, -0.3)), "corrector", width=4),
        Arrows(array((0, -0.5)), array((0.5, 0)), "accent", width=4),
        Text((-1.0, -0.6), "████", "data", size=20),
    ]
    for theme in (DARK, LIGHT, DARK):
        stage.show_marks(marks, theme)
        seen = picture(stage)
        yellow = (253, 231, 36)
        for (x, y), color in {
            (20, 20): yellow,
            (120, 80): rgb(theme, "score"),
            (170, 80): yellow,
            (60, 50): rgb(theme, "noise"),
            (60, 110): rgb(theme, "corrector"),
            (140, 130): rgb(theme, "accent"),
            (20, 140): rgb(theme, "data"),
            (60, 70): rgb(theme, "stage"),
        }.items():
            assert np.abs(seen[y, x] - color).max() < 14, (theme.name, x, y)


def test_marks_may_change_from_frame_to_frame(stage):
    rng = np.random.default_rng(0)
    for n in (5, 1, 0, 300, 300, 2):
        xy = rng.uniform(-0.3, 0.3, (n, 2)).astype(np.float32)
        marks = [Points(xy), Segments(xy, -xy), Text((0, 0), str(n)), Curve(xy, dash=True), Arrows(xy, xy)]
        stage.show_marks(marks[: 1 + n % 5], LIGHT)
        assert (picture(stage) != 255).any() == (n > 0)
    stage.show_marks([Points(array((np.nan, 0), (3e38, 1))), Curve(array((0, np.inf)))], DARK)
    assert (picture(stage) == rgb(DARK, "stage")).all()
    assert stage.choice.reason == "the test wants it"


def by_both(qtbot, marks):
    """The marks as the painter and as OpenGL show them."""
    pictures = []
    for kind in ("painter", "opengl"):
        stage = shown(qtbot, Stage(choice=Choice(kind, "")))
        stage.show_marks(marks, DARK)
        pictures.append(picture(stage))
        stage.close()
    return pictures


@pytest.mark.screen
def test_both_canvases_show_the_same(qtbot):
    axis = np.linspace(-1, 1, 40, dtype=np.float32)
    circle = np.stack([np.cos(3 * axis), np.sin(3 * axis)], 1) * 0.6
    marks = [
        Image(np.exp(-3 * (axis[:, None] ** 2 + axis**2)), (-1, 1, -0.7, 0.7)),
        Segments(circle[:-1], circle[1:], fade=axis[1:] / 2 + 0.5),
        Arrows(circle[::4], -0.3 * circle[::4]),
        Points(circle * 1.1, size=3.5),
        Curve(circle * 1.2, "noise", 2, dash=True),
        Text((0, 0.6), "t = 0.5"),
    ]
    pictures = by_both(qtbot, marks)
    difference = np.abs(pictures[0] - pictures[1])
    assert difference.mean() < 3 and np.percentile(difference, 99) < 60


@pytest.mark.screen
def test_both_canvases_show_pictures_pixel_by_pixel(qtbot):
    """Red, green and blue as they are, upright, without smoothing: what a sheet of emoji is made of."""
    pixels = np.random.default_rng(0).random((8, 8, 3), np.float32)
    pixels[0] = (1, 0, 0)  # the lowest row
    marks = [Image(pixels, (-0.8, 0.8, -0.8, 0.8), smooth=False)]
    pictures = by_both(qtbot, marks)
    difference = np.abs(pictures[0] - pictures[1]).max(-1)
    assert np.percentile(difference, 95) <= 2 and pictures[1].reshape(-1, 3).std() > 30
    red = (np.abs(pictures[1] - (255, 0, 0)).max(-1) < 3).any(1)
    assert red.any() and red[: len(red) // 2].sum() == 0


@pytest.mark.screen
def test_a_failure_in_the_middle_ends_in_the_painter(qtbot):
    stage = shown(qtbot, Stage(choice=Choice("opengl", "")))
    mark = Points(array((0, 0)), "score", size=12)
    stage.show_marks([mark], DARK)
    stage.drawing = True
    changes = heard(stage.changed)

    def broken(*_):
        raise RuntimeError("the driver is gone")

    stage.canvas._drawers = {Points: broken}
    stage.show_marks([mark], LIGHT)
    qtbot.waitUntil(lambda: bool(changes), timeout=2000)
    assert isinstance(stage.canvas, PainterCanvas) and "the driver is gone" in stage.choice.reason
    assert stage.camera == CAMERA and stage.drawing
    QApplication.processEvents()
    assert np.abs(picture(stage)[80, 120] - rgb(LIGHT, "score")).max() < 14
    moved = heard(stage.camera_changed)
    wheel(stage.canvas._surface, 10, 10)
    assert moved


@pytest.mark.screen
def test_opengl_survives_a_move_to_another_window(qtbot):
    stage = shown(qtbot, Stage(choice=Choice("opengl", "")))
    mark = Points(array((0, 0)), "score", size=12)
    stage.show_marks([mark], DARK)
    host = QWidget()
    qtbot.addWidget(host)
    QVBoxLayout(host).addWidget(stage)
    host.resize(300, 300)
    host.show()
    qtbot.waitUntil(lambda: is_score_in_the_middle(picture(stage)), timeout=3000)
    assert stage.choice.kind == "opengl"
    moved = heard(stage.camera_changed)
    wheel(stage.canvas._surface, 10, 10)
    assert len(moved) == 1


def is_score_in_the_middle(seen):
    height, width, _ = seen.shape
    return np.abs(seen[height // 2, width // 2] - rgb(DARK, "score")).max() < 14


@pytest.mark.screen
def test_vispy_leaves_the_messages_and_the_tests_of_qt_alone(qtbot):
    from PySide6.QtCore import qInstallMessageHandler

    before = qInstallMessageHandler(None)
    qInstallMessageHandler(before)
    shown(qtbot, Stage(choice=Choice("opengl", "")))
    after = qInstallMessageHandler(None)
    qInstallMessageHandler(after)
    assert before is after
    assert QTest.qWait.__module__ != "vispy.app.backends._pyside6"


@pytest.mark.screen
def test_the_probe_finds_opengl_on_a_screen(qapp, monkeypatch):
    assert probe().kind == "opengl" or "emulated" in probe().reason
    monkeypatch.setenv(canvases.VARIABLE, "opengl")
    assert choose().kind == "opengl"


@pytest.mark.parametrize("platform", ["offscreen", "wayland", "minimal"])
def test_screens_without_opengl_get_the_painter(qapp, monkeypatch, platform):
    monkeypatch.setattr(canvases.QGuiApplication, "platformName", staticmethod(lambda: platform))
    for wish in ("", "opengl"):
        monkeypatch.setenv(canvases.VARIABLE, wish)
        assert choose().kind == "painter" and choose().reason


@pytest.mark.parametrize("step", ["create", "makeCurrent"])
def test_a_context_that_cannot_be_used_gives_the_painter(qapp, monkeypatch, step):
    class Context(QOpenGLContext):
        def create(self):
            return step != "create"

        def makeCurrent(self, surface):
            return False

    monkeypatch.setattr(canvases.QGuiApplication, "platformName", staticmethod(lambda: "xcb"))
    monkeypatch.setattr(canvases, "QOpenGLContext", Context)
    monkeypatch.delenv(canvases.VARIABLE, raising=False)
    found = choose()
    assert found.kind == "painter" and "context" in found.reason


def test_the_painter_can_be_asked_for(qapp, monkeypatch):
    monkeypatch.setenv(canvases.VARIABLE, "painter")
    monkeypatch.setattr(canvases, "probe", lambda: pytest.fail("nobody asked"))
    assert choose() == Choice("painter", "asked for by SCORE_EXPLORER_STAGE")


def test_a_vispy_that_cannot_start_gives_the_painter(qtbot, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "explorer.ui.stage.canvas_vispy", None)
    stage = shown(qtbot, Stage(choice=Choice("opengl", "")))
    assert stage.choice.kind == "painter" and "OpenGL failed" in stage.choice.reason


def test_high_resolution_screens_get_sharp_marks(qtbot):
    """At two device pixels a pixel, a dot is twice as many device pixels wide, in the same place."""

    class Fine(PainterCanvas):
        def devicePixelRatioF(self):
            return 2.0

    fine = shown(qtbot, Fine())
    fine.show_marks([Points(array((0.5, 0)), "score", size=10)], DARK)
    image = QImage(2 * WIDTH, 2 * HEIGHT, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2)
    image.fill(QColor("black"))
    fine.render(image)
    seen = to_array(image_without_ratio(image)).astype(int)
    columns = np.nonzero(np.abs(seen[160] - rgb(DARK, "score")).max(-1) < 14)[0]
    assert abs(columns.mean() - 340) < 1 and 17 <= len(columns) <= 21


def image_without_ratio(image):
    image.setDevicePixelRatio(1)
    return image


def test_canvas_base_says_what_it_leaves_to_others(qtbot):
    base = CanvasBase()
    qtbot.addWidget(base)
    with pytest.raises(NotImplementedError):
        base.show_marks([], DARK)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_large_stage_has_thicker_marks(ratio):
    """As at the back of a room: one pixel up to the height of a laptop, then in proportion, up to a limit."""
    found = [thickness((2 * side * ratio, side * ratio), ratio) / ratio for side in (300, 720, 1080, 4000)]
    assert found == [1.0, 1.0, 1.5, THICKEST]
