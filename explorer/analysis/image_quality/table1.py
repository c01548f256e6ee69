"""Song et al.'s Table 1 on pictures: predictor alone against predictor and corrector, at equal cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.analysis.image_quality.frechet import Spread, distance, floor
from explorer.analysis.image_quality.measure import Subject, Way
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, Sampler
from explorer.diffusion.sdes import SDE, SDES

SDES_COMPARED: tuple[SDE, ...] = tuple(SDES[name].suited(pictures=True) for name in ("ve", "vp", "subvp"))
COSTS, SNR = (100, 200, 500), 0.16


@dataclass(frozen=True)
class Row:
    """One cell of the table: the Fréchet distance of n samples, over seeds; its floor at the same n."""

    way: Way
    method: str
    distance: Spread
    floor: Spread
    each: tuple[float, ...]
    n: int


def ways(sde: SDE, cost: int, snr: float = SNR) -> dict[str, Way]:
    """Reverse diffusion with `cost` steps; with half as many, and one Langevin move after each."""
    base = Sampler(mode="reverse", predictor=PREDICTORS["reverse_diffusion"](), steps=cost)
    pc = Sampler(
        mode="pc", predictor=base.predictor, corrector=CORRECTORS["langevin"](), steps=cost // 2, snr=snr
    )
    return {"predictor": Way(sde, base), "predictor-corrector": Way(sde, pc)}


def table1(
    s: Subject, n: int, seeds: int, costs: Sequence[int] = COSTS, sdes: Sequence[SDE] = SDES_COMPARED
) -> Iterator[Row]:
    """The rows, unconditional samples, cheapest first."""
    least = floor(s.train_features, s.test_features, n)
    for cost in costs:
        for sde in sdes:
            for method, way in ways(sde, cost).items():
                each = [_distance(s, way, n, seed) for seed in range(seeds)]
                yield Row(way, method, Spread.of(each), least, tuple(each), n)


def _distance(s: Subject, way: Way, n: int, seed: int) -> float:
    x, _ = s.sample(way, n, 0.0, seed)
    return distance(s.features.of(np.asarray(x)), s.test_features).mean
