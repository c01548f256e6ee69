"""Pictures: how long samples take, what the sampler costs over the bare network, how fast training goes.

    python benchmarks/pictures.py [--quick] [--threads N] [--peer]

On two CPU cores, 16 pictures at a time, the medians of a few runs taken in turns. Aims: 16 MNIST samples by the
sampler that the window begins with in 0.3 s, in 0.5 s guided; 16 Twemoji in 0.5 s; 16 pictures by 100 steps of
predictor and corrector in 4 s; the sampler at most 1.03 times the bare network. Untrained networks of the same size
stand in for those that are missing in pretrained/: they cost the same.

Where there is an NVIDIA GPU (and on the CPU with --peer) diffusers' pipeline and training loop, with a UNet2DModel
of about as many weights, run on the same device in the same precision. diffusers comes with the development packages.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.base.precision import computes_in_half
from explorer.data.images import IMAGES
from explorer.diffusion.samplers import PREDICTORS, Sampler
from explorer.diffusion.simulate import Simulation
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import Resolved, resolve
from explorer.experiment.schema import Experiment
from explorer.guidance import CONTROLS
from explorer.networks.learned import LearnedScore
from explorer.networks.spec import PictureTraining, UNetSpec
from explorer.training.images import Material, PictureRun

#: Seconds, and the cost over the bare network.
AIMS = {"mnist": 0.3, "mnist guided": 0.5, "twemoji": 0.5, "mnist PC": 4.0}
OVERHEAD = 1.03
PC = Sampler(mode="pc", steps=100, particles=16)
#: The GPU's rows: pictures at once, steps of its samplers, pictures of a training step, steps of training.
MANY, STEPS, BATCH, TRAINED = 256, 50, 256, 30


def experiment(name: str) -> Experiment:
    """What the window begins with for a set of pictures; an untrained network where none comes with the program."""
    e = with_data(Experiment(), IMAGES[name]())
    return e if not resolve(e).exact else replace(e, score=replace(e.score, source="trained"))


def sampled(e: Experiment, device: str = "cpu", found: Resolved | None = None) -> int:
    """One run, frame by frame as the window does it; its evaluations. `found` is the score where it is known."""
    found = found or resolve(e)
    if device != "cpu":
        found.score.denoiser.to(device)  # type: ignore[attr-defined]
    nfe = 0
    for frame in Simulation(e.sde, e.sampler, found.score, e.data.mixture, e.seed, device).frames():
        nfe = frame.nfe
    return nfe


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def in_turns(works: list[Callable[[], object]], repeats: int) -> list[float]:
    """The median seconds of each piece of work, after one run that does not count."""
    for work in works:
        work()
    rounds = [[timed(work) for work in works] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def sample_rows(repeats: int) -> Iterator[str]:
    """Seconds for 16 pictures."""
    plain, emoji = experiment("mnist"), experiment("twemoji")
    guided = replace(plain, control=CONTROLS["class_guidance"](rule="classifier_free", label=3, weight=2.0))  # type: ignore[call-arg]
    runs = {"mnist": plain, "mnist guided": guided, "twemoji": emoji, "mnist PC": replace(plain, sampler=PC)}
    seconds = in_turns([lambda e=e: sampled(e) for e in runs.values()], repeats)
    yield "| 16 pictures | sampler | evaluations | seconds | aim |"
    yield "|---|---|---|---|---|"
    for (name, e), took in zip(runs.items(), seconds, strict=True):
        s = e.sampler
        words = f"{s.method.title}, {s.steps} steps" + (" and as many of Langevin" if s.corrections else "")
        cost = s.steps * s.nfe_per_step * (2 if name == "mnist guided" else 1)
        yield f"| {name} | {words} | {cost} | **{took:.2f}** | {AIMS[name]:g} |"


def overhead_rows(repeats: int) -> Iterator[str]:
    """The cost of a run over that of its evaluations alone."""
    e = experiment("mnist")
    score = resolve(e).score
    assert isinstance(score, LearnedScore)
    runs = {
        "Euler–Maruyama": Sampler(predictor=PREDICTORS["euler_maruyama"](), steps=50, particles=16),
        "predictor and corrector": replace(PC, steps=25),
        "as the window begins": e.sampler,
    }
    yield "| 16 MNIST pictures | evaluations | over the bare network | aim |"
    yield "|---|---|---|---|"
    for name, sampler in runs.items():
        run = replace(e, sampler=sampler)
        found = resolve(run)
        nfe = sampled(run, found=found)
        whole, bare = in_turns(
            [
                lambda run=run, found=found: sampled(run, found=found),
                lambda nfe=nfe: bare_network(score, nfe),
            ],
            repeats,
        )
        yield f"| {name} | {nfe} | **{whole / bare:.3f}** | {OVERHEAD:g} |"


@torch.no_grad()
def bare_network(score: LearnedScore, nfe: int) -> None:
    """The network alone, as often as a run asks it: one level for all pictures, embedded at once."""
    x, net = torch.randn(16, score.denoiser.dim), score.denoiser  # type: ignore[arg-type]
    known = net.embedded([(0.5, 0.5)])
    for _ in range(nfe):
        net.score(x, 0.5, 0.5, 0.5, None, known)


def training_rows(iterations: int) -> Iterator[str]:
    """Pictures a second of training as the window does it."""
    yield "| training | pictures a second |"
    yield "|---|---|"
    for name in ("mnist", "twemoji"):
        data = IMAGES[name]()
        run = training_run(data, 64, "cpu")
        run.iterate()
        took = timed(lambda run=run: [run.iterate() for _ in range(iterations)])
        yield f"| {name}, {run.batch} at a time | {iterations * run.batch / took:.0f} |"


def training_run(data: Any, batch: int, device: str) -> PictureRun:
    """A training that has not begun."""
    spec = UNetSpec(classes=len(data.label_names))
    return PictureRun(
        Material.of(data), spec, PictureTraining(iterations=10**6, seconds=0, batch=batch, device=device), 0
    )


# --- beside diffusers ------------------------------------------------------------------------------------


def peer_network(weights: int, device: str) -> torch.nn.Module:
    """A UNet2DModel for 28 x 28 pictures (32 x 32: it halves twice) with about so many weights."""
    from diffusers import UNet2DModel

    best = min(
        (_peer(width) for width in (16, 24, 32, 40, 48, 56, 64)), key=lambda net: abs(_size(net) - weights)
    )
    assert isinstance(best, UNet2DModel)
    return best.to(device).eval()


def _peer(width: int) -> torch.nn.Module:
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=28, in_channels=1, out_channels=1, layers_per_block=1, norm_num_groups=8, attention_head_dim=16,
        block_out_channels=(width, 2 * width, 2 * width),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def _size(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def peer_samples(net: torch.nn.Module, n: int, steps: int, device: str, half: bool) -> None:
    """diffusers' pipeline, without a progress bar and without pictures made of its tensors."""
    from diffusers import DDIMPipeline, DDIMScheduler

    pipeline = DDIMPipeline(net, DDIMScheduler())
    pipeline.set_progress_bar_config(disable=True)
    with torch.autocast(device, torch.bfloat16, enabled=half):
        pipeline(batch_size=n, num_inference_steps=steps, output_type="np")


