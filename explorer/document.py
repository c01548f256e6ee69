"""The document: what a file holds and undo goes back to. An experiment, perhaps a second beside it, a look."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from explorer.experiment import Experiment, ExperimentError, decode, encode, from_dict, parse, to_dict
from explorer.files import write_atomically
from explorer.look import Look


@dataclass(frozen=True)
class Document:
    """Everything a person can set. `compare` is the experiment of the second stage, or None."""

    experiment: Experiment = field(default_factory=Experiment)
    compare: Experiment | None = None
    look: Look = field(default_factory=Look)

    def linked(self) -> Document:
        """With the second stage on the first one's data, score and seed: only sampler and SDE may differ."""
        if self.compare is None:
            return self
        a = self.experiment
        sampler = replace(self.compare.sampler, particles=a.sampler.particles)
        return replace(self, compare=replace(a, sde=self.compare.sde, sampler=sampler))


def dumps(document: Document) -> str:
    """The document as JSON text."""
    value = to_dict(document.experiment)
    if document.compare is not None:
        value["compare"] = {k: encode(getattr(document.compare, k)) for k in ("sde", "sampler")}
    return json.dumps(value | {"look": encode(document.look)}, indent=2, ensure_ascii=False) + "\n"


def loads(text: str) -> tuple[Document, str]:
    """The document in JSON text, and a word of caution ("" where there is none). ExperimentError names the field."""
    value: Any = parse(text)
    if not isinstance(value, dict):
        raise ExperimentError("an experiment must be a JSON object")
    beside, look = value.pop("compare", None), value.pop("look", {})
    experiment, caution = from_dict(value)
    document = Document(experiment, None, decode(Look, look, "look"))
    if beside is not None:
        if not isinstance(beside, dict) or set(beside) - {"sde", "sampler"}:
            raise ExperimentError("compare must be an object with sde and sampler")
        own = {k: encode(getattr(experiment, k)) for k in ("data", "score", "seed")}
        document = replace(document, compare=decode(Experiment, own | beside, "compare")).linked()
    return document, caution


def read(path: str | Path) -> tuple[Document, str]:
    """The document in a file, and a word of caution. ExperimentError names the file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ExperimentError(f"{path} cannot be read: {reason}") from None
    try:
        return loads(text)
    except ExperimentError as error:
        raise ExperimentError(f"{path}: {error}") from None


def write(path: str | Path, document: Document) -> None:
    """Save the document; the old file stays whole if that fails (OSError)."""
    with write_atomically(path) as temporary:
        temporary.write_text(dumps(document), encoding="utf-8")
