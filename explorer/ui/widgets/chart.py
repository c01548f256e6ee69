"""One small chart: curves, a key above them that tells colour and dash, captions at the ends, a playhead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from explorer.base.digits import power
from explorer.figures.theme import Theme
from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import style
from explorer.ui.widgets.labels import label, row

Floats = NDArray[np.float64]
SOLID, DASH, DOT = Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
# A chart is some 240 pixels wide. Antialiased strokes cost 0.3-4 ms at this many points, tens of ms at more.
MOST_POINTS = 260
WIDTH = 1.5


def numbers(values: ArrayLike | None) -> Floats:
    """A flat array of floats; None is an empty one."""
    return np.zeros(0) if values is None else np.asarray(values, dtype=np.float64).ravel()


def pairs(x: ArrayLike | None, y: ArrayLike | None, log: bool = False) -> tuple[Floats, Floats]:
    """x and y of one length, thinned to what can be seen; what cannot be drawn is NaN in y, a gap."""
    a, b = numbers(x), numbers(y)
    n = min(len(a), len(b))
    a, b = a[:n], b[:n]
    if n > MOST_POINTS:
        keep = np.unique(np.linspace(0, n - 1, MOST_POINTS).astype(int))
        a, b = a[keep], b[keep]
    with np.errstate(divide="ignore", invalid="ignore"):
        b = np.where(b > 0, np.log10(b), np.nan) if log else b
        b = np.where(np.isfinite(b), b, np.nan)
    good = np.isfinite(a)
    return a[good], b[good]


def span(arrays: Sequence[Floats]) -> tuple[float, float] | None:
    """The least and the greatest finite number in all of them."""
    every = np.concatenate([a[np.isfinite(a)] for a in arrays]) if arrays else np.zeros(0)
    return (float(every.min()), float(every.max())) if len(every) else None


def ticks(low: float, high: float, log: bool) -> list[tuple[float, str]]:
    """Two to four round numbers between `low` and `high` (exponents of ten where `log`)."""
    if log and high - low >= 1:
        every = max(1, math.ceil((high - low) / 4))
        marks = [
            (float(k), power(k)) for k in range(math.ceil(low / every) * every, math.floor(high) + 1, every)
        ]
        if len(marks) > 1:
            return marks
        finer = [math.floor(low) + k + math.log10(m) for k in (0, 1, 2) for m in (1, 2, 5)]
        return [(v, f"{10**v:.1g}") for v in finer if low <= v <= high]
    if log:
        return [(math.log10(v), text) for v, text in ticks(10**low, 10**high, False) if v > 0]
    unit = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(m * unit for m in (1, 2, 5, 10, 20) if (high - low) / (m * unit) < 4)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(k * step, f"{round(k * step, 12):g}") for k in range(first, last + 1)]


@dataclass
class Curve:
    """A curve, the role of its colour, its dash, and its words in the key."""

    role: str
    words: str
    dash: Qt.PenStyle
    item: pg.PlotCurveItem
    x: Floats = field(default_factory=lambda: np.zeros(0))
    y: Floats = field(default_factory=lambda: np.zeros(0))

    def pen(self, theme: Theme) -> QPen:
        """How it is drawn."""
        pen = QPen(QColor(getattr(theme, self.role)), WIDTH, self.dash)
        pen.setCosmetic(True)
        return pen


class Key(QWidget):
    """What is measured, at the left; at the right each curve's words after a bit of its line."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._curves: list[Curve] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_curves(self, curves: list[Curve]) -> None:
        """Those that show something."""
        self._curves = curves
        self.setAccessibleName(f"{self._words}: " + ", ".join(c.words for c in curves))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(100, QFontMetrics(style.font(0.85)).height() + 2)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), style.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.font(0.85))
        painter.setPen(QColor(theme.muted))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._words)
        x, middle = float(self.width()), self.height() / 2
        for curve in reversed(self._curves):
            width = painter.fontMetrics().horizontalAdvance(curve.words)
            painter.setPen(curve.pen(theme))
            baseline = middle + painter.fontMetrics().ascent() * 0.42
            painter.drawText(QPointF(x - width, baseline), curve.words)
            painter.drawLine(
                QPointF(x - width - style.px(19), middle), QPointF(x - width - style.px(5), middle)
            )
            x -= width + style.px(30)
        painter.end()


