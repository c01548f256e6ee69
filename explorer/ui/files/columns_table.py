"""The first rows of a table as they stand in the file, with the columns that are taken marked."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QHeaderView, QTableView

from explorer.data.imports.columns import INDEX, MISSING, TEXT
from explorer.data.imports.questions import Asked
from explorer.figures.theme import Theme
from explorer.ui.widgets import style

#: Columns that are made as wide as their words: a table of thousands would take long.
MOST_FITTED = 100
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_KINDS = {INDEX: "counts or names the rows", TEXT: "words", MISSING: "empty"}


def roles(asked: Asked) -> dict[str, str]:
    """What each column that is taken is: "x", "y" or "class", by its name."""
    return {
        **dict.fromkeys([asked.choice.classes] if asked.choice.classes else [], "class"),
        **dict(zip(asked.columns, "xy", strict=False)),
    }


class _Rows(QAbstractTableModel):
    """What a Preview has of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Asked | None = None

    def show(self, asked: Asked) -> None:
        self.beginResetModel()
        self.asked = asked
        self.endResetModel()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return len(self.asked.preview.rows) if self.asked and not parent.isValid() else 0

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return len(self.asked.preview.columns) if self.asked and not parent.isValid() else 0

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.asked is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.asked.preview.rows[index.row()][index.column()]
        return self._look(index.column(), role)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if self.asked is None or orientation == Qt.Orientation.Vertical:
            return None
        column = self.asked.preview.columns[section]
        mark = roles(self.asked).get(column.name, "")
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{mark}:  {column.name}" if mark else column.name
        if role == Qt.ItemDataRole.ToolTipRole:
            what = _KINDS.get(column.kind, column.read or "numbers")
            return style.tip(f"{column.name}: {what}. Click to take it as x, y or classes.")
        if role == Qt.ItemDataRole.FontRole:
            return style.font(weight=style.SEMIBOLD if mark else QFont.Weight.Normal)
        return self._look(section, role)

    def _look(self, column: int, role: int) -> Any:
        """The colour of a column that is taken; the others are muted."""
        assert self.asked is not None
        mark = roles(self.asked).get(self.asked.preview.columns[column].name, "")
        theme = style.current()
        own = colour(theme, mark)
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(theme.text if mark else theme.muted)
        if role == Qt.ItemDataRole.BackgroundRole and mark:
            tint = QColor(own)
            tint.setAlphaF(0.22)
            return tint
        return None


def colour(theme: Theme, mark: str) -> str:
    """That of x, y and classes."""
    return {"x": theme.accent, "y": theme.score, "class": theme.noise}.get(mark, theme.muted)


class ColumnsTable(QTableView, style.Themed):
    """Shows an Asked; a click on a header asks what the column is to be."""

    asked_about = Signal(int)  # the place of a column

    def __init__(self) -> None:
        super().__init__()
        self._rows = _Rows()
        self.setModel(self._rows)
        self.setAccessibleName("First rows of the file")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSelectionMode(QTableView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(style.px(24))
        header = self.horizontalHeader()
        header.setSectionsClickable(True)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(style.px(52))
        header.setMaximumSectionSize(style.px(220))
        header.sectionClicked.connect(self.asked_about)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)

    def show_asked(self, asked: Asked) -> None:
        """Show the rows and the marks; the place that is scrolled to stays."""
        bar = self.horizontalScrollBar()
        place = bar.value()
        self._rows.show(asked)
        header = self.horizontalHeader()
        for i in range(min(self._rows.columnCount(), MOST_FITTED)):
            wide = max(self.sizeHintForColumn(i), header.sectionSizeHint(i)) + style.px(10)
            self.setColumnWidth(i, wide)
        bar.setValue(place)

    def header_words(self) -> list[str]:
        """What the headers say."""
        return [self._rows.headerData(i, Qt.Orientation.Horizontal) for i in range(self._rows.columnCount())]

    def set_theme(self, theme: Theme) -> None:
        self.viewport().update()
        self.horizontalHeader().viewport().update()
