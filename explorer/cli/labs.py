"""lab: run a laboratory without a window. What `likelihood`, `convergence` and `race` share is here too."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from explorer.base import strict_json
from explorer.base.params import params
from explorer.cli.common import (
    DASH,
    advise,
    experiment_argument,
    files_read,
    load_model,
    model_argument,
    naming,
    print_json,
    progress_bar,
    read_document,
    resolved,
    stoppable,
    target,
    warn,
    with_model,
)
from explorer.cli.errors import Failed, Parser, WrongUse
from explorer.experiment.codec import decode, encode
from explorer.experiment.schema import Experiment
from explorer.figures.theme import THEMES, theme

if TYPE_CHECKING:
    from explorer.diffusion.frames import Frame
    from explorer.experiment.resolution import Resolved
    from explorer.figures.figure import Figure
    from explorer.figures.files import Source
    from explorer.figures.papers import Paper
    from explorer.labs import Lab, Report
    from explorer.session.document import Document

PICTURES = (".png", ".svg", ".pdf")
ENDINGS = (*PICTURES, ".csv", ".tex", ".npz", ".json")


def main(program: str, argv: list[str]) -> int:
    """Run any laboratory."""
    parser = Parser(program, description="Run a laboratory; `list laboratories` names them.")
    parser.add_argument("name", metavar="NAME", help="a laboratory, such as schedules")
    lab_arguments(parser)
    parser.add_argument(
        "--image", metavar="FILE", help="a picture of one's own for a laboratory that takes one"
    )
    options = parser.parse_args(argv)
    return lab_command(options.name, options)


def lab_arguments(parser: Parser) -> None:
    """The arguments of every command that runs a laboratory."""
    experiment_argument(parser)
    model_argument(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--t", type=float, default=1.0, help="the time it looks at, 0 to 1 (default 1)")
    where.add_argument(
        "--at", type=float, metavar="SHARE",
        help="the frame of the run it looks at instead, 0 to 1, as the window's playhead: sub-steps have their own",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="FILE", action="append", default=[],
        help=f"where to write, by its ending: {', '.join(ENDINGS)} (again and again)",
    )  # fmt: skip
    parser.add_argument("--figure", type=int, metavar="N", help="only the Nth figure (1 is the first)")
    parser.add_argument("--theme", choices=list(THEMES), default="light", help="the colours of a picture")
    parser.add_argument(
        "--width", metavar="WIDTH",
        help="how wide a picture is on paper: column (3.3in), page (6.9in), slide (16:9), or such as 84mm, 240pt",
    )  # fmt: skip
    parser.add_argument(
        "--font-size", type=float, metavar="POINTS",
        help="how large its words are there (default 8, on a slide 18); titles are a fifth larger",
    )  # fmt: skip
    parser.add_argument(
        "--plot-only", action="store_true", help="leave out titles, sentences and the caption"
    )
    parser.add_argument("--transparent", action="store_true", help="with nothing behind the figures")
    parser.add_argument("--quick", action="store_true", help="with its cheapest settings, to try it out")


def lab_command(
    name: str, options: Namespace, given: dict[str, Any] | None = None, called: dict[str, str] | None = None
) -> int:
    """Run the laboratory called `name` on the arguments of `lab_arguments`; `given` are more parameters, from
    options of their names, or of those in `called`.

    Words go to stderr, a JSON summary to stdout; files are written as --out asks. Returns the exit code.
    """
    outs = [_target(out, files_read(options)) for out in options.out]
    paper = _paper(options, outs)
    if not 0 <= options.t <= 1:
        raise WrongUse(f"--t is a time between 0 and 1, not {options.t:g}.")
    cls = lab_class(name)
    _check_at(cls, options.at)
    own, sets = _own_sets(cls, options.sets)
    model = load_model(options.model)
    found = with_model(read_document(options.experiment, sets, outs), model)
    given = given or {}
    with naming({f"lab.{field}": f"--{(called or {}).get(field, field)}" for field in given}):
        lab = make_lab(cls, _in_file(cls, found) | own | given, quick=options.quick)
    if getattr(options, "image", None) is not None:
        lab = _with_image(lab, options.image, found.experiment)
    answer = resolved(found.experiment, model)
    if found.experiment.given and not lab.guided:
        warn(f"this laboratory leaves out the control of the experiment ({found.experiment.given}).")
    report = run_lab(lab, found.experiment, answer, options.t, options.at)
    from explorer.labs.toolkit.sources import source_of

    figures = _chosen(report.figures, options.figure)
    source = source_of(lab, found.experiment, answer, report.words)
    for out in outs:
        write_report(out, figures, report, source, options.theme, paper)
    if report.words:
        print(report.words, file=sys.stderr)
    from explorer.figures.files import summary

    print_json(summary(figures, source) | ({"out": outs} if outs else {}), to_stderr=DASH in outs)
    return 0


def lab_class(name: str) -> type[Lab]:
    """The laboratory of that name."""
    from explorer.labs import LABS

    return LABS[name]


def _in_file(cls: type[Lab], found: Document) -> dict[str, Any]:
    """The fields that the file has for this laboratory, where it is the one that was open."""
    return encode(found.lab) if type(found.lab) is cls else {}


def _with_image(lab: Lab, path: str, e: Experiment) -> Lab:
    """A laboratory that takes a picture of one's own, with that of a file."""
    from explorer.guidance.own_image import own_levels

    if not lab.own_pictures:
        raise WrongUse(f"--image is for drawing, picture_bits and picture_codes; {lab.name} takes none.")
    if e.pictures is None:
        raise WrongUse(lab.refusal(e))
    field, own = next(iter(lab.own_pictures.items()))
    levels, said = own_levels(path, e.pictures, grey=own.grey)
    warn(said)
    changed: Lab = replace(cast(Any, lab), **{field: levels}, **own.sets)
    return changed


