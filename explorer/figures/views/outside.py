"""Which particles cannot be seen: those beyond the edges, and those that a run has lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.diffusion.simulate import LIMIT
from explorer.figures.marks import Bounds, Entry, Legend
from explorer.figures.views.base import Scene

#: Of a normal cloud a few particles are beyond any edge: fewer than this fraction are not worth a word.
FEW = 0.01


@dataclass(frozen=True)
class Outside:
    """Of `total` particles, `beyond` are not within the edges of the view; `lost` of them are not numbers any more, or
    are held at the largest that a run may reach. `reach` are the edges that hold all the others, None for none."""

    beyond: int
    lost: int
    total: int
    reach: Bounds | None = None

    @property
    def words(self) -> str:
        """ "1,940 of 2,000 outside, 12 of them diverged"; "" for so few that it goes without saying."""
        if self.beyond < max(FEW * self.total, 1) and not self.lost:
            return ""
        lost = f", {self.lost:,} of them diverged" if self.lost and self.lost < self.beyond else ""
        where = "diverged" if self.lost == self.beyond else "outside"
        return f"{self.beyond:,} of {self.total:,} {where}{lost}"


def outside(scene: Scene) -> Outside:
    """The particles of a scene that its bounds leave out; pictures are none."""
    if scene.pictures is not None or not scene.look.particles:
        return Outside(0, 0, len(scene.frame.x))
    x = scene.frame.x
    good = (np.isfinite(x) & (np.abs(x) < LIMIT)).all(axis=1)
    view = scene.to_view(x[good], scene.frame.t)
    left, right, bottom, top = scene.bounds
    inside = ((view >= (left, bottom)) & (view <= (right, top))).all(axis=1)
    reach = None
    if len(view):
        (x0, y0), (x1, y1) = view.min(axis=0).tolist(), view.max(axis=0).tolist()
        reach = (x0, x1, y0, y1)
    return Outside(int(len(x) - inside.sum()), int((~good).sum()), len(x), reach)


def outside_words(scene: Scene) -> tuple[Legend, ...]:
    """The same as a line of the legend, for pictures that nobody can click."""
    words = outside(scene).words
    return (Legend((Entry(words, "warn"),)),) if words else ()
