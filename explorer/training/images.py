"""Training on pictures: denoising score matching with the noise levels and weights of EDM."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.base.lazy import torch
from explorer.base.precision import computes_in_half
from explorer.data.images import ImageSet, from_pixels
from explorer.data.images.base import Pixels, mirrored
from explorer.diffusion.sdes import SDES
from explorer.networks.spec import PICTURE_NOISE_LOW, PictureTraining, UNetSpec
from explorer.training.batches import Inputs, Sampling
from explorer.training.fleet import Fleet
from explorer.training.frame import TrainingError
from explorer.training.held import as_batch
from explorer.training.loop import Loop, choose_device
from explorer.training.objectives import OBJECTIVES

if TYPE_CHECKING:
    from explorer.networks.preconditioned import Preconditioned
    from explorer.networks.unet import PictureDenoiser

#: Held-out pictures: noise levels, pictures at each, levels that make one bin of the chart.
LEVELS, EACH, PER_BIN = 24, 4, 2


@dataclass(frozen=True)
class Material:
    """What is learned from: pictures to train on and held out, with what a network must know of them.

    By default those that come with the program; a whole archive may stand for them.
    """

    train: Pixels
    held_out: Pixels
    picture: tuple[int, int, int]
    centre: tuple[float, ...]
    sigma_data: float
    mirror: bool = False
    classes: int = 0

    @cached_property
    def digest(self) -> str:
        """What tells these pictures from others: a SHA-256, as hexadecimal digits."""
        found = hashlib.sha256(repr((self.picture, self.centre, self.sigma_data, self.mirror)).encode())
        for pixels in (self.train, self.held_out):
            found.update(np.ascontiguousarray(pixels.images).data)
            found.update(pixels.labels.astype(np.int64).data)
        return found.hexdigest()

    @staticmethod
    def of(data: ImageSet, archive: tuple[Pixels, Pixels] | None = None) -> Material:
        """The pictures of a set, or those of an archive in their place."""
        train, held_out = archive or (data.train, data.held_out)
        if train.images.shape[1:] != data.size:
            raise TrainingError(
                f"the archive has pictures of {train.images.shape[1:]}, {data.title} {data.size}"
            )
        if not data.sigma_data:
            raise TrainingError("the pictures to learn from are all of one plain color: choose others")
        classes = max(data.classes, int(train.labels.max()) + 1) if archive else data.classes
        return Material(train, held_out, data.size, *data.moments, data.mirror, classes)


class PicturePool:
    """Pictures drawn with replacement, mirrored half of the time where that suits them.

    A label is replaced by the null label (`classes`) with probability `label_drop`.
    """

    def __init__(
        self, material: Material, classes: int, seed: int, device: torch.device, label_drop: float
    ) -> None:  # fmt: skip
        known = material.classes
        if 0 < classes < known:
            raise TrainingError(
                f"the data has {known} labels and the network {classes}; set the classes to {known}, or to 0 for none"
            )
        self.material, self.classes, self.device, self.label_drop = material, classes, device, label_drop
        self.rng = np.random.default_rng([seed, *b"pictures"])

    def take(self, n: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The next n pictures (n, d), and their labels (n,)."""
        rows = self.rng.integers(len(self.material.train), size=n)
        images = self.material.train.images[rows]
        turned = mirrored(images, self.rng)  # drawn for all sets alike
        images = turned if self.material.mirror else images
        x = torch.from_numpy(from_pixels(images)).to(self.device)
        dropped = self.rng.random(n) < self.label_drop
        labels = np.where(dropped, self.classes, self.material.train.labels[rows])
        return x, torch.from_numpy(labels).to(self.device) if self.classes else None


class HeldPictures:
    """The loss on pictures never trained on, by noise level. What part of it nobody can remove is not known."""

    floor = excess = math.nan
    validated = True

    def __init__(self, material: Material, sampling: Sampling, classes: int, device: torch.device) -> None:
        u = (torch.arange(LEVELS, device=device) + 0.5) / LEVELS
        rows = np.arange(LEVELS * EACH) % len(material.held_out)
        some = material.held_out.take(rows)
        x0 = torch.from_numpy(from_pixels(some.images)).to(device)
        labels = torch.from_numpy(some.labels).to(device) if classes else None
        self.inputs = i = sampling.at(u, x0.view(LEVELS, EACH, -1), labels)
        self.objective = sampling.objective
        noise = i.sigma[:, 0]
        self.order = torch.argsort(noise, stable=True)
        self.level = np.exp(self._binned(torch.log(noise)[:, None]))
        self.scale = 1.0
        self.by_level = self.floor_by_level = np.full_like(self.level, math.nan)
        self.loss = math.nan

    def _binned(self, values: torch.Tensor) -> np.ndarray:
        """(m, r) -> (bins,)."""
        return values.mean(1)[self.order].double().cpu().view(-1, PER_BIN).mean(1).numpy()

    def measure(self, net: Preconditioned) -> None:
        """The weighted loss per number, of the network as it is."""
        each = _losses(net, self.objective, self.inputs)
        self.by_level, self.loss = self._binned(each), float(each.mean())