def peer_training(net: torch.nn.Module, x: torch.Tensor, steps: int, half: bool) -> None:
    """The loop of diffusers' own example: noise added at random times, mean squared error, AdamW."""
    from diffusers import DDPMScheduler

    scheduler, optimiser = DDPMScheduler(), torch.optim.AdamW(net.parameters(), lr=1e-4)
    net.train()
    for _ in range(steps):
        noise, t = torch.randn_like(x), torch.randint(0, 1000, (len(x),), device=x.device)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
            loss = torch.nn.functional.mse_loss(net(scheduler.add_noise(x, noise, t), t).sample, noise)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()


def peer_rows(device: str, repeats: int) -> Iterator[str]:
    """Samples and training pictures a second, ours and theirs; and the sheet of 100 by 1,000 PC steps."""
    small = device == "cpu"
    many, batch, trained, steps = (16, 32, 2, 10) if small else (MANY, BATCH, TRAINED, STEPS)
    data, half = IMAGES["mnist"](), computes_in_half("auto", torch.device(device))
    e = experiment("mnist")
    e = replace(
        e, sampler=Sampler(mode="ode", solver=e.sampler.solver, steps=steps, particles=many, grid="edm")
    )
    run = training_run(data, batch, device)
    peer = peer_network(_size(run.net), device)
    net = resolve(e).score.denoiser  # type: ignore[attr-defined]
    net.reduced = half
    x = torch.randn(batch, 1, 28, 28, device=device)
    ours, theirs = in_turns(
        [lambda: sampled(e, device), lambda: peer_samples(peer, many, steps, device, half)], repeats
    )
    mine, other = in_turns(
        [lambda: [run.iterate() for _ in range(trained)], lambda: peer_training(peer, x, trained, half)],
        repeats,
    )
    words = f"{device}, {'bfloat16' if half else 'float32'}"
    yield f"| {words} | weights | samples a second, {steps} steps | training pictures a second |"
    yield "|---|---|---|---|"
    for name, size, a, b in (("ours", _size(run.net), ours, mine), ("diffusers", _size(peer), theirs, other)):
        yield f"| {name} | {size / 1e6:.2f} M | {many / a:.1f} | {batch * trained / b:.0f} |"
    if not small:
        took = timed(lambda: sampled(replace(e, sampler=replace(PC, steps=1000, particles=100)), device))
        yield ""
        yield f"100 pictures by 1,000 steps of predictor and corrector: {took:.1f} s."


def main() -> None:
    """Print the tables, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="two runs of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", action="store_true", help="diffusers on the CPU too, in little")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    repeats = 2 if options.quick else 7
    print(f"CPU, {options.threads} threads; medians of {repeats} runs.\n")
    tables = [sample_rows(repeats), overhead_rows(repeats), training_rows(3 if options.quick else 20)]
    if options.peer:
        tables.append(peer_rows("cpu", repeats))
    if torch.cuda.is_available():
        tables.append(peer_rows("cuda", repeats))
    for table in tables:
        print("\n".join(table), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
