"""The gallery of distributions: a strip of five for the card, and all of them with a search field."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QFrame, QGridLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from explorer.figures.theme import Theme
from explorer.ui.painting.guard import guarded
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import Painted
from explorer.ui.widgets.labels import Button, label, row

IN_STRIP = 5
COLUMNS = 5
MOST_POINTS = 700
#: Pixels around a sheet of pictures in its thumbnail, and milliseconds between two looks for one.
MARGIN, AGAIN_MS = 5, 60


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """What a thumbnail stands for: its name for the program, its words, and what draws a sample (n, 2) or (n, 1).

    Of a set of pictures `sheet` gives some of them as one, uint8 (h, w, 3), or None while they are being loaded.
    """

    name: str
    title: str
    about: str
    sample: Callable[[], NDArray[Any]]
    sheet: Callable[[], NDArray[np.uint8] | None] | None = None

    @cached_property
    def points(self) -> NDArray[Any]:
        """The sample, drawn when the thumbnail is first painted."""
        return self.sample()


def thumbnail(points: NDArray[Any], side: int, colour: str, density: float = 1.0) -> QImage:
    """A sample as dots, or as a histogram if it is one-dimensional, on a transparent square."""
    image = QImage(QSize(side, side) * density, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(density)
    image.fill(Qt.GlobalColor.transparent)
    x = np.asarray(points, dtype=np.float64)
    x = x[:MOST_POINTS] if x.ndim == 2 else x[:MOST_POINTS, None]
    x = x[np.isfinite(x).all(axis=1)]
    if len(x):
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        (_dots if x.shape[1] > 1 else _bars)(painter, x, side, QColor(colour))
        painter.end()
    return image


def picture_thumbnail(pixels: NDArray[np.uint8], side: int, density: float = 1.0) -> QImage:
    """Pixels (h, w, 3) on a square with round corners' room around them."""
    height, width = pixels.shape[:2]
    image = QImage(np.ascontiguousarray(pixels).data, width, height, 3 * width, QImage.Format.Format_RGB888)
    inside = QSize(side - 2 * MARGIN, side - 2 * MARGIN) * density
    out = QImage(QSize(side, side) * density, QImage.Format.Format_ARGB32_Premultiplied)
    out.fill(Qt.GlobalColor.transparent)
    painter = QPainter(out)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(MARGIN * density, MARGIN * density, inside.width(), inside.height()), image)
    painter.end()
    out.setDevicePixelRatio(density)
    return out


def _dots(painter: QPainter, x: NDArray[np.float64], side: int, colour: QColor) -> None:
    low, high = np.percentile(x[:, :2], [1, 99], axis=0)
    half = max(float((high - low).max()) / 2, 1e-9)
    unit = (x[:, :2] - (low + high) / 2) / half * 0.41  # -0.5..0.5, one scale for both axes
    unit = unit[(np.abs(unit) < 0.5).all(axis=1)]
    pen = QPen(colour, max(1.2, side / 34))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    places = (unit * (1, -1) + 0.5) * side
    painter.drawPoints(QPolygonF([QPointF(a, b) for a, b in places.tolist()]))


def _bars(painter: QPainter, x: NDArray[np.float64], side: int, colour: QColor) -> None:
    counts, _ = np.histogram(x[:, 0], bins=18)
    heights = counts / counts.max() * side * 0.7
    width = side * 0.84 / len(heights)
    for i, height in enumerate(heights.tolist()):
        painter.fillRect(QRectF(side * 0.08 + i * width, side * 0.86 - height, width * 0.8, height), colour)


