"""Defaults that depend on the experiment: what changes with the data and the mode besides themselves."""

from __future__ import annotations

from dataclasses import replace

from explorer.data.distributions import Distribution
from explorer.data.images import ImageSet
from explorer.diffusion.samplers import SOLVERS, Sampler
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.guidance import CONTROLS
from explorer.guidance.class_guidance import EACH_CLASS

#: Pictures of a sheet at most: what a screen shows and a laptop samples.
MOST_PICTURES = 100
#: What suits pictures on a laptop: a dozen evaluations for good ones. (Song's samplers want hundreds.)
PICTURE_SAMPLER = Sampler(
    mode="ode", solver=SOLVERS["dpm_solver_pp_2m"](), grid="edm", steps=12, particles=16
)


def with_data(e: Experiment, data: Distribution) -> Experiment:
    """The experiment with other data. From points to pictures, or back, SDE, sampler and control become what suits."""
    new = replace(e, data=data)
    new = replace(new, control=new.control.fitted(data))
    if (e.pictures is None) == (new.pictures is None):
        told = new.pictures is not None and e.score.unet.classes == _classes(e.data)
        return replace(new, score=_with_classes(e.score, data)) if told else new
    suited = PICTURE_SAMPLER if new.pictures else Sampler()
    score = _with_classes(e.score, data) if new.pictures else e.score
    sde = e.sde.refitted(new.pictures is not None)
    return replace(new, sde=sde, sampler=suited, score=score, control=CONTROLS["none"]())


def first_sheet(e: Experiment) -> Experiment:
    """The experiment with each class in turn, where the images have classes and a network may know them: what one
    sees of it first."""
    known = (
        e.pictures is not None and e.pictures.builtin and e.pictures.classes > 1 and e.score.source != "exact"
    )
    return replace(e, control=EACH_CLASS) if known and e.control.name == "none" else e


#: Steps that suit pictures: of the ODE PICTURE_SAMPLER's; where noise is put in they must be many more.
SDE_STEPS = 100


def in_mode(e: Experiment, mode: str) -> Sampler:
    """The sampler of an experiment in another mode; for pictures with as many steps as suit that, unless somebody
    has chosen their number."""
    old, new = (PICTURE_SAMPLER.steps if m == "ode" else SDE_STEPS for m in (e.sampler.mode, mode))
    untouched = e.pictures is not None and e.sampler.steps == old
    return replace(e.sampler, mode=mode, steps=new if untouched else e.sampler.steps)


def default_sampler(e: Experiment) -> Sampler:
    """What suits the data, in the mode of the experiment."""
    fresh = PICTURE_SAMPLER if e.pictures else Sampler()
    return in_mode(replace(e, sampler=fresh), e.sampler.mode)


def default_score(e: Experiment) -> ScoreSource:
    """The same of how its network is trained."""
    return _with_classes(ScoreSource(e.score.source), e.data)


def other_mode(mode: str) -> str:
    """What stands beside a mode first: the SDE beside the ODE, the ODE beside all others."""
    return "reverse" if mode == "ode" else "ode"


def _with_classes(score: ScoreSource, data: Distribution) -> ScoreSource:
    """With a network that is told the classes of these pictures."""
    return replace(score, unet=replace(score.unet, classes=_classes(data)))


def _classes(data: Distribution) -> int:
    return data.classes if isinstance(data, ImageSet) else 0
