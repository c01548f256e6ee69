"""Typeset equations: LaTeX to SVG by ziamath in a thread, SVG to pixels by Qt at any density.

A formula costs 35-97 ms, so the window never waits for one: the last picture stays until the next is there.
Terms wrapped as \\drift{..}, \\score{..}, \\noise{..}, \\corrector{..} take the colours of these roles.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.base.jobs import Job
from explorer.figures.theme import Theme
from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import style

TERMS = ("drift", "score", "noise", "corrector", "data", "accent", "muted")
SIZE = 16.0  # of the mathematics beside 13 px text
_POLL = 16
_CUTS = (r"\\", r",\;", r"\quad", r"\qquad")
_CUT = re.compile(r",\\;|\\q?quad|\\begin|\\end|\\[\\{}]|[{}]")
_LINE_GAP = 4
#: What a formula is typeset from: LaTeX with its colours, the ink, the size.
Key: TypeAlias = tuple[str, str, float]
# ziamath keeps its fonts and settings in globals: one formula at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Line:
    """One line of a formula as SVG, its size, and how far the baseline is from its top."""

    svg: bytes
    width: float
    height: float
    baseline: float


def paint(painter: QPainter, line: Line, box: QRectF) -> None:
    """Draw a line of a formula into a box."""
    # Qt strokes in a PDF what has no stroke, and letters become bold: let it stroke what cannot be seen
    unseen = b' stroke="#000000" stroke-width="0.01" stroke-opacity="0" '
    svg = line.svg.replace(b"<path ", b"<path" + unseen).replace(b"<rect ", b"<rect" + unseen)
    QSvgRenderer(QByteArray(svg)).render(painter, box)


def coloured(latex: str, theme: Theme) -> str:
    """LaTeX with the product's wrappers turned into colours."""
    for term in TERMS:
        colour = rf"\textcolor{{{getattr(theme, term)}}}{{"
        # A sign that starts a coloured group loses the room of an operator: give it back.
        sign = (rf"\;{colour}+\,").replace("\\", r"\\")
        latex = re.sub(rf"(?<=[^\s={{(])\s*\\{term}{{\s*\+", sign, latex)
        latex = latex.replace(rf"\{term}{{", colour)
    return latex


def pieces(latex: str) -> list[str]:
    """The formula cut where it may be broken: at \\\\, ",\\;", \\quad and \\qquad outside of braces."""
    out, depth, start = [], 0, 0
    for found in _CUT.finditer(latex):
        mark = found.group()
        if mark in ("{", r"\begin"):
            depth += 1
        elif mark in ("}", r"\end"):
            depth -= 1
        elif depth == 0 and mark in _CUTS:
            out.append(latex[start : found.start()] + ("," if mark == r",\;" else ""))
            start = found.end()
    out.append(latex[start:])
    return [piece.strip() for piece in out if piece.strip(" ,")]


def plain(latex: str) -> str:
    """A formula that cannot be typeset, as readable text."""
    text = re.sub(r"\\(?:drift|score|noise|corrector|data|accent|muted|text|mathrm|mathbf)\{", "{", latex)
    text = re.sub(r"\\[,;:! ]|\\quad", " ", text).replace("{", "").replace("}", "")
    return re.sub(r"\s+", " ", text.replace("\\", "")).strip()


@lru_cache(maxsize=256)
def typeset(latex: str, ink: str, size: float) -> tuple[Line, ...]:
    """The pieces of a formula as SVG lines. Raises whatever ziamath raises for LaTeX that it cannot read."""
    from ziamath.config import config
    from ziamath.zmath import Latex

    with _one_at_a_time:
        # QtSvg draws nothing of SVG 2, and reports success.
        config.svg2 = False
        return tuple(_line(Latex(piece, size=size, color=ink)) for piece in pieces(latex))


def _line(made: Any) -> Line:
    # The viewBox starts at minus the ascent: that is where the baseline is.
    svg = made.svg()
    _, top, width, height = map(float, re.search(r'viewBox="([^"]+)"', svg)[1].split())  # type: ignore[index]
    return Line(svg.encode(), width, height, -top)


def arrange(lines: tuple[Line, ...], room: float) -> tuple[list[tuple[Line, QRectF]], float]:
    """Where each piece goes in a width of `room`: side by side while they fit, then below; and the height."""
    placed: list[tuple[Line, QRectF]] = []
    top = 0.0
    for group in _rows(lines, room):
        total = sum(line.width for line in group) + 12 * (len(group) - 1)
        scale = min(1.0, max(room, 1.0) / total)
        above = max(line.baseline for line in group) * scale
        below = max(line.height - line.baseline for line in group) * scale
        x = 0.0
        for line in group:
            y = top + above - line.baseline * scale
            placed.append((line, QRectF(x, y, line.width * scale, line.height * scale)))
            x += (line.width + 12) * scale
        top += above + below + _LINE_GAP
    return placed, max(0.0, top - _LINE_GAP)


def _rows(lines: tuple[Line, ...], room: float) -> list[list[Line]]:
    rows: list[list[Line]] = []
    used = 0.0
    for line in lines:
        if rows and used + 12 + line.width <= room:
            rows[-1].append(line)
            used += 12 + line.width
        else:
            rows.append([line])
            used = line.width
    return rows


