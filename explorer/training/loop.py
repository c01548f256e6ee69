"""The training loop, whatever is learned from: iterations, frames, roll-back, out of memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np

from explorer.base.lazy import torch
from explorer.networks.spec import Training
from explorer.training.batches import Inputs, Sampling, Source
from explorer.training.frame import DeviceError, TrainFrame, TrainingError
from explorer.training.held import as_batch
from explorer.training.objectives import Objective

if TYPE_CHECKING:
    from explorer.networks.optimizer import FlatAdam
    from explorer.networks.preconditioned import Preconditioned

#: Seconds between frames.
FRAME_SECONDS = 0.02
#: Iterations over which the learning rate rises.
RISE = 100
#: Iterations between looks at the loss for divergence, and how often training may be rolled back.
CHECK_EVERY, MOST_ROLLBACKS = 50, 10
#: The smoothed loss is a mean over about so many iterations; early on, over the last fifth of those there are.
MEAN_OVER, MEAN_PART = 200, 5


class Measured(Protocol):
    """The held-out batch; see `explorer.training.held.HeldOut`."""

    scale: float
    floor: float
    excess: float
    level: np.ndarray
    by_level: np.ndarray
    floor_by_level: np.ndarray

    @property
    def validated(self) -> bool:
        """Whether the loss is that on points or pictures never trained on."""

    @property
    def loss(self) -> float:
        """The loss of the network that was measured last."""

    def measure(self, net: Preconditioned) -> None:
        """Bring the numbers up to date."""


def choose_device(wanted: str = "auto") -> torch.device:
    """The device `wanted` names; 'auto' takes CUDA, then MPS, then the CPU."""
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in have.items() if there))
    if not have[wanted]:
        raise DeviceError(f"there is no {wanted.upper()} device here; choose 'cpu' or 'auto' as the device")
    return torch.device(wanted)


def device_words(device: torch.device) -> str:
    """The device in words for people."""
    if device.type == "cuda":
        return f"CUDA: {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return "Apple GPU (MPS)" if device.type == "mps" else f"CPU, {threads} thread{'s' * (threads > 1)}"


def out_of_memory(error: BaseException) -> bool:
    """Whether no memory was found (for the CPU torch has no exception of its own for that)."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


def no_room(cpu: bool, what: str) -> TrainingError:
    """The error for too little memory, with what can be done: the CPU is a way out of the others only."""
    if cpu:
        return TrainingError(
            f"there is not enough memory {what}; close other programs or choose a smaller network"
        )
    return DeviceError(f"the device has no memory {what}; choose a smaller network, or 'cpu' as the device")


