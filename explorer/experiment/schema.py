"""The experiment: one immutable value that holds everything that affects numbers, and its JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from explorer.base.errors import Told
from explorer.base.params import Param, ParamError, Validated, param, params
from explorer.base.registry import Registry, type_tag
from explorer.data.distributions import DISTRIBUTIONS, Distribution
from explorer.data.distributions.mixture import Mixture
from explorer.data.images import DATA, ImageSet
from explorer.diffusion.samplers import SOLVERS, Sampler
from explorer.diffusion.sdes import SDE, SDES
from explorer.guidance import CONTROLS, Control
from explorer.guidance.class_guidance import EACH_CLASS
from explorer.networks.spec import NetworkSpec, PictureTraining, Training, UNetSpec
from explorer.training.objectives import OBJECTIVES, Objective

#: Version of the file format. Raise it with a migration in `MIGRATIONS` whenever a field changes its meaning.
VERSION = 2


class ExperimentError(Told, ValueError):
    """A file or value that is no experiment; the message names the field."""


@dataclass(frozen=True)
class ScoreSource(Validated):
    """Where the score comes from, and how it would be trained."""

    name = "score"
    source: str = param(
        "pretrained",
        "Score",
        choices={"exact": "Exact", "pretrained": "Pretrained", "trained": "Train"},
        help="Exact: the closed form of the mixture. Pretrained: the network that comes with the program. "
        "Train: the network trained here.",
        equation="s(x, t) = ∇ₓ log pₜ(x)",
    )
    objective: Objective = param(
        OBJECTIVES["dsm"],
        "Objective",
        registry=OBJECTIVES,
        visible=lambda s: s.source == "trained",
        help="The loss whose minimiser is the score.",
        equation="[S21] eq. 7",
    )
    network: NetworkSpec = param(NetworkSpec, "Network", visible=lambda s: s.source == "trained")
    training: Training = param(Training, "Training", visible=lambda s: s.source == "trained")
    #: In place of the two above where the data are pictures.
    unet: UNetSpec = param(UNetSpec, "Network for images", visible=lambda s: s.source == "trained")
    picture_training: PictureTraining = param(
        PictureTraining, "Training on images", visible=lambda s: s.source == "trained"
    )


@dataclass(frozen=True)
class Experiment(Validated):
    """Data, SDE, score, sampler, control and seed: the numbers follow from nothing else."""

    name = "experiment"
    data: Distribution = param(DISTRIBUTIONS["eight_gaussians"], "Data", registry=DATA)
    sde: SDE = param(SDES["vp"], "SDE", registry=SDES)
    score: ScoreSource = param(ScoreSource, "Score")
    sampler: Sampler = param(Sampler, "Sampler")
    control: Control = param(
        CONTROLS["none"], "Control", registry=CONTROLS,
        help="What is asked of the samples: a class, a coordinate, a measurement.",
        equation="∇log pₜ(x|y) = ∇log pₜ(x) + ∇log pₜ(y|x)",
    )  # fmt: skip
    seed: int = param(
        0, "Seed", symbol="ω", low=0, high=99, minimum=0, maximum=2**31 - 1,
        help="Fixes the noise: the same seed gives the same image.", equation="z = z(ω, place)",
    )  # fmt: skip

    @property
    def pictures(self) -> ImageSet | None:
        """The data, where it is a set of pictures."""
        return self.data if isinstance(self.data, ImageSet) else None

    @property
    def network(self) -> NetworkSpec | UNetSpec:
        """The network that is trained for this kind of data."""
        return self.score.unet if self.pictures else self.score.network

    @property
    def training(self) -> Training:
        """How it is trained."""
        return self.score.picture_training if self.pictures else self.score.training

    @cached_property
    def control_in_force(self) -> Control:
        """The control, or none where it makes no sense for this data (`control.refusal` says why)."""
        return CONTROLS["none"]() if self.control.refusal(self.data.mixture) else self.control

    @property
    def altered(self) -> tuple[str, str]:
        """What makes the samples others than those of the data, for captions: the mistake made on purpose, and the
        control in force; "" where there is none."""
        mistake = self.sampler.mistake
        return f"✗ {mistake.title}" if mistake.made else "", self.control_in_force.brief(self.data.mixture)

    @cached_property
    def target(self) -> Mixture:
        """The exact law that samples should have: that of the data, given what the control asks."""
        return self.control_in_force.target(self.data.mixture)

    @cached_property
    def free(self) -> Experiment:
        """The same experiment without its control."""
        return replace(self, control=CONTROLS["none"]())

    def sample(self, n: int, seed: int) -> np.ndarray:
        """n independent points (n, d) of the target, float32, the same for the same seed."""
        return self.target.sample(n, np.random.default_rng([seed, *b"data"]))[0]


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


def suited(e: Experiment) -> Sampler:
    """What suits the data, in the mode of the experiment."""
    fresh = PICTURE_SAMPLER if e.pictures else Sampler()
    return in_mode(replace(e, sampler=fresh), e.sampler.mode)


def suited_score(e: Experiment) -> ScoreSource:
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


# --- to JSON ---------------------------------------------------------------------------------------------


def encode(value: Any) -> Any:
    """A parameter value as JSON: registered things carry their name as "type"."""
    if is_dataclass(value) and not isinstance(value, type):
        tag = type_tag(type(value))
        told = {f.name: encode(getattr(value, f.name)) for f in fields(value) if "param" in f.metadata}
        return {"type": tag} | told if tag else told
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    return value


def to_dict(experiment: Experiment) -> dict[str, Any]:
    """The experiment as a JSON object."""
    return {"format": "score-explorer", "version": VERSION} | encode(experiment)


# --- from JSON -------------------------------------------------------------------------------------------


def decode(cls: type, value: Any, path: str, *, lenient: bool = False) -> Any:
    """An object of the dataclass `cls` from a JSON object; fields that are missing take their defaults.

    Unknown fields are refused, unless `lenient`: a newer version may have them.
    """
    if not isinstance(value, Mapping):
        raise ExperimentError(f"{path} must be an object, not {_short(value)}")
    known = {p.name: p for p in params(cls)}
    unknown = sorted(set(value) - set(known) - ({"type"} if type_tag(cls) else set()))
    if unknown and not lenient:
        raise ExperimentError(_no_field(f"{path}.{unknown[0]}", known))
    given = {k: _decode_field(known[k], v, f"{path}.{k}", lenient) for k, v in value.items() if k in known}
    try:
        return cls(**given)
    except ParamError as error:
        raise ExperimentError(_located(str(error), cls, path)) from None


def _no_field(path: str, known: Mapping[str, Param]) -> str:
    return f"{path} is not a field; the fields are {', '.join(known) or 'none'}"


def _located(message: str, cls: type, path: str) -> str:
    """A message that starts with the class's own name, with the whole path in its place before every field."""
    own = getattr(cls, "name", "")
    if not own or not message.startswith(own + "."):
        return f"{path}: {message}"
    fields = "|".join(p.name for p in params(cls))
    return path + re.sub(rf"\b{own}\.(?=(?:{fields})\b)", f"{path}.", message[len(own) :])


