"""How the window feels: gaps of the event loop, pictures a second, the answer to a slider, jobs after a burst.

Drives the real window without OpenGL. Prints a Markdown table; with --pictures only what concerns pictures.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("SCORE_EXPLORER_STAGE", "painter")
os.environ["SCORE_EXPLORER_DATA"] = tempfile.mkdtemp()

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication

from explorer.data.images import IMAGES
from explorer.diffusion.samplers import Sampler
from explorer.experiment.codec import edited
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.session import Session
from explorer.session.document import Document
from explorer.ui.window.app import load_torch, make_settings
from explorer.ui.window.window import MainWindow


class Bench:
    """A window on a virtual screen, and a clock in its event loop."""

    def __init__(self, document: Document) -> None:
        app = QApplication.instance() or QApplication([])
        assert isinstance(app, QApplication)
        self.app = app
        self.window = MainWindow(Session(document), make_settings())
        self.window.resize(1440, 900)
        self.window.show()
        load_torch()
        self.window.start()
        self.gaps: list[float] = []
        self.painted = 0
        self._last = time.perf_counter()
        self._clock = QTimer(self.window)
        self._clock.timeout.connect(self._beat)
        self._clock.start(1)
        canvas = self.window.stages["A"].canvas.canvas
        show = canvas.show_marks

        def counted(*args: object) -> None:
            self.painted += 1
            show(*args)  # type: ignore[arg-type]

        canvas.show_marks = counted  # type: ignore[method-assign]

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now

    def run(self, seconds: float, each: Callable[[], None] | None = None) -> None:
        """Let the event loop run, calling `each` between events."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.app.processEvents()
            if each:
                each()
            time.sleep(0.0005)

    def close(self) -> None:
        """Close the window and let its threads end."""
        self.window.close()
        self.run(0.1)
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join(20.0)


def playing(training: bool, seconds: float = 12.0) -> tuple[float, float, float]:
    """p50 and p99 of the gaps (ms) and pictures a second, with 5,000 particles and a 30x30 field."""
    experiment = edited(Experiment(), "sampler.particles", 5000)
    bench = Bench(Document(experiment, None, Look(arrows=30)))
    if training:
        long = edited(experiment, "score.training.seconds", 120.0)
        bench.window.session.edit(Document(long, None, Look(arrows=30)))
        bench.window.commands.train()
    bench.run(3.0)
    bench.gaps.clear()
    bench.painted = 0
    bench.run(seconds)
    gaps = np.array(bench.gaps) * 1e3
    rate = bench.painted / seconds
    bench.close()
    return float(np.percentile(gaps, 50)), float(np.percentile(gaps, 99)), rate


def slider(changes: int = 60) -> tuple[float, float]:
    """Milliseconds from a changed slider to its first new picture: median and p95, in the middle of a run."""
    bench = Bench(Document())
    window = bench.window
    bench.run(3.0)
    window.session.playhead.playing = False
    window.session.playhead.seek(0.7)
    bench.run(1.0)
    times = []
    for i in range(changes):
        sampler = replace(window.session.document.experiment.sampler, eta=0.5 + 0.01 * i)
        start = time.perf_counter()
        window.edit("sampler", sampler)
        while True:
            bench.app.processEvents()
            if window.session.showing.pictures["A"].experiment.sampler.eta == sampler.eta:
                break
            time.sleep(0.0005)
        times.append(time.perf_counter() - start)
        bench.run(0.05)
    bench.close()
    values = np.array(times) * 1e3
    return float(np.percentile(values, 50)), float(np.percentile(values, 95))


def burst(changes: int = 1000, seconds: float = 5.0) -> tuple[int, float]:
    """Threads of runs alive 0.1 s after 1,000 slider changes in 5 s, and the longest gap of the loop (ms)."""
    bench = Bench(Document())
    window = bench.window
    bench.run(2.0)
    bench.gaps.clear()
    start = time.perf_counter()
    for i in range(changes):
        sampler = replace(
            window.session.document.experiment.sampler, snr=0.01 + i / changes, steps=100 + i % 50
        )
        window.edit("sampler", sampler)
        bench.app.processEvents()
        bench.run(start + seconds * (i + 1) / changes - time.perf_counter())
    longest = max(bench.gaps) * 1e3
    bench.run(0.1)  # a cancelled run ends with the step that it is in
    alive = window.session.tracks["A"].threads
    bench.close()
    return alive, longest