@contextmanager
def room_needed() -> Iterator[None]:
    """No memory for the network itself, where no smaller batch helps, is said in a sentence."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise no_room(not isinstance(error, torch.OutOfMemoryError), "for this network") from error


def spent(training: Training, seconds: float, iterations: int) -> float:
    """How much of a budget so many seconds and iterations are, by whichever limit is nearer."""
    by_time = seconds / training.seconds if training.seconds else 0.0
    by_count = iterations / training.iterations if training.iterations else 0.0
    return min(max(by_time, by_count), 1.0)


class Loop:
    """One training: the state that `frames` moves forward. Subclasses bring network, data and held-out batch."""

    #: Points that share a noise level (see `Batch`), seconds between frames with weights, the least batch.
    shared, weight_seconds, smallest_batch = 4, 0.2, 64
    #: What the batch is made of, for people.
    things = "points"

    def __init__(
        self, training: Training, objective: Objective, net: Preconditioned, optimiser: FlatAdam, pool: Source,
        sampling: Sampling, held: Measured, device: torch.device,
    ) -> None:  # fmt: skip
        self.training, self.objective, self.net, self.optimiser = training, objective, net, optimiser
        self.pool, self.sampling, self.held, self.device = pool, sampling, held, device
        self.words = device_words(device)
        self.watch = Watch(held.scale)
        self.good = optimiser.state()
        self.loss = self.window = self.smoothed = torch.zeros((), device=device)
        self.rate_factor = self.batch_factor = 1.0
        self.iteration, self.batch, self.rate, self.seconds, self.note = 0, 0, 0.0, 0.0, ""
        self._given: tuple[str, ...] = ()
        stepper = self._stepper()
        # `step` is not kept: an object that holds a method of its own waits, with all its memory, for the collector
        self._captured = None if stepper == self.step else stepper

    def _stepper(self) -> Callable[..., torch.Tensor]:
        """`step`, captured in a CUDA graph for each batch size where device and objective allow it."""
        if self.device.type != "cuda" or not self.objective.capturable:
            return self.step
        from explorer.networks.optimizer import Captured

        return Captured(self.step, self.optimiser)

    @property
    def progress(self) -> float:
        """How much of the budget is spent, by whichever limit is nearer."""
        return spent(self.training, self.seconds, self.iteration)

    def frames(self, mark: float) -> Iterator[TrainFrame]:
        """The frames; the clock starts at `mark`."""
        framed = weighed = -math.inf
        done = False
        while not done:
            self.iterate()
            now = time.perf_counter()
            self.seconds, mark = self.seconds + now - mark, now
            done = self.over()
            if done or self.seconds - framed >= FRAME_SECONDS:
                weigh = done or self.seconds - weighed >= self.weight_seconds
                framed, weighed = self.seconds, self.seconds if weigh else weighed
                frame = self._frame(weigh, done)
                self.seconds += time.perf_counter() - mark
                yield frame
                mark = time.perf_counter()

    def over(self) -> bool:
        """Whether the budget is spent."""
        return self.progress >= 1

    def _schedule(self) -> tuple[float, int]:
        """The learning rate (short rise, cosine fall) and the batch of the coming iteration."""
        p = self.progress
        rate = min(1.0, (self.iteration + 1) / RISE) * self.fall(p)
        growth = self.growth(p)
        size = (
            max(self.training.batch * growth, min(self.smallest_batch, self.training.batch))
            * self.batch_factor
        )
        return self.training.learning_rate * self.rate_factor * rate, max(int(size), 1)

    def fall(self, p: float) -> float:
        """The learning rate over its peak when the share p of the budget is spent."""
        return max(0.5 * (1 + math.cos(math.pi * p)), 1e-3)

    def growth(self, p: float) -> float:
        """The batch over its largest."""
        return 2.0 ** -max(0, round(3 * (1 - p / 0.8)))

    def iterate(self) -> None:
        """One iteration; the loss is looked at every CHECK_EVERY of them."""
        self.rate, wanted = self._schedule()
        levels = max(wanted // self.shared, 1)
        self.batch = levels * self.shared
        try:
            inputs = self.sampling.draw(self.pool, levels, self.shared)
            given = {name: v for name, v in inputs._asdict().items() if v is not None}
            self._given = tuple(given)
            self.optimiser.prepare(self.rate)
            self.loss = (self._captured or self.step)(*given.values())
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            self._shrink()
            return
        self.iteration += 1
        self.window = self.window + self.loss
        self.smoothed = torch.lerp(self.smoothed, self.loss, self._newest())
        if self.iteration % CHECK_EVERY == 0:
            self._check(float(self.window) / CHECK_EVERY)
            self.window = torch.zeros_like(self.loss)

    def _newest(self) -> float:
        """The weight of the last loss in the smoothed one, which begins anew until a look at the loss was sound."""
        n = self.iteration if self.watch.seen else (self.iteration - 1) % CHECK_EVERY + 1
        return max(MEAN_PART / (n + MEAN_PART - 1), 1 / MEAN_OVER)

    def step(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Loss, gradients and one step of the optimiser, from the tensors that an `Inputs` has."""
        loss = self.loss_of(Inputs(**dict(zip(self._given, tensors, strict=True))))
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def loss_of(self, i: Inputs) -> torch.Tensor:
        """The weighted loss of the network as it is, a scalar to differentiate."""
        batch = as_batch(i, self.exact_of(i))
        each = self.objective.loss(lambda x: self.net.score(x, i.alpha, i.sigma, i.t, i.labels), batch)
        return (i.weight * each).mean()

    def exact_of(self, i: Inputs) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """The exact score at the levels of these inputs, where it is known."""
        return None

    def _check(self, mean: float) -> None:
        """Keep the state when the mean loss of the last iterations is sound, else go back and slow down."""
        if self.watch.sound(mean):
            self.good, self.watch.smoothed = self.optimiser.state(), float(self.smoothed)
            return
        self.optimiser.restore(self.good)
        self.smoothed = torch.full_like(self.smoothed, self.watch.smoothed)
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

    def _measure(self, last: bool) -> None:
        """The held-out loss. The last one must be a number: since `_check` looked, weights may have gone astray."""
        with self.optimiser.averaged(), torch.no_grad():
            self.held.measure(self.net)
        if last and not math.isfinite(self.held.loss):
            if not self.watch.seen:
                raise TrainingError(
                    "the loss is not a number: nothing was learned; choose a lower learning rate or other data"
                )
            self._check(math.nan)
            self._measure(last)

    def _shrink(self) -> None:
        """Out of memory: half the batch from here on, or an error that names the way out."""
        self.optimiser.restore(self.good)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.batch <= self.smallest_batch:
            raise no_room(self.device.type == "cpu", f"left, even for {self.batch} {self.things} at a time")
        self.batch_factor /= 2
        self.note = f"Out of memory: the batch was halved to {self.batch // 2}."

    def _frame(self, weigh: bool, done: bool) -> TrainFrame:
        held = self.held
        if weigh:
            self._measure(done)
        loss, smoothed = float(self.loss), float(self.smoothed)
        if self.watch.seen and not smoothed <= self.watch.limit:  # it explodes: back at the next look
            smoothed = self.watch.smoothed
        return TrainFrame(
            iteration=self.iteration, seconds=self.seconds, progress=self.progress,
            loss=loss, smoothed=smoothed,
            floor=held.floor, excess=held.excess,
            level=held.level, loss_by_level=held.by_level, floor_by_level=held.floor_by_level,
            iterations_per_second=self.iteration / max(self.seconds, 1e-9),
            batch=self.batch, learning_rate=self.rate, device=self.words, note=self.note,
            weights=self.optimiser.weights() if weigh and math.isfinite(held.loss) else None, done=done,
            exact=math.isfinite(held.floor), held=held.loss, validated=held.validated,
        )  # fmt: skip


class Watch:
    """Tells a loss that explodes from one that is merely noisy.

    Losses may be small, or negative by chance (implicit score matching is no sum of squares). So `scale`, what
    is left of a denoising loss on the same levels, is always given as room.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.first = self.best = 0.0
        self.smoothed = 0.0  # the smoothed loss at the last look that was sound
        self.seen = self.alarms = 0

    def sound(self, mean: float) -> bool:
        """Take in the mean loss of some iterations; False when it is not finite or far above the best one."""
        if not self.seen and math.isfinite(mean):
            self.first = self.best = mean
        if not math.isfinite(mean) or mean > self.limit:
            self.alarms += 1
            return False
        self.seen += 1
        self.best = min(self.best, mean)
        return True

    @property
    def limit(self) -> float:
        """What is above it has exploded."""
        return self.best + max(0.75 * (self.first - self.best), abs(self.best), self.scale, 1e-3)
