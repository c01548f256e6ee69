"""Archives of pictures: the small ones that come with the program, and the whole ones that anybody can download."""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from explorer.base import paths
from explorer.base.errors import Told
from explorer.data.images.base import Pixels

#: The order in which pictures are held out: archives may be sorted by author (MNIST's test set is).
SHUFFLE = 20261122
#: Classes at most, as of a network.
MOST_LABELS = 10_000
#: The arrays of an archive.
NAMES = ("x_train", "y_train", "x_test", "y_test")
#: Bytes that they may unpack to: MNIST's are 55 MB, CIFAR's 185.
MOST_UNPACKED = 2**30


class ImageError(Told, ValueError):
    """Pictures that cannot be used; the message says why in one sentence."""


def shipped(name: str) -> tuple[Pixels, Pixels]:
    """(train, held out) of the archive NAME.npz in assets/images/, kept."""
    return _shipped(paths.assets() / "images" / f"{name}.npz")


@lru_cache(maxsize=4)
def _shipped(path: Path) -> tuple[Pixels, Pixels]:
    return read(path)


def read(path: str | Path) -> tuple[Pixels, Pixels]:
    """(train, held out) of an archive with x_train, y_train, x_test and y_test, as Keras distributes MNIST.

    Pictures are uint8, (n, h, w) or (n, h, w, c). The held-out ones come in random order, always the same.
    Raises ImageError.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            _check_sizes(path.name, archive.zip)
            arrays = [archive[key] for key in NAMES]
    except ImageError:
        raise
    except Exception as error:  # zip, zlib and NumPy raise errors of many kinds on damaged data
        refused = getattr(error, "strerror", None)
        why = f"cannot be read: {refused}" if refused else "is no archive of pictures, or it is damaged"
        raise ImageError(
            f"{path.name} {why}; it must be an .npz with x_train, y_train, x_test and y_test."
        ) from None
    train, test = (_pixels(path.name, *arrays[i : i + 2]) for i in (0, 2))
    if train.images.shape[1:] != test.images.shape[1:]:
        raise ImageError(f"{path.name}: those to train on and those to test with are of different sizes.")
    order = np.random.default_rng(SHUFFLE).permutation(len(test))
    return train, test.take(order)


def _check_sizes(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse by its directory what would unpack to more than is allowed (zipfile reads no more than it claims)."""
    wanted = {f"{key}.npy" for key in NAMES}
    size = sum(member.file_size for member in archive.infolist() if member.filename in wanted)
    if size > MOST_UNPACKED:
        limit = f"{MOST_UNPACKED / 2**20:,.0f} MB are read"
        raise ImageError(f"{name} is too large: it unpacks to {size / 2**20:,.0f} MB, at most {limit}.")


def _pixels(name: str, x: np.ndarray, y: np.ndarray) -> Pixels:
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or len(x) == 0 or y.shape != (len(x),):
        raise ImageError(f"{name}: pictures must be uint8 of shape (n, h, w) or (n, h, w, c), with n labels.")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= MOST_LABELS:
        raise ImageError(f"{name}: labels must be whole numbers from 0 to {MOST_LABELS - 1}.")
    x = x[:, None] if x.ndim == 3 else np.ascontiguousarray(np.moveaxis(x, -1, 1))
    return Pixels(x, y.astype(np.int64))