class EquationView(QWidget, style.Themed):
    """A formula, typeset in the background; `set_latex` may be called as often as a slider moves.

    `row`: its height is a multiple of this, so that formulas of nearly one height have one.
    """

    def __init__(
        self, latex: str = "", *, size: float = SIZE, row: int = 1, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._size, self._latex, self._text, self._row = size, "", "", row
        self._others: tuple[str, ...] = ()
        self._known: dict[Key, tuple[Line, ...]] = {}  # the other formulas, as far as they are typeset
        self._lines: tuple[Line, ...] = ()
        self._shown: Key | None = None
        self._under_way: Key | None = None
        self._job: Job[tuple[Line, ...]] | None = None
        self._picture = QPixmap()
        self._theme = style.current()
        self._clock = QTimer(self)
        self._clock.setInterval(_POLL)
        self._clock.timeout.connect(self._poll)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_latex(latex)

    def latex(self) -> str:
        """What is shown, or will be in a moment."""
        return self._latex

    def set_latex(self, latex: str, others: Sequence[str] = ()) -> None:
        """Show `latex`, as high as the highest of `others` would be too: those that it alternates with."""
        if latex != self._latex or tuple(others) != self._others:
            if latex != self._latex:
                self.setAccessibleName(plain(latex))
            self._latex, self._others = latex, tuple(others)
            self._ask()

    def set_theme(self, theme: Theme) -> None:
        """Take the colours (and the text size) in force."""
        self._theme = theme
        self._ask()

    def least_width(self) -> int:
        """The room in which its longest piece is still read easily."""
        return round(0.85 * max((line.width for line in self._lines), default=0.0))

    def boxes(self) -> list[QRectF]:
        """Where its pieces are drawn."""
        return [box for _, box in arrange(self._lines, self.width())[0]]

    def is_current(self) -> bool:
        """Whether the picture is that of the last `set_latex`, and as high as it will be."""
        return not self._latex or (self._shown == self._key() and self._next() is None)

    def failed(self) -> bool:
        """Whether the formula could not be typeset and stands as plain text."""
        return bool(self._text)

    def _key(self, latex: str | None = None) -> Key:
        """What a formula (the one shown, if none is given) is typeset from."""
        formula = self._latex if latex is None else latex
        return coloured(formula, self._theme), self._theme.text, float(style.px(self._size))

    def _next(self) -> Key | None:
        """What is to be typeset next: the formula itself, then the others."""
        every = (self._latex, *self._others)
        return next((key for each in every if each and (key := self._key(each)) not in self._known), None)

    def _ask(self) -> None:
        due = {self._key(), *(self._key(other) for other in self._others)}
        self._known = {key: lines for key, lines in self._known.items() if key in due}
        if self._key() in self._known or not self._latex:
            self._show(self._known.get(self._key(), ()), self._key())
        else:
            self._fit()
        key = self._next()
        if self._job is None and key is not None:
            self._under_way = key
            self._job = Job(lambda: [typeset(*key)], name="equation")
            self._clock.start()

    def _poll(self) -> None:
        job, key = self._job, self._under_way
        if job is None or key is None or (not (lines := job.drain()) and not job.finished):
            return
        self._job = None
        self._clock.stop()
        self._known[key] = lines[0] if lines else ()
        if not self._others:  # also one of yesterday, while a slider moves faster than formulas are made
            self._show(self._known[key], key)
        self._ask()  # what was asked for meanwhile

    def _show(self, lines: tuple[Line, ...], key: Key) -> None:
        """Show a formula, or where it could not be typeset its plain text."""
        text = plain(self._latex) if self._latex and not lines else ""
        if (lines, text, key) == (self._lines, self._text, self._shown):
            return self._fit()
        self._lines, self._text, self._shown = lines, text, key
        self._picture = QPixmap()
        self._fit()
        self.update()

    def _fit(self) -> None:
        every = [arrange(lines, self.width())[1] for lines in (self._lines, *self._known.values())]
        height = self._text_box().height() if self._text else 0
        row = style.px(self._row)
        wanted = row * -(-max(round(max(every)), height) // row)
        if wanted != self.height() or wanted != self.minimumHeight():
            self.setFixedHeight(max(wanted, 1))

    def _text_box(self) -> Any:
        flags = Qt.TextFlag.TextWordWrap
        return self.fontMetrics().boundingRect(0, 0, max(1, self.width()), 10_000, flags, self._text)

    def sizeHint(self) -> QSize:
        return QSize(200, max(1, self.minimumHeight()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._picture = QPixmap()
        self._fit()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._text:
            painter.drawText(self.rect(), Qt.TextFlag.TextWordWrap, self._text)
        elif self._lines:
            if self._picture.isNull() or self._picture.devicePixelRatio() != self.devicePixelRatioF():
                self._picture = self._draw()
            painter.drawPixmap(0, 0, self._picture)
        painter.end()

    def _draw(self) -> QPixmap:
        density = self.devicePixelRatioF()
        picture = QPixmap(self.size() * density)
        picture.setDevicePixelRatio(density)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for line, box in arrange(self._lines, self.width())[0]:
            QSvgRenderer(QByteArray(line.svg)).render(painter, box)
        painter.end()
        return picture
