"""What was set for points and for pictures: it is there again when one comes back to them."""

from __future__ import annotations

from dataclasses import replace

from explorer.diffusion.samplers import Sampler
from explorer.experiment.schema import Experiment
from explorer.session.document import Document


def of_pictures(document: Document) -> bool:
    """Whether its data are pictures."""
    return document.experiment.pictures is not None


class Kinds:
    """The document as it was when one went from points to pictures, and the other way."""

    def __init__(self) -> None:
        self._last: dict[bool, Document] = {}

    def change(self, before: Document, after: Document, trained: bool) -> Document:
        """`after`; where its data are of the other kind, one stage, with the score's source, sampler and control as
        they were last for such data. `trained`: whether there is a network trained here on such data."""
        if of_pictures(before) == of_pictures(after):
            return after
        self._last[of_pictures(before)] = before
        last = self._last.get(of_pictures(after))
        experiment = after.experiment if last is None else _set_as(last.experiment, after.experiment)
        source = "pretrained" if last is None else last.experiment.score.source
        if source == "trained" and not trained:
            source = "pretrained"
        score = replace(experiment.score, source=source)
        return replace(after, experiment=replace(experiment, score=score), compare=None)


def _set_as(last: Experiment, now: Experiment) -> Experiment:
    """A mistake that a scene makes on purpose stays behind."""
    sampler = replace(last.sampler, mistake=Sampler().mistake)
    return replace(now, sampler=sampler, control=last.control.fitted(now.data))
