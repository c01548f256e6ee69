"""Train and measure the networks in pretrained/: `python main.py pretrain [--only NAME]`.

The budget is counted in iterations, on one thread, so the same machine and seed give the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from explorer.analysis.image_quality.measure import rounded
from explorer.base import paths, strict_json
from explorer.base.files import write_text
from explorer.base.lazy import torch
from explorer.data.distributions import DISTRIBUTIONS, Distribution, Mixture
from explorer.data.metrics import energy_distance
from explorer.diffusion.samplers import SOLVERS, Sampler
from explorer.diffusion.scores import ExactScore, Score
from explorer.diffusion.sdes import SDE, SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import encode
from explorer.networks import NetworkSpec, Training
from explorer.networks.files import Model, load, save
from explorer.networks.learned import LearnedScore
from explorer.training import TrainFrame, train
from explorer.training.objectives import OBJECTIVES

#: What makes a parser: the command line has its own, whose errors are one sentence.
Maker: TypeAlias = Callable[..., argparse.ArgumentParser]
NETWORK = NetworkSpec()
ITERATIONS, SEED = 5000, 0
#: What is measured: so many samples, so often, under each of these SDEs.
SAMPLES, REPEATS, MEASURED = 10_000, 2, ("ve", "vp", "subvp")
NOTE = (
    "distance: of samples from data. floor: of data from data, on average. One draw scatters by half the floor or "
    "more, so exact is the distance of the exact score's samples from the same noise to the same data, and ratio "
    "is 1 + (distance - exact) / floor."
)
#: Probability flow, fine enough that its error is far below the floor.
SAMPLER = Sampler(mode="ode", solver=SOLVERS["heun"](), grid="edm", steps=40, particles=SAMPLES)


def main(argv: Sequence[str] | None = None, make: Maker = argparse.ArgumentParser) -> int:
    """Train every built-in distribution, or one; write NAME.safetensors and NAME.json for each."""
    options = parser(make).parse_args(argv)
    names = options.only or [name for name, cls in DISTRIBUTIONS.items() if cls.builtin]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name in names:
        card = pretrain(DISTRIBUTIONS[name](), _training(options), options.seed, folder)
        ratios = "  ".join(f"{sde} {m['ratio']:.2f}" for sde, m in card["energy_distance"].items())
        print(
            f"{name:18} {card['training']['seconds']:6.1f} s   energy distance / floor: {ratios}", flush=True
        )
    return 0


def parser(make: Maker = argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of the command, in a parser that `make` makes."""
    found = make(
        prog="score-explorer pretrain",
        description="Make the networks in pretrained/ for points.",
    )
    names = [name for name, cls in DISTRIBUTIONS.items() if cls.builtin]
    found.add_argument("--only", action="append", choices=names, metavar="NAME")
    budget = found.add_mutually_exclusive_group()
    budget.add_argument("--iterations", type=int, default=ITERATIONS)
    budget.add_argument(
        "--seconds", type=float, help="train by the clock instead (results then vary a little)"
    )
    found.add_argument("--seed", type=int, default=SEED)
    add_out(found)
    return found


def add_out(found: argparse.ArgumentParser) -> None:
    """--out FOLDER: pretrained/ in a checkout; an installed program must be told, so that its own networks stay."""
    if paths.in_checkout():
        found.add_argument(
            "--out", default=str(paths.pretrained()), metavar="FOLDER", help="where to write (pretrained/)"
        )
    else:
        found.add_argument("--out", required=True, metavar="FOLDER", help="where to write")


def _training(options: argparse.Namespace) -> Training:
    if options.seconds:
        return Training(seconds=options.seconds, device="cpu")
    return Training(seconds=0, iterations=options.iterations, device="cpu")


def pretrain(data: Distribution, training: Training, seed: int, folder: Path) -> dict[str, Any]:
    """Train on `data`, measure, write the model and its card; returns the card."""
    last = _last(data, training, seed)
    assert last.weights is not None
    facts = {
        "seed": seed, "iterations": last.iteration, "seconds": round(last.seconds, 1), "device": last.device,
        "objective": encode(OBJECTIVES["dsm"]()), "settings": encode(training),
        "loss_floor": rounded(last.floor), "loss_excess": rounded(last.excess),
    }  # fmt: skip
    weights, scale = dict(last.weights), data.mixture.rms
    model = Model(NETWORK, weights, data.dim, scale, encode(data), None, _reproducible(facts))
    path = folder / f"{data.name}.safetensors"
    save(model, path)
    card = {
        "name": data.name, "title": data.title, "data": encode(data), "network": encode(NETWORK),
        "command": f"python main.py pretrain --only {data.name}",
        "training": facts, "hardware": hardware(),
        "sha256": sha256(path),
        "sampler": f"probability-flow ODE, Heun, {SAMPLER.steps} steps on EDM's grid, {SAMPLES} samples",
        "note": NOTE,
        "energy_distance": {name: measure(load(path), data.mixture, SDES[name]()) for name in MEASURED},
    }  # fmt: skip
    write_card(path, card)
    return card


def _last(data: Distribution, training: Training, seed: int) -> TrainFrame:
    for frame in train(data.mixture, SDES["ve"](), OBJECTIVES["dsm"](), NETWORK, training, seed):
        last = frame
    return last


def _reproducible(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what differs from run to run, so that the model file is the same byte for byte."""
    return {k: v for k, v in facts.items() if k != "seconds"}


def measure(model: Model, mixture: Mixture, sde: SDE) -> dict[str, float]:
    """Energy distance of samples from fresh data, the mean of some draws, and what belongs beside it (see NOTE)."""
    learned, exact = LearnedScore(model.denoiser(), sde), ExactScore(mixture, sde)
    pairs = [[_distance(score, mixture, sde, seed) for score in (learned, exact)] for seed in range(REPEATS)]
    distance, best = (float(v) for v in np.mean(pairs, axis=0))
    floor = expected_floor(mixture, SAMPLES)
    ratio = 1 + (distance - best) / floor
    return {
        "distance": rounded(distance), "exact": rounded(best), "floor": rounded(floor),
        "ratio": round(ratio, 3),
    }  # fmt: skip


def _distance(score: Score, mixture: Mixture, sde: SDE, seed: int) -> float:
    for frame in simulate(sde, SAMPLER, score, mixture, seed):
        last = frame
    data, _ = mixture.sample(SAMPLES, np.random.default_rng([seed, 1]))
    return energy_distance(last.x, data)


def expected_floor(mixture: Mixture, n: int) -> float:
    """The energy distance between two independent draws of n points, on average: E|X - X'| 2/n."""
    x, _ = mixture.sample(8000, np.random.default_rng(2))
    return float(torch.pdist(torch.from_numpy(x)).mean(dtype=torch.float64)) * 2 / n


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def card_path(path: Path) -> Path:
    """The card beside a file of weights."""
    return path.with_suffix(".json")


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write the card of the weights at `path`."""
    write_text(card_path(path), strict_json.dumps(card, indent=2) + "\n")


def hardware() -> str:
    """The processor, threads and torch, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, 1 thread, torch {torch.__version__}"
