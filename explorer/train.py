"""Training as a generator of frames. Importing this module loads no torch; training does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.lazy import torch
from explorer.objectives.base import Batch, Objective
from explorer.objectives.dsm import T_START, BalancedDSM
from explorer.scores.spec import NetworkSpec, Training

if TYPE_CHECKING:
    from explorer.distributions.mixture import Mixture
    from explorer.optimise import FlatAdam
    from explorer.scores.network import Denoiser
    from explorer.sdes.base import SDE

#: Points that share a noise level (see `Batch`), seconds between frames, and between frames with weights.
SHARED, FRAME_SECONDS, WEIGHT_SECONDS = 4, 0.02, 0.2
#: Bins of ln sigma in the chart of loss by noise level; levels and points of the batch it is measured on.
BINS, HELD_LEVELS, HELD_POINTS = 12, 48, 32
#: Iterations between looks at the loss for divergence, and how often training may be rolled back.
CHECK_EVERY, MOST_ROLLBACKS = 50, 10
SMALLEST_BATCH = 64
#: Iterations over which the learning rate rises, and the part of labels left out of training.
RISE, LABEL_DROP = 100, 0.1


class TrainingError(RuntimeError):
    """Training cannot go on; the message says what to do."""


@dataclass(frozen=True)
class TrainFrame:
    """Training as it stands. Losses are weighted as the objective weighs them.

    `floor` is what is left of the denoising loss with the exact score, `excess` what the network adds to it;
    both, and the `by_level` arrays (bins,), are measured on one held-out batch with the averaged weights.
    `weights` is a state dict of copies on the CPU about five times a second, and in the last frame; else None.
    """

    iteration: int
    seconds: float
    progress: float
    loss: float
    smoothed: float
    floor: float
    excess: float
    level: np.ndarray
    loss_by_level: np.ndarray
    floor_by_level: np.ndarray
    iterations_per_second: float
    batch: int
    learning_rate: float
    device: str
    note: str = ""
    weights: Mapping[str, torch.Tensor] | None = None
    done: bool = False


def choose_device(wanted: str = "auto") -> torch.device:
    """The device `wanted` names; 'auto' takes CUDA, then MPS, then the CPU."""
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in have.items() if there))
    if not have[wanted]:
        raise TrainingError(f"there is no {wanted.upper()} device here; choose 'cpu' or 'auto' as the device")
    return torch.device(wanted)


def device_words(device: torch.device) -> str:
    """The device in words for people."""
    if device.type == "cuda":
        return f"CUDA: {torch.cuda.get_device_name(device)}"
    return "Apple GPU (MPS)" if device.type == "mps" else f"CPU, {torch.get_num_threads()} threads"


def sigma_data(mixture: Mixture) -> float:
    """Root mean square of the data per coordinate: what the preconditioning scales by."""
    return float(math.sqrt((np.trace(mixture.covariance) + np.sum(mixture.mean**2)) / mixture.dim))


def warm_up() -> None:
    """Pay the first-use costs of torch (imports, kernels, thread pool) before somebody waits for them."""
    from explorer.distributions.mixture import Mixture
    from explorer.sdes.ve import VE

    tiny = Mixture.of_points(np.eye(2), 0.1)
    for _ in train(tiny, VE(), BalancedDSM(), NetworkSpec(16, 1), Training(seconds=0, iterations=2, device="cpu"), 0):
        pass


def train(
    mixture: Mixture,
    sde: SDE,
    objective: Objective,
    network: NetworkSpec,
    training: Training,
    seed: int,
    start: Mapping[str, torch.Tensor] | None = None,
) -> Iterator[TrainFrame]:
    """Train a network and yield frames until the budget is spent; `start` are weights to go on from.

    The clock runs only while this generator does: what its consumer does between frames, or a pause, is not
    training time. With a budget in iterations alone, one seed gives one result on one device and thread count.
    """
    return _Run(mixture, sde, objective, network, training, seed, start).frames()


class _Run:
    """One training: the state that `frames` moves forward."""

    def __init__(
        self, mixture: Mixture, sde: SDE, objective: Objective, network: NetworkSpec, training: Training,
        seed: int, start: Mapping[str, torch.Tensor] | None,
    ) -> None:  # fmt: skip
        self.mixture, self.sde, self.objective = mixture, sde, objective
        self.spec, self.training, self.seed, self.start = network, training, seed, start
        self.rate_factor, self.batch_factor = 1.0, 1.0
        self.iteration, self.seconds, self.rollbacks, self.note = 0, 0.0, 0, ""
        self.first: float | None = None
        self.smoothed: float | None = None
        self.best = math.inf

    def _set_up(self) -> None:
        from explorer.optimise import FlatAdam
        from explorer.scores.network import Denoiser

        self.device = choose_device(self.training.device)
        self.words = device_words(self.device)
        self.random = torch.Generator(self.device).manual_seed(self.seed)
        self.pool = _Pool(self.mixture, self.seed, self.device, self.spec.classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            net = Denoiser(self.spec, self.mixture.dim, sigma_data(self.mixture))
        if self.start is not None:
            net.load_state_dict(dict(self.start))
        self.net: Denoiser = net.to(self.device)
        self.optimiser: FlatAdam = FlatAdam(self.net, self.training.clip, self.training.ema)
        self.times = _TimeTable(self.sde, self.device) if self.spec.native else None
        self.held = _HeldOut(self)
        self.good = self.optimiser.state()
        self.window = self.loss = torch.zeros((), device=self.device)
        self._step = _stepper(self)

    @property
    def progress(self) -> float:
        """How much of the budget is spent, by whichever limit is nearer."""
        by_time = self.seconds / self.training.seconds if self.training.seconds else 0.0
        by_count = self.iteration / self.training.iterations if self.training.iterations else 0.0
        return max(by_time, by_count)

    def frames(self) -> Iterator[TrainFrame]:
        mark = time.perf_counter()
        self._set_up()
        framed = weighed = -math.inf
        done = False
        while not done:
            self._iterate()
            now = time.perf_counter()
            self.seconds, mark = self.seconds + now - mark, now
            done = self.progress >= 1
            if done or self.seconds - framed >= FRAME_SECONDS:
                weigh = done or self.seconds - weighed >= WEIGHT_SECONDS
                framed, weighed = self.seconds, self.seconds if weigh else weighed
                frame = self._frame(weigh, done)
                self.seconds += time.perf_counter() - mark
                yield frame
                mark = time.perf_counter()

    def _schedule(self) -> tuple[float, int]:
        """The learning rate (short rise, cosine fall) and the batch of the coming iteration."""
        p = self.progress
        rate = min(1.0, (self.iteration + 1) / RISE) * 0.5 * (1 + math.cos(math.pi * min(p, 1.0)))
        growth = 2.0 ** -max(0, round(3 * (1 - p / 0.8)))
        size = max(self.training.batch * growth, min(SMALLEST_BATCH, self.training.batch)) * self.batch_factor
        return self.training.learning_rate * self.rate_factor * max(rate, 1e-3), max(int(size), 1)

    def _iterate(self) -> None:
        self.rate, wanted = self._schedule()
        levels = max(wanted // SHARED, 1)
        self.batch = levels * SHARED
        try:
            inputs = self._draw(levels, SHARED)
            self.optimiser.prepare(self.rate)
            self.loss = self._step(*inputs)
        except torch.OutOfMemoryError:
            self._shrink()
            return
        self.iteration += 1
        self.window = self.window + self.loss
        if self.iteration % CHECK_EVERY == 0:
            self._check(float(self.window) / CHECK_EVERY)
            self.window = torch.zeros_like(self.loss)

    def _draw(self, levels: int, shared: int) -> tuple[torch.Tensor, ...]:
        """x0, z, t, alpha, sigma, weight and labels of a batch, with one noise level from each of equal strata."""
        x0, labels = self.pool.take(levels * shared)
        u = torch.rand(levels, generator=self.random, device=self.device)
        u = (torch.arange(levels, device=self.device) + u) / levels
        return self._at(u, x0.view(levels, shared, -1), labels)

    def _at(self, u: torch.Tensor, x0: torch.Tensor, labels: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        z = torch.randn(x0.shape, generator=self.random, device=self.device)
        noise, weight = self.objective.levels(u.clamp(1e-6, 1 - 1e-6), self.sde, self.net.sigma_data)
        t = noise if self.times is None else self.times(noise)
        alpha, sigma = (torch.ones_like(noise), noise) if self.times is None else self.sde.marginal(t)
        columns = tuple(v[:, None] for v in (t, alpha, sigma, weight))
        return (x0, z, *columns) if labels is None else (x0, z, *columns, labels.view(x0.shape[:2]))

    def losses(
        self, x0: torch.Tensor, z: torch.Tensor, t: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor,
        weight: torch.Tensor, labels: torch.Tensor | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Weighted loss of each point (m, r)."""
        x = alpha[..., None] * x0 + sigma[..., None] * z
        batch = Batch(x0, z, x, t, alpha, sigma)
        return weight * self.objective.loss(lambda x: self.net.score(x, alpha, sigma, t, labels), batch)

    def step(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Loss, gradients and one step of the optimiser."""
        loss = self.losses(*inputs).mean()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def _check(self, mean: float) -> None:
        """Keep the state when the mean loss of the last iterations is sound, else go back and slow down."""
        if self.first is None and math.isfinite(mean):
            self.first = self.best = mean
        first = self.first if self.first is not None else math.inf
        limit = self.best + max(0.75 * (first - self.best), abs(self.best))
        if math.isfinite(mean) and mean <= limit:
            self.best, self.good = min(self.best, mean), self.optimiser.state()
            self.smoothed = mean if self.smoothed is None else self.smoothed + 0.2 * (mean - self.smoothed)
            return
        self.rollbacks += 1
        if self.rollbacks > MOST_ROLLBACKS:
            raise TrainingError(f"training keeps diverging, even at a learning rate of {self.rate:.2g}; choose a lower one")
        self.optimiser.restore(self.good)
        self.rate_factor /= 2
        self.note = (
            f"The loss exploded at iteration {self.iteration}: back to the last good weights, with the learning "
            f"rate halved ({self.rollbacks} time{'s' * (self.rollbacks > 1)})."
        )

    def _shrink(self) -> None:
        """Out of memory: half the batch from here on, or an error that names the way out."""
        self.batch_factor /= 2
        self.optimiser.restore(self.good)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.batch <= SMALLEST_BATCH:
            raise TrainingError(
                f"{self.words} has no memory left, even for {self.batch} points at a time; train on the CPU instead"
            )
        self.note = f"Out of memory: the batch was halved to {self.batch // 2}."

    def _frame(self, weigh: bool, done: bool) -> TrainFrame:
        if weigh:
            self.held.measure(self)
        loss = float(self.loss)
        return TrainFrame(
            self.iteration, self.seconds, min(self.progress, 1.0), loss, loss if self.smoothed is None else self.smoothed,
            self.held.floor, self.held.excess, self.held.level, self.held.by_level, self.held.floor_by_level,
            self.iteration / max(self.seconds, 1e-9), self.batch, self.rate, self.words, self.note,
            self.optimiser.weights() if weigh else None, done,
        )  # fmt: skip


class _Pool:
    """Independent draws from a mixture, made in blocks."""

    BLOCK = 1 << 15

    def __init__(self, mixture: Mixture, seed: int, device: torch.device, classes: int) -> None:
        self.mixture, self.device, self.classes = mixture, device, classes
        self.rng = np.random.default_rng(seed)
        self.x = torch.empty(0, mixture.dim, device=device)
        self.labels = torch.empty(0, dtype=torch.long, device=device)

    def take(self, n: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The next n points (n, d), and their labels (n,) if the network has classes."""
        while len(self.x) < n:
            self._refill()
        x, self.x = self.x[:n], self.x[n:]
        if not self.classes:
            return x, None
        labels, self.labels = self.labels[:n], self.labels[n:]
        return x, labels

    def _refill(self) -> None:
        x, component = self.mixture.sample(self.BLOCK, self.rng)
        self.x = torch.cat([self.x, torch.from_numpy(x).to(self.device)])
        if self.classes:
            known = np.zeros(len(self.mixture.weights), int) if self.mixture.labels is None else self.mixture.labels
            labels = np.where(self.rng.random(self.BLOCK) < LABEL_DROP, self.classes, known[component] % self.classes)
            self.labels = torch.cat([self.labels, torch.from_numpy(labels).to(self.device)])


class _TimeTable:
    """t from sigma/alpha, by interpolation in its logarithm (an SDE inverts only floats)."""

    def __init__(self, sde: SDE, device: torch.device) -> None:
        self.t = torch.logspace(math.log10(T_START), 0, 4096, dtype=torch.float64) * sde.T
        self.level = torch.log(sde.noise_level(self.t))
        self.t, self.level = self.t.float().to(device), self.level.float().to(device)

    def __call__(self, noise: torch.Tensor) -> torch.Tensor:
        wanted = torch.log(noise).clamp(self.level[0], self.level[-1])
        right = torch.searchsorted(self.level, wanted).clamp(1, len(self.level) - 1)
        low, high = self.level[right - 1], self.level[right]
        part = (wanted - low) / (high - low).clamp(min=1e-12)
        return self.t[right - 1] + part * (self.t[right] - self.t[right - 1])


class _HeldOut:
    """One fixed batch, the exact score at it, and what the network's averaged weights make of it."""

    def __init__(self, run: _Run) -> None:
        m, r = HELD_LEVELS, HELD_POINTS
        u = (torch.arange(m, device=run.device) + 0.5) / m
        x, _ = _Pool(run.mixture, run.seed + 1, run.device, 0).take(m * r)
        self.inputs = run._at(u, x.view(m, r, -1), None)
        self.exact = self._exact(run.mixture)
        _, z, _, alpha, sigma, weight = self.inputs
        level = torch.log(sigma / alpha)[:, 0].double().cpu().numpy()
        edges = np.linspace(level.min(), level.max() + 1e-6, BINS + 1)
        self.bin = np.digitize(level, edges) - 1
        self.level = np.exp((edges[1:] + edges[:-1]) / 2)
        rest = weight * (sigma[..., None] * self.exact + z).square().sum(-1)
        self.floor, self.floor_by_level = float(rest.mean()), self._binned(rest)
        self.excess, self.by_level = math.nan, np.full(BINS, np.nan)

    def _exact(self, mixture: Mixture) -> torch.Tensor:
        x0, z, _, alpha, sigma, _ = self.inputs
        x = (alpha[..., None] * x0 + sigma[..., None] * z).double().cpu()
        rows = zip(x, alpha[:, 0].tolist(), sigma[:, 0].tolist(), strict=True)
        return torch.stack([mixture.score(xi, a, s) for xi, a, s in rows]).to(x0)

    def _binned(self, values: torch.Tensor) -> np.ndarray:
        """Mean of (m, r) per bin (BINS,), nan where a bin is empty."""
        per_level = values.mean(1).double().cpu().numpy()
        count = np.bincount(self.bin, minlength=BINS)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.bincount(self.bin, per_level, minlength=BINS) / count)

    @torch.no_grad()
    def measure(self, run: _Run) -> None:
        """Excess and loss by noise level of the averaged weights."""
        x0, z, t, alpha, sigma, weight = self.inputs
        x = alpha[..., None] * x0 + sigma[..., None] * z
        with run.optimiser.averaged():
            error = sigma[..., None] * (run.net.score(x, alpha, sigma, t) - self.exact)
        # the cross term with the irreducible part has mean zero; leaving it out leaves out its noise
        extra = weight * error.square().sum(-1)
        self.excess, self.by_level = float(extra.mean()), self.floor_by_level + self._binned(extra)


def _stepper(run: _Run) -> Callable[..., torch.Tensor]:
    """`run.step`, captured in a CUDA graph per batch shape where the device has graphs."""
    if run.device.type != "cuda":
        return run.step
    from explorer.optimise import Captured

    return Captured(run.step, run.optimiser)
