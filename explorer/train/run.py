"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from explorer.lazy import torch
from explorer.objectives import Objective
from explorer.scores.spec import NetworkSpec, Training
from explorer.sdes import SDE
from explorer.train.batches import Inputs, Pool, Sampling
from explorer.train.frame import TrainFrame, TrainingError
from explorer.train.held import HeldOut, as_batch, exact_score

if TYPE_CHECKING:
    from explorer.distributions import Mixture
    from explorer.scores.network import Denoiser

#: Points that share a noise level (see `Batch`); seconds between frames, and between frames with weights.
SHARED, FRAME_SECONDS, WEIGHT_SECONDS = 4, 0.02, 0.2
#: Iterations over which the learning rate rises.
RISE = 100
#: Iterations between looks at the loss for divergence, and how often training may be rolled back.
CHECK_EVERY, MOST_ROLLBACKS = 50, 10
SMALLEST_BATCH = 64


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
    threads = torch.get_num_threads()
    return "Apple GPU (MPS)" if device.type == "mps" else f"CPU, {threads} thread{'s' * (threads > 1)}"


def warm_up() -> None:
    """Pay the first-use costs of torch (imports, kernels, threads) before somebody waits for them."""
    from explorer.distributions import Mixture
    from explorer.objectives import OBJECTIVES
    from explorer.sdes import SDES

    tiny, budget = Mixture.of_points(np.eye(2), 0.1), Training(seconds=0, iterations=2, device="cpu")
    for _ in train(tiny, SDES["ve"](), OBJECTIVES["dsm"](), NetworkSpec(16, 1), budget, 0):
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
    training time. With a budget in iterations alone, a seed gives one result on one device and thread count.
    """
    pressed = time.perf_counter()
    try:
        yield from Run(mixture, sde, objective, network, training, seed, start).frames(pressed)
    except torch.OutOfMemoryError as error:  # of the network, the weights' copies: no smaller batch helps
        raise TrainingError(
            "the device has no memory for this network; choose a smaller one, or 'cpu' as the device"
        ) from error


class Run:
    """One training: the state that `frames` moves forward."""

    def __init__(
        self, mixture: Mixture, sde: SDE, objective: Objective, spec: NetworkSpec, training: Training,
        seed: int, start: Mapping[str, torch.Tensor] | None,
    ) -> None:  # fmt: skip
        from explorer.optimise import FlatAdam

        if spec.classes and not objective.labelled:
            raise TrainingError(
                f"the objective '{objective.title}' does not learn labels; choose a denoising one, or set "
                "score.network.classes to 0"
            )
        self.training, self.objective, self.mixture = training, objective, mixture
        self.device = choose_device(training.device)
        self.words = device_words(self.device)
        self.net = _network(spec, mixture, sde, seed, start).to(self.device)
        self.optimiser = FlatAdam(self.net, training.clip, training.ema)
        self.pool = Pool(mixture, seed, self.device, spec.classes)
        random = torch.Generator(self.device).manual_seed(seed)
        self.sampling = Sampling(objective, sde, spec.native, self.net.sigma_data, random)
        self.held = HeldOut(mixture, self.sampling, seed)
        self.watch = _Watch(self.held.scale)
        self.good = self.optimiser.state()
        self.loss = self.window = torch.zeros((), device=self.device)
        self.rate_factor = self.batch_factor = 1.0
        self.iteration, self.batch, self.rate, self.seconds, self.note = 0, 0, 0.0, 0.0, ""
        self._given: tuple[str, ...] = ()
        self._step = self._stepper()

    def _stepper(self) -> Callable[..., torch.Tensor]:
        """`step`, captured in a CUDA graph for each batch size where device and objective allow it."""
        if self.device.type != "cuda" or not self.objective.capturable:
            return self.step
        from explorer.optimise import Captured

        return Captured(self.step, self.optimiser)

    @property
    def progress(self) -> float:
        """How much of the budget is spent, by whichever limit is nearer."""
        by_time = self.seconds / self.training.seconds if self.training.seconds else 0.0
        by_count = self.iteration / self.training.iterations if self.training.iterations else 0.0
        return min(max(by_time, by_count), 1.0)

    def frames(self, mark: float) -> Iterator[TrainFrame]:
        """The frames; the clock starts at `mark`."""
        framed = weighed = -math.inf
        done = False
        while not done:
            self.iterate()
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
        rate = min(1.0, (self.iteration + 1) / RISE) * max(0.5 * (1 + math.cos(math.pi * p)), 1e-3)
        growth = 2.0 ** -max(0, round(3 * (1 - p / 0.8)))
        size = max(self.training.batch * growth, min(SMALLEST_BATCH, self.training.batch)) * self.batch_factor
        return self.training.learning_rate * self.rate_factor * rate, max(int(size), 1)

    def iterate(self) -> None:
        """One iteration; the loss is looked at every CHECK_EVERY of them."""
        self.rate, wanted = self._schedule()
        levels = max(wanted // SHARED, 1)
        self.batch = levels * SHARED
        try:
            inputs = self.sampling.draw(self.pool, levels, SHARED)
            given = {name: v for name, v in inputs._asdict().items() if v is not None}
            self._given = tuple(given)
            self.optimiser.prepare(self.rate)
            self.loss = self._step(*given.values())
        except torch.OutOfMemoryError:
            self._shrink()
            return
        self.iteration += 1
        self.window = self.window + self.loss
        if self.iteration % CHECK_EVERY == 0:
            self._check(float(self.window) / CHECK_EVERY)
            self.window = torch.zeros_like(self.loss)

    def step(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Loss, gradients and one step of the optimiser, from the tensors that an `Inputs` has."""
        loss = self.loss_of(Inputs(**dict(zip(self._given, tensors, strict=True))))
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def loss_of(self, i: Inputs) -> torch.Tensor:
        """The weighted loss of the network as it is, a scalar to differentiate."""
        batch = as_batch(i, lambda x: exact_score(self.mixture, x, i.alpha, i.sigma))
        each = self.objective.loss(lambda x: self.net.score(x, i.alpha, i.sigma, i.t, i.labels), batch)
        return (i.weight * each).mean()

    def _check(self, mean: float) -> None:
        """Keep the state when the mean loss of the last iterations is sound, else go back and slow down."""
        if self.watch.sound(mean):
            self.good = self.optimiser.state()
            return
        self.optimiser.restore(self.good)
        self.rate_factor /= 2
        times = self.watch.alarms
        if times > MOST_ROLLBACKS:
            raise TrainingError(
                f"training keeps diverging, even at a learning rate of {self.rate:.2g}; choose a lower one"
            )
        self.note = (
            f"The loss exploded at iteration {self.iteration}: back to the last good weights with half the "
            f"learning rate ({times} time{'s' * (times > 1)} so far)."
        )

    def _shrink(self) -> None:
        """Out of memory: half the batch from here on, or an error that names the way out."""
        self.optimiser.restore(self.good)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.batch <= SMALLEST_BATCH:
            raise TrainingError(
                f"{self.words} has no memory left, even for {self.batch} points at a time; "
                "choose 'cpu' as the device and train again"
            )
        self.batch_factor /= 2
        self.note = f"Out of memory: the batch was halved to {self.batch // 2}."

    def _frame(self, weigh: bool, done: bool) -> TrainFrame:
        held = self.held
        if weigh:
            with self.optimiser.averaged(), torch.no_grad():
                held.measure(self.net)
        loss = float(self.loss)
        return TrainFrame(
            iteration=self.iteration, seconds=self.seconds, progress=self.progress,
            loss=loss, smoothed=self.watch.smoothed if self.watch.seen else loss,
            floor=held.floor, excess=held.excess,
            level=held.level, loss_by_level=held.by_level, floor_by_level=held.floor_by_level,
            iterations_per_second=self.iteration / max(self.seconds, 1e-9),
            batch=self.batch, learning_rate=self.rate, device=self.words, note=self.note,
            weights=self.optimiser.weights() if weigh else None, done=done,
        )  # fmt: skip


