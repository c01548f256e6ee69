"""The plain convolutional network that tells clean pictures apart. (This module imports torch.)"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: What is compared is the input of the last layer: so many numbers a picture.
FEATURES = 64
CHANNELS = (24, 48, 48, 64)


class FeatureNet(nn.Module):
    """Four 3 x 3 convolutions, the resolution halved after the first, third and fourth; two full layers."""

    def __init__(
        self, picture: tuple[int, int, int], classes: int, random: torch.Generator | None = None
    ) -> None:
        super().__init__()
        channels, height, width = picture
        self.picture = picture
        pairs = zip((channels, *CHANNELS), CHANNELS, strict=False)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.dense = nn.Linear(CHANNELS[-1] * (height // 8) * (width // 8), FEATURES)
        self.last = nn.Linear(FEATURES, classes)
        if not self.last.weight.is_meta:
            self._initialise(random or torch.Generator().manual_seed(0))

    @torch.no_grad()
    def _initialise(self, random: torch.Generator) -> None:
        """He et al. 2015, from `random` alone."""
        for layer in (*self.convolutions, self.dense, self.last):
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            layer.weight.normal_(0, (2 / layer.weight[0].numel()) ** 0.5, generator=random)
            assert layer.bias is not None
            layer.bias.zero_()

    def features(self, x: Tensor) -> Tensor:
        """Flat pictures x (n, c h w) in [-1, 1] -> (n, FEATURES)."""
        h = x.reshape(-1, *self.picture).contiguous(memory_format=torch.channels_last)
        for i, convolution in enumerate(self.convolutions):
            h = F.relu(convolution(h))
            h = h if i == 1 else F.max_pool2d(h, 2)
        return F.silu(self.dense(h.flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        out: Tensor = self.last(self.features(x))
        return out
