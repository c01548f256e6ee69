"""list: everything that can be named. It is all read from the registries, so nothing can be forgotten."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

from explorer.base.params import Param, params
from explorer.base.registry import Registry
from explorer.cli.common import print_json
from explorer.cli.errors import Parser, WrongUse
from explorer.data.images import DATA
from explorer.experiment.codec import encode
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.export import EXPORTERS
from explorer.figures.theme import THEMES
from explorer.figures.views import VIEWS
from explorer.labs import LABS
from explorer.networks import card
from explorer.session.scenes import SCENES, Scene


def main(program: str, argv: list[str]) -> int:
    """Print what there is."""
    parser = Parser(program, description="Name everything that can be chosen.")
    parser.add_argument("kind", nargs="?", help="one kind only, such as sdes or file_formats")
    parser.add_argument("--json", action="store_true", help="with every parameter, as JSON")
    options = parser.parse_args(argv)
    everything = catalogue()
    if options.kind is not None:
        if options.kind not in everything:
            raise WrongUse(f"there is no kind {options.kind!r}; there are: {', '.join(everything)}.")
        everything = {options.kind: everything[options.kind]}
    if options.json:
        print_json(everything)
    else:
        print("\n".join(_lines(everything)))
    return 0


def catalogue() -> dict[str, dict[str, Any]]:
    """Kind -> name -> its title, what it is and its parameters; then scenes, networks, the parts of a file, themes."""
    chosen = (*_registries(Experiment), *(r for name in LABS for r in _registries(LABS[name])))
    registries = {r.kind: r for r in (*chosen, VIEWS, EXPORTERS, LABS)}
    out = {_plural(kind): {n: _described(r[n]) for n in r} for kind, r in registries.items()}
    out["scenes"] = {s.name: _scene(s) for s in SCENES}
    out["pretrained"] = {name: _network(name) for name in card.names()}
    parts = {_name(cls): cls for cls in (*_parts(Experiment), Look)}
    out["fields"] = {name: _described(cls) for name, cls in parts.items()}
    out["themes"] = {name: {"title": name.capitalize(), "about": "", "parameters": []} for name in THEMES}
    return out


def _scene(scene: Scene) -> dict[str, Any]:
    facts = {"title": scene.title, "about": scene.words, "section": scene.heading, "laboratory": scene.lab}
    return {**facts, "parameters": []}


def _network(name: str) -> dict[str, Any]:
    return {"title": DATA[name].title, "about": card.measured(name), "parameters": []}


def _plural(kind: str) -> str:
    name = kind.lower().replace(" ", "_")
    return name[:-1] + "ies" if name.endswith("y") else name + "s"


def _parts(cls: Any) -> Iterator[Any]:
    """The dataclasses that an experiment is made of, itself first."""
    yield cls
    for p in params(cls):
        if p.kind == "spec":
            yield from _parts(p.default)


def _registries(cls: Any) -> Iterator[Registry[Any]]:
    """The registries that its parameters choose from."""
    for part in _parts(cls):
        yield from (p.registry for p in params(part) if p.registry is not None)


def _described(cls: Any) -> dict[str, Any]:
    about = getattr(cls, "about", "") or inspect.cleandoc(cls.__doc__ or "").splitlines()[0]
    facts = {fact: getattr(cls, fact, None) for fact in ("suffix", "kind", "dim", "source", "section")}
    told = {fact: value for fact, value in facts.items() if isinstance(value, str | int)}
    title = {"title": getattr(cls, "title", _name(cls).capitalize()), "about": about}
    return title | told | {"parameters": [_parameter(p) for p in params(cls)]}


def _name(cls: Any) -> str:
    return str(getattr(cls, "name", cls.__name__.lower()))


def _parameter(p: Param) -> dict[str, Any]:
    default = p.default() if callable(p.default) else p.default
    out: dict[str, Any] = {"name": p.name, "kind": p.kind, "label": p.label, "default": encode(default)}
    if p.kind in ("float", "int"):
        out |= {"slider": [p.low, p.high], "minimum": _finite(p.minimum), "maximum": _finite(p.maximum)}
        out |= {"log": p.log}
    if p.choices:
        out["choices"] = dict(p.choices)
    if p.registry is not None:
        out["one_of"] = _plural(p.registry.kind)
    words = {k: getattr(p, k) for k in ("symbol", "unit", "help", "equation")}
    return out | {k: v for k, v in words.items() if v}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _lines(everything: dict[str, dict[str, Any]]) -> Iterator[str]:
    for kind, entries in everything.items():
        yield f"{kind}:"
        for name, entry in entries.items():
            yield f"  {name:18} {entry['title']}" + (f": {entry['about']}" if entry["about"] else "")
            yield from (f"      {_line(p)}" for p in entry["parameters"])
        yield ""


def _line(p: dict[str, Any]) -> str:
    default = p["default"]
    named = default.get("type", "") if isinstance(default, dict) else default
    shown = f" = {named}" if named not in ("", None) and len(str(named)) < 60 else ""
    low, high = p.get("minimum"), p.get("maximum")
    limits = f"  ({'' if low is None else low}…{'' if high is None else high})" if "minimum" in p else ""
    choices = f"  ({', '.join(map(str, p['choices']))})" if "choices" in p else ""
    return f"{p['name']}{shown}{limits}{choices}  {p['label']}"
