"""Model files: safetensors with a JSON description and a SHA-256 of it all. Nothing is ever unpickled."""

from __future__ import annotations

import errno
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from explorer.base.errors import Told
from explorer.base.files import read_bytes, write_bytes
from explorer.base.lazy import torch
from explorer.diffusion.sdes import SDE, SDES
from explorer.networks.spec import NetworkSpec, UNetSpec, picture_shape

if TYPE_CHECKING:
    from explorer.networks.preconditioned import Preconditioned

T = TypeVar("T")
FORMAT = 1
#: Larger files than this are no model of ours and are refused before they are read.
LARGEST = 256 * 2**20
MOST_DIMENSIONS = 1 << 16
#: Spreads whose squares single precision can carry, and weights that no training comes near.
SPREADS, LARGEST_WEIGHT = (1e-15, 1e15), 1e6
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
            from explorer.networks.preconditioned import Denoiser

            return Denoiser(self.network, self.dim, self.sigma_data, random, self.native_sde)
        from explorer.networks.unet import PictureDenoiser

        assert self.picture is not None
        return PictureDenoiser(self.network, self.picture, self.centre, self.sigma_data, random)

    def denoiser(self) -> Preconditioned:
        """The network with these weights, ready to be evaluated (its weights take no gradient)."""
        net = self.network_of()
        net.load_state_dict(dict(self.weights))
        return net.requires_grad_(False).eval()


def save(model: Model, path: str | Path, private: bool = False) -> None:
    """Write `model`, whole or not at all; where it is `private`, for its owner alone. Raises OSError."""
    write_bytes(path, encode(model), private)


def load(path: str | Path) -> Model:
    """The model in `path`, or a ModelFileError that names the file."""
    return read_sealed(path, decode, "model", LARGEST)


def read_sealed(
    path: str | Path, decode: Callable[[bytes], T], what: str, limit: int,
    failed: type[ValueError] = ModelFileError,
) -> T:  # fmt: skip
    """What `decode` makes of a file, or a `failed` that names it: it is no `what`, or larger than `limit` bytes."""
    path = Path(path)
    try:
        return decode(read_bytes(path, limit))
    except (failed, ModelFileError) as error:
        raise failed(f"{path.name} cannot be used as a {what}: {error}.") from None
    except OSError as error:
        if error.errno == errno.EFBIG:
            why = f"it is too large for a {what} of this program"
            raise failed(f"{path.name} cannot be used as a {what}: {why}.") from None
        raise failed(f"{path.name} cannot be read: {error.strerror or error}.") from None


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
        if not 0 < model.dim <= MOST_DIMENSIONS:
            raise ValueError(f"dim = {model.dim}")
        check_scales(model.sigma_data, model.centre)
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
    if len(centre) != picture[0]:
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


def check_scales(sigma_data: float, centre: Sequence[float] = ()) -> None:
    """Spread and means of data that single precision can carry; ValueError else."""
    if not SPREADS[0] <= sigma_data <= SPREADS[1]:
        raise ValueError(f"sigma_data = {sigma_data:g} is not between {SPREADS[0]:g} and {SPREADS[1]:g}")
    if not all(abs(value) <= SPREADS[1] for value in centre):
        raise ValueError(f"the centre {tuple(centre)} is not within {SPREADS[1]:g}")


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
        if w.is_floating_point() and bool((w.abs() > LARGEST_WEIGHT).any()):
            raise ModelFileError(f"its weight {name} holds numbers beyond {LARGEST_WEIGHT:g}")


def _check_weights(model: Model) -> None:
    with torch.device("meta"):
        wanted = model.network_of().state_dict()
    check_weights(wanted, model.weights)
