"""Scenes: experiments that show one thing, with the words for it and perhaps a laboratory beside them.

A scene is a row of `SCENES`. Choosing one sets the whole document (undo goes back), opens its laboratory and
shows its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.distributions import DISTRIBUTIONS
from explorer.document import Document
from explorer.experiment import Experiment, ScoreSource
from explorer.labs import LABS, Lab
from explorer.look import Look
from explorer.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.sdes import SDES


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

SCENES: tuple[Scene, ...] = (
    Scene(
        "sde_against_ode", "SDE against ODE", "Sampling",
        "The same start, the same score. A takes the reverse SDE, B the probability-flow ODE: single paths "
        "differ, the marginal p_t is one and the same at every t.",
        Document(_REVERSE, _ODE, Look(trails=True)),
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
)  # fmt: skip


def scene(name: str) -> Scene:
    """The scene of that name. ValueError names those there are."""
    for each in SCENES:
        if each.name == name:
            return each
    raise ValueError(f"no scene is called {name!r}; there are: {', '.join(s.name for s in SCENES)}")
