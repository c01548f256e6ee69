"""Drawing a distribution with the mouse: a board laid over the stage, and a strip that says how."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QWidget

from explorer.data.distributions.points import Points
from explorer.data.imports import from_strokes
from explorer.figures.camera import Camera
from explorer.figures.marks import Curve, Mark, Text
from explorer.figures.marks import Points as Dots
from explorer.figures.theme import theme as theme_named
from explorer.ui.painting.canvas_painter import PainterCanvas
from explorer.ui.painting.words import NEW_DATA
from explorer.ui.widgets import style
from explorer.ui.widgets.host import Host, widget_of
from explorer.ui.widgets.labels import Button, label, row

#: Half the height of the board: the processes expect data of about unit size.
REACH = 2.6
SPACING, JITTER = 0.04, 0.05
#: Fewer points than this are no distribution one can see.
FEWEST = 2
HINT = "Draw with the left button. The line's density becomes the data."


def _count(strokes: int, points: int) -> str:
    return f"{strokes} {'stroke' if strokes == 1 else 'strokes'}, {points} points"


class Strip(QFrame):
    """The words and buttons over the board."""

    undone, cleared, cancelled, done = Signal(), Signal(), Signal(), Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self.words = label(HINT)
        self.words.setWordWrap(True)
        self.undo = Button("Undo stroke", "Take the last stroke back (Ctrl+Z)")
        self.clear = Button("Clear", "Take all strokes back")
        self.cancel = Button("Cancel", "Keep the data as it was (Esc)")
        self.ready = Button("Done", "Use the drawing (Enter)", primary=True)
        buttons = (self.undo, self.clear, self.cancel, self.ready)
        signals = (self.undone, self.cleared, self.cancelled, self.done)
        for button, signal in zip(buttons, signals, strict=True):
            button.clicked.connect(signal)
        line = row(self.words, spacing=12)
        line.setStretch(0, 1)
        line.addLayout(row(*buttons))
        line.setContentsMargins(style.px(12), style.px(8), style.px(8), style.px(8))
        self.setLayout(line)

    def show_count(self, strokes: int, points: int) -> None:
        """How much has been drawn."""
        drawn = strokes > 0
        self.words.setText(_count(strokes, points) if drawn else HINT)
        for button in (self.undo, self.clear):
            button.setEnabled(drawn)
        self.ready.setEnabled(points >= FEWEST)


class Board(QWidget, style.Themed):
    """An empty plane to draw on. It shows the points that the strokes will become."""

    changed = Signal()

    def __init__(self, parent: QWidget, theme_name: str) -> None:
        super().__init__(parent)
        self._stage = parent
        self._theme = theme_named(theme_name)
        self.strokes: list[np.ndarray] = []
        self.canvas = PainterCanvas(self)
        self.canvas.set_camera(Camera(height=2 * REACH))
        self.canvas.drawing = True
        self.canvas.stroke.connect(self._add)
        self.strip = Strip(self)
        self.strip.undone.connect(self.undo)
        self.strip.cleared.connect(self.clear)
        parent.installEventFilter(self)
        self.setGeometry(parent.rect())
        self._update()

    def points(self) -> np.ndarray:
        """The points (k, 2) that the strokes become."""
        return from_strokes(self.strokes, SPACING) if self.strokes else np.empty((0, 2))

    def undo(self) -> None:
        """Take the last stroke back."""
        self.strokes = self.strokes[:-1]
        self._update()

    def clear(self) -> None:
        """Take all strokes back."""
        self.strokes = []
        self._update()

    def remove(self) -> None:
        """Give the stage back."""
        self._stage.removeEventFilter(self)
        self.hide()
        self.deleteLater()

    def _add(self, stroke: np.ndarray) -> None:
        inside = np.clip(stroke, -4 * REACH, 4 * REACH)
        if np.isfinite(inside).all():
            self.strokes.append(inside)
            self._update()

    def _update(self) -> None:
        points = self.points()
        marks: list[Mark] = [*_paper()]
        if len(points):
            marks.append(Dots(points.astype(np.float32), "data", 5.0, 0.9))
        self.canvas.show_marks(marks, self._theme)
        self.strip.show_count(len(self.strokes), len(points))
        self.changed.emit()

    def set_theme(self, theme: object) -> None:
        self._theme = theme  # type: ignore[assignment]
        self._update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self.parent():
            self.setGeometry(self._stage.rect())
        return False

    def resizeEvent(self, event: object) -> None:
        self.canvas.setGeometry(self.rect())
        margin = style.px(12)
        width = min(self.width() - 2 * margin, style.px(640))
        height = max(self.strip.heightForWidth(width), self.strip.sizeHint().height())
        self.strip.setGeometry((self.width() - width) // 2, margin, width, height)
        self.strip.raise_()


def _paper() -> list[Mark]:
    """A faint grid of unit squares, and the circle of one standard deviation to judge the size by."""
    lines = []
    for i in range(-6, 7):
        lines += [[i, -40], [i, 40], [np.nan, np.nan], [-40, i], [40, i], [np.nan, np.nan]]
    turn = np.linspace(0, 2 * np.pi, 121)
    circle = np.sqrt(2) * np.column_stack([np.cos(turn), np.sin(turn)])
    return [
        Curve(np.array(lines, np.float32), "line", 1.0, 0.6),
        Curve(circle.astype(np.float32), "muted", 1.0, 0.8, dash=True),
        Text((0.0, -1.5), "unit standard deviation", "muted", 11.0, "n"),
    ]


class DrawTool(QObject):
    """Starts and ends drawing on stage A. The drawing becomes the data in one step of undo."""

    def __init__(self, host: Host) -> None:
        super().__init__(widget_of(host))
        self._host = host
        self.board: Board | None = None
        self._was_playing = False

    @property
    def active(self) -> bool:
        """Whether a drawing is being made."""
        return self.board is not None

    def start(self) -> None:
        """Lay the board over the stage."""
        if self.board is not None:
            return
        head = self._host.session.playhead
        self._was_playing, head.playing = head.playing, False
        board = Board(self._host.stages["A"].canvas, self._host.theme_name)
        board.strip.cancelled.connect(self.cancel)
        board.strip.done.connect(self.finish)
        self._keys_of(board)
        self.board = board
        board.show()
        board.raise_()
        board.canvas.setFocus()

    def _keys_of(self, board: Board) -> None:
        # the canvas's surface has the focus while one draws
        for widget in (board, board.canvas, *board.canvas.findChildren(QWidget)):
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc, Enter and Ctrl+Z mean the drawing while there is one, not what they mean in the window."""
        kinds = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        if self.board is None or not isinstance(event, QKeyEvent) or event.type() not in kinds:
            return False
        act = self._meaning(event)
        if act is None:
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            act()
        return True

    def _meaning(self, event: QKeyEvent):  # type: ignore[no-untyped-def]
        assert self.board is not None
        if event.matches(QKeySequence.StandardKey.Undo) or event.key() == Qt.Key.Key_Backspace:
            return self.board.undo
        return {
            Qt.Key.Key_Escape: self.cancel, Qt.Key.Key_Return: self.finish, Qt.Key.Key_Enter: self.finish,
        }.get(Qt.Key(event.key()))  # fmt: skip

    def cancel(self) -> None:
        """Keep the data as it was."""
        if self.board is not None:
            widget_of(self._host).setFocus()  # else the next button gets it from the board, with a ring
            self.board.remove()
            self.board = None
            self._host.session.playhead.playing = self._was_playing

    def finish(self) -> None:
        """Make the drawing the data."""
        if self.board is None:
            return
        points, strokes = self.board.points(), len(self.board.strokes)
        if len(points) < FEWEST:
            self._host.notices.show_notice("Nothing is drawn yet: draw a line, or cancel.", "warn")
            return
        self.cancel()
        note = f"Drawn with the mouse: {_count(strokes, len(points))}."
        data = Points(points=tuple(map(tuple, points.tolist())), jitter=JITTER, note=note)
        session = self._host.session
        session.set_data(data)
        session.playhead.seek(0.0)
        session.playhead.playing = True
        self._host.notices.show_notice(f"{note} {NEW_DATA[session.document.experiment.score.source]}")
        self._host.refresh()
