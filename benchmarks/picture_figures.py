"""What the networks for pictures that come with the program make of controls, and of pictures unlike their own.

    python benchmarks/picture_figures.py [--quick] [--only classes|problems|bits]

Classes: of n samples, those that the classifier of clean pictures takes for what was asked; that classifier guides
nothing. Inverse problems: 4 fillings of each of n held-out pictures; right is a filling that the same classifier takes
for the picture's own class, the error is the root mean square distance to the picture itself in units of x.
Bits: an upper bound in bits/dim by MNIST's network, of digits and of pictures that are none.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.analysis.image_quality.features import Features, features_of
from explorer.analysis.likelihood.bits import STEPS, bits_per_dim
from explorer.data.images import IMAGES, ImageSet, from_pixels
from explorer.diffusion.simulate import simulate
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.guidance import CONTROLS, Control

#: Rules and weights that are compared.
CLASSES = (
    ("classifier_free", 0.5), ("classifier_free", 1.0), ("classifier_free", 2.0), ("classifier_free", 4.0),
    ("classifier", 1.0), ("classifier", 2.0), ("classifier", 4.0), ("mixed", 1.0), ("mixed", 2.0),
)  # fmt: skip
PROBLEMS = (
    ("mnist", "the left half", "inpaint_picture", {"mask": "left"}),
    ("mnist", "means of 4 x 4", "super_resolve", {"factor": "4"}),
    ("twemoji", "the grey values", "colourise", {}),
    ("twemoji", "means of 4 x 4", "super_resolve", {"factor": "4"}),
)
FILLINGS = 4


def ends(e: Experiment, control: Control, n: int, seed: int) -> np.ndarray:
    """The last frame (n, d) of a run under a control."""
    e = replace(e, control=control, sampler=replace(e.sampler, particles=n), seed=seed)
    *_, last = simulate(e.sde, e.sampler, resolve(e).score, e.target, seed)
    return np.asarray(last.x)


def begun(name: str) -> tuple[Experiment, ImageSet, Features]:
    """What the window begins with for a set, the set, and the classifier that judges."""
    data = IMAGES[name]()
    assert isinstance(data, ImageSet)
    judge = features_of(data)
    if judge is None:
        raise SystemExit(
            f"{name} has no classifier of clean pictures in pretrained/: make it with `pretrain`."
        )
    return with_data(Experiment(), data), data, judge


def class_rows(each: int) -> Iterator[str]:
    """The share of right classes of MNIST, with its standard error."""
    e, data, judge = begun("mnist")
    yield f"\nRight classes of {each * data.classes} digits, as many of each class; {e.sampler.steps} steps.\n"
    yield "| guidance | weight | right |\n|---|---|---|"
    for rule, weight in CLASSES:
        right = []
        for label in range(data.classes):
            control = CONTROLS["class_guidance"](rule=rule, label=label, weight=weight)  # type: ignore[call-arg]
            _, found = judge.both(ends(e, control, each, label))
            right += list(found == label)
        share = float(np.mean(right))
        error = math.sqrt(max(share * (1 - share), 1 / len(right)) / len(right))
        yield f"| {rule.replace('_', '-')} | {weight:g} | {share:.1%} ± {error:.1%} |"


def problem_rows(pictures: int) -> Iterator[str]:
    """Each inverse problem by both methods."""
    yield f"\n{FILLINGS} fillings of each of {pictures} held-out pictures.\n"
    yield "| pictures | known | method | right | error |\n|---|---|---|---|---|"
    for name, words, problem, settings in PROBLEMS:
        e, data, judge = begun(name)
        for method in ("replacement", "tweedie"):
            right, squares = [], []
            for i in range(pictures):
                control = CONTROLS[problem](picture=i, method=method, **settings)
                x = ends(e, control, FILLINGS, i)
                _, found = judge.both(x)
                right += list(found == data.held_out.labels[i])
                squares += list(np.square(x - from_pixels(data.held_out.images[i : i + 1])).mean(1))
            error = float(np.sqrt(np.mean(squares)))
            yield f"| {data.title} | {words} | {method} | {np.mean(right):.0%} | {error:.2f} |"


def bits_rows(steps: int) -> Iterator[str]:
    """Bits/dim of single pictures by the network of digits, each with the error of its two probes."""
    e, data, _ = begun("mnist")
    clothes = IMAGES["fashion_mnist"]()
    assert isinstance(clothes, ImageSet)
    digit = data.held_out.images[0]
    noise = np.random.default_rng(0).integers(0, 256, digit.shape, dtype=np.uint8)
    shown = {
        "black": np.zeros_like(digit), "the first held-out digit": digit,
        "the first held-out Fashion-MNIST": clothes.held_out.images[0], "the digit's negative": 255 - digit,
        "uniform noise": noise,
    }  # fmt: skip
    found = bits_per_dim(resolve(e).score, e.sde, np.stack(list(shown.values())), probes=2, steps=steps)
    yield f"\nBits/dim by the network of digits, two probes, {steps} steps.\n"
    yield "| picture | bits/dim |\n|---|---|"
    for name, value, error in zip(shown, found.values, found.errors, strict=True):
        yield f"| {name} | {value:.3f} ± {error:.3f} |"
    few = bits_per_dim(resolve(e).score, e.sde, data.held_out.images[:12], probes=1, steps=steps)
    yield f"| the first twelve held-out digits, one probe | {few.mean:.3f} ± {few.error:.3f} |"


def main() -> None:
    """Print the tables, in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few samples")
    parser.add_argument("--only", choices=("classes", "problems", "bits"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = {
        "classes": class_rows(2 if options.quick else 50),
        "problems": problem_rows(2 if options.quick else 24),
        "bits": bits_rows(8 if options.quick else STEPS),
    }
    for name in [options.only] if options.only else parts:
        for line in parts[name]:
            print(line, flush=True)


if __name__ == "__main__":
    main()
