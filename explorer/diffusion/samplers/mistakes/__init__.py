"""The well-known mistakes, as switches: each really changes the computation, and says what, where and why."""

from explorer.diffusion.samplers.mistakes.base import MISTAKES, Mistake, Setup

__all__ = ["MISTAKES", "Mistake", "Setup"]
