"""What the card of a network for pictures says of its quality: measured part by part, each kept as it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from explorer.analysis.image_quality.features import Features
from explorer.analysis.image_quality.measure import (
    QUICK,
    STOCHASTIC,
    Subject,
    measure_bits,
    measure_copies,
    measure_samples,
    rounded,
)
from explorer.analysis.image_quality.table1 import COSTS, Row, table1
from explorer.base import strict_json
from explorer.base.lazy import torch
from explorer.base.precision import computes_in_half
from explorer.networks.files import load
from explorer.pretraining.points import write_card
from explorer.pretraining.shelf import Shelf, read_card

MEASURES = ("samples", "bits", "copies", "table1")
NOTE = (
    "frechet: distance of n samples from n test pictures in the 64 features of NAME.features.safetensors, over random "
    "draws of test pictures. floor: of n training pictures from n test pictures, over random draws of both; ratio is "
    "the one over the other. weight: of guidance; 0 is the unconditional score. accuracy: share of samples that the "
    "same classifier takes for what was asked. bits: an upper bound in bits/dim, unconditional, on test pictures in "
    "random order; error is the standard error over them."
)


def subject_of(shelf: Shelf) -> Subject:
    """What is measured: the files as they are on the shelf."""
    from explorer.networks.unet import PictureDenoiser

    net = load(shelf.path()).denoiser()
    assert isinstance(net, PictureDenoiser)
    return Subject(net, shelf.data, *shelf.pixels, Features.load(shelf.path("features")))


@dataclass(frozen=True)
class Effort:
    """How much is measured: samples; test pictures, for bits; samples, seeds and evaluations for table1's cells."""

    samples: int = 5000
    test_pictures: int = 500
    table_samples: int = 500
    seeds: int = 3
    costs: tuple[int, ...] = COSTS

    def flags(self, part: str, found: Any) -> list[str]:
        """What a command line says of the effort that led to what was `found` of a part."""
        if part == "bits":
            return [f"--test-pictures {self.test_pictures}"]
        if part == "table1":
            costs = " ".join(str(cost) for cost in sorted({row["evaluations"] for row in found}))
            return [f"--table-samples {self.table_samples}", f"--seeds {self.seeds}", f"--costs {costs}"]
        return [f"--samples {self.samples}"]


def measure(shelf: Shelf, parts: Sequence[str], effort: Effort) -> None:
    """Measure these parts of the quality anew, and put them into the network's card as each is known."""
    subject, n = subject_of(shelf), effort.samples
    subject.net.reduced = computes_in_half("auto", torch.device("cpu"))
    precision = "samples in bfloat16, bits in float32" if subject.net.reduced else "float32"
    jobs: dict[str, Callable[[], Iterable[Any]]] = {
        "samples": lambda: [[
            measure_samples(subject, QUICK, n), measure_samples(subject, STOCHASTIC, n),
            measure_samples(subject, QUICK, n, 2.0), measure_samples(subject, STOCHASTIC, n, 0.0),
        ]],
        "bits": lambda: [measure_bits(subject, QUICK.sde, effort.test_pictures)],
        "copies": lambda: [measure_copies(subject, STOCHASTIC, max(n // 5, 2))],
        "table1": lambda: table_of(subject, shelf, effort),
    }  # fmt: skip
    for part in parts:
        for found in jobs[part]():
            card = read_card(shelf.path())
            quality = {"note": NOTE, "precision": precision} | card.get("quality", {}) | {part: found}
            command = shelf.command(f"measure {part}", *effort.flags(part, found))
            quality["commands"] = quality.get("commands", {}) | {part: command}
            write_card(shelf.path(), card | {"quality": quality})
        print(strict_json.dumps({part: found}), flush=True)


def table_of(subject: Subject, shelf: Shelf, effort: Effort) -> Iterator[list[dict[str, Any]]]:
    """The table after each new row: a cell takes minutes, so hours of them may be spread over several commands.

    Rows that the card has stay, where they rest on as many samples and seeds.
    """
    asked = effort.table_samples, effort.seeds
    old = read_card(shelf.path()).get("quality", {}).get("table1", [])
    rows = {_cell(row): row for row in old if (row["n"], len(row["each"])) == asked}
    for row in table1(subject, *asked, effort.costs):
        found = row_of(row)
        rows[_cell(found)] = found
        yield sorted(rows.values(), key=lambda row: int(row["evaluations"]))


def _cell(row: dict[str, Any]) -> tuple[int, str, str]:
    return row["evaluations"], row["sde"], row["method"]


def row_of(row: Row) -> dict[str, Any]:
    """A row of the table as a card has it."""
    return {
        "sde": row.way.sde.title, "method": row.method, "evaluations": row.way.nfe, "n": row.n,
        "frechet": {k: rounded(v) for k, v in asdict(row.distance).items()}, "each": [rounded(v) for v in row.each],
        "floor": rounded(row.floor.mean), "snr": row.way.sampler.snr if row.way.sampler.corrections else None,
    }  # fmt: skip
