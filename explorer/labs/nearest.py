"""Beside each picture of the sheet the training picture that is nearest: are the samples copies?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from explorer.analysis.image_quality.nearest import copied
from explorer.base.params import param
from explorer.data.images import ImageSet
from explorer.data.images.base import from_pixels
from explorer.data.images.nearest import Nearest
from explorer.experiment.resolution import learned_from
from explorer.experiment.schema import Experiment
from explorer.figures.figure import Figure, Picture, Plot, Series, Table
from explorer.labs.base import LABS, Context, Lab, Report
from explorer.labs.toolkit.image_parts import Row, last_frame, pictures_of, seen, strip

#: A held-out picture in so many is called close by definition.
CLOSE = 0.01
#: Pictures beside each other in a row.
ACROSS = 8


@LABS.register("nearest", title="Nearest training images", order=340)
@dataclass(frozen=True)
class NearestPictures(Lab):
    """The sheet beside the training pictures nearest to it, and how many of it are copies."""

    section = "pictures"
    for_points, for_pictures, guided = False, True, True
    about = (
        "Below each image of the sheet the training image that is nearest to it, and how far. A network that has "
        "learned makes images as far from the training set as images are that it never saw; one that remembers "
        "gives some back."
    )
    equation = r"\frac{\|x - x^{(1)}\|}{\|x - x^{(2)}\|} < \frac{1}{3}"
    source = "Yoon et al. 2023; Carlini et al. 2023"

    shown: int = param(
        16, "Images shown", low=4, high=32, minimum=1, maximum=100,
        help="The nearest to the training set first. All of the sheet is counted.",
        symbol="m", equation="min_y ∥x − y∥/√d, the m smallest",
    )  # fmt: skip
    held: int = param(
        500, "Held-out images", symbol="n", low=100, high=2000, minimum=10, maximum=10_000, log=True,
        help="Images never trained on, whose distances are the measure of what is close.",
        equation="min_y ∥xᵢ − y∥/√d, i = 1…n",
    )  # fmt: skip

    @classmethod
    def quick(cls) -> NearestPictures:
        return cls(shown=4, held=20)

    def reports(self, context: Context) -> Iterator[Report]:
        data = pictures_of(context.experiment)
        held = data.neighbours.nearest(from_pixels(data.held_out.images[: self.held]))
        begun = Report((_histogram(held.distance[:, 0], np.empty(0)),), 0.2, "The sheet is being sampled.")
        yield begun
        frame = yield from last_frame(
            context, context.experiment.sampler, lambda p: Report(begun.figures, 0.2 + 0.7 * p, begun.words)
        )
        x = np.clip(frame.x, -1, 1)
        yield _report(self, context.experiment, x, data.neighbours.nearest(x), held)


class _Shares(NamedTuple):
    """Parts of the sheet: copies by the ratio, closer than one held-out picture in a hundred; the same held out."""

    copies: float
    close: float
    held_copies: float


def _shares(found: Nearest, held: Nearest) -> _Shares:
    near = np.quantile(held.distance[:, 0], CLOSE)
    return _Shares(copied(found.distance), float((found.distance[:, 0] < near).mean()), copied(held.distance))


def _report(lab: NearestPictures, e: Experiment, x: np.ndarray, found: Nearest, held: Nearest) -> Report:
    data = pictures_of(e)
    order = np.argsort(found.distance[:, 0])[: lab.shown]
    figures: tuple[Figure, ...] = (
        _pairs(data, x, found, order), _histogram(held.distance[:, 0], found.distance[:, 0]), _table(found, held),
    )  # fmt: skip
    arrays = {"distance": found.distance, "rows": found.rows, "held_out_distance": held.distance}
    return Report(figures, 1.0, _words(e, found, held), arrays)


def _pairs(data: ImageSet, x: np.ndarray, found: Nearest, order: np.ndarray) -> Picture:
    kept = from_pixels(data.train.images[found.rows[order, 0]])
    rows = []
    for i in range(0, len(order), ACROSS):
        some = slice(i, i + ACROSS)
        rows.append(Row("sheet", seen(x[order[some]], data)))
        rows.append(
            Row("nearest", seen(kept[some], data), [f"{v:.3f}" for v in found.distance[order[some], 0]])
        )
    return strip("The sheet and what is nearest to it", rows, _about(data))


def _about(data: ImageSet) -> str:
    """What is between the pictures of a pair."""
    either = " to the nearer of the image and its mirror image" if data.mirror else ""
    return f"Distances are RMS over pixels of [−1, 1]{either}."


def _histogram(held: np.ndarray, own: np.ndarray) -> Plot:
    both = np.concatenate([held, own])
    edges = np.linspace(0, max(float(both.max()), 1e-6) * 1.05, 31)
    series = [Series("held out", edges, np.histogram(held, edges)[0] / len(held), "muted", steps=True)]
    if len(own):
        series.append(
            Series("the sheet", edges, np.histogram(own, edges)[0] / len(own), "accent", steps=True)
        )
    near = float(np.quantile(held, CLOSE))
    return Plot(
        "Distance to the nearest training image", "RMS over pixels", "share", tuple(series),
        marks=((near, "1 % of held out"),),
    )  # fmt: skip


def _table(found: Nearest, held: Nearest) -> Table:
    shares = _shares(found, held)
    rows = (
        ("pictures", len(found.rows), len(held.rows)),
        ("distance, median", float(np.median(found.distance[:, 0])), float(np.median(held.distance[:, 0]))),
        ("distance, least", float(found.distance[:, 0].min()), float(held.distance[:, 0].min())),
        ("copies: under ⅓ of the second nearest", shares.copies, shares.held_copies),
        ("closer than 1 % of held out", shares.close, CLOSE),
    )
    return Table("Copies", ("", "the sheet", "held out"), rows)


def _words(e: Experiment, found: Nearest, held: Nearest) -> str:
    shares, n, data, learned = _shares(found, held), len(found.rows), pictures_of(e), learned_from(e)
    others = (
        f" The network learned from {learned:,}: copies of those that do not come along are not found here."
        if learned else ""
    )  # fmt: skip
    return (
        f"Of {n} pictures {round(shares.copies * n)} are copies by the rule of Yoon et al. (nearer to one of the "
        f"{len(data.train):,} training images that come with the program than a third of the way to any other); "
        f"{round(shares.close * n)} are closer than 99 % of held-out images are. Median distance "
        f"{np.median(found.distance[:, 0]):.3f}, of held-out images {np.median(held.distance[:, 0]):.3f}.{others}"
    )
