"""What was set for points and for pictures: it is there again when one comes back to them."""

from __future__ import annotations

from dataclasses import replace

from explorer.document import Document
from explorer.experiment import Experiment


def of_pictures(document: Document) -> bool:
    """Whether its data are pictures."""
    return document.experiment.pictures is not None


class Kinds:
    """The document as it was when one went from points to pictures, and the other way."""

    def __init__(self) -> None:
        self._last: dict[bool, Document] = {}

    def change(self, before: Document, after: Document) -> Document:
        """`after`, with sampler and control as they were last for its kind of data."""
        if of_pictures(before) == of_pictures(after):
            return after
        self._last[of_pictures(before)] = before
        last = self._last.get(of_pictures(after))
        return after if last is None else _as_in(last, after)


def _as_in(last: Document, now: Document) -> Document:
    experiment = _set_as(last.experiment, now.experiment)
    if now.compare is None or last.compare is None:
        return replace(now, experiment=experiment).linked()
    return replace(now, experiment=experiment, compare=_set_as(last.compare, now.compare)).linked()


def _set_as(last: Experiment, now: Experiment) -> Experiment:
    return replace(now, sampler=last.sampler, control=last.control.fitted(now.data))
