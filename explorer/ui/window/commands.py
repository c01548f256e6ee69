"""What the commands of the menus do. Each public method is a slot of `actions.COMMANDS`."""

from __future__ import annotations

from dataclasses import replace
from functools import partialmethod
from typing import TYPE_CHECKING, Any

from explorer.experiment.defaults import in_mode, other_mode
from explorer.experiment.view_settings import FIELD_KINDS, FIELDS
from explorer.ui.cards.panels import in_use
from explorer.ui.stage.timeline import SPEEDS
from explorer.ui.window import control_menu

if TYPE_CHECKING:
    from explorer.ui.window.base import Window


class Commands:
    """The slots of the commands, for one window."""

    def __init__(self, window: Window) -> None:
        self.window = window

    # --- file and edit ------------------------------------------------------------------------------------

    def new(self) -> None:
        """Start over with the first experiment; undo brings the old one back."""
        self.window.documents.new()

    def open(self) -> None:
        """Open any file the program knows."""
        self.window.documents.open()

    def save(self) -> None:
        """Save the experiment."""
        self.window.documents.save()

    def save_as(self) -> None:
        """Save the experiment under another name."""
        self.window.documents.save_as()

    def import_data(self) -> None:
        """Take points or an image from a file as the data."""
        self.window.documents.import_data()

    def import_folder(self) -> None:
        """Take the pictures of a folder as the data."""
        self.window.documents.pictures.ask_for_folder()

    def import_pictures(self) -> None:
        """Take several pictures as the data."""
        self.window.documents.pictures.ask_for_several()

    def choose_columns(self) -> None:
        """Choose anew what is taken of the data's own file."""
        self.window.documents.tables.ask_again()

    def open_model(self) -> None:
        """Use a network from a file."""
        self.window.documents.open_model()

    def save_model(self) -> None:
        """Save the trained network."""
        self.window.documents.save_model()

    def quit(self) -> None:
        """Close the window; everything is kept."""
        self.window.close()

    def export(self) -> None:
        """Open the export panel."""
        self.window.exporting.open_panel()

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        self.window.exporting.copy_picture()

    def copy_script(self) -> None:
        """Put a Python script of the experiment on the clipboard."""
        self.window.exporting.copy_script()

    def draw_data(self) -> None:
        """Draw a distribution with the mouse."""
        self.window.labs.close()
        self.window.drawing.start()

    def undo(self) -> None:
        """One step back."""
        self.window.session.undo()
        self.window.refresh()

    def redo(self) -> None:
        """One step forward."""
        self.window.session.redo()
        self.window.refresh()

    def new_seed(self) -> None:
        """Other noise."""
        self.window.edit("seed", (self.window.session.document.experiment.seed + 1) % 2**31)
        self.window.end_drag()

    # --- time ---------------------------------------------------------------------------------------------

    def toggle_play(self) -> None:
        """Play or pause."""
        self.window.session.playhead.toggle()

    def step_forward(self) -> None:
        """One sub-step forward."""
        self.window.session.step(1)

    def step_back(self) -> None:
        """One sub-step back."""
        self.window.session.step(-1)

    def to_start(self) -> None:
        """To the start of the run."""
        self.window.session.playhead.seek(0.0)

    def to_end(self) -> None:
        """To the end of the run."""
        self.window.session.playhead.seek(1.0)

    def faster(self) -> None:
        """The next higher speed."""
        self._speed(min((s for s in SPEEDS if s > self.window.session.playhead.speed), default=max(SPEEDS)))

    def slower(self) -> None:
        """The next lower speed."""
        self._speed(max((s for s in SPEEDS if s < self.window.session.playhead.speed), default=min(SPEEDS)))

    def _speed(self, speed: float) -> None:
        self.window.session.playhead.speed = speed
        self.window.timeline.set_speed(speed)

    def toggle_loop(self) -> None:
        """Whether the end starts over."""
        self.window.session.playhead.loop = not self.window.session.playhead.loop
        self.window.timeline.set_loop(self.window.session.playhead.loop)

    def toggle_direction(self) -> None:
        """Which way it plays."""
        self.window.session.playhead.direction *= -1
        self.window.timeline.set_direction(self.window.session.playhead.direction)

    # --- sampler and training -----------------------------------------------------------------------------

    def set_mode(self, mode: str) -> None:
        """Choose the mode of the selected stage."""
        self.window.end_drag()
        self.window.edit("sampler", in_mode(self.window.shown_experiment(), mode))

    def choose_sde(self, name: str) -> None:
        """Choose the SDE of the selected stage."""
        self.window.end_drag()
        self.window.process.choose(name)

    sde_ve = partialmethod(choose_sde, "ve")
    sde_vp = partialmethod(choose_sde, "vp")
    sde_subvp = partialmethod(choose_sde, "subvp")
    sde_exponential = partialmethod(choose_sde, "exponential")

    def choose_score(self, source: str) -> None:
        """Choose where the score comes from."""
        self.window.end_drag()
        self.window.edit("score", replace(self.window.session.document.experiment.score, source=source))

    score_exact = partialmethod(choose_score, "exact")
    score_pretrained = partialmethod(choose_score, "pretrained")
    score_trained = partialmethod(choose_score, "trained")

    def next_control(self) -> None:
        """The next thing that can be asked of the samples."""
        control_menu.choose_next(self.window)

    def next_class(self) -> None:
        """Ask for the next class."""
        control_menu.choose_next_class(self.window)

    def gallery(self) -> None:
        """Open the whole gallery."""
        self.window.data.gallery.open_all()

    mode_forward = partialmethod(set_mode, "forward")
    mode_reverse = partialmethod(set_mode, "reverse")
    mode_ode = partialmethod(set_mode, "ode")
    mode_pc = partialmethod(set_mode, "pc")
    mode_langevin = partialmethod(set_mode, "langevin")
    mode_annealed = partialmethod(set_mode, "annealed")

    def compare(self) -> None:
        """A second stage with the ODE beside an SDE (or the SDE beside an ODE), or back to one."""
        document = self.window.session.document
        e = document.experiment
        second = None if document.compare else replace(e, sampler=in_mode(e, other_mode(e.sampler.mode)))
        self.window.end_drag()
        self.window.change(replace(document, compare=second), "compare")
        self.window.select("B" if second else "A")

    def swap(self) -> None:
        """Exchange the settings of A and B."""
        document = self.window.session.document
        if document.compare is not None:
            self.window.end_drag()
            swapped = replace(document, experiment=document.compare, compare=document.experiment)
            self.window.change(swapped, "swap")

    def other_stage(self) -> None:
        """Let the cards edit the other of two stages."""
        self.window.select("B" if self.window.selected == "A" else "A")

    def train(self) -> None:
        """Train a network for this experiment."""
        if not self.window.ready:
            return
        self.window.session.networks.train()
        self._show_training()

    def _show_training(self) -> None:
        """A training began: the chart of its loss is brought into view, where it is lower than the window."""
        self.window.refresh()
        self.window.right.reveal_loss()

    def pause_training(self) -> None:
        """Hold the training or go on; where there is none, go on with the one that was left."""
        trainer = self.window.session.networks.trainer
        if not trainer.running:
            self.resume_training()
        elif trainer.paused:
            trainer.resume()
        else:
            trainer.pause()
        self.window.telling.slowly()

    def resume_training(self) -> None:
        """Go on with the training of this data that was left."""
        if self.window.ready:
            self.window.session.networks.resume_training()
            self._show_training()

    def train_smaller(self) -> None:
        """Train a smaller network on images in place of the one that is too slow here."""
        if self.window.ready:
            self.window.session.networks.train_smaller()
            self._show_training()

    def train_on(self) -> None:
        """Train the network in use further."""
        if self.window.ready:
            self.window.session.networks.train_on()
            self._show_training()

    def reset_training(self) -> None:
        """Forget the trained network."""
        self.window.session.networks.reset_training()
        self.window.refresh()

    # --- laboratories -------------------------------------------------------------------------------------

    def laboratories(self) -> None:
        """Show all of them, or go back to the stage."""
        if self.window.on_page and self.window.labs.lab is None:
            self.window.labs.close()
        else:
            self.window.labs.open_gallery()

    def run_laboratory(self) -> None:
        """Run the open laboratory, or stop it."""
        self.window.labs.run_or_stop()

    def save_figures(self) -> None:
        """Save the figures of the open laboratory."""
        self.window.labs.ask_to_save(".png")

    def close_laboratory(self) -> None:
        """Back to the stage."""
        self.window.labs.close()

    # --- view ---------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show everything."""
        self.window.stages["A"].fit()

    def zoom_in(self) -> None:
        """Nearer."""
        self.window.stages["A"].zoom(1.25)

    def zoom_out(self) -> None:
        """Farther."""
        self.window.stages["A"].zoom(0.8)

    def toggle_layer(self, name: str) -> None:
        """Switch a layer of the stage."""
        look = self.window.session.document.look
        self.window.end_drag()
        switched: Any = {name: not getattr(look, name)}
        self.window.edit_look(replace(look, **switched))

    layer_particles = partialmethod(toggle_layer, "particles")
    layer_trails = partialmethod(toggle_layer, "trails")
    layer_density = partialmethod(toggle_layer, "density")
    layer_contours = partialmethod(toggle_layer, "contours")
    layer_data = partialmethod(toggle_layer, "data")
    layer_moves = partialmethod(toggle_layer, "moves")
    layer_follow = partialmethod(toggle_layer, "follow")
    layer_guidance = partialmethod(toggle_layer, "guidance")
    layer_conditional = partialmethod(toggle_layer, "conditional")
    layer_space = partialmethod(toggle_layer, "space")

    def next_field(self) -> None:
        """Learned, exact, difference, off, and around again; without a network exact, difference and off."""
        self._next("field", [f for f in FIELDS if f != "learned" or not self.window.session.networks.exact])

    def next_kind(self) -> None:
        """Score, noise, clean point and the other forms of one field, and around again."""
        self._next("field_kind", list(FIELD_KINDS))

    def _next(self, part: str, names: list[str]) -> None:
        look = self.window.session.document.look
        shown = getattr(in_use(look, self.window.session.networks.exact), part)
        new: Any = {part: names[(names.index(shown) + 1) % len(names)]}
        self.window.end_drag()
        self.window.edit_look(replace(look, **new))

    def toggle_left(self) -> None:
        """Hide or show the cards."""
        self.window.show_left(self.window.left.isHidden())

    def toggle_right(self) -> None:
        """Hide or show the charts."""
        self.window.show_right(self.window.right.isHidden())

    def toggle_theme(self) -> None:
        """Dark or light."""
        self.window.theme_name = "light" if self.window.theme_name == "dark" else "dark"
        self.window.settings.setValue("theme", self.window.theme_name)
        self.window.dress()

    def toggle_presentation(self) -> None:
        """Larger words, for a projector."""
        self.window.presentation = not self.window.presentation
        self.window.dress()

    def toggle_full_screen(self) -> None:
        """The whole screen, or the window again."""
        if self.window.isFullScreen():
            self.window.showNormal()
        else:
            self.window.showFullScreen()

    def help(self) -> None:
        """The page about what has the focus."""
        from explorer.ui.window.help import page_for

        self.window.help.read(page_for(self.window))

    def five_minutes(self) -> None:
        """What to try first."""
        from explorer.ui.window.help import FIRST

        self.window.help.read(FIRST)

    def help_pages(self) -> None:
        """All pages, open at the last one."""
        from explorer.ui.window.help import pages

        self.window.help.read(self.window.help.reader.page or pages()[0])

    def menus(self) -> None:
        """Open the first menu; the arrow keys lead to the others."""
        self.window.bar.setActiveAction(self.window.bar.actions()[0])

    def shortcuts(self) -> None:
        """Show the keys."""
        self.window.overlay.toggle()

    def about(self) -> None:
        """Version, licences, papers."""
        from explorer.ui.dialogs.about import About

        About(self.window).open()
