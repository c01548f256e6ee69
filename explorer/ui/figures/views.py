"""Figures as widgets: each is drawn once into a picture, which waits while the mouse moves over it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QFrame, QMenu, QVBoxLayout

from explorer.base.digits import with_minus
from explorer.figures.figure import Canvas, Equation, Figure, Handle, Picture, Plot, Series, Table
from explorer.figures.marks import Image
from explorer.figures.papers import PAPER
from explorer.figures.theme import Theme
from explorer.ui.figures.drawing_canvas import DrawingCanvas
from explorer.ui.figures.grid import LEAST_HEIGHT, Wish, shape_of
from explorer.ui.figures.handle import paint_handle
from explorer.ui.figures.ink import TITLE, Area, Ink
from explorer.ui.figures.paint import paint_figure
from explorer.ui.figures.plot import least_height
from explorer.ui.figures.preview import paint_small
from explorer.ui.figures.rows import row_values
from explorer.ui.figures.table import table_height, table_width
from explorer.ui.figures.title import title_height
from explorer.ui.painting import axes
from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import style
from explorer.ui.widgets.equation import EquationView
from explorer.ui.widgets.labels import label
from explorer.ui.widgets.mnemonics import keep

PAD = 12
LARGE, MOST_GROWN = 560, 1.35  # words and lines of a larger card grow with it, up to so much
LINES = 6  # that the words below an equation take at most where there is room
FOLDED = 34  # the height of a folded table, and of the head of one that is not
PICTURE_LEAST = 250  # the least height of a picture
REACH = 14.0  # pixels around a handle within which a press takes it
FOR_PAPER = ("Save for a paper or a slide…", PAPER)
#: What the menu of a figure offers: words, and the name that `asked` carries.
OFFERS = {
    Plot: (("Copy image", "picture"), ("Copy numbers", "numbers"), ("Save…", "save"), FOR_PAPER),
    Picture: (("Copy image", "picture"), ("Save…", "save"), FOR_PAPER),
    Table: (
        ("Copy table", "numbers"), ("Copy as LaTeX", "latex"), ("Copy image", "picture"), ("Save…", "save"),
        FOR_PAPER,
    ),
    Equation: (("Copy LaTeX", "latex"), ("Save…", "save"), FOR_PAPER),
}  # fmt: skip


class FigureCard(QFrame):
    """What every figure on the page is: a card that can be enlarged, copied and saved."""

    enlarged = Signal()
    chosen = Signal()  # a small one is to be the main figure, a table to be folded or unfolded
    asked = Signal(str)  # one of OFFERS

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.figure: Figure | None = None
        #: Whether it is shown in brief: a plot or an image as a small card of the strip, a table as one line.
        self.brief = False

    def set_figure(self, figure: Figure) -> None:
        """Show another figure of the same kind."""
        raise NotImplementedError

    def set_brief(self, brief: bool) -> None:
        """Show it in brief, or whole."""
        self.brief = brief

    def wish(self) -> Wish:
        """How much room it wants."""
        return Wish()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.enlarged.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu().popup(event.globalPos())

    def menu(self) -> QMenu:
        """What can be done with it."""
        menu = keep(QMenu(self))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Enlarge or shrink", self.enlarged.emit)
        menu.addSeparator()
        for words, name in OFFERS[type(self.figure)] if self.figure is not None else ():
            menu.addAction(words, partial(self.asked.emit, name))
        return menu


class EquationCard(FigureCard):
    """A typeset equation and words below it."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._words, self.view = label("", "title"), label("", "small"), EquationView()
        self._words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[style.px(PAD)] * 4)
        column.setSpacing(style.px(6))
        for widget in (self._title, self.view, self._words):
            column.addWidget(widget)
        column.addStretch(1)

    def set_figure(self, figure: Figure) -> None:
        assert isinstance(figure, Equation)
        self.figure = figure
        self._title.setText(figure.title)
        self.view.set_latex(figure.latex)
        self._words.setText(with_minus(figure.words))
        self._words.setVisible(bool(figure.words))

    def wish(self) -> Wish:
        around = 2 * style.px(PAD) + 2
        inside = max(self.width() - around, 100)
        words = self._words.heightForWidth(inside) + style.px(6) if self._words.text() else 0
        height = around + style.px(12) + self._title.sizeHint().height() + words
        height += max(self.view.sizeHint().height(), style.px(24))
        long = self._words.fontMetrics().horizontalAdvance(self._words.text()) // LINES
        return Wish(height, width=max(self.view.least_width(), long) + around)


