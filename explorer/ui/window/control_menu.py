"""The sub-menu of controls: what is asked of the samples, and the classes of the data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from explorer.guidance import CONTROLS
from explorer.guidance.class_guidance import ClassGuidance, class_names

if TYPE_CHECKING:
    from explorer.ui.window.base import Window


def add_to(menu: QMenu, window: Window) -> QMenu:
    """Put the sub-menu into `menu`; it is filled when it is looked at, for it follows the data."""
    made = QMenu("Control", menu)
    menu.insertMenu(window.actions_by_slot["next_control"], made)
    made.setToolTipsVisible(True)
    made.aboutToShow.connect(partial(_fill, made, window))
    return made


def _fill(menu: QMenu, window: Window) -> None:
    for inner in menu.findChildren(QMenu):
        inner.deleteLater()
    menu.clear()
    now = window.shown_experiment().control
    for name in offered(window):
        action = menu.addAction(CONTROLS[name].title, partial(choose, window, name))
        action.setToolTip(CONTROLS[name].about)
        action.setCheckable(True)
        action.setChecked(name == now.name)
    names = class_names(window.shown_experiment().data.mixture)
    if len(names) > 1:
        classes = menu.addMenu("Which class")
        for number, word in names.items():
            action = classes.addAction(word, partial(choose_class, window, number))
            action.setCheckable(True)
            action.setChecked(isinstance(now, ClassGuidance) and not now.each and now.label == number)


def offered(window: Window) -> list[str]:
    """The controls for the kind of data that there is."""
    mixture = window.shown_experiment().data.mixture
    return [name for name, cls in CONTROLS.items() if cls.suits(mixture)]


def choose(window: Window, name: str) -> None:
    """Take a control as it was set last, as a click in the card does."""
    window.end_drag()
    window.control.choose(name)


def choose_class(window: Window, number: int) -> None:
    """Ask for a class."""
    if not isinstance(window.shown_experiment().control, ClassGuidance):
        choose(window, "class_guidance")
    window.control.choose_class(number)


def choose_next(window: Window) -> None:
    """The next control, and around again."""
    names, now = offered(window), window.shown_experiment().control.name
    choose(window, names[(names.index(now) + 1) % len(names)] if now in names else names[0])


def choose_next_class(window: Window) -> None:
    """The next class, the first where none is asked for; and around again."""
    e = window.shown_experiment()
    numbers = list(class_names(e.data.mixture))
    if len(numbers) > 1:
        one = isinstance(e.control, ClassGuidance) and not e.control.each
        now = e.control.label if one else numbers[-1]  # type: ignore[attr-defined]
        place = numbers.index(now) + 1 if now in numbers else 0
        choose_class(window, numbers[place % len(numbers)])
