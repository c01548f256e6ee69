"""How long a stage takes to draw: each kind of mark, then a whole scene, with and without OpenGL.

Run it with a virtual screen to see OpenGL too: tools/screen .venv/bin/python benchmarks/canvas.py
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from explorer.figures.camera import Camera
from explorer.figures.marks import Arrows, Curve, Image, Mark, Points, Segments, Text
from explorer.figures.theme import DARK
from explorer.ui.painting import render
from explorer.ui.painting.canvas_painter import paint
from explorer.ui.stage.canvas import Choice, Stage, probe

SIZE = (900, 800)
CAMERA = Camera(height=7.0)
EXTENT = 3.5
ANGLES = np.arange(8) * np.pi / 4
CENTRES = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
SIGMA = 0.38


def density(n: int = 192) -> Image:
    """Eight Gaussians on a square grid, square-root scaled as the density view does."""
    axis = np.linspace(-EXTENT, EXTENT, n)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    squares = ((grid[:, :, None] - CENTRES) ** 2).sum(-1)
    values = np.exp(-squares / (2 * SIGMA**2)).sum(-1)
    return Image(np.sqrt(values / values.max()).astype(np.float32), (-EXTENT, EXTENT, -EXTENT, EXTENT))


def particles(n: int, values: bool = False) -> Points:
    rng = np.random.default_rng(0)
    xy = CENTRES[rng.integers(8, size=n)] + SIGMA * rng.standard_normal((n, 2))
    return Points(xy.astype(np.float32), size=3.2, values=rng.random(n, np.float32) if values else None)


def score(xy: np.ndarray) -> np.ndarray:
    """The gradient of the log-density of the eight Gaussians."""
    away = CENTRES - xy[:, None]
    logs = -(away**2).sum(-1) / (2 * SIGMA**2)
    weights = np.exp(logs - logs.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    return (weights[:, :, None] * away).sum(1) / SIGMA**2


def arrows(n: int) -> Arrows:
    axis = (np.arange(n) + 0.5) / n * 2 * EXTENT - EXTENT
    xy = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    uv = score(xy)
    length = np.linalg.norm(uv, axis=1, keepdims=True)
    longest = 0.8 * 2 * EXTENT / n
    uv *= longest * np.log1p(length) / np.log1p(length).max() / length
    return Arrows(xy.astype(np.float32), uv.astype(np.float32))


def trails(paths: int, steps: int) -> Segments:
    rng = np.random.default_rng(1)
    x = CENTRES[rng.integers(8, size=paths)] + 1.2 * rng.standard_normal((paths, 2))
    rows = [x]
    for _ in range(steps):
        x = x + 0.01 * score(x) + 0.06 * rng.standard_normal(x.shape)
        rows.append(x)
    path = np.stack(rows).astype(np.float32)
    fade = np.repeat(np.linspace(0, 1, steps, dtype=np.float32), paths)
    return Segments(path[:-1].reshape(-1, 2), path[1:].reshape(-1, 2), "accent", 1.0, 0.6, fade)


def contour() -> Curve:
    turn = np.linspace(0, 2 * np.pi, 400)
    rings = [c + 0.8 * np.stack([np.cos(turn), np.sin(turn)], 1) for c in CENTRES]
    lifted = [np.concatenate([ring, [[np.nan, np.nan]]]) for ring in rings]
    return Curve(np.concatenate(lifted).astype(np.float32), "muted")


def stage(n: int = 5000) -> list[Mark]:
    """What a busy stage shows at once."""
    return [density(), contour(), trails(200, 60), arrows(30), particles(n), Text((0, 3.2), "t = 0.106")]


def milliseconds(call: Callable[[], object], rounds: int = 25) -> float:
    """The median time of a call."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def painted(marks: Sequence[Mark]) -> Callable[[], None]:
    image = QImage(*SIZE, QImage.Format.Format_RGB32)

    def draw() -> None:
        painter = QPainter(image)
        paint(painter, marks, CAMERA, SIZE, DARK)
        painter.end()

    return draw


CASES: dict[str, list[Mark]] = {
    "density 192 x 192": [density()],
    "5,000 points": [particles(5000)],
    "5,000 points, coloured by value": [particles(5000, values=True)],
    "50,000 points": [particles(50_000)],
    "900 arrows": [arrows(30)],
    "200 x 60 trail segments": [trails(200, 60)],
    "8 contours of 400 points": [contour()],
    "all of it, 5,000 points": stage(),
}


def with_opengl() -> None:
    """The same on OpenGL where there is any; on an emulated one this shows why the painter is chosen."""
    if (found := probe()).kind == "painter" and "emulated" not in found.reason:
        print(f"No OpenGL: {found.reason}")
        return
    stage = Stage(choice=Choice("opengl", ""))
    stage.resize(*SIZE)
    stage.set_camera(CAMERA)
    stage.show()
    QApplication.processEvents()
    print(f"OpenGL ({found.reason}), ms a frame")
    for name, marks in CASES.items():
        stage.show_marks(marks, DARK)
        print(f"  {name:34}{milliseconds(stage.canvas.finish_frame, 9):8.2f}")
    stage.close()


def main() -> None:
    app = QApplication.instance() or QApplication([])
    print(f"Painter, {SIZE[0]} x {SIZE[1]}, ms a frame")
    for name, marks in CASES.items():
        print(f"  {name:34}{milliseconds(painted(marks)):8.2f}")
    with_opengl()
    print("Pictures of the whole scene, ms each")
    for width, height in ((854, 480), (1920, 1080), (3840, 2160)):
        spent = milliseconds(lambda w=width, h=height: render.to_image(stage_marks, CAMERA, w, h, DARK), 5)
        print(f"  {f'{width} x {height}':34}{spent:8.2f}")
    image = render.to_image(stage_marks, CAMERA, 1920, 1080, DARK)
    print(f"  {'1920 x 1080 to an array':34}{milliseconds(lambda: render.to_array(image)):8.2f}")
    print(f"  {'SVG':34}{milliseconds(lambda: render.to_svg(stage_marks, CAMERA, *SIZE, DARK), 3):8.2f}")
    app.processEvents()


stage_marks = stage()

if __name__ == "__main__":
    main()
