"""Score networks and classifiers: architectures, their files, and the optimizer."""

from explorer.networks.learned import LearnedScore
from explorer.networks.spec import NetworkSpec, Training

__all__ = ["LearnedScore", "NetworkSpec", "Training"]
