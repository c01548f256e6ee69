"""Whether the user's settings reach the disk: Qt writes them in silence, and keeps what went wrong to itself."""

from __future__ import annotations

import sys
from contextlib import suppress

from PySide6.QtCore import QSettings


class SettingsWatch:
    """Tells once when the settings cannot be read or saved. What was on the disk stays whole."""

    def __init__(self, settings: QSettings) -> None:
        self._settings, self._told = settings, False

    def trouble(self) -> str:
        """What is wrong with them, in a sentence; "" where nothing is, and once it has been told."""
        status = self._settings.status()
        if self._told or status == QSettings.Status.NoError:
            return ""
        self._told = True
        name = self._settings.fileName()
        if status == QSettings.Status.FormatError:
            return (
                f"The settings in {name} are damaged: what cannot be read of them is as at the first start."
            )
        return f"The settings cannot be saved in {name}: what is chosen now is forgotten at the end."

    def close(self) -> None:
        """Save them a last time; where that fails, nobody is left to tell but the terminal."""
        self._settings.sync()
        if trouble := self.trouble():
            with suppress(OSError):
                print(f"score-explorer: {trouble}", file=sys.stderr)
