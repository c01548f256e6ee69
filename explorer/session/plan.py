"""What a change of the document asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from explorer.experiment.schema import Experiment
from explorer.session.document import Document


@dataclass(frozen=True)
class Plan:
    """redraw: pictures only. simulate: the stages ("A", "B") whose runs start again. retrain: the network in use
    was trained for something else now."""

    redraw: bool = False
    simulate: tuple[str, ...] = ()
    retrain: bool = False


def plan(old: Document, new: Document) -> Plan:
    """The least that brings the window from `old` to `new`."""
    stages = (("A", old.experiment, new.experiment), ("B", old.compare, new.compare))
    rerun = tuple(
        name for name, before, after in stages if after is not None and _numbers(before) != _numbers(after)
    )
    redraw = replace(old, lab=None) != replace(new, lab=None)
    return Plan(redraw, rerun, _trained_for(old.experiment) != _trained_for(new.experiment))


def _numbers(e: Experiment | None) -> object:
    """All of an experiment that its simulation depends on (how a network would be trained is not part of it)."""
    if e is None:
        return None
    untrained = e.network if e.score.source == "trained" else None
    return e.data, e.sde, e.sampler, e.control, e.seed, e.score.source, untrained


def _trained_for(e: Experiment) -> object:
    native = e.sde if e.network.native else None
    return (e.data, e.network, e.score.objective, native) if e.score.source == "trained" else None
