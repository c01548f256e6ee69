"""What the files, the dialogs and the drawing board need of the window that makes them."""

from __future__ import annotations

from typing import Any, Protocol, cast

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QWidget

from explorer.session import Session
from explorer.ui.widgets.notices import NoticeBar


class Host(Protocol):
    """The window, as seen from here; it is a QWidget too."""

    session: Session
    notices: NoticeBar
    #: Stage panels by name ("A", "B"); each has a `canvas`.
    stages: dict[str, Any]
    settings: QSettings

    @property
    def theme_name(self) -> str:
        """ "dark" or "light"."""

    def refresh(self) -> None:
        """Show the session's document in the cards."""


def widget_of(host: Host) -> QWidget:
    """The window as the parent of dialogs."""
    return cast(QWidget, host)
