"""The network for pictures: a small U-Net, preconditioned like the one for points. (This module imports torch.)

Pixels are first folded two by two into channels: most of the work is then done at a half and a quarter of the
resolution, which is what a CPU has time for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.base.placement import Away, autocast, say
from explorer.networks.preconditioned import Embedding, Preconditioned, empty_table
from explorer.networks.spec import PICTURE_NOISE_LOW, UNetSpec

GROUPS, HEADS, EMBEDDING = 8, 4, 256
#: Inputs farther from the mean than this many times their usual distance are drawn in to it.
REACH = 4.0


@torch.no_grad()
def initialise(net: nn.Module, random: torch.Generator, ends: Sequence[nn.Conv2d | nn.Linear]) -> None:
    """Weights from `random` alone (torch's own random state is shared by all threads), and 0 for the `ends`."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            layer.weight.uniform_(-bound, bound, generator=random)
            layer.bias.uniform_(-bound, bound, generator=random)  # type: ignore[union-attr]
        if isinstance(layer, nn.Embedding):
            layer.weight.normal_(0, 0.5, generator=random)
    for end in ends:
        end.weight.zero_()
        end.bias.zero_()  # type: ignore[union-attr]


class Block(nn.Module):
    """A residual block of two convolutions; scale and shift between them depend on noise level and label."""

    def __init__(self, inputs: int, outputs: int, embedding: int = EMBEDDING) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, inputs), nn.GroupNorm(GROUPS, outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        """x (n, inputs, h, w), e (n or 1, embedding) -> (n, outputs, h, w).

        e may also have m n rows, for m labels of every x: the part before e is then computed once.
        """
        h = self.conv1(F.silu(self.norm1(x)))
        if len(e) > len(x):
            h, x = (torch.cat([v] * (len(e) // len(x))) for v in (h, x))
        scale, shift = self.modulation(e)[:, :, None, None].chunk(2, 1)
        h = F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale))
        out: Tensor = self.skip(x) + self.conv2(h)
        return out


class Attention(nn.Module):
    """Every place looks at every other (Vaswani et al. 2017): at a quarter of the resolution there are few."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x (n, channels, h, w) -> the same shape."""
        n, c, h, w = x.shape
        parts = self.qkv(self.norm(x)).reshape(n, 3, HEADS, c // HEADS, h * w).transpose(-1, -2)
        q, k, v = parts.unbind(1)
        # written out: on a CPU torch's fused kernel takes twice as long for so few places, backwards
        weights = torch.softmax(q @ k.transpose(-1, -2) * (c // HEADS) ** -0.5, -1).to(v.dtype)
        seen = (weights @ v).transpose(-1, -2).reshape(n, c, h, w)
        out: Tensor = x + self.out(seen)
        return out


class UNet(nn.Module):
    """Pictures (n, inputs, h, w), h and w multiples of 4 -> (n, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        half, quarter = width, 2 * width
        self.first = nn.Conv2d(4 * inputs, half, 3, padding=1)
        self.before = Block(half, half)
        self.down = nn.Conv2d(4 * half, quarter, 1)
        self.middle = nn.ModuleList(Block(quarter, quarter) for _ in range(depth))
        self.attention = nn.ModuleList(Attention(quarter) for _ in range(depth - 1))
        self.up = nn.Conv2d(quarter, 4 * half, 1)
        self.after = Block(2 * half, half)
        self.norm = nn.GroupNorm(GROUPS, half)
        self.last = nn.Conv2d(half, 4 * outputs, 3, padding=1)

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        """e (n or 1, EMBEDDING); or (m n, EMBEDDING), which gives m n pictures."""
        x = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        here = self.before(self.first(x), e)
        g = self.down(F.pixel_unshuffle(here, 2).contiguous(memory_format=torch.channels_last))
        for i, block in enumerate(self.middle):
            g = block(g, e)
            if i < len(self.attention):
                g = self.attention[i](g)
        u = self.after(torch.cat([F.pixel_shuffle(self.up(g), 2), here], 1), e)
        return F.pixel_shuffle(self.last(F.silu(self.norm(u))), 2)


class PictureDenoiser(Preconditioned):
    """D(y, sigma) for flat pictures y (..., c h w), conditioned on a label where `spec.classes` is not 0.

    `centre` (c,) and `sigma_data` are the mean of each channel and the standard deviation around it. `reduced`
    computes in bfloat16, which is faster where the processor has it (scores/precision.py); weights stay float32.
    """

    noise_low = PICTURE_NOISE_LOW
    many_labels = True
    omega: Tensor
    #: The body on another device, where that computes it.
    away: Away | None = None

    def __init__(
        self, spec: UNetSpec, picture: tuple[int, int, int], centre: Sequence[float], sigma_data: float,
        random: torch.Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.spec, self.picture, self.sigma_data, self.reduced = spec, picture, sigma_data, False
        channels, height, width = picture
        self.dim = math.prod(picture)
        flat = np.repeat(np.asarray(centre, np.float32), height * width)
        self.register_buffer("centre", torch.from_numpy(flat), persistent=False)
        omega = (255 * np.pi / 4.0 ** np.arange(spec.waves)).astype(np.float32)
        self.register_buffer("omega", torch.from_numpy(omega), persistent=False)
        self.embedding = Embedding(EMBEDDING, EMBEDDING)
        self.no_label = spec.classes
        self.labels = empty_table(spec.classes + 1, EMBEDDING) if spec.classes else None
        self.body = UNet(channels * (1 + 2 * spec.waves), channels, spec.width, spec.depth)
        if not self.body.first.weight.is_meta:  # there it is only asked for its shapes
            self._initialise(random or torch.Generator().manual_seed(0))

    def _initialise(self, random: torch.Generator) -> None:
        # every residual branch, and F itself, start at 0: the network starts as the best linear denoiser
        ends = [b.conv2 for b in self.modules() if isinstance(b, Block)]
        ends += [a.out for a in self.modules() if isinstance(a, Attention)]
        initialise(self, random, [*ends, self.body.last])

    def matrices(self) -> list[Tensor]:
        """The weights that map features to features, for which Muon is meant."""
        outer = {self.body.first.weight, self.body.last.weight}
        convolutions = [m.weight for m in self.body.modules() if isinstance(m, nn.Conv2d)]
        return [w for w in convolutions if w not in outer]

    def _unit(
        self, x: Tensor, noise: Tensor, labels: Tensor | int | None, embedding: Tensor | None = None
    ) -> Tensor:
        lead = x.shape[:-1]
        rows = labels.shape if isinstance(labels, Tensor) and labels.ndim > len(lead) else lead
        x, noise = x.reshape(-1, self.dim), (noise.expand(lead) if noise.ndim else noise).reshape(-1, 1)
        x = x * (REACH * math.sqrt(self.dim) / x.norm(dim=1, keepdim=True)).clamp(max=1.0)
        e = self.embedding(torch.log(noise[:, 0]) / 4) if embedding is None else embedding.reshape(1, -1)
        if self.labels is not None:
            wanted = self.spec.classes if labels is None else labels
            e = e + self.labels(torch.as_tensor(wanted, device=e.device).reshape(-1))
        pixels = self._with_waves(x, noise).reshape(len(x), -1, *self.picture[1:])
        out = self._through_body(pixels, F.silu(e))
        return out.to(x.dtype).reshape(*rows, self.dim)

    def _with_waves(self, x: Tensor, noise: Tensor) -> Tensor:
        """x and its waves (n, (1 + 2k) d): those that the noise blurs are damped to what it leaves of them."""
        y = x * (noise**2 + self.sigma_data**2).sqrt() + (self.centre - 1)
        out = [x]
        for omega in self.omega:
            left = torch.exp(-0.5 * (omega * noise) ** 2)
            out += [(omega * y).sin() * left, (omega * y).cos() * left]
        return torch.cat(out, 1)

    def send(self, device: torch.device) -> None:
        """Compute the body, which is nearly all of the work, on `device` from here on."""
        if device.type == "cpu":
            self.away = None
        elif self.away is None or self.away.device != device:
            self.away = Away(self.body, device)

    def _through_body(self, pixels: Tensor, e: Tensor) -> Tensor:
        away = self.away  # another thread may find no memory meanwhile
        if away is not None:
            try:
                return away(pixels, e)
            except RuntimeError as error:  # a mistake of ours comes again below
                self.away = None
                say(error)
        with autocast(pixels.device, self.reduced):
            out: Tensor = self.body(pixels, e)
        return out
