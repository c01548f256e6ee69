"""What lies between two codes, and how alike two networks' codes are."""

from __future__ import annotations

import math
from typing import NamedTuple

from explorer.base.lazy import torch


def linear(a: torch.Tensor, b: torch.Tensor, n: int) -> torch.Tensor:
    """n codes (n, d) on the straight line from a (d,) to b (d,), ends included."""
    w = torch.linspace(0, 1, n, dtype=a.dtype)[:, None]
    return (1 - w) * a + w * b


def spherical(a: torch.Tensor, b: torch.Tensor, n: int) -> torch.Tensor:
    """n codes (n, d) on the arc from a (d,) to b (d,): [sin((1-w)θ) a + sin(wθ) b]/sin θ (Shoemake 1985; White 2016).

    θ is the angle between them. Where it is 0, π or none, as always in one dimension, the line is all there is.
    """
    lengths = float(a.norm() * b.norm())
    angle = math.acos(min(max(float(a @ b) / lengths, -1.0), 1.0)) if lengths else 0.0
    if math.sin(angle) < 1e-6:
        return linear(a, b, n)
    w = torch.linspace(0, 1, n, dtype=a.dtype)[:, None]
    return (((1 - w) * angle).sin() * a + (w * angle).sin() * b) / math.sin(angle)


class Agreement(NamedTuple):
    """How alike two sets of codes are: RMS difference over the spread of the first, and correlation."""

    difference: float
    correlation: float


def agreement(a: torch.Tensor, b: torch.Tensor) -> Agreement:
    """Codes a, b (n, ...) of the same points. Codes without any relation differ by √2 and correlate by 0."""
    a, b = a.flatten(1).double(), b.flatten(1).double()
    x, y = a - a.mean(0), b - b.mean(0)
    correlation = (x * y).sum() / (x.square().sum() * y.square().sum()).sqrt()
    return Agreement(float((a - b).square().mean().sqrt() / x.square().mean().sqrt()), float(correlation))
