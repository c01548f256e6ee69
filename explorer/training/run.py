"""Training on points of a mixture, whose exact score is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion.sdes import SDE
from explorer.networks.spec import NetworkSpec, Training
from explorer.training.batches import Inputs, Pool, Sampling
from explorer.training.frame import TrainFrame, TrainingError
from explorer.training.held import HeldOut, exact_score
from explorer.training.loop import Loop, choose_device, room_needed
from explorer.training.objectives import Objective

if TYPE_CHECKING:
    from explorer.data.distributions import Mixture
    from explorer.networks.preconditioned import Denoiser


def warm_up() -> None:
    """Pay the first-use costs of torch (imports, kernels, threads) before somebody waits for them."""
    from explorer.data.distributions import Mixture
    from explorer.diffusion.sdes import SDES
    from explorer.training.objectives import OBJECTIVES

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
    held_out: np.ndarray | None = None,
) -> Iterator[TrainFrame]:
    """Train a network and yield frames until the budget is spent; `start` are weights to go on from.

    `held_out` (m, d) are points that the mixture was not made of: the validation loss is then measured on them.

    The clock runs only while this generator does: what its consumer does between frames, or a pause, is not
    training time. With a budget in iterations alone, a seed gives one result on one device and thread count.
    """
    pressed = time.perf_counter()
    with room_needed():
        yield from Run(mixture, sde, objective, network, training, seed, start, held_out).frames(pressed)


class Run(Loop):
    """One training on a mixture."""

    def __init__(
        self, mixture: Mixture, sde: SDE, objective: Objective, spec: NetworkSpec, training: Training,
        seed: int, start: Mapping[str, torch.Tensor] | None, held_out: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        from explorer.networks.optimizer import FlatAdam

        if spec.classes and not objective.labelled:
            raise TrainingError(
                f"the objective '{objective.title}' does not learn labels; choose a denoising one, or set "
                "score.network.classes to 0"
            )
        self.mixture = mixture
        device = choose_device(training.device)
        net = _network(spec, mixture, sde, seed, start).to(device)
        optimiser = FlatAdam(net, training.clip, training.ema)
        pool = Pool(mixture, seed, device, spec.classes, training.label_drop)
        random = torch.Generator(device).manual_seed(seed)
        sampling = Sampling(objective, sde, spec.native, net.sigma_data, random)
        held = HeldOut(mixture, sampling, seed, held_out)
        self.net: Denoiser
        super().__init__(training, objective, net, optimiser, pool, sampling, held, device)

    def exact_of(self, i: Inputs) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda x: exact_score(self.mixture, x, i.alpha, i.sigma)


def _network(
    spec: NetworkSpec, mixture: Mixture, sde: SDE, seed: int, start: Mapping[str, torch.Tensor] | None
) -> Denoiser:
    """A network from the seed, or with the weights `start`."""
    from explorer.networks.preconditioned import Denoiser

    net = Denoiser(spec, mixture.dim, mixture.rms, torch.Generator().manual_seed(seed), sde)
    if start is not None:
        net.load_state_dict(dict(start))
    return net
