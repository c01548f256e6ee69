"""What a card says of a network for pictures: distances, classes, copies, bits; each with what belongs beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.image_quality.features import Features
from explorer.analysis.image_quality.frechet import Spread, distance, floor
from explorer.analysis.image_quality.nearest import copies
from explorer.analysis.image_quality.samples import drawn
from explorer.analysis.likelihood.bits import STEPS, bits_per_dim
from explorer.data.images import ImageSet, from_pixels
from explorer.data.images.base import Pixels
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.sdes import SDE, SDES
from explorer.networks.learned import LearnedScore

if TYPE_CHECKING:
    from explorer.networks.unet import PictureDenoiser


@dataclass(frozen=True)
class Way:
    """How samples are drawn: an SDE and a sampler."""

    sde: SDE
    sampler: Sampler

    @property
    def nfe(self) -> int:
        """Evaluations of the network for each sample, without guidance."""
        return self.sampler.steps * self.sampler.nfe_per_step

    @property
    def words(self) -> str:
        """As "VP, DPM-Solver++(2M), 12 steps, EDM ρ = 7"."""
        s = self.sampler
        kind = f"{s.method.title}, {s.corrector.title}, snr {s.snr:g}" if s.corrections else s.method.title
        return f"{self.sde.title}, {kind}, {s.steps} steps, grid {s.grid}"


#: What the window begins with; and its stochastic form with more steps.
QUICK = Way(SDES["vp"](), Sampler(mode="ode", solver=SOLVERS["dpm_solver_pp_2m"](), grid="edm", steps=12))
STOCHASTIC = Way(
    SDES["vp"](),
    Sampler(mode="reverse", predictor=PREDICTORS["sde_dpm_solver_pp_2m"](), grid="edm", steps=20),
)


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and what it is held against: pictures that it has learned from, others, a classifier."""

    net: PictureDenoiser
    data: ImageSet
    train: Pixels
    test: Pixels
    features: Features

    @cached_property
    def train_features(self) -> np.ndarray:
        """(n, 64), of so many training pictures that random draws of them hardly overlap."""
        rows = np.random.default_rng(3).permutation(len(self.train))[: max(3 * len(self.test), 10_000)]
        return self.features.of(from_pixels(self.train.images[rows]))

    @cached_property
    def test_features(self) -> np.ndarray:
        """(n, 64)."""
        return self.features.of(from_pixels(self.test.images))

    def labels(self, n: int, seed: int) -> np.ndarray:
        """Classes to ask for: those of n test pictures."""
        return np.random.default_rng([seed, *b"labels"]).choice(self.test.labels, n)

    def sample(self, way: Way, n: int, weight: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """n samples (n, d) of classes as the test pictures have them; of none with weight 0."""
        labels = self.labels(n, seed) if weight else np.full(n, -1)
        return drawn(self.net, self.data, way.sde, way.sampler, labels, weight, seed)


def measure_samples(s: Subject, way: Way, n: int, weight: float = 1.0, seed: int = 0) -> dict[str, Any]:
    """Fréchet distance beside its floor, and the share of samples that the classifier finds to be what was asked."""
    x, labels = s.sample(way, n, weight, seed)
    features, found = s.features.both(x)
    apart, least = distance(features, s.test_features), floor(s.train_features, s.test_features, n)
    out = {
        "sampler": way.words, "evaluations": way.nfe * (1 if weight in (0, 1) else 2), "weight": weight, "n": n,
        "seed": seed, "frechet": _spread(apart), "floor": _spread(least), "ratio": rounded(apart.mean / least.mean),
    }  # fmt: skip
    if weight:
        share = float((found == labels).mean())
        out |= {
            "accuracy": rounded(share),
            "accuracy_error": rounded(max(share * (1 - share), 1 / n) ** 0.5 / n**0.5),
        }
    return out


def measure_copies(s: Subject, way: Way, n: int, seed: int = 0) -> dict[str, Any]:
    """How often samples are training pictures given back (mirrored ones too, where training mirrors them)."""
    x, _ = s.sample(way, n, 1.0, seed)
    train, test = from_pixels(s.train.images), from_pixels(s.test.images)
    found = copies(x, train, test, s.data.mirrored_size)
    return {
        "sampler": way.words, "n": n, "against": len(train), "rate": rounded(found.rate),
        "rate_error": rounded(found.error), "held_out_rate": rounded(found.held_rate), "close": rounded(found.close),
        "distance": rounded(found.distance), "held_out_distance": rounded(found.held_distance),
    }  # fmt: skip


def measure_bits(s: Subject, sde: SDE, n: int, probes: int = 1, steps: int = STEPS) -> dict[str, Any]:
    """Bits/dim of n test pictures in random order, unconditional, in float32."""
    found = bits_per_dim(LearnedScore(s.net, sde), sde, s.test.images[:n], probes, steps)
    return {
        "sde": sde.title, "n": n, "probes": probes, "steps": steps, "evaluations": found.nfe,
        "noise": found.noise, "mean": rounded(found.mean), "error": rounded(found.error),
    }  # fmt: skip


def _spread(value: Spread) -> dict[str, float]:
    return {"mean": rounded(value.mean), "std": rounded(value.std)}


def rounded(value: float) -> float:
    """To four digits, as cards have it."""
    return float(f"{value:.4g}")
