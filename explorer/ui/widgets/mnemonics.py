"""Underlined letters of menus: one for every entry, and each once on its level.

One function finds them for menus from a table and for menus that are filled when they are opened, in any language:
words without Latin letters get one in brackets behind them, as is usual for Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def plain(text: str) -> str:
    """The words of an entry without its mnemonic."""
    bare = re.sub(r" ?\(&[A-Z0-9]\)(?=…?$)", "", text)
    return re.sub(r"&(.)", r"\1", bare)


def lettered(texts: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """`texts` with "&" before the letter that opens each; letters in `taken` (upper case) are left alone.

    The first letters of words are tried before the others. Where no letter of its own is left for an entry, one that
    is not in it stands behind it in brackets; where none is left at all, it has none.
    """
    used = set(taken)
    places: dict[int, int] = {}
    for find in (_first_letters, _word_letters, _all_letters):
        for i, text in enumerate(texts):
            free = (j for j in find(text) if text[j].upper() not in used)
            if i not in places and (place := next(free, None)) is not None:
                places[i] = place
                used.add(text[place].upper())
    made = []
    for i, text in enumerate(texts):
        if i in places:
            made.append(_escaped(text[: places[i]]) + "&" + _escaped(text[places[i] :]))
            continue
        letter = next((c for c in _LETTERS if c not in used), "") if text else ""
        used.add(letter)
        stem, dots = (text[:-1], "…") if text.endswith("…") else (text, "")
        behind = f"(&{letter})" if stem and not stem.isascii() else f" (&{letter})"
        made.append(_escaped(stem) + (behind if letter else "") + dots)
    return made


def _escaped(text: str) -> str:
    return text.replace("&", "&&")


def _can(text: str, j: int) -> bool:
    return text[j].upper() in _LETTERS and text[j].isascii()


def _first_letters(text: str) -> list[int]:
    return [j for j in (0,) if text and _can(text, j)]


def _word_letters(text: str) -> list[int]:
    return [j for j in range(len(text)) if _can(text, j) and (j == 0 or not text[j - 1].isalnum())]


def _all_letters(text: str) -> list[int]:
    return [j for j in range(len(text)) if _can(text, j)]


def keep(menu: QMenu) -> QMenu:
    """Letter the entries of `menu` each time that it opens, and those of its sub-menus when they do."""
    if menu.findChild(_Letterer, options=Qt.FindChildOption.FindDirectChildrenOnly) is None:
        _Letterer(menu)
    return menu


class _Letterer(QObject):
    """Lives with a menu, and letters it: a function that knew the menu would keep it alive."""

    def __init__(self, menu: QMenu) -> None:
        super().__init__(menu)
        menu.aboutToShow.connect(self.renew)

    def renew(self) -> None:
        """Letter what there is now."""
        menu = self.parent()
        if isinstance(menu, QMenu):
            renew(menu)


def renew(menu: QMenu) -> None:
    """Letter the entries that `menu` has now."""
    actions = [action for action in menu.actions() if not action.isSeparator()]
    letter(actions)
    for action in actions:
        inner = action.menu()
        if isinstance(inner, QMenu):
            keep(inner)


def letter(actions: Sequence[QAction], taken: Collection[str] = ()) -> None:
    """Give the entries of one level their letters; those that are hidden have none."""
    shown = [action for action in actions if action.isVisible()]
    for action, text in zip(shown, lettered([plain(a.text()) for a in shown], taken), strict=True):
        if action.text() != text:
            action.setText(text)
