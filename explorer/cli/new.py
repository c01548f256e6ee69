"""new: an experiment file from a few names."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from explorer.cli.common import DASH, files_read, set_argument, spare_images, target, warn, with_fields
from explorer.cli.errors import Failed, Parser, WrongUse
from explorer.cli.points import given_arguments, imported, table_arguments
from explorer.data.distributions import Distribution
from explorer.data.images import DATA
from explorer.data.images.folder import Folder, is_images
from explorer.data.imports import is_picture, read_image
from explorer.diffusion.samplers.base import CORRECTORS, PREDICTORS, SOLVERS
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.sdes import SDES
from explorer.experiment.defaults import first_sheet, in_mode, with_data
from explorer.experiment.schema import Experiment
from explorer.session import document
from explorer.session.document import Document
from explorer.session.scenes import Scene, scene


def main(program: str, argv: list[str]) -> int:
    """Write the file."""
    parser = Parser(program, description="Write a new experiment file, to stdout unless --out is given.")
    parser.add_argument("--distribution", metavar="NAME", help="of the data (list distributions)")
    parser.add_argument(
        "--data",
        metavar="FILE",
        help="points as data: a table, arrays, or an image's darkness (- is stdin); or a set of images: a folder, IDX, "
        "NPZ, NPY",
    )
    parser.add_argument("--scene", metavar="NAME", help="begin from a scene (list scenes)")
    parser.add_argument("--sde", metavar="NAME", help="of the process (list sdes)")
    parser.add_argument(
        "--sampler", metavar="NAME",
        help="a mode, predictor, ODE solver or corrector; MODE.NAME where two share a name, such as ode.ddim",
    )  # fmt: skip
    parser.add_argument("--score", choices=("exact", "pretrained", "trained"), help="where the score is from")
    set_argument(parser)
    table_arguments(parser, "--data", classes=True)
    parser.add_argument("--out", metavar="FILE", default=DASH, help="where to write (- is stdout)")
    options = parser.parse_args(argv)
    out = target(options.out, files_read(options), ending=".json")
    sets = [
        *_named("data", options.distribution, DATA, "--distribution"),
        *_named("sde", options.sde, SDES, "--sde"),
        *(sampler_fields(options.sampler) if options.sampler is not None else []),
        *([f'score.source="{options.score}"'] if options.score else []),
    ]
    made = _begun(options, [*sets, *options.sets])
    spare_images(made.experiment.data, [out])
    if out == DASH:
        print(document.dumps(made), end="")
        return 0
    try:
        document.write(out, made)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror or error}.") from error
    return 0


def _begun(options: Namespace, sets: list[str]) -> Document:
    """The document with fields set, from a scene or a file of points where one is named."""
    named = [o for o in ("scene", "data", "distribution") if getattr(options, o) is not None]
    if len(named) > 1:
        raise WrongUse(f"--{named[0]} has its own data: leave out --{named[1]}.")
    if options.scene is not None:
        chosen = _told(_scene(options.scene))
        return with_fields(replace(chosen.document, lab=chosen.make_lab()), sets)
    if options.data is not None:
        if not options.data:
            raise WrongUse("--data needs the name of a file or a folder, and none is given.")
        if options.data != DASH and is_images(Path(options.data)):
            _only_tables(options)
            place = json.dumps(str(Path(options.data)))
            return _made(['data="folder"', f"data.path={place}", *sets])
        if _is_picture(options.data):
            _only_tables(options)
            found = read_image(options.data)
        else:
            found = imported(options.data, options)
        warn(found.sentence)
        return with_fields(Document().with_data(found.distribution()), sets)
    return _made(sets)


def _only_tables(options: Namespace) -> None:
    """Refuse what chooses from a table where there is none."""
    if given := given_arguments(options):
        raise WrongUse(
            f"--data {options.data} holds images, and no table from which {given[0]} could choose."
        )


def _is_picture(name: str) -> bool:
    return name != DASH and is_picture(name)


def _scene(name: str) -> Scene:
    try:
        return scene(name)
    except ValueError as error:
        raise WrongUse(f"--scene: {error}.") from None


def _told(chosen: Scene) -> Scene:
    """The scene, after its words and the laboratory that belongs to it have been told."""
    warn(chosen.words)
    if chosen.lab:
        warn(f"its laboratory, set as the scene wants it, is run by: lab {chosen.lab} EXPERIMENT.json")
    return chosen


def _made(sets: list[str]) -> Document:
    """The document with fields set; where its data are pictures, in an experiment that suits pictures."""
    made = with_fields(Document(), sets)
    if made.experiment.pictures is None:
        return made
    data = _chosen(made.experiment.data)
    own = [s for s in sets if not s.startswith("data")]
    begun = with_data(Experiment(), data)
    mode = with_fields(Document(begun), own).experiment.sampler.mode
    fitting = replace(begun, sampler=in_mode(begun, mode))  # with as many steps as suit the mode
    made = with_fields(Document(fitting), own)
    if any(s.startswith("control") for s in own):
        return made
    return replace(made, experiment=first_sheet(made.experiment))


def _chosen(data: Distribution) -> Distribution:
    """The data; of a folder of pictures with what is found in it, which is told."""
    if not isinstance(data, Folder):
        return data
    warn(data.found.sentence)
    return replace(data, digest=data.found.digest)


def _named(field: str, name: str | None, known: object, option: str) -> list[str]:
    if name is None:
        return []
    names = list(known)  # type: ignore[call-overload]
    if name not in names:
        raise WrongUse(f"{option}: there is no {name!r}; there are: {', '.join(names)}.")
    return [f'{field}="{name}"']


#: What a sampler's name may be: the registry, the mode that it sets, the field, and what it is.
PLACES: tuple[tuple[Mapping[str, Any], str, str, str], ...] = (
    (MODES, "", "mode", "mode"),
    (PREDICTORS, "reverse", "predictor", "predictor of the reverse SDE"),
    (SOLVERS, "ode", "solver", "solver of the ODE"),
    (CORRECTORS, "pc", "corrector", "corrector of PC"),
)


def sampler_fields(name: str) -> list[str]:
    """The fields to set for a sampler known by its name, or by MODE.NAME; of several the first, which is told."""
    prefix, _, bare = name.rpartition(".")
    found = [place[1:] for place in PLACES if bare in place[0] and prefix in ("", place[1])]
    if not found:
        raise WrongUse(f"--sampler: there is no {name!r}; there are: {', '.join(_sampler_names())}.")
    (mode, field, what), *others = found
    if others:
        rest = " and ".join(f"{mode}.{bare} is the {what}" for mode, _, what in others)
        warn(f"{bare} is taken as the {what}; {rest}.")
    chosen = [f'sampler.{field}="{bare}"']
    return [f'sampler.mode="{mode}"', *chosen] if mode else chosen


def _sampler_names() -> list[str]:
    """Each by the shortest name that means it."""
    names: list[str] = []
    for known, mode, *_ in PLACES:
        names += [f"{mode}.{name}" if name in names else name for name in known]
    return names
