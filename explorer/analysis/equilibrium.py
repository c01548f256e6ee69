"""Where correctors settle on one Gaussian: in closed form, by recursion, and measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from explorer.base.lazy import torch
from explorer.diffusion import noise
from explorer.diffusion.samplers.base import CORRECTORS
from explorer.diffusion.samplers.process import Reverse
from explorer.diffusion.sdes import SDE

#: Variance, over sigma², at which a run has shown that it diverges and stops.
FAR = 1e12


@dataclass(frozen=True, eq=False)
class Run:
    """Variance over sigma² before each move, measured (moves + 1,), and its recursion."""

    rule: str
    snr: float
    measured: np.ndarray
    predicted: np.ndarray
    numbers: float = math.inf

    @property
    def settled(self) -> tuple[float, float]:
        """Mean over the second half, and the standard deviation of that mean by (at most) four blocks of it."""
        half = self.measured[len(self.measured) // 2 :]
        blocks = [float(b.mean()) for b in np.array_split(half, min(4, len(half)))]
        return float(half.mean()), float(np.std(blocks, ddof=1)) / math.sqrt(len(blocks))

    @property
    def settles(self) -> bool:
        """Whether the variance comes to rest."""
        return self.snr < 1

    @property
    def rest(self) -> float:
        """Where it does so, predicted for as many numbers as there are."""
        return stationary(self.rule, self.snr, self.numbers)

    @property
    def law(self) -> Run:
        """The recursion, to be asked the same questions as the run."""
        return Run(self.rule, self.snr, self.predicted, self.predicted, self.numbers)

    @property
    def growth(self) -> float:
        """The factor of the variance per move over the second half of the run."""
        half = self.measured[len(self.measured) // 2 :]
        return float((half[-1] / half[0]) ** (1 / max(len(half) - 1, 1)))


def stationary(rule: str, snr: float, numbers: float = math.inf) -> float:
    """Variance over sigma² where the corrector settles; infinite where there is no such law.

    numbers: particles times dimensions. The snr rule's norms are means over the particles, whose scatter leaves
    4/numbers more, whatever the snr (measured from 40 numbers on, within a tenth of the excess).

    With ε = 2 snr² sigma² (annealed) x' = (1 - 2 snr²) x + 2 snr sigma z; with ε = 2 snr² sigma⁴/v (snr rule, v
    the variance of now) the fixed point of v' = (1 - ε/sigma²)² v + 2ε is (1 + snr²) sigma². Its derivative
    there, 1 - 4 snr²/(1 + snr²), passes -1 at snr = 1: beyond, v swings about it without end.
    """
    if rule == "langevin":
        return 1 + snr**2 + 4 / numbers
    return 1 / (1 - snr**2) if snr < 1 else math.inf


def recursion(rule: str, snr: float, moves: int) -> np.ndarray:
    """Variance over sigma² before each move and after the last, from 1: v' = (1 - e)² v + 2e."""
    v = [1.0]
    for _ in range(moves):
        e = 2 * snr**2 / (v[-1] if rule == "langevin" else 1.0)
        v.append((1 - e) ** 2 * v[-1] + 2 * e)
    return np.array(v)


def measure(sde: SDE, t: float, rule: str, snr: float, moves: int, shape: tuple[int, int], seed: int) -> Run:
    """The corrector itself on N(0, sigma(t)² I) with its exact score -x/sigma², from equilibrium."""
    _, sigma = sde.marginal(t)
    process = Reverse(sde, lambda x, _: x / -(sigma**2))
    corrector = CORRECTORS[rule]()
    x = noise.normal(shape, seed, noise.PRIOR) * sigma
    values = [float(x.square().mean()) / sigma**2]
    for i in range(1, moves + 1):
        z = noise.normal(shape, seed, noise.CORRECTOR, i, 0)
        with torch.no_grad():
            x = corrector.step(process, x, t, 1.0, snr, z)[0].x
        values.append(float(x.square().mean()) / sigma**2)
        if not values[-1] < FAR:
            break
    return Run(rule, snr, np.array(values), recursion(rule, snr, len(values) - 1), float(math.prod(shape)))
