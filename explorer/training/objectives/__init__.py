"""Training objectives, one file each."""

from explorer.training.objectives.base import OBJECTIVES, Batch, Objective

__all__ = ["OBJECTIVES", "Batch", "Objective"]
