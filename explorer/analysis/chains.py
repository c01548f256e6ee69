"""The discrete chains whose limits are the SDEs: SMLD's ladder, DDPM's chain, and single steps of both ways.

[S21] sections 3.1 to 3.4, appendices B and E; MATH.md section 1. Everything is Gaussian given x_0, so all laws
are closed forms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from explorer.diffusion.samplers import Reverse
from explorer.diffusion.samplers.base import LinearPredictor
from explorer.diffusion.samplers.reverse_diffusion import transition
from explorer.diffusion.sdes import SDE
from explorer.diffusion.sdes.beta import VP


@dataclass(frozen=True, eq=False)
class Chain:
    """x_i = keep_i x_{i-1} + sqrt(variance_i) z for i = 1..N, where i stands for the time i/N.

    keep and variance are (N,), float64, and NaN where the chain asks for the root of a negative number.
    `start` is the standard deviation of the noise that x_0 has already.
    """

    title: str
    keep: np.ndarray
    variance: np.ndarray
    start: float = 0.0

    @property
    def times(self) -> np.ndarray:
        """i/N for i = 0..N."""
        return np.arange(len(self.keep) + 1) / len(self.keep)

    @cached_property
    def marginal(self) -> tuple[np.ndarray, np.ndarray]:
        """alpha and sigma (N+1,) of x_i = alpha_i x_0 + sigma_i z, by the recursion of both."""
        variances = [self.start**2]
        for keep, variance in zip(self.keep, self.variance, strict=True):
            variances.append(keep**2 * variances[-1] + variance)
        return np.concatenate([[1.0], np.cumprod(self.keep)]), np.sqrt(variances)

    @property
    def beta(self) -> np.ndarray:
        """beta_i = 1 - keep_i² (N,)."""
        return 1 - self.keep**2


def smld(sde: SDE, n: int) -> Chain:
    """x_i = x_{i-1} + sqrt(sigma_i² - sigma_{i-1}²) z, sigma_0 = 0 ([S21] eq. 20), for n >= 2.

    The ladder sigma_1..sigma_N runs over the whole schedule: sigma_i = sigma((i-1)/(N-1)), for VE in equal ratios.
    """
    levels = np.array([0.0, *law(sde, ladder_times(n))[1]])
    return Chain("SMLD ladder", np.ones(n), np.diff(levels**2))


def ladder_times(n: int) -> np.ndarray:
    """(i-1)/(N-1) for i = 1..N: where on the schedule the levels of the ladder are."""
    return np.arange(n) / (n - 1)


def ddpm(sde: SDE, n: int) -> Chain:
    """x_i = sqrt(1 - beta_i) x_{i-1} + sqrt(beta_i) z with beta_i = beta(i/N)/N ([S21] eq. 22 and section 3.2).

    beta_i passes 1 where N < beta(i/N): there is then no such chain, and keep is NaN (MATH.md section 1).
    """
    beta = np.array([-2 * sde.decay(i / n) / n for i in range(1, n + 1)])
    with np.errstate(invalid="ignore"):
        return Chain("DDPM chain", np.sqrt(1 - beta), beta)


def euler(sde: SDE, n: int) -> Chain:
    """x_i = (1 + f h) x_{i-1} + g sqrt(h) z: Euler and Maruyama's step of the forward SDE, for any SDE."""
    times = [i / n for i in range(n)]
    keep = np.array([1 + sde.decay(t) / n for t in times])
    variance = np.array([sde.diffusion(t) ** 2 / n for t in times])
    return Chain("Euler–Maruyama chain", keep, variance, sde.marginal(0.0)[1])


def exact(sde: SDE, n: int) -> Chain:
    """The chain from ratios of the SDE's own alpha: its marginals are those of the SDE for every N.

    beta_i = 1 - alpha_i²/alpha_{i-1}² never passes 1.
    """
    process = Reverse(sde, lambda x, t: x)
    steps = [transition(process, (i + 1) / n, i / n) for i in range(n)]
    keep, variance = np.array(steps).T
    return Chain("Chain from ratios of α", keep, variance, sde.marginal(0.0)[1])


def of_the_paper(sde: SDE, n: int) -> Chain:
    """SMLD for what only adds noise, DDPM for VP; sub-VP has none, and the paper's code takes Euler's."""
    if sde.decay(0.5 * sde.T) == 0:
        return smld(sde, n)
    return ddpm(sde, n) if isinstance(sde, VP) else euler(sde, n)


CHAINS: dict[str, tuple[str, Callable[[SDE, int], Chain]]] = {
    "paper": ("The paper's", of_the_paper),
    "exact": ("From ratios of α", exact),
    "euler": ("Euler–Maruyama", euler),
}


# --- how far a chain is from its SDE ---------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """What the distances need of the data: its dimension and E∥x_0∥²."""

    dim: int
    square: float


