"""The Data card: the gallery, the mouse, files, and the parameters of the distribution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Thread

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QWidget

from explorer.base.params import params
from explorer.data.distributions import DISTRIBUTIONS, Distribution
from explorer.data.images import DATA, IMAGES, ImageSet
from explorer.data.images.folder import Folder
from explorer.ui.cards.cards import EditCard
from explorer.ui.cards.gallery import GalleryItem, GalleryStrip
from explorer.ui.files.own_tables import has_columns
from explorer.ui.widgets.labels import Button, label, row
from explorer.ui.widgets.mnemonics import keep

#: Points of a thumbnail, and pictures along its side.
THUMBNAIL_POINTS, SHEET = 400, 3


def gallery_items() -> list[GalleryItem]:
    """The built-in distributions, each with a sample; then the sets of pictures."""
    kinds = [cls for cls in DISTRIBUTIONS.values() if cls.builtin]
    points = [GalleryItem(k.name, k.title, k.about, partial(_sample, k)) for k in kinds]
    sets = [cls for cls in IMAGES.values() if cls.builtin]
    shelf = Shelf([cls() for cls in sets])
    return points + [GalleryItem(k.name, k.title, k.about, _none, partial(shelf.sheet, k.name)) for k in sets]


def _sample(kind: type[Distribution]) -> np.ndarray:
    return kind().sample(THUMBNAIL_POINTS, seed=0)


def _none() -> np.ndarray:
    return np.zeros((0, 2))


class Shelf:
    """The sets of pictures, read in a thread when one of them is first looked at."""

    def __init__(self, sets: Sequence[ImageSet]) -> None:
        self._sets, self._sheets = sets, dict[str, np.ndarray]()
        self._thread: Thread | None = None

    def sheet(self, name: str) -> np.ndarray | None:
        """Some of the pictures of a set side by side, uint8 (h, w, 3); None until they have been read."""
        if self._thread is None:
            self._thread = Thread(target=self._read, name="gallery", daemon=True)
            self._thread.start()
        return self._sheets.get(name)

    def _read(self) -> None:
        for data in self._sets:
            pictures = np.moveaxis(data.train.images[: SHEET**2], 1, -1)
            rows = [np.concatenate(pictures[i * SHEET : (i + 1) * SHEET], axis=1) for i in range(SHEET)]
            sheet = np.concatenate(rows)
            self._sheets[data.name] = sheet if sheet.shape[-1] == 3 else np.repeat(sheet, 3, axis=-1)


class DataCard(EditCard):
    """Choose, draw or import the data."""

    draw_pressed = Signal()
    import_pressed = Signal()
    folder_pressed = Signal()
    several_pressed = Signal()
    columns_pressed = Signal()

    def __init__(self, data: Distribution, parent: QWidget | None = None) -> None:
        super().__init__("Data", parent=parent)
        self.gallery = GalleryStrip(gallery_items())
        self.gallery.chosen.connect(self._choose)
        draw = Button("Draw", "Draw a distribution with the mouse on the stage (Ctrl+D)")
        draw.clicked.connect(self.draw_pressed)
        bring = Button(
            "Import",
            "Points from CSV, NPY or NPZ, an image whose darkness is the density, or images of your own",
        )
        bring.clicked.connect(lambda: self._ask_what(bring))
        self.gallery.add_button(draw)
        self.gallery.add_button(bring)
        self.add(self.gallery)
        self.about = label("", "small")
        self.about.setWordWrap(True)
        self.more = Button("Parameters", "The parameters of this distribution", quiet=True)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show_form)
        pictures = Button("Images", "Digits, clothes and emoji in place of points")
        pictures.clicked.connect(self.gallery.open_pictures)
        below = QWidget()
        self.columns = Button(
            "Columns…", "Choose columns, classes, rows and scale of the file anew", quiet=True
        )
        self.columns.clicked.connect(self.columns_pressed)
        below.setLayout(row(pictures, self.more, self.columns, 1))
        self.add(below)
        self.add(self.about)
        self.form = self.add_form(data, hidden=True)
        self._show_form(False)
        self.set_data(data)

    def _ask_what(self, button: Button) -> None:
        """The kinds of data that can be imported."""
        menu = keep(QMenu(self))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Points, or an image as a density…", self.import_pressed.emit)
        menu.addAction("Images from a folder…", self.folder_pressed.emit)
        menu.addAction("Several images…", self.several_pressed.emit)
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _choose(self, name: str) -> None:
        """Take other data."""
        self.edited.emit(DATA[name]())

    def _show_form(self, on: bool) -> None:
        """Open or close the parameters, which are seldom what a lesson is about."""
        self.form.setVisible(on)
        self.about.setVisible(on or self.more.isHidden())
        self.more.setText("Hide parameters" if on else "Parameters")

    def set_data(self, data: Distribution) -> None:
        """Show a distribution."""
        self.badge.set(data.title)
        self.gallery.set_value(data.name)
        self.more.setVisible(bool(params(type(data))))
        self.columns.setVisible(has_columns(data))
        self._show_form(self.more.isChecked())
        about = data.note if isinstance(data, Folder) else data.about
        self.about.setText(about)
        self.badge.setToolTip(about)
        self.form.set_owner(data)
