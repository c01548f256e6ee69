"""Icons as paths in a 24 x 24 box, painted in the colour of their button: sharp at any scale, no files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

# M x y move, L x y line, C six numbers curve, Z close, O cx cy r circle, R x y w h radius rectangle,
# A cx cy r start span an arc in degrees, counter-clockwise from three o'clock.
# Those in _FILLED are filled; all others are drawn as lines.
_LINES = {
    "loop": "A 12 12 7.5 20 130 M 7.2 3.4 L 5.5 8.3 L 10.4 9 "
    "A 12 12 7.5 200 130 M 16.8 20.6 L 18.5 15.7 L 13.6 15",
    "reset": "A 12 12.5 7.5 -150 -310 M 4.6 3.8 L 5 9 L 10.2 8.4",
    "close": "M 6 6 L 18 18 M 18 6 L 6 18",
    "right": "M 9 5.5 L 15.5 12 L 9 18.5",
    "left": "M 15 5.5 L 8.5 12 L 15 18.5",
    "down": "M 5.5 9 L 12 15.5 L 18.5 9",
    "up": "M 5.5 15 L 12 8.5 L 18.5 15",
    "search": "O 10.5 10.5 6 M 15 15 L 20.5 20.5",
    "plus": "M 12 5 L 12 19 M 5 12 L 19 12",
    "minus": "M 5 12 L 19 12",
    "check": "M 5 12.5 L 10 17.5 L 19.5 7",
    "draw": "M 4.5 19.5 L 5.5 15 L 16 4.5 L 19.5 8 L 9 18.5 Z M 13.5 7 L 17 10.5",
    "import": "M 12 4 L 12 15 M 7.5 11 L 12 15.5 L 16.5 11 M 4.5 16 L 4.5 20 L 19.5 20 L 19.5 16",
    "export": "M 12 15.5 L 12 4.5 M 7.5 8.5 L 12 4 L 16.5 8.5 M 4.5 16 L 4.5 20 L 19.5 20 L 19.5 16",
    "grid": "R 4 4 6.5 6.5 1.5 R 13.5 4 6.5 6.5 1.5 R 4 13.5 6.5 6.5 1.5 R 13.5 13.5 6.5 6.5 1.5",
    "fit": "M 4 9 L 4 4 L 9 4 M 15 4 L 20 4 L 20 9 M 20 15 L 20 20 L 15 20 M 9 20 L 4 20 L 4 15",
    "split": "R 3.5 5 17 14 2 M 12 5 L 12 19",
    "copy": "R 8.5 8.5 11.5 11.5 2 M 15.5 5 L 15.5 4 L 4 4 L 4 15.5 L 5.5 15.5",
    "swap": "M 4 8.5 L 19 8.5 M 15 4.5 L 19 8.5 L 15 12.5 M 20 16 L 5 16 M 9 12 L 5 16 L 9 20",
    "info": "O 12 12 8.5 M 12 11 L 12 16.5 M 12 7.4 L 12 7.6",
    "warn": "M 12 4 L 21 19.5 L 3 19.5 Z M 12 10 L 12 14.5 M 12 17 L 12 17.2",
    "error": "O 12 12 8.5 M 9 9 L 15 15 M 15 9 L 9 15",
    "help": "O 12 12 8.5 M 9.4 9.6 C 9.6 6.4 14.6 6.4 14.6 9.6 C 14.6 11.6 12 11.8 12 13.8 M 12 16.8 L 12 17",
    "sun": "O 12 12 4 M 12 2.5 L 12 5 M 12 19 L 12 21.5 M 2.5 12 L 5 12 M 19 12 L 21.5 12 M 5.3 5.3 L 7 7 "
    "M 17 17 L 18.7 18.7 M 5.3 18.7 L 7 17 M 17 7 L 18.7 5.3",
    "moon": "M 19.5 14.5 C 13 17 7 11 9.5 4.5 C 1.5 8 4 20 12 20 C 15.5 20 18.3 17.8 19.5 14.5 Z",
    "eye": "M 2.5 12 C 6.5 4.8 17.5 4.8 21.5 12 C 17.5 19.2 6.5 19.2 2.5 12 Z O 12 12 3",
    "screen": "R 3 4.5 18 12.5 2 M 8.5 20.5 L 15.5 20.5 M 12 17 L 12 20.5",
    "undo": "M 8.5 4.5 L 4 9 L 8.5 13.5 M 4 9 L 14 9 C 22.5 9 22.5 19.5 14 19.5 L 9 19.5",
    "redo": "M 15.5 4.5 L 20 9 L 15.5 13.5 M 20 9 L 10 9 C 1.5 9 1.5 19.5 10 19.5 L 15 19.5",
    "die": "R 4 4 16 16 3 "
    "M 8.5 8.5 L 8.5 8.6 M 15.5 15.5 L 15.5 15.6 M 8.5 15.5 L 8.5 15.6 M 15.5 8.5 L 15.5 8.6",
    "menu": "M 4 7 L 20 7 M 4 12 L 20 12 M 4 17 L 20 17",
    "panel-left": "R 3.5 5 17 14 2 M 9 5 L 9 19",
    "panel-right": "R 3.5 5 17 14 2 M 15 5 L 15 19",
}
_FILLED = {
    "play": "M 7 4.5 L 19.5 12 L 7 19.5 Z",
    "play-back": "M 17 4.5 L 4.5 12 L 17 19.5 Z",
    "pause": "R 6 5 4.2 14 1 R 13.8 5 4.2 14 1",
    "stop": "R 6 6 12 12 1.5",
    "first": "R 5 5 2.6 14 0.8 M 19 5 L 9 12 L 19 19 Z",
    "last": "R 16.4 5 2.6 14 0.8 M 5 5 L 15 12 L 5 19 Z",
    "back": "M 13.4 5.5 L 4 12 L 13.4 18.5 Z R 16 5.5 2.4 13 0.8",
    "forward": "M 10.6 5.5 L 20 12 L 10.6 18.5 Z R 5.6 5.5 2.4 13 0.8",
    "record": "O 12 12 6.5",
    "drag": "O 9 6 1.6 O 15 6 1.6 O 9 12 1.6 O 15 12 1.6 O 9 18 1.6 O 15 18 1.6",
}
NAMES = (*_LINES, *_FILLED)


def _arc(path: QPainterPath, cx: float, cy: float, r: float, start: float, span: float) -> None:
    box = QRectF(cx - r, cy - r, 2 * r, 2 * r)
    path.arcMoveTo(box, start)
    path.arcTo(box, start, span)


def _curve(path: QPainterPath, a: float, b: float, c: float, d: float, e: float, f: float) -> None:
    path.cubicTo(QPointF(a, b), QPointF(c, d), QPointF(e, f))


# letter -> (how many numbers it takes, what it does)
_VERBS: dict[str, tuple[int, Callable[..., None]]] = {
    "M": (2, QPainterPath.moveTo),
    "L": (2, QPainterPath.lineTo),
    "C": (6, _curve),
    "Z": (0, QPainterPath.closeSubpath),
    "O": (3, lambda path, x, y, r: path.addEllipse(QPointF(x, y), r, r)),
    "R": (5, lambda path, x, y, w, h, r: path.addRoundedRect(QRectF(x, y, w, h), r, r)),
    "A": (5, _arc),
}


@cache
def outline(name: str) -> QPainterPath:
    """The path of an icon in its 24 x 24 box."""
    words = iter((_LINES.get(name) or _FILLED[name]).split())
    path = QPainterPath()
    for letter in words:
        count, verb = _VERBS[letter]
        verb(path, *(float(next(words)) for _ in range(count)))
    return path


def paint(painter: QPainter, name: str, box: QRectF, colour: QColor) -> None:
    """Draw icon `name` into the square `box`."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(box.topLeft())
    painter.scale(box.width() / 24, box.height() / 24)
    if name in _FILLED:
        painter.fillPath(outline(name), colour)
    else:
        pen = QPen(colour, 2.0)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(outline(name), pen)
    painter.restore()


def icon(name: str, colour: str, size: int = 16) -> QIcon:
    """A QIcon of one colour, for menus and buttons that Qt paints; sharp on screens of double density."""
    pixmap = QPixmap(QSize(size, size) * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint(painter, name, QRectF(0, 0, size, size), QColor(colour))
    painter.end()
    return QIcon(pixmap)
