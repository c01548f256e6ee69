"""Figures for a paper or a slide: how wide, how large the words, what with; seen before it is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QImage, QPixmap
from PySide6.QtWidgets import QDialog, QLabel, QVBoxLayout, QWidget

from explorer.base.errors import sentence
from explorer.base.workers import LatestWorker
from explorer.figures.figure import Figure
from explorer.figures.files import Source
from explorer.figures.papers import Choice, Paper
from explorer.figures.theme import THEMES
from explorer.figures.theme import theme as theme_named
from explorer.ui.figures import render as figure_render
from explorer.ui.widgets import style
from explorer.ui.widgets.card import Combo, Segmented
from explorer.ui.widgets.forms import Form
from explorer.ui.widgets.labels import Button, label, row

PREVIEW = (460, 380)
LOOK_MS = 40
ALL = "All figures"
KINDS = {".pdf": "PDF", ".svg": "SVG", ".png": "PNG"}


@dataclass(frozen=True)
class Wanted:
    """What is to be saved, and how."""

    figures: tuple[Figure, ...]
    ending: str
    theme: str
    paper: Paper


class FigureDialog(QDialog):
    """Shows figures as they will be on paper; `save` is called with what is wanted."""

    closed = Signal()

    def __init__(
        self,
        parent: QWidget,
        figures: Sequence[Figure],
        source: Source,
        save: Callable[[Wanted], None],
        *,
        chosen: Figure | None = None,
        choice: Choice | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Figure for a paper or a slide")
        self._figures, self.source, self._save = tuple(figures), source, save
        self.which = Combo()
        self.which.setAccessibleName("Figure")
        for title in [
            *(figure.title for figure in self._figures),
            *([ALL] if len(self._figures) > 1 else []),
        ]:
            self.which.addItem(title)
        self.which.setCurrentIndex(self._figures.index(chosen) if chosen in self._figures else 0)
        self.kind = Segmented(list(KINDS.items()))
        self.kind.set_value(".pdf")
        self.theme = Segmented([(name, name.capitalize()) for name in THEMES])
        self.theme.set_value("light")
        self.form = Form(choice or Choice())
        self.preview = QLabel()
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setFixedSize(*map(style.px, PREVIEW))
        self.facts, self.state = label("", "title"), label("", "small")
        self.state.setWordWrap(True)
        self.save_button = Button("Save…", "Choose where, and write it", primary=True)
        self.close_button = Button("Close")
        self._lay_out()
        self._worker = LatestWorker("figure-preview")
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._look)
        self._clock.start(LOOK_MS)
        self._connect()
        self._draw()

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        for words in (self.preview, self.facts, self.state):
            left.addWidget(words)
        left.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(style.px(9))
        for widget in (self.which, self.form, self.kind, self.theme):
            right.addWidget(widget)
        right.addStretch(1)
        middle = row(spacing=18)
        middle.addLayout(left)
        middle.addLayout(right, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(*[style.px(18)] * 4)
        whole.setSpacing(style.px(12))
        whole.addLayout(middle, 1)
        whole.addLayout(row(1, self.close_button, self.save_button))
        self.resize(style.px(860), style.px(520))

    def _connect(self) -> None:
        self.form.edited.connect(self._edit)
        self.form.refused.connect(self.state.setText)
        self.which.currentIndexChanged.connect(lambda _: self._draw())
        self.kind.changed.connect(lambda _: self._draw())
        self.theme.changed.connect(lambda _: self._draw())
        self.save_button.clicked.connect(lambda: self._save(self.wanted))
        self.close_button.clicked.connect(self.close)

    @property
    def choice(self) -> Choice:
        """What is set, to begin with the next time."""
        made: Choice = self.form.owner()
        return made

    @property
    def wanted(self) -> Wanted:
        """What is to be saved."""
        index = self.which.currentIndex()
        figures = self._figures if index == len(self._figures) else (self._figures[index],)
        return Wanted(figures, self.kind.value(), self.theme.value(), self.choice.paper)

    def _edit(self, choice: Choice) -> None:
        self.form.set_owner(choice.after(self.choice))
        self._draw()

    def _draw(self) -> None:
        """Ask for the picture of what is wanted now."""
        wanted = self.wanted
        theme = theme_named(wanted.theme)
        room = QSize(*map(style.px, PREVIEW)) * self.devicePixelRatioF()
        fitted = partial(figure_render.preview, wanted.figures, self.source, theme, wanted.paper, room)
        self._worker.submit("preview", fitted)

    def _look(self) -> None:
        for _, result, error in self._worker.poll():
            self.save_button.setEnabled(error is None)
            if error is None:
                self._show(*result)
            else:
                self.preview.clear()
                self.facts.setText("")
                self.state.setText(sentence(error, "The figure", "drawn"))

    def _show(self, image: QImage, size: tuple[float, float]) -> None:
        image.setDevicePixelRatio(self.devicePixelRatioF())
        self.preview.setPixmap(QPixmap.fromImage(image))
        self.facts.setText(f"{size[0]:.0f} × {size[1]:.0f} mm · text of {self.choice.font:g} pt")
        self.state.setText("")

    def is_current(self) -> bool:
        """Whether the picture is that of what is set."""
        return self._worker.idle

    def closeEvent(self, event: QCloseEvent) -> None:
        self._clock.stop()
        self._worker.close()
        self.closed.emit()
        event.accept()

    def reject(self) -> None:
        """Esc closes it like its button."""
        self.close()
