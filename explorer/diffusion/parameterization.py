"""One field, six names: score, noise, x0, v, flow velocity and EDM's denoiser, each made from any other.

At one t they are all affine in each other: score = p x + q value, with numbers p and q that follow from alpha,
sigma and the SDE's f and g. So a network may learn any of them, and a sampler may be told any of them. This
touches torch only where tensors come in.

x is always the state x_t = alpha x_0 + sigma z of the SDE, also for EDM's denoiser, which is defined at
y = x/alpha with noise sigma/alpha.
"""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.lazy import torch
from explorer.diffusion.scores import Score
from explorer.diffusion.sdes.base import SDE, Scalar, like


@dataclass(frozen=True)
class Kind:
    """How one of the six is called, what it means in LaTeX, and where it comes from."""

    title: str
    about: str
    equation: str
    source: str


KINDS: dict[str, Kind] = {
    "score": Kind(
        "Score", "The gradient of log p: uphill in density, longer the less noise there is.",
        r"s = \nabla_x \log p_t(x)", "Hyvärinen 2005; Song et al. 2021, eq. 6",
    ),
    "noise": Kind(
        "Noise ε", "The noise that is expected in x, of unit size at every t.",
        r"\epsilon = -\sigma\, s = E[z \mid x_t]", "Ho et al. 2020, eq. 11 to 14",
    ),
    "x0": Kind(
        "Clean x₀", "The mean of the data points that could have become x: the arrow leads there.",
        r"\hat x_0 = \frac{x + \sigma^2 s}{\alpha} = E[x_0 \mid x_t]",
        "Tweedie's formula: Efron 2011, eq. 1.4",
    ),
    "v": Kind(
        "Velocity v", "Noise and data mixed so that the target stays of unit size at both ends.",
        r"v = \alpha\,\epsilon - \sigma\,\hat x_0", "Salimans & Ho 2022, appendix D",
    ),
    "flow": Kind(
        "Flow velocity", "dx/dt of the probability-flow ODE: where x moves as noise comes in.",
        r"u = f(x,t) - \frac{1}{2} g^2 s = \dot\alpha\,\hat x_0 + \dot\sigma\,\epsilon",
        "Song et al. 2021, eq. 13; Lipman et al. 2023, eq. 15",
    ),
    "denoiser": Kind(
        "EDM denoiser", "x₀ again, asked at y = x/α and noise σ/α: there it knows no SDE. The arrow is α(D − y).",
        r"D(y, \frac{\sigma}{\alpha}) = y + \frac{\sigma^2}{\alpha^2}\,\nabla_y \log p(y),\; y = x/\alpha",
        "Karras et al. 2022, eq. 2, 3",
    ),
}  # fmt: skip


def to_score_factors(kind: str, sde: SDE, t: Scalar) -> tuple[Scalar, Scalar]:
    """(p, q) with score = p x + q value at time t, each like t; finite wherever sigma > 0."""
    alpha, sigma = sde.marginal(t)
    if kind == "flow":
        share = 2 / sde.diffusion(t) ** 2
        return share * sde.decay(t), -share
    return level_factors(kind, alpha, sigma)


def level_factors(kind: str, alpha: Scalar, sigma: Scalar) -> tuple[Scalar, Scalar]:
    """(p, q) of the kinds that follow from the noise level alone: all but the flow velocity."""
    none = sigma * 0
    if kind == "score":
        return none, none + 1
    if kind == "noise":
        return none, -1 / sigma
    if kind == "v":
        square = alpha**2 + sigma**2  # 1 for VP, for which v was made
        return -1 / square, -alpha / (sigma * square)
    if kind in ("x0", "denoiser"):
        return -1 / sigma**2, alpha / sigma**2
    raise ValueError(f"{kind!r} does not follow from alpha and sigma; choose one of {', '.join(KINDS)}")


def to_score(kind: str, value: torch.Tensor, x: torch.Tensor, sde: SDE, t: Scalar) -> torch.Tensor:
    """The score (n, d) from a value of `kind` (n, d) at x (n, d); t is one number or (n,)."""
    p, q = (like(factor, x) for factor in to_score_factors(kind, sde, t))
    return p * x + q * value


def from_score(kind: str, score: torch.Tensor, x: torch.Tensor, sde: SDE, t: Scalar) -> torch.Tensor:
    """The value of `kind` (n, d) from the score at x (n, d).

    x0 and the denoiser divide by alpha: where nothing is left of the data they have no digits.
    """
    p, q = (like(factor, x) for factor in to_score_factors(kind, sde, t))
    return (score - p * x) / q


def convert(
    source: str, target: str, value: torch.Tensor, x: torch.Tensor, sde: SDE, t: Scalar
) -> torch.Tensor:
    """The value of kind `target` from one of kind `source`, both at x and t."""
    if source == target:
        return value
    return from_score(target, to_score(source, value, x, sde, t), x, sde, t)


@dataclass(frozen=True)
class Through:
    """A score that goes through `kind` and back, as a sampler sees a network that outputs that kind."""

    kind: str
    score: Score
    sde: SDE

    def __call__(self, x: torch.Tensor, t: float, /) -> torch.Tensor:
        value = from_score(self.kind, self.score(x, t), x, self.sde, t)
        return to_score(self.kind, value, x, self.sde, t)


def round_trip_error(kind: str, score: torch.Tensor, x: torch.Tensor, sde: SDE, t: float) -> float:
    """How far a score (n, d) comes back from `kind`: root mean square of the difference over that of the score.

    In the precision of x: what is lost is lost to cancellation, near the data for x0, near the noise for all that
    divide by alpha.
    """
    back = to_score(kind, from_score(kind, score, x, sde, t), x, sde, t)
    return float((back - score).norm() / score.norm())
