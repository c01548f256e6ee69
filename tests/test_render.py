"""Pictures: every mark changes the pixels it should, in its colour, and nothing a view can hold breaks it."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from explorer.figures.camera import Camera
from explorer.figures.marks import Arrows, Curve, Image, Points, Segments, Text
from explorer.figures.theme import DARK, LIGHT, lut, rgb
from explorer.ui.painting import render
from explorer.ui.painting.canvas_painter import CROWD, PainterCanvas, paint
from explorer.ui.painting.render import Header, Panel, to_array, to_image, to_svg

pytestmark = pytest.mark.usefixtures("qapp")

SIZE = 200
CAMERA = Camera(height=2.0)  # so a data unit is 100 pixels, and (0, 0) is in the middle
HUGE = 3e38
SVG = "{http://www.w3.org/2000/svg}"


def array(*rows):
    return np.array(rows, np.float32)


def pixels(*marks, theme=DARK, camera=CAMERA, scale=1.0):
    return to_array(to_image(marks, camera, SIZE, SIZE, theme, scale=scale)).astype(int)


def touched(picture, theme=DARK):
    """The box of the pixels that are not the stage: left, right, top, bottom."""
    rows, columns = np.nonzero((picture != rgb(theme, "stage")).any(-1))
    return columns.min(), columns.max(), rows.min(), rows.max()


def like(pixel, color, tolerance=12):
    return np.abs(np.asarray(pixel, int) - np.asarray(color)[:3]).max() <= tolerance


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda t: t.name)
def test_points(theme):
    picture = pixels(Points(array((0.5, 0.5)), "score", size=10), theme=theme)
    assert like(picture[50, 150], rgb(theme, "score"))
    left, right, top, bottom = touched(picture, theme)
    assert 143 <= left <= 146 and 154 <= right <= 157 and 43 <= top <= 46 and 54 <= bottom <= 57


def test_points_by_value_and_alpha():
    xy, values = array((-0.5, 0), (0, 0), (0.5, 0)), np.array([0, 1, np.nan], np.float32)
    picture = pixels(Points(xy, size=10, values=values, colormap="viridis"))
    table = lut("viridis", DARK)
    assert like(picture[100, 50], table[0]) and like(picture[100, 100], table[255])
    assert like(picture[100, 150], table[0])
    faint = pixels(Points(array((0, 0)), "#ffffff", size=20, alpha=0.5))
    assert like(faint[100, 100], (np.array(rgb(DARK, "stage")) + 255) / 2)


def test_points_move_by_fractions_of_a_pixel():
    pictures = [pixels(Points(array((x / 100, 0)), "#ffffff", size=6)) for x in (0.1, 0.35, 0.6, 0.85)]
    centres = [
        (p.sum(-1) - p[0, 0].sum()).sum(0) @ np.arange(SIZE) / (p.sum(-1) - p[0, 0].sum()).sum()
        for p in pictures
    ]
    assert np.allclose(np.diff(centres), 0.25, atol=0.06)


def test_segments_fade():
    starts, ends = array((-1, 0.5), (-1, 0), (-1, -0.5)), array((1, 0.5), (1, 0), (1, -0.5))
    fade = np.array([1, 0.5, 0], np.float32)
    picture = pixels(Segments(starts, ends, "#ffffff", width=4, fade=fade))
    stage = np.array(rgb(DARK, "stage"))
    assert like(picture[50, 100], (255, 255, 255))
    assert like(picture[100, 100], (stage + 255) / 2)
    assert like(picture[150, 100], stage, 0)


def test_arrows_have_a_head_at_their_end():
    picture = pixels(Arrows(array((-0.5, 0)), array((1, 0)), "score", width=2))
    assert like(picture[100, 100], rgb(DARK, "score"), 40)
    height = (picture != rgb(DARK, "stage")).any(-1).sum(0)
    assert height[100] <= 4 and height[145:149].max() > 5 and not height[155:].any()


def test_arrows_by_value():
    xy, uv = array((-0.5, 0.5), (-0.5, -0.5)), array((1, 0), (1, 0))
    picture = pixels(Arrows(xy, uv, width=6, values=np.array([0, 1], np.float32), colormap="cividis"))
    table = lut("cividis", DARK)
    assert like(picture[50, 100], table[0]) and like(picture[150, 100], table[255])


def test_curves_lift_the_pen_and_dash():
    xy = array((-1, 0.5), (-0.5, 0.5), (np.nan, np.nan), (0.5, 0.5), (1, 0.5))
    picture = pixels(Curve(xy, "noise", width=4))
    assert like(picture[50, 25], rgb(DARK, "noise")) and like(picture[50, 175], rgb(DARK, "noise"))
    assert like(picture[50, 100], rgb(DARK, "stage"), 0)
    dashed = pixels(Curve(array((-1, 0), (1, 0)), "noise", width=4, dash=True))
    ink = (np.abs(dashed[100] - rgb(DARK, "noise")).max(-1) < 40).mean()
    assert 0.4 < ink < 0.7


def test_images_have_their_first_row_at_the_bottom():
    values = np.array([[0, 0], [1, 1]], np.float32)
    picture = pixels(Image(values, (-0.5, 0.5, -0.5, 0.5), "viridis"))
    table = lut("viridis", DARK)
    assert like(picture[55, 100], table[255]) and like(picture[145, 100], table[0])
    assert touched(picture) == (50, 149, 50, 149)


@pytest.mark.parametrize("depth", [1, 10, 1e3, 1e5])
def test_images_zoomed_into_keep_their_place(depth):
    values = np.zeros((64, 64), np.float32)
    values[:, 32:] = 1
    picture = pixels(Image(values, (-1, 1, -1, 1), "viridis"), camera=CAMERA.zoomed(depth, (0, 0)))
    red, green, blue = picture[100].T
    assert blue[-1] <= blue[0] and green[-1] > green[0] and red[-1] > red[0]


@pytest.mark.parametrize("anchor, beyond", [("w", 100), ("e", -100), ("nw", 100), ("se", -100), ("c", 0)])
def test_text_stands_at_its_anchor(anchor, beyond):
    left, right, top, bottom = touched(pixels(Text((0, 0), "HELLO", size=20, anchor=anchor)))
    assert right - left > 40 and bottom - top > 10
    rim = 3
    if beyond > 0:
        assert left >= 100 - rim
    elif beyond < 0:
        assert right <= 100 + rim
    else:
        assert abs((left + right) / 2 - 100) < 3 and abs((top + bottom) / 2 - 100) < 3


def wild():
    """Marks with everything that overflows."""
    bad = array((np.nan, 0), (np.inf, 0), (HUGE, -HUGE), (-np.inf, np.nan), (1e9, 1e9), (0, HUGE))
    numbers = np.array([np.nan, np.inf, -np.inf, 5, -5, 0.5], np.float32)
    zero = np.zeros_like(bad)
    yield Points(bad, "score", size=3), Points(bad, values=numbers)
    yield Points(np.zeros((0, 2), np.float32)), Curve(np.zeros((0, 2), np.float32))
    yield Segments(bad, zero + 5e8, fade=numbers), Segments(bad, bad[::-1])
    yield Arrows(bad, zero), Arrows(zero + 30, bad), Arrows(bad, bad, values=numbers)
    yield Curve(bad), Curve(bad, dash=True), Curve(array((0, 3)))
    yield Image(np.full((3, 3), np.nan, np.float32), (HUGE, -HUGE, 0, 1)), Image(zero, (3, 4, 3, 4))
    yield Image(zero, (np.nan, 1, 0, 1)), Image(np.zeros((0, 0), np.float32), (0, 1, 0, 1))
    yield Text((np.nan, 0), "x"), Text((1e30, 0), "x"), Text((9, 9), "")


@pytest.mark.parametrize("marks", list(wild()))
def test_what_cannot_be_seen_draws_nothing(marks):
    assert (pixels(*marks, camera=Camera(center=(-3.0, -5.0), height=0.5)) == rgb(DARK, "stage")).all()
    ElementTree.fromstring(to_svg(marks, CAMERA, SIZE, SIZE, DARK))


@pytest.mark.parametrize("height", [1e-6, 1e-3, 1e7])
def test_lines_across_the_whole_view_survive_any_zoom(height):
    camera = Camera(height=height)
    for mark in (
        Segments(array((-1e8, 0)), array((1e8, 0)), "score", width=3),
        Curve(array((-1e8, 0), (1e8, 0)), "score", width=3),
        Arrows(array((-1e8, 0)), array((2e8, 0)), "score", width=3),
    ):
        assert like(pixels(mark, camera=camera)[100, 100], rgb(DARK, "score")), mark


def test_a_crowd_of_lines_is_drawn_all_the_same():
    starts = np.linspace(-1, 1, CROWD["live"] + 1, dtype=np.float32)[:, None] * array((1, 0))
    marks = [Segments(starts - array((0, 0.5)), starts + array((0, 0.5)), "score")]
    image = QImage(SIZE, SIZE, QImage.Format.Format_RGB32)
    image.fill(QColor(DARK.stage))
    painter = QPainter(image)
    paint(painter, marks, CAMERA, (SIZE, SIZE), DARK)
    painter.end()
    assert like(to_array(image)[100, 100], rgb(DARK, "score"))


SCENE = (
    Image(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8), (-0.8, 0.8, -0.8, 0.8)),
    Curve(array((-0.9, -0.9), (0.9, 0.9), (0.9, -0.9)), dash=True),
    Segments(array((-0.5, 0), (0, 0)), array((0, 0.5), (0.5, 0)), fade=np.array([0.4, 1], np.float32)),
    Arrows(array((-0.4, -0.4), (0.4, 0.4)), array((0.2, 0), (0, 0.2))),
    Points(array((0, 0), (0.3, -0.3), (-0.3, 0.3)), "text"),
    Text((0, 0.9), "α < β & γ", anchor="n"),
)


def test_the_painter_stage_shows_what_a_picture_shows(qtbot):
    canvas = PainterCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(SIZE, SIZE)
    canvas.set_camera(CAMERA)
    canvas.show_marks(SCENE, DARK)
    difference = np.abs(to_array(canvas.grab_image()).astype(int) - pixels(*SCENE))
    assert difference.max() <= 12  # a live stage has fewer shades


def test_resolution_changes_nothing_but_sharpness():
    small = to_image(SCENE, CAMERA, 480, 480, DARK)
    large = to_image(SCENE, CAMERA, 1920, 1920, DARK)
    means = [to_array(i).reshape(24, i.height() // 24, 24, -1, 3).mean((1, 3)) for i in (small, large)]
    assert np.abs(means[0] - means[1]).max() < 25 and np.abs(means[0] - means[1]).mean() < 1.5


@pytest.mark.parametrize("width", [1, 2, 3, 4, 101, 640])
def test_to_array_of_any_width(width):
    image = QImage(width, 3, QImage.Format.Format_RGB32)
    image.fill(QColor(1, 2, 3))
    image.setPixelColor(width - 1, 2, QColor(200, 100, 50))
    out = to_array(image)
    assert out.shape == (3, width, 3) and out.dtype == np.uint8 and out.flags.c_contiguous
    assert out[0, 0].tolist() == ([1, 2, 3])
    assert out[2, -1].tolist() == [200, 100, 50]


def test_strips_leave_the_stage_alone():
    mark = Points(array((0, 0)), "#ff0000", size=40)
    header = Header("A  Reverse SDE", "Euler-Maruyama", "NFE 100")
    image = to_image([mark], CAMERA, 640, 360, DARK, header, "VP, 100 steps " * 40)
    assert (image.width(), image.height()) == (640, 360)
    picture = to_array(image).astype(int)
    red = (picture == (255, 0, 0)).all(-1)
    top = np.nonzero((picture[:, 320] == rgb(DARK, "stage")).all(-1))[0][0]
    bottom = np.nonzero((picture[:, 320] == rgb(DARK, "stage")).all(-1))[0][-1]
    middle = np.nonzero(red)[0].mean()
    assert top > 20 and bottom < 340 and abs(middle - (top + bottom) / 2) < 2
    assert (np.abs(picture[:top] - rgb(DARK, "panel")).max(-1) > 50).any(), "words above"
    assert (np.abs(picture[bottom + 1 :] - rgb(DARK, "background")).max(-1) > 50).any(), "words below"


def test_two_panes():
    panels = [Panel([Points(array((0, 0)), c, size=60)], CAMERA, "A") for c in ("#ff0000", "#00ff00")]
    picture = to_array(render.render(panels, 640, 360, LIGHT)).astype(int)
    red, green = ((picture == c).all(-1).nonzero()[1] for c in ((255, 0, 0), (0, 255, 0)))
    assert abs(red.mean() - 158) < 2 and abs(green.mean() - 482) < 2


def test_svg_has_an_element_for_each_thing():
    root = ElementTree.fromstring(to_svg(SCENE, CAMERA, SIZE, SIZE, DARK, Header("T", "S", "R"), "caption"))
    counts = {
        tag: len(root.findall(f".//{SVG}{tag}")) for tag in ("circle", "line", "path", "polyline", "image")
    }
    assert counts == {"circle": 3, "line": 2, "path": 2, "polyline": 1, "image": 1}
    words = [element.text for element in root.iter(f"{SVG}text") if "stroke" not in element.attrib]
    assert words == ["α < β & γ", "T", "S", "R", "caption"]


def test_svg_looks_like_the_picture():
    from PySide6.QtSvg import QSvgRenderer

    marks = SCENE[:4]  # Qt knows neither paint-order nor the clip path of newer SVG
    image = QImage(SIZE, SIZE, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    QSvgRenderer(to_svg(marks, CAMERA, SIZE, SIZE, DARK, scale=1.0)).render(painter)
    painter.end()
    assert np.abs(to_array(image).astype(int) - pixels(*marks)).mean() < 4


def test_svg_keeps_its_strips_where_nothing_is_clipped():
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(SIZE, SIZE, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    QSvgRenderer(to_svg([], CAMERA, SIZE, SIZE, LIGHT, "A", "caption", scale=1.0)).render(painter)
    painter.end()
    seen = to_array(image)
    expected = {2: "panel", 100: "stage", SIZE - 2: "background"}
    assert all(like(seen[y, SIZE - 2], rgb(LIGHT, role)) for y, role in expected.items())


def test_control_characters_do_not_break_svg():
    ElementTree.fromstring(to_svg([Text((0, 0), "a\x00b\x1f\n<>")], CAMERA, SIZE, SIZE, DARK, 'x"<\x01'))


def test_no_picture_of_nothing():
    with pytest.raises(ValueError, match="0 x 5"):
        to_image([], CAMERA, 0, 5, DARK)


def test_pictures_need_no_display_and_no_application():
    code = (
        "import numpy as np; from explorer.ui.painting.render import *; from explorer.figures.camera import Camera;"
        "from explorer.figures.marks import Text; from explorer.figures.theme import DARK;"
        "image = to_image([Text((0, 0), 'x')], Camera(), 64, 48, DARK, scale=1.0);"
        "print(to_array(image).max())"
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    root = Path(render.__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150