Law = tuple[np.ndarray, np.ndarray]


def wasserstein(a: Law, b: Law, data: Moments) -> np.ndarray:
    """sqrt((α-α')² E∥x_0∥² + d (σ-σ')²) per entry of the laws (alpha, sigma).

    The exact 2-Wasserstein distance of the two Gaussian kernels given x_0, in mean square over the data; that
    of the marginals is at most this.
    """
    return np.asarray(np.sqrt((a[0] - b[0]) ** 2 * data.square + data.dim * (a[1] - b[1]) ** 2))


def divergence(a: Law, b: Law, data: Moments) -> np.ndarray:
    """The mean over the data of KL(N(α x_0, σ² I) ∥ N(α' x_0, σ'² I)), in nats; infinite where a σ is 0.

    At least the Kullback-Leibler divergence of the marginals, by its convexity.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (a[1] / b[1]) ** 2
        out = 0.5 * (data.dim * (ratio - 1 - np.log(ratio)) + (a[0] - b[0]) ** 2 * data.square / b[1] ** 2)
    return np.where(ratio == 0, np.inf, out)


def law(sde: SDE, times: np.ndarray) -> Law:
    """alpha and sigma of the SDE at the times, each (len(times),)."""
    alpha, sigma = np.array([sde.marginal(float(t)) for t in times]).T
    return alpha, sigma


# --- the reverse step ------------------------------------------------------------------------------------


def beta_of(sde: SDE, t: float, t_next: float) -> float:
    """The size of a step: 1 - α²/α'², or for an SDE that only adds noise 1 - σ'²/σ², the share of it added."""
    (alpha, sigma), (alpha_next, sigma_next) = sde.marginal(t), sde.marginal(t_next)
    if alpha == alpha_next:
        return 1 - (sigma_next / sigma) ** 2
    return 1 - (alpha / alpha_next) ** 2


def forward_variance(sde: SDE, t: float, t_next: float) -> float:
    """G², the variance that the forward step from t_next to t adds: DDPM's beta, SMLD's sigma² - sigma'²."""
    return transition(Reverse(sde, lambda x, _: x), t, t_next)[1]


def reverse_variance(sde: SDE, t: float, t_next: float, data_variance: float) -> float:
    """Var[x_{t'} | x_t] per coordinate for data N(m, v I): v_{t'} G²/v_t, with v_t = α² v + σ².

    v = 0 is DDPM's beta-tilde, sigma'² G²/sigma²; v = 1 under VP is its beta (Ho et al. 2020, section 3.2).
    """
    added = forward_variance(sde, t, t_next)
    return added * _variance(sde, t_next, data_variance) / _variance(sde, t, data_variance)


def sampled_variance(
    method: LinearPredictor, sde: SDE, times: Sequence[float], data_variance: float, denoise: bool = True
) -> float:
    """The variance per coordinate that a predictor ends with on data N(m, v I), from the prior, exact score.

    The score is linear, so x_next = (a - b/v_t) x + c z and the variance follows by recursion. With
    `denoise` the last step has no noise.
    """
    process = Reverse(sde, lambda x, t: x)
    out = sde.prior_std**2
    for i, (t, t_next) in enumerate(pairwise(times), start=2):
        a, b, c = method.coefficients(process, t, t_next)
        noise = 0.0 if denoise and i == len(times) else c
        out = (a - b / _variance(sde, t, data_variance)) ** 2 * out + noise**2
    return out


def _variance(sde: SDE, t: float, data_variance: float) -> float:
    alpha, sigma = sde.marginal(t)
    return alpha**2 * data_variance + sigma**2


def moments(mean: np.ndarray, covariance: np.ndarray) -> Moments:
    """Of data with mean (d,) and covariance (d, d)."""
    return Moments(len(mean), float(np.trace(covariance) + mean @ mean))


def sizes(low: int, high: int, count: int) -> list[int]:
    """About `count` whole numbers from low to high in equal ratios, both ends included, rising."""
    found = np.rint(np.geomspace(low, high, count)).astype(int)
    return sorted({low, high, *map(int, found)})


def finite(chain: Chain) -> int:
    """How many steps of the chain there are before the first that is not a number."""
    bad = ~(np.isfinite(chain.keep) & np.isfinite(chain.variance))
    return int(np.argmax(bad)) if bad.any() else len(chain.keep)


def step_size_for(sde: SDE, t: float, beta: float) -> float:
    """h such that the step from t to t - h has the size `beta` (bisection; nan where none is as large)."""
    low, high = 0.0, t - sde.eps
    if high <= 0 or beta_of(sde, t, t - high) < beta:
        return math.nan
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if beta_of(sde, t, t - middle) < beta else (low, middle)
    return high
