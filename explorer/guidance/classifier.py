"""The noise-conditional classifier: trained on noisy points of every noise level, and kept for its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.base.lazy import torch
from explorer.data.distributions.mixture import Mixture
from explorer.diffusion.sdes import SDE
from explorer.networks.spec import NOISE_HIGH, NOISE_LOW, NetworkSpec

if TYPE_CHECKING:
    from explorer.networks.classifier import NoisyClassifier
    from explorer.networks.optimizer import FlatAdam

#: The classifier of a distribution is one and the same wherever it is asked for: this network, this many
#: iterations, this seed.
SPEC = NetworkSpec(width=64, depth=2)
ITERATIONS, BATCH, RATE, SEED = 800, 512, 4e-3, 0
#: Iterations between two frames of a training.
EVERY = 20
#: Noise levels at which it is held against the exact p(y | x_t), and points at each.
LEVELS, POINTS = 16, 500


@dataclass(frozen=True)
class ClassifierGradient:
    """∇_x log p(label | x_t = x) of a trained classifier."""

    classifier: NoisyClassifier
    sde: SDE
    label: int

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        return self.classifier.gradient(x, *self.sde.marginal(t), self.label)


@dataclass(frozen=True, eq=False)
class ClassifierFrame:
    """A training as it stands: accuracy (levels,) beside that of the exact p(y | x_t), on held-out points.

    loss is the cross-entropy in nats, bayes_loss that of the exact p(y | x_t), both averaged over the levels; NaN
    where the exact one is not known, as for pictures.
    """

    iteration: int
    progress: float
    loss: float
    bayes_loss: float
    level: np.ndarray
    accuracy: np.ndarray
    bayes: np.ndarray
    net: NoisyClassifier


def train_classifier(mixture: Mixture, iterations: int = 0, every: int = EVERY) -> Iterator[ClassifierFrame]:
    """Train a classifier of this mixture's classes; the last frame has progress 1 and the averaged weights.

    iterations: 0 for ITERATIONS, those of the classifier that is kept. every: how many between two frames.

    Noise levels are log-uniform over all that any SDE asks for, one from each of as many equal strata.
    """
    from explorer.networks.classifier import NoiseClassifier
    from explorer.networks.optimizer import FlatAdam

    iterations = iterations or ITERATIONS
    rng, random = np.random.default_rng(SEED), torch.Generator().manual_seed(SEED)
    net = NoiseClassifier(SPEC, mixture.dim, len(mixture.label_weights), mixture.rms, random)
    optimiser, held = FlatAdam(net, clip=1.0, ema=0.08), _HeldOut(mixture)
    yield from fitted(net, optimiser, lambda: _batch(mixture, rng, random), held, RATE, iterations, every)


def fitted(
    net: Any, optimiser: FlatAdam, batch: Callable[[], tuple[torch.Tensor, torch.Tensor, torch.Tensor]], held: Any,
    rate: float, iterations: int, every: int,
) -> Iterator[ClassifierFrame]:  # fmt: skip
    """Fit a classifier to batches of y, noise levels and classes; a frame of what is `held` out now and then.

    With the last frame it has the averaged weights, on the CPU.
    """
    from explorer.networks.optimizer import descent

    def entropy() -> torch.Tensor:
        y, noise, labels = batch()
        return torch.nn.functional.cross_entropy(net(y, noise), labels)

    for i, _ in descent(optimiser, entropy, rate, iterations):
        if i % every == 0 or i == iterations:
            with optimiser.averaged(), torch.no_grad():
                frame = held.measure(net, i, i / iterations)
            if i == iterations:
                optimiser.flat.copy_(optimiser.average)
                net.requires_grad_(False).eval().cpu()
            yield frame


def _batch(
    mixture: Mixture, rng: np.random.Generator, random: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x_0 + sigma z (n, d), sigma (n,) and the classes (n,)."""
    assert mixture.labels is not None
    x0, component = mixture.sample(BATCH, rng)
    u = (torch.arange(BATCH) + torch.rand(BATCH, generator=random)) / BATCH
    noise = NOISE_LOW * (NOISE_HIGH / NOISE_LOW) ** u
    z = torch.randn(x0.shape, generator=random)
    return torch.from_numpy(x0) + noise[:, None] * z, noise, torch.from_numpy(mixture.labels[component])


class _HeldOut:
    """Points at fixed noise levels, with what the exact p(y | x_t) says of them."""

    def __init__(self, mixture: Mixture) -> None:
        assert mixture.labels is not None
        self.level = np.geomspace(0.02, 20.0, LEVELS)
        rng = np.random.default_rng([SEED, *b"held"])
        self.y, self.labels, exact = [], [], []
        for level in self.level:
            x0, component = mixture.sample(POINTS, rng)
            y = torch.from_numpy(x0 + level * rng.standard_normal(x0.shape).astype(np.float32)).float()
            self.y.append(y)
            self.labels.append(torch.from_numpy(mixture.labels[component]))
            exact.append(mixture.class_probabilities(y, 1.0, float(level)).clamp(min=1e-12).log())
        self.bayes = self._accuracy(exact)
        self.bayes_loss = self._loss(exact)

    def measure(self, net: NoisyClassifier, iteration: int, progress: float) -> ClassifierFrame:
        said = [net.log_probabilities(y, 1.0, float(s)) for y, s in zip(self.y, self.level, strict=True)]
        return ClassifierFrame(
            iteration, progress, self._loss(said), self.bayes_loss,
            self.level, self._accuracy(said), self.bayes, net,
        )  # fmt: skip

    def _accuracy(self, said: list[torch.Tensor]) -> np.ndarray:
        pairs = zip(said, self.labels, strict=True)
        return np.array([float((p.argmax(1) == y).float().mean()) for p, y in pairs])

    def _loss(self, said: list[torch.Tensor]) -> float:
        pairs = zip(said, self.labels, strict=True)
        return float(np.mean([-float(p.gather(1, y[:, None]).mean()) for p, y in pairs]))
