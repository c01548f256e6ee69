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

from explorer.figures import Canvas, Figure
from explorer.labs import Lab, Report
from explorer.ui import style
from explorer.ui.figure_grid import arrange
from explorer.ui.figure_views import DrawnCard, EquationCard, FigureCard, card_for
from explorer.ui.labels import label, row

#: A hyphen that stands for a minus: before a digit, not within a word or an exponent.
_MINUS = re.compile(r"(?<![\w)])-(?=[\d.])")


class FigureBoard(QWidget):
    """Figures in a grid; widgets stay from report to report, so that nothing flickers."""

    asked = Signal(object, str)  # the figure and what its menu offers
    dragged = Signal(object, float, float)
    released = Signal()
    pointed = Signal(float, float)
    painted = Signal(object, object)  # a canvas and the grey levels on it

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[FigureCard] = []
        self.enlarged: int | None = None
        self._room = (100, 100)

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

    def enlarge(self, i: int | None) -> None:
        """Show one figure alone, or all again."""
        self.enlarged = None if i == self.enlarged else i
        self.lay_out()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:  # an equation has been typeset: it knows its height now
            self.lay_out()
        return False

    def set_room(self, width: int, height: int) -> None:
        """How much of it can be seen at once."""
        self._room = (width, height)
        self.lay_out()

    def lay_out(self) -> None:
        """Bring every card to its place."""
        width, height = self._room
        for i, card in enumerate(self.cards):
            card.setVisible(self.enlarged in (None, i))
        if self.enlarged is not None:
            self.cards[self.enlarged].setGeometry(0, 0, width, height)
            self.setMinimumHeight(0)
            return
        total = 0
        for _ in range(2):  # how high a table or words are depends on how wide they turn out
            widths = [card.width() for card in self.cards]
            boxes, total = arrange([card.wish() for card in self.cards], width, height, style.px(100) / 100)
            for card, box in zip(self.cards, boxes, strict=True):
                card.setGeometry(*box)
            if widths == [card.width() for card in self.cards]:
                break
        self.setMinimumHeight(total if total > height else 0)


def _kind(figure: Figure) -> type[FigureCard]:
    from explorer.figures import Equation

    return EquationCard if isinstance(figure, Equation) else DrawnCard


class LabPage(QWidget):
    """Title, words, progress, figures; or a sentence where there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.words = label("", "headline"), label("", "muted")
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.section = label("", "muted")
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
        column = QVBoxLayout(self)
        column.setContentsMargins(style.px(4), 0, 0, 0)
        column.setSpacing(style.px(6))
        column.addLayout(row(self.title, 1, self.section))
        column.addWidget(self.note)
        column.addWidget(self.words)
        column.addWidget(self.progress)
        column.addWidget(self.message, 1)
        column.addWidget(self.area, 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(event, QResizeEvent):
            self.board.set_room(event.size().width() - 2, event.size().height() - 2)
        return False

    def set_lab(self, lab: Lab, section: str) -> None:
        """Which laboratory it is."""
        self.title.setText(lab.title)
        self.section.setText(section)
        self.board.enlarged = None
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
        self.words.setText(_MINUS.sub("−", report.words) if report is not None else "")
        self.words.setVisible(bool(self.words.text()))
        self.board.set_figures(report.figures if report is not None else ())

    def show_progress(self, running: bool, progress: float) -> None:
        """How far the run is."""
        self.progress.setVisible(running)
        self.progress.setValue(round(1000 * progress))
