"""Model files: safetensors with a JSON description and a SHA-256 of it all. Nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from explorer.errors import Told
from explorer.files import write_atomically
from explorer.lazy import torch
from explorer.scores.spec import NetworkSpec, UNetSpec, picture_shape
from explorer.sdes import SDE, SDES

if TYPE_CHECKING:
    from explorer.scores.network import Preconditioned

T = TypeVar("T")
FORMAT = 1
#: Larger files than this are no model of ours and are refused before they are read.
LARGEST = 256 * 2**20
MOST_DIMENSIONS = 1 << 16
_KEY, _HASH_KEY, _BLANK = "score_explorer", "sha256", b"0" * 64


class ModelFileError(Told, ValueError):
    """A model file that cannot be used; the message says why in one sentence."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network and where it comes from.

    `data` and `sde` are {"type": name, parameter: value, ...}; `sde` is None unless the network is native to
    it. `facts` are numbers and words about the training, for people.
    """

    network: NetworkSpec | UNetSpec
    weights: Mapping[str, torch.Tensor]
    dim: int = 2
    sigma_data: float = 1.0
    data: dict[str, Any] = field(default_factory=dict)
    sde: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    #: (c, h, w), and the mean of each channel, where the points are pictures.
    picture: tuple[int, int, int] | None = None
    centre: tuple[float, ...] = ()

    @property
    def native_sde(self) -> SDE | None:
        """The SDE whose f and g a network of flow velocities needs; None for the others."""
        if self.network.output != "flow":
            return None
        if self.sde is None:
            raise ValueError("it does not say which SDE it is for")
        return SDES[self.sde["type"]](**{k: v for k, v in self.sde.items() if k != "type"})

    def network_of(self, random: torch.Generator | None = None) -> Preconditioned:
        """A network of this kind with weights from `random`."""
        if isinstance(self.network, NetworkSpec):
            from explorer.scores.network import Denoiser

            return Denoiser(self.network, self.dim, self.sigma_data, random, self.native_sde)
        from explorer.scores.unet import PictureDenoiser

        assert self.picture is not None
        return PictureDenoiser(self.network, self.picture, self.centre, self.sigma_data, random)

    def denoiser(self) -> Preconditioned:
        """The network with these weights, ready to be evaluated (its weights take no gradient)."""
        net = self.network_of()
        net.load_state_dict(dict(self.weights))
        return net.requires_grad_(False).eval()


def save(model: Model, path: str | Path) -> None:
    """Write `model`, whole or not at all."""
    write_sealed(path, encode(model))


def load(path: str | Path) -> Model:
    """The model in `path`, or a ModelFileError that names the file."""
    return read_sealed(path, decode, "model", LARGEST)


def write_sealed(path: str | Path, raw: bytes) -> None:
    """Write the bytes of such a file, whole or not at all. Raises OSError."""
    with write_atomically(path) as temporary:
        temporary.write_bytes(raw)
        if temporary.stat().st_size != len(raw):
            raise OSError("the disk took only a part of the file")


def read_sealed(
    path: str | Path, decode: Callable[[bytes], T], what: str, limit: int,
    failed: type[ValueError] = ModelFileError,
) -> T:  # fmt: skip
    """What `decode` makes of a file, or a `failed` that names it: it is no `what`, or larger than `limit` bytes."""
    path = Path(path)
    try:
        with path.open("rb") as file:  # a device has no size, and no end
            data = file.read(limit + 1)
        if len(data) > limit:
            raise failed(f"it is too large for a {what} of this program")
        return decode(data)
    except (failed, ModelFileError) as error:
        raise failed(f"{path.name} cannot be used as a {what}: {error}.") from None
    except OSError as error:
        raise failed(f"{path.name} cannot be read: {error.strerror}.") from None


def encode(model: Model) -> bytes:
    """The bytes of the file of a model."""
    about = {
        "format": FORMAT, "network": asdict(model.network), "dim": model.dim, "sigma_data": model.sigma_data,
        "data": model.data, "sde": model.sde, "facts": model.facts,
    }  # fmt: skip
    if model.picture:
        about |= {"picture": model.picture, "centre": model.centre}
    return sealed(about, model.weights)


def sealed(about: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> bytes:
    """A description and tensors as the bytes of a file: the hash is of all of them, with zeros where it will stand.

    Weights may be kept as float16, half as large; `unsealed` gives them back as float32.
    """
    from safetensors.torch import save as to_bytes

    tensors = {name: w.detach().cpu().contiguous() for name, w in weights.items()}
    text = json.dumps(about, sort_keys=True, allow_nan=False)
    # one metadata entry: safetensors keeps several in no fixed order, and the bytes would not repeat
    metadata = {_KEY: json.dumps({_HASH_KEY: _BLANK.decode(), "about": text})}
    raw = to_bytes(tensors, metadata=metadata)
    return raw.replace(_BLANK, hashlib.sha256(raw).hexdigest().encode(), 1)


def unsealed(raw: bytes) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The description and the tensors of such a file; ModelFileError when a byte is not as it was written."""
    return _described(raw), _tensors(raw)