class _Plot(pg.PlotWidget):
    """pyqtgraph's plot without mouse, menu or bottom axis."""

    def __init__(self) -> None:
        super().__init__(
            enableMenu=False
        )  # whose menus nobody sees, and which every change of style would visit
        self.setMouseEnabled(False, False)
        self.plotItem.hideButtons()
        self.plotItem.setContentsMargins(0, 0, 0, 0)
        self.setFrameShape(self.Shape.NoFrame)
        self.setAntialiasing(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setViewportUpdateMode(self.ViewportUpdateMode.MinimalViewportUpdate)
        self.plotItem.vb.disableAutoRange()
        self.plotItem.vb.setDefaultPadding(0)
        bottom = self.plotItem.getAxis("bottom")
        bottom.setStyle(showValues=False, tickLength=0)
        bottom.setHeight(2)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # The column scrolls, not the chart.
        event.ignore()


class Chart(QWidget, style.Themed):
    """One small chart without mouse or menu; the vertical axis may be logarithmic."""

    def __init__(
        self, *, y_label: str = "", captions: tuple[str, str] = ("", ""), log: bool = False,
        from_zero: bool = False, height: int = 84, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._log, self._height, self._from_zero = log, height, from_zero
        self._curves: dict[str, Curve] = {}
        self._ends: tuple[float, float] | None = None
        self._view: tuple[float, ...] = ()
        self._marked = False
        self._theme = style.current()
        self.plot = _Plot()
        self._playhead = pg.InfiniteLine(angle=90, movable=False)
        self._message = pg.TextItem("", anchor=(0.5, 0.5))
        for item in (self._playhead, self._message):
            item.setVisible(False)
            self.plot.addItem(item, ignoreBounds=True)
        self._key = Key(y_label)
        self._left, self._right = label(captions[0], "small"), label(captions[1], "small")
        self.column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.px(2))
        column.addWidget(self._key)
        column.addWidget(self.plot)
        self._foot = row(self._left, 1, self._right)
        column.addLayout(self._foot)
        self.set_theme(self._theme)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(style.tip(text))

    def add_curve(self, name: str, role: str, words: str, dash: Qt.PenStyle = SOLID) -> None:
        """A curve in the colour of `role`, called `words` in the key."""
        item = pg.PlotCurveItem(connect="finite")
        self.plot.addItem(item)
        self._curves[name] = curve = Curve(role, words, dash, item)
        item.setPen(curve.pen(self._theme))

    def set_curve(self, name: str, x: ArrayLike | None, y: ArrayLike | None) -> None:
        """Another course of a curve; call `fit` after the last one."""
        curve = self._curves[name]
        curve.x, curve.y = pairs(x, y, self._log)
        curve.item.setData(curve.x, curve.y)

    def curve(self, name: str) -> tuple[Floats, Floats]:
        """What a curve shows (log10 of it on a logarithmic chart)."""
        return self._curves[name].x, self._curves[name].y

    def set_words(self, name: str, words: str) -> None:
        """Another name of a curve in the key."""
        self._curves[name].words = words

    def set_captions(self, left: str, right: str) -> None:
        """The words under the two ends of the horizontal axis."""
        for shown, text in ((self._left, left), (self._right, right)):
            if text != shown.text():
                shown.setText(text)

    def set_message(self, text: str) -> None:
        """Words in the middle of an empty chart."""
        self._message.setText(text)
        self._message.setVisible(bool(text))

    def set_ends(self, left: float, right: float) -> None:
        """Fix the horizontal range; left may be the larger one (time runs backward)."""
        self._ends = (left, right)
        self.plot.plotItem.vb.invertX(left > right)
        self.fit()

    def set_playhead(self, x: float | None) -> None:
        """A dashed line at `x`, or none."""
        good = x is not None and math.isfinite(x)
        self._playhead.setVisible(good)
        if good:
            self._playhead.setPos(x)

    def fit(self) -> None:
        """Bring the ranges, the ticks and the key to the data."""
        curves = [c for c in self._curves.values() if np.isfinite(c.y).any()]
        self._key.set_curves(curves)
        x = self._ends or span([c.x for c in curves]) or (0.0, 1.0)
        low, high = span([c.y for c in curves]) or (0.0, 1.0)
        if self._from_zero and not self._log:
            low = min(low, 0.0)
        room = max(high - low, 1e-9, abs(high) * 1e-3)
        view = (min(x), max(x) if x[0] != x[1] else x[0] + 1, low - 0.06 * room, high + 0.09 * room)
        if view != self._view or self._marked != bool(curves):
            self._view, self._marked = view, bool(curves)
            self.plot.setXRange(view[0], view[1], padding=0.004)
            self.plot.setYRange(view[2], view[3], padding=0)
            # a label at the very edge would be cut in half
            edge = 0.07 * (view[3] - view[2])
            marks = ticks(view[2] + edge, view[3] - edge, self._log) if curves else []
            self.plot.plotItem.getAxis("left").setTicks([marks])
            self._message.setPos((view[0] + view[1]) / 2, (view[2] + view[3]) / 2)

    def set_theme(self, theme: Theme) -> None:
        """Take the colours (and the text size) of `theme`."""
        self._theme = theme
        self.plot.setBackground(theme.panel)
        self.plot.setFixedHeight(style.px(self._height))
        dashed = QPen(QColor(theme.text), 1, DASH)
        dashed.setCosmetic(True)
        self._playhead.setPen(dashed)
        self._message.setColor(QColor(theme.muted))
        self._message.setFont(style.font(0.85))
        for curve in self._curves.values():
            curve.item.setPen(curve.pen(theme))
        left, indent = self.plot.plotItem.getAxis("left"), style.px(30)
        left.setStyle(tickFont=style.font(0.77), tickLength=-3, tickTextOffset=4, hideOverlappingLabels=False)
        left.setTextPen(QColor(theme.muted))
        left.setWidth(indent)
        self._foot.setContentsMargins(indent, 0, 0, 0)
        for axis in (left, self.plot.plotItem.getAxis("bottom")):
            axis.setPen(QColor(theme.line))
        self._key.updateGeometry()
        self._key.update()
