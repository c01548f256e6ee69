"""Classifiers of noisy data: p(class | x_t) at every noise level. (This module imports torch.)"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.networks.preconditioned import Denoiser, noise_ratio
from explorer.networks.spec import NetworkSpec


class NoisyClassifier(nn.Module):
    """log p(y | x_t) for x_t = alpha x_0 + sigma z, up to a constant.

    It sees y = x/alpha and the noise level sigma/alpha alone, so one classifier serves every SDE. Subclasses say
    what they make of both.
    """

    classes: int

    def forward(self, y: Tensor, noise: Tensor) -> Tensor:
        """Logits (n, classes) of y = x/alpha (n, d) at noise levels sigma/alpha (n,) or ()."""
        raise NotImplementedError

    def log_probabilities(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """log p(class | x_t = x) (n, classes)."""
        noise = torch.tensor(noise_ratio(alpha, sigma), dtype=x.dtype, device=x.device)
        return torch.log_softmax(self(x / max(alpha, 1e-30), noise), dim=-1)

    def gradient(self, x: Tensor, alpha: float, sigma: float, label: int) -> Tensor:
        """∇_x log p(label | x_t = x) (n, d)."""
        with torch.enable_grad():
            moved = x.detach().requires_grad_(True)
            chosen = self.log_probabilities(moved, alpha, sigma)[:, label].sum()
            (push,) = torch.autograd.grad(chosen, moved)
        return push


class NoiseClassifier(NoisyClassifier):
    """For points: the denoiser's body, with a last layer of one number for each class."""

    def __init__(self, spec: NetworkSpec, dim: int, classes: int, sigma_data: float, random: torch.Generator):
        super().__init__()
        self.body = Denoiser(spec, dim, sigma_data, random)
        self.body.last = nn.Linear(spec.width, classes)
        nn.init.zeros_(self.body.last.weight)
        nn.init.zeros_(self.body.last.bias)
        self.sigma_data, self.classes = sigma_data, classes

    def forward(self, y: Tensor, noise: Tensor) -> Tensor:
        root = (noise**2 + self.sigma_data**2).sqrt()
        return self.body._unit(y / root[..., None], noise, None)
