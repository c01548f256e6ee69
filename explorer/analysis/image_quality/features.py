"""The classifier of clean pictures whose features distances are measured in: training and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.base import paths
from explorer.base.files import write_bytes
from explorer.base.lazy import torch
from explorer.data.images import ImageSet, from_pixels
from explorer.data.images.base import Pixels, mirrored
from explorer.networks.files import LARGEST, ModelFileError, check_weights, read_sealed, sealed, unsealed
from explorer.networks.spec import picture_shape

if TYPE_CHECKING:
    from explorer.analysis.image_quality.network import FeatureNet

ITERATIONS, BATCH, RATE, SEED = 2000, 128, 2e-3, 0
#: Pixels by which a picture may be moved in training, and iterations between two frames.
SHIFT, EVERY = 2, 50
#: Pictures that go through the network at once.
CHUNK = 500


@dataclass(frozen=True, eq=False)
class Features:
    """A trained classifier: `picture` is (c, h, w), `data` and `facts` say what it was trained on and how."""

    picture: tuple[int, int, int]
    classes: int
    weights: dict[str, torch.Tensor]
    data: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def net(self) -> FeatureNet:
        """The network, ready to be asked."""
        from explorer.analysis.image_quality.network import FeatureNet

        net = FeatureNet(self.picture, self.classes)
        net.load_state_dict(self.weights)
        return net.requires_grad_(False).eval()

    def of(self, x: np.ndarray) -> np.ndarray:
        """The features (n, 64) of flat pictures x (n, c h w) in [-1, 1], float64."""
        return self._through(x)[0]

    def classify(self, x: np.ndarray) -> np.ndarray:
        """The likeliest class of each (n,)."""
        return self._through(x)[1]

    def both(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`of` and `classify` at the cost of one."""
        return self._through(x)

    def _through(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = torch.cat([self.net.features(part) for part in torch.from_numpy(x).float().split(CHUNK)])
        return features.double().numpy(), self.net.last(features).argmax(1).numpy()

    def accuracy(self, pixels: Pixels) -> float:
        """The share of pictures whose label it finds."""
        return float((self.classify(from_pixels(pixels.images)) == pixels.labels).mean())

    def save(self, path: str | Path) -> None:
        """Write it, weights as float16: they are ample for that."""
        about = {
            "features": 1, "picture": self.picture, "classes": self.classes, "data": self.data, "facts": self.facts,
        }  # fmt: skip
        write_bytes(path, sealed(about, {name: w.half() for name, w in self.weights.items()}))

    @staticmethod
    def load(path: str | Path) -> Features:
        """The classifier in a file. Raises ModelFileError, whose sentence names the file."""
        return read_sealed(path, _decoded, "classifier", LARGEST)


def _decoded(raw: bytes) -> Features:
    from explorer.analysis.image_quality.network import FeatureNet

    about, weights = unsealed(raw)
    try:
        if about["features"] != 1:
            raise ModelFileError("it was written by a newer version")
        picture, classes = picture_shape(about["picture"], least=8), int(about["classes"])
        found = Features(picture, classes, weights, dict(about["data"]), dict(about["facts"]))
        with torch.device("meta"):
            wanted = FeatureNet(found.picture, found.classes).state_dict()
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ModelFileError(f"its description makes no sense ({error})") from None
    check_weights(wanted, weights)
    return found


def features_path(data: ImageSet) -> Path:
    """Where the classifier that comes with the program for this set of pictures is, if there is one."""
    return paths.pretrained() / f"{data.name}.features.safetensors"


@lru_cache(maxsize=8)
def _kept(path: Path, modified: float) -> Features:
    return Features.load(path)


def features_of(data: ImageSet) -> Features | None:
    """The classifier that comes with the program for this set of pictures, kept; None if there is none."""
    path = features_path(data)
    return _kept(path, path.stat().st_mtime) if path.is_file() else None


# --- training --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FeatureFrame:
    """A training as it stands; the last frame has progress 1 and the averaged weights."""

    iteration: int
    progress: float
    loss: float
    weights: dict[str, torch.Tensor] | None = None


def train_features(
    train: Pixels, classes: int, mirror: bool = False, iterations: int = ITERATIONS, seed: int = SEED
) -> Iterator[FeatureFrame]:
    """Train a classifier: Adam on the cross-entropy, pictures moved by up to two pixels and, where it suits
    them, mirrored. All follows from the seed."""
    from explorer.analysis.image_quality.network import FeatureNet
    from explorer.networks.optimizer import FlatAdam, descent

    picture: tuple[int, int, int] = train.images.shape[1:]
    net = FeatureNet(picture, classes, torch.Generator().manual_seed(seed))
    optimiser, rng = FlatAdam(net, clip=1.0, ema=0.08), np.random.default_rng([seed, *b"features"])

    def entropy() -> torch.Tensor:
        x, labels = _batch(train, mirror, rng)
        return torch.nn.functional.cross_entropy(net(x), labels)

    for i, loss in descent(optimiser, entropy, RATE, iterations):
        if i % EVERY == 0 or i == iterations:
            done = i == iterations
            yield FeatureFrame(i, i / iterations, float(loss), optimiser.weights() if done else None)


def _batch(train: Pixels, mirror: bool, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (n, d) in [-1, 1] and their labels (n,)."""
    some = train.take(rng.integers(len(train), size=BATCH))
    images = np.stack([_moved(image, rng.integers(-SHIFT, SHIFT + 1, 2)) for image in some.images])
    if mirror:
        images = mirrored(images, rng)
    return torch.from_numpy(from_pixels(images)), torch.from_numpy(some.labels)


def _moved(image: np.ndarray, by: np.ndarray) -> np.ndarray:
    """A picture (c, h, w) moved; what comes in is its border again."""
    padded = np.pad(image, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), mode="edge")
    (top, left), (_, h, w) = by + SHIFT, image.shape
    return padded[:, top : top + h, left : left + w]
