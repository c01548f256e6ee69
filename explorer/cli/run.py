"""run: simulate, save the arrays, say what it cost."""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from explorer.analysis.distance import Scale, to_data
from explorer.base.lazy import torch
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
    warn,
    with_model,
)
from explorer.cli.errors import Failed, Parser
from explorer.cli.points import units_argument
from explorer.cli.streams import send
from explorer.data.distributions.units import Units
from explorer.data.images import ImageSet
from explorer.diffusion.frames import Frame
from explorer.experiment.schema import Experiment
from explorer.guidance.class_guidance import ClassGuidance
from explorer.session import document
from explorer.session.document import Document


def main(program: str, argv: list[str]) -> int:
    """Simulate."""
    options = _parser(program).parse_args(argv)
    outs = [target(options.out, files_read(options), ending=".npz")] if options.out is not None else []
    out = outs[0] if outs else None
    model = load_model(options.model)
    found = with_model(read_document(options.experiment, options.sets, outs), model)
    answer = resolved(found.experiment, model)
    advise(found.experiment)
    from explorer.diffusion.simulate import simulate

    e = found.experiment
    frames = simulate(e.sde, e.sampler, answer.score, e.target, e.seed)
    count = e.sampler.expected_frames
    began = time.perf_counter()
    last = _save(
        progress(frames, count, "simulating", " frames"),
        count,
        found,
        answer.named,
        out,
        e.data.units_in(options.units),
    )
    seconds = time.perf_counter() - began
    summary = _summary(out, last, seconds, answer.named)
    if options.metrics:
        summary["metrics"] = measured(e, last.frame.x)
    print_json(summary, to_stderr=out == DASH)
    return 0


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        description="Simulate an experiment. The archive holds t (frames,), x (frames, particles, d), "
        "nfe (frames,), the experiment and which score was used, of pictures also pictures (n, h, w, c); a summary "
        "goes to stdout.",
    )
    experiment_argument(parser)
    parser.add_argument("--out", metavar="RUN.npz", help="where to write the arrays (- is stdout)")
    model_argument(parser)
    units_argument(parser, "the arrays")
    parser.add_argument("--metrics", action="store_true", help="measure the distance to the data too")
    return parser


class _Seen:
    """Hands frames on and remembers the last, how many there were, the first note, and what was accepted."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self.count, self.note = 0, ""
        self.accepted: list[float] = []
        self.frame: Frame

    def __iter__(self) -> Iterator[Frame]:
        for frame in noted(self._frames):
            self.frame, self.count = frame, self.count + 1
            if frame.accepted is not None:
                self.accepted.append(frame.accepted)
            self.note = self.note or frame.note
            yield frame


def _save(
    frames: Iterator[Frame], count: int, found: Document, score: str, out: str | None, units: Units | None
) -> _Seen:
    """Run through the frames, into an archive if there is to be one."""
    seen = _Seen(frames)
    if out is None:
        for _ in seen:
            pass
    elif out == DASH:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.npz"
            _archive(seen, count, found, score, path, units)
            send(path)
    else:
        from explorer.base.files import write_atomically

        try:
            with write_atomically(out) as temporary:
                _archive(seen, count, found, score, temporary, units)
        except OSError as error:
            raise Failed(f"{out} cannot be written: {error.strerror or error}.") from error
    return seen


def _archive(seen: _Seen, count: int, found: Document, score: str, path: Path, units: Units | None) -> None:
    """Streamed, where the number of frames is known before; an adaptive solver takes few."""
    from explorer.export.npz import write_run

    frames = seen if count else list(seen)
    text = document.dumps(found)
    picture = found.experiment.data.picture
    with zipfile.ZipFile(path, "w") as archive:
        for _ in write_run(archive, frames, count or seen.count, text, score, picture=picture, units=units):
            pass


def _summary(out: str | None, seen: _Seen, seconds: float, score: str) -> dict[str, Any]:
    shape = [seen.count, *seen.frame.x.shape]
    return {
        "out": out,
        "x": shape,
        "nfe": seen.frame.nfe,
        "seconds": round(seconds, 4),
        "score": score,
        "note": seen.note,
    } | ({"accepted": sum(seen.accepted) / len(seen.accepted)} if seen.accepted else {})


LEFT_OUT = "Distances between clouds are left out: a few pictures say nothing about a law in {} dimensions."


def _measured_pictures(e: Experiment, data: ImageSet, x: np.ndarray) -> dict[str, Any]:
    """How far images are from the nearest training image, beside what held-out ones are."""
    distance = to_data(e)
    value, scale = distance(x), Scale.of(distance, len(x))
    warn(LEFT_OUT.format(e.data.dim))
    from explorer.experiment.resolution import learned_from

    learned = learned_from(e)
    among = {"n": scale.n, "searched": len(data.train)} | ({"learned_from": learned} if learned else {})
    return {"nearest_training_picture": {"value": value, "held_out": scale.floor.mean, **among}}


#: Components of a smaller standard deviation than this are flat.
FLAT = 1e-6


def measured(e: Experiment, x: np.ndarray) -> dict[str, Any]:
    """Distances of points from the data (given what a control asks), each beside what new draws of data come to."""
    from explorer.data import metrics

    if e.pictures is not None:
        return _measured_pictures(e, e.pictures, x)
    mixture = e.target
    other = e.sample(len(x), 2)
    out: dict[str, Any] = {}
    reference = metrics.reference(mixture)
    of = {"n": metrics.measured(len(x)), "reference": reference.size}
    for name in ("sliced_wasserstein", "energy_distance"):
        floor = reference.floor(name, len(x))
        out[name] = {"value": reference.measure(name, x), "floor": floor.mean, "floor_std": floor.std, **of}
    if mixture.scales.min() > FLAT:  # else all of it lies on a line, and its density is infinite there
        out["mean_log_density"] = {
            "value": metrics.mean_log_density(mixture, x),
            "of_data": metrics.mean_log_density(mixture, other),
        } | ({"given": e.given} if e.given else {})
    if isinstance(e.control_in_force, ClassGuidance):
        label, whole = e.control_in_force.label, e.data.mixture
        shares = (float(whole.class_probabilities(torch.from_numpy(v))[:, label].mean()) for v in (x, other))
        out["class_share"] = dict(zip(("value", "of_data"), shares, strict=True))
    elif mixture.labels is not None:
        out["mode_weight_error"] = {
            "value": metrics.mode_weight_error(mixture, x),
            "floor": metrics.mode_weight_error(mixture, other),
        }
    return out
