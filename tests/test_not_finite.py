"""A number that is none, or that nothing can hold, is refused by the name of its field: by --set and in a file."""

import dataclasses
import json

import pytest

from explorer.base.params import params
from explorer.cli import main
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
NOT_FINITE = ["1e400", "-1e400", "nan", "NaN", "inf", "-Infinity", "[1e400]", '{"a": NaN}', "0x10", "", "∞", "-inf",
              "1e-400", "-1e-400", "1e-300/1e300", "1e-323%", "0." + "0" * 400 + "1"]  # fmt: skip
#: Others that are read, and what they are.
READ = {"١٢": 12, "１２": 12, "1_000": 1000, "1 000": 1000, "0e5": 0, "-0": 0, "0.0": 0, "٠": 0}


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
    for number in ("1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1e-400", "-0.1e-999"):
        place[last] = "HERE"
        text = json.dumps(value).replace('"HERE"', number)
        with pytest.raises(ExperimentError) as caught:
            loads(text)
        assert str(caught.value) == f"{path} must be a finite number that a float can hold"


@pytest.mark.parametrize(("path", "choice"), FIELDS, ids=IDS)
def test_what_is_read_is_set_or_out_of_a_range_that_names_the_field(path, choice):
    document = loads(json.dumps(chosen(choice)))[0]
    for text, number in READ.items():
        try:
            made = with_fields(document, [f"{path}={text}"])
        except (WrongUse, ExperimentError) as error:
            assert path.split(".")[-1] in str(error)
            continue
        value = json.loads(dumps(made))
        for name in path.split("."):
            value = value[name]
        assert value == number


#: Options of numbers: a command, and what it needs beside. All are read by the one parser.
OPTIONS = [
    ("score", "--t", "--points", "{p}"), ("likelihood", "--t"), ("likelihood", "--samples"),
    ("likelihood", "--probes"), ("likelihood", "--steps"), ("likelihood", "--tolerance"), ("export", "--width"),
    ("lab likelihood", "--t"), ("lab likelihood", "--at"), ("lab likelihood", "--font-size"),
    ("lab likelihood", "--figure"), ("race", "--iterations"), ("convergence", "--seeds"),
    ("convergence", "--particles"), ("convergence", "--steps"), ("train", "--iterations"), ("train", "--seconds"),
    ("new", "--count"), ("new", "--held-out"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "option", "more"), [(c, o, more) for c, o, *more in OPTIONS])
def test_options_name_themselves(tmp_path, capsys, command, option, more):
    e, points = tmp_path / "e.json", tmp_path / "p.csv"
    e.write_text(dumps(Document()))
    points.write_text("x,y\n1,2\n3,4\n5,7\n")
    first = ["new", "--data", str(points)] if command == "new" else [*command.split(), str(e)]
    for text in [t for t in NOT_FINITE if t[0:1] not in ("[", "{")]:
        assert main([*first, *(m.format(p=points) for m in more), f"{option}={text}"]) == 2
        said = capsys.readouterr()
        assert option in said.err and said.err.count("\n") == 1 and not said.out


@pytest.mark.parametrize(("option", "value"), [("--count", "1"), ("--count", "20001"), ("--held-out", "0.6"),
                                               ("--held-out", "-0.1")])  # fmt: skip
def test_ranges_of_what_is_taken_name_their_option(tmp_path, capsys, option, value):
    points = tmp_path / "p.csv"
    points.write_text("x,y\n1,2\n3,4\n5,7\n")
    assert main(["new", "--data", str(points), f"{option}={value}"]) == 2
    assert f"{option} must be between" in capsys.readouterr().err


def test_every_part_is_swept():
    """No part of an experiment is left out of the sweep above."""
    swept = {path.split(".")[0] for path, _ in FIELDS}
    assert swept >= {f.name for f in dataclasses.fields(Document().experiment)} | {"look", "lab"}