def _losses(net: Any, objective: Any, i: Inputs) -> torch.Tensor:
    """The weighted loss per number (m, r)."""
    loss = objective.loss(lambda x: net.score(x, i.alpha, i.sigma, i.t, i.labels), as_batch(i))
    weighted: torch.Tensor = i.weight * loss / i.x0.shape[-1]
    return weighted


class PictureRun(Loop):
    """One training on pictures. `start` are weights to go on from; `fleet` the processes that share it."""

    shared, weight_seconds, smallest_batch = 1, 5.0, 8
    things = "pictures"

    def __init__(
        self, material: Material, spec: UNetSpec, training: PictureTraining, seed: int,
        start: Mapping[str, torch.Tensor] | None = None, fleet: Fleet | None = None,
    ) -> None:  # fmt: skip
        from explorer.networks.optimizer import FlatMuon
        from explorer.networks.unet import PictureDenoiser

        self.fleet = fleet or Fleet()
        device = self.fleet.device(choose_device(training.device))
        random = torch.Generator().manual_seed(seed)
        net = PictureDenoiser(spec, material.picture, material.centre, material.sigma_data, random)
        if start is not None:
            net.load_state_dict(dict(start))
        net = net.to(device)
        net.reduced = computes_in_half(training.precision, device)
        optimiser = FlatMuon(net, net.matrices(), training.clip, training.ema)
        objective = OBJECTIVES["dsm"](
            centre=training.centre, spread=training.spread, wide=training.wide, low=PICTURE_NOISE_LOW
        )  # type: ignore[call-arg]
        pool = PicturePool(material, spec.classes, seed, device, training.label_drop)
        noise = torch.Generator(device).manual_seed(seed)
        sampling = Sampling(objective, SDES["ve"](), False, material.sigma_data, noise)
        held = HeldPictures(material, sampling, spec.classes, device)
        self.material, self.settings = material, (spec, training, seed)
        super().__init__(training, objective, net, optimiser, pool, sampling, held, device)
        self.share = self.fleet.shared(_loss_module(net, objective))

    def fall(self, p: float) -> float:
        return max(0.5 * (1 + math.cos(math.pi * max(p - 0.2, 0.0) / 0.8)), 1e-3)

    def growth(self, p: float) -> float:
        return 1.0

    # --- shared among processes ------------------------------------------------------------------------------

    def iterate(self) -> None:
        self.seconds = self.fleet.agreed(self.seconds)
        super().iterate()

    def over(self) -> bool:
        self.seconds = self.fleet.agreed(self.seconds)
        return super().over()

    def step(self, *tensors: torch.Tensor) -> torch.Tensor:
        with self.fleet.together():
            return self.fleet.mean(super().step(*tensors))

    def _stepper(self) -> Callable[..., torch.Tensor]:
        return super()._stepper() if self.fleet.size == 1 else self.step

    def _shrink(self) -> None:
        if self.fleet.size > 1:  # the others still have the batch that this one has no memory for
            raise TrainingError(
                f"{self.words} has no memory for its share of the batch; choose a smaller batch"
            )
        super()._shrink()

    def loss_of(self, i: Inputs) -> torch.Tensor:
        parts = [v for v in i._replace(extra=None) if v is not None]
        return self.share(*(self.fleet.part(v) for v in parts))

    # --- to be gone on with ------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Everything that the rest of the training depends on, as tensors and as numbers."""
        flat, mean, square, average = self.optimiser.state()
        tensors = {
            "flat": flat, "mean": mean, "square": square, "average": average,
            "noise": self.sampling.random.get_state(),
        }  # fmt: skip
        numbers = {
            "iteration": self.iteration, "seconds": self.seconds, "count": self.optimiser.count,
            "rate_factor": self.rate_factor, "batch_factor": self.batch_factor, "note": self.note,
            "watch": vars(self.watch), "window": float(self.window),
            "smoothed": float(self.smoothed), "pool": self.pool.rng.bit_generator.state,  # type: ignore[attr-defined]
        }  # fmt: skip
        return {k: v.cpu() for k, v in tensors.items()}, numbers

    def restore(self, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]) -> None:
        """Go on from a `state` of the same network on the same kind of device."""
        names = ("flat", "mean", "square", "average")
        self.optimiser.restore(tuple(tensors[name].to(self.device) for name in names))
        self.optimiser.count = int(numbers["count"])
        if "noise" in tensors:
            self.sampling.random.set_state(tensors["noise"])
        else:  # of another kind of device: other noise from here on
            self.sampling.random.manual_seed(self.settings[2] + int(numbers["iteration"]))
        self.pool.rng.bit_generator.state = numbers["pool"]  # type: ignore[attr-defined]
        vars(self.watch).update(numbers["watch"])
        self.iteration, self.seconds = int(numbers["iteration"]), float(numbers["seconds"])
        self.rate_factor, self.batch_factor = numbers["rate_factor"], numbers["batch_factor"]
        self.note = numbers["note"]
        self.window, self.smoothed = (
            torch.tensor(numbers[n], device=self.device) for n in ("window", "smoothed")
        )
        self.good = self.optimiser.state()


def _loss_module(net: PictureDenoiser, objective: Any) -> torch.nn.Module:
    """The loss as a module: DistributedDataParallel wants one whose forward pass uses every weight."""

    class Loss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, *parts: torch.Tensor) -> torch.Tensor:
            return _losses(self.net, objective, Inputs(*parts)).mean()

    return Loss()
