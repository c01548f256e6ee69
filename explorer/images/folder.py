"""The user's own pictures: a folder of them, read safely. Whatever is in it, small squares come out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from explorer.images.archive import ImageError
from explorer.images.base import IMAGES, ImageSet, Pixels, moments_of
from explorer.images.square import grey_of, square_of
from explorer.params import ParamError, param

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm")
#: Pictures that are taken; of a fuller folder, as many at random (always the same ones).
MOST = 5_000
#: Entries of a folder that are looked at, and subfolders whose names are taken for classes.
MOST_ENTRIES, MOST_CLASSES = 200_000, 100
#: A pixel whose red, green and blue are farther apart is coloured; compression alone parts those of a grey one.
COLOURED = 32
#: One picture in so many is held out; fewer than LEAST are too few to learn from three and hold one out.
HELD_OUT, LEAST = 10, 4


@dataclass(frozen=True, eq=False)
class Found:
    """What a folder gave: pictures to train on and held out, the names of the classes, a sentence about it all."""

    train: Pixels
    held_out: Pixels
    label_names: tuple[str, ...]
    sentence: str
    digest: str
    #: Of how many the colour was left out.
    greyed: int = 0


@IMAGES.register("folder", title="Your images", order=400)
@dataclass(frozen=True)
class Folder(ImageSet):
    """Pictures of a folder on this machine, cut to squares. Where they lie in subfolders, those are the classes.

    An experiment keeps the folder's path and a digest of what was read there, not the pictures. Reading them raises
    ImageError where the folder has gone or holds none.
    """

    builtin = False
    about = "Your own pictures: a folder of them, cut to small squares."
    private = ("path", "names")
    path: str = param("", "Folder", visible=lambda _: False, help="Where the pictures are.")
    names: Any = param(
        (), "Files", kind="data", help="Files of the folder that are meant; none for all of them."
    )
    side: int = param(
        28, "Size", unit="pixels", choices={16: "16 × 16", 28: "28 × 28", 32: "32 × 32"},
        help="Each picture is cut to its central square, and the square brought to this size.",
        equation="d = c·h·w",
    )  # fmt: skip
    colour: bool = param(
        False, "Colour",
        help="Red, green and blue, instead of one grey.", equation="c = 3 or 1",
    )  # fmt: skip
    mirror: bool = param(  # type: ignore[misc]
        False, "Mirrored too", help="In training every picture is mirrored half of the time: twice as much to learn "
        "from, where left and right do not matter.", equation="x(i, j) → x(i, w − 1 − j)",
    )  # fmt: skip
    digest: str = param(
        "", "Digest", visible=lambda _: False, help="Of what was read when the folder was chosen."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.names
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) and _plain(n) for n in names):
            raise ParamError("folder.names must be names of files in the folder")
        object.__setattr__(self, "names", tuple(names))

    @property
    def picture(self) -> tuple[int, int, int]:  # type: ignore[override]
        """(c, h, w)."""
        return (3 if self.colour else 1, self.side, self.side)

    @property
    def ready(self) -> bool:  # type: ignore[override]
        """Whether the pictures have been read: that may take a while."""
        return "found" in self.__dict__

    @cached_property
    def found(self) -> Found:
        """What the folder gives. Raises ImageError."""
        return read_folder(self.path, self.names, self.side, self.colour)

    def load(self) -> tuple[Pixels, Pixels]:
        return self.found.train, self.found.held_out

    @property
    def label_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The subfolders' names."""
        return self.found.label_names

    @property
    def note(self) -> str:
        """What was read, once it has been."""
        return self.found.sentence if self.ready else self.about


def _plain(name: str) -> bool:
    """Whether a name is that of a file in the folder itself."""
    return bool(name) and name not in (".", "..") and not set(name) & {"/", "\\", "\0"}


def forget() -> None:
    """Look anew at folders that were read before."""
    read_folder.cache_clear()


@lru_cache(maxsize=4)
def read_folder(path: str, names: tuple[str, ...], side: int, colour: bool) -> Found:
    """The pictures of a folder, or some of its files, as squares of `side` pixels. Raises ImageError."""
    if not path:
        raise ImageError("no folder of pictures has been chosen yet: Import takes one (or data.path).")
    folder = Path(path)
    listing = _Listing(folder)
    listing.look(names)
    if not listing.files:
        raise ImageError(f"{folder.name} holds no pictures ({', '.join(ENDINGS)}).")
    images, labels, broken, greyed = _read(listing, side, colour)
    if len(images) < LEAST:
        raise ImageError(
            f"{len(images) or 'none'} of {len(listing.files)} pictures in {folder.name} can be read; at least {LEAST} "
            "are needed."
        )
    pixels = Pixels(np.stack(images), np.array(labels, np.int64))
    digest = hashlib.sha256(pixels.images.tobytes() + pixels.labels.tobytes()).hexdigest()[:16]
    pixels, classes = _classes(pixels, listing.classes)
    held = _held_out(pixels.labels)
    train = pixels.take(np.delete(np.arange(len(pixels)), held))
    if not moments_of(train)[1]:
        raise ImageError(
            f"the pictures in {folder.name}, but for those held out, are all of one plain colour: there is nothing "
            "to learn. (What is transparent counts as white.)"
        )
    sentence = _sentence(listing, classes, len(pixels), broken)
    return Found(train, pixels.take(held), classes, sentence, digest, greyed)