def _decode_field(p: Param, value: Any, path: str, lenient: bool = False) -> Any:
    if p.kind == "one_of":
        assert p.registry is not None
        return decode_one_of(p.registry, value, path, lenient)
    if p.kind == "spec":
        assert isinstance(p.default, type)
        return decode(p.default, value, path, lenient=lenient)
    try:
        return p.check(_tuples(value), path)
    except ParamError as error:
        raise ExperimentError(str(error)) from None
    except OverflowError:  # a whole number beyond all floats
        raise ExperimentError(f"{path} is too large") from None


def decode_one_of(registry: Registry[Any], value: Any, path: str, lenient: bool = False) -> Any:
    """A registered thing from its name alone or from {"type": name, ...}."""
    value = {"type": value} if isinstance(value, str) else value
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        raise ExperimentError(f'{path} must be an object with a "type" (one of {", ".join(registry)})')
    name = value["type"]
    if name not in registry:
        missing = registry.unknown(name, ", which may come from a plugin that is not loaded")
        raise ExperimentError(f"{path}.type: {missing}")
    return decode(registry[name], value, path, lenient=lenient)


def _tuples(value: Any) -> Any:
    """Lists become tuples, so that experiments stay immutable and comparable."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


#: version -> function that turns an object of that version into one of the next. It is given the whole
#: document: the experiment's fields, and `compare` and `look` where the file has them.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
#: Text without a version may have been written by hand for any version from this one on: it is migrated from here,
#: for a migration leaves alone what is of a later version already.
UNMARKED = 1


def _timed_trajectories(value: dict[str, Any]) -> dict[str, Any]:
    """2: trajectories last for a fraction of the run. `look.trail_length` was a number of steps, of which the
    default of 16, which nobody had chosen, gives way to the default of now."""
    look = value.get("look")
    steps = look.get("trail_length") if isinstance(look, Mapping) else None
    if isinstance(steps, bool) or not isinstance(steps, int | float):
        return value
    assert isinstance(look, Mapping)
    new = {name: setting for name, setting in look.items() if name != "trail_length"}
    if steps != 16:
        new.setdefault("trajectory_length", min(max(steps / _moves_of(value), 0.001), 1.0))
    return value | {"look": new}


def _moves_of(value: Mapping[str, Any]) -> int:
    """How many moves the run of an experiment's object takes; those of the usual sampler where it names none."""
    sampler = value.get("sampler")
    try:
        found = decode(Sampler, sampler or {}, "experiment.sampler", lenient=True)
    except ExperimentError:  # it will be refused for that, in its own words
        found = Sampler()
    return int(max(found.expected_frames - 1, 1))


