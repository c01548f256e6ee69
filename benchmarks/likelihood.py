"""Log-likelihood: how far pretrained networks are from the exact log-density, how alike the codes of two
networks are, and what a likelihood on a 100 x 100 grid costs.

    python benchmarks/likelihood.py [--quick] [--only errors|codes|grid] [--iterations N]

The error is the mean of |log p found - log p exact| in nats over 500 data points, with the exact divergence and
the prior as the density at T. Codes are those of the pretrained network and of one trained here from another
seed, by default for as long as the pretrained ones were. Aim for the grid: at most 5 s on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.analysis.likelihood import (
    PICTURE,
    START,
    Exact,
    Flow,
    Hutchinson,
    Without,
    agreement,
    final,
    log_likelihood,
    on_points,
    probes,
    within,
)
from explorer.data.distributions import DISTRIBUTIONS, Distribution, Mixture
from explorer.diffusion import noise
from explorer.diffusion.scores import ExactScore, Score
from explorer.diffusion.sdes import SDE, SDES
from explorer.experiment.resolution import pretrained
from explorer.labs.toolkit.density_parts import Grid, whole
from explorer.networks import Training
from explorer.networks.files import Model
from explorer.networks.learned import LearnedScore
from explorer.networks.preconditioned import Denoiser
from explorer.pretraining.points import ITERATIONS, NETWORK, SEED
from explorer.training import train
from explorer.training.objectives import OBJECTIVES

NAMES = tuple(name for name, cls in DISTRIBUTIONS.items() if cls.builtin)
POINTS, CODES, CELLS, REPEATS = 500, 500, 100, 3
#: Distributions for which a second network is trained.
TWICE = ("two_moons", "checkerboard", "three_modes_1d")


def points(data: Distribution, sde: SDE, n: int) -> torch.Tensor:
    """n data points (n, d) with the noise of the start."""
    x0 = torch.from_numpy(data.sample(n, 0)).double()
    return sde.perturb(x0, START, noise.normal(tuple(x0.shape), 0, noise.DATA, 1).double())


def errors(
    score: Score, data: Distribution, sde: SDE, n: int, end: Mixture | None = None
) -> tuple[float, float]:
    """Mean absolute error and its standard error, in nats; `end` is the mixture whose p_T stands for the prior."""
    x = points(data, sde, n)
    found = log_likelihood(Flow(sde, score, within(1e-5 if end is None else 1e-6)), x, exact_end=end)
    gap = (found.values - data.mixture.log_density(x, *sde.marginal(START))).abs()
    return float(gap.mean()), float(gap.std()) / n**0.5


def error_rows(names: tuple[str, ...], n: int) -> Iterator[str]:
    """A line for each distribution, a column for each SDE."""
    yield f"Mean absolute error of log p, nats, over {n} data points (± standard error); {len(SDES)} SDEs.\n"
    titles = " | ".join(SDES[name].title for name in SDES)
    yield f"| data | {titles} | exact score and end, worst |\n|---|{'---|' * (len(SDES) + 1)}"
    for name in names:
        data = DISTRIBUTIONS[name]()
        net = pretrained(data).denoiser()
        cells, exact = [], []
        for sde in (SDES[s]() for s in SDES):
            error, spread = errors(LearnedScore(net, sde), data, sde, n)
            cells.append(f"{error:.3f} ± {spread:.3f}")
            exact.append(errors(ExactScore(data.mixture, sde), data, sde, n // 5, data.mixture)[0])
        yield f"| {name} | {' | '.join(cells)} | {max(exact):.1e} |"


def second(data: Distribution, iterations: int) -> Model:
    """A network like the pretrained one from the next seed."""
    training = Training(seconds=0, iterations=iterations, device="cpu")
    for frame in train(data.mixture, SDES["ve"](), OBJECTIVES["dsm"](), NETWORK, training, SEED + 1):
        last = frame
    return Model(NETWORK, dict(last.weights or {}), data.dim, data.mixture.rms)


def code_rows(names: tuple[str, ...], iterations: int) -> Iterator[str]:
    """Agreement of codes under VP: RMS difference over their spread."""
    sde = SDES["vp"]()
    yield f"\nCodes of {CODES} data points under VP, RMS difference / spread; second network: {iterations} steps.\n"
    yield "| data | two networks | correlation | first and exact | untrained | shuffled |\n|---|---|---|---|---|---|"
    for name in names:
        data = DISTRIBUTIONS[name]()
        x, scale = points(data, sde, CODES), data.mixture.rms
        nets = [
            pretrained(data).denoiser(),
            second(data, iterations).denoiser(),
            Denoiser(NETWORK, data.dim, scale),
        ]
        scores = [*(LearnedScore(net, sde) for net in nets), ExactScore(data.mixture, sde)]
        a, b, untrained, exact = (final(Flow(sde, s, within(1e-4)).encode(x)).x for s in scores)
        shuffled = b[np.random.default_rng(0).permutation(len(b))]
        two = agreement(a, b)
        others = " | ".join(f"{agreement(a, z).difference:.3f}" for z in (exact, untrained, shuffled))
        yield f"| {name} | **{two.difference:.3f}** | {two.correlation:.4f} | {others} |"


def grid_rows() -> Iterator[str]:
    """Seconds for a picture of the learned density, and what a divergence costs."""
    yield f"\nLog-likelihood on a {CELLS} x {CELLS} grid, pretrained network, best of {REPEATS} (aim: 5 s).\n"
    yield "| data | SDE | seconds |\n|---|---|---|"
    for name in ("two_moons", "checkerboard"):
        data = DISTRIBUTIONS[name]()
        net = pretrained(data).denoiser()
        x = Grid(whole(data.mixture), CELLS).points()
        for sde in (SDES["vp"](), SDES["ve"]()):
            flow = Flow(sde, LearnedScore(net, sde), within(PICTURE))
            seconds = min(_seconds(_picture, flow, x) for _ in range(REPEATS))
            yield f"| {name} | {sde.title} | **{seconds:.2f}** |"
    yield from _divergence_rows(LearnedScore(net, sde), x.float())


def _divergence_rows(score: Score, x: torch.Tensor) -> Iterator[str]:
    yield f"\nOne evaluation at {len(x)} points:\n\n| divergence | milliseconds | over none |\n|---|---|---|"
    ways = {
        "none": Without(),
        "exact": Exact(),
        "Hutchinson, 1 probe": Hutchinson(probes("rademacher", 1, tuple(x.shape), 0)),
    }
    times = {name: min(_seconds(_evaluate, way, score, x) for _ in range(10)) for name, way in ways.items()}
    for name, seconds in times.items():
        yield f"| {name} | {1e3 * seconds:.1f} | {seconds / times['none']:.2f} |"


def _evaluate(way: Without | Exact | Hutchinson, score: Score, x: torch.Tensor) -> None:
    for i in range(0, len(x), 4096):
        way(score, x[i : i + 4096], 0.3, slice(i, i + 4096))


def _picture(flow: Flow, x: torch.Tensor) -> None:
    for _ in on_points(flow, x, 0.0, lambda _: Exact()):
        pass


def _seconds(work: Callable[..., None], *arguments: object) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def main() -> None:
    """Print the tables, in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="two distributions, few points, a short training"
    )
    parser.add_argument("--only", choices=("errors", "codes", "grid"))
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="of the second networks' training")
    options = parser.parse_args()
    torch.set_num_threads(2 if options.only in (None, "grid") else 1)
    parts = {
        "errors": lambda: error_rows(NAMES[:2] if options.quick else NAMES, 100 if options.quick else POINTS),
        "codes": lambda: code_rows(
            TWICE[:1] if options.quick else TWICE, 200 if options.quick else options.iterations
        ),
        "grid": grid_rows,
    }
    for name in [options.only] if options.only else parts:
        for line in parts[name]():
            print(line, flush=True)


if __name__ == "__main__":
    main()
