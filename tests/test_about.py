"""The About box names who made the pictures: their licences ask for it."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget

from explorer import __version__
from explorer.data.images import IMAGES
from explorer.ui.dialogs.about import About


def test_every_set_of_pictures_is_credited(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = About(parent)
    qtbot.addWidget(dialog)
    words = {label.text() for label in dialog.findChildren(QLabel)}
    credits = {kind.credit for kind in IMAGES.values() if kind.credit}
    assert len(credits) == 3 and credits <= words
    # not what the metadata say: a packaged program has none, and those of a checkout may be old
    assert any(f"Version {__version__}." in text for text in words)