def decode(raw: bytes) -> Model:
    """The model in `raw`; ModelFileError when a byte is not as it was written."""
    about, tensors = unsealed(raw)
    if "checkpoint" in about:
        raise ModelFileError("it is a checkpoint of a training, to be gone on from (train --resume)")
    try:
        if about["format"] > FORMAT:
            raise ModelFileError(f"it was written by a newer version (format {about['format']})")
        model = Model(
            _spec(about)(**about["network"]), tensors, int(about["dim"]), float(about["sigma_data"]),
            dict(about["data"]), dict(about["sde"]) if about["sde"] is not None else None, dict(about["facts"]),
            *_picture(about),
        )  # fmt: skip
        if not (0 < model.dim <= MOST_DIMENSIONS and 0 < model.sigma_data < math.inf):
            raise ValueError(f"dim = {model.dim}, sigma_data = {model.sigma_data:g}")
        _ = model.native_sde  # an SDE that cannot be made raises here
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"its description makes no sense ({error})") from None
    _check_weights(model)
    return model


def _spec(about: dict[str, Any]) -> type[NetworkSpec] | type[UNetSpec]:
    return UNetSpec if "picture" in about else NetworkSpec


def _picture(about: dict[str, Any]) -> tuple[tuple[int, int, int] | None, tuple[float, ...]]:
    """The shape of the pictures and their centre, checked; nothing where the points are none."""
    if "picture" not in about:
        return None, ()
    picture, centre = picture_shape(about["picture"]), tuple(float(v) for v in about["centre"])
    if len(centre) != picture[0] or not all(map(math.isfinite, centre)):
        raise ValueError(f"pictures of {picture} around {about['centre']}")
    if int(about["dim"]) != math.prod(picture):
        raise ValueError(f"dim = {about['dim']} for pictures of {picture}")
    return picture, centre


def claimed(raw: bytes) -> tuple[str, dict[str, Any]]:
    """The hash and the description that the first bytes of such a file give, whether or not they fit the rest."""
    try:
        length = int.from_bytes(raw[:8], "little")
        entry = json.loads(json.loads(raw[8 : 8 + length])["__metadata__"][_KEY])
        return str(entry[_HASH_KEY]), dict(json.loads(entry["about"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelFileError("it is not a model file of this program") from None


def _described(raw: bytes) -> dict[str, Any]:
    """The description, once the hash has been found right."""
    digest, about = claimed(raw)
    blanked = raw.replace(digest.encode(), _BLANK, 1)
    if hashlib.sha256(blanked).hexdigest() != digest:
        raise ModelFileError("it is damaged (its SHA-256 does not fit its content)")
    return about


def _tensors(raw: bytes) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    try:
        tensors = dict(from_bytes(raw))
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelFileError(f"its tensors cannot be read ({error})") from None
    return {name: w.float() if w.dtype == torch.float16 else w for name, w in tensors.items()}


def check_weights(wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> None:
    """Names, shapes and finiteness, against the state of an empty network; raises ModelFileError."""
    if wanted.keys() != found.keys():
        odd = sorted(wanted.keys() ^ found.keys())[0]
        raise ModelFileError(f"its weights are not those of its network ({odd})")
    for name, w in found.items():
        if w.shape != wanted[name].shape or w.dtype != wanted[name].dtype:
            shape, due = tuple(w.shape), tuple(wanted[name].shape)
            raise ModelFileError(f"its weight {name} is {w.dtype} of shape {shape}, not of {due}")
        if not bool(torch.isfinite(w).all()):
            raise ModelFileError(f"its weight {name} holds numbers that are not finite")


def _check_weights(model: Model) -> None:
    with torch.device("meta"):
        wanted = model.network_of().state_dict()
    check_weights(wanted, model.weights)
