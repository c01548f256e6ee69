"""The divergence of a preconditioned network's score, by tangents carried forward beside the value.

The blocks are those of `Denoiser.raw`, differentiated by hand: two tangents in the plane cost as much again each as
the value, where backward passes and their graph cost twice that. tests/test_likelihood.py holds both equal.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from explorer.base.lazy import torch

if TYPE_CHECKING:
    from explorer.networks.preconditioned import Denoiser

Pair: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


def score_and_divergence(
    net: Denoiser, x: torch.Tensor, alpha: float, sigma: float, labels: int | None = None
) -> Pair:
    """s (n, d) and ∇·s (n,) at x (n, d), for a network whose output is 'edm'."""
    from explorer.networks.preconditioned import noise_ratio
    from explorer.networks.spec import NOISE_LOW

    level = torch.tensor(noise_ratio(alpha, sigma), dtype=x.dtype, device=x.device)
    sigma = max(sigma, alpha * NOISE_LOW)
    variance = sigma**2 + (alpha * net.sigma_data) ** 2
    scale = alpha * net.sigma_data / (sigma * math.sqrt(variance))
    with torch.no_grad():
        out, trace = _unit(net, x * variance**-0.5, level, labels)
    s = torch.add(x * (-1 / variance), out, alpha=scale)
    return s, trace * (scale * variance**-0.5) - x.shape[1] / variance


def _unit(net: Denoiser, y: torch.Tensor, level: torch.Tensor, labels: int | None) -> Pair:
    """F(y, level) of EDM (n, d), and its divergence (n,)."""
    y, tangents = _held(y, net.reach)
    if net.waves is not None:
        y, tangents = _waves(net, y, tangents, level)
    shifts = net.shifts(torch.log(level) / 4, labels)
    h, tangents = net.first(y), tangents @ net.first.weight.t()
    for weight, shift in zip(net.blocks, shifts, strict=False):
        u, slope = _silu(h + shift)
        h, tangents = torch.addmm(h, u, weight.t()), tangents + (slope * tangents) @ weight.t()
    u, slope = _silu(h + shifts[-1])
    diagonal = (slope * tangents * net.last.weight[:, None, :]).sum(-1)  # (d, n): dF_i / dy_i
    return net.last(u), diagonal.sum(0)


def _held(y: torch.Tensor, reach: float) -> Pair:
    """y (n, d) drawn back to `reach` where it is beyond, and its tangents (d, n, d): row i is its derivative by y_i."""
    size = y.norm(dim=-1, keepdim=True)
    shrink = reach / size.clamp(min=reach)
    along = torch.where(size > reach, y / size, 0.0)  # out there the radius does not change
    unit = torch.eye(y.shape[1], dtype=y.dtype, device=y.device)[:, None, :]
    return y * shrink, shrink * (unit - along * along.t()[:, :, None])


def _waves(net: Denoiser, y: torch.Tensor, tangents: torch.Tensor, level: torch.Tensor) -> Pair:
    """y with its waves, as `Waves` gives them, and the tangents of all of it."""
    assert net.waves is not None
    features = net.waves(y, level**2 / (level**2 + net.sigma_data**2))
    d, k = y.shape[1], net.waves.frequencies.shape[0]
    sines, cosines = features[:, d : d + k], features[:, d + k :]
    turns = tangents @ net.waves.directions
    return features, torch.cat([tangents, cosines * turns, -sines * turns], -1)


def _silu(z: torch.Tensor) -> Pair:
    """z · logistic(z), and its slope."""
    gate = torch.sigmoid(z)
    u = z * gate
    return u, gate + u * (1 - gate)
