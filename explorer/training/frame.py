"""What training shows of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.base.errors import Told

if TYPE_CHECKING:
    import torch


class TrainingError(Told, RuntimeError):
    """Training cannot go on; the message says what to do."""


class DeviceError(TrainingError):
    """The device is not here, or has no memory for this: on the CPU the training may go on."""


@dataclass(frozen=True)
class TrainFrame:
    """Training as it stands. Losses are weighted as the objective weighs them.

    `floor` is the loss of the exact score (0 for explicit score matching), `excess` what
    the network adds to it: for every objective the weighted mean of sigma²|s - exact|². Both, the loss and
    floor at the noise levels `level` (bins,), and `held`, the loss of them together, are measured on one held-out
    batch with the averaged weights.

    seconds: of training, pauses left out. progress: part of the budget, 0 to 1. note: what went wrong and
    what was done about it, for people. weights: a state dict of copies on the CPU, averaged, about five times
    a second and in the last frame; else None.
    """

    iteration: int
    seconds: float
    progress: float
    loss: float
    smoothed: float
    floor: float
    excess: float
    level: np.ndarray
    loss_by_level: np.ndarray
    floor_by_level: np.ndarray
    iterations_per_second: float
    batch: int
    learning_rate: float
    device: str
    note: str = ""
    weights: Mapping[str, torch.Tensor] | None = None
    done: bool = False
    #: Whether floor and excess are known: of pictures nobody knows the exact score.
    exact: bool = True
    held: float = math.nan
    #: Whether `held` is the loss on points or images that the training has never seen; else they are draws of the same
    #: law, and `held` is floor + excess.
    validated: bool = False


def percent(part: float) -> str:
    """How much of a training is done, for people: 100% at its end alone."""
    return f"{part if part >= 1 else min(part, 0.99):.0%}"
