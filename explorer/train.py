"""Training as a generator of frames. Importing this module loads no torch; training does."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.lazy import torch
from explorer.objectives.base import Batch, Objective
from explorer.objectives.dsm import BalancedDSM
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
        self._step = _stepper(self)

    def frames(self) -> Iterator[TrainFrame]:
        mark = time.perf_counter()
        self._set_up()
        smoothed = best = math.inf
        framed = weighed = -math.inf
        while True:
            self.seconds += time.perf_counter() - mark
            mark = time.perf_counter()
            done = self.progress >= 1
            if self.iteration and (done or self.seconds - framed >= FRAME_SECONDS):
                value = float(self.loss)
                if self.iteration % 1 == 0 and not math.isfinite(value):
                    pass
            raise NotImplementedError
