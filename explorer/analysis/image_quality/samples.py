"""Many samples of a network, in batches that fit a processor's cache, of given classes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.data.images import ImageSet
from explorer.data.images.base import from_pixels, to_levels
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.scores import Score
from explorer.diffusion.sdes import SDE
from explorer.diffusion.simulate import simulate
from explorer.guidance import Guided
from explorer.networks.learned import LearnedScore

if TYPE_CHECKING:
    from explorer.networks.preconditioned import Preconditioned

BATCH = 64


def drawn(
    net: Preconditioned,
    data: ImageSet,
    sde: SDE,
    sampler: Sampler,
    labels: np.ndarray,
    weight: float = 1.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Samples x (n, d) on the 256 levels of a file, and their classes (n,).

    labels (n,): the class that is asked of each, -1 for none; they come sorted by class. weight: of the
    classifier-free guidance, 1 for the conditional score itself.
    """
    kinds, counts = np.unique(labels, return_counts=True)
    parts, batches = [], 0
    for label, count in zip(kinds, counts, strict=True):
        score = _score(net, sde, int(label), weight)
        for start in range(0, count, BATCH):
            some = replace(sampler, particles=min(BATCH, int(count) - start))
            parts.append(
                _one(
                    data,
                    sde,
                    some,
                    score,
                    int(np.random.SeedSequence([seed, batches]).generate_state(1)[0] >> 1),
                )
            )
            batches += 1
    return on_levels(np.concatenate(parts)), np.repeat(kinds, counts)


def _score(net: Preconditioned, sde: SDE, label: int, weight: float) -> Score:
    plain = LearnedScore(net, sde)
    return Guided(plain, LearnedScore(net, sde, label), weight) if label >= 0 else plain


def _one(data: ImageSet, sde: SDE, sampler: Sampler, score: Score, seed: int) -> np.ndarray:
    for frame in simulate(sde, sampler, score, data.mixture, seed):
        last = frame
    return last.x


def on_levels(x: np.ndarray) -> np.ndarray:
    """Pictures in [-1, 1] on the 256 levels that a file has, as those they are compared with are."""
    return from_pixels(to_levels(x))
