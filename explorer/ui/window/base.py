"""The main window as its parts see it: what they may read of it, and what they may have it do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSettings
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenuBar, QStackedLayout, QWidget

from explorer.experiment.schema import Experiment
from explorer.session import Session
from explorer.ui.cards.cards import ProcessCard, SamplerCard, ScoreCard
from explorer.ui.cards.conditioning_card import ControlCard
from explorer.ui.cards.data_card import DataCard
from explorer.ui.cards.panels import MeaningColumn
from explorer.ui.dialogs.shortcuts_overlay import ShortcutsOverlay
from explorer.ui.files.documents import Documents
from explorer.ui.stage.caption import Caption
from explorer.ui.stage.stage import StagePanel
from explorer.ui.stage.timeline import Timeline
from explorer.ui.widgets.focus import FocusKeeper
from explorer.ui.widgets.labels import Badge, ElidedLabel
from explorer.ui.widgets.notices import NoticeBar
from explorer.ui.widgets.sides import SideColumn
from explorer.ui.window.top_bar import TopBar

if TYPE_CHECKING:
    from explorer.ui.dialogs.export_dialog import ExportPanel
    from explorer.ui.window.draw import DrawTool


class Window(QMainWindow):
    """Declares; `window.MainWindow` builds. The parts here below import this and not each other."""

    session: Session
    settings: QSettings
    theme_name: str
    presentation: bool
    ready: bool
    #: The stage whose settings the cards show, "A" or "B".
    selected: str
    stages: dict[str, StagePanel]
    data: DataCard
    process: ProcessCard
    score: ScoreCard
    sampler: SamplerCard
    control: ControlCard
    left: SideColumn
    right: MeaningColumn
    columns: QHBoxLayout
    pages: QStackedLayout
    caption: Caption
    timeline: Timeline
    top: TopBar
    bar: QMenuBar
    advice: ElidedLabel
    device_badge: Badge
    notices: NoticeBar
    overlay: ShortcutsOverlay
    focus: FocusKeeper
    documents: Documents
    actions_by_slot: dict[str, QAction]
    #: `laboratories.Laboratories` and `telling.Telling`, which stand on this class.
    labs: Any
    telling: Any

    @property
    def help(self) -> Any:
        """`help.Help`, made when it is first asked for."""
        raise NotImplementedError

    @property
    def drawing(self) -> DrawTool:
        """The drawing board, made when it is first asked for."""
        raise NotImplementedError

    @property
    def exporting(self) -> ExportPanel:
        """The export panel, made when it is first asked for."""
        raise NotImplementedError

    @property
    def on_page(self) -> bool:
        """Whether a page stands in place of the stages."""
        raise NotImplementedError

    def shown_experiment(self) -> Experiment:
        """The experiment of the selected stage."""
        raise NotImplementedError

    def edit(self, part: str, value: Any) -> None:
        """Set a part of the selected experiment."""
        raise NotImplementedError

    def edit_look(self, look: Any) -> None:
        """Set what affects the picture alone."""
        raise NotImplementedError

    def change(self, document: Any, part: str) -> None:
        """Make `document` the current one."""
        raise NotImplementedError

    def hurry(self) -> None:
        """Tick again soon."""
        raise NotImplementedError

    def end_drag(self) -> None:
        """The edits so far are one step of undo."""
        raise NotImplementedError

    def select(self, name: str) -> None:
        """Let the cards show another stage."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show the session's document in the cards."""
        raise NotImplementedError

    def dress(self) -> None:
        """Put on the theme and the size of text."""
        raise NotImplementedError

    def show_page(self, page: QWidget | None, column: QWidget | None) -> None:
        """Show a page in place of the stages, and a column in place of the right one; None: back."""
        raise NotImplementedError

    def show_left(self, shown: bool) -> None:
        """Show or hide the column at the left."""
        raise NotImplementedError

    def show_right(self, shown: bool) -> None:
        """Show or hide the column at the right."""
        raise NotImplementedError
