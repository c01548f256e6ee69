"""The Data card: the gallery, the mouse, files, and the parameters of the distribution."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.distributions import DISTRIBUTIONS, Distribution
from explorer.ui.cards import EditCard
from explorer.ui.gallery import GalleryItem, GalleryStrip
from explorer.ui.labels import Button, label

#: Points of a thumbnail.
THUMBNAIL_POINTS = 400


def gallery_items() -> list[GalleryItem]:
    """The built-in distributions, each with a sample."""
    kinds = [cls for cls in DISTRIBUTIONS.values() if cls.builtin]
    return [GalleryItem(k.name, k.title, k.about, k().sample(THUMBNAIL_POINTS, seed=0)) for k in kinds]


class DataCard(EditCard):
    """Choose, draw or import the data."""

    draw_pressed = Signal()
    import_pressed = Signal()

    def __init__(self, data: Distribution, parent: QWidget | None = None) -> None:
        super().__init__("Data", parent=parent)
        self.gallery = GalleryStrip(gallery_items())
        self.gallery.chosen.connect(lambda name: self.edited.emit(DISTRIBUTIONS[name]()))
        draw = Button("Draw", "Draw a distribution with the mouse on the stage (Ctrl+D)")
        draw.clicked.connect(self.draw_pressed)
        bring = Button(
            "Import", "Points from CSV, NPY or NPZ, or an image whose darkness is the density (Ctrl+I)"
        )
        bring.clicked.connect(self.import_pressed)
        self.gallery.add_button(draw)
        self.gallery.add_button(bring)
        self.add(self.gallery)
        self.about = label("", "small")
        self.about.setWordWrap(True)
        self.more = Button("Shape", "The parameters of this distribution", quiet=True)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show_form)
        self.add(self.more)
        self.add(self.about)
        self.form = self.add_form(data)
        self._show_form(False)
        self.set_data(data)

    def _show_form(self, on: bool) -> None:
        """Open or close the parameters, which are seldom what a lesson is about."""
        self.form.setVisible(on)
        self.about.setVisible(on)
        self.more.setText("Hide the shape" if on else "Change the shape")

    def set_data(self, data: Distribution) -> None:
        """Show a distribution."""
        self.badge.set(data.title)
        self.gallery.set_value(data.name)
        self.about.setText(data.about)
        self.badge.setToolTip(data.about)
        self.form.set_owner(data)
