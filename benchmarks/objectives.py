"""Cost of one training step of each objective, against denoising.

    python benchmarks/objectives.py [--quick]

The default network, 2048 points a step, on one CPU thread and on the GPU where there is one. Objectives take turns
in short blocks, so that what slows the machine slows them all, and medians are shown. A step is a draw of the batch,
the loss, its gradient and Adam; on the GPU what differentiates once is replayed from a CUDA graph.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.sdes import SDES
from explorer.networks import NetworkSpec, Training
from explorer.training.objectives import OBJECTIVES
from explorer.training.run import Run

MIXTURE, SDE = DISTRIBUTIONS["checkerboard"]().mixture, SDES["vp"]()
BATCH, BLOCK, WARM = 2048, 5, 10


def runs(device: str) -> dict[str, Run]:
    """A training of each objective, at its full batch from the first step."""
    budget = Training(seconds=0.0, iterations=10**9, batch=8 * BATCH, device=device)
    return {
        name: Run(MIXTURE, SDE, objective(), NetworkSpec(), budget, 0, None)
        for name, objective in OBJECTIVES.items()
    }


def milliseconds(run: Run, steps: int) -> float:
    """Of one step, over so many."""
    on_gpu = run.device.type == "cuda"
    if on_gpu:
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(steps):
        run.iterate()
    if on_gpu:
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - began) / steps


def medians(device: str, blocks: int) -> dict[str, float]:
    """Milliseconds a step of each objective."""
    found = runs(device)
    for run in found.values():
        milliseconds(run, WARM)
    taken: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(blocks):
        for name, run in found.items():
            taken[name].append(milliseconds(run, BLOCK))
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    """Print a table for each device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions, to see that it works")
    blocks = 2 if parser.parse_args().quick else 40
    torch.set_num_threads(1)
    for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
        found = medians(device, blocks)
        where = "one CPU thread" if device == "cpu" else torch.cuda.get_device_name()
        print(f"\nCheckerboard, {BATCH} points a step, {where}.\n")
        print("| objective | ms a step | times denoising |\n|---|---|---|")
        for name, value in found.items():
            print(f"| {OBJECTIVES[name].title} | {value:.2f} | {value / found['dsm']:.2f} |")


if __name__ == "__main__":
    main()
