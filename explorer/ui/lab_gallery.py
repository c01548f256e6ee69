"""The gallery of laboratories and scenes: a card for each, by section."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from explorer.labs import LABS, SECTIONS
from explorer.scenes import SCENES
from explorer.ui import style
from explorer.ui.labels import Button, label, row

LEAST_CARD = 230
SHORT = 45  # a sentence of fewer letters says too little alone


@dataclass(frozen=True)
class Entry:
    """What a card stands for: a name of its kind ("lab" or "scene"), and its words."""

    kind: str
    name: str
    title: str
    about: str


def sections() -> dict[str, list[Entry]]:
    """Heading -> the laboratories under it, then the scenes."""
    out = {
        heading: [
            Entry("lab", n, LABS[n].title, _sentence(LABS[n].about)) for n in LABS if LABS[n].section == key
        ]
        for key, heading in SECTIONS.items()
    }
    for scene in SCENES:
        heading = f"Scenes: {scene.heading}"
        out.setdefault(heading, []).append(Entry("scene", scene.name, scene.title, _sentence(scene.words)))
    return {heading: entries for heading, entries in out.items() if entries}


def _sentence(text: str) -> str:
    """The first sentence, and the next ones where it is very short."""
    said = ""
    for part in re.split(r"(?<=[.!?]) ", text.replace("al. ", "al.\u00a0")):
        said = f"{said} {part}".strip()
        if len(said) >= SHORT:
            break
    return said


class Tile(QFrame):
    """A card that is pressed to open what it tells of."""

    pressed = Signal()

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry
        self.setProperty("role", "tile")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(entry.title)
        title, about = label(entry.title, "title"), label(entry.about, "small")
        about.setWordWrap(True)
        about.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(style.px(14), style.px(10), style.px(14), style.px(12))
        column.setSpacing(style.px(4))
        column.addWidget(title)
        column.addWidget(about, 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.pressed.emit()
        else:
            super().keyPressEvent(event)


class LabGallery(QWidget):
    """All of them; `chosen` says which kind and which name."""

    chosen = Signal(str, str)
    closed = Signal()

    def __init__(self, found: Mapping[str, Sequence[Entry]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tiles: list[Tile] = []
        self._grids: list[tuple[QLabel, QGridLayout, list[Tile]]] = []
        self._columns = 0
        inside = self._inside = QWidget()
        inside.setObjectName("column")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, style.px(8), style.px(8))
        self._column.setSpacing(style.px(8))
        for heading, entries in found.items():
            self._add(heading, entries)
        self._column.addStretch(1)
        back = Button("Back to the stage", "Close the gallery (Esc)")
        back.clicked.connect(self.closed)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(style.px(4), 0, 0, 0)
        whole.setSpacing(style.px(8))
        whole.addLayout(row(label("Laboratories", "headline"), 1, back))
        whole.addWidget(area, 1)

    def _add(self, heading: str, entries: Sequence[Entry]) -> None:
        self._column.addSpacing(style.px(4))
        words = label(heading, "muted")
        self._column.addWidget(words)
        grid = QGridLayout()
        grid.setSpacing(style.px(10))
        tiles = [Tile(entry) for entry in entries]
        for tile in tiles:
            tile.setParent(self._inside)
            tile.pressed.connect(lambda e=tile.entry: self.chosen.emit(e.kind, e.name))
        self.tiles += tiles
        self._grids.append((words, grid, tiles))
        self._column.addLayout(grid)

    def offer(self, wanted: Callable[[Entry], bool]) -> None:
        """Show the cards of these alone."""
        for heading, _, tiles in self._grids:
            for tile in tiles:
                tile.setVisible(wanted(tile.entry))
            heading.setVisible(any(wanted(tile.entry) for tile in tiles))
        self._arrange(self._columns or 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = max(1, min(5, (self.width() - style.px(20)) // style.px(LEAST_CARD)))
        if columns != self._columns:
            self._arrange(columns)

    def _arrange(self, columns: int) -> None:
        for _, grid, tiles in self._grids:
            for tile in tiles:
                grid.removeWidget(tile)
            shown = [tile for tile in tiles if not tile.isHidden()]
            for i, tile in enumerate(shown):
                grid.addWidget(tile, i // columns, i % columns)
            for c in range(max(columns, self._columns)):
                grid.setColumnStretch(c, 1 if c < columns else 0)
        self._columns = columns

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FontChange:
            self._columns = 0
        return super().event(event)
