"""train: a score network, from the beginning or from where another training ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.cli.common import (
    experiment_argument,
    load_model,
    print_json,
    read_document,
    stoppable,
    target,
    warn,
)
from explorer.cli.errors import Failed, Parser, WrongUse
from explorer.experiment import Experiment, encode

if TYPE_CHECKING:
    from explorer.scores.files import Model
    from explorer.train import TrainFrame


def main(program: str, argv: list[str]) -> int:
    """Train."""
    parser = Parser(program, description="Train a score network for the data of an experiment.")
    experiment_argument(parser)
    parser.add_argument("--out", metavar="MODEL.safetensors", required=True, help="where to write it")
    parser.add_argument("--seconds", type=float, metavar="S", help="of training")
    parser.add_argument("--iterations", type=int, metavar="N", help="of training; these alone are repeatable")
    parser.add_argument("--device", choices=("auto", "cuda", "mps", "cpu"), help="where to train")
    parser.add_argument("--from", metavar="MODEL.safetensors", dest="start", help="a network to go on from")
    options = parser.parse_args(argv)
    out = target(options.out)
    e = read_document(options.experiment, options.sets).experiment
    e = _with_budget(e, options.seconds, options.iterations, options.device)
    start = load_model(options.start)
    if start is not None:
        e = _continuing(e, start)
    frame, interrupted = _trained(e, start)
    _keep(e, frame, out)
    print_json(_summary(out, frame))
    if interrupted:
        raise Failed(f"interrupted; the network as it was after {frame.iteration} iterations is in {out}.")
    return 0


def _with_budget(
    e: Experiment, seconds: float | None, iterations: int | None, device: str | None
) -> Experiment:
    budget = e.training
    if seconds is not None or iterations is not None:
        budget = replace(budget, seconds=seconds or 0.0, iterations=iterations or 0)
    if device is not None:
        budget = replace(budget, device=device)
    field = "picture_training" if e.pictures else "training"
    return replace(e, score=replace(e.score, source="trained", **{field: budget}))


def _continuing(e: Experiment, start: Model) -> Experiment:
    """With the network of the model that is gone on from; only its weights may differ."""
    if start.dim != e.data.dim:
        raise WrongUse(
            f"--from: a network for {start.dim} dimensions cannot go on with data of {e.data.dim}."
        )
    if start.data and start.data != encode(e.data):
        warn("the network was trained on other data before.")
    field = "unet" if e.pictures else "network"
    return replace(e, score=replace(e.score, **{field: start.network}))


def _frames(e: Experiment, start: Model | None) -> Iterator[TrainFrame]:
    from explorer.train.start import training_of

    return training_of(e, start.weights if start is not None else None)


def _trained(e: Experiment, start: Model | None) -> tuple[TrainFrame, bool]:
    """The last frame, with the last weights, and whether the training was interrupted."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread of its own
    last: TrainFrame | None = None
    weights = None
    form = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
    often = 0.1 if sys.stderr.isatty() else 5.0
    with tqdm(total=1.0, desc="training", bar_format=form, mininterval=often, file=sys.stderr) as bar:
        try:
            for last in stoppable(_frames(e, start)):
                weights = last.weights if last.weights is not None else weights
                _tell(bar, last)
        except KeyboardInterrupt:
            if last is None or weights is None:
                raise
    assert last is not None and weights is not None
    return replace(last, weights=weights), not last.done


def _tell(bar: tqdm[float], frame: TrainFrame) -> None:  # type: ignore[name-defined]
    words = f"loss {frame.smoothed:.4f}, floor {frame.floor:.4f}, {frame.iterations_per_second:.0f} it/s"
    bar.set_postfix_str(words, refresh=False)
    bar.update(frame.progress - bar.n)
    if frame.note:
        bar.write(f"note: {frame.note}", file=sys.stderr)


def _keep(e: Experiment, frame: TrainFrame, out: str) -> None:
    from explorer.models import model_of
    from explorer.scores.files import save

    try:
        save(model_of(e, frame, frame.weights or {}), out)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror or error}.") from error


def _summary(out: str, frame: TrainFrame) -> dict[str, object]:
    return {
        "out": out,
        "iterations": frame.iteration,
        "seconds": round(frame.seconds, 2),
        "loss": frame.smoothed,
        "floor": frame.floor,
        "excess": frame.excess,
        "device": frame.device,
        "note": frame.note,
    }
