"""The pages of docs/ in the window: a list, a reader, and the page that a card is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSizeF, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QDesktopServices,
    QFontMetrics,
    QImage,
    QPainter,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QDialog,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from explorer.base import paths
from explorer.base.jobs import Job
from explorer.figures.theme import Theme
from explorer.ui.widgets import style
from explorer.ui.widgets.equation import arrange, plain, typeset
from explorer.ui.widgets.labels import Button, row

if TYPE_CHECKING:
    from explorer.ui.window.base import Window

#: How far the middle of a line of text is above its baseline, in sizes of a formula, and that size for 13 px text.
LIFT, FORMULA = 0.27, 14.0
#: Milliseconds between two looks for formulas that are being set.
LOOK_MS = 30
#: What is read first, and how it is called: a section of the README.
FIRST, FIRST_TITLE = "five-minutes", "Five minutes"
#: Laboratories whose page has another name than they, and the page of all others.
LAB_PAGES = {
    "bits": "likelihood-pictures", "picture_bits": "likelihood-pictures", "picture_codes": "codes", "codes": "codes",
    "interpolation": "codes", "two_networks": "codes", "temperature": "codes", "space_time": "see-it-work",
    "pc_microscope": "see-it-work", "guidance": "control", "inverse": "control", "mistakes": "pitfalls-and-mistakes",
    "mode_weights": "pitfalls-and-mistakes", "annealing": "langevin", "film": "images", "nearest": "quality",
    "training_microscope": "objectives", "race": "objectives", "dsm_sigma": "objectives", "schedules": "sdes",
    "ladder": "discrete-chains", "table1": "samplers", "snr": "langevin", "picture_snr": "langevin",
}  # fmt: skip


def pages() -> list[str]:
    """The names of the pages that are there, the first one first."""
    found = sorted(path.stem for path in paths.docs().glob("*.md") if path.stem != "README")
    return [*([FIRST] if paths.readme().is_file() else []), *found]


def source(page: str) -> str:
    """The Markdown of a page.

    Raises FileNotFoundError where there is none of that name.
    """
    if page != FIRST:
        return (paths.docs() / f"{page}.md").read_text(encoding="utf-8")
    text = paths.readme().read_text(encoding="utf-8")
    found = re.search(rf"^## {FIRST_TITLE}\n.*?(?=^## )", text, re.M | re.S)
    if found is None:
        raise FileNotFoundError(f"{paths.readme()} has no section called {FIRST_TITLE}")
    return found[0].replace("## ", "# ", 1)


def title(page: str) -> str:
    """What a page calls itself."""
    first = source(page).lstrip().split("\n", 1)[0]
    return first.lstrip("# ").strip()


def with_formulas(markdown: str) -> tuple[str, list[str]]:
    """Markdown with an image "equation:3" in the place of its fourth formula, and the formulas in LaTeX."""
    formulas: list[str] = []

    def image(found: re.Match[str]) -> str:
        formulas.append(" ".join((found[1] or found[2]).split()))
        return f"![formula](equation:{len(formulas) - 1})"

    parts = re.split(r"(^```.*?^```|`[^`\n]*`)", markdown, flags=re.M | re.S)  # code keeps its dollars
    formula = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.S)
    parts[::2] = [formula.sub(image, part) for part in parts[::2]]
    return "".join(parts), formulas


def set_formula(latex: str, ink: str, size: float, density: float = 1.0) -> QImage:
    """A formula on a transparent ground, with the middle of its line at half its height; a null image of LaTeX that
    cannot be set."""
    try:
        lines = typeset(latex, ink, size)
    except Exception:  # ziamath raises many kinds; the reader shows the source then
        return QImage()
    placed, _ = arrange(lines, 1e4)
    lift = size * LIFT
    above = max((line.baseline for line in lines), default=1.0)
    below = max((line.height - line.baseline for line in lines), default=1.0)
    half = max(above - lift, below + lift)
    width = max((box.right() for _, box in placed), default=1.0)
    image = QImage(QSizeF(width + 2, 2 * half).toSize() * density, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(density)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    for line, box in placed:
        QSvgRenderer(QByteArray(line.svg)).render(painter, box.translated(0, half + lift - above))
    painter.end()
    return image


def slug(heading: str) -> str:
    """A heading as links name it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


