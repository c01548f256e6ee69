"""Several processes that train one network: torchrun starts them, DistributedDataParallel keeps them equal."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from explorer.base.lazy import torch
from explorer.training.frame import TrainingError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Fleet:
    """This process among `size` of them. Every one draws the same global batch and takes its own part of it.

    So the gradients that they average are those of the global batch, whatever the number of processes.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @staticmethod
    def joined() -> Fleet:
        """The fleet that torchrun made of this process, or a fleet of one.

        Processes meet over nccl where each has a GPU of its own, else over gloo. Raises TrainingError.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return Fleet()
        rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
        from torch import distributed

        if not distributed.is_initialized():
            own = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", str(size)))
            try:
                distributed.init_process_group(
                    "nccl" if torch.cuda.is_available() and own else "gloo", timeout=timedelta(minutes=10)
                )
            except (RuntimeError, ValueError) as error:
                raise TrainingError(
                    f"the processes of this training did not find each other ({error})"
                ) from error
        return Fleet(rank, size, local)

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def device(self, wanted: torch.device) -> torch.device:
        """Each process its own GPU, as far as there are so many."""
        if wanted.type != "cuda" or self.size == 1:
            return wanted
        return torch.device("cuda", self.local % torch.cuda.device_count())

    def part(self, batch: torch.Tensor) -> torch.Tensor:
        """This process's share of a global batch, along its first axis."""
        if len(batch) % self.size:
            raise TrainingError(
                f"a batch of {len(batch)} cannot be shared among {self.size} processes; choose a multiple"
            )
        each = len(batch) // self.size
        return batch[self.rank * each : (self.rank + 1) * each]

    def shared(self, loss: nn.Module) -> Callable[..., torch.Tensor]:
        """The module that computes the loss, with gradients averaged over the fleet."""
        if self.size == 1:
            return loss
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(loss)

    # --- what all of them must agree on --------------------------------------------------------------------

    def agreed(self, number: float) -> float:
        """The leader's number, in every process: their clocks differ. Raises Dismissed once the leader has left."""
        if self.size == 1:
            return number
        told = self._shared(number, "broadcast", 0)
        if math.isnan(told):
            raise Dismissed("the first process of this training has ended it")
        return told

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of a number over all processes."""
        if self.size == 1:
            return value
        total = self._shared(float(value), "all_reduce")
        return torch.full_like(value, total / self.size)

    @contextmanager
    def led(self) -> Iterator[None]:
        """Where the leader gives up in here, between two iterations, the others are told to stop."""
        try:
            yield
        except BaseException:
            if self.size > 1:
                with suppress(Exception):  # they may have gone already
                    self._shared(math.nan, "broadcast", 0)
            raise

    def _shared(self, number: float, what: str, *arguments: int) -> float:
        from torch import distributed

        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        held = torch.tensor(number, dtype=torch.float64, device=device)
        with self.together():
            getattr(distributed, what)(held, *arguments)
        return float(held)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Where another process has gone, what is done together fails: said in a sentence."""
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not _lost(error):
                raise
            raise TrainingError(
                "another process of this training has failed, so this one ends too"
            ) from error

    def leave(self) -> None:
        """Say goodbye."""
        if self.size > 1:
            from torch import distributed

            distributed.destroy_process_group()


class Dismissed(TrainingError):
    """The leader wants no more iterations: no failure."""


def _lost(error: RuntimeError) -> bool:
    """Whether an error is of the connection between the processes."""
    from torch import distributed

    words = str(error).lower()
    return isinstance(error, distributed.DistBackendError) or "gloo" in words or "connection" in words
