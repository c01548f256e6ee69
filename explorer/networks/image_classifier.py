"""The classifier of noisy pictures: a small convolutional network, and its file. (This module imports torch.)"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.base.files import write_bytes
from explorer.networks.classifier import NoisyClassifier
from explorer.networks.files import (
    LARGEST,
    ModelFileError,
    check_scales,
    check_weights,
    read_sealed,
    sealed,
    unsealed,
)
from explorer.networks.preconditioned import Embedding
from explorer.networks.spec import picture_shape
from explorer.networks.unet import GROUPS, REACH, Block, initialise

#: Numbers that the noise level is embedded in.
EMBEDDING = 64
FORMAT = 1


@dataclass(frozen=True)
class PictureClassifierSpec:
    """What a classifier must know before its weights: pictures (c, h, w), classes, mean and spread of the data."""

    picture: tuple[int, int, int]
    classes: int
    centre: tuple[float, ...]
    sigma_data: float
    width: int = 24

    def __post_init__(self) -> None:
        channels, *_ = picture_shape(self.picture)
        check_scales(self.sigma_data, self.centre)
        sized = 2 <= self.classes <= 10_000 and 8 <= self.width <= 512 and not self.width % 8
        if not (len(self.centre) == channels and sized):
            raise ValueError(f"a classifier of {self.classes} classes of pictures {self.picture}")


class PictureClassifier(NoisyClassifier):
    """Two residual blocks, at a half and a quarter of the resolution, that know the noise level.

    The input is y = x/alpha brought to unit size, as the denoiser's is.
    """

    centre: Tensor

    def __init__(self, spec: PictureClassifierSpec, random: torch.Generator | None = None) -> None:
        super().__init__()
        self.spec, self.classes, self.dim = spec, spec.classes, math.prod(spec.picture)
        channels, height, width = spec.picture
        flat = np.repeat(np.asarray(spec.centre, np.float32), height * width)
        self.register_buffer("centre", torch.from_numpy(flat), persistent=False)
        half, quarter = spec.width, 2 * spec.width
        self.embedding = Embedding(EMBEDDING, EMBEDDING)
        self.first = nn.Conv2d(4 * channels, half, 3, padding=1)
        self.fine = Block(half, half, EMBEDDING)
        self.down = nn.Conv2d(4 * half, quarter, 1)
        self.coarse = Block(quarter, quarter, EMBEDDING)
        self.norm = nn.GroupNorm(GROUPS, quarter)
        self.last = nn.Linear(quarter * (height // 4) * (width // 4), spec.classes)
        if not self.centre.is_meta:
            ends = (self.fine.conv2, self.coarse.conv2, self.last)
            initialise(self, random or torch.Generator().manual_seed(0), ends)

    def matrices(self) -> list[Tensor]:
        """The weights that map features to features, for which Muon is meant."""
        blocks = (self.fine.conv1, self.fine.conv2, self.coarse.conv1, self.coarse.conv2)
        return [c.weight for c in (*blocks, self.down)]

    def forward(self, y: Tensor, noise: Tensor) -> Tensor:
        x = (y - self.centre) / (noise**2 + self.spec.sigma_data**2).sqrt()[..., None]
        x = x * (REACH * math.sqrt(self.dim) / x.norm(dim=1, keepdim=True)).clamp(max=1.0)
        e = F.silu(self.embedding(torch.log(noise).reshape(-1) / 4))
        h = F.pixel_unshuffle(x.view(len(x), *self.spec.picture), 2)
        h = self.fine(self.first(h.contiguous(memory_format=torch.channels_last)), e)
        h = F.pixel_unshuffle(h, 2).contiguous(memory_format=torch.channels_last)
        h = self.coarse(self.down(h), e)
        out: Tensor = self.last(F.silu(self.norm(h)).flatten(1))
        return out


def save_classifier(
    net: PictureClassifier, path: str | Path, data: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """Write a classifier, whole or not at all; `data` and `facts` say what it was trained on and how."""
    about = {
        "format": FORMAT, "classifier": asdict(net.spec), "data": dict(data), "facts": dict(facts),
    }  # fmt: skip
    write_bytes(path, sealed(about, net.state_dict()))


def load_classifier(path: str | Path) -> PictureClassifier:
    """The classifier in a file, ready to be asked. Raises ModelFileError, which names the file."""
    return read_sealed(path, _decoded, "classifier", LARGEST)


def _decoded(raw: bytes) -> PictureClassifier:
    about, weights = unsealed(raw)
    try:
        given = dict(about["classifier"])
        if about["format"] > FORMAT:
            raise ModelFileError(f"it was written by a newer version (format {about['format']})")
        spec = PictureClassifierSpec(**given | {k: tuple(given[k]) for k in ("picture", "centre")})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"its description makes no sense ({error})") from None
    with torch.device("meta"):
        wanted = PictureClassifier(spec).state_dict()
    check_weights(wanted, weights)
    net = PictureClassifier(spec)
    net.load_state_dict(weights)
    return net.requires_grad_(False).eval()