class Reader(QTextBrowser):
    """Shows pages; links between them stay here, others go to the web browser. Formulas are set in a thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.page = ""
        self._past: list[str] = []
        self._formulas: list[str] = []
        self._set: dict[str, QImage] = {}  # by their LaTeX
        self._job: Job[tuple[str, QImage]] | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(LOOK_MS)
        self._clock.timeout.connect(self._look)
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)

    def read(self, page: str, heading: str = "") -> None:
        """Show a page from its beginning, or from one of its headings."""
        if page != self.page:
            if self.page:
                self._past.append(self.page)
            self.page = page
            self._show(page)
        self.moveCursor(QTextCursor.MoveOperation.Start)
        if heading:
            self._go_to(heading)

    @property
    def setting(self) -> bool:
        """Whether formulas are still being set."""
        return self._job is not None

    def _show(self, page: str) -> None:
        text, self._formulas = with_formulas(source(page))
        document = self.document()
        document.setDefaultFont(style.font())
        document.setDocumentMargin(style.px(14))
        document.setIndentWidth(style.px(18))
        self.setMarkdown(text)
        self._space()
        missing = [latex for latex in dict.fromkeys(self._formulas) if latex not in self._set]
        self.stop()
        if missing:
            look = style.current().text, float(style.px(FORMULA)), self.devicePixelRatioF()
            self._job = Job(
                lambda: ((latex, set_formula(latex, *look)) for latex in missing), name="formulas"
            )
            self._clock.start()

    def _space(self) -> None:
        """Room between paragraphs, which Markdown has none for; images stand in the middle of their lines."""
        block = self.document().begin()
        while block.isValid():
            form = block.blockFormat()
            if not block.textList() and not form.property(QTextFormat.Property.BlockCodeFence):
                form.setTopMargin(style.px(12 if form.headingLevel() else 5))
                form.setBottomMargin(style.px(5))
            form.setLineHeight(118, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            QTextCursor(block).setBlockFormat(form)
            block = block.next()
        place = self.document().find("\ufffc")
        while not place.isNull():
            letters = place.charFormat()
            letters.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
            place.setCharFormat(letters)
            place = self.document().find("\ufffc", place)

    def _look(self) -> None:
        """Show the formulas once all of them are there."""
        if self._job is None:
            return
        self._set.update(self._job.drain())
        if self._job.finished:
            self.stop()
            place = self.verticalScrollBar().value()
            self._show(self.page)
            self.verticalScrollBar().setValue(place)

    def stop(self) -> None:
        """End the thread that sets formulas."""
        self._clock.stop()
        if self._job is not None:
            self._job.cancel()
            self._job.join()
            self._job = None

    def forget(self) -> None:
        """Set the formulas anew, in the colors and the text size in force."""
        self._set.clear()
        if self.page and self.isVisible():
            self._show(self.page)
        else:
            self.page = ""

    def can_return(self) -> bool:
        """Whether there was another page before."""
        return bool(self._past)

    def go_back(self) -> None:
        """The page before."""
        if self._past:
            page, self.page = self._past.pop(), ""
            self.read(page)

    def _go_to(self, heading: str) -> None:
        block = self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and slug(block.text()) == heading:
                self.setTextCursor(QTextCursor(block))
                bar = self.verticalScrollBar()
                bar.setValue(bar.value() + self.cursorRect().top())
                return
            block = block.next()

    def _follow(self, url: QUrl) -> None:
        name = Path(url.path()).name
        if url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)
        elif not name and url.hasFragment():
            self._go_to(url.fragment())
        elif name == "README.md" and FIRST in pages():
            self.read(FIRST)
        elif name.endswith(".md") and name.removesuffix(".md") in pages():
            self.read(name.removesuffix(".md"), url.fragment())

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Formulas, and images that lie beside the pages: nothing is fetched."""
        url = QUrl(name)
        if url.scheme() == "equation":
            latex = self._formulas[int(url.path())]
            made = self._set.get(latex)
            return _source_of(latex, made is None) if made is None or made.isNull() else made
        if kind == QTextDocument.ResourceType.ImageResource.value and url.isRelative():
            return super().loadResource(kind, QUrl.fromLocalFile(str(paths.docs() / url.path())))
        return None


