"""train: a score network, from the beginning or from where another training ended."""

from __future__ import annotations

import math
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from explorer.base.files import same_file
from explorer.cli.common import (
    files_read,
    load_model,
    naming,
    print_json,
    progress_bar,
    read_document,
    set_argument,
    spare_images,
    stoppable,
    target,
    unstoppable,
    warn,
)
from explorer.cli.errors import WRONG_USE, Failed, Parser, WrongUse, sentence_of
from explorer.experiment.codec import encode
from explorer.experiment.schema import Experiment

if TYPE_CHECKING:
    from explorer.experiment.checkpoint import Checkpoint
    from explorer.experiment.training import Course
    from explorer.networks.files import Model
    from explorer.training import TrainFrame

EVERY = 300.0


def main(program: str, argv: list[str]) -> int:
    """Train, alone or as one of the processes that torchrun has started."""
    try:
        return _main(program, argv)
    except ValueError as error:  # something wrong with what was given: every process finds it, one says so
        if os.environ.get("RANK", "0") == "0":
            raise
        return sentence_of(error)[1] if not isinstance(error, WrongUse) else WRONG_USE


def _main(program: str, argv: list[str]) -> int:
    options = _options(program, argv)
    read = files_read(options)
    outs = [target(options.out, read, stdout=False, ending=".safetensors")]
    if options.checkpoint is not None:  # which may go on in the file of the one that is resumed
        others = [name for name in read if name != options.resume]
        outs.append(target(options.checkpoint, others, "--checkpoint", stdout=False))
        if same_file(*outs):
            raise WrongUse("--checkpoint and --out are one file: choose another name for one of them.")
    checkpoint = _checkpoint(options.resume)
    e = _with_budget(_experiment(options, checkpoint), options)
    spare_images(e.data, outs)
    if e.pictures is None:
        _only_pictures(options)
    start = load_model(options.start)
    if start is not None:
        e = _continuing(e, start)
    return (
        _on_points(e, outs[0], start) if e.pictures is None else _on_pictures(e, options, start, checkpoint)
    )


def _options(program: str, argv: list[str]) -> Namespace:
    parser = Parser(
        program, description="Train a score network for the data of an experiment. For pictures, "
        "`torchrun --nproc-per-node N main.py train ...` shares the work among N processes.",
    )  # fmt: skip
    parser.add_argument(
        "experiment", metavar="EXPERIMENT.json", nargs="?", help="an experiment file, or - for stdin; with --resume "
        "that of the checkpoint if none is named",
    )  # fmt: skip
    set_argument(parser)
    parser.add_argument("--out", metavar="MODEL.safetensors", required=True, help="where to write it")
    parser.add_argument("--seconds", type=float, metavar="S", help="of training")
    parser.add_argument("--iterations", type=int, metavar="N", help="of training; these alone are repeatable")
    parser.add_argument("--device", choices=("auto", "cuda", "mps", "cpu"), help="where to train")
    parser.add_argument(
        "--from", metavar="MODEL.safetensors", dest="start", help="a network to continue training from"
    )
    pictures = parser.add_argument_group("pictures")
    pictures.add_argument(
        "--checkpoint", metavar="C.safetensors", help="keep the training there as it stands"
    )
    pictures.add_argument(
        "--every", type=float, default=EVERY, metavar="S", help=f"seconds between checkpoints ({EVERY:g})"
    )
    pictures.add_argument(
        "--resume", metavar="C.safetensors", help="go on from a checkpoint as if never stopped"
    )
    pictures.add_argument(
        "--archive", metavar="A.npz", help="train on a whole archive (x_train, y_train, ...)"
    )
    options = parser.parse_args(argv)
    if options.experiment is None and options.resume is None:
        raise WrongUse("name an EXPERIMENT.json, or --resume a checkpoint.")
    if options.resume and options.start:
        raise WrongUse("--from and --resume are two ways to go on: choose one.")
    return options


def _checkpoint(name: str | None) -> Checkpoint | None:
    if name is None:
        return None
    from explorer.experiment.checkpoint import load

    return load(name)


def _experiment(options: Namespace, checkpoint: Checkpoint | None) -> Experiment:
    """What is trained. A checkpoint brings its own; one that is named beside it must be the same training."""
    if checkpoint is None:
        return read_document(options.experiment, options.sets).experiment
    e = checkpoint.experiment
    if options.experiment is None:
        if options.sets:
            raise WrongUse(
                "--set needs an EXPERIMENT.json; a checkpoint goes on with the settings that it has."
            )
        return e
    given = read_document(options.experiment, options.sets).experiment
    if (given.data, given.network, given.seed) != (e.data, e.network, e.seed):
        raise WrongUse(
            "--resume: the checkpoint is of other data, another network or another seed than these."
        )
    return given


def _with_budget(e: Experiment, options: Namespace) -> Experiment:
    budget = e.training
    owners = {"training", budget.name}
    fields = {f"{owner}.{field}": f"--{field}" for owner in owners for field in ("seconds", "iterations")}
    if options.seconds is not None or options.iterations is not None:
        with naming(fields):
            budget = replace(budget, seconds=options.seconds or 0.0, iterations=options.iterations or 0)
    if options.device is not None:
        budget = replace(budget, device=options.device)
    change: dict[str, Any] = {"picture_training" if e.pictures else "training": budget}
    return replace(e, score=replace(e.score, source="trained", **change))


