"""The user's own images: a folder of them, or arrays in a file, read safely. What comes out are small squares."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image

from explorer.base import paths
from explorer.base.files import same_file
from explorer.base.params import ParamError, param
from explorer.base.printable import printable
from explorer.data.images.archive import ImageError
from explorer.data.images.arrays import (
    PICKLED,
    Arrays,
    Part,
    family,
    holds_images,
    looks_like_arrays,
    read_arrays,
    sources_of,
)
from explorer.data.images.base import IMAGES, ImageSet, Pixels, moments_of
from explorer.data.images.left_out import LeftOut
from explorer.data.images.square import (
    ENDINGS,
    LEAST_SIDE,
    MOST_BYTES,
    MOST_PIXELS,
    TooLarge,
    TooSmall,
    fitted,
    frames_in,
    grey_of,
    span_of,
    stretched,
    values_of,
)
from explorer.data.images.tree import Entry, Tree, arranged

__all__ = ["ENDINGS", "Folder", "Found", "Remote", "changed", "forget", "of_files", "read", "read_folder"]

#: Images that are taken; of a fuller folder, as many at random (always the same ones).
MOST = 5_000
#: A pixel whose red, green and blue are farther apart is coloured; compression alone parts those of a grey one.
COLOURED = 32
#: One image in so many is held out; fewer than LEAST are too few to learn from three and hold one out.
HELD_OUT, LEAST = 10, 4
#: Classes that are named in the sentence.
NAMED = 6


class Remote(ImageError):
    """A path on another machine that an experiment file names, and that nobody has agreed to yet."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a folder gave: images to train on and held out, the names of the classes, a sentence about it all."""

    train: Pixels
    held_out: Pixels
    label_names: tuple[str, ...]
    sentence: str
    digest: str
    #: Of how many the colour was left out.
    greyed: int = 0
    #: What values of more than 8 bits became black and white; None where there were none.
    span: tuple[float, float] | None = None