def _source_of(latex: str, awaited: bool) -> QImage:
    """The words of a formula that cannot be set; of one that is being set, about the room that it takes."""
    words = plain(latex)
    metrics = QFontMetrics(style.font(italic=True))
    image = QImage(metrics.horizontalAdvance(words[:60]) + 2, metrics.height(), QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    if not awaited:
        painter = QPainter(image)
        painter.setFont(style.font(italic=True))
        painter.setPen(QColor(style.current().text))
        painter.drawText(image.rect(), Qt.AlignmentFlag.AlignVCenter, words[:60])
        painter.end()
    return image


class Help(QDialog, style.Themed):
    """The list of pages and the reader, in a window that blocks nothing."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help — Score Explorer")
        self.list, self.reader = QListWidget(), Reader()
        self.list.setAccessibleName("Pages")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        for page in pages():
            item = QListWidgetItem(title(page), self.list)
            item.setData(Qt.ItemDataRole.UserRole, page)
            item.setToolTip(item.text())
        self.list.currentItemChanged.connect(self._chosen)
        self.back = Button("Back", "The page before (Alt+Left)")
        self.back.setShortcut("Alt+Left")
        self.back.clicked.connect(self._back)
        close = Button("Close", "Esc", primary=True)
        close.clicked.connect(self.close)
        self.reader.textChanged.connect(self._told)
        halves = QSplitter()
        halves.addWidget(self.list)
        halves.addWidget(self.reader)
        halves.setStretchFactor(1, 1)
        halves.setSizes([style.px(250), style.px(600)])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(*[style.px(12)] * 4)
        whole.addWidget(halves, 1)
        whole.addLayout(row(self.back, 1, close))
        room = parent.size()
        self.resize(min(style.px(920), room.width() - 20), min(style.px(640), room.height() - 40))

    def set_theme(self, theme: Theme) -> None:
        """Set the formulas in the ink of `theme`."""
        self.reader.forget()

    def read(self, page: str) -> None:
        """Show a page, and bring the window to the front."""
        self.reader.read(page)
        self.show()
        self.list.doItemsLayout()  # with the room that the style sheet, which has come by now, asks for
        self.raise_()
        self.activateWindow()
        self.reader.setFocus()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.reader.stop()
        super().closeEvent(event)

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.data(Qt.ItemDataRole.UserRole) != self.reader.page:
            self.reader.read(item.data(Qt.ItemDataRole.UserRole))

    def _back(self) -> None:
        self.reader.go_back()

    def _told(self) -> None:
        """Mark the page that is shown in the list."""
        self.back.setEnabled(self.reader.can_return())
        for i in range(self.list.count()):
            if self.list.item(i).data(Qt.ItemDataRole.UserRole) == self.reader.page:
                self.list.setCurrentRow(i)


def page_for(window: Window) -> str:
    """The page about what has the focus, or what the mouse is on; else about the laboratory, or the first one."""
    images = window.shown_experiment().pictures is not None
    about = {
        window.data: "images" if images else "distributions",
        window.process: "sdes",
        window.score: "training-pictures" if images else "scores-and-training",
        window.sampler: "samplers",
        window.control: "control-pictures" if images else "control",
        window.right: "metrics",
    } | window.right.help_pages()
    for start in (window.focusWidget(), window.childAt(window.mapFromGlobal(window.cursor().pos()))):
        for widget in _upwards(start):
            if widget in about:
                return about[widget]
    if window.on_page:
        name = window.labs.lab.name if window.labs.lab is not None else ""
        return LAB_PAGES.get(
            name, name.replace("_", "-") if name.replace("_", "-") in pages() else "laboratories"
        )
    return FIRST if FIRST in pages() else pages()[0]


def _upwards(widget: QWidget | None) -> Iterator[QWidget]:
    while widget is not None:
        yield widget
        widget = widget.parentWidget()
