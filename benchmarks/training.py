"""Time to a good model: how near the data samples are after so many seconds of training.

    python benchmarks/training.py [--quick] [--cpu-clock]

The figure is the energy distance of 10,000 samples from the data, over what two independent draws of the data
have on average; means of three seeds, each measured on eight draws. Aims: at most 2 after 5 s and 1.25 after
15 s on two CPU cores. Samples come from the probability-flow ODE under VE (Heun, 40 steps). Training is warm,
and its clock starts where Train is pressed.

--cpu-clock counts processor time on one thread instead of time on the wall, with twice the budget (two cores):
for machines that do other work meanwhile.

smalldiffusion is not a dependency. To have it compared, install it without its own dependencies beside this
environment (they would replace torch) and name the folder:

    python -m pip install --no-deps --target /tmp/peers \\
        smalldiffusion accelerate psutil pyyaml huggingface_hub einops
    PYTHONPATH=/tmp/peers python benchmarks/training.py
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import explorer.training.loop
from explorer.data.distributions import DISTRIBUTIONS, Mixture
from explorer.data.metrics import energy_distance
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.networks import NetworkSpec, Training
from explorer.networks.files import Model
from explorer.networks.learned import LearnedScore
from explorer.pretraining.points import SAMPLER, SAMPLES, expected_floor
from explorer.training import train, warm_up
from explorer.training.objectives import OBJECTIVES

NAMES = ("two_moons", "eight_gaussians", "rings", "checkerboard", "spiral", "fractal_tree")
AIMS = {5.0: 2.0, 15.0: 1.25}
VE = SDES["ve"]()
PEER = "two_moons"
#: Draws of samples and data for each network: one pair's distance scatters by half the floor.
DRAWS = 8
Draw = Callable[[int], np.ndarray]
Method = Callable[[Mixture, float, int], tuple[Draw, int]]


def ours(mixture: Mixture, seconds: float, seed: int) -> tuple[Draw, int]:
    """A sampler of a network trained for so long from scratch, and how many iterations that was."""
    budget, spec = Training(seconds=seconds, device="cpu"), NetworkSpec()
    for frame in train(mixture, VE, OBJECTIVES["dsm"](), spec, budget, seed):
        last = frame
    net = Model(spec, dict(last.weights or {}), mixture.dim, mixture.rms).denoiser()

    def draw(i: int) -> np.ndarray:
        for shot in simulate(VE, SAMPLER, LearnedScore(net, VE), mixture, i):
            end = shot
        return end.x

    return draw, last.iteration


def peer(mixture: Mixture, seconds: float, seed: int) -> tuple[Draw, int]:
    """The same of smalldiffusion with the settings of its toy example, on a large set of data."""
    # it imports torchvision for image data sets, which are not wanted here
    sys.modules.setdefault("torchvision", MagicMock())
    from smalldiffusion import ScheduleLogLinear, TimeInputMLP, samples, training_loop

    torch.manual_seed(seed)
    pool = torch.from_numpy(mixture.sample(1 << 18, np.random.default_rng(seed))[0]).split(2048)
    schedule = ScheduleLogLinear(N=200, sigma_min=0.005, sigma_max=10)
    list(training_loop(pool[:3], TimeInputMLP(), schedule, epochs=1))  # warm it up too
    net = TimeInputMLP(hidden_dims=(16, 128, 128, 128, 128, 16))
    began, count = time.perf_counter(), 0
    for _ in training_loop(pool, net, schedule, epochs=10**6, lr=1e-3):
        count += 1
        if time.perf_counter() - began > seconds:
            break

    def draw(i: int) -> np.ndarray:
        torch.manual_seed(i)
        *_, end = samples(net, schedule.sample_sigmas(20), batchsize=SAMPLES, gam=2)
        return np.asarray(end.numpy())

    return draw, count


def ratio(draw: Draw, mixture: Mixture, seed: int) -> float:
    """Energy distance of samples from fresh data over the expected floor, the mean of some draws of both."""
    seeds = range(DRAWS * seed, DRAWS * (seed + 1))
    data = (mixture.sample(SAMPLES, np.random.default_rng([i, 1]))[0] for i in seeds)
    distances = [energy_distance(draw(i), y) for i, y in zip(seeds, data, strict=True)]
    return float(np.mean(distances)) / expected_floor(mixture, SAMPLES)


def row(name: str, method: Method, title: str, seconds: float, seeds: int, factor: float) -> str:
    """One line of the table."""
    mixture = DISTRIBUTIONS[name]().mixture
    runs = [method(mixture, seconds * factor, seed) for seed in range(seeds)]
    ratios = [ratio(draw, mixture, seed) for seed, (draw, _) in enumerate(runs)]
    each = ", ".join(f"{r:.2f}" for r in ratios)
    iterations = np.mean([n for _, n in runs])
    return f"| {name} | {title} | {seconds:g} s | {iterations:.0f} | **{np.mean(ratios):.2f}** | {each} |"


def rows(quick: bool, factor: float) -> Iterator[str]:
    """The table."""
    seeds = 1 if quick else 3
    yield "| data | trainer | time | iterations | energy distance / floor | each seed |"
    yield "|---|---|---|---|---|---|"
    for name, seconds in itertools.product(NAMES[:2] if quick else NAMES, AIMS):
        yield row(name, ours, "Score Explorer", seconds, seeds, factor)
    if importlib.util.find_spec("smalldiffusion") is None:
        yield f"| {PEER} | smalldiffusion: not installed, see this file's head | | | | |"
        return
    for seconds in AIMS:
        yield row(PEER, peer, "smalldiffusion", seconds, seeds, 1.0)


def main() -> None:
    """Print the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="two distributions, one seed")
    parser.add_argument(
        "--cpu-clock", action="store_true", help="processor time on one thread, twice the budget"
    )
    options = parser.parse_args()
    torch.set_num_threads(1 if options.cpu_clock else 2)
    if options.cpu_clock:
        clock = types.SimpleNamespace(perf_counter=time.process_time)
        explorer.training.loop.time = clock  # type: ignore[assignment]
    warm_up()
    aims = ", ".join(f"{aim:g} after {seconds:g} s" for seconds, aim in AIMS.items())
    clock_words = "twice as long in processor time on one thread" if options.cpu_clock else "two threads"
    print(f"Energy distance of {SAMPLES} samples over its floor; {clock_words}. Aims: {aims}.\n")
    for line in rows(options.quick, 2.0 if options.cpu_clock else 1.0):
        print(line, flush=True)


if __name__ == "__main__":
    main()
