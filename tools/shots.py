"""Pictures of the real window in its main states: `make shots` writes them into shots/, and then those of the README.

With --readme it writes the pictures of the README, into packaging/screenshots/. It waits for what is to be seen (a run
that is complete, a training that has come far enough), never for a time. Names given select states.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PySide6.QtCore import QEventLoop, QPoint, QSettings  # noqa: E402
from PySide6.QtGui import QImage, QPainter  # noqa: E402
from PySide6.QtWidgets import QApplication, QDialog  # noqa: E402
from shot_pictures import STATES  # noqa: E402  # those of points, and its own

from explorer.ui.widgets.equation import EquationView  # noqa: E402

SIZES = ((1280, 720), (2560, 1440))
THEMES = ("dark", "light")
README_SIZE = (1440, 900)
LARGEST_GIF = 2_000_000
PATIENCE = 300.0
#: Seconds without work after which everything that was asked for is painted.
QUIET = 0.35


def pump(app: QApplication, until: Callable[[], object], what: str) -> None:
    """Run the window until it is so."""
    end = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > end:
            raise SystemExit(f"shots: waited in vain for {what}")
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.002)


class Photographer:
    """Brings the window into a state, waits until it is there, and takes the picture."""

    def __init__(self, app: QApplication, window) -> None:  # type: ignore[no-untyped-def]
        self.app, self.window = app, window
        #: The card at the left that is to be seen.
        self.card = None

    def wait(self, until: Callable[[], object], what: str) -> None:
        pump(self.app, until, what)

    def settle(self, position: float | None = None) -> None:
        """Wait until the runs are complete and measured, and the stages show the playhead's frame."""
        session = self.window.session
        self.wait(
            lambda: not session.behind and all(self._complete(name) for name in session.shown), "the runs"
        )
        if position is not None:
            session.playhead.seek(position)
            session.playhead.playing = False
            self.wait(lambda: all(self._measured(name) for name in session.shown), "the distances")
        self.redrawn()

    def _measured(self, name: str) -> bool:
        frames = len(self.window.session.tracks[name].full.recording)
        return len(self.window.session.showing.distance_curve(name)) > min(20, frames // 2)

    def _complete(self, name: str) -> bool:
        run = self.window.session.tracks[name].full
        return run is not None and run.recording.complete

    def redrawn(self) -> None:
        """Wait for pictures of what is asked for now, and let the window paint them and its words."""
        session, card = self.window.session, self.card
        self.window.left.verticalScrollBar().setValue(card.y() if card else 0)
        since = time.monotonic()

        def quiet() -> bool:
            nonlocal since
            computing = session.behind or (not session.showing.idle and not session.networks.trainer.running)
            if computing or not all(view.is_current() for view in self.window.findChildren(EquationView)):
                since = time.monotonic()
            return time.monotonic() > since + QUIET

        self.wait(quiet, "the pictures")

    def dress(self, theme: str) -> None:
        if self.window.theme_name != theme:
            self.window.commands.toggle_theme()

    def resize(self, size: tuple[int, int]) -> None:
        """As large as asked for, or as the window's words need (presentation mode)."""
        least = self.window.minimumWidth(), self.window.minimumSizeHint().height()
        due = max(size[0], least[0]), max(size[1], least[1])
        if due != size:
            print(f"shots: the window cannot be {size}, it needs {due}", flush=True)
        self.window.resize(*due)
        self.wait(lambda: (self.window.width(), self.window.height()) == due, f"a window of {due}")

    def take(self) -> QImage:
        """The window with what floats over it."""
        picture = self.window.grab().toImage()
        painter = QPainter(picture)
        origin = self.window.mapToGlobal(QPoint(0, 0))
        for other in QApplication.topLevelWidgets():
            if other.isVisible() and other is not self.window and other.parent() is not None:
                if isinstance(other, QDialog):
                    other.move(self.window.geometry().center() - other.rect().center())
                painter.drawImage(other.mapToGlobal(QPoint(0, 0)) - origin, other.grab().toImage())
        painter.end()
        return picture

    # --- what the states do ------------------------------------------------------------------------------------------

    def edit(self, part: str, value: object) -> None:
        self.window.end_drag()
        self.window.edit(part, value)

    def fresh(self) -> None:
        """As the program opens."""
        from explorer.session.document import Document

        self.window.session.networks.reset_training()
        self.window.session.edit(Document())
        self.window.notices.clear()
        self.card = None
        self.window.select("A")
        self.window.stages["A"].fit()

    @property
    def experiment(self):  # type: ignore[no-untyped-def]
        return self.window.session.document.experiment

    def mode(self, mode: str, position: float) -> None:
        self.window.commands.set_mode(mode)
        self.settle(position)


# --- taking them ---------------------------------------------------------------------------------------------


def shoot(p: Photographer, names: list[str], folder: Path) -> None:
    """Every state at every size in every theme."""
    folder.mkdir(exist_ok=True)
    for name in names:
        p.fresh()
        steps = STATES[name](p)
        next(steps)
        for size in SIZES:
            p.resize(size)
            for theme in THEMES:
                p.dress(theme)
                p.redrawn()
                p.take().save(str(folder / f"{name}-{theme}-{size[0]}.png"))
        next(steps, None)
        print(f"shots/{name}", flush=True)


def readme(p: Photographer, folder: Path) -> None:
    """The two pictures and the animation of the README."""
    p.fresh()
    p.resize(README_SIZE)
    p.window.commands.compare()
    p.window.stages["A"].zoom(0.8)  # two stages are narrow
    p.settle(0.93)
    for theme in THEMES:
        p.dress(theme)
        p.redrawn()
        p.take().save(str(folder / f"{theme}.png"))
    demo(p, folder / "demo.gif")


def demo(p: Photographer, path: Path) -> None:
    """The same two stages as an animation, made by the program's exporter and kept small."""
    from explorer.export import EXPORTERS
    from explorer.figures.theme import DARK
    from explorer.ui.dialogs.export_work import replay_now
    from explorer.ui.dialogs.exporting import QtRenderer

    look = p.window.session.document.look
    p.window.edit_look(replace(look, trails=False, density=True, arrows=16))
    p.settle(0.93)
    replay = replay_now(p.window.session, DARK, caption=False)
    assert replay is not None
    for width in (720, 640, 560, 480, 400):
        height = round(width * 9 / 16 / 2) * 2
        exporter = EXPORTERS["gif"](width=width, height=height, fps=10, seconds=4.5, hold=1.5)
        for _ in exporter.write(replay, path, QtRenderer()):
            p.app.processEvents()
        print(f"{path.name}: {width} x {height}, {path.stat().st_size:,} bytes", flush=True)
        if path.stat().st_size < LARGEST_GIF:
            return


@contextmanager
def opened() -> Iterator[Photographer]:
    """The real window, with settings of its own."""
    from explorer.session import Session
    from explorer.ui.window.app import load_torch
    from explorer.ui.window.window import MainWindow

    app = QApplication(sys.argv[:1])
    load_torch()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SCORE_EXPLORER_DATA"] = folder
        window = MainWindow(Session(), QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat))
        window.resize(*SIZES[0])
        window.show()
        window.start()
        try:
            yield Photographer(app, window)
        finally:
            window.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="STATE", help=f"of {', '.join(STATES)} (default: all)")
    parser.add_argument(
        "--readme", action="store_true", help="write the pictures of the README into packaging/screenshots/"
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in STATES]
    if unknown:
        parser.error(f"no state is called {unknown[0]}: there are {', '.join(STATES)}")
    with opened() as photographer:
        if options.readme:
            readme(photographer, ROOT / "packaging" / "screenshots")
        else:
            shoot(photographer, options.names or list(STATES), ROOT / "shots")
    return 0


if __name__ == "__main__":
    sys.exit(main())
