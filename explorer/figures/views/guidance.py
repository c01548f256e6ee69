"""What a control does: three arrows, and the observation as a line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from explorer.diffusion.frames import Array
from explorer.diffusion.observation import Known
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Arrows, Bounds, Curve, Entry, Legend, Mark, Text
from explorer.figures.views.base import VIEWS, Scene, View, lattice
from explorer.guidance import Guided
from explorer.guidance.linear import Linear

#: Rows of places where the three arrows stand.
ROWS = 9
#: The parts: colour and word, in the order of painting; the first are wider, to be seen under the next.
PARTS = (("score", "s(x)"), ("accent", "s(x | y)"), ("corrector", "w ∇log p(y | x)"))
WIDTHS = (3.4, 2.0, 1.6)


@VIEWS.register("guidance", title="Guidance", order=45)
@dataclass(frozen=True)
class Guidance(View):
    """Unconditional score, conditional score and guidance at the places of a coarse lattice; the known line.

    The three of a place are to one scale, and from place to place lengths go with log(1 + |s|).
    """

    def visible(self, look: Look) -> bool:
        return look.guidance

    def marks(self, scene: Scene) -> tuple[Mark, ...]:
        control = scene.experiment.control_in_force
        line = (
            observed(scene, control.known(scene.experiment.data.dim)) if isinstance(control, Linear) else ()
        )
        return (*line, *(three_arrows(scene, scene.score) if isinstance(scene.score, Guided) else ()))


def three_arrows(
    scene: Scene, score: Guided, rows: int = ROWS, widths: tuple[float, ...] = WIDTHS
) -> tuple[Mark, ...]:
    """s(x), s(x | y) and w ∇log p(y | x) as arrows of these widths in so many rows, and their names."""
    if scene.flat:
        return ()
    xy, spacing = lattice(scene.bounds, rows)
    fields = [scene.evaluate(f, xy, scene.frame.t) for f in (score.plain, score.conditional, score.push)]
    longest = np.max([np.linalg.norm(f, axis=1) for f in fields], axis=0)
    full = max(float(np.quantile(longest, 0.98)), 1.0)
    scale = 0.8 * spacing * np.log1p(longest) / np.log1p(full) / np.maximum(longest, 1e-12)
    scale = np.minimum(scale, 0.8 * spacing / np.maximum(longest, 1e-12))[:, None].astype(np.float32)
    arrows = [
        Arrows(xy, f * scale, color=color, width=width)
        for f, (color, _), width in zip(fields, PARTS, widths, strict=True)
    ]
    entries = zip(PARTS, widths, strict=True)
    return (*arrows, Legend(tuple(Entry(word, color, arrow=True, width=w) for (color, word), w in entries)))


def observed(scene: Scene, known: Known) -> tuple[Mark, ...]:
    """The line aᵀx = alpha y on which the observation puts x_t, and what it says."""
    t = scene.frame.t
    alpha = scene.experiment.sde.marginal(t)[0] if t > 0 else 1.0
    if scene.flat:
        word = known.words
        line = np.array([[0.0, known.value], [0.02, known.value]], np.float32)
        return Curve(line, "corrector", 3.0), Text((0.03, known.value), word, "corrector", 13.0, "w")
    return observed_line(scene.bounds, known, alpha / scene.scale(t))


def observed_line(bounds: Bounds, known: Known, scale: float) -> tuple[Mark, ...]:
    """The line aᵀx = `scale` times the value that is known, and what it says."""
    a = np.array(known.direction)
    ends = _across(bounds, a, scale * known.value)
    return Curve(ends, "corrector", 2.0, dash=bool(known.std)), _beside(bounds, ends, known.words)


def _across(bounds: Bounds, a: np.ndarray, at: float) -> Array:
    """The line aᵀx = `at` over the whole picture, as its two ends (2, 2)."""
    left, right, bottom, top = bounds
    centre = np.array([(left + right) / 2, (bottom + top) / 2])
    reach = math.hypot(right - left, top - bottom) / 2
    along = np.array([-a[1], a[0]])
    middle = centre + a * (at - a @ centre)
    return np.stack([middle - reach * along, middle + reach * along]).astype(np.float32)


def _beside(bounds: Bounds, ends: Array, word: str) -> Text:
    """The word at the highest point of the line inside the picture."""
    left, right, bottom, top = bounds
    share = np.linspace(0, 1, 201)[:, None]
    points = ends[0] * (1 - share) + ends[1] * share
    x, y = points.T
    inside = (x > left) & (x < right) & (y > bottom) & (y < top)
    place = points[inside][y[inside].argmax()] if inside.any() else points[100]
    room = 0.02 * (top - bottom)
    right_half = place[0] > (left + right) / 2
    return Text(
        (float(place[0] + (-room if right_half else room)), float(place[1] - room)), word, "corrector", 13.0,
        "ne" if right_half else "nw",
    )  # fmt: skip
