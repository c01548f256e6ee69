"""The CUDA path, proven and measured: training and sampling on the GPU against the CPU and against diffusers.

    python benchmarks/gpu.py [--out REPORT.md] [--device cpu]

On one GPU it takes less than eight minutes; it needs nothing that is not installed by the development packages. Every
section first checks that the GPU computes the same as the CPU, then says how fast. A section that fails is reported
and the next one goes on; the exit code is then 1. `--device cpu` runs all of it in small form, to test the script.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pictures import in_turns, peer_network, peer_samples, peer_training
from run import machine

from explorer.base.placement import NO_MEMORY, said
from explorer.base.precision import computes_in_half, full_precision
from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.images import IMAGES
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.networks import NetworkSpec, Training
from explorer.networks.files import load
from explorer.networks.learned import LearnedScore
from explorer.networks.optimizer import Captured
from explorer.networks.spec import PictureTraining, UNetSpec
from explorer.networks.unet import PictureDenoiser
from explorer.session import document
from explorer.session.document import Document
from explorer.training.images import Material, PictureRun
from explorer.training.loop import Loop
from explorer.training.objectives import OBJECTIVES
from explorer.training.run import Run

ROOT = Path(__file__).resolve().parent.parent
MNIST = IMAGES["mnist"]()


@dataclass(frozen=True)
class Effort:
    """How much is done on a device: iterations of a training, images, steps, and the size of the network."""

    device: str
    points: int = 2000
    warm: int = 60
    iterations: int = 200
    batch: int = 256
    images: int = 256
    steps: int = 50
    sheet: tuple[int, int] = (100, 1000)
    spec: UNetSpec = field(default_factory=lambda: UNetSpec(classes=MNIST.classes))
    repeats: int = 3

    @property
    def cuda(self) -> bool:
        """Whether this is the real thing."""
        return self.device == "cuda"


FULL = Effort("cuda")
SMALL = Effort(
    "cpu", points=60, warm=2, iterations=4, batch=16, images=8, steps=4, sheet=(4, 5),
    spec=UNetSpec(width=8, depth=1, classes=MNIST.classes), repeats=1,
)  # fmt: skip


def check(right: bool, what: str) -> str:
    """A line of the report; AssertionError where it is not true."""
    if not right:
        raise AssertionError(what)
    return f"- ok: {what}"


def table(*rows: tuple[object, ...]) -> str:
    """A table in Markdown, its first row the heading."""
    lines = [" | ".join(str(v) for v in row) for row in rows]
    return "\n".join([f"| {lines[0]} |", "|" + "---|" * len(rows[0]), *(f"| {line} |" for line in lines[1:])])


# --- training ----------------------------------------------------------------------------------------------


def points_run(device: str, network: NetworkSpec, seed: int = 0) -> Run:
    """A training on two moons that ends by itself never."""
    budget = Training(iterations=10**6, seconds=0, device=device)
    mixture = DISTRIBUTIONS["two_moons"]().mixture
    return Run(mixture, SDES["vp"](), OBJECTIVES["dsm"](), network, budget, seed, None)


def images_run(e: Effort, device: str, precision: str = "auto") -> PictureRun:
    """The same on MNIST."""
    budget = PictureTraining(iterations=10**6, seconds=0, batch=e.batch, device=device, precision=precision)
    return PictureRun(Material.of(MNIST), e.spec, budget, 0)


def iterate(run: Loop, times: int) -> None:
    """So many iterations, waited for."""
    for _ in range(times):
        run.iterate()
    float(run.loss)


def check_capture(make: Callable[[], Loop], times: int, cuda: bool) -> str:
    """Iterations replayed from a CUDA graph end at the same weights as iterations run one kernel at a time."""
    graph, eager = make(), make()
    eager._step = eager.step
    for run in (graph, eager):
        iterate(run, times)
    apart = float((graph.optimiser.flat - eager.optimiser.flat).abs().max())
    size = float((eager.optimiser.flat).abs().max())
    if not cuda:
        return check(apart == 0, "the same seed gives the same weights (no CUDA graphs on a CPU)")
    step = graph._step
    assert isinstance(step, Captured)
    captured = [v for v in step.graphs.values() if v != step.step]
    line = check(len(captured) == len(step.graphs), f"{len(captured)} CUDA graphs captured, none given up")
    return f"{line}\n" + check(
        apart <= 0.02 * size,
        f"after {times} iterations its weights differ from uncaptured ones by {apart:.1e} of {size:.2g}",
    )


def speed(run: Loop, e: Effort, times: int) -> float:
    """Iterations a second, warm."""
    iterate(run, e.warm)
    start = time.perf_counter()
    iterate(run, times)
    return times / (time.perf_counter() - start)


def points_section(e: Effort) -> Iterator[str]:
    """Training on points."""
    yield check_capture(lambda: points_run(e.device, NetworkSpec()), 20, e.cuda)
    rows: list[tuple[object, ...]] = [
        ("network", "GPU, iterations/s" if e.cuda else "CPU, iterations/s", "CPU", "ratio")
    ]
    for spec in (NetworkSpec(), NetworkSpec(width=256, depth=6)) if e.cuda else (NetworkSpec(16, 1),):
        here = speed(points_run(e.device, spec), e, e.points)
        cpu = speed(points_run("cpu", spec), replace(e, warm=5), max(e.points // 20, 5))
        rows.append((f"{spec.width} x {spec.depth}", f"{here:.0f}", f"{cpu:.0f}", f"{here / cpu:.2f}"))
    yield table(*rows)
    one, other = points_run(e.device, NetworkSpec()), points_run("cpu", NetworkSpec())
    for run in (one, other):
        iterate(run, e.warm)
        run._measure(False)
    yield check(
        abs(one.held.loss - other.held.loss) <= 0.3 * abs(other.held.loss),
        f"validation loss after {e.warm} iterations: {one.held.loss:.3f}, on the CPU {other.held.loss:.3f}",
    )


def images_section(e: Effort) -> Iterator[str]:
    """Training on images: float32 and bfloat16 against the CPU, and against diffusers with as many weights."""
    yield check_capture(lambda: images_run(e, e.device, "float32"), 5 if e.cuda else 2, e.cuda)
    rows: list[tuple[object, ...]] = [("training on MNIST", "weights", "images/s")]
    size = sum(p.numel() for p in images_run(e, "cpu").net.parameters())
    losses = {}
    for precision in ("float32", "bfloat16"):
        run = images_run(e, e.device, precision)
        rows.append(
            (
                f"ours, {e.device}, {precision}",
                f"{size / 1e6:.2f} M",
                f"{speed(run, e, e.iterations) * e.batch:.0f}",
            )
        )
        run._measure(False)
        losses[precision] = run.held.loss
    small = replace(e, batch=min(e.batch, 64), warm=2)
    cpu = speed(images_run(small, "cpu"), small, 3) * small.batch
    rows.append(("ours, CPU", f"{size / 1e6:.2f} M", f"{cpu:.0f}"))
    peer = peer_network(size, e.device)
    weights = sum(p.numel() for p in peer.parameters())
    x = torch.randn(e.batch, 1, 28, 28, device=e.device)
    for half in (False, True) if e.cuda else (False,):  # without the hardware for it bfloat16 takes minutes
        (took,) = in_turns([lambda half=half: peer_training(peer, x, e.iterations, half)], 1)
        words = f"diffusers, {e.device}, {'bfloat16' if half else 'float32'}"
        rows.append((words, f"{weights / 1e6:.2f} M", f"{e.iterations * e.batch / took:.0f}"))
    yield table(*rows)
    yield check(
        abs(losses["bfloat16"] - losses["float32"]) <= 0.1 * losses["float32"],
        f"validation loss in float32 {losses['float32']:.4f}, in bfloat16 {losses['bfloat16']:.4f}",
    )


# --- sampling ----------------------------------------------------------------------------------------------


def network(e: Effort) -> PictureDenoiser:
    """The network that comes with the program; an untrained small one for the small form."""
    found = with_data(Experiment(), MNIST)
    if e.cuda:
        score = resolve(found).score
        assert isinstance(score, LearnedScore) and isinstance(score.denoiser, PictureDenoiser)
        return score.denoiser
    made = PictureDenoiser(e.spec, MNIST.size, *MNIST.moments)
    with torch.no_grad():  # as it begins its last layer is 0
        for w in made.parameters():
            w.add_(0.05 * torch.randn(w.shape, generator=torch.Generator().manual_seed(1)))
    return made


def sampled(net: PictureDenoiser, sampler: Sampler, device: str) -> np.ndarray:
    """Samples (n, d) on a device."""
    net.send(torch.device(device))
    sde = SDES["vp"]()
    for frame in simulate(sde, sampler, LearnedScore(net, sde), MNIST.mixture, 0):
        last = frame
    if last.note:
        raise AssertionError(last.note)
    return last.x


def sampling_section(e: Effort) -> Iterator[str]:
    """The sampler of the window: the same images on both devices, then images a second, diffusers beside them."""
    net = network(e)
    few = Sampler(
        mode="ode", solver=SOLVERS["dpm_solver_pp_2m"](), grid="edm", steps=12, particles=min(e.images, 16)
    )
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False  # ten bits of mantissa, for the comparison too few
    with full_precision():
        apart = float(np.abs(sampled(net, few, e.device) - sampled(net, few, "cpu")).max())
    yield check(
        apart < 0.02,
        f"{few.particles} images in float32 differ from the CPU's by at most {apart:.1e} (range 2)",
    )
    torch.backends.cudnn.allow_tf32 = tf32
    net.reduced = computes_in_half("auto", torch.device("cpu"))
    many = replace(few, particles=e.images, steps=e.steps, solver=SOLVERS["ddim"]())
    size = sum(p.numel() for p in net.parameters())
    peer = peer_network(size, e.device)
    half = computes_in_half("auto", torch.device(e.device))
    here, theirs = in_turns(
        [
            lambda: sampled(net, many, e.device),
            lambda: peer_samples(peer, e.images, e.steps, e.device, half),
        ],
        e.repeats,
    )
    fewer = replace(many, particles=min(e.images, 16))
    (cpu,) = in_turns([lambda: sampled(net, fewer, "cpu")], 1)
    yield table(
        (f"{e.steps} steps of DDIM", "images at once", "images/s"),
        (f"ours, {e.device}", e.images, f"{e.images / here:.1f}"),
        (f"diffusers, {e.device}", e.images, f"{e.images / theirs:.1f}"),
        ("ours, CPU", fewer.particles, f"{fewer.particles / cpu:.1f}"),
    )


def sheet_section(e: Effort) -> Iterator[str]:
    """A hundred images by a thousand steps of predictor and corrector, every frame as the window gets it."""
    images, steps = e.sheet
    sampler = Sampler(mode="pc", predictor=PREDICTORS["reverse_diffusion"](), steps=steps, particles=images)
    start = time.perf_counter()
    x = sampled(network(e), sampler, e.device)
    took = time.perf_counter() - start
    yield check(
        bool(np.isfinite(x).all()),
        f"{images} images x {steps} PC steps: {took:.1f} s, {1000 * took / steps:.1f} ms a step",
    )


# --- when memory ends, and more than one GPU -----------------------------------------------------------------


def memory_section(e: Effort) -> Iterator[str]:
    """Out of memory: training halves its batch, sampling goes on on the CPU; neither ends."""
    if not e.cuda:
        yield "- left out: needs a GPU (tests/test_sampling_device.py and tests/test_train.py pretend to have one)"
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**30) / total)
    try:
        run = images_run(replace(e, batch=16384), e.device)
        for _ in range(12):
            run.iterate()
        yield check(
            "halved" in run.note and run.iteration > 0, f"training with 16,384 images and 1 GB: {run.note}"
        )
        del run
        torch.cuda.empty_cache()
        net = network(e)
        net.send(torch.device("cuda"))
        x = torch.zeros(20000, net.dim)
        said()
        with torch.no_grad():
            out = net.score(x, 1.0, 1.0, 0.5)
        told = said()
        yield check(
            told == NO_MEMORY and bool(torch.isfinite(out).all()), f"sampling 20,000 images at once: {told}"
        )
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def _trained(experiment: Path, count: int) -> tuple[dict[str, torch.Tensor], float]:
    """The weights that so many processes train together, and the seconds that it took."""
    out = experiment.with_name(f"{count}.safetensors")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, str(ROOT / "main.py"), "train", str(experiment), "--out", str(out)],
        capture_output=True, text=True, timeout=150, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{count} processes failed:\n{done.stderr[-1500:]}")
    return load(out).weights, time.perf_counter() - began


def processes_section(e: Effort) -> Iterator[str]:
    """Two processes train as one: nccl where each has a GPU of its own, gloo in the small form."""
    if e.cuda and torch.cuda.device_count() < 2:
        yield "- left out: there is one GPU"
        return
    iterations = 30 if e.cuda else 2
    made = with_data(Experiment(), MNIST)
    training = PictureTraining(
        iterations=iterations, seconds=0, batch=e.batch, device=e.device, precision="float32"
    )
    score = replace(made.score, source="trained", unet=e.spec, picture_training=training)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.json"
        document.write(path, Document(replace(made, score=score)))
        with ThreadPoolExecutor(1 if e.cuda else 2) as pool:  # in small form at once: it is not for the times
            found, took = zip(*pool.map(partial(_trained, path), (1, 2)), strict=True)
    for count, seconds in enumerate(took, start=1):
        yield f"- {count} process{'es' * (count > 1)}: {seconds:.0f} s with the start"
    apart = max(float((w.float() - found[1][name].float()).abs().max()) for name, w in found[0].items())
    yield check(
        apart <= 1e-2,
        f"after {iterations} iterations the weights of two differ from those of one by {apart:.1e}",
    )


SECTIONS: dict[str, Callable[[Effort], Iterator[str]]] = {
    "Training on points": points_section,
    "Training on images": images_section,
    "Sampling images": sampling_section,
    "Predictor-corrector": sheet_section,
    "Out of memory": memory_section,
    "Two processes": processes_section,
}


def report(e: Effort) -> tuple[str, bool]:
    """The whole report in Markdown, and whether every check held."""
    parts, sound, start = (
        [f"# The CUDA path\n\n{time.strftime('%Y-%m-%d')} · {machine()}"],
        True,
        time.perf_counter(),
    )
    for title, section in SECTIONS.items():
        lines, began = [f"## {title}\n"], time.perf_counter()
        try:
            lines += section(e)
        except Exception as error:  # the other sections are worth their time still
            sound = False
            lines.append(f"- **failed**: {error}")
            print(traceback.format_exc(), file=sys.stderr)
        lines.append(f"\n({time.perf_counter() - began:.0f} s)")
        parts.append("\n".join(lines))
        print(parts[-1], end="\n\n", flush=True)
    parts.append(f"All in {time.perf_counter() - start:.0f} s.")
    return "\n\n".join(parts) + "\n", sound


def main() -> int:
    """Print the report, and write it where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the report here too")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --device cpu runs the small form")
    text, sound = report(FULL if options.device == "cuda" else SMALL)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