def theme(changes: int = 12) -> float:
    """Milliseconds from the command to a window that is painted in the other theme: the median."""
    bench = Bench(Document())
    bench.run(3.0)
    times = []
    for _ in range(changes):
        start = time.perf_counter()
        bench.window.commands.toggle_theme()
        bench.window.grab()  # paints every widget that is seen
        times.append(time.perf_counter() - start)
        bench.run(0.2)
    bench.close()
    return float(np.median(times)) * 1e3


def resident() -> float:
    """MB of memory that the process holds now (Linux; elsewhere the most that it has held)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def restarts(first: int = 60, then: int = 100) -> float:
    """MB that each restart of a training leaves, over `then` restarts after the `first`."""
    bench = Bench(Document(edited(Experiment(), "score.training.seconds", 120.0)))
    bench.run(2.0)
    before = 0.0
    for i in range(first + then):
        if i == first:
            before = resident()
        bench.window.commands.train()
        bench.run(0.3)
        bench.window.commands.reset_training()
        bench.run(0.05)
    grown = resident() - before
    bench.close()
    return grown / then


def windows(first: int = 18, then: int = 24) -> float:
    """MB that each window leaves that was opened and closed, over `then` of them after the `first`."""
    before = 0.0
    for i in range(first + then):
        if i == first:
            before = resident()
        bench = Bench(Document())
        bench.run(0.7)
        bench.close()
        bench.window.deleteLater()
        bench.app.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return (resident() - before) / then


def digits() -> tuple[float, float]:
    """Seconds from the click on MNIST, on the window as it opens, to its first sheet and to the end of its run."""
    bench = Bench(Document())
    window = bench.window
    bench.run(3.0)
    start = time.perf_counter()
    window.data.gallery.chosen.emit("mnist")
    first = 0.0

    def of_digits() -> bool:
        picture = window.session.showing.pictures.get("A")
        return picture is not None and picture.experiment.data.name == "mnist"

    def through() -> bool:
        full = window.session.tracks["A"].full
        return of_digits() and full is not None and full.recording.complete

    while not through():
        bench.app.processEvents()
        if not first and of_digits():
            first = time.perf_counter() - start
        time.sleep(0.0005)
    whole = time.perf_counter() - start
    bench.close()
    return first, whole


def sampling_pictures(training: bool, seconds: float = 12.0) -> tuple[float, float]:
    """p50 and p99 of the gaps (ms) while 16 digits are sampled over and over by 100 steps of PC."""
    e = with_data(Experiment(), IMAGES["mnist"]())
    e = replace(e, sampler=Sampler(mode="pc", steps=100, particles=16))
    bench = Bench(Document(e))
    window = bench.window
    bench.run(3.0)
    if training:
        window.commands.train()
        bench.run(3.0)

    def again() -> None:
        if not window.session.tracks["A"].busy:
            window.edit("seed", window.session.document.experiment.seed + 1)

    bench.gaps.clear()
    bench.run(seconds, again)
    gaps = np.array(bench.gaps) * 1e3
    bench.close()
    return float(np.percentile(gaps, 50)), float(np.percentile(gaps, 99))


def main() -> None:
    """Measure and print."""
    pictures_alone = "--pictures" in sys.argv
    print("| what | measured | target |\n|---|---|---|")
    first, whole = digits()
    print(f"| click on MNIST to its first sheet, to sixteen digits | {first:.2f} / {whole:.2f} s | <= 1 s |")
    for training in (False, True):
        p50, p99 = sampling_pictures(training)
        words = "sampling digits while training on them" if training else "sampling digits"
        print(f"| {words}: event-loop gap p50 / p99 | {p50:.0f} / {p99:.0f} ms | p99 <= 50 ms |", flush=True)
    if pictures_alone:
        return
    for training in (False, True):
        p50, p99, rate = playing(training)
        words = "playing while training" if training else "playing"
        print(f"| {words}: event-loop gap p50 / p99 | {p50:.0f} / {p99:.0f} ms | p99 <= 50 ms |", flush=True)
        print(f"| {words}: pictures a second | {rate:.0f} | >= 25 |", flush=True)
    median, p95 = slider()
    print(
        f"| slider to first new picture, median / p95 | {median:.0f} / {p95:.0f} ms | p95 <= 100 ms |",
        flush=True,
    )
    print(f"| the other theme, painted | {theme():.0f} ms | <= 300 ms |", flush=True)
    print(f"| memory that a restart of a training leaves | {restarts():.2f} MB | |", flush=True)
    print(f"| memory that a closed window leaves | {windows():.2f} MB | |", flush=True)
    alive, longest = burst()
    print(f"| run threads alive after 1,000 changes in 5 s | {alive} | <= 1 |")
    print(f"| longest gap of the loop in that burst | {longest:.0f} ms | |")


if __name__ == "__main__":
    main()
