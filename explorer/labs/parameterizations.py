"""The six parameterisations of one field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.base.lazy import torch
from explorer.base.params import param
from explorer.diffusion import noise
from explorer.diffusion.frames import Frame
from explorer.diffusion.parameterization import KINDS, Through, from_score, round_trip_error
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.scores import Score
from explorer.diffusion.simulate import simulate
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.figure import Picture, Table
from explorer.figures.views import Scene, compose
from explorer.labs.base import LABS, Context, Lab, Report

#: Points of p_t on which sizes and errors are measured; half the height of the pictures in view units.
POINTS, REACH = 512, 2.6


@LABS.register("parameterisations", title="Parameterizations", order=40)
@dataclass(frozen=True)
class Parameterisations(Lab):
    """Score, noise, x0, v, flow velocity and EDM's denoiser at the playhead's t, and the samples of each."""

    section = "discrete"
    main = ("Score",)
    about = (
        "A network may be trained to predict the score, the noise, the clean point, v, the flow velocity or EDM's "
        "denoiser: at one t each follows from any other, so the samples are the same. What differs is the size of "
        "what must be learned, and where its digits are lost."
    )
    equation = (
        r"s = -\frac{\epsilon}{\sigma} = \frac{\alpha \hat x_0 - x}{\sigma^2},\; "
        r"v = \alpha\epsilon - \sigma \hat x_0,\; u = f - \frac{1}{2} g^2 s"
    )
    source = "Ho et al. 2020; Salimans & Ho 2022; Karras et al. 2022; Lipman et al. 2023"
    follows = True

    arrows: int = param(
        14, "Arrows", low=6, high=30, minimum=2, maximum=60, help="Arrows along the height of each image.",
        symbol="m", equation="s(x, t) on a grid m high",
    )  # fmt: skip
    mode: str = param(
        "ode", "Samples by", choices={"ode": "probability flow", "reverse": "reverse SDE"},
        help="How the samples are made that must not depend on the parameterisation.",
        equation="dx = (f − ½(1 + η²) g² s) dt + η g dw̄, η = 1 | 0",
    )  # fmt: skip
    steps: int = param(
        40, "Steps", symbol="N", low=5, high=200, minimum=1, maximum=2000, log=True,
        help="Steps of that sampler.",
        equation="t_0 > t_1 > … > t_N",
    )  # fmt: skip
    particles: int = param(
        200, "Particles", symbol="n", low=20, high=2000, minimum=1, maximum=20_000, log=True, advanced=True,
        help="How many samples are compared.",
        equation="max over xᵢ, i = 1…n",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> Parameterisations:
        return cls(arrows=6, steps=5, particles=20)

    def reports(self, context: Context) -> Iterator[Report]:
        e, score, t = context.experiment, context.resolved.score, max(context.t, 1e-3)
        pictures = tuple(self._picture(e, score, kind, t) for kind in KINDS)
        errors = measured(e, score, t)
        apart: dict[str, float] = {}
        yield self._report(pictures, errors, apart, t, 0.2)
        plain = self._samples(e, score)
        for i, kind in enumerate(KINDS, start=1):
            through = self._samples(e, Through(kind, score, e.sde))
            apart[kind] = float(np.abs(through - plain).max())
            yield self._report(pictures, errors, apart, t, (i + 2) / (len(KINDS) + 2))

    def _picture(self, e: Experiment, score: Score, kind: str, t: float) -> Picture:
        bounds = (0.0, 1.0, -REACH, REACH) if e.data.dim == 1 else (-REACH, REACH, -REACH, REACH)
        look = Look(particles=False, trails=False, moves=False, field_kind=kind, arrows=self.arrows)
        frame = Frame(np.zeros((1, e.data.dim), np.float32), t, *e.sde.marginal(t), 1, 1, 0)
        marks = compose(Scene(e, look, [frame], score, bounds))
        labels = ("t", "x / scale") if e.data.dim == 1 else ("x₁ / scale", "x₂ / scale")
        title, about = KINDS[kind].title, f"{KINDS[kind].about} ({KINDS[kind].source})"
        return Picture(title, marks, bounds, *labels, square=e.data.dim == 2, about=about)

    def _samples(self, e: Experiment, score: Score) -> np.ndarray:
        sampler = Sampler(mode=self.mode, steps=self.steps, particles=self.particles)
        *_, last = simulate(e.sde, sampler, score, e.data.mixture, e.seed)
        return last.x

    def _report(
        self, pictures: tuple[Picture, ...], errors: dict[str, tuple[float, float, float]],
        apart: dict[str, float], t: float, progress: float,
    ) -> Report:  # fmt: skip
        rows = tuple(
            (KINDS[kind].title, *errors[kind], apart.get(kind, float("nan")), KINDS[kind].source)
            for kind in KINDS
        )
        columns = (
            "Parameterisation",
            "size at t",
            "there and back, float32",
            "float64",
            "samples differ by",
            "source",
        )
        about = (
            "Size: root mean square over p_t. There and back: relative error of a score that went through it. "
            "Samples: largest distance in any coordinate, from the same noise."
        )
        table = Table(f"At t = {t:.3g}", columns, rows, about)
        arrays = {"samples_differ": np.array([apart.get(kind, np.nan) for kind in KINDS])}
        return Report((*pictures, table), progress, _words(errors, apart, t), arrays)


def measured(e: Experiment, score: Score, t: float) -> dict[str, tuple[float, float, float]]:
    """Kind -> its root mean square over p_t, and its round-trip errors in float32 and float64."""
    x = points(e, t)
    with torch.no_grad():
        s = score(x, t)
    out = {}
    for kind in KINDS:
        size = float(from_score(kind, s, x, e.sde, t).square().sum(1).mean().sqrt())
        single = round_trip_error(kind, s, x, e.sde, t)
        out[kind] = size, single, round_trip_error(kind, s.double(), x.double(), e.sde, t)
    return out


def points(e: Experiment, t: float) -> torch.Tensor:
    """Draws of p_t (n, d), the same for the same seed."""
    rng = np.random.default_rng(noise.seed_of(e.seed, noise.PROBE))
    x0 = torch.from_numpy(e.data.mixture.sample(POINTS, rng)[0])
    return e.sde.perturb(x0, t, noise.normal((POINTS, e.data.dim), e.seed, noise.PROBE))


def _words(errors: dict[str, tuple[float, float, float]], apart: dict[str, float], t: float) -> str:
    sizes = {kind: error[0] for kind, error in errors.items()}
    worst = max(errors, key=lambda kind: errors[kind][1])
    size = errors[worst][1]
    text = (
        f"At t = {t:.3g} the score is of size {sizes['score']:.3g}, the noise of {sizes['noise']:.2g}, v of "
        f"{sizes['v']:.2g}, the flow velocity of {sizes['flow']:.2g}: one field, unlike tasks for a network."
    )
    if size > 0:
        text += f" In float32 {KINDS[worst].title} costs the most digits here ({size:.1e})."
    if len(apart) < len(KINDS):
        return text
    return f"{text} From the same noise the samples of all six agree to {max(apart.values()):.1e}."
