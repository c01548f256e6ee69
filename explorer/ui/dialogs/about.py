"""About the program: its version, what it stands on, and the papers whose formulas it draws."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from explorer import __version__
from explorer.data.images import IMAGES
from explorer.ui.widgets import style
from explorer.ui.widgets.labels import Button, label, row

#: Package, licence, what it does here.
PARTS = (
    ("torch", "BSD-3-Clause", "networks and the exact scores"),
    ("numpy", "BSD-3-Clause", "arrays"),
    ("PySide6-Essentials", "LGPL-3.0", "the window (Qt)"),
    ("vispy", "BSD-3-Clause", "the stage on OpenGL"),
    ("pyqtgraph", "MIT", "charts"),
    ("qasync", "BSD-2-Clause", "the event loop"),
    ("ziamath", "MIT", "typeset equations"),
    ("cmap", "BSD-3-Clause", "color maps"),
    ("safetensors", "Apache-2.0", "model files"),
    ("av", "BSD-3-Clause", "films (FFmpeg, LGPL)"),
    ("pillow", "MIT-CMU", "pictures"),
)

#: Who wrote what the program shows: authors, title, where.
PAPERS = (
    ("Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole",
     "Score-Based Generative Modeling through Stochastic Differential Equations", "ICLR 2021",
     "https://arxiv.org/abs/2011.13456"),
    ("Song, Ermon", "Generative Modeling by Estimating Gradients of the Data Distribution", "NeurIPS 2019",
     "https://arxiv.org/abs/1907.05600"),
    ("Ho, Jain, Abbeel", "Denoising Diffusion Probabilistic Models", "NeurIPS 2020",
     "https://arxiv.org/abs/2006.11239"),
    ("Karras, Aittala, Aila, Laine", "Elucidating the Design Space of Diffusion-Based Generative Models",
     "NeurIPS 2022", "https://arxiv.org/abs/2206.00364"),
    ("Vincent", "A Connection Between Score Matching and Denoising Autoencoders", "Neural Computation 2011",
     "https://doi.org/10.1162/NECO_a_00142"),
    ("Anderson", "Reverse-time diffusion equation models", "Stochastic Processes and their Applications 1982",
     "https://doi.org/10.1016/0304-4149(82)90051-5"),
)  # fmt: skip


def version_of(package: str) -> str:
    """The version that is installed, "" for what is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


class About(QDialog):
    """A sheet that does not block the window."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("About Score Explorer")
        inside = QWidget()
        inside.setObjectName("column")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, style.px(10), 0)
        column.setSpacing(style.px(8))
        column.addWidget(label("Papers", "title"))
        for paper in PAPERS:
            column.addWidget(_paper(*paper))
        column.addSpacing(style.px(8))
        column.addWidget(label("Images", "title"))
        for kind in IMAGES.values():
            if kind.credit:
                column.addWidget(_wrapped(kind.credit))
        column.addSpacing(style.px(8))
        column.addWidget(label("Made with", "title"))
        column.addLayout(_parts())
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        close = Button("Close", primary=True)
        close.clicked.connect(self.close)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(*[style.px(20)] * 4)
        whole.setSpacing(style.px(10))
        whole.addWidget(label("Score Explorer", "headline"))
        whole.addWidget(_wrapped(f"Version {__version__}. {_machine()} MIT license."))
        whole.addWidget(area, 1)
        whole.addLayout(row(1, close))
        room = parent.size()
        self.resize(min(style.px(580), room.width() - 40), min(style.px(620), room.height() - 60))


def _machine() -> str:
    return f"Python {platform.python_version()} on {platform.system()}."


def _wrapped(text: str) -> QLabel:
    made = label(text, "muted")
    made.setWordWrap(True)
    return made


def _paper(authors: str, title: str, where: str, link: str) -> QLabel:
    look = f"text-decoration: none; color: {style.current().accent}"
    made = label(f'<a href="{link}" style="{look}">{title}</a><br>{authors}. {where}.')
    made.setWordWrap(True)
    made.setOpenExternalLinks(True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    return made


def _parts() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(style.px(16))
    grid.setVerticalSpacing(style.px(3))
    grid.setColumnStretch(2, 1)
    for i, (package, licence, use) in enumerate(PARTS):
        grid.addWidget(label(f"{package} {version_of(package)}".strip()), i, 0)
        grid.addWidget(label(licence, "muted"), i, 1)
        grid.addWidget(label(use, "muted"), i, 2)
    return grid
