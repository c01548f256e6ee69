"""Where the networks of a set of pictures are kept: their files, their cards, and the pictures they come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from explorer.base import paths
from explorer.data.images import ImageSet
from explorer.data.images.archive import read
from explorer.data.images.base import Pixels
from explorer.experiment.codec import encode
from explorer.pretraining.points import card_path, sha256, write_card


@dataclass(frozen=True)
class Shelf:
    """A set of pictures, perhaps a whole archive of it, and where its networks and cards are kept."""

    data: ImageSet
    folder: Path
    archive: Path | None = None

    @cached_property
    def pixels(self) -> tuple[Pixels, Pixels]:
        """(train, test): of the archive, or what comes with the program."""
        return read(self.archive) if self.archive else self.data.pixels

    @cached_property
    def source(self) -> dict[str, Any]:
        """Which pictures those are, for the card."""
        path = self.archive or paths.assets() / "images" / f"{self.data.name}.npz"
        train, test = self.pixels
        return {
            "file": path.name, "sha256": sha256(path), "train": len(train), "test": len(test),
            "credit": self.data.credit,
        }  # fmt: skip

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return self.data.classes

    def path(self, part: str = "") -> Path:
        """The file of the score network, or of "features" or "classifier"."""
        return self.folder / f"{self.data.name}{'.' * bool(part)}{part}.safetensors"

    def command(self, part: str, *more: str) -> str:
        """What makes a part anew."""
        archive = [f"--archive {self.archive.name}"] if self.archive else []
        return " ".join(
            ["python main.py pretrain", f"--pictures {self.data.name}", *archive, f"--{part}", *more]
        )

    def card(self, part: str, **facts: Any) -> dict[str, Any]:
        """Write the card of a part, from what all cards say and `facts`."""
        path = self.path(part)
        card = {
            "name": path.name.removesuffix(".safetensors"), "title": self.data.title, "data": encode(self.data),
            "archive": self.source, "sha256": sha256(path), "bytes": path.stat().st_size,
        } | facts  # fmt: skip
        write_card(path, card)
        return card


def read_card(path: Path) -> dict[str, Any]:
    """The card of the weights at `path`."""
    return dict(json.loads(card_path(path).read_text(encoding="utf-8")))
