"""What every SDE of the product has in common: a linear drift, hence a Gaussian transition in closed form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self, TypeVar

from explorer.base.lazy import ops, torch
from explorer.base.params import Validated
from explorer.base.registry import Registry

SDES: Registry[SDE] = Registry("SDE", "explorer.diffusion.sdes")

#: A time, or something computed from one: a float in samplers, a tensor in training. One formula serves both.
Scalar = TypeVar("Scalar", float, "torch.Tensor")


def latex(value: float, digits: int = 3) -> str:
    """A number as LaTeX: powers of ten are written as such."""
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    factor, power = text.split("e")
    return rf"{factor} \cdot 10^{{{int(power)}}}" if factor != "1" else rf"10^{{{int(power)}}}"


def like(t: Scalar, x: torch.Tensor) -> Scalar:
    """`t` of shape (n,) with trailing axes added to multiply `x` of shape (n, ...); numbers pass."""
    if isinstance(t, float | int) or t.ndim == 0:
        return t
    return t.reshape(t.shape + (1,) * (x.ndim - t.ndim))


class SDE(Validated, ABC):
    """dx = f(t) x dt + g(t) dw on 0 <= t <= T = 1, with x_t = alpha(t) x_0 + sigma(t) z.

    Subclasses are frozen dataclasses registered in `SDES`. `t` is a float for a whole step or a tensor (n,);
    what is returned has the type and shape of `t`. No step count, no network and no device is in here.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    T: ClassVar[float] = 1.0
    #: Where sampling stops ([S21] appendix C); training and likelihood start at 1e-5.
    eps: ClassVar[float] = 1e-3
    #: The equation and where it stands, for the cards.
    equation: ClassVar[str] = ""
    source: ClassVar[str] = ""

    @classmethod
    def suited(cls, pictures: bool) -> Self:
        """With numbers that suit pictures, or points."""
        return cls()

    def refitted(self, pictures: bool) -> Self:
        """With numbers that suit pictures, or points, where nobody has changed those that suited the other."""
        return self.suited(pictures) if self == self.suited(not pictures) else self

    @abstractmethod
    def marginal(self, t: Scalar) -> tuple[Scalar, Scalar]:
        """(alpha, sigma) of the transition p(x_t | x_0) = N(alpha x_0, sigma² I)."""

    @abstractmethod
    def decay(self, t: Scalar) -> Scalar:
        """f(t), the factor of x in the drift."""

    @abstractmethod
    def diffusion(self, t: Scalar) -> Scalar:
        """g(t)."""

    @abstractmethod
    def time_at(self, ratio: float) -> float:
        """The t at which sigma/alpha equals `ratio` (inverse of `noise_level`), within [0, T]."""

    def drift(self, x: torch.Tensor, t: Scalar) -> torch.Tensor:
        """f(x, t) for x (n, ...)."""
        return like(self.decay(t), x) * x

    def perturb(self, x0: torch.Tensor, t: Scalar, z: torch.Tensor) -> torch.Tensor:
        """x_t = alpha x_0 + sigma z for x0 and z of one shape (n, ...)."""
        alpha, sigma = self.marginal(t)
        return like(alpha, x0) * x0 + like(sigma, x0) * z

    @property
    def prior_std(self) -> float:
        """Standard deviation of the prior N(0, std² I) that sampling starts from."""
        return 1.0

    def noise_level(self, t: Scalar) -> Scalar:
        """sigma/alpha: the noise level of y = x/alpha, which is what every EDM-type network is asked."""
        alpha, sigma = self.marginal(t)
        return sigma / alpha

    def log_snr(self, t: Scalar) -> Scalar:
        """log(alpha²/sigma²)."""
        return -2 * ops(t).log(self.noise_level(t))

    def equation_now(self) -> str:
        """The SDE in LaTeX with the current numbers in it; terms are wrapped as \\drift{..}, \\noise{..}."""
        return self.equation
