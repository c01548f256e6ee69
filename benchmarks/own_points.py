"""What the exact score costs by the number of support points: a step of the particles, a run, memory."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.base.lazy import torch
from explorer.data.distributions.mixture import Mixture

#: Support points, and particles that are moved at once (the window's default).
COUNTS, PARTICLES = (250, 500, 1000, 2000, 3000, 5000, 10_000, 20_000), 2000
REPEATS, STEPS = 7, 200


def seconds(points: int) -> float:
    """The median of one evaluation at PARTICLES points."""
    rng = np.random.default_rng(0)
    mixture = Mixture.of_points(rng.standard_normal((points, 2)), 0.05)
    x = torch.from_numpy(rng.standard_normal((PARTICLES, 2)).astype(np.float32))
    one = torch.ones(PARTICLES)
    mixture.score(x, one, 0.5 * one)
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        mixture.score(x, one, 0.5 * one)
        taken.append(time.perf_counter() - began)
    return median(taken)


def main() -> None:
    """Print the table."""
    print(
        f"| support points | exact score of {PARTICLES:,} particles | run of {STEPS} steps | most memory so far |"
    )
    print("|---:|---:|---:|---:|")
    for count in COUNTS:
        each = seconds(count)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        print(f"| {count:,} | {1e3 * each:.1f} ms | {STEPS * each:.1f} s | {peak:.0f} MB |")


if __name__ == "__main__":
    main()
