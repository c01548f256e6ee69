"""A tree of folders with images in it: which of them are classes, which are splits, and what is left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from explorer.data.images.archive import ImageError
from explorer.data.images.left_out import LeftOut
from explorer.data.images.square import ENDINGS

#: Entries of a tree that are looked at, folders below the chosen one that are walked into, and classes that a
#: network, its form and the buttons of the window can carry.
MOST_ENTRIES, MOST_DEPTH, MOST_CLASSES = 200_000, 8, 100

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_SPLITS = {
    "train": TRAIN, "training": TRAIN, "tr": TRAIN,
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "validate": VALIDATION, "dev": VALIDATION,
    "eval": VALIDATION, "evaluation": VALIDATION, "test": TEST, "testing": TEST, "tst": TEST, "t10k": TEST,
    "holdout": TEST,
}  # fmt: skip
#: What may stand beside such a word: train_images, val2017, seg_test, x_train.
_BESIDE = {
    "", "set", "sets", "data", "dataset", "images", "image", "imgs", "img", "pictures", "split", "seg", "x", "y",
    "labels", "label", "targets", "target", "only", "full", "small",
}  # fmt: skip

#: A file, and the folders below the chosen one that it is in.
Entry = tuple[Path, tuple[str, ...]]


def split_of(name: str) -> str:
    """TRAIN, VALIDATION or TEST where a name is that of a split of the data, else ""."""
    words = re.split(r"[\W_]+", name.lower())
    found = {_SPLITS.get(word) or _SPLITS.get(word.rstrip("0123456789"), "") for word in words} - {""}
    others = [w for w in words if w not in _SPLITS and w.rstrip("0123456789") not in {*_SPLITS, *_BESIDE}]
    return found.pop() if len(found) == 1 and not others else ""


@dataclass
class Tree:
    """What walking down a folder found: images, and files that may hold arrays of them. Links are left out."""

    folder: Path
    images: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)
    left: LeftOut = field(default_factory=LeftOut)
    entries: int = 0

    def walk(self, wanted: Sequence[str] = ()) -> Tree:
        """Look through all of it; with `wanted`, only for those files of the folder itself. Raises ImageError."""
        self._walk(self.folder, (), frozenset(wanted))
        return self

    def _walk(self, folder: Path, parts: tuple[str, ...], wanted: frozenset[str]) -> None:
        below = []
        for entry in self._scan(folder, parts):
            if wanted and entry.name not in wanted:
                continue
            if entry.is_symlink():
                self.left.add("link", "links", parts)
            elif entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
            elif entry.name.startswith("."):
                self.left.add("hidden file", "hidden files", parts)
            elif not entry.is_file(follow_symlinks=False):
                self.left.add("pipe, socket or device", "pipes, sockets or devices", parts)
            else:
                looks = os.path.splitext(entry.name)[1].lower() in ENDINGS
                (self.images if looks else self.others).append((Path(entry.path), parts))
        for name in below if not wanted else ():
            if name.startswith(".") or name == "__MACOSX":
                self.left.add("hidden folder", "hidden folders", parts)
            elif len(parts) == MOST_DEPTH:
                self.left.add("folder too deep", "folders too deep", parts)
            else:
                self._walk(folder / name, (*parts, name), wanted)

    def _scan(self, folder: Path, parts: tuple[str, ...]) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(self._counted(entries), key=lambda e: e.name)
        except OSError as error:
            if parts:
                self.left.add("folder that cannot be opened", "folders that cannot be opened", parts)
                return []
            raise ImageError(
                f"the folder of images {folder.name} cannot be read ({error.strerror}): choose it again."
            ) from None

    def _counted(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            self.entries += 1
            if self.entries > MOST_ENTRIES:
                raise ImageError(
                    f"{self.folder.name} has more than {MOST_ENTRIES:,} files: choose a smaller folder."
                )
            yield entry


@dataclass(frozen=True)
class Sorted:
    """Images with the number of their class; those of a split that is held out; what there is to say of it."""

    train: tuple[tuple[Entry, int], ...]
    held_out: tuple[tuple[Entry, int], ...]
    classes: tuple[str, ...]
    held_name: str
    remarks: tuple[str, ...]


def arranged(tree: Tree) -> Sorted:
    """Sort the images of a tree: splits (train, test, ...) apart, then by class. What is dropped is counted."""
    base, held, held_name, remarks = _split(tree)
    labels, classes, said = _classes(base, tree.left)
    remarks += said
    train = tuple((entry, label) for entry, label in zip(base, labels, strict=True) if label >= 0)
    kept: tuple[tuple[Entry, int], ...] = ()
    if held:
        kept = _held(held, classes, held_name, tree.left)
    return Sorted(train, kept, classes, held_name if kept else "", tuple(remarks))


def _split(tree: Tree) -> tuple[list[Entry], list[Entry], str, list[str]]:
    """The images to learn from, those of a held-out split with its name; of both, folders below that split."""
    below: dict[tuple[str, ...], set[str]] = {}
    for _, parts in tree.images:
        for depth, name in enumerate(parts):
            below.setdefault(parts[:depth], set()).add(name)
    groups: dict[str, list[Entry]] = {}
    names: dict[str, str] = {}
    for path, parts in tree.images:
        found, rest = "", []
        for depth, name in enumerate(parts):
            if _is_split(name, below[parts[:depth]]):
                found = found or split_of(name)
                names.setdefault(split_of(name), name)
            else:
                rest.append(name)
        groups.setdefault(found, []).append((path, tuple(rest)))
    base = groups.pop(TRAIN, None)
    outside = groups.pop("", [])
    if base is None:
        if not outside:  # such a split alone is what there is to learn from
            return [entry for group in groups.values() for entry in group], [], "", []
        base, outside = outside, []
    for _, parts in outside:
        tree.left.add("image beside the splits", "images beside the splits", parts)
    held_of = VALIDATION if VALIDATION in groups else TEST
    held = groups.pop(held_of, [])
    remarks = []
    for split, entries in groups.items():
        remarks.append(
            f"{names[split]} ({len(entries):,} images) is not read: {names[held_of]} is the validation set"
        )
    return base, held, names.get(held_of, ""), remarks


def _is_split(name: str, siblings: set[str]) -> bool:
    """Whether a folder is a split: "train" beside "car" and "plane" is a class, beside "test" it is none."""
    splits = [split_of(s) for s in siblings]
    return bool(split_of(name)) and (all(splits) or len(set(splits) - {""}) > 1)


def _relative(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """The folders of each below those that all of them share, the ones that lie loose aside."""
    inside = [parts for _, parts in entries if parts]
    shared = 0
    while len({parts[: shared + 1] for parts in inside}) == 1 and all(
        len(parts) > shared for parts in inside
    ):
        shared += 1
    return [parts[shared:] for _, parts in entries]


def _classes(base: Sequence[Entry], left: LeftOut) -> tuple[list[int], tuple[str, ...], list[str]]:
    """The number of each image's class (-1: left out), the names of the classes, and what there is to say."""
    below = _relative(base)
    names = sorted({parts[0] for parts in below if parts})
    loose = sum(not parts for parts in below)
    flat = [0] * len(base)
    if len(names) < 2:
        return flat, (), []
    if len(names) > MOST_CLASSES:
        return (
            flat,
            (),
            [f"{len(names):,} class folders, but at most {MOST_CLASSES} classes: read without classes"],
        )
    if loose > len(base) - loose:
        said = f"most images lie beside the {len(names)} subfolders: read without classes"
        return flat, (), [said]
    for (_, parts), relative in zip(base, below, strict=True):
        if not relative:
            left.add("image beside the class folders", "images beside the class folders", parts)
    number = {name: i for i, name in enumerate(names)}
    return [number[parts[0]] if parts else -1 for parts in below], tuple(names), []


def _held(
    held: Sequence[Entry], classes: tuple[str, ...], name: str, left: LeftOut
) -> tuple[tuple[Entry, int], ...]:
    """The images of a held-out split with the classes of those to learn from; what is of none is left out."""
    if not classes:
        return tuple((entry, 0) for entry in held)
    below = [parts[:1] for parts in _relative(held)]
    if {p[0] for p in below if p} & {
        *classes
    } == set():  # perhaps of one class: the shared folder is its name
        below = [parts[-1:] for _, parts in held]
    known = [
        (entry, classes.index(p[0])) for entry, p in zip(held, below, strict=True) if p and p[0] in classes
    ]
    if len(known) < len(held):
        what = "of none of the classes"
        left.add(f"image {what}", f"images {what}", (name,), len(held) - len(known))
    return tuple(known)