class DrawnCard(FigureCard, style.Themed):
    """A plot, a picture or a table. `dragged` says where a handle is pulled to, `pointed` where a click was, `painted`
    what is drawn on a canvas: the grey levels (rows, columns) after each stroke."""

    dragged = Signal(object, float, float)
    painted = Signal(object, object)
    released = Signal()
    pointed = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.figure: Plot | Picture | Table | None = None
        #: Where a handle is: the fields of the laboratory know better than the last report.
        self.place: Callable[[Handle], tuple[float, float]] = lambda handle: handle.xy
        #: What is drawn on a canvas, where the laboratory knows.
        self.levels: Callable[[Canvas], np.ndarray | None] = lambda canvas: None
        self.drawing: DrawingCanvas | None = None
        self._area: Area | None = None
        self._drawn = QPixmap()
        self._held: Handle | None = None
        self._mouse: QPointF | None = None
        self._pressed: QPointF | None = None
        self.setMouseTracking(True)

    def set_figure(self, figure: Figure) -> None:
        assert isinstance(figure, Plot | Picture | Table)
        if figure is not self.figure:
            self.figure = figure
            self._set_drawing(figure.canvas if isinstance(figure, Picture) else None)
            self.setAccessibleName(figure.title)
            self._tell()
            self._refresh()

    def set_brief(self, brief: bool) -> None:
        if brief == self.brief:
            return
        self.brief = brief
        self._held = self._mouse = self._area = None
        if self.drawing is not None:
            self.drawing.show(not brief)
        self._tell()
        self._refresh()

    def _tell(self) -> None:
        """What a press on it does, by cursor, hover and keyboard."""
        pressed = self.brief or isinstance(self.figure, Table)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if pressed else Qt.FocusPolicy.NoFocus)
        style.mark(self, role="tile" if self.brief else "card")
        if self.drawing is None or self.brief:
            self.setCursor(Qt.CursorShape.PointingHandCursor if self.brief else Qt.CursorShape.ArrowCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor)
        about = self.figure.about if self.figure is not None else ""
        if isinstance(self.figure, Table):
            self.setToolTip("Show the table" if self.brief else "")
        else:
            self.setToolTip("\n".join(filter(None, ("Show it large", about))) if self.brief else "")

    def _set_drawing(self, canvas: Canvas | None) -> None:
        """Make the picture one to draw on, or no longer."""
        if canvas is None and self.drawing is not None:
            self.drawing.remove()
            self.drawing = None
        elif canvas is not None and self.drawing is None:
            self.drawing = DrawingCanvas(self, self._gray_levels, self.painted.emit)
        if canvas is not None and self.drawing is not None:
            self.drawing.canvas = canvas

    def _gray_levels(self) -> np.ndarray:
        """What is on the canvas (rows, columns): what the lab knows of it, or else what the image shows."""
        known = self.levels(self.drawing.canvas) if self.drawing is not None else None
        if known is not None:
            return known
        marks = self.figure.marks if isinstance(self.figure, Picture) else ()
        shown = next((m.values for m in marks if isinstance(m, Image)), np.zeros((1, 1), np.float32))
        gray = shown.reshape(*shown.shape[:2], -1)[::-1, :, 0]
        return np.asarray(np.round(255 * np.clip(gray, 0, 1)), np.uint8)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._refresh()

    def _refresh(self) -> None:
        self._drawn = QPixmap()
        self.update()

    def wish(self) -> Wish:
        ink, around = self.ink(), 2 * style.px(PAD)
        if isinstance(self.figure, Table) and self.brief:
            wide = ink.width(self._folded_words(self.figure), TITLE, True)
            return Wish(style.px(FOLDED), width=round(wide) + around + style.px(24))
        if isinstance(self.figure, Table):
            high = table_height(self.figure, ink, self.width() - around) + title_height(
                self.figure, ink, self.width() - around
            )
            return Wish(round(high) + around, width=round(table_width(self.figure, ink)) + around)
        if isinstance(self.figure, Plot):
            small = Ink(ink.theme, style.px(100) / 100)
            least = least_height(self.figure, self.width() - around, small) + around
            return Wish(least=max(LEAST_HEIGHT, round(least / small.scale)))
        square = isinstance(self.figure, Picture) and self.figure.square
        shape = shape_of(self.figure) if self.figure is not None else 1.5
        wide = style.px(self.figure.width) if isinstance(self.figure, Picture) else 0
        return Wish(least=PICTURE_LEAST, shape=shape, above=60 if square else 0, width=wide)

    def _folded_words(self, table: Table) -> str:
        rows = len(table.rows)
        return f"{table.title}: {rows} {'row' if rows == 1 else 'rows'}"

    def ink(self) -> Ink:
        """What it is drawn with now."""
        large = math.sqrt(self.width() * self.height()) / style.px(LARGE)
        grown = 1.0 if self.brief or isinstance(self.figure, Table) else min(max(large, 1.0), MOST_GROWN)
        whole = isinstance(self.figure, Plot | Picture) and not self.brief
        return Ink(style.current(), style.px(100) / 100 * grown, self.devicePixelRatioF(), whole=whole)

    def area(self) -> Area | None:
        """Where the numbers are on it (once it has been painted)."""
        return self._area

    # --- painting ----------------------------------------------------------------------------------------

    def resizeEvent(self, event: object) -> None:
        self._refresh()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.figure is None:
            return
        if self._drawn.isNull() or self._drawn.devicePixelRatio() != self.devicePixelRatioF():
            self._drawn = self._draw()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._drawn)
        if self._area is not None:
            if self.drawing is not None:
                self.drawing.paint(painter, self._area)
            if isinstance(self.figure, Picture):
                for handle in self.figure.handles if not self.brief else ():
                    held = self._held is not None and self._held.fields == handle.fields
                    paint_handle(painter, handle, self._spot(handle), self.ink(), held)
            elif isinstance(self.figure, Plot) and self._mouse is not None:
                self._read_out(painter, self.figure, self._area, self._mouse)
        painter.end()

    def _draw(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        drawn = QPixmap(self.size() * ratio)
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        try:  # a picture that goes while it is painted on ends the process
            pad = style.px(PAD)
            inside = QRectF(self.rect()).adjusted(pad, pad * 0.75, -pad, -pad * 0.75)
            assert self.figure is not None
            self._area = self._paint(painter, self.figure, inside)
        finally:
            painter.end()
        return drawn

    def _paint(self, painter: QPainter, figure: Plot | Picture | Table, inside: QRectF) -> Area | None:
        ink = self.ink()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(figure, Table):
            self._paint_fold(painter, inside, ink)
            if self.brief:
                painter.setFont(ink.font(TITLE, True))
                painter.setPen(ink.color("text"))
                middle = Qt.AlignmentFlag.AlignVCenter
                painter.drawText(inside.adjusted(style.px(18), 0, 0, 0), middle, self._folded_words(figure))
                return None
            return paint_figure(painter, figure, inside.adjusted(style.px(18), 0, 0, 0), ink)
        if self.brief:
            paint_small(painter, figure, inside, ink)
            return None
        return paint_figure(painter, figure, inside, ink)

    def _paint_fold(self, painter: QPainter, inside: QRectF, ink: Ink) -> None:
        """The mark that says whether a table is folded."""
        half, middle = style.px(4), inside.top() + style.px(8)
        middle = self.height() / 2 if self.brief else middle
        x = inside.left() + half
        shape = (
            [(x - half * 0.6, middle - half), (x + half * 0.6, middle), (x - half * 0.6, middle + half)]
            if self.brief
            else [(x - half, middle - half * 0.6), (x, middle + half * 0.6), (x + half, middle - half * 0.6)]
        )
        painter.setPen(QPen(ink.color("muted"), 1.6 * ink.scale))
        painter.drawPolyline([QPointF(*p) for p in shape])

    def _read_out(self, painter: QPainter, plot: Plot, area: Area, mouse: QPointF) -> None:
        """The values of the curves under the mouse."""
        if not area.rect.contains(mouse):
            return
        lines = readings(plot, area, mouse)
        if not lines:
            return
        ink = self.ink()
        painter.setPen(QPen(ink.color("line"), 1.0))
        painter.drawLine(QPointF(mouse.x(), area.rect.top()), QPointF(mouse.x(), area.rect.bottom()))
        wide = max(ink.width(words, 11.0) for words, _ in lines) + style.px(16)
        step = 16 * ink.scale
        box = beside(mouse, QSizeF(wide, step * len(lines) + style.px(8)), QRectF(self.rect()), style.px(12))
        painter.setBrush(ink.color("raised"))
        painter.drawRoundedRect(box, 5, 5)
        painter.setFont(ink.font(11.0))
        for i, (words, role) in enumerate(lines):
            painter.setPen(ink.color(role))
            painter.drawText(
                QPointF(box.left() + style.px(8), box.top() + step * (i + 1) - style.px(1)), words
            )

    # --- the mouse ---------------------------------------------------------------------------------------

    def _spot(self, handle: Handle) -> QPointF:
        assert self._area is not None
        return self._area.place(*self.place(handle))

    def _handle_at(self, position: QPointF) -> Handle | None:
        if self._area is None or not isinstance(self.figure, Picture):
            return None
        near = [(h, (self._spot(h) - position).manhattanLength()) for h in self.figure.handles]
        best = min(near, key=lambda pair: pair[1], default=None)
        return best[0] if best is not None and best[1] <= style.px(round(REACH)) else None

    def _is_fold(self, position: QPointF) -> bool:
        """Whether a press here shows it whole, or folds a table again."""
        return self.brief or (isinstance(self.figure, Table) and position.y() < style.px(FOLDED))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._is_fold(
            QPointF()
        ):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._is_fold(event.position()):
            if event.button() == Qt.MouseButton.LeftButton:
                self.chosen.emit()
            return
        if self.drawing is not None and self._area is not None and self.drawing.press(event, self._area):
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()
            self._held = self._handle_at(event.position())
            if self._held is not None:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.brief:
            return
        if self.drawing is not None and self._area is not None and self.drawing.move(event, self._area):
            return
        if self._held is not None and self._area is not None:
            self.dragged.emit(self._held, *self._area.numbers(_inside(event.position(), self._area.rect)))
            self.update()
            return
        if isinstance(self.figure, Plot):
            self._mouse = event.position()
            self.update()
        elif isinstance(self.figure, Picture):
            over = self._handle_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.OpenHandCursor if over else Qt.CursorShape.ArrowCursor)
        elif isinstance(self.figure, Table):
            over = self._is_fold(event.position())
            self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.drawing is not None and self.drawing.release():
            return
        held, self._held = self._held, None
        pressed, self._pressed = self._pressed, None
        if held is not None:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            self.released.emit()
        elif pressed is not None and self._area is not None and isinstance(self.figure, Picture):
            moved = (event.position() - pressed).manhattanLength()
            if moved < 4 and self._area.rect.contains(event.position()):
                self.pointed.emit(*self._area.numbers(event.position()))
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._is_fold(event.position()):
            return
        if self.drawing is not None and self._area is not None and self.drawing.press(event, self._area):
            return
        if self._handle_at(event.position()) is None:
            super().mouseDoubleClickEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        on_it = self._area is not None and self._area.rect.contains(QPointF(event.pos()))
        if self.drawing is None or not on_it or event.reason() != QContextMenuEvent.Reason.Mouse:
            super().contextMenuEvent(event)  # on a canvas the right button rubs out

    def leaveEvent(self, event: QEvent) -> None:
        self._mouse = None
        self.update()


