"""A number that is none, or that nothing can hold, is refused by the name of its field: by --set and in a file."""

import dataclasses
import json

import pytest

from explorer.base.params import params
from explorer.cli.common import with_fields
from explorer.cli.errors import WrongUse
from explorer.data.images import DATA
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.samplers.base import CORRECTORS, PREDICTORS, SOLVERS
from explorer.diffusion.sdes import SDES
from explorer.experiment.codec import encode
from explorer.experiment.schema import ExperimentError, ScoreSource
from explorer.experiment.view_settings import Look
from explorer.guidance import CONTROLS
from explorer.labs import LABS
from explorer.session.document import Document, dumps, loads
from explorer.training.objectives import OBJECTIVES

CHOICES = {
    "data": DATA, "sde": SDES, "control": CONTROLS, "score.objective": OBJECTIVES, "lab": LABS,
    "sampler.predictor": PREDICTORS, "sampler.solver": SOLVERS, "sampler.corrector": CORRECTORS,
}  # fmt: skip
PARTS = {"score": ScoreSource, "sampler": Sampler, "look": Look}


def numbers(cls, path):
    """The dotted paths of the numbers of a class, its parts included."""
    for p in params(cls):
        if p.kind in ("int", "float"):
            yield f"{path}.{p.name}"
        elif p.kind == "spec":
            yield from numbers(p.default, f"{path}.{p.name}")


#: Every number: its path, and what is to be chosen for it to be there, as (path, name).
FIELDS = [
    *[(f"{path}.{p.name}", (path, name)) for path, registry in CHOICES.items() for name, cls in registry.items()
      for p in params(cls) if p.kind in ("int", "float")],
    *[(path, None) for name, part in PARTS.items() for path in numbers(part, name)],
    ("seed", None),
]  # fmt: skip
IDS = [f"{choice[1]}-{path}" if choice else path for path, choice in FIELDS]
NOT_FINITE = ["1e400", "-1e400", "nan", "NaN", "inf", "-Infinity", "[1e400]", '{"a": NaN}', "0x10", "", "∞"]


def chosen(choice):
    """A document in which a choice is made, as JSON."""
    value = json.loads(dumps(Document()))
    if choice is None:
        return value
    path, name = choice
    *folders, last = path.split(".")
    place = value
    for folder in folders:
        place = place[folder]
    place[last] = encode(CHOICES[path][name]())
    return value


@pytest.mark.parametrize(("path", "choice"), FIELDS, ids=IDS)
def test_set_names_the_field(path, choice):
    document = loads(json.dumps(chosen(choice)))[0]
    for text in NOT_FINITE:
        with pytest.raises(
            (WrongUse, ExperimentError), match=rf"{path} must be a (whole |finite )?number, not"
        ):
            with_fields(document, [f"{path}={text}"])


@pytest.mark.parametrize(("path", "choice"), FIELDS, ids=IDS)
def test_a_file_names_the_field(path, choice):
    value = chosen(choice)
    *folders, last = path.split(".")
    place = value
    for folder in folders:
        place = place[folder]
    for number in ("1e400", "-1e400", "NaN", "Infinity", "-Infinity"):
        place[last] = "HERE"
        text = json.dumps(value).replace('"HERE"', number)
        with pytest.raises(ExperimentError) as caught:
            loads(text)
        assert str(caught.value) == f"{path} must be a finite number"


def test_every_part_is_swept():
    """No part of an experiment is left out of the sweep above."""
    swept = {path.split(".")[0] for path, _ in FIELDS}
    assert swept >= {f.name for f in dataclasses.fields(Document().experiment)} | {"look", "lab"}