class Thumb(Painted):
    """A square with a picture of a distribution, and its title below where there is room."""

    def __init__(self, item: GalleryItem, *, side: int, titled: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.item, self._side, self._titled = item, side, titled
        self._images: dict[tuple[object, ...], QImage] = {}
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setToolTip(f"<b>{item.title}</b><br>{item.about}")
        self.setAccessibleName(item.title)

    def sizeHint(self) -> QSize:
        side = style.px(self._side)
        below = QFontMetrics(style.font(0.85)).height() + style.px(4) if self._titled else 0
        return QSize(side, side + below)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _image(self, side: int, theme: Theme) -> QImage:
        if self.item.sheet is not None:
            return self._sheet(side)
        colour = theme.data if self.isChecked() else theme.muted
        key = (side, colour, self.devicePixelRatioF())
        if key not in self._images:
            self._images[key] = thumbnail(self.item.points, side, colour, self.devicePixelRatioF())
        return self._images[key]

    def _sheet(self, side: int) -> QImage:
        """Some of the pictures; looked for again a little later while they are being loaded."""
        assert self.item.sheet is not None
        key = (side, self.devicePixelRatioF())
        if key not in self._images:
            pixels = self.item.sheet()
            if pixels is None:
                QTimer.singleShot(AGAIN_MS, self, self.update)
                return QImage()
            self._images[key] = picture_thumbnail(pixels, side, self.devicePixelRatioF())
        return self._images[key]

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, side = style.current(), style.px(self._side)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(1, 1, side - 2, side - 2)
        on = self.isChecked()
        edge = QPalette.ColorRole.Highlight if on else QPalette.ColorRole.Mid
        edge = QPalette.ColorRole.Dark if self.underMouse() and not on else edge
        painter.setPen(QPen(self.colour(edge), 2 if on else 1))
        painter.setBrush(QColor(theme.stage))
        painter.drawRoundedRect(box, 7, 7)
        if self.ringed():
            painter.setPen(QPen(self.colour(QPalette.ColorRole.WindowText), 1, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(box.adjusted(3, 3, -3, -3), 5, 5)
        painter.drawImage(QPointF(2, 2), self._image(side - 4, theme))
        if self._titled:
            self._paint_title(painter, side, theme)
        painter.end()

    def _paint_title(self, painter: QPainter, side: int, theme: Theme) -> None:
        painter.setFont(style.font(0.85))
        painter.setPen(QColor(theme.text if self.isChecked() else theme.muted))
        words = painter.fontMetrics().elidedText(self.item.title, Qt.TextElideMode.ElideRight, self.width())
        place = QRectF(0, side + 2, self.width(), self.height() - side - 2)
        painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, words)


class GalleryPopover(QWidget):
    """All of them in a grid, with a search field; arrow keys move, Enter chooses, Escape closes."""

    chosen = Signal(str)

    def __init__(self, items: Sequence[GalleryItem], value: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.search = QLineEdit()
        what = "sets of images" if all(item.sheet is not None for item in items) else "distributions"
        self.search.setPlaceholderText(f"Search {len(items)} {what}")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._choose_first)
        self._nothing = label("No matches", "muted")
        inner = QWidget()
        inner.setObjectName("column")
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(0, 0, style.px(4), 0)
        self._grid.setSpacing(style.px(10))
        self.thumbs = [Thumb(item, side=92, titled=True) for item in items]
        for thumb in self.thumbs:
            thumb.setChecked(thumb.item.name == value)
            thumb.clicked.connect(lambda _=False, name=thumb.item.name: self._choose(name))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        # The window itself is see-through: its corners are round.
        sheet = QFrame()
        sheet.setProperty("role", "popover")
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(sheet)
        whole = QVBoxLayout(sheet)
        whole.setContentsMargins(*[style.px(12)] * 4)
        whole.setSpacing(style.px(10))
        whole.addWidget(self.search)
        whole.addWidget(area)
        self._filter("")
        columns = min(max(len(items), 3), COLUMNS)
        rows = math.ceil(len(items) / COLUMNS)
        height = rows * (self.thumbs[0].sizeHint().height() + style.px(10)) if self.thumbs else 0
        self.resize(style.px(92 * columns + 10 * (columns - 1) + 46), height + style.px(80))

    def open_beside(self, anchor: QWidget) -> None:
        """Show it to the right of `anchor`, inside of the screen."""
        room = anchor.screen().availableGeometry()
        place = anchor.mapToGlobal(QPoint(anchor.width() + style.px(16), -style.px(40)))
        self.setFixedHeight(min(self.height(), room.height() - style.px(40)))
        x = max(room.left(), min(place.x(), room.right() - self.width()))
        y = max(room.top(), min(place.y(), room.bottom() - self.height()))
        self.move(x, y)
        self.show()
        self.search.setFocus()

    def shown(self) -> list[Thumb]:
        """The thumbnails that match the search."""
        return [thumb for thumb in self.thumbs if self._matches(thumb.item)]

    def _matches(self, item: GalleryItem) -> bool:
        text = f"{item.name} {item.title} {item.about}".lower()
        return all(word in text for word in self.search.text().lower().split())

    def _filter(self, text: str) -> None:
        for thumb in self.thumbs:
            self._grid.removeWidget(thumb)
            thumb.hide()
        matching = self.shown()
        for i, thumb in enumerate(matching):
            self._grid.addWidget(thumb, i // COLUMNS, i % COLUMNS)
            thumb.show()
        self._grid.removeWidget(self._nothing)
        self._nothing.setVisible(not matching)
        if not matching:
            self._grid.addWidget(self._nothing, 0, 0, 1, COLUMNS)
        self._grid.setRowStretch(len(self.thumbs), 1)
        self._grid.setColumnStretch(COLUMNS, 1)

    def _choose(self, name: str) -> None:
        self.chosen.emit(name)
        self.close()

    def _choose_first(self) -> None:
        if self.shown():
            self._choose(self.shown()[0].item.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key
        steps = {key.Key_Left: -1, key.Key_Right: 1, key.Key_Up: -COLUMNS, key.Key_Down: COLUMNS}
        thumbs = self.shown()
        if event.key() in steps and thumbs:
            here = next((i for i, thumb in enumerate(thumbs) if thumb.hasFocus()), None)
            there = 0 if here is None else here + steps[Qt.Key(event.key())]
            thumbs[min(max(there, 0), len(thumbs) - 1)].setFocus(Qt.FocusReason.TabFocusReason)
        elif event.key() in (key.Key_Return, key.Key_Enter) and isinstance(self.focusWidget(), Thumb):
            self.focusWidget().click()  # type: ignore[attr-defined]
        else:
            super().keyPressEvent(event)


class GalleryStrip(QWidget, style.Themed):
    """Five thumbnails and a button for all; what is chosen is always among the five."""

    chosen = Signal(str)

    def __init__(self, items: Sequence[GalleryItem], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[GalleryItem] = []
        self._value = ""
        self.thumbs: list[Thumb] = []
        self.popover: GalleryPopover | None = None
        self.all_button = Button("All")
        self.all_button.clicked.connect(self.open_all)
        self._pictures = row(spacing=6)
        self._buttons = row(self.all_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(style.px(8))
        whole.addLayout(self._pictures)
        whole.addLayout(self._buttons)
        self.set_items(items)

    def add_button(self, button: QWidget) -> QWidget:
        """Put a button (Draw, Import) before "All", and return it."""
        self._buttons.insertWidget(self._buttons.count() - 1, button)
        return button

    def set_items(self, items: Sequence[GalleryItem]) -> None:
        """Other distributions, in this order."""
        self._items = list(items)
        self.all_button.setText(f"All {len(self._items)}")
        self._rebuild()

    def value(self) -> str:
        """The name of what is chosen; "" for what is not in the gallery."""
        return self._value

    def set_value(self, name: str) -> None:
        """Choose without emitting."""
        self._value = name
        if name in [item.name for item in self._items] and name not in [t.item.name for t in self.thumbs]:
            self._rebuild()
        for thumb in self.thumbs:
            thumb.setChecked(thumb.item.name == name)

    def _rebuild(self) -> None:
        for thumb in self.thumbs:
            self._pictures.removeWidget(thumb)
            thumb.hide()
            thumb.deleteLater()
        items = self._items[:IN_STRIP]
        chosen = [item for item in self._items[IN_STRIP:] if item.name == self._value]
        if chosen:
            items[-1:] = chosen
        self.thumbs = [Thumb(item, side=48, titled=False, parent=self) for item in items]
        for thumb in self.thumbs:
            thumb.setChecked(thumb.item.name == self._value)
            thumb.clicked.connect(lambda _=False, name=thumb.item.name: self._choose(name))
            self._pictures.addWidget(thumb)

    def _choose(self, name: str) -> None:
        self.set_value(name)
        self.chosen.emit(name)

    def open_all(self) -> None:
        """Open the whole gallery."""
        self._open(self._items)

    def open_pictures(self) -> None:
        """Open the sets of pictures."""
        self._open([item for item in self._items if item.sheet is not None])

    def _open(self, items: Sequence[GalleryItem]) -> None:
        self.popover = GalleryPopover(items, self._value, self)
        self.popover.chosen.connect(self._choose)
        self.popover.open_beside(self)

    def set_theme(self, theme: Theme) -> None:
        """Thumbnails are drawn anew in the colours of `theme`."""
        for thumb in self.thumbs:
            thumb.updateGeometry()
            thumb.update()