def make_lab(cls: type[Lab], given: dict[str, Any], *, quick: bool = False) -> Lab:
    """The laboratory with these parameters as JSON values; an ExperimentError names the wrong one."""
    base = encode(cls.quick()) if quick else {}
    lab: Lab = decode(cls, base | given, "lab")
    return lab


def run_lab(
    lab: Lab, experiment: Experiment, answer: Resolved, t: float = 1.0, at: float | None = None
) -> Report:
    """Its last report, at time t or at a share of the run. Progress goes to stderr if somebody looks; what it
    refuses is WrongUse."""
    from explorer.labs import Context

    refused = lab.refusal(experiment)
    if refused:
        raise WrongUse(refused)
    if lab.follows:
        advise(experiment)
    frames = simulated(experiment, answer, t, at) if lab.follows else ()
    t = frames[-1].t if at is not None else t
    report: Report | None = None
    with _bar(lab.title) as bar:
        for report in stoppable(lab.reports(lab.looks_at(Context(experiment, answer, t, frames)))):
            bar.n = round(report.progress, 3)
            bar.refresh()
    if report is None:
        raise Failed(f"{lab.title} has reported nothing.")
    return report


def simulated(experiment: Experiment, answer: Resolved, t: float, at: float | None = None) -> Sequence[Frame]:
    """The frames of the experiment's run up to the frame nearest to time t, or up to the one at a share of the run,
    as the playhead would have them."""
    from explorer.diffusion.simulate import simulate

    e = experiment
    frames = list(simulate(e.sde, e.sampler, answer.score, e.target, e.seed))
    if at is not None:
        return frames[: round(at * (len(frames) - 1)) + 1]
    nearest = min(range(len(frames)), key=lambda i: (abs(frames[i].t - t), -i))
    return frames[: nearest + 1]


def _check_at(cls: type[Lab], at: float | None) -> None:
    if at is not None and not cls.follows:
        raise WrongUse(f"--at means nothing for {cls.name}: it does not follow the playhead.")
    if at is not None and not 0 <= at <= 1:
        raise WrongUse(f"--at is a share of the run between 0 and 1, not {at:g}.")


def _bar(title: str) -> Any:
    shown = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
    return progress_bar(title, 1.0, disable=None, leave=False, bar_format=shown)


def _own_sets(cls: type[Lab], sets: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The --set that mean the laboratory, as JSON, and those that mean the experiment."""
    from explorer.cli.common import _assign, _parsed

    own: dict[str, Any] = {}
    rest = []
    names = {p.name for p in params(cls)}
    for assignment in sets:
        field, equals, text = assignment.partition("=")
        head = field.strip().split(".")[0]
        if equals and head in names:
            _assign(own, field.strip(), _parsed(text))
        elif equals and head not in _fields():
            raise WrongUse(f"--set {field}: {cls.name} has {', '.join(names) or 'no parameters'}.")
        else:
            rest.append(assignment)
    return own, rest


def _fields() -> set[str]:
    return {p.name for p in params(Experiment)} | {"compare", "look"}


def _target(name: str, read: Sequence[str]) -> str:
    name = target(name, read)
    if name != DASH and Path(name).suffix.lower() not in ENDINGS:
        raise WrongUse(f"--out {name}: the endings are {', '.join(ENDINGS)}.")
    return name


def _chosen(figures: tuple[Figure, ...], number: int | None) -> tuple[Figure, ...]:
    if number is None:
        return figures
    if not 1 <= number <= len(figures):
        raise WrongUse(f"--figure {number}: {_numbers(len(figures))}.")
    return (figures[number - 1],)


def _numbers(count: int) -> str:
    return f"the figures are 1 to {count}" if count > 1 else "there is only figure 1"


def _paper(options: Namespace, outs: Sequence[str]) -> Paper | None:
    """What the pictures are made for; None where nothing is said of it: as large as on a screen."""
    from explorer.figures.papers import paper

    asked = {
        "--width": options.width, "--font-size": options.font_size,
        "--plot-only": options.plot_only, "--transparent": options.transparent,
    }  # fmt: skip
    given = [name for name, value in asked.items() if value is not None and value is not False]
    if not given:
        return None
    if not any(Path(out).suffix.lower() in PICTURES for out in outs):
        raise WrongUse(f"{given[0]} is for pictures: name one with --out ({', '.join(PICTURES)}).")
    try:
        return paper(
            options.width or "page", options.font_size, plot_only=options.plot_only, clear=options.transparent
        )
    except ValueError as error:
        raise WrongUse(str(error)) from None


def write_report(
    out: str,
    figures: Sequence[Figure],
    report: Report,
    source: Source,
    theme_name: str = "light",
    paper: Paper | None = None,
) -> None:
    """Write the figures into one file, whose ending says how. Qt is only loaded for pictures."""
    from explorer.figures import files

    try:
        if out == DASH:
            sys.stdout.write(strict_json.dumps(files.summary(figures, source)) + "\n")
        elif Path(out).suffix.lower() not in PICTURES:
            files.write_numbers(out, figures, report.arrays, source)
        else:
            _draw(out, figures, source, theme_name, paper)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror or error}.") from error
    except ValueError as error:
        raise WrongUse(f"--out {out}: {error}") from None


def _draw(out: str, figures: Sequence[Figure], source: Source, theme_name: str, paper: Paper | None) -> None:
    from explorer.ui.figures.render import write_picture

    write_picture(out, figures, source, theme(theme_name), paper)
