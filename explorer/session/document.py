"""The document: what a file holds and undo goes back to. An experiment, perhaps a second beside it, a look, and the
laboratory that is open."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from explorer.base.decoding import decoded
from explorer.base.files import read_bytes, write_text
from explorer.base.paths import is_remote
from explorer.base.printable import escaped
from explorer.data.distributions import Distribution
from explorer.data.images.folder import Folder, agree
from explorer.experiment.codec import decode, decode_one_of, encode, parse
from explorer.experiment.defaults import first_sheet, in_mode, other_mode, with_data
from explorer.experiment.migrations import caution, migrated, reading, to_dict
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.experiment.view_settings import Look
from explorer.labs import LABS, Lab

#: What the second stage has of its own.
BESIDE = ("sde", "sampler", "control")
#: Larger files than this are no experiments and are refused before they are read.
LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Document:
    """Everything a person can set. `compare` is the experiment of the second stage, or None; `lab` the laboratory
    that is open, or None."""

    experiment: Experiment = field(default_factory=Experiment)
    compare: Experiment | None = None
    look: Look = field(default_factory=Look)
    lab: Lab | None = None

    @property
    def made(self) -> Document:
        """What somebody has made of it: without a laboratory that is as it comes, which is only looked at."""
        as_it_comes = self.lab is not None and self.lab == type(self.lab)()
        return replace(self, lab=None) if as_it_comes else self

    def linked(self) -> Document:
        """With the second stage on the first one's data, score and seed: only SDE, sampler and control may differ."""
        if self.compare is None:
            return self
        a = self.experiment
        sampler = replace(self.compare.sampler, particles=a.sampler.particles)
        compare = replace(a, sde=self.compare.sde, sampler=sampler, control=self.compare.control)
        return replace(self, compare=compare)

    def with_data(self, data: Distribution) -> Document:
        """The document with other data on both stages. From points to pictures, or back, their samplers become what
        suits, the second in another mode than the first."""
        e = with_data(self.experiment, data)
        if self.experiment.pictures is None:
            e = first_sheet(e)
        if self.compare is None:
            return replace(self, experiment=e)
        beside = with_data(self.compare, data)
        if (e.pictures is None) != (self.experiment.pictures is None):
            mode = self.compare.sampler.mode
            mode = other_mode(mode) if mode == e.sampler.mode else mode
            beside = replace(beside, sampler=in_mode(beside, mode), control=e.control)
        return replace(self, experiment=e, compare=beside).linked()


def dumps(document: Document) -> str:
    """The document as JSON text."""
    value = to_dict(document.experiment)
    if document.compare is not None:
        value["compare"] = {k: encode(getattr(document.compare, k)) for k in BESIDE}
    value["look"] = encode(document.look)
    if document.lab is not None:
        value["lab"] = encode(document.lab)
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return escaped(text)  # half a surrogate pair must not stop a save


def loads(text: str) -> tuple[Document, str]:
    """The document in JSON text, and a word of caution ("" where there is none). ExperimentError names the field."""
    value, version = migrated(parse(text))
    with reading(version) as lenient:
        return _decoded(value, lenient), caution(version)


def _decoded(value: dict[str, Any], lenient: bool) -> Document:
    beside, look, lab = value.pop("compare", None), value.pop("look", {}), value.pop("lab", None)
    experiment = decode(Experiment, value, "experiment", lenient=lenient)
    opened = None if lab is None else decode_one_of(LABS, lab, "lab", lenient)
    document = Document(experiment, None, decode(Look, look, "look", lenient=lenient), opened)
    if beside is None:
        return document
    if not isinstance(beside, dict) or (set(beside) - set(BESIDE) and not lenient):
        raise ExperimentError(f"compare must be an object with {' and '.join(BESIDE)}")
    own = decode(Experiment, {k: v for k, v in beside.items() if k in BESIDE}, "compare", lenient=lenient)
    return replace(document, compare=own).linked()


def read(path: str | Path) -> tuple[Document, str]:
    """The document in a file, and a word of caution. ExperimentError names the file."""
    try:
        text = text_of(read_bytes(path, LARGEST), str(path))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise ExperimentError(f"{path} is too large for an experiment") from None
        raise ExperimentError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        found, word = loads(text)
    except ExperimentError as error:
        raise ExperimentError(f"{path}: {error}") from None
    return seen_from(found, Path(path).parent), word


def seen_from(document: Document, folder: Path) -> Document:
    """The document of a file in `folder`: a path in it that is relative is meant from there."""
    data = document.experiment.data
    placed = data.seen_from(folder) if isinstance(data, Folder) else data
    if isinstance(placed, Folder) and placed is not data and is_remote(placed.path):
        agree(placed.path)  # beside a file that was opened on that machine
    return document if placed is data else _on(document, placed)


def _on(document: Document, data: Distribution) -> Document:
    """The document with its data named in another way."""
    return replace(document, experiment=replace(document.experiment, data=data)).linked()


def text_of(data: bytes, name: str) -> str:
    """The text that bytes of a file or a pipe are, in whatever encoding. ExperimentError names it."""
    try:
        return decoded(data)
    except UnicodeDecodeError:
        raise ExperimentError(f"{name} cannot be read: it is not text") from None


def write(path: str | Path, document: Document) -> None:
    """Save the document; the old file stays whole if that fails (OSError).

    A folder of images beside the file or below it is named from there, so that both can be moved together.
    """
    data = document.experiment.data
    if isinstance(data, Folder):
        document = _on(document, data.told_from(Path(path).parent))
    write_text(path, dumps(document))
