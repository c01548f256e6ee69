"""How a learned score errs: by how much, in which direction, and how far from the data."""

from __future__ import annotations

from explorer.base.lazy import torch


def relative_error(learned: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """∥learned - exact∥/∥exact∥ (n,) for scores (n, d)."""
    return (learned - exact).norm(dim=1) / exact.norm(dim=1).clamp(min=1e-12)


def angle(learned: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """The angle between two scores (n, d) in degrees (n,), 0 to 180; by arctan, which keeps its digits near 0."""
    a, b = (v / v.norm(dim=1, keepdim=True).clamp(min=1e-12) for v in (learned, exact))
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1)))


def nearest(x: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The distance (n,) of each x (n, d) from the nearest of `points` (m, d)."""
    return torch.cdist(x, points).min(dim=1).values


def binned_median(at: torch.Tensor, values: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """The median of `values` (n,) whose `at` (n,) lies between neighbours of `edges` (b + 1,): (b,), NaN where none."""
    which = torch.bucketize(at, edges[1:-1])
    parts = (values[which == i] for i in range(len(edges) - 1))
    return torch.stack([part.median() if len(part) else values.new_tensor(torch.nan) for part in parts])
