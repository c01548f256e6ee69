"""Versions of the file format: older files are migrated, newer ones read as far as they are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from explorer.diffusion.samplers import Sampler
from explorer.experiment.codec import _short, decode, encode
from explorer.experiment.schema import Experiment, ExperimentError

#: Version of the file format. Raise it with a migration in `MIGRATIONS` whenever a field changes its meaning.
VERSION = 2
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


def to_dict(experiment: Experiment) -> dict[str, Any]:
    """The experiment as a JSON object."""
    return {"format": "score-explorer", "version": VERSION} | encode(experiment)


def from_dict(value: Any) -> tuple[Experiment, str]:
    """The experiment in a JSON object, and a word of caution ("" where there is none).

    Older versions are migrated. Of a newer version what is known here is read; the word says so. Raises
    ExperimentError, whose sentence names the field.
    """
    fields_given, version = migrated(value)
    with reading(version) as lenient:
        return decode(Experiment, fields_given, "experiment", lenient=lenient), caution(version)
