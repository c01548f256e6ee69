"""What a laboratory's figures were made from, for captions and files."""

from __future__ import annotations

from typing import Any

from explorer.experiment import Experiment, encode, to_dict
from explorer.figure_files import Source
from explorer.labs.base import Lab
from explorer.params import Param, params


def source_of(lab: Lab, experiment: Experiment, words: str = "") -> Source:
    """The laboratory with its settings, and the experiment that it looked at."""
    return Source(lab.title, caption(lab, experiment), encode(lab), to_dict(experiment), words)


def caption(lab: Lab, experiment: Experiment) -> str:
    """Title, settings, data, SDE, score and seed in one line."""
    e = experiment
    of = (e.data.title, f"{e.sde.title} ({_numbers(e.sde)})", f"{e.score.source} score", f"seed {e.seed}")
    return " · ".join(part for part in (lab.title, _numbers(lab), *of) if part)


def _numbers(owner: Any) -> str:
    """The parameters of a thing that mean something for it now."""
    cls: Any = type(owner)
    shown = (p for p in params(cls) if p.shown(owner) and p.kind != "data")
    return ", ".join(f"{p.short} = {_value(p, getattr(owner, p.name))}" for p in shown)


def _value(p: Param, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}"
    return (
        dict(p.choices).get(value, value) if isinstance(value, str) else str(getattr(value, "title", value))
    )
