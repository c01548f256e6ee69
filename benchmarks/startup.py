"""From `python main.py` to a visible window and to the first moving picture, and what is loaded by then.

Each start stands beside that of a bare Qt window in the same minute, and its ratio to that tells machines apart.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

PROBE = """
import sys, time
from explorer.ui.window import app
from PySide6.QtCore import QTimer
start = float(sys.argv[1])
marks = {}
window = app.MainWindow
show, tick, begin = window.showEvent, window._tick, window.start
def shown(self, event):
    marks.setdefault("window", time.time() - start)
    show(self, event)
def ticked(self):
    tick(self)
    if self.session.showing.pictures and "moving" not in marks:
        marks["moving"] = time.time() - start
    if self.session.started and self.session.showing.pictures["A"].frame.x.shape[0] > 800:
        marks["computed"] = time.time() - start
        QTimer.singleShot(0, self.close)
        window._tick = tick
def began(self):
    marks["torch"] = time.time() - start
    begin(self)
window.showEvent, window._tick, window.start = shown, ticked, began
app.main(None)
print(*(marks[k] for k in ("window", "moving", "torch", "computed")))
"""


BARE = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Bare(QMainWindow):
    def showEvent(self, event):
        print(time.time() - float(sys.argv[1]))
        QTimer.singleShot(0, self.close)
app = QApplication([])
window = Bare()
window.show()
app.exec()
"""


def once(program: str) -> list[float]:
    """What `program` prints when started: of PROBE the seconds to the window, to a moving picture, to torch, to a
    picture computed here; of BARE those to the window."""
    environment = os.environ | {"SCORE_EXPLORER_DATA": tempfile.mkdtemp()}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, "-c", program]
    out = subprocess.run(
        [*command, str(time.time())], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return [float(word) for word in out.stdout.split()]


def main() -> None:
    """Measure five starts of each (the first warms the disk) and print the medians."""
    runs = [(once(PROBE), once(BARE)) for _ in range(6)][1:]
    bare = median(b for _, (b,) in runs)
    names = ("window visible", "first moving picture", "torch loaded", "first picture computed here")
    targets = ("<= 1.0 s", "<= 1.4 s", "", "")
    print("| from `python main.py` to | median of 5 | of a bare Qt window's | target |\n|---|---|---|---|")
    print(f"| a bare Qt window visible | {bare:.2f} s | 1 | |")
    for name, values, target in zip(names, zip(*(run for run, _ in runs), strict=True), targets, strict=True):
        print(f"| {name} | {median(values):.2f} s | {median(values) / bare:.1f} | {target} |")


if __name__ == "__main__":
    main()
