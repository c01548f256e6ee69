"""Train and measure the networks for pictures: `python main.py pretrain --pictures NAME [--archive FILE.npz]`.

Three networks belong to a set of pictures, each with its card (NAME.json, NAME.features.json, NAME.classifier.json):
the score network, the classifier of clean pictures that quality is measured with, and the classifier of noisy ones
that guides. The budget is counted in iterations, on one thread; hours may be spread with --checkpoint.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from explorer.analysis.image_quality.features import Features, train_features
from explorer.analysis.image_quality.measure import rounded
from explorer.analysis.image_quality.table1 import COSTS
from explorer.base.lazy import torch
from explorer.data.images import IMAGES, ImageSet
from explorer.data.images.base import Pixels
from explorer.experiment.codec import encode
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import model_of
from explorer.experiment.schema import Experiment
from explorer.experiment.training import Course
from explorer.guidance.image_classifier import HELD, train_picture_classifier
from explorer.networks.files import Model, load, save
from explorer.networks.spec import PictureTraining
from explorer.pretraining.measures import MEASURES, Effort, measure
from explorer.pretraining.points import Maker, add_out, hardware
from explorer.pretraining.shelf import Shelf
from explorer.training import TrainFrame
from explorer.training.images import Material

#: Iterations of the classifiers that are shipped, by set and part.
ITERATIONS = {
    "mnist": {"features": 2000, "classifier": 800},
    "fashion_mnist": {"features": 2000, "classifier": 600},
    "twemoji": {"features": 600, "classifier": 600},
}


@dataclass(frozen=True)
class Recipe:
    """How a score network is trained: iterations, and what differs from the settings that are in force anyway.

    `start`: a model file whose weights are gone on from. `seed` is added to that of the command.
    """

    iterations: int
    settings: Mapping[str, float] = field(default_factory=dict)
    start: Path | None = None
    seed: int = 0

    @property
    def flags(self) -> list[str]:
        """What a command line says of it."""
        changed = [f"--set {name}={value:g}" for name, value in self.settings.items()]
        return [
            f"--iterations {self.iterations}",
            *changed,
            *([f"--start {self.start.name}"] if self.start else []),
        ]


#: How the score networks that are shipped were trained, one stage after the other: what hours of one core came to.
RECIPES = {
    "mnist": (Recipe(14000),),
    "fashion_mnist": (Recipe(6000),),
    "twemoji": (Recipe(2500),),
}
#: Seconds between two checkpoints.
CHECKPOINT_SECONDS = 300.0


# --- the score network -----------------------------------------------------------------------------------


def train_network(shelf: Shelf, recipe: Recipe, seed: int, checkpoint: Path | None) -> None:
    """Train the score network by `recipe`, and write it with its card."""
    start = load(recipe.start) if recipe.start is not None else None
    e = experiment_of(shelf.data, recipe, seed)
    last = _trained(e, shelf.pixels, checkpoint, start)
    write_network(shelf, e, last, recipe, start)


def experiment_of(data: ImageSet, recipe: Recipe, seed: int) -> Experiment:
    """The experiment whose training this is."""
    e = replace(with_data(Experiment(), data), seed=seed)
    changed = {**recipe.settings, "iterations": recipe.iterations, "seconds": 0.0}
    training = replace(e.score.picture_training, **changed)  # type: ignore[arg-type]
    return replace(e, score=replace(e.score, source="trained", picture_training=training))


def _trained(
    e: Experiment, pixels: tuple[Pixels, Pixels], path: Path | None, start: Model | None
) -> TrainFrame:
    """The last frame; on the way, checkpoints at `path`, from which it goes on where there is one."""
    from explorer.experiment import checkpoint

    def write(course: Course) -> None:
        if path is not None and (kept := course.checkpoint()) is not None:
            checkpoint.save(kept, path)

    left = checkpoint.load(path) if path is not None and path.exists() else None
    weights = start.weights if start is not None else None
    course = Course(e, weights, left, archive=pixels, weight_seconds=60.0)
    for last in course.kept(write, CHECKPOINT_SECONDS):
        if last.weights is not None:
            print(f"{last.iteration} iterations, {last.seconds:.0f} s, loss {last.smoothed:.4f}", flush=True)
    return last


def write_network(shelf: Shelf, e: Experiment, last: TrainFrame, recipe: Recipe, start: Model | None) -> None:
    """The network of a finished training, as float16, and its card without what is measured yet.

    The facts of the weights that it went on from stand under "start".
    """
    assert last.weights is not None
    model = model_of(e, last, {name: w.half() for name, w in last.weights.items()})
    facts = dict(model.facts) | {"settings": encode(e.score.picture_training)}
    if start is not None:
        facts["start"] = dict(start.facts)
    # what differs from run to run stays out of the file
    save(replace(model, facts={k: v for k, v in facts.items() if k != "seconds"}), shelf.path())
    shelf.card(
        "", network=encode(e.score.unet),
        command=shelf.command("network", *recipe.flags, f"--seed {e.seed}"),
        training=facts | {"held_out_loss": rounded(last.held)}, hardware=hardware(),
    )  # fmt: skip


# --- the classifiers -------------------------------------------------------------------------------------


def make_features(shelf: Shelf, iterations: int, seed: int) -> None:
    """Train the classifier of clean pictures, and write it with its card."""
    began = time.perf_counter()
    for frame in train_features(shelf.pixels[0], shelf.classes, shelf.data.mirror, iterations, seed):
        last = frame
    assert last.weights is not None
    facts = {"iterations": iterations, "seed": seed}
    found = Features(shelf.data.size, shelf.classes, last.weights, encode(shelf.data), facts)
    write_features(shelf, found, time.perf_counter() - began)


def write_features(shelf: Shelf, found: Features, seconds: float) -> None:
    """A classifier of clean pictures with its card."""
    found.save(shelf.path("features"))
    test = shelf.pixels[1]
    shelf.card(
        "features", classes=shelf.classes,
        command=shelf.command("features", *(f"--{k} {v}" for k, v in found.facts.items())),
        training=found.facts | {"seconds": round(seconds, 1)}, hardware=hardware(),
        quality={"test_accuracy": rounded(Features.load(shelf.path("features")).accuracy(test)), "n": len(test)},
    )  # fmt: skip


def make_classifier(shelf: Shelf, iterations: int, seed: int) -> None:
    """Train the classifier of noisy pictures, and write it with its card."""
    from explorer.networks.image_classifier import save_classifier

    began, material = time.perf_counter(), Material.of(shelf.data, shelf.pixels)
    for frame in train_picture_classifier(material, iterations, seed, every=iterations):
        last = frame
    facts = {"iterations": last.iteration, "seed": seed}
    save_classifier(last.net, shelf.path("classifier"), encode(shelf.data), facts)  # type: ignore[arg-type]
    accuracy = {f"{level:.3g}": rounded(a) for level, a in zip(last.level, last.accuracy, strict=True)}
    shelf.card(
        "classifier", classes=shelf.classes,
        command=shelf.command("classifier", *(f"--{k} {v}" for k, v in facts.items())),
        training=facts | {"seconds": round(time.perf_counter() - began, 1)}, hardware=hardware(),
        quality={"loss": rounded(last.loss), "accuracy_at_noise": accuracy, "n": min(HELD, len(material.held_out))},
    )  # fmt: skip


def _setting(text: str) -> tuple[str, float]:
    """NAME=NUMBER, of a training on images."""
    name, _, value = text.partition("=")
    numbers = {f.name for f in fields(PictureTraining) if isinstance(f.default, float)}
    if name not in numbers:
        raise argparse.ArgumentTypeError(f"{name} is no setting; choose from {', '.join(sorted(numbers))}")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{name} must be a number, not {value!r}") from None


# --- the command -----------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None, make: Maker = argparse.ArgumentParser) -> int:
    """Make the parts that are named, or all of them."""
    options = parser(make).parse_args(argv)
    torch.set_num_threads(1)
    data = IMAGES[options.pictures]()
    assert isinstance(data, ImageSet)
    shelf = Shelf(data, Path(options.out), Path(options.archive) if options.archive else None)
    shelf.folder.mkdir(parents=True, exist_ok=True)
    chosen = [p for p in ("features", "network", "classifier") if getattr(options, p)]
    everything = not chosen and options.measure is None
    seed = options.seed
    budget = {part: options.iterations or n for part, n in ITERATIONS[data.name].items()}
    stages = _stages(options, data.name)
    if everything or options.features:
        make_features(shelf, budget["features"], seed)
    if everything or options.network:
        path = Path(options.checkpoint) if options.checkpoint else None
        for i, stage in enumerate(stages):
            start = shelf.path() if i else stage.start
            kept = path.with_name(f"{path.name}{i or ''}") if path is not None else None
            train_network(shelf, replace(stage, start=start), seed + stage.seed, kept)
    if everything or options.classifier:
        make_classifier(shelf, budget["classifier"], seed)
    if everything or options.measure is not None:
        effort = Effort(
            options.samples, options.test_pictures, options.table_samples, options.seeds, tuple(options.costs)
        )
        measure(shelf, options.measure or MEASURES, effort)
    return 0


def _stages(options: argparse.Namespace, name: str) -> tuple[Recipe, ...]:
    """The one stage that the options say, or those of what is shipped."""
    if options.iterations or options.set or options.start:
        start = Path(options.start) if options.start else None
        return (Recipe(options.iterations or RECIPES[name][0].iterations, dict(options.set), start),)
    return RECIPES[name]


def parser(make: Maker = argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of the command, in a parser that `make` makes."""
    found = make(
        prog="score-explorer pretrain",
        description="Make the networks for a set of pictures in pretrained/. Without a part named, all are made.",
    )
    names = [name for name, cls in IMAGES.items() if cls.builtin]
    found.add_argument("--pictures", required=True, choices=names, metavar="NAME")
    found.add_argument(
        "--archive", metavar="FILE.npz", help="the whole set in place of what comes with the program"
    )
    found.add_argument("--network", action="store_true", help="the score network")
    found.add_argument("--features", action="store_true", help="the classifier that quality is measured with")
    found.add_argument("--classifier", action="store_true", help="the classifier of noisy pictures")
    found.add_argument(
        "--measure", nargs="*", choices=MEASURES, metavar="WHAT", help=f"of {', '.join(MEASURES)}; all"
    )
    found.add_argument("--iterations", type=int, default=0, help="of each training; 0: as shipped")
    found.add_argument(
        "--set", action="append", type=_setting, default=[], metavar="NAME=NUMBER",
        help="a setting of the network's training, as label_drop=0.5",
    )  # fmt: skip
    found.add_argument(
        "--start", metavar="FILE", help="a model file; the network's training goes on from its weights"
    )
    found.add_argument("--seed", type=int, default=0)
    found.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="kept there while the network trains, and gone on from if it is there",
    )
    found.add_argument("--samples", type=int, default=5000, metavar="N", help="that are measured")
    found.add_argument(
        "--test-pictures", type=int, default=500, metavar="N", help="whose likelihood is measured"
    )
    found.add_argument("--table-samples", type=int, default=500, metavar="N", help="for each cell of table1")
    found.add_argument("--seeds", type=int, default=3, metavar="N", help="for each cell of table1")
    found.add_argument(
        "--costs", nargs="+", type=int, default=COSTS, metavar="N", help="evaluations, of table1's rows"
    )
    add_out(found)
    return found
