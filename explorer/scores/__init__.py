"""Scores: grad_x log p_t(x), exact, learned, and the difference of two."""

from explorer.scores.base import DifferenceScore, ExactScore, LearnedScore, Score
from explorer.scores.spec import NetworkSpec, Training

__all__ = ["DifferenceScore", "ExactScore", "LearnedScore", "NetworkSpec", "Score", "Training"]
