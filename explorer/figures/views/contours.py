"""Lines of equal density of p_t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from explorer.experiment.view_settings import Look
from explorer.figures.marks import Curve, Mark
from explorer.figures.views.base import VIEWS, Scene, View
from explorer.figures.views.density import CELLS, log_density

#: How far below its peak the density is on each line.
FALLS = (2, 10, 100, 1000)


@VIEWS.register("contours", title="Contours", order=20)
@dataclass(frozen=True)
class Contours(View):
    """Where p_t has fallen to 1/2, 1/10, 1/100 and 1/1000 of its highest value in the picture."""

    def visible(self, look: Look) -> bool:
        return look.contours

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        return level_lines(scene)


def level_lines(scene: Scene, cells: int = CELLS) -> tuple[Curve, ...]:
    """The lines of each level as a curve, highest first, found on a grid `cells` high."""
    import contourpy

    xs, ys, values = log_density(scene, cells)
    generator = contourpy.contour_generator(xs, ys, values, line_type=contourpy.LineType.Separate)
    peak = float(values.max())
    drawn = [cast(list[np.ndarray], generator.lines(peak - float(np.log(fall)))) for fall in FALLS]
    return tuple(_one_curve(level, 0.8 - 0.17 * i) for i, level in enumerate(drawn) if level)


def _one_curve(lines: list[np.ndarray], alpha: float) -> Curve:
    """All lines of one level as one curve, the pen lifted between them."""
    lift = np.full((1, 2), np.nan)
    parts = [part for line in lines for part in (line, lift)]
    return Curve(np.concatenate(parts).astype(np.float32), color="muted", alpha=alpha)
