"""export: an animation, a picture or a table, without a display and without OpenGL."""

from __future__ import annotations

import math
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.base.params import Param, params
from explorer.cli.common import (
    DASH,
    advise,
    experiment_argument,
    files_read,
    load_model,
    model_argument,
    noted,
    print_json,
    progress,
    read_document,
    resolved,
    target,
    with_model,
)
from explorer.cli.errors import Parser, WrongUse
from explorer.cli.streams import send
from explorer.diffusion.frames import Recording
from explorer.experiment.schema import Experiment
from explorer.export import EXPORTERS, Exporter
from explorer.figures.marks import Bounds
from explorer.figures.theme import THEMES, theme

if TYPE_CHECKING:
    from explorer.experiment.resolution import Resolved
    from explorer.export import Replay
    from explorer.networks.files import Model

#: Where only one side of a picture is given, the other follows from this shape.
SHAPE = (16, 9)


def main(program: str, argv: list[str]) -> int:
    """Export."""
    parser = _parser(program)
    options = parser.parse_args(argv)
    out = options.out = target(options.out, files_read(options))
    exporter = _exporter(options)
    if not 0 <= options.at <= 1:
        raise WrongUse(f"--at is a share of the run between 0 and 1, not {options.at:g}.")
    bounds = _bounds(options.bounds)
    model = load_model(options.model)
    found = with_model(read_document(options.experiment, options.sets, [out]), model)
    from explorer.ui.dialogs.exporting import QtRenderer, replay_of

    runs = [_run(e, model) for e in (found.experiment, found.compare) if e is not None]
    renderer = QtRenderer()
    replay = replay_of(found, runs, theme(options.theme), options.at, bounds)
    if options.no_caption:
        replay = replace(replay, caption="")
    _write(exporter, replay, renderer, out)
    outline = exporter.outline(replay)
    size = Path(out).stat().st_size if Path(out).is_file() else None  # a pipe has none
    summary: dict[str, Any] = {"out": out, "format": exporter.name, "bytes": size, "frames": outline.frames}
    if outline.width:
        summary |= {"width": outline.width, "height": outline.height, "seconds": outline.seconds}
    print_json(summary, to_stderr=out == DASH)
    return 0


def _parser(program: str) -> Parser:
    parser = Parser(program, description="Make an animation, a picture or a table of an experiment.")
    experiment_argument(parser)
    parser.add_argument("--out", metavar="FILE", required=True, help="its ending chooses the format")
    parser.add_argument("--format", choices=list(EXPORTERS), metavar="NAME", help="a format by name (for -)")
    parser.add_argument("--at", type=float, default=1.0, help="where in the run a picture is taken, 0 to 1")
    parser.add_argument(
        "--bounds", type=float, nargs=4, metavar=("LEFT", "RIGHT", "BOTTOM", "TOP"),
        help="the part of the plane to show, as the window does after a zoom",
    )  # fmt: skip
    parser.add_argument("--no-caption", action="store_true", help="leave out the line with the settings")
    parser.add_argument("--theme", choices=list(THEMES), default="dark")
    model_argument(parser)
    for p in _all_parameters().values():
        takers = ", ".join(name for name in EXPORTERS if p.name in _names(EXPORTERS[name]))
        said = f"{p.label} ({takers})"
        if p.kind == "bool":
            parser.add_argument(f"--{p.name}", action="store_const", const=True, help=said)
        else:
            kind = {"int": int, "float": float}.get(p.kind, str)
            parser.add_argument(f"--{p.name}", type=kind, metavar=p.kind.upper(), help=said)
    return parser


def _bounds(given: Sequence[float] | None) -> Bounds | None:
    if given is None:
        return None
    left, right, bottom, top = given
    if not (all(map(math.isfinite, given)) and left < right and bottom < top):
        raise WrongUse("--bounds takes LEFT RIGHT BOTTOM TOP with LEFT below RIGHT and BOTTOM below TOP.")
    return left, right, bottom, top


def _all_parameters() -> dict[str, Param]:
    return {p.name: p for name in EXPORTERS for p in params(EXPORTERS[name])}


def _names(cls: type) -> list[str]:
    return [p.name for p in params(cls)]


def _exporter(options: Namespace) -> Exporter:
    """The exporter that the file's ending asks for, with the parameters that were given."""
    cls = _class_for(options)
    given = {n: v for n in _all_parameters() if (v := getattr(options, n)) is not None}
    for name in given:
        if name not in _names(cls):
            raise WrongUse(
                f"--{name} means nothing for {cls.name}; it takes {', '.join(_names(cls)) or 'none'}."
            )
    if given.keys() & {"mm", "font"}:  # which mean something on paper only
        given["paper"] = True
    if "width" in given and "height" not in given:
        given["height"] = max(16, round(given["width"] * SHAPE[1] / SHAPE[0]))
    if "height" in given and "width" not in given:
        given["width"] = max(16, round(given["height"] * SHAPE[0] / SHAPE[1]))
    return cls(**given)


def _class_for(options: Namespace) -> type[Exporter]:
    if options.format is not None:
        return EXPORTERS[options.format]
    endings: dict[str, type[Exporter]] = {}
    for cls in EXPORTERS.values():  # the first of those that share an ending; the others by --format
        endings.setdefault(cls.suffix, cls)
    ending = Path(options.out).suffix.lower()
    if options.out == DASH:
        raise WrongUse("--out - needs --format NAME.")
    if ending not in endings:
        raise WrongUse(f"--out {options.out}: the endings are {', '.join(endings)}.")
    return endings[ending]


def _run(e: Experiment, model: Model | None) -> tuple[Experiment, Resolved, Recording]:
    """Simulate one experiment."""
    from explorer.diffusion.simulate import simulate

    answer = resolved(e, model)
    advise(e)
    recording = Recording()
    frames = noted(simulate(e.sde, e.sampler, answer.score, e.target, e.seed))
    for frame in progress(frames, e.sampler.expected_frames, "simulating", " frames"):
        recording.append(frame)
    recording.complete = True
    return e, answer, recording


def _write(exporter: Exporter, replay: Replay, renderer: Any, out: str) -> None:
    if out == DASH:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"export{exporter.suffix}"
            _write(exporter, replay, renderer, str(path))
            send(path)
        return
    steps = exporter.write(replay, out, renderer)
    for _ in progress(steps, exporter.outline(replay).frames, "exporting"):
        pass
