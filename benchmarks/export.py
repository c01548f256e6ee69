"""How long an exported animation takes: 10 seconds of 1080p30 MP4 first, then the other formats at their sizes.

5,000 particles with trails, density and the learned field, in 300 steps, so that no two pictures are alike.
CPU seconds count all threads: where other programs compete, the clock says less than they do.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from explorer.diffusion.frames import Recording
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.export import EXPORTERS, Exporter, Replay, preview
from explorer.session.document import Document
from explorer.ui.dialogs.exporting import QtRenderer, replay_of

#: Format, its parameters, and the seconds that it may take on two cores.
CASES = (
    ("mp4", {"width": 1920, "height": 1080, "fps": 30, "seconds": 9.0, "hold": 1.0}, 15),
    ("mp4", {"width": 3840, "height": 2160, "fps": 30, "seconds": 1.5, "hold": 0.5}, None),
    ("gif", {"seconds": 9.0, "hold": 1.0}, None),
    ("webp", {"seconds": 9.0, "hold": 1.0}, None),
    ("apng", {"seconds": 9.0, "hold": 1.0}, None),
    ("png", {}, None),
    ("svg", {}, None),
    ("npz", {}, None),
    ("csv", {"every": 10}, None),
)


def replay() -> Replay:
    """The run that is exported."""
    e = edited(edited(Experiment(), "sampler.particles", 5000), "sampler.steps", 300)
    score, recording = resolve(e).score, Recording()
    for frame in simulate(e.sde, e.sampler, score, e.data.mixture, e.seed):
        recording.append(frame)
    recording.complete = True
    return replay_of(Document(e), [(e, score, recording)])


def cpu() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(
    exporter: Exporter, shown: Replay, renderer: QtRenderer, folder: Path
) -> tuple[float, float, int]:
    """Seconds, CPU seconds and bytes of one export."""
    path = folder / f"out{exporter.suffix}"
    began, before = time.perf_counter(), cpu()
    for _ in exporter.write(shown, path, renderer):
        pass
    return time.perf_counter() - began, cpu() - before, path.stat().st_size


def main() -> None:
    """Print the table."""
    shown, renderer = replay(), QtRenderer()
    print("| format | pixels | frames | time | CPU | ms per frame | size | foretold | target |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, parameters, target in CASES:
            exporter = EXPORTERS[name](**parameters)
            expected = preview(shown, exporter, renderer)
            seconds, used, size = measured(exporter, shown, renderer, Path(folder))
            pixels = f"{expected.width} x {expected.height}" if expected.width else ""
            each = 1000 * seconds / expected.frames
            sizes = f"{size / 1e6:.1f} MB | {expected.size / 1e6:.1f} MB"
            limit = f"<= {target} s" if target else ""
            print(
                f"| {name} | {pixels} | {expected.frames} | {seconds:.1f} s | {used:.1f} s | {each:.0f} "
                f"| {sizes} | {limit} |"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(f"\nMost memory held: {peak:.0f} MB. Load of the machine at the end: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
