"""The left-hand questions of an export: which format, how large, how it looks."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.data.distributions import Distribution
from explorer.export import EXPORTERS, Exporter
from explorer.figures.theme import THEMES
from explorer.ui.dialogs import export_work as work
from explorer.ui.widgets import style
from explorer.ui.widgets.card import Combo, Segmented, Switch
from explorer.ui.widgets.forms import Form
from explorer.ui.widgets.labels import label, row


class ExportForm(QWidget):
    """Edits one exporter of each format; `changed` after every change of anything."""

    changed = Signal()
    refused = Signal(str)

    def __init__(self, theme_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("column")
        self._kinds: dict[str, Exporter] = {name: cls() for name, cls in EXPORTERS.items()}
        self.format = Combo()
        self.format.setAccessibleName("Format")
        for exporter in self._kinds.values():
            if not exporter.of_pictures:
                self.format.addItem(exporter.title, exporter.name)
        self.format.currentIndexChanged.connect(lambda _: self._choose())
        self.about = label("", "small")
        self.about.setWordWrap(True)
        self.sizes = Segmented()
        self.sizes.changed.connect(self._resize)
        self.form = Form(self.exporter)
        self.form.edited.connect(self.set_exporter)
        self.form.refused.connect(self.refused)
        self.theme = Segmented([(name, name.capitalize()) for name in THEMES])
        self.theme.set_value(theme_name)
        self.theme.changed.connect(lambda _: self.changed.emit())
        self.caption = Switch()
        self.caption.setChecked(True)
        self.caption.setAccessibleName("Caption with the settings")
        self.caption.setToolTip("A line that names all settings, below the image or above the table")
        self.caption.toggled.connect(lambda _: self.changed.emit())
        self._captioned = QWidget()
        self._lay_out()
        self._choose()

    def _lay_out(self) -> None:
        captioned = row(label("Caption with the settings"), 1, self.caption)
        captioned.setContentsMargins(0, 0, 0, 0)
        self._captioned.setLayout(captioned)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, style.px(10), 0)
        whole.setSpacing(style.px(9))
        for widget in (self.format, self.about, self.sizes, self.form, self.theme, self._captioned):
            whole.addWidget(widget)
        whole.addStretch(1)

    @property
    def exporter(self) -> Exporter:
        """The format that is chosen, with its settings."""
        return self._kinds[self.format.currentData()]

    def choose_format(self, name: str) -> None:
        """Choose a format by its name."""
        self.format.setCurrentIndex(self.format.findData(name))

    def set_data(self, data: Distribution) -> None:
        """Offer what makes sense for this data alone: formats for pictures, the units of a file."""
        self.form.leave_out(() if data.units else ("units",))
        pictures = data.picture is not None
        for exporter in self._kinds.values():
            place = self.format.findData(exporter.name)
            if exporter.of_pictures and pictures and place < 0:
                self.format.addItem(exporter.title, exporter.name)
            elif exporter.of_pictures and not pictures and place >= 0:
                self.format.removeItem(place)

    def set_exporter(self, exporter: Exporter) -> None:
        """Take other settings of the chosen format."""
        self._kinds[exporter.name] = exporter
        self.form.set_owner(exporter)
        name = work.size_name(exporter)
        if name:
            self.sizes.set_value(name)
        elif self.sizes.value():
            self._offer_sizes()
        self.changed.emit()

    def _resize(self, name: str) -> None:
        self.set_exporter(work.resized(self.exporter, work.SIZES[name]))

    def _offer_sizes(self) -> None:
        """The sizes that the format can have; none of them is chosen."""
        self.sizes.set_entries([(name, name) for name in work.SIZES if work.fits(self.exporter, name)])

    def _choose(self) -> None:
        self.about.setText(self.exporter.about)
        pictured = self.exporter.kind != "data"
        for widget in (self.sizes, self.theme):
            widget.setVisible(pictured)
        self._captioned.setVisible(self.exporter.captioned)
        self._offer_sizes()
        self.set_exporter(self.exporter)