MIGRATIONS[1] = _timed_trajectories


def migrated(value: Any) -> tuple[dict[str, Any], int]:
    """The fields of a JSON object in the present version, and the version that the file is of."""
    if not isinstance(value, Mapping):
        raise ExperimentError(f"an experiment must be a JSON object, not {_short(value)}")
    value = dict(value)
    if value.pop("format", "score-explorer") != "score-explorer":
        raise ExperimentError('format must be "score-explorer": this is some other kind of file')
    version = value.pop("version", UNMARKED)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise ExperimentError(f"version must be a whole number, not {_short(version)}")
    for passed in range(version, VERSION):
        if passed not in MIGRATIONS:
            raise ExperimentError(f"version {version} is too old to be read")
        value = MIGRATIONS[passed](value)
    return value, version


@contextmanager
def reading(version: int) -> Iterator[bool]:
    """Whether to be lenient with a file of this version; errors meanwhile say where it is a newer one."""
    try:
        yield version > VERSION
    except ExperimentError as error:
        if version <= VERSION:
            raise
        message = f"{error} (the file is of version {version}, newer than this program's {VERSION})"
        raise ExperimentError(message) from None


def caution(version: int) -> str:
    """What to say of a file of this version: "" unless it is newer than the program."""
    return "" if version <= VERSION else (
        f"This file is of version {version}, newer than this program ({VERSION}): opened to read, "
        "save under another name to keep the original."
    )  # fmt: skip


def from_dict(value: Any) -> tuple[Experiment, str]:
    """The experiment in a JSON object, and a word of caution ("" where there is none).

    Older versions are migrated. Of a newer version what is known here is read; the word says so. Raises
    ExperimentError, whose sentence names the field.
    """
    fields_given, version = migrated(value)
    with reading(version) as lenient:
        return decode(Experiment, fields_given, "experiment", lenient=lenient), caution(version)


#: Deeper than anything an experiment holds.
_DEEPEST = 32


def parse(text: str) -> Any:
    """JSON text as an object; numbers that JSON does not have (NaN, Infinity) are refused."""

    def refuse(name: str) -> None:
        raise ExperimentError(f"{name} is not a number that an experiment can hold")

    try:
        value = json.loads(
            text.removeprefix("\ufeff"), parse_constant=refuse
        )  # some editors put a mark first
    except RecursionError:
        raise ExperimentError("the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ExperimentError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ExperimentError:
        raise
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise ExperimentError("not an experiment: it has a number of thousands of digits") from None
    if _deeper(value, _DEEPEST):
        raise ExperimentError("the JSON is nested too deeply")
    return value


def _deeper(value: Any, most: int) -> bool:
    """Whether containers are nested more than `most` deep."""
    layer = [value]
    for _ in range(most + 1):
        inside = (
            v for c in layer if isinstance(c, dict | list) for v in (c.values() if isinstance(c, dict) else c)
        )
        layer = [v for v in inside if isinstance(v, dict | list)]
    return bool(layer)


def edited(experiment: Any, path: str, value: Any) -> Any:
    """A copy with the field at a dotted path set, as `edited(e, "sampler.steps", 100)` does."""
    return _edited(experiment, path, value, "")


def _edited(owner: Any, path: str, value: Any, above: str) -> Any:
    head, _, rest = path.partition(".")
    cls: type = type(owner)
    known = {p.name: p for p in params(cls)} if is_dataclass(cls) else {}
    where = above + head
    if head not in known:
        raise ExperimentError(_no_field(where, known))
    inner = getattr(owner, head)
    new = _edited(inner, rest, value, f"{where}.") if rest else _decode_field(known[head], value, where)
    try:
        return replace(owner, **{head: new})
    except ParamError as error:
        raise ExperimentError(_located(str(error), cls, above.rstrip(".") or "experiment")) from None
