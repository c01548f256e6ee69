"""The charts at the right: loss, noise schedule, distance to the data. They draw arrays as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.figures.theme import Theme
from explorer.ui.widgets import style
from explorer.ui.widgets.chart import DASH, DOT, Chart, numbers, span
from explorer.ui.widgets.labels import label

__all__ = ["Chart", "DistanceChart", "LossChart", "ScheduleChart"]
#: Under the ends of an axis of time, which runs as the run does: from noise to data, or forward.
BACKWARD, FORWARD = ("t = 1, noise", "data, t = 0"), ("t = 0, data", "noise, t = 1")


FLOOR_TIP = (
    "The exact score is known, so the part of the denoising loss that no network can remove is too: "
    "the floor. What is above it, the excess, is what training removes."
)
HELD_TIP = (
    "The loss on the data that is trained on, and on data held out. Where the second rises while the first still "
    "falls, the network begins to learn its data by heart."
)


class LossChart(QWidget):
    """The denoising loss, the floor that no network can go below, the excess over it; and by noise level."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.over_time = Chart(y_label="loss", log=True, height=96)
        self.over_time.add_curve("loss", "accent", "loss")
        self.over_time.add_curve("floor", "muted", "floor", DASH)
        self.over_time.add_curve("excess", "score", "excess", DOT)
        self.over_time.add_curve("held", "score", "held out", DASH)
        self.by_level = Chart(y_label="by noise level", log=True, height=76)
        self.by_level.add_curve("loss", "noise", "loss")
        self.by_level.add_curve("floor", "muted", "floor", DASH)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.px(10))
        column.addWidget(self.over_time)
        column.addWidget(self.by_level)
        self.set_data(None, None)
        self.set_levels(None, None)

    def set_data(
        self,
        iterations: ArrayLike | None,
        loss: ArrayLike | None,
        floor: ArrayLike | float | None = None,
        excess: ArrayLike | None = None,
        held: ArrayLike | None = None,
    ) -> None:
        """Loss against iterations; `floor` may be one number; without `excess` it is loss minus floor.

        `held` is the loss on what is held out (NaN where nothing is).
        """
        x, y = numbers(iterations), numbers(loss)
        low = numbers([floor] * len(x) if isinstance(floor, int | float) else floor)
        if excess is None and len(low) == len(y):
            with np.errstate(invalid="ignore"):
                excess = y - low
        self.over_time.set_curve("loss", x, y)
        self.over_time.set_curve("floor", x, low)
        self.over_time.set_curve("excess", x, excess)
        known = not len(x) or bool(np.isfinite(low).any())
        self.over_time.set_curve("held", x, held)
        validated = bool(np.isfinite(numbers(held)).any())
        self.setToolTip(style.tip(" ".join([FLOOR_TIP] * known + [HELD_TIP] * validated)))
        self.over_time.set_message("" if len(x) else "Press Train to see it fall")
        ends = span([x])
        self.over_time.set_captions(
            *(("", "") if ends is None else (f"{ends[0]:.0f}", f"iteration {ends[1]:.0f}"))
        )
        self.over_time.fit()

    def set_levels(
        self, levels: ArrayLike | None, loss: ArrayLike | None, floor: ArrayLike | None = None
    ) -> None:
        """Loss by noise level sigma/alpha, in order of level; hidden while there is none."""
        x = numbers(levels)
        # Levels are spread evenly in their logarithm: their order is the axis.
        places = range(len(x))
        self.by_level.set_curve("loss", places, loss)
        self.by_level.set_curve("floor", places, floor)
        ends = span([x])
        if ends is not None:
            self.by_level.set_captions(f"σ/α = {ends[0]:.3g}", f"{ends[1]:.3g}")
        self.by_level.setVisible(ends is not None)
        self.by_level.fit()

    def set_theme(self, theme: Theme) -> None:
        """Take the colours of `theme` (style.apply tells the two charts by itself)."""
        self.over_time.set_theme(theme)
        self.by_level.set_theme(theme)


class TimeChart(Chart):
    """A chart over t, whose playhead goes from left to right while a run goes on, whichever way time runs in it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(captions=BACKWARD, **options)
        self.set_ends(1.0, 0.0)

    def set_forward(self, forward: bool) -> None:
        """From data (t = 0, left) to noise, or from noise to data."""
        ends = (0.0, 1.0) if forward else (1.0, 0.0)
        if ends != self._ends:
            self.set_ends(*ends)
        self.set_captions(*(FORWARD if forward else BACKWARD))


class ScheduleChart(TimeChart):
    """alpha(t) and sigma(t) with the playhead."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(from_zero=True, parent=parent)
        self.add_curve("alpha", "drift", "α")
        self.add_curve("sigma", "noise", "σ", DASH)
        self.setToolTip(
            "x(t) = α(t) x(0) + σ(t) z: how much of the data is left, and how much noise is on it"
        )

    def set_data(
        self,
        t: ArrayLike | None,
        alpha: ArrayLike | None,
        sigma: ArrayLike | None,
        playhead: float | None = None,
    ) -> None:
        """The schedule at times `t`."""
        top = span([numbers(sigma)])
        # VE's sigma of 10 or 50 would flatten alpha: it is then shown as a share of its greatest value.
        scale = top[1] if top and top[1] > 3 else 1.0
        self.set_words("sigma", "σ" if scale == 1 else f"σ / {scale:.3g}")
        self.set_curve("alpha", t, alpha)
        self.set_curve("sigma", t, numbers(sigma) / scale)
        self.set_playhead(playhead)
        self.fit()


class DistanceChart(TimeChart):
    """Distance to the data of A and B while they sample, the floor that good samples reach, and what it means."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(log=True, height=90, parent=parent)
        self.add_curve("a", "accent", "A")
        self.add_curve("b", "corrector", "B", DASH)
        self.add_curve("floor", "muted", "data", DOT)
        self._scale = label("\n", "small")  # two lines from the start: what is below does not move
        self._scale.setWordWrap(True)
        self.column.addWidget(self._scale)
        self.set_pictures(False)

    def set_pictures(self, pictures: bool) -> None:
        """Say what is measured."""
        self.setToolTip(
            "How far the images are from the nearest of the training images at hand (root mean "
            "square over the pixels); the dotted line is that of held-out images: below it they are copies"
            if pictures
            else "The sliced Wasserstein distance of the particles to one large draw of the data: that of their "
            "projections on a line, averaged over 64 directions. The dotted line, the floor, is that of as many new "
            "points of the data. An exported script and run --metrics print the same number"
        )

    def set_scale(self, words: str) -> None:
        """Which distance it is, of how many particles, against what, and its floor."""
        self._scale.setText(words.replace("; ", "\n", 1) or "\n")

    def set_data(
        self,
        t_a: ArrayLike | None,
        a: ArrayLike | None,
        t_b: ArrayLike | None = None,
        b: ArrayLike | None = None,
        *,
        floor: float | None = None,
        names: tuple[str, str] = ("A", "B"),
        playhead: float | None = None,
    ) -> None:
        """Distances at the times of each sampler; `floor` is that of the data against itself."""
        self.set_words("a", names[0])
        self.set_words("b", names[1])
        self.set_curve("a", t_a, a)
        self.set_curve("b", t_b, b)
        ends = self._ends or (1.0, 0.0)
        self.set_curve("floor", *(((), ()) if floor is None else (ends, (floor, floor))))
        self.set_playhead(playhead)
        self.fit()
