"""The training that an experiment means: on points, or on pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from explorer.experiment import Experiment
from explorer.train.frame import TrainFrame
from explorer.train.pictures import Material, train_pictures
from explorer.train.run import train

if TYPE_CHECKING:
    import torch


def training_of(e: Experiment, start: Mapping[str, torch.Tensor] | None = None) -> Iterator[TrainFrame]:
    """Frames of the training of an experiment's network; `start` are weights to go on from."""
    s = e.score
    if e.pictures is not None:
        return train_pictures(Material.of(e.pictures), s.unet, s.picture_training, e.seed, start)
    return train(e.data.mixture, e.sde, s.objective, s.network, s.training, e.seed, start)
