"""The main window: cards at the left, stages in the centre, time below, meaning at the right.

It computes nothing: it edits the session's document, lets the session tick, and shows what it says.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMenu,
    QMenuBar,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from explorer.data.distributions import Distribution
from explorer.experiment.defaults import default_score
from explorer.experiment.schema import Experiment
from explorer.figures.theme import theme as theme_named
from explorer.guidance.own_image import own_levels
from explorer.session import Session
from explorer.session.document import BESIDE
from explorer.ui.cards.cards import EditCard, ProcessCard, SamplerCard, ScoreCard
from explorer.ui.cards.conditioning_card import ControlCard
from explorer.ui.cards.data_card import DataCard
from explorer.ui.cards.panels import MeaningColumn
from explorer.ui.dialogs.shortcuts_overlay import ShortcutsOverlay
from explorer.ui.files.documents import Documents
from explorer.ui.files.file_kinds import PICTURE_FILTERS
from explorer.ui.files.own_images import at_hand
from explorer.ui.stage.canvas import Choice, choose
from explorer.ui.stage.caption import Caption
from explorer.ui.stage.stage import StagePanel
from explorer.ui.stage.timeline import Timeline
from explorer.ui.widgets import style
from explorer.ui.widgets.controls import Segmented
from explorer.ui.widgets.focus import FocusKeeper
from explorer.ui.widgets.labels import Badge, Button, ElidedLabel, row
from explorer.ui.widgets.mnemonics import keep, renew
from explorer.ui.widgets.notices import NoticeBar
from explorer.ui.widgets.sides import SideColumn
from explorer.ui.window import control_menu, placement
from explorer.ui.window.actions import build_menus, letter_menus, shortcuts
from explorer.ui.window.base import Window
from explorer.ui.window.commands import Commands
from explorer.ui.window.laboratories import Laboratories
from explorer.ui.window.stage_hand import StageHand
from explorer.ui.window.telling import Telling
from explorer.ui.window.top_bar import TopBar

if TYPE_CHECKING:
    from explorer.ui.dialogs.export_dialog import ExportPanel
    from explorer.ui.window.draw import DrawTool
    from explorer.ui.window.help import Help

#: Milliseconds between ticks, between ticks while something is awaited, and between refreshes of charts and words.
TICK_MS, WAITING_MS, WORDS_MS = 16, 4, 100
#: The least width of the stage, in pixels of 13 px text, that two columns may leave.
LEAST_STAGE = 260
#: A window of fewer pixels across leaves the stage too little room beside words for a projector.
NARROW = 1700
#: Commands that mean nothing for pictures.
POINT_LAYERS = (
    "layer_particles", "layer_trails", "layer_density", "layer_contours", "layer_data", "layer_moves", "next_field",
    "layer_guidance", "layer_conditional", "layer_space", "next_kind",
)  # fmt: skip


class MainWindow(Window):
    """Holds the widgets and passes things between them and the session."""

    moved = Signal()  # the first picture is on the stage

    def __init__(self, session: Session, settings: QSettings, choice: Choice | None = None) -> None:
        # Before any widget, the window too: those that a style sheet comes to keep the font that they were made with.
        theme_name = str(settings.value("theme", "dark"))
        style.prepare(QApplication.instance(), theme_named(theme_name))  # type: ignore[arg-type]
        super().__init__()
        self.session, self.settings, self.theme_name = session, settings, theme_name
        self.presentation = False
        self.selected = "A"
        self.ready = self._moves = False
        self.left_shown = self.right_shown = self._left_first = True
        #: The column in the place of the stage, where there is room for one of them only.
        self._instead: QWidget | None = None
        self._had_room = (True, True)
        self._last_tick = time.perf_counter()
        self._time_at = self._words_at = 0.0
        self._control = 0
        self._column: QWidget | None = None
        self.setWindowTitle("Score Explorer")
        self._make_stages(choice or choose())
        self._make_left()
        self.middle = QWidget()
        self.right = MeaningColumn(session)
        self.timeline = Timeline()
        self._lay_out()
        self.notices = NoticeBar(self.middle)
        self._connect()
        self.documents, self.telling = Documents(self), Telling(self)
        self.documents.opened.connect(self.caption.clear)
        self.overlay = ShortcutsOverlay(self, shortcuts())
        self.dress()
        self.refresh()
        self.focus = FocusKeeper(self)
        self.setFocus()  # no ring about the first button before somebody asks for one
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    # --- building ----------------------------------------------------------------------------------------

    def _make_stages(self, choice: Choice) -> None:
        self.stages = {name: StagePanel(name, choice) for name in ("A", "B")}
        self.stage_badge = Badge(parent=self)
        self._show_choice(choice)
        for stage in self.stages.values():
            stage.canvas.changed.connect(self._show_choice)
        self.hand = StageHand(self)

    def _show_choice(self, choice: Choice) -> None:
        self.stage_badge.set("OpenGL" if choice.kind == "opengl" else "no OpenGL")
        self.stage_badge.setToolTip(f"The stage is drawn by {choice.kind}: {choice.reason}")

    def _make_left(self) -> None:
        e = self.session.document.experiment
        self.left = SideColumn(300)
        self.data, self.process = DataCard(e.data), ProcessCard(e.sde)
        self.score, self.sampler, self.control = ScoreCard(e.score), SamplerCard(e), ControlCard(e)
        self.which = Segmented(
            [("A", "Stage A", "Edit the first stage"), ("B", "Stage B", "Edit the second stage")]
        )
        self.which.changed.connect(self.select)
        for card in (self.data, self.which, self.process, self.score, self.sampler, self.control):
            self.left.add(card)

    def _lay_out(self) -> None:
        self.bar = QMenuBar()
        self.bar.setNativeMenuBar(False)
        self.commands = Commands(self)
        self.actions_by_slot = build_menus(self.bar, self, self.commands)
        self.recent_menu = QMenu("Open recent", self)
        self.recent_menu.aboutToShow.connect(lambda: self.documents.fill_recent(self.recent_menu))
        file_menu = self.actions_by_slot["save"].associatedObjects()[0]
        assert isinstance(file_menu, QMenu)
        file_menu.insertMenu(self.actions_by_slot["save"], self.recent_menu)
        process_menu = self.actions_by_slot["gallery"].associatedObjects()[0]
        assert isinstance(process_menu, QMenu)
        self.control_menu = control_menu.add_to(process_menu, self)
        self._make_lab_menus()
        self.device_badge = Badge(parent=self)
        self.compare_button = Button("Compare A | B", "Two settings side by side on the same noise (B)")
        self.compare_button.setCheckable(True)
        self.compare_button.clicked.connect(self.commands.compare)
        self.labs_button = Button(
            "Laboratories", "Every idea of the theory, taken apart and measured (Ctrl+L)"
        )
        self.labs_button.setCheckable(True)
        self.labs_button.clicked.connect(self.commands.laboratories)
        export = Button("Export animation", "Video, image or data (Ctrl+E)", primary=True)
        export.clicked.connect(self.commands.export)
        buttons = (self.labs_button, self.compare_button, export)
        self.top = TopBar(self.bar, self.more_menu, (self.device_badge, self.stage_badge), buttons)
        self.middle.setMinimumWidth(LEAST_STAGE // 2)  # or the widest page would keep the window wide
        whole_middle = QVBoxLayout(self.middle)  # whose margin the notices of a page stand in
        whole_middle.setContentsMargins(0, 0, 0, 0)
        self.pages = QStackedLayout()
        whole_middle.addLayout(self.pages)
        stages = QWidget()
        self.pages.addWidget(stages)
        self.caption = Caption()
        around = QVBoxLayout(stages)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(style.px(8))
        side_by_side = QHBoxLayout()
        side_by_side.setSpacing(style.px(8))
        around.addWidget(self.caption)
        around.addLayout(side_by_side, 1)
        for stage in self.stages.values():
            side_by_side.addWidget(stage, 1)
        self.stages["B"].hide()
        middle = self.columns = row(self.left, self.middle, self.right, spacing=10)
        middle.setStretch(1, 1)
        middle.setContentsMargins(style.px(10), style.px(10), style.px(10), style.px(6))
        self.advice = ElidedLabel("", "advice")
        self.advice.setContentsMargins(style.px(16), 0, style.px(16), style.px(4))
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addLayout(middle, 1)
        column.addWidget(self.advice)
        column.addWidget(self.timeline)
        self.setCentralWidget(whole)

    def _make_lab_menus(self) -> None:
        """Laboratories by section, and the scenes: filled when first opened, for that imports them all."""
        self.labs = Laboratories(self)
        labs_menu = self.actions_by_slot["laboratories"].associatedObjects()[0]
        help_menu = self.actions_by_slot["about"].associatedObjects()[0]
        assert isinstance(labs_menu, QMenu) and isinstance(help_menu, QMenu)
        self.labs_menu, self.scenes_menu = labs_menu, QMenu("Scenes", self)
        self.bar.insertMenu(help_menu.menuAction(), self.scenes_menu)
        labs_menu.aboutToShow.connect(self._fill_labs)
        self.scenes_menu.aboutToShow.connect(self._fill_scenes)
        for menu in (self.scenes_menu, self.recent_menu, self.control_menu):
            keep(menu)
        self.more_menu: QMenu = self.bar.addMenu("More")  # what a narrow window has no room for
        letter_menus(self.bar)

    def _fill_labs(self) -> None:
        from explorer.ui.labs.menus import fill_labs

        fill_labs(self.labs_menu, self.labs.open, self.labs.reason_against)
        renew(self.labs_menu)

    def _fill_scenes(self) -> None:
        from explorer.ui.labs.menus import fill_scenes

        fill_scenes(self.scenes_menu, self.labs.play_scene)

    def _connect(self) -> None:
        edits: list[tuple[EditCard, str]] = [
            (self.data, "data"), (self.process, "sde"), (self.score, "score"), (self.sampler, "sampler"),
            (self.control, "control"),
        ]  # fmt: skip
        for card, part in edits:
            card.edited.connect(partial(self._edited, card, part))
            card.finished.connect(self.end_drag)
            card.refused.connect(lambda text: self.notices.show_notice(text, "warn"))
        self.data.draw_pressed.connect(self.commands.draw_data)
        self.data.import_pressed.connect(self.commands.import_data)
        self.data.folder_pressed.connect(self.commands.import_folder)
        self.data.several_pressed.connect(self.commands.import_pictures)
        self.data.columns_pressed.connect(self.commands.choose_columns)
        self.control.classifier_pressed.connect(self.session.networks.train_classifier)
        self.control.labels_pressed.connect(self._train_with_labels)
        self.control.open_pressed.connect(self._open_own_picture)
        self.sampler.seed_edited.connect(lambda e: self.edit("seed", e.seed))
        self.right.look_edited.connect(self.edit_look)
        self.right.layers.finished.connect(self.end_drag)
        self.score.train_pressed.connect(self.commands.train)
        self.score.pause_pressed.connect(self.commands.pause_training)
        self.score.reset_pressed.connect(self.commands.reset_training)
        self.score.resume_pressed.connect(self.commands.resume_training)
        self.score.on_pressed.connect(self.commands.train_on)
        self.score.smaller_pressed.connect(self.commands.train_smaller)
        timeline, head = self.timeline, self.session.playhead
        timeline.set_loop(head.loop)
        timeline.play_toggled.connect(self.commands.toggle_play)
        timeline.stepped.connect(self.session.step)
        timeline.scrubbed.connect(self._scrub)
        timeline.speed_changed.connect(lambda speed: setattr(head, "speed", speed))
        timeline.loop_toggled.connect(lambda on: setattr(head, "loop", on))
        timeline.direction_changed.connect(lambda way: setattr(head, "direction", way))

    @cached_property
    def help(self) -> Help:
        """The pages of the docs (made when first used)."""
        from explorer.ui.window.help import Help

        return Help(self)

    @cached_property
    def drawing(self) -> DrawTool:
        """The tool that draws data (made when first used)."""
        from explorer.ui.window.draw import DrawTool

        return DrawTool(self)

    @cached_property
    def exporting(self) -> ExportPanel:
        """The export panel (made when first used: it loads the encoders)."""
        from explorer.ui.dialogs.export_dialog import ExportPanel

        return ExportPanel(self, self.documents.spared)

    # --- editing -----------------------------------------------------------------------------------------

    def _edited(self, card: EditCard, part: str, value: Any) -> None:
        """Take what a person set in a card; what that adds to the card is brought into view."""
        before = card.sizeHint().height()
        self.edit(part, value)
        if card.sizeHint().height() > before + style.px(20):
            self.left.reveal(card)

    def edit(self, part: str, value: Any) -> None:
        """Set data, sde, score, sampler, control or seed of the selected stage (B has its own of `BESIDE`)."""
        document = self.session.document
        second = self.selected == "B" and document.compare is not None
        if second and part in BESIDE:
            assert document.compare is not None
            changed = replace(document, compare=replace(document.compare, **{part: value}))
            if part == "sampler":  # both stages move the same particles
                a = document.experiment
                sampler = replace(a.sampler, particles=value.particles)
                changed = replace(changed, experiment=replace(a, sampler=sampler))
        elif part == "data":
            return self.set_data(value)
        else:
            changed = replace(document, experiment=replace(document.experiment, **{part: value}))
        self.change(changed, part)

    def set_data(self, data: Distribution) -> None:
        """Other data; those that must be read first come when they have been."""
        if not at_hand(data):
            return self.documents.pictures.bring(data)
        self.documents.pictures.drop()
        self.session.set_data(data, control=f"data{self._control}")
        self.hurry()
        self.refresh()

    def edit_look(self, look: Any) -> None:
        """Set the look."""
        self.change(replace(self.session.document, look=look), "look")

    def change(self, document: Any, part: str) -> None:
        self.session.edit(document, control=f"{part}{self._control}")
        self.hurry()
        self.refresh()

    def hurry(self) -> None:
        """Let the next tick come soon."""
        if self._timer.interval() != WAITING_MS:  # setting it starts it anew: under a drag it would never end
            self._timer.setInterval(WAITING_MS)

    def end_drag(self) -> None:
        """The next edit is a new step of undo."""
        self._control += 1

    def select(self, name: str) -> None:
        """Let the cards edit stage A or B."""
        self.selected = name if name in self.session.shown else "A"
        self.session.lab_stage = self.selected
        self.refresh()

    def _scrub(self, index: int) -> None:
        self.session.playhead.playing = False
        here = self.session.showing.place("A")
        if here is not None:
            last = max(self.timeline.scrubber.maximum(), 1)
            self.session.playhead.seek(index / last)

    # --- showing -----------------------------------------------------------------------------------------

    def shown_experiment(self) -> Experiment:
        return self.session.experiment(self.selected) or self.session.document.experiment

    def refresh(self) -> None:
        """Show the document in all cards."""
        document = self.session.document
        if self.selected not in self.session.shown:
            self.selected = self.session.lab_stage = "A"
        e, shown = document.experiment, self.shown_experiment()
        two = document.compare is not None
        self.labs.end_scene()
        self.data.set_data(e.data)
        self.score.set_score(e.score, e.pictures is not None, default_score(e), self.session.networks.source)
        self.process.set_sde(shown.sde, shown.pictures is not None)
        self.sampler.set_experiment(shown)
        self.control.set_experiment(shown)
        self.which.setVisible(two)
        self.which.set_value(self.selected)
        self.stages["B"].setVisible(two)
        self.compare_button.setChecked(two)
        self.actions_by_slot["compare"].setChecked(two)
        for stage in self.stages.values():
            stage.set_shape(e.data.dim == 1, document.look.space, e.pictures is not None)
        for slot in POINT_LAYERS:
            self.actions_by_slot[slot].setEnabled(e.pictures is None)
        self.actions_by_slot["undo"].setEnabled(self.session.history.can_undo)
        self.actions_by_slot["redo"].setEnabled(self.session.history.can_redo)
        self._words_at = 0.0  # headings and charts at the next tick

    def _tick(self) -> None:
        now = time.perf_counter()
        fresh = self.session.tick(min(now - self._last_tick, 0.25))
        self._last_tick = now
        self._timer.setInterval(WAITING_MS if self.session.waiting else TICK_MS)
        theme = theme_named(self.theme_name)
        for name in fresh:
            picture = self.session.showing.pictures[name]
            self.stages[name].show_marks(picture.marks, theme)
            self.stages[name].set_outside(picture.outside)
        if fresh and not self._moves:
            self._moves = True
            self.moved.emit()
        for name, text in self.session.showing.probes.items():
            self.stages[name].show_probe(text)
        self.session.showing.probes.clear()
        self._tell()
        self.labs.refresh()
        if fresh or now >= self._time_at:
            self._time_at = now + TICK_MS / 1000
            self.telling.time()
        if now >= self._words_at:
            self._words_at = now + WORDS_MS / 1000
            self.telling.slowly()

    def _open_own_picture(self) -> None:
        """Ask for the picture that a control is to fill in."""
        data = self.shown_experiment().pictures
        if data is None:
            return

        def taken(read: tuple[tuple[int, ...], str]) -> None:
            self.control.picture.take(read[0])
            self.notices.show_notice(read[1])

        self.documents.ask_and_read("Open an image", PICTURE_FILTERS, partial(own_levels, data=data), taken)

    def _train_with_labels(self) -> None:
        """Train a network that is told the classes, and show its settings."""
        self.session.networks.train_with_labels()
        self.refresh()

    def _tell(self) -> None:
        """Show what the session says, and take away what it offers no more."""
        said = self.session.notices
        while said.withdrawn:
            self.notices.settle(said.withdrawn.pop())
        while said:
            notice = said.popleft()
            words_of, method = notice.action
            action = (words_of, partial(self._act, method)) if words_of else None
            self.notices.show_notice(notice.text, notice.level, action, method)

    def _act(self, method: str) -> None:
        """Do what a notice of the session offers."""
        getattr(self.session.networks, method)()
        self.refresh()

    def dress(self) -> None:
        """Take the theme and the text size in force."""
        style.apply(self._app, theme_named(self.theme_name), self._text)
        for side in self.findChildren(SideColumn):
            side.rescale()
        self.notices.rescale()
        self.overlay.rescale()
        narrow = self.presentation and self.width() < NARROW
        self.top.set_badges(not narrow)
        self.right_shown = not narrow
        self.show_columns()
        # Not what both columns need: one of them gives way where the window is narrow.
        self.setMinimumWidth(max(bar.minimumSizeHint().width() for bar in (self.top, self.timeline)))
        for name, picture in self.session.showing.pictures.items():
            self.stages[name].show_marks(picture.marks, theme_named(self.theme_name))

    @property
    def _app(self) -> Any:
        return QApplication.instance()

    @property
    def _text(self) -> int:
        """Pixels of the words."""
        return style.PROJECTED if self.presentation else style.TEXT

    @property
    def on_page(self) -> bool:
        """Whether a laboratory or the gallery is shown in the place of the stages."""
        return self.pages.currentIndex() > 0

    def show_page(self, page: QWidget | None, column: QWidget | None) -> None:
        """Show this in the middle, and this at the right; None for the stages and what they mean."""
        focus = self.focusWidget()
        self._column, self._instead = column, None
        self._left_first = page is None
        self.pages.setCurrentIndex(0 if page is None else self.pages.indexOf(page))
        self.session.stages_hidden = page is not None
        self.notices.set_docked(page is not None)
        self.labs_button.setChecked(page is not None)
        self.show_columns()
        left = page is None and focus is self.labs_button  # which was pressed to come to the page
        if left or (focus is not None and not focus.isVisible()):
            self.setFocus()  # else a button has it, with a ring that nobody asked for
        self.hurry()

    def show_columns(self) -> None:
        """The cards at the left, and the right column of what is in the middle, as far as they are wanted.

        A cramped window has room for one of them: the one that was asked for last. A tight one has room for none
        beside the stage: there the one that is asked for stands in its place.
        """
        self._had_room = self._room()
        wanted = self._column if self.on_page else self.right
        left = self.left_shown
        right = wanted is not None and (self.right_shown or wanted is not self.right)
        if self.tight:
            left, right = self._instead is self.left, wanted is not None and self._instead is self.right
        elif self.cramped and left and right:
            left, right = self._left_first, not self._left_first
        self.middle.setVisible(not (self.tight and (left or right)))
        columns = [column for column in self.findChildren(SideColumn) if column is not self.left]
        shown = {column: right and column is wanted for column in columns} | {self.left: left}
        # those that go first: more at a time would make the window wider
        for column in sorted(shown, key=lambda column: shown[column]):
            column.setVisible(shown[column])

    def show_left(self, shown: bool) -> None:
        """Show or hide the cards."""
        self._instead = self.left if shown else None
        if not self.tight:
            self.left_shown = shown
            self._left_first = shown or self._left_first
        self.show_columns()

    def show_right(self, shown: bool) -> None:
        """Show or hide what the stage means."""
        self._instead = self.right if shown else None
        if not self.tight:
            self.right_shown = shown
            self._left_first = not shown and self._left_first
        self.show_columns()

    @property
    def cramped(self) -> bool:
        """Whether the window has room for one column beside the stage only."""
        return self.width() < style.px(LEAST_STAGE) + self.left.width() + self.right.width()

    @property
    def tight(self) -> bool:
        """Whether the window has no room for a column beside the stage."""
        return self.width() < style.px(LEAST_STAGE) + self.left.width()

    def _room(self) -> tuple[bool, bool]:
        return not self.cramped, not self.tight

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._room() != self._had_room:
            self._instead = None
            self.show_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape or not (self.labs.escape() or self._all_pictures()):
            super().keyPressEvent(event)

    def _all_pictures(self) -> bool:
        """Back from one picture to all; False where all are shown."""
        document = self.session.document
        if document.experiment.pictures is None or not document.look.picture:
            return False
        self.hand.show_large(None)
        return True

    def start(self) -> None:
        """Begin to compute: called when torch has loaded."""
        self.ready = True
        self.draw_charts()
        self.session.start()
        self.session.playhead.playing = True
        self.refresh()

    def draw_charts(self) -> None:
        """Have the charts at the right from now on: called when what draws them has loaded."""
        self.right.charted = True
        self._words_at = 0.0

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop all threads before the window goes."""
        self._timer.stop()
        placement.remember(self, self.settings)
        self.labs.shut_down()
        if "exporting" in self.__dict__:
            self.exporting.shut_down()
        self.documents.shut_down()
        self.session.close()
        event.accept()