class _Watch:
    """Tells a loss that explodes from one that is merely noisy.

    Losses may be small, or negative by chance (implicit score matching is no sum of squares). So `scale`, what
    is left of a denoising loss on the same levels, is always given as room.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.first = self.best = self.smoothed = 0.0
        self.seen = self.alarms = 0

    def sound(self, mean: float) -> bool:
        """Take in the mean loss of some iterations; False when it is not finite or far above the best one."""
        if not self.seen and math.isfinite(mean):
            self.first = self.best = self.smoothed = mean
        limit = self.best + max(0.75 * (self.first - self.best), abs(self.best), self.scale, 1e-3)
        if not math.isfinite(mean) or mean > limit:
            self.alarms += 1
            return False
        self.seen += 1
        self.best = min(self.best, mean)
        self.smoothed += 0.2 * (mean - self.smoothed)
        return True


def _network(
    spec: NetworkSpec, mixture: Mixture, sde: SDE, seed: int, start: Mapping[str, torch.Tensor] | None
) -> Denoiser:
    """A network from the seed, or with the weights `start`."""
    from explorer.scores.network import Denoiser

    net = Denoiser(spec, mixture.dim, mixture.rms, torch.Generator().manual_seed(seed), sde)
    if start is not None:
        net.load_state_dict(dict(start))
    return net
