"""Cost of sampling over the bare network, and against diffusers' loop with the same weights.

    python benchmarks/samplers.py [--quick]

Cost over the network: total time / (NFE x one evaluation of the network), 100 steps, one CPU thread. Aims:
at most 1.03 at 10,000 particles and 1.10 at 1,000. The evaluation it is measured against is the cheap one, with
one t for all particles. The peer gives the network one t per particle, as its loops do; aim: at least 1.2x faster.
Both kinds of measurement are taken in turns, and medians are shown.

diffusers comes with the development packages (`pip install -c constraints.txt ".[dev]"`).
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.networks.learned import LearnedScore
from explorer.networks.preconditioned import Denoiser
from explorer.networks.spec import NetworkSpec

STEPS = 100
AIMS = {10_000: 1.03, 1_000: 1.10}
SDE = SDES["vp"]()
MIXTURE = DISTRIBUTIONS["eight_gaussians"]().mixture
METHODS = {
    "Euler–Maruyama": Sampler(predictor=PREDICTORS["euler_maruyama"](), steps=STEPS),
    "Reverse diffusion": Sampler(predictor=PREDICTORS["reverse_diffusion"](), steps=STEPS),
    "DDIM (ancestral, η = 0)": Sampler(predictor=PREDICTORS["ancestral"](), eta=0.0, steps=STEPS),
    "Predictor-corrector, M = 1": Sampler(mode="pc", steps=STEPS),
    "Heun (ODE)": Sampler(mode="ode", solver=SOLVERS["heun"](), steps=STEPS),
}


def network() -> Denoiser:
    """The default network with random weights everywhere (a fresh one ends in zeros)."""
    torch.manual_seed(0)
    net = Denoiser(NetworkSpec(), sigma_data=MIXTURE.std).eval()
    torch.nn.init.normal_(net.last.weight, std=0.05)
    return net.requires_grad_(False)


def run(sampler: Sampler, score: Callable[[torch.Tensor, float], torch.Tensor], particles: int) -> int:
    """One whole run through the product's loop; its evaluations."""
    nfe = 0
    for frame in simulate(SDE, Sampler(**(vars(sampler) | {"particles": particles})), score, MIXTURE):
        nfe = frame.nfe
    return nfe


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(works: list[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Seconds of each piece of work, repeated in turns so that all meet the same state of the machine."""
    for work in works:
        work()
    rounds = [[timed(work) for work in works] for _ in range(repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def evaluations(score: LearnedScore, x: torch.Tensor, count: int) -> Callable[[], None]:
    """`count` bare evaluations over the times of a run."""

    def work() -> None:
        with torch.no_grad():
            for i in range(count):
                score(x, 1 - i / (count + 1))

    return work


def overhead(score: LearnedScore, particles: int, repeats: int) -> list[str]:
    """Rows of the first table."""
    x = torch.randn(particles, 2)
    rows = []
    for name, sampler in METHODS.items():
        nfe = run(sampler, score, particles)
        bare = evaluations(score, x, nfe)
        whole = lambda s=sampler: run(s, score, particles)  # noqa: E731
        # the bare evaluations before and after: a drift of the machine's speed cancels
        before, total, after = in_turns([bare, whole, bare], repeats)
        ratio = statistics.median(t / (0.5 * (a + b)) for a, t, b in zip(before, total, after, strict=True))
        verdict = "yes" if ratio <= AIMS[particles] else "no"
        rows.append(
            f"| {name} | {particles:,} | {nfe} | {statistics.median(before) / nfe * 1e3:.3f} | "
            f"{statistics.median(total) * 1e3:.1f} | **{ratio:.3f}** | {AIMS[particles]:.2f} | {verdict} |"
        )
    return rows


def peer_loop(scheduler: object, score: LearnedScore, particles: int) -> Callable[[], None]:
    """diffusers' sampling loop: per-particle t, noise prediction, scheduler.step, the trajectory kept."""
    times = np.linspace(0, 1, 1001)[1:]

    def work() -> None:
        scheduler.set_timesteps(STEPS)
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(particles, 2, generator=generator)
        kept = [x.numpy().copy()]
        with torch.no_grad():
            for step in scheduler.timesteps:
                t = torch.full((particles,), float(times[int(step)]))
                alpha, sigma = SDE.marginal(t)
                epsilon = score.denoiser.score(x, alpha, sigma, t) * -sigma[:, None]
                x = scheduler.step(epsilon, step, x, generator=generator).prev_sample
                kept.append(x.numpy().copy())

    return work


def peers(score: LearnedScore, repeats: int) -> list[str]:
    """Rows of the second table, or what to do to get them."""
    try:
        from diffusers import DDIMScheduler, DDPMScheduler
    except ImportError as error:
        return [f"diffusers is not here ({error}): it comes with the development packages."]
    version = importlib.metadata.version("diffusers")
    rows = [f"| Ours / diffusers {version} | Particles | Ours, ms | Theirs, ms | Times faster | Aim 1.2 |"]
    rows.append("|---|---:|---:|---:|---:|---|")
    options = dict(num_train_timesteps=1000, clip_sample=False)
    pairs = [
        ("Euler–Maruyama", "DDPM", DDPMScheduler(**options)),
        ("DDIM (ancestral, η = 0)", "DDIM", DDIMScheduler(**options)),
    ]
    for particles in AIMS:
        for ours, theirs, scheduler in pairs:
            whole = lambda s=METHODS[ours], n=particles: run(s, score, n)  # noqa: E731
            a, b = in_turns([whole, peer_loop(scheduler, score, particles)], repeats)
            ratio = statistics.median(y / x for x, y in zip(a, b, strict=True))
            rows.append(
                f"| {ours} / {theirs} | {particles:,} | {statistics.median(a) * 1e3:.1f} | "
                f"{statistics.median(b) * 1e3:.1f} | **{ratio:.2f}** | {'yes' if ratio >= 1.2 else 'no'} |"
            )
    return rows


def cpu() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 3 if parser.parse_args().quick else 9
    torch.set_num_threads(1)
    score = LearnedScore(network(), SDE)
    spec = score.denoiser.spec
    print("### Samplers: cost over the bare network\n")
    print(f"{datetime.date.today()} · {cpu()} · Python {platform.python_version()} · torch {torch.__version__} · "
          f"one thread · network {spec.depth}x{spec.width} · {STEPS} steps · medians of {repeats}\n")  # fmt: skip
    print(
        "| Method | Particles | NFE | One evaluation, ms | Run, ms | Run / (NFE x evaluation) | Aim | Met |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for particles in AIMS:
        print("\n".join(overhead(score, particles, repeats)), flush=True)
    print("\n### Samplers: wall time against diffusers, same weights\n")
    print("\n".join(peers(score, repeats)))


if __name__ == "__main__":
    main()
