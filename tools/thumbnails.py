"""The thumbnails of the gallery of laboratories, made by the program: `make thumbnails` writes assets/thumbnails/.

A laboratory is run and its main figure drawn without words, dark and light; a scene shows the particles at the end of
its runs, or its laboratory. Names given select some.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import shot_pictures  # noqa: E402
import shot_states  # noqa: E402
from PIL import Image  # noqa: E402
from PySide6.QtGui import QImage  # noqa: E402

from explorer.data.images import DATA  # noqa: E402
from explorer.diffusion.simulate import simulate  # noqa: E402
from explorer.experiment.defaults import with_data  # noqa: E402
from explorer.experiment.resolution import resolve  # noqa: E402
from explorer.experiment.schema import Experiment  # noqa: E402
from explorer.figures.figure import Picture, Plot  # noqa: E402
from explorer.figures.theme import THEMES, theme  # noqa: E402
from explorer.labs import LABS, Context, Lab, Report  # noqa: E402
from explorer.labs.toolkit import control_runs as runs  # noqa: E402
from explorer.session.document import Document  # noqa: E402
from explorer.session.scenes import SCENES, Scene  # noqa: E402
from explorer.ui.figures.thumbnails import drawn, folder  # noqa: E402
from explorer.ui.painting.render import ensure_app  # noqa: E402

#: Colours of a thumbnail's palette, and bytes that all of them may have.
COLOURS, LARGEST = 40, 1_000_000
#: Where in a run a laboratory looks that follows the playhead.
AT = 0.75
#: Particles of a scene.
PARTICLES = 500
Figures = tuple[Plot | Picture, ...]


def lab_figures(lab: Lab, e: Experiment) -> Figures:
    """The main figures of a laboratory that has run to its end."""
    resolved = resolve(e)
    frames = list(simulate(e.sde, e.sampler, resolved.score, e.target, e.seed)) if lab.follows else []
    frames = frames[: max(1, round(AT * len(frames)))]
    context = Context(e, resolved, frames[-1].t if frames else 0.2, frames)
    (report,) = deque(lab.reports(lab.looks_at(context)), maxlen=1)
    return main_figures(lab, report)


def main_figures(lab: Lab, report: Report) -> Figures:
    """Those that have the room on its page."""
    figures = [f for f in report.figures if isinstance(f, Plot | Picture)]
    return tuple(f for f in figures if lab.main and f.title.startswith(lab.main)) or tuple(figures[:1])


def scene_figures(scene: Scene) -> Figures:
    """The particles at the end of one run or of both over the density of the data."""
    document = scene.document
    stages = [e for e in (document.experiment, document.compare) if e is not None]
    return tuple(_end(e) for e in stages)


def _end(e: Experiment) -> Picture:
    sampler = replace(e.sampler, particles=PARTICLES)
    *_, end = simulate(e.sde, sampler, resolve(e).score, e.target, e.seed)
    bounds = runs.bounds_of(e.data.mixture)
    return Picture("", (runs.density_image(e.data.mixture, bounds), runs.cloud(end.x)), bounds)


def every() -> dict[str, Callable[[], Figures]]:
    """File name without ending -> what makes its figures."""
    settings = shot_states.LABORATORIES | shot_pictures.LABORATORIES
    points = Document().experiment
    made: dict[str, Callable[[], Figures]] = {}
    for name, cls in LABS.items():
        e = points if cls.for_points else with_data(points, DATA["mnist"]())
        made[f"lab-{name}"] = partial(lab_figures, cls(**settings[name]), e)
    for scene in SCENES:
        lab = scene.make_lab()
        made[f"scene-{scene.name}"] = (
            partial(scene_figures, scene)
            if lab is None
            else partial(lab_figures, lab, scene.document.experiment)
        )
    return made


def write(name: str, figures: Figures) -> None:
    """One thumbnail in every theme, in few colours."""
    for theme_name in THEMES:
        path = folder(theme_name) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = drawn(figures, theme(theme_name)).convertToFormat(QImage.Format.Format_RGB888)
        size = (image.width(), image.height())
        pixels = Image.frombytes("RGB", size, bytes(image.constBits()), "raw", "RGB", image.bytesPerLine())
        pixels.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as lab-guidance (default: all)")
    chosen = parser.parse_args().names
    ensure_app()
    found = every()
    if unknown := set(chosen) - set(found):
        parser.error(f"nothing is called {', '.join(unknown)}: there are {', '.join(found)}")
    for name in chosen or found:
        write(name, found[name]())
        print(name, flush=True)
    total = sum(path.stat().st_size for t in THEMES for path in folder(t).glob("*.png"))
    print(f"{total:,} bytes")
    return 0 if total <= LARGEST else 1


if __name__ == "__main__":
    sys.exit(main())