def _classes(pixels: Pixels, names: tuple[str, ...]) -> tuple[Pixels, tuple[str, ...]]:
    """With the classes that pictures were read of; none where that is one, or where each picture is of its own."""
    found, labels = np.unique(pixels.labels, return_inverse=True)
    if not 1 < len(found) < len(pixels):
        return Pixels(pixels.images, np.zeros_like(pixels.labels)), ()
    return Pixels(pixels.images, labels.astype(np.int64)), tuple(names[c] for c in found)


def _held_out(labels: np.ndarray) -> np.ndarray:
    """The rows that are held out: the first, but of each class (n,) one is left to learn from."""
    left, rows = np.bincount(labels), list[int]()
    for row, label in enumerate(labels):
        if left[label] > 1 and len(rows) < max(1, len(labels) // HELD_OUT):
            left[label] -= 1
            rows.append(row)
    return np.array(rows)


class _Listing:
    """The files of a folder that look like pictures, with the number of their class. Links are left out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.entries, self.links = folder, 0, 0
        self.files: list[tuple[Path, int]] = []
        self.classes: tuple[str, ...] = ()

    def look(self, names: Sequence[str]) -> None:
        """The folder's own pictures; where it has none, those of its subfolders."""
        entries = self._scan(self.folder)
        wanted = set(names)
        own = [e for e in entries if _looks(e) and (not wanted or e.name in wanted)]
        self.files = [(Path(e.path), 0) for e in own]
        if own or names:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                self._look_into(entry)
        if not 1 < len(self.classes) <= MOST_CLASSES:
            self.classes = ()
            self.files = [(path, 0) for path, _ in self.files]

    def _look_into(self, entry: os.DirEntry[str]) -> None:
        inside = [Path(e.path) for e in self._scan(Path(entry.path)) if _looks(e)]
        self.files += [(path, len(self.classes)) for path in inside]
        self.classes += (entry.name,) if inside else ()

    def _scan(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(self._counted(entries, folder), key=lambda e: e.name)
        except OSError as error:
            if folder != self.folder:  # a subfolder that may not be looked into
                return []
            raise ImageError(
                f"the folder of pictures {folder.name} cannot be read ({error.strerror}): choose it again."
            ) from None

    def _counted(self, entries: Iterator[os.DirEntry[str]], folder: Path) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            self.entries += 1
            if self.entries > MOST_ENTRIES:
                raise ImageError(
                    f"{folder.name} has more than {MOST_ENTRIES:,} files: choose a smaller folder."
                )
            if entry.is_symlink():
                self.links += 1
            else:
                yield entry


def _looks(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a file with a picture's ending."""
    ending = os.path.splitext(entry.name)[1].lower()
    return ending in ENDINGS and not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)


def _read(listing: _Listing, side: int, colour: bool) -> tuple[list[np.ndarray], list[int], int, int]:
    """Pictures (c, side, side) in random order, always the same, their labels, how many could not be read, and of how
    many the colour was left out."""
    order = np.random.default_rng(list(b"folder")).permutation(len(listing.files))
    images, labels, broken, greyed = [], [], 0, 0
    for row in order:
        path, label = listing.files[row]
        try:
            levels = square_of(path, (3, side, side))
            images.append(levels if colour else grey_of(levels))
            labels.append(label)
            greyed += not colour and bool(np.ptp(levels, axis=0).max() > COLOURED)
        except Exception:  # decoders raise errors of many kinds on damaged data
            broken += 1
        if len(images) == MOST:
            break
    return images, labels, broken, greyed


def _sentence(listing: _Listing, classes: tuple[str, ...], taken: int, broken: int) -> str:
    said = [f"{listing.folder.name}: {taken:,} pictures" + (f" in {len(classes)} classes" if classes else "")]
    if taken == MOST and len(listing.files) > taken + broken:
        said.append(f"a random {MOST:,} of {len(listing.files):,}")
    if broken:
        said.append(f"{broken:,} file{'s' * (broken > 1)} could not be read")
    if listing.links:
        said.append(f"{listing.links:,} link{'s' * (listing.links > 1)} left out")
    return "; ".join(said) + "."


def read(data: Folder) -> Folder:
    """The same data with its pictures read, and the digest of what was found. Raises ImageError."""
    known = replace(data, digest=data.found.digest)
    _ = known.mixture  # kept, as what was found is: nothing is done twice
    return known


def changed(data: Folder) -> str:
    """A sentence where the folder now holds other pictures than when it was chosen, else "". Raises ImageError."""
    if not data.digest or data.found.digest == data.digest:
        return ""
    return f"The pictures in {Path(data.path).name} are others than it was made with."


def of_files(paths: Sequence[Path], like: Folder) -> Folder:
    """Some pictures of one folder as data. Raises ImageError."""
    folders = {path.absolute().parent for path in paths}
    if len(folders) > 1:
        raise ImageError("these pictures are in several folders: choose pictures of one folder, or a folder.")
    if len(paths) > MOST:
        raise ImageError(
            f"these are {len(paths):,} pictures, more than {MOST:,}: choose their folder instead."
        )
    return replace(like, path=str(folders.pop()), names=tuple(sorted(path.name for path in paths)), digest="")
