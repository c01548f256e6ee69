"""Memory of the largest run a person can ask for: 2,000 steps of 10,000 particles, in both stages."""

from __future__ import annotations

import resource
import sys

from explorer.diffusion.frames import BYTE_BUDGET, Recording
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment


def peak() -> float:
    """The most memory this process has held, in MB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Record both runs and print."""
    e = edited(edited(Experiment(), "sampler.particles", 10_000), "sampler.steps", 2000)
    e = edited(edited(e, "score.source", "exact"), "sampler.mode", "reverse")
    score = resolve(e).score
    next(iter(simulate(e.sde, e.sampler, score, e.data.mixture, e.seed)))
    before = peak()
    recordings = []
    for _ in range(2):
        recording = Recording()
        for frame in simulate(e.sde, e.sampler, score, e.data.mixture, e.seed):
            recording.append(frame)
        recordings.append(recording)
    held = sum(r.nbytes for r in recordings) / 1e6
    print("| 2,000 steps x 10,000 particles, A and B | measured | target |\n|---|---|---|")
    print(f"| held by the two recordings ({len(recordings[0])} frames each) | {held:.0f} MB | <= 500 MB |")
    print(f"| budget of one recording | {BYTE_BUDGET / 1e6:.0f} MB | |")
    print(f"| growth of the process | {peak() - before:.0f} MB | <= 500 MB |")


if __name__ == "__main__":
    main()
