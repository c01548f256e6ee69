"""Checkpoints: a training as it stands, in a file that it can be gone on from. Nothing is ever unpickled."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.base.errors import Told
from explorer.base.files import write_bytes
from explorer.base.lazy import torch
from explorer.experiment.migrations import from_dict, to_dict
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.networks.files import ModelFileError, claimed, read_sealed, sealed, unsealed
from explorer.networks.spec import Training
from explorer.training.loop import CHECK_EVERY, spent

if TYPE_CHECKING:
    from explorer.training.images import PictureRun

#: Larger files are refused before they are read; of a file that is glanced at, so much is read at most.
LARGEST, GLANCE = 4 * 2**30, 4 * 2**20
FORMAT = 1
_VECTORS = ("flat", "mean", "square", "average")


class CheckpointError(Told, ValueError):
    """A checkpoint that cannot be gone on from; the message says why in one sentence."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training as it stood: what it was of, how far it was, and all that the rest of it depends on.

    experiment: what is trained (its seed and settings too). digest: of the pictures (`Material.digest`). device: its
    kind, "cpu" or "cuda". tensors and numbers: `PictureRun.state`.
    """

    experiment: Experiment
    digest: str
    device: str
    progress: float
    tensors: Mapping[str, torch.Tensor]
    numbers: Mapping[str, Any]

    @staticmethod
    def of(run: PictureRun, experiment: Experiment) -> Checkpoint:
        """The state of a run between two of its iterations."""
        return Checkpoint(experiment, run.material.digest, run.device.type, run.progress, *run.state())

    def done_of(self, training: Training) -> float:
        """How much of another budget is done; its own where the numbers make no sense (nothing has checked them)."""
        try:
            return spent(training, float(self.numbers["seconds"]), int(self.numbers["iteration"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return self.progress

    def put_into(self, run: PictureRun) -> None:
        """Let a fresh run of the same network on the same pictures go on from here. Raises CheckpointError."""
        if self.digest != run.material.digest:
            raise CheckpointError("it is of a training on other pictures than these")
        if self.experiment.network != run.settings[0]:
            raise CheckpointError("it is of a training of another network")
        _check_vectors(self.tensors, run.optimiser.flat)
        same = self.device == run.device.type
        tensors = {k: v for k, v in self.tensors.items() if same or k != "noise"}
        try:
            run.restore(tensors, _checked(self.numbers))
        except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise CheckpointError(f"its numbers make no sense ({error})") from None


def save(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint, whole or not at all. Raises OSError."""
    c = checkpoint
    about = {
        "checkpoint": FORMAT, "experiment": to_dict(c.experiment), "digest": c.digest, "device": c.device,
        "progress": c.progress, "numbers": c.numbers,
    }  # fmt: skip
    write_bytes(path, sealed(about, c.tensors))


def load(path: str | Path) -> Checkpoint:
    """The checkpoint in a file, or a CheckpointError that names it."""
    return read_sealed(
        path, lambda raw: _of_description(*unsealed(raw)), "checkpoint", LARGEST, CheckpointError
    )


def glance(path: str | Path) -> Checkpoint | None:
    """What a file says of itself, without its tensors and unverified; None where it is no checkpoint."""
    try:
        with Path(path).open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            raw = struct.pack("<Q", length) + file.read(min(length, GLANCE))
        return _of_description(claimed(raw)[1], {})
    except (OSError, struct.error, CheckpointError, ModelFileError):
        return None


def _of_description(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Checkpoint:
    if "checkpoint" not in about:
        raise CheckpointError(
            "it is a network, not a checkpoint of its training (continue its training with --from)"
        )
    try:
        if about["checkpoint"] > FORMAT:
            raise CheckpointError("it was written by a newer version")
        experiment, _ = from_dict(about["experiment"])
        progress = float(about["progress"])
        digest, device, numbers = str(about["digest"]), str(about["device"]), dict(about["numbers"])
    except CheckpointError:
        raise
    except (ExperimentError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"its description makes no sense ({error})") from None
    if experiment.pictures is None or not 0 <= progress <= 1:
        raise CheckpointError("its description makes no sense")
    return Checkpoint(experiment, digest, device, progress, tensors, numbers)


def _check_vectors(tensors: Mapping[str, torch.Tensor], flat: torch.Tensor) -> None:
    for name in _VECTORS:
        found = tensors.get(name)
        if found is None or found.shape != flat.shape or found.dtype != flat.dtype:
            raise CheckpointError(f"its {name} is not that of the network")
        if not bool(torch.isfinite(found).all()) or (name == "square" and bool((found < 0).any())):
            raise CheckpointError(f"its {name} holds numbers that make no sense")


def _checked(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a state, each of its kind and in its range, or ValueError, TypeError or KeyError."""
    whole = {name: int(numbers[name]) for name in ("iteration", "count")}
    real = {name: float(numbers[name]) for name in ("seconds", "rate_factor", "batch_factor", "window")}
    # older checkpoints have no smoothed loss but that of the last look
    since = whole["iteration"] % CHECK_EVERY
    usual = real["window"] / since if since else numbers["watch"]["smoothed"]
    real["smoothed"] = float(numbers.get("smoothed", usual))
    watch = {name: float(numbers["watch"][name]) for name in ("scale", "first", "best", "smoothed")}
    watch |= {name: int(numbers["watch"][name]) for name in ("seen", "alarms")}
    if not all(map(math.isfinite, (*real.values(), *watch.values()))):
        raise ValueError("not all of them are finite")
    if min(*whole.values(), real["seconds"], watch["seen"], watch["alarms"]) < 0:
        raise ValueError("some are below 0")
    if not (0 < real["rate_factor"] <= 1 and 0 < real["batch_factor"] <= 1):
        raise ValueError("learning rate and batch can only have become smaller")
    return {**whole, **real, "watch": watch, "note": str(numbers["note"]), "pool": dict(numbers["pool"])}
