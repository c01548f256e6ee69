"""The page of a laboratory in the middle of the window: its title, its words, and its figures as large as fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QProgressBar, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from explorer.base.digits import with_minus
from explorer.figures.figure import Canvas, Equation, Figure, Picture, Plot, Table
from explorer.labs import Lab, Report
from explorer.ui.figures.views import DrawnCard, EquationCard, FigureCard, card_for
from explorer.ui.labs.layout import Room, placed
from explorer.ui.widgets import style
from explorer.ui.widgets.labels import Badge, Button, label, row

#: Lines that the words above the figures take unless one asks for more.
LINES = 2


class FigureBoard(QWidget):
    """The figures: one takes the room, the others are small cards, a press on which makes them the main one.

    Widgets stay from report to report, so that nothing flickers.
    """

    asked = Signal(object, str)  # the figure and what its menu offers
    dragged = Signal(object, float, float)
    released = Signal()
    pointed = Signal(float, float)
    painted = Signal(object, object)  # a canvas and the grey levels on it
    arranged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[FigureCard] = []
        self.enlarged: int | None = None
        self._room = (100, 100)
        self._arranging = False
        self._named: tuple[str, ...] = ()
        self._chosen: tuple[int, str] | None = (
            None  # place and title of the figure that a press made the main one
        )
        self._folds: dict[str, bool] = {}  # by title: the tables that a press has folded or unfolded

    def begin(self, named: Sequence[str]) -> None:
        """Another laboratory, whose main figures have titles that begin so."""
        self._named, self._chosen, self.enlarged = tuple(named), None, None
        self._folds.clear()

    def set_figures(self, figures: Sequence[Figure]) -> None:
        """Show these; a card keeps its place as long as its figure is of the same kind."""
        while len(self.cards) > len(figures):
            self._drop(self.cards.pop())
        for i, figure in enumerate(figures):
            new = type(self.cards[i]) is not _kind(figure) if i < len(self.cards) else True
            if new:
                if i < len(self.cards):
                    self._drop(self.cards[i])
                self.cards[i : i + 1] = [self._made(figure, i)]
            self.cards[i].set_figure(figure)
        if self.enlarged is not None and self.enlarged >= len(self.cards):
            self.enlarged = None
        self.lay_out()

    def _made(self, figure: Figure, i: int) -> FigureCard:
        card = card_for(figure)
        card.setParent(self)
        card.enlarged.connect(partial(self.enlarge, i))
        card.chosen.connect(partial(self.choose, i))
        card.asked.connect(lambda what, card=card: self.asked.emit(card.figure, what))
        if isinstance(card, DrawnCard):
            card.dragged.connect(self.dragged)
            card.released.connect(self.released)
            card.pointed.connect(self.pointed)
            card.painted.connect(self.painted)
            card.place, card.levels = self.place, self.levels
        elif isinstance(card, EquationCard):
            card.view.installEventFilter(self)
        card.show()
        return card

    def place(self, handle: Any) -> tuple[float, float]:
        """Where a handle is (the page replaces this)."""
        xy: tuple[float, float] = handle.xy
        return xy

    def levels(self, canvas: Canvas) -> np.ndarray | None:
        """What is drawn on a canvas (the page replaces this)."""
        return None

    def _drop(self, card: FigureCard) -> None:
        card.hide()
        card.deleteLater()

    # --- which figure has the room ---------------------------------------------------------------------------

    def main(self) -> list[int]:
        """The places of the plots and images that have the room now."""
        drawn = [i for i, card in enumerate(self.cards) if isinstance(card.figure, Plot | Picture)]
        usual = [i for i in drawn if _begins(self.cards[i].figure, self._named)] or drawn[:1]
        if self._chosen is None:
            return usual
        place, title = self._chosen
        titled = [i for i in drawn if getattr(self.cards[i].figure, "title", "") == title]
        now = titled[0] if titled else place if place in drawn else None
        return usual if now is None or now in usual else [now]

    def choose(self, i: int) -> None:
        """Make a plot or an image the main figure; fold or unfold a table."""
        figure = self.cards[i].figure
        if isinstance(figure, Table):
            self._folds[figure.title] = not self.cards[i].brief
        elif isinstance(figure, Plot | Picture):
            self._chosen = (i, figure.title)
        self.lay_out()

    def _is_brief(self, i: int, main: Sequence[int]) -> bool:
        figure = self.cards[i].figure
        if i == self.enlarged or not main:
            return False
        if isinstance(figure, Table):
            return self._folds.get(figure.title, not _begins(figure, self._named))
        return isinstance(figure, Plot | Picture) and i not in main

    def enlarge(self, i: int | None) -> None:
        """Show one figure alone, or all again."""
        self.enlarged = None if i == self.enlarged else i
        self.lay_out()

    # --- where they are --------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.Resize and not self._arranging
        ):  # an equation is typeset: it knows its height
            self.lay_out()
        return False

    def set_room(self, width: int, height: int) -> None:
        """How much of it can be seen at once."""
        self._room = (width, height)
        self.lay_out()

    def lay_out(self) -> None:
        """Bring every card to its place."""
        width, height = self._room
        main = self.main()
        for i, card in enumerate(self.cards):
            card.set_brief(self._is_brief(i, main))
            card.setVisible(self.enlarged in (None, i))
        if self.enlarged is not None:
            self.cards[self.enlarged].setGeometry(0, 0, width, height)
            self.setMinimumHeight(0)
        else:
            self._arrange(main, Room(width, height, style.px(100) / 100))
        self.arranged.emit()

    def _arrange(self, main: Sequence[int], room: Room) -> None:
        self._arranging, total = True, 0
        wishes = [card.wish() for card in self.cards]
        for _ in range(3):  # how high a table or an equation is depends on how wide it turns out
            boxes, total = placed(wishes, main, room)
            for card, box in zip(self.cards, boxes, strict=True):
                card.setGeometry(*box)
            before, wishes = wishes, [card.wish() for card in self.cards]
            if wishes == before:
                break
        self.setMinimumHeight(total if total > room.height else 0)
        self._arranging = False


def _begins(figure: Figure | None, titles: Sequence[str]) -> bool:
    return figure is not None and figure.title.startswith(tuple(titles))


def _kind(figure: Figure) -> type[FigureCard]:
    return EquationCard if isinstance(figure, Equation) else DrawnCard


def sentences(words: str) -> list[str]:
    """The sentences of a text; a point within an abbreviation or before a small letter ends none."""
    return [part for part in re.split(r"(?<=[.!?]) (?=[^a-z])", words.strip()) if part]


def hint_of(picture: Picture, takes_particle: bool) -> str:
    """What the mouse can do in an image: drag its handles, draw, or choose a particle; "" for nothing."""
    if picture.handles:
        return "Drag the disc" if len(picture.handles) == 1 else "Drag the discs"
    if picture.canvas is not None:
        return "Draw in it; the right button erases"
    return "Click a particle to choose it" if takes_particle else ""


class LabPage(QWidget):
    """Title, words, progress, figures; or a sentence where there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.words = label("", "headline"), label("", "muted")
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.section = label("", "muted")
        #: What the mouse can do in the main figure.
        self.hint = Badge(kind="good")
        self.more = Button("", "The other sentences", quiet=True)
        self.more.clicked.connect(self._unfold)
        self._sentences: list[str] = []
        self._unfolded = False
        self.note = label("")
        self.note.setWordWrap(True)
        self.note.hide()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        keep = self.progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # or the figures would jump when a run ends
        self.progress.setSizePolicy(keep)
        self.message = label("", "muted")
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.board = FigureBoard()
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(self.board)
        self.area.viewport().installEventFilter(self)
        self._takes_particle = False
        self.board.arranged.connect(self._show_hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(style.px(4), 0, 0, 0)
        column.setSpacing(style.px(6))
        column.addLayout(row(self.title, 1, self.hint, self.section))
        column.addWidget(self.note)
        said = row(self.words, self.more)
        said.setAlignment(self.more, Qt.AlignmentFlag.AlignBottom)
        said.setStretch(0, 1)
        column.addLayout(said)
        column.addWidget(self.progress)
        column.addWidget(self.message, 1)
        column.addWidget(self.area, 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(event, QResizeEvent):
            self.board.set_room(event.size().width() - 2, event.size().height() - 2)
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell()

    def set_lab(self, lab: Lab, section: str) -> None:
        """Which laboratory it is."""
        self._unfolded = False
        self._takes_particle = hasattr(lab, "particle")
        self.title.setText(lab.title)
        self.section.setText(section)
        self.board.begin(lab.main)
        self.set_note("")

    def set_note(self, text: str) -> None:
        """The words of the scene that opened it, above its own."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def show_report(self, report: Report | None, message: str) -> None:
        """Show the figures, or the sentence that stands in their place."""
        self.message.setText(message)
        self.message.setVisible(report is None)
        self.area.setVisible(report is not None)
        self._sentences = sentences(with_minus(report.words)) if report is not None else []
        self._tell()
        self.board.set_figures(report.figures if report is not None else ())

    def _tell(self) -> None:
        """Show the sentences that fit on LINES lines (one at least), and offer the others."""
        shown, metrics = len(self._sentences), self.words.fontMetrics()
        room = max(self.width() - self.more.sizeHint().width() - style.px(24), 100)
        most = LINES * metrics.lineSpacing() + 2
        while not self._unfolded and shown > 1 and self._high(" ".join(self._sentences[:shown]), room) > most:
            shown -= 1
        self.words.setText(" ".join(self._sentences[:shown]))
        self.words.setVisible(shown > 0)
        left = len(self._sentences) - shown
        self.more.setText("Less" if self._unfolded else f"{left} more")
        self.more.setVisible(left > 0 or self._unfolded)

    def _high(self, text: str, room: int) -> int:
        return (
            self.words.fontMetrics().boundingRect(0, 0, room, 10_000, Qt.TextFlag.TextWordWrap, text).height()
        )

    def _unfold(self) -> None:
        self._unfolded = not self._unfolded
        self._tell()

    def _show_hint(self) -> None:
        """Say what can be dragged, drawn on or clicked in what has the room."""
        words = ""
        for i in self.board.main():
            figure = self.board.cards[i].figure
            if isinstance(figure, Picture):
                words = words or hint_of(figure, self._takes_particle)
        self.hint.set(words)

    def show_progress(self, running: bool, progress: float) -> None:
        """How far the run is."""
        self.progress.setVisible(running)
        self.progress.setValue(round(1000 * progress))
