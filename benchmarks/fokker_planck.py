"""Cost of the Fokker-Planck solver, and what it is worth: error against the closed form at each size.

    python benchmarks/fokker_planck.py [--quick]

One CPU thread. A step is one backward Euler step of the whole density. The error is the largest total variation
from the closed form of p_t along the forward SDE.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.analysis.fokker_planck import Forward, Grid, Langevin
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.sdes import SDES


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Milliseconds of `work`, the median."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def langevin(data: str, cells: int, repeats: int) -> str:
    """A row: setting up and one step of Langevin's equation."""
    mixture = DISTRIBUTIONS[data]().mixture
    grid = Grid(cells, 4.5, (0.0,) * mixture.dim)
    potential = -grid.log_density(mixture, 0.98, 0.17)
    setup = median_ms(lambda: Langevin(grid, potential, 1.0, 0.005), max(3, repeats // 5))
    flow = Langevin(grid, potential, 1.0, 0.005)
    p = grid.law(-0.5 * (grid.points() ** 2).sum(axis=1).reshape(grid.shape))
    step = median_ms(lambda: flow.step(p), repeats)
    for _ in range(200):
        p = flow.step(p)
    return f"| {data}, {grid.dim}D | {cells} | {setup:.2f} | {step:.2f} | {abs(grid.mass(p) - 1):.0e} |"


def forward(name: str, cells: int, steps: int) -> str:
    """A row: the whole of a forward SDE."""
    mixture = DISTRIBUTIONS["eight_gaussians"]().mixture
    flow = Forward(Grid(cells, 5.0, (0.0, 0.0)), SDES[name](), mixture)
    times = flow.times(steps)
    p, farthest, seconds, mass = flow.exact(times[0]), 0.0, 0.0, 0.0
    for t, t_next in pairwise(times):
        start = time.perf_counter()
        p = flow.step(p, t, t_next)
        seconds += time.perf_counter() - start
        farthest = max(farthest, flow.grid.total_variation(p, flow.exact(t_next)))
        mass = max(mass, abs(flow.grid.mass(p) - 1))
    return f"| {name} | {cells} | {steps} | {seconds:.2f} | {farthest:.4f} | {mass:.0e} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats and sizes")
    quick = parser.parse_args().quick
    print("Langevin, the Boltzmann law of p_t\n")
    print("| Data | Cells an axis | Set up, ms | One step, ms | Mass error after 200 steps |")
    print("|---|---:|---:|---:|---:|")
    for data in ("two_modes_1d", "eight_gaussians", "fractal_tree"):
        for cells in (64, 128) if quick else (64, 128, 256):
            print(langevin(data, cells, 10 if quick else 40), flush=True)
    print("\nForward SDEs, eight Gaussians, 2D\n")
    print("| SDE | Cells an axis | Steps | Seconds | Farthest from the closed form | Mass error |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in SDES:
        for cells, steps in ((64, 50),) if quick else ((64, 50), (128, 200), (192, 400)):
            print(forward(name, cells, steps), flush=True)


if __name__ == "__main__":
    main()
