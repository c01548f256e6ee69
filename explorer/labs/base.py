"""What a laboratory is: parameters, and a generator of reports that grow better while it runs.

The window makes the form from the parameters, runs `reports` in a background thread, shows the newest report
and stops the generator when something changes. The command line runs it to its end.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from explorer.base.params import Validated
from explorer.base.registry import Registry
from explorer.diffusion.frames import Frame
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.diffusion.scores import ExactScore
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure

LABS: Registry[Lab] = Registry("laboratory", "explorer.labs")

#: The menu of laboratories: key -> heading, in order.
SECTIONS = {
    "learning": "Learning the score",
    "langevin": "Langevin dynamics",
    "discrete": "From discrete to continuous",
    "solvers": "Solvers",
    "density": "Density and codes",
    "control": "Control",
    "see": "See it work",
    "pictures": "Images",
}
NEEDS_POINTS = (
    "“{}” is a laboratory for points: choose data in the plane or on the line, such as eight Gaussians."
)
NEEDS_PICTURES = (
    "“{}” is a laboratory for images: choose MNIST digits, or another set of images, as the data."
)


@dataclass(frozen=True, eq=False)
class Context:
    """What a laboratory looks at: the experiment, the score in use, and where the playhead is.

    `resolved` is the score that the experiment means (exact, pretrained or trained). `t` is the playhead's
    time. `frames` are the frames of the stage's run up to the playhead, the last one being shown (empty
    before there is a run).
    """

    experiment: Experiment
    resolved: Resolved
    t: float = 1.0
    frames: Sequence[Frame] = ()

    @property
    def exact(self) -> ExactScore:
        """The exact score: of the data, given what a control asks."""
        return ExactScore(self.experiment.target, self.experiment.sde)

    @property
    def free(self) -> Context:
        """The same without what bends the run, a control or a mistake, and without the frames of that run."""
        e, r = self.experiment, self.resolved
        right = replace(e.free, sampler=replace(e.sampler, mistake=MISTAKES["none"]()))
        if right == e:
            return self
        return Context(right, replace(r, score=r.plain or r.score, control=""), self.t)


@dataclass(frozen=True)
class OwnPicture:
    """A field of a laboratory that holds the levels of a picture of the user's own: what the button that opens one
    says, the fields that are set with it, and whether it is grey whatever the set is."""

    words: str = "Open an image"
    sets: Mapping[str, Any] = field(default_factory=dict)
    grey: bool = False


@dataclass(frozen=True, eq=False)
class Report:
    """What a laboratory has found so far.

    `progress` is 1 for the last report. `words` is one or two sentences that say what the figures show, with
    the numbers of the moment. `arrays` are the numbers behind the figures, for NPZ files.
    """

    figures: tuple[Figure, ...]
    progress: float = 1.0
    words: str = ""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


class Lab(Validated, ABC):
    """Subclasses are frozen dataclasses of parameters, registered in LABS, one file each.

    Everything random in it follows from the experiment's seed. `reports` yields a first, coarse report
    within a fraction of a second where it can, and checks nothing for cancellation: the consumer closes the
    generator between reports, so no two reports are more than about a second of work apart (the same report
    with a larger `progress` may be yielded again).
    """

    name: ClassVar[str]
    title: ClassVar[str]
    menu_order: ClassVar[int]
    #: A key of SECTIONS.
    section: ClassVar[str]
    #: What it shows, in one or two sentences.
    about: ClassVar[str] = ""
    equation: ClassVar[str] = ""
    source: ClassVar[str] = ""
    #: The figures that take the room on the page, by the beginnings of their titles: one, or several to be compared.
    #: The first plot or image where it names none. A table that it names is unfolded.
    main: ClassVar[tuple[str, ...]] = ()
    #: Whether it looks at the playhead: it then runs again when that moves.
    follows: ClassVar[bool] = False
    #: Whether it explains the run on the stage, and so looks at a guided score as it is.
    guided: ClassVar[bool] = False
    #: Whether it works for long: it then waits for Run instead of starting with every change.
    heavy: ClassVar[bool] = False
    #: The kinds of data that it is made for.
    for_points: ClassVar[bool] = True
    for_pictures: ClassVar[bool] = False
    #: Of one for points, where the same is found for pictures.
    elsewhere: ClassVar[str] = ""
    #: What captions call the score of its figures where that is not the one in use; "" where they have none.
    score_used: ClassVar[str | None] = None
    #: The fields that pictures from files can be put into.
    own_pictures: ClassVar[Mapping[str, OwnPicture]] = {}

    def refusal(self, experiment: Experiment) -> str:
        """Why it makes no sense for this experiment, in one sentence; "" where it does."""
        if not self.made_for(experiment):
            needs = f"{NEEDS_POINTS} {self.elsewhere}".strip() if experiment.pictures else NEEDS_PICTURES
            return needs.format(self.title)
        return self.unfit(experiment)

    @classmethod
    def made_for(cls, experiment: Experiment) -> bool:
        """Whether it is made for this kind of data."""
        return cls.for_points if experiment.pictures is None else cls.for_pictures

    def unfit(self, experiment: Experiment) -> str:
        """Why it makes no sense for this experiment, with data of a kind that it is made for; "" where it does."""
        return ""

    @classmethod
    def quick(cls) -> Lab:
        """The cheapest instance that still shows every figure (for tests and previews)."""
        return cls()

    def seconds(self, experiment: Experiment) -> float:
        """About how long a heavy one takes on one core, in seconds; nan where nothing is known of it."""
        return math.nan

    def score_named(self, resolved: Resolved) -> str:
        """Which score its figures are of, for captions: `resolved` is the one in use. "" for one without a score."""
        return resolved.named if self.score_used is None else self.score_used

    def looks_at(self, context: Context) -> Context:
        """What it is given: the run on the stage where it explains that, else that set right (`Context.free`)."""
        return context if self.guided else context.free

    @abstractmethod
    def reports(self, context: Context) -> Iterator[Report]:
        """Run it: reports from coarse to final, the last with `progress` 1."""
