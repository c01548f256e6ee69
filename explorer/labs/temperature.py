"""Codes drawn closer together or farther apart than the prior's, and decoded."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.analysis.likelihood import START, Exact, Flow, Moment, end_log_density
from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.data import metrics
from explorer.diffusion import noise
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.figures.marks import Array
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.density_parts import (
    array,
    backdrop,
    code_picture,
    dots,
    flow_of,
    line_density,
    report,
    watched,
    whole,
)

#: The temperatures of the curves.
SWEEP = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.15, 1.3, 1.6, 2.0)


@LABS.register("temperature", title="Temperature", order=50)
@dataclass(frozen=True)
class Temperature(Lab):
    """x decoded from z ~ N(0, τ² σ_prior² I)."""

    section = "density"
    main = ("Decoded at",)
    about = (
        "Scale the codes by a temperature before decoding them. Below 1 samples gather around what the middle of the "
        "prior decodes to: less entropy, at first a higher density, and at last a place between the modes. Above 1 "
        "they spread to where there is no data."
    )
    equation = (
        r"z = \tau\, \sigma_{prior}\, \noise{\epsilon}, \qquad "
        r"\log q_\tau(x) = \log \mathcal{N}(z; 0, \tau^2 \sigma_{prior}^2 I) \\ + "
        r"\int_0^T \nabla\cdot(\drift{f} - \frac{1}{2} g^2 \score{s})\, dt"
    )
    source = "Song et al. 2021, appendix D; Kingma & Dhariwal 2018"

    temperature: float = param(
        0.7, "Temperature", symbol="τ", low=0.05, high=2.0, minimum=1e-3, maximum=10.0,
        help="Factor of the codes: 1 is the prior itself.", equation="z = τ σ_prior ε",
    )  # fmt: skip
    particles: int = param(
        800, "Samples", symbol="n", low=100, high=5000, minimum=4, maximum=50_000, log=True,
        help="Codes decoded; for the curves half as many, the same ε at every temperature.",
        equation="x = decode(τ εᵢ), i = 1…n",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> Temperature:
        return cls(particles=20)

    def reports(self, context: Context) -> Iterator[Report]:
        work = _Work(self, context)
        (asked,) = yield from work.decoded((self.temperature,), None, 0.0, 0.2)
        first = report(work.pictures(asked), 0.2, asked.words)
        yield first
        others = yield from work.decoded(SWEEP, first, 0.2, 1.0)
        found = sorted({d.tau: d for d in (*others, asked)}.values(), key=lambda d: d.tau)
        yield report(
            (*work.pictures(asked), work.curves(found), work.table(found)), 1.0, asked.words,
            temperature=np.array([d.tau for d in found]), entropy=np.array([d.entropy[0] for d in found]),
            mean_log_density=np.array([d.exact[0] for d in found]), samples=asked.x,
        )  # fmt: skip


@dataclass(frozen=True)
class Decoded:
    """Samples at one temperature with the three densities at them, in nats.

    code and x are (n, d); own is log q_τ, learned the score's log p_0, truth the exact one, each (n,).
    """

    tau: float
    code: Array
    x: Array
    own: np.ndarray
    learned: np.ndarray
    truth: np.ndarray

    @cached_property
    def entropy(self) -> tuple[float, float]:
        """-E log q_τ and its standard error."""
        return _mean(-self.own)

    @cached_property
    def exact(self) -> tuple[float, float]:
        """E log p_0 under the exact density and its standard error."""
        return _mean(self.truth)

    @property
    def words(self) -> str:
        (h, dh), (p, dp) = self.entropy, self.exact
        return (
            f"At τ = {self.tau:g} the decoded samples have entropy {h:.2f} ± {dh:.1g} nats, and the exact log p at "
            f"them is {p:.2f} ± {dp:.1g} on average. For the data itself one is minus the other."
        )


def _mean(v: np.ndarray) -> tuple[float, float]:
    return float(v.mean()), float(v.std(ddof=1) / math.sqrt(len(v)))


class _Work:
    def __init__(self, lab: Temperature, context: Context) -> None:
        self.lab, self.e, self.mixture = lab, context.experiment, context.exact.mixture
        self.flow: Flow = flow_of(context)
        self.dim = self.e.data.dim
        self.noise = noise.normal((lab.particles, self.dim), self.e.seed, noise.PRIOR).double()

    def decoded(
        self, taus: Sequence[float], now: Report | None, low: float, high: float
    ) -> Generator[Report, None, list[Decoded]]:
        """Decode at all of `taus` in one solve (half as many each where they are several), with `now` on the way."""
        sde = self.e.sde
        few = self.noise if len(taus) == 1 else self.noise[: (len(self.noise) + 1) // 2]
        z = torch.cat([few * (tau * sde.prior_std) for tau in taus])
        moments = self.flow.decode(z, divergence=Exact())
        last: Moment = yield from watched(moments, now or report((), 0.0, "Decoding."), low, high)
        parts = zip(*(v.split(len(few)) for v in (z, last.x, last.divergence[:, 0])), strict=True)
        return [self._one(tau, *part) for tau, part in zip(taus, parts, strict=True)]

    def _one(self, tau: float, z: torch.Tensor, x: torch.Tensor, change: torch.Tensor) -> Decoded:
        sde = self.e.sde
        own = end_log_density(sde, z / tau) - self.dim * math.log(tau) - change
        learned = end_log_density(sde, z) - change
        truth = self.mixture.log_density(x, *sde.marginal(START))
        code = array(z / sde.prior_std)
        return Decoded(tau, code, array(x), own.numpy(), learned.numpy(), truth.numpy())

    def pictures(self, d: Decoded) -> tuple[Figure, ...]:
        if self.dim == 1:
            return (self._histogram(d),)
        bounds = whole(self.mixture)
        marks = (backdrop(self.mixture, bounds), dots(d.x, "data", 3.0, 0.8))
        return (
            Picture(f"Decoded at τ = {d.tau:g}, over the exact density", marks, bounds, "x₁", "x₂"),
            code_picture(f"Codes at τ = {d.tau:g}", (dots(d.code, "noise", 3.0, 0.8),), 2),
        )

    def _histogram(self, d: Decoded) -> Plot:
        edge = whole(self.mixture)[1]
        edges = np.linspace(-edge, edge, 81)
        counts = np.histogram(d.x[:, 0], edges)[0] / (len(d.x) * (edges[1] - edges[0]))
        xs = np.linspace(-edge, edge, 400)
        exact = np.exp(line_density(self.mixture, xs, 1.0, START))
        return Plot(
            f"Decoded at τ = {d.tau:g}", "x", "density",
            (Series("decoded", edges, counts, "data", steps=True), Series("exact p₀", xs, exact, "muted")),
        )  # fmt: skip

    def curves(self, found: list[Decoded]) -> Plot:
        taus = np.array([d.tau for d in found])
        h, p = (np.array([getattr(d, name) for d in found]) for name in ("entropy", "exact"))
        truth = -metrics.mean_log_density(self.mixture, metrics.reference(self.mixture).points)
        level = np.full(len(taus), truth)
        return Plot(
            "Density and entropy of the samples", "τ", "nats",
            (
                Series("entropy, −E log q_τ(x)", taus, h[:, 0], "noise", points=True, error=h[:, 1]),
                Series("−E log p₀(x), exact", taus, -p[:, 0], "score", points=True, error=p[:, 1]),
                Series("entropy of the data", taus, level, "muted", "dash"),
            ),
            marks=((self.lab.temperature, "τ"),),
            about="The gap between the two curves is KL(q_τ | p₀): nothing at τ = 1 with the exact score.",
        )  # fmt: skip

    def table(self, found: list[Decoded]) -> Table:
        labelled = self.mixture.labels is not None
        rows = tuple(
            (
                d.tau, *d.entropy, *d.exact, float(d.learned.mean()), float((d.own - d.truth).mean()),
                *((metrics.mode_weight_error(self.mixture, d.x),) if labelled else ()),
            )
            for d in found
        )  # fmt: skip
        columns = ("τ", "entropy", "±", "E log p₀, exact", "±", "E log p₀, learned", "KL(q_τ | p₀)")
        return Table("By temperature, nats", columns + (("mode-weight error",) if labelled else ()), rows)
