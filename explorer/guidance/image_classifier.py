"""The training of the classifier of noisy pictures, and the classifiers that come with the program."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from explorer.base import paths
from explorer.base.lazy import torch
from explorer.data.distributions import Distribution
from explorer.data.images import from_pixels
from explorer.data.images.base import Pixels, mirrored
from explorer.guidance.classifier import ClassifierFrame, fitted
from explorer.networks.spec import NOISE_HIGH, NOISE_LOW

if TYPE_CHECKING:
    from explorer.networks.image_classifier import PictureClassifier

#: Iterations of a classifier that is trained in the window, pictures of each, and the step size.
ITERATIONS, BATCH, RATE = 300, 96, 6e-3
#: ln sigma is normal: most pictures have as much noise as hides their class from none or from all.
CENTRE, SPREAD = -0.6, 1.6
#: Iterations between two frames; held-out noise levels, and pictures at each.
EVERY, LEVELS, HELD = 20, 12, 100


class Material(Protocol):
    """Pictures to learn from and held out, and what a network must know of them: `train.Material`, or an ImageSet."""

    @property
    def train(self) -> Pixels: ...
    @property
    def held_out(self) -> Pixels: ...
    @property
    def picture(self) -> tuple[int, int, int] | None: ...
    @property
    def centre(self) -> tuple[float, ...]: ...
    @property
    def sigma_data(self) -> float: ...
    @property
    def mirror(self) -> bool: ...
    @property
    def classes(self) -> int: ...


def train_picture_classifier(
    material: Material,
    iterations: int = 0,
    seed: int = 0,
    device: str | torch.device = "cpu",
    every: int = EVERY,
) -> Iterator[ClassifierFrame]:
    """Train a classifier of noisy pictures; the last frame has progress 1 and the averaged weights, on the CPU.

    iterations: 0 for ITERATIONS. every: how many between two frames, each of which measures held-out pictures. What
    nobody can beat is not known here: `bayes` and `bayes_loss` are NaN.
    """
    from explorer.networks.image_classifier import PictureClassifier, PictureClassifierSpec
    from explorer.networks.optimizer import FlatMuon

    iterations = iterations or ITERATIONS
    assert material.picture is not None
    spec = PictureClassifierSpec(
        material.picture, material.classes, tuple(material.centre), material.sigma_data
    )
    net = PictureClassifier(spec, torch.Generator().manual_seed(seed)).to(device)
    rng, random = np.random.default_rng([seed, *b"classifier"]), torch.Generator().manual_seed(seed)
    optimiser, held = FlatMuon(net, net.matrices(), clip=1.0, ema=0.08), _Held(material, seed, device)

    def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        y, noise, labels = _batch(material, rng, random)
        return y.to(device), noise.to(device), labels.to(device)

    yield from fitted(net, optimiser, batch, held, RATE, iterations, every)


def _batch(
    material: Material, rng: np.random.Generator, random: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x_0 + sigma z (n, d), sigma (n,) from as many equal strata, and the classes (n,)."""
    rows = rng.integers(len(material.train), size=BATCH)
    images = material.train.images[rows]
    if material.mirror:
        images = mirrored(images, rng)
    u = (torch.arange(BATCH) + torch.rand(BATCH, generator=random)) / BATCH
    noise = torch.exp(CENTRE + SPREAD * torch.special.ndtri(u)).clamp(NOISE_LOW, NOISE_HIGH)
    x0 = torch.from_numpy(from_pixels(images))
    z = torch.randn(x0.shape, generator=random)
    return x0 + noise[:, None] * z, noise, torch.from_numpy(material.train.labels[rows])


class _Held:
    """Pictures never trained on, at fixed noise levels."""

    def __init__(self, material: Material, seed: int, device: str | torch.device) -> None:
        self.level, self.y = np.geomspace(0.02, 20.0, LEVELS), []
        some = material.held_out.take(slice(0, HELD))
        x0, random = torch.from_numpy(from_pixels(some.images)), torch.Generator().manual_seed(seed + 1)
        self.labels = torch.from_numpy(some.labels).to(device)
        for level in self.level:
            self.y.append((x0 + float(level) * torch.randn(x0.shape, generator=random)).to(device))

    def measure(self, net: PictureClassifier, iteration: int, progress: float) -> ClassifierFrame:
        said = [net.log_probabilities(y, 1.0, float(s)) for y, s in zip(self.y, self.level, strict=True)]
        accuracy = np.array([float((p.argmax(1) == self.labels).float().mean()) for p in said])
        losses = [-float(p.gather(1, self.labels[:, None]).mean()) for p in said]
        return ClassifierFrame(
            iteration, progress, float(np.mean(losses)), math.nan,
            self.level, accuracy, np.full(LEVELS, math.nan), net,
        )  # fmt: skip


def shipped_path(data: Distribution) -> Path | None:
    """The file of the classifier for this data as it comes with the program, or None."""
    path = paths.pretrained() / f"{data.name}.classifier.safetensors"
    return path if data.builtin and path.is_file() and data == type(data)() else None


def shipped(data: Distribution) -> PictureClassifier | None:
    """The classifier that comes with the program for this data, kept; None if there is none. Raises ModelFileError."""
    path = shipped_path(data)
    return _loaded(path, path.stat().st_mtime) if path else None


@lru_cache(maxsize=8)
def _loaded(path: Path, modified: float) -> PictureClassifier:
    from explorer.networks.image_classifier import load_classifier

    return load_classifier(path)
