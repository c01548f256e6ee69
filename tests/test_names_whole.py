"""No name of a setting is cut, and no equation: in the settings of every laboratory, and in the cards of the stage."""

import pytest
import windows
from PySide6.QtWidgets import QApplication

from explorer.labs import LABS
from explorer.ui.labs.column import LabColumn
from explorer.ui.widgets import style
from explorer.ui.widgets.equation import EquationView
from explorer.ui.widgets.form_rows import Row


def cut(widget):
    """The names that are shown shortened."""
    return [
        f"{row.title.whole()} -> {row.title.text()}"
        for row in widget.findChildren(Row)
        if row.title.isVisible() and row.title.text().replace("\n", " ") != row.title.whole()
    ]


def cut_equations(widget):
    """The formulas that leave their place, or are so small in it that they cannot be read."""
    shown = [view for view in widget.findChildren(EquationView) if view.isVisible() and view.latex()]
    return [
        view.latex()
        for view in shown
        if not view.boxes()
        or any(not view.rect().adjusted(0, 0, 1, 1).contains(box.toRect()) for box in view.boxes())
        or view.width() < 0.85 * view.least_width()
    ]


@pytest.fixture(scope="module")
def column(qapp):
    style.apply(qapp, style.current())
    found = LabColumn()
    found.resize(found.sizeHint().width() if found.minimumWidth() == 0 else found.minimumWidth(), 640)
    yield found
    windows.dispose(found)


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("kind", ["default", "quick"])
def test_names_of_settings_are_whole_in_every_laboratory(qtbot, column, name, kind):
    lab = LABS[name]() if kind == "default" else LABS[name].quick()
    column.set_lab(lab)
    column.show()
    views = [view for view in column.findChildren(EquationView) if view.isVisible()]
    qtbot.waitUntil(lambda: all(view.is_current() for view in views), timeout=20_000)
    QApplication.processEvents()
    assert cut(column) == []
    assert cut_equations(column) == []
