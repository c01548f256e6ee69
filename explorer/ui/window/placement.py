"""Where a window opens: as it was left, within a screen that is there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMargins, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

#: The size where nothing is remembered and the screen has room for it.
SIZE = QSize(1440, 900)
#: Room for the title bar and the border, until the window system has said how large they are.
FRAME = QMargins(4, 32, 4, 4)


def fitted(
    wanted: QRect | None, screens: Sequence[QRect], frame: QMargins = FRAME, least: QSize | None = None
) -> QRect:
    """The geometry (without its frame) that a window is to have.

    `wanted` is what it had when it was closed, None for SIZE in the middle of the first screen; `screens` are the
    available parts of all of them, the primary one first. The window goes to the screen that it covers most of, to
    the first one where its own is gone, and is made no larger than that, down to `least`. Pixels are those of Qt, so
    a scale factor is in them already.
    """
    room = screens[0].marginsRemoved(frame)
    if wanted is not None:
        shares = [_area(wanted.intersected(screen)) for screen in screens]
        best = shares.index(max(shares))
        room = screens[best].marginsRemoved(frame)
        if not shares[best]:
            wanted = QRect(room.topLeft(), wanted.size())
    size = (wanted.size() if wanted is not None else SIZE).boundedTo(room.size())
    size = size.expandedTo(least or size)
    made = QRect(room.topLeft(), size)
    if wanted is None:
        made.moveCenter(room.center())
    else:
        made.moveTopLeft(wanted.topLeft())
    # the upper left corner counts for more than the lower right one, where a window has to be larger than its screen
    made.moveLeft(max(min(made.left(), room.right() - size.width() + 1), room.left()))
    made.moveTop(max(min(made.top(), room.bottom() - size.height() + 1), room.top()))
    return made


def _area(rect: QRect) -> int:
    return rect.width() * rect.height() if rect.isValid() else 0


def available() -> list[QRect]:
    """What the desktop leaves of every screen, the primary one first."""
    first = QGuiApplication.primaryScreen()
    others = [screen for screen in QGuiApplication.screens() if screen is not first]
    return [screen.availableGeometry() for screen in (first, *others)]


def place(window: QMainWindow, settings: QSettings) -> None:
    """Give a window that is not shown yet the place and the size that it had, and maximize it if it was."""
    found = settings.value("window/geometry")
    wanted = found if isinstance(found, QRect) and found.isValid() else None
    # across it is the window that says how narrow it may be: its columns give way
    least = QSize(window.minimumWidth(), window.minimumSizeHint().height())
    window.setGeometry(fitted(wanted, available(), least=least))
    if settings.value("window/maximized", False, bool):
        window.showMaximized()
    else:
        window.show()


def remember(window: QMainWindow, settings: QSettings) -> None:
    """Write down where the window is; of one that is maximized or full screen, where it goes back to."""
    whole = window.isMaximized() or window.isFullScreen()
    settings.setValue("window/geometry", window.normalGeometry() if whole else window.geometry())
    settings.setValue("window/maximized", window.isMaximized())
