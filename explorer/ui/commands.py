"""What the commands of the menus do. Mixed into the window; each public method is a slot of `actions.COMMANDS`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partialmethod
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QApplication

from explorer.document import Document
from explorer.look import FIELDS
from explorer.theme import theme as theme_named
from explorer.ui import style
from explorer.ui.actions import shortcuts
from explorer.ui.documents import Documents
from explorer.ui.shortcuts_overlay import ShortcutsOverlay
from explorer.ui.timeline import SPEEDS

if TYPE_CHECKING:
    from explorer.ui.draw import DrawTool
    from explorer.ui.export_dialog import ExportPanel
    from explorer.ui.window import MainWindow


class Commands:
    """The window's slots."""

    def make_tools(self: MainWindow) -> None:
        """Make what stands behind the commands."""
        self.documents = Documents(self)
        self.overlay = ShortcutsOverlay(self, shortcuts())
        self.data.draw_pressed.connect(lambda: self.draw_data())
        self.data.import_pressed.connect(lambda: self.import_data())

    @cached_property
    def drawing(self: MainWindow) -> DrawTool:
        """The tool that draws data (made when first used)."""
        from explorer.ui.draw import DrawTool

        return DrawTool(self)

    @cached_property
    def exporting(self: MainWindow) -> ExportPanel:
        """The export panel (made when first used: it loads the encoders)."""
        from explorer.ui.export_dialog import ExportPanel

        return ExportPanel(self)

    def close_tools(self: MainWindow) -> None:
        """Stop what stands behind the commands."""
        if "exporting" in self.__dict__:
            self.exporting.close()
        self.documents.shut_down()

    def show_document_state(self: MainWindow) -> None:
        """Title, undo and redo as they are now."""
        self.actions_by_slot["undo"].setEnabled(self.session.history.can_undo)
        self.actions_by_slot["redo"].setEnabled(self.session.history.can_redo)

    # --- file and edit ------------------------------------------------------------------------------------

    def new(self: MainWindow) -> None:
        """Start over with the first experiment; undo brings the old one back."""
        self.documents.new()

    def open(self: MainWindow) -> None:
        """Open any file the program knows."""
        self.documents.open()

    def save(self: MainWindow) -> None:
        """Save the experiment."""
        self.documents.save()

    def save_as(self: MainWindow) -> None:
        """Save the experiment under another name."""
        self.documents.save_as()

    def import_data(self: MainWindow) -> None:
        """Take points or an image from a file as the data."""
        self.documents.import_data()

    def open_model(self: MainWindow) -> None:
        """Use a network from a file."""
        self.documents.open_model()

    def save_model(self: MainWindow) -> None:
        """Save the trained network."""
        self.documents.save_model()

    def export(self: MainWindow) -> None:
        """Open the export panel."""
        self.exporting.open_panel()

    def copy_picture(self: MainWindow) -> None:
        """Put the picture on the clipboard."""
        self.exporting.copy_picture()

    def copy_script(self: MainWindow) -> None:
        """Put a Python script of the experiment on the clipboard."""
        self.exporting.copy_script()

    def draw_data(self: MainWindow) -> None:
        """Draw a distribution with the mouse."""
        self.drawing.start()

    def undo(self: MainWindow) -> None:
        """One step back."""
        self.session.undo()
        self.refresh()

    def redo(self: MainWindow) -> None:
        """One step forward."""
        self.session.redo()
        self.refresh()

    def new_seed(self: MainWindow) -> None:
        """Other noise."""
        self.edit("seed", self.session.document.experiment.seed + 1)
        self._end_drag()

    # --- time ---------------------------------------------------------------------------------------------

    def toggle_play(self: MainWindow) -> None:
        """Play or pause."""
        self.session.playhead.toggle()

    def step_forward(self: MainWindow) -> None:
        """One sub-step forward."""
        self.session.step(1)

    def step_back(self: MainWindow) -> None:
        """One sub-step back."""
        self.session.step(-1)

    def to_start(self: MainWindow) -> None:
        """To the start of the run."""
        self.session.playhead.seek(0.0)

    def to_end(self: MainWindow) -> None:
        """To the end of the run."""
        self.session.playhead.seek(1.0)

    def faster(self: MainWindow) -> None:
        """The next higher speed."""
        self._speed(min((s for s in SPEEDS if s > self.session.playhead.speed), default=max(SPEEDS)))

    def slower(self: MainWindow) -> None:
        """The next lower speed."""
        self._speed(max((s for s in SPEEDS if s < self.session.playhead.speed), default=min(SPEEDS)))

    def _speed(self: MainWindow, speed: float) -> None:
        self.session.playhead.speed = speed
        self.timeline.set_speed(speed)

    def toggle_loop(self: MainWindow) -> None:
        """Whether the end starts over."""
        self.session.playhead.loop = not self.session.playhead.loop
        self.timeline.set_loop(self.session.playhead.loop)

    def toggle_direction(self: MainWindow) -> None:
        """Which way it plays."""
        self.session.playhead.direction *= -1
        self.timeline.set_direction(self.session.playhead.direction)

    # --- sampler and training -----------------------------------------------------------------------------

    def set_mode(self: MainWindow, mode: str) -> None:
        """Choose the mode of the selected stage."""
        self._end_drag()
        self.edit("sampler", replace(self._shown_experiment().sampler, mode=mode))

    mode_forward = partialmethod(set_mode, "forward")
    mode_reverse = partialmethod(set_mode, "reverse")
    mode_ode = partialmethod(set_mode, "ode")
    mode_pc = partialmethod(set_mode, "pc")
    mode_langevin = partialmethod(set_mode, "langevin")
    mode_annealed = partialmethod(set_mode, "annealed")

    def compare(self: MainWindow) -> None:
        """A second stage with the ODE beside an SDE (or the SDE beside an ODE), or back to one."""
        document = self.session.document
        e = document.experiment
        other = "reverse" if e.sampler.mode == "ode" else "ode"
        second = None if document.compare else replace(e, sampler=replace(e.sampler, mode=other))
        self._end_drag()
        self._change(replace(document, compare=second), "compare")
        self.select("B" if second else "A")

    def swap(self: MainWindow) -> None:
        """Exchange the settings of A and B."""
        document = self.session.document
        if document.compare is not None:
            self._end_drag()
            self._change(Document(document.compare, document.experiment, document.look), "swap")

    def train(self: MainWindow) -> None:
        """Train a network for this experiment."""
        if not self._ready:
            return
        self.session.train()
        self.refresh()

    def pause_training(self: MainWindow) -> None:
        """Hold the training or go on."""
        trainer = self.session.trainer
        if trainer.paused:
            trainer.resume()
        else:
            trainer.pause()
        self._refresh_slowly()

    def reset_training(self: MainWindow) -> None:
        """Forget the trained network."""
        self.session.reset_training()
        self.refresh()

    # --- view ---------------------------------------------------------------------------------------------

    def fit(self: MainWindow) -> None:
        """Show everything."""
        self.stages["A"].fit()

    def zoom_in(self: MainWindow) -> None:
        """Nearer."""
        self.stages["A"].zoom(1.25)

    def zoom_out(self: MainWindow) -> None:
        """Farther."""
        self.stages["A"].zoom(0.8)

    def toggle_layer(self: MainWindow, name: str) -> None:
        """Switch a layer of the stage."""
        look = self.session.document.look
        self._end_drag()
        self.edit_look(replace(look, **{name: not getattr(look, name)}))

    layer_particles = partialmethod(toggle_layer, "particles")
    layer_trails = partialmethod(toggle_layer, "trails")
    layer_density = partialmethod(toggle_layer, "density")
    layer_contours = partialmethod(toggle_layer, "contours")
    layer_data = partialmethod(toggle_layer, "data")

    def next_field(self: MainWindow) -> None:
        """Learned, exact, difference, off, and around again."""
        look, names = self.session.document.look, list(FIELDS)
        self._end_drag()
        self.edit_look(replace(look, field=names[(names.index(look.field) + 1) % len(names)]))

    def toggle_left(self: MainWindow) -> None:
        """Hide or show the cards."""
        self.left.setVisible(not self.left.isVisible())

    def toggle_right(self: MainWindow) -> None:
        """Hide or show the charts."""
        self.right.setVisible(not self.right.isVisible())

    def toggle_theme(self: MainWindow) -> None:
        """Dark or light."""
        self.theme_name = "light" if self.theme_name == "dark" else "dark"
        self.settings.setValue("theme", self.theme_name)
        self.dress()

    def toggle_presentation(self: MainWindow) -> None:
        """Larger words, for a projector."""
        self.presentation = not self.presentation
        self.dress()

    def dress(self: MainWindow) -> None:
        """Take the theme and the text size in force."""
        app: Any = QApplication.instance()
        style.apply(app, theme_named(self.theme_name), presentation=self.presentation)
        for side in (self.left, self.right):
            side.rescale()
        for name, picture in self.session.pictures.items():
            self.stages[name].show_marks(picture.marks, theme_named(self.theme_name))

    def toggle_full_screen(self: MainWindow) -> None:
        """The whole screen, or the window again."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def shortcuts(self: MainWindow) -> None:
        """Show the keys."""
        self.overlay.toggle()

    def about(self: MainWindow) -> None:
        """Version, licences, papers."""
        from explorer.ui.about import About

        About(self).open()
