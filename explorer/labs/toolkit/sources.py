"""What a laboratory's figures were made from, for captions and files."""

from __future__ import annotations

from typing import Any

from explorer.base.params import Param, params, parts_of
from explorer.experiment.codec import encode
from explorer.experiment.migrations import to_dict
from explorer.experiment.resolution import Resolved
from explorer.experiment.schema import Experiment
from explorer.figures.files import Source
from explorer.labs.base import Lab


def source_of(lab: Lab, experiment: Experiment, resolved: Resolved, words: str = "") -> Source:
    """The laboratory with its settings, the experiment that it looked at, and the score that it used."""
    return Source(
        lab.title, caption(lab, experiment, resolved), encode(lab), to_dict(experiment), words,
        score=lab.score_named(resolved),
    )  # fmt: skip


def caption(lab: Lab, experiment: Experiment, resolved: Resolved) -> str:
    """Title, settings, data, SDE, the score in use and seed in one line; of one that explains the stage's run also
    what alters that: a mistake, a control."""
    e = experiment
    of = (
        e.data.title,
        f"{e.sde.title} ({_numbers(e.sde)})",
        *(e.altered if lab.guided else ()),
        lab.score_named(resolved),
        f"seed {e.seed}",
    )
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
    if not isinstance(value, str):
        return str(getattr(value, "title", value))
    titles = dict(p.choices)
    if p.kind == "many":
        return ", ".join(titles.get(name, name) for name in parts_of(value))
    return titles.get(value, value)
