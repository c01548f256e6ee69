"""The gallery of laboratories and scenes: a card with a thumbnail for each, by section, and a field to search in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from explorer.figures.theme import Theme
from explorer.labs import LABS, SECTIONS
from explorer.session.scenes import SCENES
from explorer.ui.figures.thumbnails import SIZE, thumbnail
from explorer.ui.widgets import equation, style
from explorer.ui.widgets.labels import Button, label, row

LEAST_CARD, MOST_COLUMNS, GAP = 200, 6, 10
SHORT = 45  # a sentence of fewer letters says too little alone
#: What the names of Greek letters and of signs find.
_SPELLED = {
    "σ": "sigma", "α": "alpha", "β": "beta", "τ": "tau", "η": "eta", "λ": "lambda", "ε": "epsilon",
    "∇": "nabla gradient", "γ": "gamma", "φ": "phi", "π": "pi",
}  # fmt: skip
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


@dataclass(frozen=True)
class Entry:
    """What a card stands for: a name of its kind ("lab" or "scene"), its words, and more that a search finds."""

    kind: str
    name: str
    title: str
    about: str
    more: str = ""

    def matches(self, search: str) -> bool:
        """Whether every word that is searched for begins a word of it."""
        words = f" {plain(f'{self.title} {self.about} {self.more}')}"
        return all(f" {word}" in words for word in plain(search).split())


def plain(text: str) -> str:
    """Small letters and digits without accents, Greek letters also by their names; anything else is a gap."""
    small = unicodedata.normalize("NFKD", text.casefold().replace("ς", "σ"))
    spelled = "".join(
        f"{c} {_SPELLED[c]} " if c in _SPELLED else c for c in small if not unicodedata.combining(c)
    )
    return re.sub(r"[\W_]+", " ", spelled).strip()


def sections() -> dict[str, list[Entry]]:
    """Heading -> the laboratories under it, then the scenes."""
    out = {heading: [_lab(n) for n in LABS if LABS[n].section == key] for key, heading in SECTIONS.items()}
    for scene in SCENES:
        heading = f"Scenes: {scene.heading}"
        more = f"scene {scene.heading} {scene.words} {LABS[scene.lab].title if scene.lab else ''}"
        entry = Entry("scene", scene.name, scene.title, _sentence(scene.words), more)
        out.setdefault(heading, []).append(entry)
    return {heading: entries for heading, entries in out.items() if entries}


def _lab(name: str) -> Entry:
    lab = LABS[name]
    kinds = f"{'points' if lab.for_points else ''} {'images pictures' if lab.for_pictures else ''}"
    formula = f"{lab.equation} {equation.plain(lab.equation)}"
    more = f"{name} {lab.about} {SECTIONS[lab.section]} {lab.source} {kinds} {formula}"
    return Entry("lab", name, lab.title, _sentence(lab.about), more)


def _sentence(text: str) -> str:
    """The first sentence, and the next ones where it is very short."""
    said = ""
    for part in re.split(r"(?<=[.!?]) ", text.replace("al. ", "al.\u00a0")):
        said = f"{said} {part}".strip()
        if len(said) >= SHORT:
            break
    return said


class Tile(QFrame, style.Themed):
    """A card with a thumbnail, pressed to open what it tells of."""

    pressed = Signal()
    moved = Signal(int, int)  # an arrow key: columns and rows
    typed = Signal(str)

    def __init__(self, entry: Entry, parent: QWidget) -> None:
        super().__init__(parent)
        self.entry, self.reason = entry, ""
        self.setProperty("role", "tile")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._title, self._about = label(entry.title, "title"), label(entry.about, "small")
        self._needs = label("", "badge")
        for words in (self._title, self._about):
            words.setWordWrap(True)
            words.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = self._column = QVBoxLayout(self)
        column.setSpacing(style.px(4))
        column.addWidget(self._title)
        column.addWidget(self._about, 1)
        column.addWidget(self._needs, 0, Qt.AlignmentFlag.AlignLeft)
        self.set_reason("")

    def set_reason(self, reason: str) -> None:
        """Why it cannot be used with the data that there are: it is greyed then; "" where it can."""
        self.reason = reason
        self._needs.setText(reason)
        self._needs.setVisible(bool(reason))
        self.setAccessibleName(f"{self.entry.title}, {reason}" if reason else self.entry.title)
        self._title.setEnabled(not reason)
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Show the thumbnail of that theme."""
        self.update()

    def image_box(self) -> QRect:
        """Where the thumbnail is."""
        return QRect(1, 1, self.width() - 2, _high(self.width()))

    def _place(self, width: int) -> None:
        side = style.px(12)
        self._column.setContentsMargins(side, _high(width) + style.px(8), side, style.px(10))

    def heightForWidth(self, width: int) -> int:
        """The height that all of it takes in this width."""
        self._place(width)
        self.ensurePolished()
        for words in (self._title, self._about, self._needs):
            words.ensurePolished()
        self._column.invalidate()
        return self._column.totalHeightForWidth(width) + 2

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        image = thumbnail(self.entry.kind, self.entry.name, style.current().name)
        box = QRectF(self.image_box())
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        shape.addRoundedRect(box.adjusted(0, 0, 0, style.px(9)), 9, 9)
        painter.setClipPath(shape)
        painter.setClipRect(box, Qt.ClipOperation.IntersectClip)
        painter.setOpacity(0.35 if self.reason else 1.0)
        if not image.isNull():
            painter.drawImage(box, image)
        painter.setOpacity(1.0)
        painter.setPen(QColor(style.current().line))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit()

    def event(self, event: QEvent) -> bool:
        # letters are for the search here, and not the shortcuts of the stage
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _letters(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.pressed.emit()
        elif key in _ARROWS:
            self.moved.emit(*_ARROWS[key])
        elif _letters(event):
            self.typed.emit(event.text())
        else:
            super().keyPressEvent(event)


def _high(width: int) -> int:
    """The height of the thumbnail in a card of this width."""
    return round((width - 2) * SIZE.height() / SIZE.width())


def _letters(event: QKeyEvent) -> bool:
    held = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    return not held and bool(event.text().strip()) and event.text().isprintable()


class Search(QLineEdit):
    """The field to search in; the arrow down and Enter lead into what is found, Esc empties it."""

    left = Signal()
    opened = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and bool(self.text())
        if event.type() == QEvent.Type.ShortcutOverride and escape:
            event.accept()
            return True
        return super().event(event)


class LabGallery(QWidget):
    """All of them; `chosen` says which kind and which name."""

    chosen = Signal(str, str)
    closed = Signal()

    def __init__(self, found: Mapping[str, Sequence[Entry]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tiles: list[Tile] = []
        self._groups: list[tuple[QLabel, list[Tile]]] = []
        self._columns = 1
        self._inside = QWidget()
        self._inside.setObjectName("column")
        for heading, entries in found.items():
            self._add(heading, entries)
        self._nothing = label("", "muted", self._inside)
        self.search = Search()
        self.search.setPlaceholderText("Search: a title, a word, an equation")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search the laboratories")
        self.search.setMaximumWidth(style.px(320))
        self.search.textChanged.connect(lambda: self._arrange())
        self.search.left.connect(self._focus_first)
        self.search.opened.connect(self._open_first)
        back = Button("Back to the stage", "Close the gallery (Esc)")
        back.clicked.connect(self.closed)
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.area.setWidget(self._inside)
        self.area.viewport().installEventFilter(self)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(style.px(4), 0, 0, 0)
        whole.setSpacing(style.px(8))
        line = row(label("Laboratories", "headline"), self.search, 1, back)
        line.setStretch(1, 1)
        whole.addLayout(line)
        whole.addWidget(self.area, 1)

    def _add(self, heading: str, entries: Sequence[Entry]) -> None:
        tiles = [Tile(entry, self._inside) for entry in entries]
        for tile in tiles:
            tile.pressed.connect(lambda e=tile.entry: self.chosen.emit(e.kind, e.name))
            tile.moved.connect(lambda across, down, tile=tile: self._move(tile, across, down))
            tile.typed.connect(self.type)
        self.tiles += tiles
        self._groups.append((label(heading, "muted", self._inside), tiles))

    def offer(self, reason: Callable[[Entry], str]) -> None:
        """Show all from the top, those greyed that there is a reason against."""
        for tile in self.tiles:
            tile.set_reason(reason(tile.entry))
        self.search.clear()
        self._arrange()
        self.area.verticalScrollBar().setValue(0)

    def type(self, text: str) -> None:
        """Search for what is typed while a card has the focus."""
        self.search.setFocus()
        self.search.insert(text)

    def found(self) -> list[Tile]:
        """The cards that match the search, in their order."""
        return [tile for tile in self.tiles if tile.entry.matches(self.search.text())]

    def _focus_first(self) -> None:
        for tile in self.found()[:1]:
            self._focus(tile)

    def _open_first(self) -> None:
        if self.search.text().strip():
            for tile in self.found()[:1]:
                tile.pressed.emit()

    def _focus(self, tile: Tile) -> None:
        tile.setFocus(Qt.FocusReason.TabFocusReason)
        self.area.ensureWidgetVisible(tile)

    def _move(self, tile: Tile, across: int, down: int) -> None:
        """To the card beside, or to the nearest one in the row above or below."""
        found = self.found()
        if across:
            place = found.index(tile) + across
            if 0 <= place < len(found):
                self._focus(found[place])
            return
        beyond = [t for t in found if (t.y() - tile.y()) * down > 0]
        if beyond:
            line = min(beyond, key=lambda t: abs(t.y() - tile.y())).y()
            self._focus(min((t for t in beyond if t.y() == line), key=lambda t: abs(t.x() - tile.x())))
        elif down < 0:
            self.search.setFocus(Qt.FocusReason.TabFocusReason)

    # --- where they are --------------------------------------------------------------------------------------

    def eventFilter(self, watched: QWidget, event: QEvent) -> bool:  # type: ignore[override]
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange):
            self._arrange()
        return False

    def _arrange(self) -> None:
        """Headings and cards, all of one width, those of a row of one height."""
        room, gap = self.area.viewport().width() - style.px(8), style.px(GAP)
        columns = self._columns = max(1, min(MOST_COLUMNS, (room + gap) // (style.px(LEAST_CARD) + gap)))
        width, found, y = (room + gap) // columns - gap, set(self.found()), style.px(2)
        for heading, tiles in self._groups:
            shown = [tile for tile in tiles if tile in found]
            heading.setVisible(bool(shown))
            for tile in tiles:
                tile.setVisible(tile in found)
            if shown:
                heading.setGeometry(0, y, room, heading.sizeHint().height())
                y += heading.height() + style.px(6)
            for start in range(0, len(shown), columns):
                line = shown[start : start + columns]
                high = max(tile.heightForWidth(width) for tile in line)
                for k, tile in enumerate(line):
                    tile.setGeometry(k * (width + gap), y, width, high)
                y += high + gap
            y += style.px(8) if shown else 0
        self._nothing.setVisible(not found)
        if not found:
            self._nothing.setText(f"Nothing is found for “{self.search.text()}”.")
            self._nothing.setGeometry(0, y, room, self._nothing.sizeHint().height())
            y += self._nothing.height()
        self._inside.resize(QSize(room, y))
