"""The menus of laboratories and scenes: a sub-menu for each section."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QMenu

from explorer.ui.labs.gallery import Entry, sections


def fill_labs(menu: QMenu, open_lab: Callable[[str], None], against: Callable[[Entry], str]) -> None:
    """Put every laboratory into `menu`, unless they are there already; greyed where there is a reason `against` it."""
    _fill(menu, "lab", open_lab)
    for inner in menu.findChildren(QMenu):
        for action in inner.actions():
            entry, reason = action.data(), against(action.data())
            action.setEnabled(not reason)
            action.setText(f"{entry.title} ({reason[0].lower()}{reason[1:]})" if reason else entry.title)


def fill_scenes(menu: QMenu, play: Callable[[str], None]) -> None:
    """Put every scene into `menu`, unless they are there already."""
    _fill(menu, "scene", play)


def _fill(menu: QMenu, kind: str, act: Callable[[str], None]) -> None:
    if menu.property("filled"):
        return
    menu.setProperty("filled", True)
    for heading, entries in sections().items():
        wanted = [entry for entry in entries if entry.kind == kind]
        if not wanted:
            continue
        inner = menu.addMenu(heading.removeprefix("Scenes: "))
        inner.setToolTipsVisible(True)
        for entry in wanted:
            action = inner.addAction(entry.title, partial(act, entry.name))
            action.setToolTip(entry.about)
            action.setData(entry)