def _only_pictures(options: Namespace) -> None:
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise WrongUse("torchrun shares the training on pictures; points train in one process: leave it out.")
    given = [name for name in ("checkpoint", "archive") if getattr(options, name)]
    if given:
        raise WrongUse(f"--{given[0]} is for training on pictures; this experiment's data are points.")


def _continuing(e: Experiment, start: Model) -> Experiment:
    """With the network of the model that is gone on from; only its weights may differ."""
    if start.dim != e.data.dim or start.picture != e.data.picture:
        raise WrongUse(
            f"--from: a network for {start.dim} dimensions cannot go on with data of {e.data.dim}."
        )
    if start.data and start.data != encode(e.data):
        warn("the network was trained on other data before.")
    change: dict[str, Any] = {"unet" if e.pictures else "network": start.network}
    return replace(e, score=replace(e.score, **change))


# --- running it --------------------------------------------------------------------------------------------


def _on_points(e: Experiment, out: str, start: Model | None) -> int:
    from explorer.experiment.training import training_of

    return _run(e, out, training_of(e, start.weights if start else None))


def _on_pictures(
    e: Experiment, options: Namespace, start: Model | None, checkpoint: Checkpoint | None
) -> int:
    from explorer.data.images.archive import read
    from explorer.experiment.training import Course
    from explorer.training.fleet import Fleet

    archive = read(options.archive) if options.archive else None
    fleet = Fleet.joined()
    course = Course(e, start.weights if start else None, checkpoint, archive=archive, fleet=fleet)
    if fleet.leads:
        write = partial(_write, options.checkpoint)
        frames = course.kept(write, options.every) if options.checkpoint else course.frames()
        with fleet.led():
            code = _run(e, options.out, frames)
    else:
        code = _follow(course.frames())
    fleet.leave()
    return code


def _run(e: Experiment, out: str, frames: Iterator[TrainFrame]) -> int:
    frame, interrupted = _trained(frames, partial(_forecast, e))
    _keep(e, frame, out)
    print_json(_summary(out, frame))
    if interrupted:
        raise Failed(f"interrupted; the network as it was after {frame.iteration} iterations is in {out}.")
    return 0


def _follow(frames: Iterator[TrainFrame]) -> int:
    """Train in silence, until the first process says that it is over (signals are its business)."""
    from explorer.training.fleet import Dismissed

    with suppress(Dismissed):
        for _ in unstoppable(frames):
            pass
    return 0


def _write(path: str, course: Course) -> None:
    """Keep a training as it stands."""
    from explorer.experiment.checkpoint import save

    checkpoint = course.checkpoint()
    if checkpoint is None:
        return
    try:
        save(checkpoint, path)
    except OSError as error:  # a disk that is full now may have room later; the training goes on
        warn(f"{path} cannot be written: {error.strerror or error}.")


def _trained(frames: Iterator[TrainFrame], forecast: Callable[[TrainFrame], str]) -> tuple[TrainFrame, bool]:
    """The last frame, with the last weights, and whether the training was interrupted."""
    last: TrainFrame | None = None
    weights, told, foretold = None, "", ""
    form = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
    often = 0.1 if sys.stderr.isatty() else 5.0
    with progress_bar("training", 1.0, bar_format=form, mininterval=often) as bar:
        try:
            for last in stoppable(frames):
                weights = last.weights if last.weights is not None else weights
                bar.set_postfix_str(_words(last), refresh=False)
                bar.update(last.progress - bar.n)
                if last.note != told:
                    told = last.note
                    bar.write(f"note: {told}", file=sys.stderr)
                if not foretold and last.iteration >= SETTLED:
                    foretold = forecast(last)
                    if foretold:
                        bar.write(f"note: {foretold}.", file=sys.stderr)
        except KeyboardInterrupt:
            if last is None or weights is None:
                raise
    assert last is not None and weights is not None
    return replace(last, weights=weights), not last.done


#: Iterations after which the speed is that of the rest.
SETTLED = 5


def _forecast(e: Experiment, frame: TrainFrame) -> str:
    """What a training on images can reach in its time, and what to do where that is little; "" where it is unknown."""
    from explorer.training.forecast import FASTER, foretold, smaller

    words, offer = foretold(frame, e.training, e.score.unet)
    if not offer:
        return words
    small = smaller(e.score.unet)
    fields = f"--set score.unet.width={small.width} --set score.unet.depth={small.depth}"
    return f"{words}. A smaller network ({fields}) is about {FASTER} times as fast"


def _words(frame: TrainFrame) -> str:
    known = [f"floor {frame.floor:.4f}"] if frame.exact else []
    against = ", ".join([*known, *([f"held out {frame.held:.4f}"] if frame.validated else [])])
    return f"loss {frame.smoothed:.4f}, {against}, {frame.iterations_per_second:.{0 if frame.exact else 1}f} it/s"


def _keep(e: Experiment, frame: TrainFrame, out: str) -> None:
    from explorer.experiment.resolution import model_of
    from explorer.networks.files import save

    try:
        save(model_of(e, frame, frame.weights or {}), out)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror or error}.") from error


def _summary(out: str, frame: TrainFrame) -> dict[str, object]:
    numbers = {
        "out": out,
        "iterations": frame.iteration,
        "seconds": round(frame.seconds, 2),
        "loss": frame.smoothed,
        "held_out": frame.held,
        "floor": frame.floor,
        "excess": frame.excess,
        "device": frame.device,
        "note": frame.note,
    }
    return {k: v for k, v in numbers.items() if not (isinstance(v, float) and math.isnan(v))}