def _inside(position: QPointF, rect: QRectF) -> QPointF:
    """The nearest point of the picture: a handle does not leave it."""
    x = min(max(position.x(), rect.left()), rect.left() + rect.width())
    return QPointF(x, min(max(position.y(), rect.top()), rect.top() + rect.height()))


def beside(mouse: QPointF, size: QSizeF, room: QRectF, away: float) -> QRectF:
    """A box beside the mouse and whole within `room`: at the right, else at the left, else as far right as it fits."""
    left = mouse.x() + away
    if left + size.width() > room.right() - 1:
        left = mouse.x() - away - size.width()
    if left < room.left() + 1:
        left = max(room.right() - 1 - size.width(), room.left() + 1)
    top = min(max(mouse.y() - size.height() / 2, room.top() + 1), room.bottom() - 1 - size.height())
    return QRectF(QPointF(left, max(top, room.top() + 1)), size)


def readings(plot: Plot, area: Area, mouse: QPointF) -> list[tuple[str, str]]:
    """(words, role) of what the curves are at the mouse: its x, then each curve's nearest value; or its row."""
    x, y = area.numbers(mouse)
    if plot.rows:
        place = min(max(round(y), 1), len(plot.rows))
        head = [(plot.rows[place - 1], "muted")]
        return head + [_reading(s, value, error) for s, value, error in row_values(plot, place)]
    lines = []
    for series in plot.series:
        xs = np.asarray(series.x, float)
        xs = (xs[:-1] + xs[1:]) / 2 if series.steps else xs
        with np.errstate(divide="ignore", invalid="ignore"):
            i = axes.nearest(area.x.unit(xs), float(area.x.unit(x)))
        if i is not None and np.isfinite(float(series.y[i])):
            error = None if series.error is None else float(series.error[i])
            lines.append(_reading(series, float(series.y[i]), error))
    head = [(f"{plot.x_label or 'x'} = {x:.4g}".replace("-", "−"), "muted")]
    return head + lines[:12] if lines else []


def _reading(series: Series, value: float, error: float | None) -> tuple[str, str]:
    name = f"{series.name}  " if series.name else ""
    bar = f" ± {error:.2g}" if error is not None and math.isfinite(error) else ""
    return name + f"{value:.4g}{bar}".replace("-", "−"), series.role


def card_for(figure: Figure) -> FigureCard:
    """An empty card of the right kind."""
    return EquationCard() if isinstance(figure, Equation) else DrawnCard()
