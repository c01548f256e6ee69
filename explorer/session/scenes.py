"""Scenes: experiments that show one thing, with the words for it and perhaps a laboratory beside them.

A scene is a row of `SCENES`. Choosing one sets the whole document (undo goes back), opens its laboratory and
shows its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from explorer.base.errors import Refused
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.diffusion.sdes import SDES
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.experiment.view_settings import Look
from explorer.guidance.class_guidance import ClassGuidance
from explorer.guidance.inpaint import Inpaint
from explorer.labs import LABS, Lab
from explorer.session.document import Document


@dataclass(frozen=True)
class Scene:
    """`heading` is its sub-menu. `lab` is a name in LABS or "", `params` are that laboratory's fields."""

    name: str
    title: str
    heading: str
    words: str
    document: Document
    lab: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    def make_lab(self) -> Lab | None:
        """The laboratory with the scene's parameters, or None."""
        return LABS[self.lab](**self.params) if self.lab else None


_EXACT = ScoreSource(source="exact")
_REVERSE = Experiment(
    score=_EXACT, sampler=Sampler(mode="reverse", predictor=PREDICTORS["euler_maruyama"](), steps=200)
)
_ODE = Experiment(score=_EXACT, sampler=Sampler(mode="ode", solver=SOLVERS["heun"](), steps=60))

#: Mistake -> data, SDE, and what the sampler needs so that the mistake shows.
_SHOWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "noise_dropped": ("rings", "vp", {}),
    "subvp_diffusion": ("two_moons", "subvp", {}),
    "sigma_target": ("spiral", "vp", {}),
    "score_sign": ("eight_gaussians", "vp", {}),
    "time_sign": ("eight_gaussians", "vp", {}),
    "conditional_score": ("eight_gaussians", "vp", {}),
    "short_time": ("unequal_modes", "vp", {}),
    "large_eps": ("spiral", "vp", {"mode": "ode", "steps": 60}),
    "snr_one": (
        "two_moons",
        "ve",
        {"mode": "pc", "steps": 60, "corrector": CORRECTORS["ald"](), "corrector_steps": 3},
    ),
}


def _broken() -> Iterator[Scene]:
    """For each mistake the right way on stage A and the mistake on stage B, from the same noise."""
    for name, cls in MISTAKES.items():
        if name not in _SHOWN:
            continue
        data, sde, settings = _SHOWN[name]
        sampler = replace(_REVERSE.sampler, **settings)
        right = replace(_REVERSE, data=DISTRIBUTIONS[data](), sde=SDES[sde](), sampler=sampler)
        wrong = replace(right, sampler=replace(sampler, mistake=cls()))
        words = f"A is right, B is not: {cls.about} {cls.seen} {cls.why}"
        yield Scene(f"mistake_{name}", cls.title, "Break it", words, Document(right, wrong))


_LANGEVIN = Sampler(mode="langevin", langevin_time=0.001, langevin_step=1e-4, langevin_steps=500)
_VE = Experiment(score=_EXACT, sde=SDES["ve"]())
_PITFALLS = (
    Scene(
        "pitfall_manifold", "Data on a line", "Pitfalls",
        "The data lies on a line: without added noise its score across the line has hardly a bound, and off the line "
        "none exists. A: Langevin with little noise added must take steps below twice the variance across, so it falls "
        "onto the line and creeps along it. B: annealed Langevin starts where noise makes it fill the plane.",
        Document(
            replace(_VE, data=DISTRIBUTIONS["line"](), sampler=_LANGEVIN),
            replace(_VE, data=DISTRIBUTIONS["line"](), sampler=Sampler(mode="annealed")),
            Look(field="exact"),
        ),
    ),
    Scene(
        "pitfall_low_density", "Low-density regions", "Pitfalls",
        "The pretrained network is right where there is data and wrong where there is none, because nobody trained "
        "there: beyond the line in the third figure. At large t noise carries it everywhere, so that samples come "
        "in where the network knows the way.",
        Document(
            replace(_VE, data=DISTRIBUTIONS["two_moons"](), score=ScoreSource(), sampler=_REVERSE.sampler),
            look=Look(field="difference"),
        ),
        lab="error_map",
    ),
    Scene(
        "pitfall_slow_mixing", "Slow mixing", "Pitfalls",
        "Two modes of weights 0.8 and 0.2, far apart: near each the score does not know its weight, and Langevin keeps "
        "the shares of its start. Press Run: the bars give the weights that Langevin, annealed Langevin and "
        "predictor-corrector find, against the truth.",
        Document(
            replace(
                _VE, data=DISTRIBUTIONS["unequal_modes"](),
                sampler=replace(_LANGEVIN, langevin_time=0.05, langevin_step=0.002),
            ),
            replace(_VE, data=DISTRIBUTIONS["unequal_modes"](), sampler=Sampler(mode="annealed")),
        ),
        lab="mode_weights",
    ),
)  # fmt: skip

_GUIDED = Experiment(data=DISTRIBUTIONS["pinwheel"](), score=_EXACT, sampler=_REVERSE.sampler)
_MOONS = replace(_GUIDED, data=DISTRIBUTIONS["two_moons"]())
_CONTROLLED = (
    Scene(
        "over_guidance", "Over-guidance", "Control",
        "One arm of the pinwheel, from the same noise: A with weight 1, the exact p(x | y); B with weight 6. B's "
        "samples crowd where the class is surest. The laboratory drags the weight from 0 to 10 and measures its "
        "price.",
        Document(
            replace(_GUIDED, control=ClassGuidance(label=1)),
            replace(_GUIDED, control=ClassGuidance(label=1, weight=6.0)),
        ),
        lab="guidance", params={"label": 1, "weight": 6.0},
    ),
    Scene(
        "inpainting", "Inpainting, exact and by replacement", "Control",
        "x₁ = 0.5 is known. A follows the exact posterior's score; B replaces x₁ by the noised observation after each "
        "step and leaves x₂ to the unconditional score. Both end on the line, differently distributed: the laboratory "
        "measures it.",
        Document(
            replace(_MOONS, control=Inpaint(value=0.5)),
            replace(_MOONS, control=Inpaint(value=0.5, method="replacement")),
        ),
        lab="inverse",
    ),
)  # fmt: skip

SCENES: tuple[Scene, ...] = (
    Scene(
        "sde_against_ode", "SDE against ODE", "Sampling",
        "The same start, the same score. A takes the reverse SDE, B the probability-flow ODE: single paths "
        "differ, the marginal pₜ is one and the same at every t.",
        Document(_REVERSE, _ODE, Look(field="none")),  # the paths are what is to be seen
    ),
    Scene(
        "forgetting", "How the data is forgotten", "Sampling",
        "The forward SDE of VP: α falls, σ rises, and what is left at t = 1 is the prior. The laboratory "
        "beside it draws the same schedule for all SDEs.",
        Document(
            Experiment(
                data=DISTRIBUTIONS["checkerboard"](), sde=SDES["vp"](), score=_EXACT,
                sampler=Sampler(mode="forward"),
            )
        ),
        lab="schedules",
    ),
    *_PITFALLS,
    *_CONTROLLED,
    *_broken(),
)  # fmt: skip


def scene(name: str) -> Scene:
    """The scene of that name. ValueError names those there are."""
    for each in SCENES:
        if each.name == name:
            return each
    raise Refused(f"no scene is called {name!r}; there are: {', '.join(s.name for s in SCENES)}")
