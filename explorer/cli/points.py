"""Points from files on the command line: the options that say what is taken of a table, and the reading."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TypeVar, cast

import numpy as np

from explorer.cli.common import progress_bar, warn
from explorer.cli.errors import WrongUse
from explorer.data.distributions.points import MOST, USUAL
from explorer.data.distributions.units import FILE, STANDARD
from explorer.data.imports import Choice, DataFileError, Imported, Preview, all_points, look, taking
from explorer.data.imports.columns import NUMBER
from explorer.data.imports.preview import columns_in

T = TypeVar("T")
#: Seconds after which a reading shows how far it is.
_PATIENCE = 1.0


def table_arguments(parser: ArgumentParser, of: str, classes: bool = False) -> None:
    """The options that choose what is taken of a table, with `of` as the option that names it."""
    group = parser.add_argument_group(f"what is taken of the table in {of}")
    group.add_argument(
        "--columns", metavar="X,Y", help="the columns of the coordinates, by name or number from 1"
    )
    if classes:
        group.add_argument(
            "--classes", metavar="COLUMN", help="the column whose words are classes ('' for none)"
        )
        group.add_argument(
            "--scale", choices=("common", "each"), default="common",
            help="one scale for both axes, which keeps the shape, or one for each (default: common)",
        )  # fmt: skip
    group.add_argument(
        "--rows", metavar="COLUMN=VALUE|FROM:TO", action="append", default=[],
        help="only rows with this value ('last' is the last there is), or rows FROM to TO as Python counts them; "
        "again and again",
    )  # fmt: skip
    group.add_argument(
        "--decimal", choices=(".", ","), help="the decimal mark, where the table leaves it open"
    )
    group.add_argument("--header", choices=("yes", "no"), help="whether its first row is one of names")
    if classes:
        group.add_argument(
            "--count",
            type=int,
            metavar="N",
            help=f"support points at most (default {USUAL:,}; up to {MOST:,})",
        )
        group.add_argument(
            "--held-out", type=float, metavar="SHARE",
            help="share of the rows for the validation loss, 0 to 0.5 (default: 0.1 where there are more rows than "
            "support points, else 0)",
        )  # fmt: skip
    group.add_argument(
        "--encoding", metavar="NAME", help="the encoding of a text, such as cp1253, where the guess is wrong"
    )
    group.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook, or the array of an .npz")


def units_argument(parser: ArgumentParser, what: str) -> None:
    """--units."""
    parser.add_argument(
        "--units", choices=(FILE, STANDARD), default=FILE,
        help=f"of {what}, where the data is from a file of points: those of the file, or the standard ones of the SDE "
        f"(default: {FILE})",
    )  # fmt: skip


def given_arguments(options: Namespace) -> list[str]:
    """Those of the options above that are given."""
    names = ("columns", "classes", "rows", "decimal", "header", "encoding", "sheet", "count", "held_out")
    given = [
        f"--{name.replace('_', '-')}" for name in names if getattr(options, name, None) not in (None, [])
    ]
    return [*given, "--scale"] if getattr(options, "scale", "common") != "common" else given


def previewed(name: str, options: Namespace) -> Preview:
    """A file looked at, in the way that the options say."""
    if not name:
        raise DataFileError("the name of a file is needed, and none is given")
    header = {"yes": True, "no": False, None: None}[options.header]
    return look(name, part=options.sheet or "", header=header, encoding=options.encoding or "")


def chosen(preview: Preview, options: Namespace) -> Choice:
    """What the options choose; the proposal where they say nothing."""
    choice = preview.proposal
    if options.columns is not None:
        columns = columns_in(options.columns)
        if not columns:
            raise DataFileError(f"{preview.name}: --columns names no column")
        classes = "" if choice.classes in columns else choice.classes
        choice = replace(choice, columns=columns, classes=classes)
    if options.rows:
        choice = replace(choice, rows=tuple(options.rows), classes=_unused(preview, choice, options.rows))
    if getattr(options, "classes", None) is not None:
        choice = replace(choice, classes=options.classes)
    if getattr(options, "count", None) is not None:
        choice = replace(choice, count=options.count)
    held_out = getattr(options, "held_out", None)
    if not 2 <= choice.count <= MOST:
        raise WrongUse(f"--count must be between 2 and {MOST:,}, not {choice.count:,}.")
    if held_out is not None and not 0 <= held_out <= 0.5:
        raise WrongUse(f"--held-out must be between 0 and 0.5, not {held_out:g}.")
    per_axis = getattr(options, "scale", "") == "each"
    return replace(choice, decimal=options.decimal or "", per_axis=per_axis, held_out=held_out)


def _unused(preview: Preview, choice: Choice, rows: Sequence[str]) -> str:
    """The proposed classes, unless their column chooses the rows: all would be of one class."""
    return "" if any(row.startswith(f"{choice.classes}=") for row in rows) else choice.classes


def imported(name: str, options: Namespace) -> Imported:
    """The data of `new`."""
    preview = previewed(name, options)
    return finished(taking(preview, chosen(preview, options)), preview.name)


def points_at(name: str, dim: int, options: Namespace) -> np.ndarray:
    """Points (n, dim) float64 where something is evaluated, in the units of the file; WrongUse names --points."""
    try:
        preview = previewed(name, options)
        choice = chosen(preview, options)
        if options.columns is None:
            choice = replace(choice, columns=_coordinates(preview, dim))
        choice = replace(choice, classes="")
        if len(choice.columns) != dim:
            raise DataFileError(f"{preview.name}: {len(choice.columns)} columns chosen, not {dim}")
        if choice.rows and choice.rows == preview.proposal.rows:
            warn(f"{preview.name}: rows chosen by {' and '.join(choice.rows)}.")
        return all_points(preview, choice)
    except DataFileError as error:
        raise WrongUse(f"--points: {error}") from None


def _coordinates(preview: Preview, dim: int) -> tuple[str, ...]:
    """The columns called as coordinates, or all that hold numbers if they are as many as needed."""
    proposed = preview.proposal.columns
    if len(proposed) == dim and preview.by_name:
        return proposed
    numbers = [c.name for c in preview.columns if c.kind == NUMBER]
    if len(numbers) == dim:
        return tuple(numbers)
    if dim == 1 and proposed[0].lower() == "x":
        return proposed[:1]
    if len(preview.columns) == dim:
        return tuple(c.name for c in preview.columns)
    raise DataFileError(
        f"{preview.name} has {len(preview.columns)} columns, not {dim}: choose {'two' if dim == 2 else 'one'} "
        "by --columns"
    )


def finished(work: Generator[float, None, T], name: str) -> T:
    """The outcome of work done in steps, with a bar on stderr if somebody looks and it takes a while."""
    form = "{desc}: {percentage:3.0f}% |{bar}|"
    options = {"disable": None, "leave": False, "bar_format": form, "delay": _PATIENCE}
    with progress_bar(f"reading {name}", 1.0, **options) as bar:
        while True:
            try:
                bar.update(next(work) - bar.n)
            except StopIteration as end:
                return cast(T, end.value)
