"""Which samplers are compared: named in text, looked up in the registries."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any

from explorer.base.errors import Told
from explorer.base.params import Param, ParamError, params, parts_of
from explorer.diffusion.samplers import CORRECTORS, PREDICTORS, SOLVERS, Predictor, Sampler
from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.experiment.codec import decode
from explorer.experiment.schema import ExperimentError

#: Fields of the sampler, rather than of the method, that a name may set: `reverse_diffusion(eta=0)`.
SAMPLER_FIELDS = ("eta", "snr", "corrector_steps", "order", "grid")
_FORM = re.compile(r"(?P<name>[\w.]+)\s*(?:\((?P<fields>[^)]*)\))?\s*(?:\+\s*(?P<corrector>\w+))?")


class MethodError(Told, ValueError):
    """A text that names no sampler; the message lists what there is."""


@dataclass(frozen=True)
class Method:
    """One sampler of a comparison, as it was named. Steps, grid and particles are set by the comparison."""

    text: str
    sampler: Sampler

    @property
    def predictor(self) -> Predictor:
        """The predictor or the ODE solver."""
        return self.sampler.method

    @property
    def eta(self) -> float:
        """η: 0 for an ODE solver."""
        return self.sampler.effective_eta

    @property
    def own_noise(self) -> bool:
        """Whether its noise follows a rule of its own instead of η g dw̄: its path is then no one else's."""
        return self.predictor.own_noise and self.eta > 0

    @property
    def nfe_per_step(self) -> int:
        """Evaluations of the score per step, correctors included."""
        return self.sampler.nfe_per_step

    @property
    def title(self) -> str:
        """The words for charts."""
        corrector = f" + {self.sampler.corrector.title}" if self.sampler.corrections else ""
        plain = type(self.predictor)()
        changed = [
            _words(p, getattr(self.predictor, p.name))
            for p in params(type(self.predictor))
            if getattr(self.predictor, p.name) != getattr(plain, p.name)
        ]
        if self.sampler.mode != "ode" and self.eta != 1:
            changed.append(f"η = {self.eta:g}" if self.eta else "probability flow")
        return self.predictor.title + (f" ({', '.join(changed)})" if changed else "") + corrector


def _words(p: Param, value: Any) -> str:
    """A parameter that is not as it comes: "variance of the forward step", "S_churn = 20"."""
    if p.choices:
        return f"{p.label.lower()} {dict(p.choices)[value]}"
    return f"{p.short} = {value:g}" if isinstance(value, float) else f"{p.short} = {value}"


#: Sets made from the registries: what is registered is in them.
SETS = {
    "predictors": "Predictors of the SDE",
    "solvers": "Solvers of the ODE",
    "all": "All of both",
    "pc": "Predictors with a corrector",
    "named": "Those named below",
}


def names_of(which: str) -> str:
    """The text that names every member of a set."""
    movers = [name for name in PREDICTORS if PREDICTORS[name].order > 0]
    solvers = [f"ode.{name}" for name in SOLVERS]
    corrector = next(iter(CORRECTORS))
    members = {
        "predictors": movers,
        "solvers": solvers,
        "all": movers + solvers,
        "pc": [*movers, *(f"{name} + {corrector}" for name in movers), f"none + {corrector}"],
    }
    return ", ".join(members[which])


def titles(*texts: str) -> dict[str, str]:
    """Text that names a sampler -> its words, for a choice between several."""
    return {text: parse(text, Sampler())[0].title for text in texts}


def parse(text: str, base: Sampler) -> tuple[Method, ...]:
    """The methods in a text such as `ancestral, heun, reverse_diffusion(eta=0), euler_maruyama + langevin`.

    A predictor is named before a solver of the same name; `ode.NAME` is the solver. Fields in brackets are
    those of the method, and of the sampler those in SAMPLER_FIELDS; the rest is as in `base`, but for its
    mistake. Raises MethodError.
    """
    parts = parts_of(text)
    if not parts:
        raise MethodError(f"no sampler is named; there are: {', '.join([*PREDICTORS, *SOLVERS])}")
    return tuple(dict.fromkeys(_parsed(part, base) for part in parts))


def _parsed(text: str, base: Sampler) -> Method:
    match = _FORM.fullmatch(text)
    if match is None:
        raise MethodError(f"{text!r} is no sampler: write NAME, NAME(field=value) or NAME + CORRECTOR")
    fields = dict(_field(f) for f in (match["fields"] or "").split(",") if f.strip())
    own = {k: fields.pop(k) for k in SAMPLER_FIELDS if k in fields}
    name, solver = _looked_up(match["name"], text)
    registry = SOLVERS if solver else PREDICTORS
    corrector = match["corrector"]
    if corrector and (solver or corrector not in CORRECTORS):
        raise MethodError(
            f"{text!r}: an ODE solver takes no corrector" if solver
            else f"{text!r}: no corrector is called {corrector!r}; there are: {', '.join(CORRECTORS)}"
        )  # fmt: skip
    try:
        method = decode(registry[name], {"type": name} | fields, name)
        mode = "ode" if solver else "pc" if corrector else "reverse"
        how: dict[str, Any] = {"solver": method} if solver else {"predictor": method}
        how |= {"corrector": CORRECTORS[corrector](), "corrector_steps": 1} if corrector else {}
        settings: dict[str, Any] = {"mode": mode, "eta": 1.0, "mistake": MISTAKES["none"]()} | how | own
        return Method(text, replace(base, **settings))
    except (ExperimentError, ParamError) as error:
        raise MethodError(f"{text!r}: {error}") from None


def _looked_up(name: str, text: str) -> tuple[str, bool]:
    """The name in its registry, and whether that is SOLVERS."""
    prefix, dot, rest = name.rpartition(".")
    if (not dot and name in PREDICTORS) or (prefix == "sde" and rest in PREDICTORS):
        return rest, False
    if rest in SOLVERS and prefix in ("", "ode"):
        return rest, True
    raise MethodError(
        f"no sampler is called {text!r}; there are: {', '.join(PREDICTORS)} and, for the ODE, {', '.join(SOLVERS)}"
    )


def _field(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise MethodError(f"{text!r}: brackets hold field=value")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value.strip()


def declared(method: Method, measure: str) -> float:
    """The order that the method's class declares and that `measure` would show; nan where it declares none.

    A predictor's order is the strong one; its weak order, and its order without noise, are at least that.
    """
    known = measure != "law" and not method.sampler.corrections and not method.predictor.adaptive
    return method.predictor.order if known else math.nan


def unfit(method: Method, measure: str) -> str:
    """Why a measure says nothing of a method; "" where it does."""
    if measure == "law":
        return ""
    if method.sampler.corrections:
        return "a corrector's noise belongs to no path"
    if method.predictor.order == 0:
        return "it does not move"
    return ""