@IMAGES.register("folder", title="Your images", order=400)
@dataclass(frozen=True)
class Folder(ImageSet):
    """Images of a folder on this machine, or in an array in a file, cut to squares. Subfolders name the classes.

    An experiment keeps the path and a digest of what was read there, not the images. Reading them raises ImageError
    where the folder has gone or holds none.
    """

    builtin = False
    about = "Your own images: a folder of them, or a file of arrays, cut to small squares."
    private = ("path", "names")
    path: str = param("", "Folder", visible=lambda _: False, help="Where the images are: a folder or a file.")
    names: Any = param(
        (), "Files", kind="data", help="Files of the folder that are meant; none for all of them."
    )
    side: int = param(
        28, "Size", unit="pixels", choices={16: "16 × 16", 28: "28 × 28", 32: "32 × 32"},
        help="Each image is cut to its central square, and the square brought to this size.",
        equation="d = c·h·w",
    )  # fmt: skip
    colour: bool = param(
        False, "Color",
        help="Red, green and blue, instead of one grey.", equation="c = 3 or 1",
    )  # fmt: skip
    mirror: bool = param(  # type: ignore[misc]
        False, "Mirrored too", help="In training every image is mirrored half of the time: twice as much to learn "
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
        """Whether the images have been read: that may take a while."""
        return "found" in self.__dict__

    @cached_property
    def found(self) -> Found:
        """What the folder gives. Raises ImageError."""
        return read_folder(self.path, self.names, self.side, self.colour)

    def load(self) -> tuple[Pixels, Pixels]:
        return self.found.train, self.found.held_out

    @property
    def span(self) -> tuple[float, float] | None:  # type: ignore[override]
        """What values of more than 8 bits became black and white."""
        return self.found.span

    @property
    def label_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The subfolders' names, or those of the labels."""
        return self.found.label_names

    @property
    def note(self) -> str:
        """What was read, once it has been."""
        return self.found.sentence if self.ready else self.about

    def reads(self, path: str | Path) -> bool:
        """Whether the file at `path` is one that these images are, or may be, read from."""
        if not self.path or (paths.is_remote(self.path) and self.path not in _agreed):
            return False
        place = Path(os.path.realpath(paths.local(self.path)))
        file = Path(os.path.realpath(path))
        if place.is_file():
            return same_file(place, file) or any(same_file(p, file) for p in family(place))
        if not (file.is_file() and file.is_relative_to(place)):
            return False
        if self.names:
            return file.parent == place and file.name in self.names
        return file.suffix.lower() in ENDINGS or looks_like_arrays(file)

    def seen_from(self, folder: Path) -> Folder:
        """The same images, where a relative path is meant from `folder`: with the absolute path."""
        if not self.path or paths.is_remote(self.path) or PureWindowsPath(self.path).is_absolute():
            return self
        return replace(self, path=os.path.normpath(os.path.join(os.path.abspath(folder), self.path)))

    def told_from(self, folder: Path) -> Folder:
        """The same images for a file in `folder`: with a relative path where they are in that folder or below it."""
        try:
            inside = Path(self.path).relative_to(os.path.abspath(folder))
        except ValueError:
            return self
        return replace(self, path=inside.as_posix())


def _plain(name: str) -> bool:
    """Whether a name is that of a file in the folder itself."""
    return bool(name) and name not in (".", "..") and not set(name) & {"/", "\\", "\0"}


def forget() -> None:
    """Look anew at folders that were read before."""
    read_folder.cache_clear()


#: Paths on other machines that the user has named or agreed to.
_agreed: set[str] = set()


def agree(path: str) -> None:
    """Let a path on another machine be read: the user has named it, or said so when asked."""
    _agreed.add(path)


@lru_cache(maxsize=4)
def read_folder(path: str, names: tuple[str, ...], side: int, colour: bool) -> Found:
    """The images of a folder, of some of its files or of a file, as squares of `side` pixels. Raises ImageError."""
    if not path:
        raise ImageError("no folder of images has been chosen yet: Import takes one (or data.path).")
    if paths.is_remote(path) and path not in _agreed:
        raise Remote(
            f"the images are on another machine, {path}: reading them connects to it. If you trust it, name the path "
            "yourself (--set data.path=PATH, or choose the folder again)."
        )
    place = paths.local(path)
    reading = _Reading(place.name or path, side, colour)
    if place.is_file():
        return reading.of_arrays(read_arrays(place, MOST, MOST // HELD_OUT), place)
    tree = Tree(place).walk(names)
    reading.left = tree.left
    if tree.images:
        for file, parts in tree.others:
            tree.left.add_file(file.suffix.lower(), parts)
        return reading.of_tree(tree)
    arrays = None if names else _arrays_in(tree)
    if arrays is None:
        raise ImageError(f"{place.name} holds no images{_only(tree)}.")
    return reading.of_arrays(read_arrays(arrays, MOST, MOST // HELD_OUT), arrays)


def _arrays_in(tree: Tree) -> Path | None:
    """The file of a folder without images that holds arrays of them; all others are counted."""
    candidates = [path for path, _ in tree.others if looks_like_arrays(path)]
    file = next((path for path in candidates if holds_images(path)), None)
    read = family(file) if file is not None else []
    for path, parts in tree.others:
        if path not in read:
            tree.left.add_file(path.suffix.lower(), parts)
    return file


def _only(tree: Tree) -> str:
    """What a folder without images does hold, and what to do with it where that is known."""
    for path, _ in tree.others:
        if path.suffix.lower() in PICKLED or not path.suffix or path.name == "batches.meta":
            try:
                sources_of(path)
            except ImageError as error:
                return f": {error}".rstrip(".")
    held = f": only {tree.left.said()}" if tree.left else ""
    return f" (PNG, JPEG, TIFF and others; IDX, NPZ or NPY){held}"


class _Reading:
    """Images as they are read: of 8 bits as levels, of more as values that are stretched together at the end."""

    def __init__(self, name: str, side: int, colour: bool) -> None:
        self.name, self.side, self.colour = name, side, colour
        self.left, self.greyed = LeftOut(), 0
        self.span: tuple[float, float] | None = None

    # --- files ---

    def of_tree(self, tree: Tree) -> Found:
        sort = arranged(tree)
        train, labels = self._files(tree.folder, sort.train, MOST)
        held, held_labels = self._files(tree.folder, sort.held_out, MOST // HELD_OUT)
        said = list(sort.remarks)
        if len(train) == MOST < len(sort.train):
            said.insert(0, f"a random {MOST:,} of {len(sort.train):,}")
        if held:
            total = len(sort.held_out)
            few = (
                f"a random {len(held):,} of {total:,}"
                if total > len(held) == MOST // HELD_OUT
                else f"{len(held):,}"
            )
            said.append(f"validation set: {few} of {sort.held_name}")
        return self._found(train, labels, held, held_labels, sort.classes, said)

    def _files(
        self, folder: Path, entries: Sequence[tuple[Entry, int]], most: int
    ) -> tuple[list[np.ndarray], list[int]]:
        """Images in random order, always the same, as values (c, side, side), and their labels."""
        values, labels = [], []
        for row in np.random.default_rng(list(b"folder")).permutation(len(entries)):
            (path, _), label = entries[row]
            place = path.parent.relative_to(folder).parts
            try:
                values.append(self._in_colour_or_grey(values_of(path, (3, self.side, self.side))))
                labels.append(label)
                if (frames := frames_in(path)) > 1:
                    self.left.add("further frame", "further frames", place, frames - 1)
            except TooSmall:
                name = f"smaller than {LEAST_SIDE} pixels"
                self.left.add(f"image {name}", f"images {name}", place)
            except TooLarge:
                name = f"of more than {MOST_PIXELS:,} pixels or {MOST_BYTES // 2**20} MB"
                self.left.add(f"image {name}", f"images {name}", place)
            except Exception:  # decoders raise errors of many kinds on damaged data
                self.left.add("unreadable image", "unreadable images", place)
            if len(values) == most:
                break
        return values, labels

    def _in_colour_or_grey(self, values: np.ndarray) -> np.ndarray:
        """Values (3, side, side) as they are, or in one grey."""
        if self.colour:
            return values
        if values.dtype != np.uint8:
            return np.asarray(np.tensordot([0.299, 0.587, 0.114], values, 1)[None], np.float32)
        self.greyed += bool(np.ptp(values, axis=0).max() > COLOURED)
        return grey_of(values)

    # --- arrays ---

    def of_arrays(self, found: Arrays, path: Path) -> Found:
        train, held = found.train, found.held_out
        names = _sorted_names([] if train.labels is None else np.unique(train.labels).tolist())
        number = {name: i for i, name in enumerate(names)}
        values, labels = self._array(train, number)
        said = list(found.remarks)
        if len(train.images) < train.total:
            said.insert(0, f"a random {len(train.images):,} of {train.total:,}")
        second: tuple[list[np.ndarray], list[int]] = ([], [])
        if held is not None:
            second = self._array(held, number)
            few = (
                f"a random {len(held.images):,} of {held.total:,}"
                if len(held.images) < held.total
                else f"{held.total:,}"
            )
            said.append(f"validation set: {few} of {held.name}")
        return self._found(values, labels, *second, tuple(names), said)

    def _array(self, part: Part, number: dict[str, int]) -> tuple[list[np.ndarray], list[int]]:
        values, labels = [], []
        for row, image in enumerate(part.images):
            label = 0 if part.labels is None else number.get(str(part.labels[row]), -1)
            if label < 0:
                self.left.add("image of none of the classes", "images of none of the classes", (part.name,))
            elif image.dtype.kind == "f" and not np.isfinite(image).all():
                self.left.add("image with missing values", "images with missing values", (part.name,))
            else:
                values.append(self._in_colour_or_grey(_of_array(image, self.side)))
                labels.append(label)
        return values, labels

    # --- both ---

    def _found(
        self, train: list[np.ndarray], labels: list[int], held: list[np.ndarray], held_labels: list[int],
        classes: tuple[str, ...], said: list[str],
    ) -> Found:  # fmt: skip
        if len(train) + len(held) < LEAST or len(train) < LEAST - 1:
            few = len(train)
            raise ImageError(
                f"{few or 'none'} of the images in {self.name} can be used; at least {LEAST} are needed"
                f"{f' (left out: {self.left.said()})' if self.left else ''}."
            )
        deep = [v for v in (*train, *held) if v.dtype != np.uint8]
        if deep:
            self.span = min(span_of(v)[0] for v in deep), max(span_of(v)[1] for v in deep)
            many = f"{len(deep):,} of them" if len(deep) < len(train) + len(held) else "their"
            values = "values" if many == "their" else "have values"
            said.append(
                f"{many} {values} {self.span[0]:.6g} to {self.span[1]:.6g} stretched to black and white"
            )
        first = self._pixels(train, labels)
        second = self._pixels(held, held_labels) if held else Pixels(first.images[:0], first.labels[:0])
        digest = _digest(first, second)
        first, second, classes = _with_classes(first, second, tuple(map(printable, classes)))
        shown = len(first)
        if not len(second):
            rows = _held_out(first.labels)
            first, second = first.take(np.delete(np.arange(len(first)), rows)), first.take(rows)
        if not moments_of(first)[1]:
            raise ImageError(
                f"the images in {self.name}, but for those held out, are all of one plain color: there is nothing "
                "to learn. (What is transparent counts as white.)"
            )
        sentence = self._sentence(shown, classes, said)
        return Found(first, second, classes, sentence, digest, self.greyed, self.span)

    def _pixels(self, values: list[np.ndarray], labels: list[int]) -> Pixels:
        return Pixels(np.stack([stretched(v, self.span) for v in values]), np.array(labels, np.int64))

    def _sentence(self, count: int, classes: tuple[str, ...], said: list[str]) -> str:
        text = f"{self.name}: {count:,} images"
        if classes:
            more = f" and {len(classes) - NAMED} more" if len(classes) > NAMED else ""
            text += f" in {len(classes)} classes ({', '.join(classes[:NAMED])}{more})"
        left = [f"left out: {self.left.said()}"] if self.left else []
        return printable("; ".join([text, *said, *left])) + "."


def _few(count: int, total: int) -> str:
    return f"a random {count:,} of {total:,}" if count < total else f"{count:,}"


def _sorted_names(names: list[str]) -> list[str]:
    """Numbers in their order, else words in theirs; none where there is but one."""
    if len(names) < 2:
        return names
    return sorted(names, key=(lambda n: (int(n), n)) if all(n.isdigit() for n in names) else None)


def _of_array(image: np.ndarray, side: int) -> np.ndarray:
    """One image (h, w) or (h, w, c) of an array as values (3, side, side), uint8 or float32."""
    image = image[..., None] if image.ndim == 2 else image
    size = (3, side, side)
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    if image.dtype == np.uint8:
        plain = np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)
        return fitted(Image.fromarray(plain), size)
    channels = [
        fitted(Image.fromarray(image[..., c].astype(np.float32)), size)[:1] for c in range(image.shape[2])
    ]
    return np.concatenate((channels * 3)[:3] if len(channels) == 1 else channels[:3])


def _digest(train: Pixels, held: Pixels) -> str:
    images, labels = (np.concatenate(p) for p in ((train.images, held.images), (train.labels, held.labels)))
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:16]


def _with_classes(
    train: Pixels, held: Pixels, names: tuple[str, ...]
) -> tuple[Pixels, Pixels, tuple[str, ...]]:
    """With the classes that images were read of; none where that is one, or where each image is of its own."""
    found, labels = np.unique(train.labels, return_inverse=True)
    if not 1 < len(found) < len(train) + len(held):
        none = (Pixels(p.images, np.zeros_like(p.labels)) for p in (train, held))
        return *none, ()  # type: ignore[return-value]
    known = np.isin(held.labels, found)
    held = Pixels(held.images[known], np.searchsorted(found, held.labels[known]))
    return Pixels(train.images, labels.astype(np.int64)), held, tuple(names[c] for c in found)


def _held_out(labels: np.ndarray) -> np.ndarray:
    """The rows that are held out: the first, but of each class (n,) one is left to learn from."""
    left, rows = np.bincount(labels), list[int]()
    for row, label in enumerate(labels):
        if left[label] > 1 and len(rows) < max(1, len(labels) // HELD_OUT):
            left[label] -= 1
            rows.append(row)
    return np.array(rows)


def read(data: Folder) -> Folder:
    """The same data with its images read, and the digest of what was found. Raises ImageError."""
    known = replace(data, digest=data.found.digest)
    _ = known.mixture  # kept, as what was found is: nothing is done twice
    return known


def is_images(path: Path) -> bool:
    """Whether what lies at a path is a set of images: a folder, or a file with arrays of them."""
    return path.is_dir() or (path.is_file() and holds_images(path))


def changed(data: Folder) -> str:
    """A sentence where the folder now holds other images than when it was chosen, else "". Raises ImageError."""
    if not data.digest or data.found.digest == data.digest:
        return ""
    return f"The pictures in {Path(data.path).name} are others than it was made with."


def of_files(files: Sequence[Path], like: Folder) -> Folder:
    """Some images of one folder as data. Raises ImageError."""
    folders = {path.absolute().parent for path in files}
    if len(folders) > 1:
        raise ImageError("these images are in several folders: choose images of one folder, or a folder.")
    if len(files) > MOST:
        raise ImageError(f"these are {len(files):,} images, more than {MOST:,}: choose their folder instead.")
    return replace(like, path=str(folders.pop()), names=tuple(sorted(path.name for path in files)), digest="")
