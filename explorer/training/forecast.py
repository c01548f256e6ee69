"""How far a training on images will come in the time set for it, and whether a smaller network would serve better."""

from __future__ import annotations

from dataclasses import replace

from explorer.networks.spec import PictureTraining, Training, UNetSpec
from explorer.training.frame import TrainFrame

#: Iterations below which what a network for images has learned is rough: strokes after a hundred, good digits after
#: some thousands (docs/training-pictures.md).
FEW = 2_000
#: The smaller network: measured on one core, an iteration takes 0.3 times as long as with 64 channels and 3 blocks.
SMALL_WIDTH, SMALL_DEPTH, FASTER = 32, 2, 3
#: Iterations whose speed tells that of the rest.
AT_LEAST = 3


def forecast(frame: TrainFrame, training: Training) -> int | None:
    """The iterations that the budget allows at the speed of now; None where it is not known yet, or has no limit of
    time."""
    if frame.iteration < AT_LEAST or not training.seconds or not frame.iterations_per_second:
        return None
    left = max(training.seconds - frame.seconds, 0.0)
    reached = frame.iteration + round(left * frame.iterations_per_second)
    return min(reached, training.iterations) if training.iterations else reached


def smaller(spec: UNetSpec) -> UNetSpec:
    """The smaller network, told the same classes."""
    return replace(spec, width=min(spec.width, SMALL_WIDTH), depth=min(spec.depth, SMALL_DEPTH))


def foretold(frame: TrainFrame, training: Training, spec: UNetSpec) -> tuple[str, bool]:
    """What can be reached in the time set, in words ("" where that is not known), and whether a smaller network is
    to be offered."""
    reached = None if frame.done or not isinstance(training, PictureTraining) else forecast(frame, training)
    if reached is None:
        return "", False
    few = reached < FEW
    words = f"{reached:,} iterations in the time set" + (
        f": good images take {FEW:,} and more" if few else ""
    )
    return words, few and smaller(spec) != spec
