"""The application: a window at once, torch behind it, one event loop for both Qt and asyncio."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

if sys.platform == "win32":  # torch's libraries must be loaded before Qt's there
    import torch  # noqa: F401

from PySide6.QtCore import QEvent, QObject, QSettings, QTimer
from PySide6.QtGui import QFileOpenEvent, QIcon
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from explorer.base import paths
from explorer.base.cores import CORES
from explorer.base.errors import Told, sentence
from explorer.session import Session, first_run
from explorer.ui.painting.guard import Repeats
from explorer.ui.window import placement
from explorer.ui.window.window import MainWindow

#: Milliseconds after which loading begins even if no picture has come.
LATEST_MS = 1000


def load_charts() -> None:
    """Import what draws the charts, in a thread: it takes as long as the window does."""
    importlib.import_module("explorer.ui.cards.charts")


def load_torch() -> None:
    """Import torch and pay its first-use costs, in a thread, while the window is already there."""
    import torch

    from explorer.training import warm_up

    torch.set_num_threads(CORES.shared)
    warm_up()


class OpenRequests(QObject):
    """Files that macOS asks the running program to open, where a double click is an event and no argument."""

    def __init__(self, app: QApplication, open_path: Callable[[Path], object]) -> None:
        super().__init__(app)
        self._open = open_path
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent) and event.file():
            self._open(Path(event.file()))
            return True
        return False


def program_icon() -> QIcon:
    """The program's own icon, in every size that it was rendered in."""
    found = QIcon()
    for path in (paths.assets() / "icons").glob("*.png"):
        found.addFile(str(path))
    return found


def make_settings() -> QSettings:
    """The user's settings, as a file beside the other files of the program."""
    return QSettings(str(paths.user_data() / "settings.ini"), QSettings.Format.IniFormat)


class Loader:
    """Loads charts and torch in a thread; the window has the one, and is started, when they are there."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._error: BaseException | None = None
        self._charts = threading.Event()
        self._begun = False
        self._thread = threading.Thread(target=self._load, name="load-torch", daemon=True)
        self._timer = QTimer(window)
        self._timer.timeout.connect(self._look)

    def begin(self) -> None:
        """Start loading, once the first picture of the window is on the screen; a second call does nothing."""
        if self._begun:
            return
        self._begun = True
        self._thread.start()
        self._timer.start(30)

    def _load(self) -> None:
        try:
            load_charts()
            self._charts.set()
            load_torch()
        except Exception as error:  # shown in the window
            self._error = error

    def _look(self) -> None:
        if self._charts.is_set():
            self._charts.clear()
            self._window.draw_charts()
        if self.alive:
            return
        self._timer.stop()
        if self._error is not None:
            text = f"PyTorch does not load here, so nothing can be computed: {self._error}"
            self._window.notices.show_notice(text, "error")
        elif self._window.isVisible():
            self._window.start()

    @property
    def alive(self) -> bool:
        """Whether it still loads."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Wait for the thread (a process that ends inside an import of torch aborts)."""
        if self.alive:
            self._thread.join()


@contextmanager
def failures_shown(window: MainWindow) -> Iterator[None]:
    """Exceptions that nobody foresaw become notices; SCORE_EXPLORER_DEBUG brings their tracebacks too."""
    before, repeats = sys.excepthook, Repeats()

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if repeats.again(error, time.monotonic()):  # as painting does at every frame
            return
        shown = issubclass(kind, Exception) and isValid(window)
        if shown:
            told = isinstance(error, Told)
            text = sentence(error) if told else f"{sentence(error)} Nothing is lost."
            window.notices.show_notice(text, "error")
            if not told:
                with suppress(OSError):
                    print(f"score-explorer: {text}", file=sys.stderr)
        if not shown or os.environ.get("SCORE_EXPLORER_DEBUG"):
            before(kind, error, trace)

    sys.excepthook = show
    try:
        yield
    finally:
        sys.excepthook = before


@contextmanager
def asked_to_end(window: MainWindow, app: QApplication) -> Iterator[list[int]]:
    """Ctrl-C, a polite kill and a closed terminal close the window with its work kept; a second one ends at once.

    The list holds the number of the signal that came.
    """
    came: list[int] = []

    def ask(number: int, _: object) -> None:
        if came:
            os._exit(128 + number)
        came.append(number)
        if isValid(window):
            window.documents.recovery.interrupted = True
        QTimer.singleShot(0, app, app.closeAllWindows)

    wanted = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    before = {number: signal.signal(number, ask) for number in wanted if number is not None}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _until_closed(app: QApplication) -> None:
    import asyncio

    closed = asyncio.Event()
    app.lastWindowClosed.connect(closed.set)
    await closed.wait()


def main(path: str | Path | None = None) -> int:
    """Open the window, with a file if one is given; returns when it is closed."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("Score Explorer")
    app.setDesktopFileName("score-explorer")  # by which Wayland finds the icon
    app.setWindowIcon(program_icon())
    app.setQuitOnLastWindowClosed(False)  # the coroutine below ends the loop
    session = Session()
    recording = first_run.load() if path is None else None
    if recording is not None:
        session.preview(recording)
        session.playhead.playing = True
    window = MainWindow(session, make_settings())
    OpenRequests(app, window.documents.open_path)
    placement.place(window, window.settings)
    loader = Loader(window)
    window.moved.connect(loader.begin)
    QTimer.singleShot(LATEST_MS if recording is not None else 0, loader.begin)
    QTimer.singleShot(0, window.documents.start)
    if path is not None:
        QTimer.singleShot(0, lambda: window.documents.open_path(Path(path)))
    import asyncio  # after the window is there: these two take a fifth of the time that it may take

    import qasync

    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with asked_to_end(window, app) as came:
        with failures_shown(window), loop:
            loop.run_until_complete(_until_closed(app))
        if came and loader.alive:  # all is kept, and whoever asked does not wait for an import of torch
            os._exit(128 + came[0])
        loader.wait()
    return 128 + came[0] if came else 0
