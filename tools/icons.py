"""Draw the program's icon: `python tools/icons.py`.

The picture is computed, not drawn: probability-flow ODE trajectories of the VP SDE run from noise to three
Gaussians, in the colors of the dark theme. The SVG is the source of PNG, ICO and ICNS.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.data.distributions import Mixture
from explorer.diffusion.samplers import SOLVERS, Sampler
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.figures.theme import DARK

ROOT = Path(__file__).resolve().parent.parent
#: What the program itself shows, and what only packages need.
SHIPPED, PACKAGES = ROOT / "assets" / "icons", ROOT / "packaging" / "icons"
NAME = "score-explorer"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
#: Side of the SVG, units of data per side, where the modes are, and how many trajectories reach each.
SIDE, VIEW, RADIUS, LINES = 256, 4.3, 0.95, 11
ANGLES = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
MODE_COLORS = (DARK.score, DARK.accent, DARK.noise)
STEPS = 40


def trajectories() -> tuple[np.ndarray, np.ndarray]:
    """Paths (n, steps + 1, 2) from noise to data, and the mode (n,) that each of them reaches."""
    modes = RADIUS * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
    mixture = Mixture.of_points(modes, 0.08)
    sde = SDES["vp"]()
    sampler = Sampler(mode="ode", solver=SOLVERS["heun"](), steps=STEPS, grid="edm", particles=400)
    frames = [f.x for f in simulate(sde, sampler, ExactScore(mixture, sde), mixture, seed=4)]
    paths = np.stack(frames, axis=1)
    nearest = np.linalg.norm(paths[:, -1, None] - modes, axis=2).argmin(axis=1)
    return paths, nearest


def spread(paths: np.ndarray, count: int) -> np.ndarray:
    """`count` of the paths whose beginnings lie far apart and inside the picture."""
    start = paths[:, 0]
    inside = np.flatnonzero(np.abs(start).max(axis=1) < 0.42 * VIEW)
    chosen = [int(inside[np.linalg.norm(start[inside], axis=1).argmax()])]
    while len(chosen) < count:
        apart = np.linalg.norm(start[inside, None] - start[chosen], axis=2).min(axis=1)
        chosen.append(int(inside[apart.argmax()]))
    return paths[chosen]


def at(point: np.ndarray) -> str:
    """A point of the data in the SVG's units."""
    x, y = SIDE / 2 + np.array([1, -1]) * (point - (0, 0.1)) * SIDE / VIEW
    return f"{x:.1f} {y:.1f}"


def svg() -> str:
    """The icon."""
    paths, nearest = trajectories()
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}">',
        "<defs>",
        *(
            f'<radialGradient id="m{i}"><stop offset="0" stop-color="{c}" stop-opacity=".75"/>'
            f'<stop offset="1" stop-color="{c}" stop-opacity="0"/></radialGradient>'
            for i, c in enumerate(MODE_COLORS)
        ),
        "</defs>",
        f'<rect x="8" y="8" width="{SIDE - 16}" height="{SIDE - 16}" rx="52" fill="{DARK.panel}" '
        f'stroke="{DARK.line}" stroke-width="3"/>',
    ]
    for i, color in enumerate(MODE_COLORS):
        mine = spread(paths[nearest == i], LINES)
        x, y = at(mine[:, -1].mean(axis=0)).split()
        rows.append(f'<circle cx="{x}" cy="{y}" r="58" fill="url(#m{i})"/>')
        for path in mine:
            for end, width, opacity in ((len(path), 3, 0.45), (-STEPS // 4, 5, 1)):
                part = path if end > 0 else path[end:]
                line = " L ".join(at(p) for p in part)
                rows.append(
                    f'<path d="M {line}" fill="none" stroke="{color}" stroke-width="{width}" '
                    f'stroke-linecap="round" stroke-linejoin="round" stroke-opacity="{opacity}"/>'
                )
            start_x, start_y = at(path[0]).split()
            rows.append(
                f'<circle cx="{start_x}" cy="{start_y}" r="4.5" fill="{DARK.text}" fill-opacity=".75"/>'
            )
        rows.append(f'<circle cx="{x}" cy="{y}" r="19" fill="{color}"/>')
        rows.append(f'<circle cx="{x}" cy="{y}" r="10" fill="#ffffff"/>')
    return "\n".join([*rows, "</svg>\n"])


def main() -> None:
    """Write the SVG and everything that is rendered from it."""
    from PIL import Image
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    app = QGuiApplication(["icons", "-platform", "offscreen"])
    for folder in (SHIPPED, PACKAGES):
        folder.mkdir(exist_ok=True)
    (SHIPPED / f"{NAME}.svg").write_text(svg(), encoding="utf-8")
    renderer = QSvgRenderer(str(SHIPPED / f"{NAME}.svg"))
    images = []
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        renderer.render(painter)
        painter.end()
        path = (SHIPPED if size <= 256 else PACKAGES) / f"{NAME}-{size}.png"
        image.save(str(path))
        images.append(Image.open(path))
    small = [i for i in images if i.width <= 256]
    small[-1].save(PACKAGES / f"{NAME}.ico", sizes=[i.size for i in small], append_images=small)
    images[-1].save(PACKAGES / f"{NAME}.icns", append_images=images)
    del app


if __name__ == "__main__":
    main()
