"""Every command of the window, in one table: menus, shortcuts and the `?` overlay are made from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from explorer.ui.widgets.mnemonics import keep, letter


@dataclass(frozen=True)
class Command:
    """A command: where it stands, its words, its keys, and the name of the method that does it."""

    menu: str
    text: str
    keys: str
    slot: str
    checkable: bool = False


SEPARATOR = ""

COMMANDS: tuple[Command, ...] = (
    Command("File", "New", "Ctrl+N", "new"),
    Command("File", "Open…", "Ctrl+O", "open"),
    Command("File", "Save", "Ctrl+S", "save"),
    Command("File", "Save as…", "Ctrl+Shift+S", "save_as"),
    Command("File", SEPARATOR, "", ""),
    Command("File", "Import data…", "Ctrl+I", "import_data"),
    Command("File", "Choose columns…", "", "choose_columns"),
    Command("File", "Images from a folder…", "Ctrl+Shift+I", "import_folder"),
    Command("File", "Several images…", "", "import_pictures"),
    Command("File", "Open model…", "Ctrl+M", "open_model"),
    Command("File", "Save model…", "Ctrl+Shift+M", "save_model"),
    Command("File", SEPARATOR, "", ""),
    Command("File", "Export animation…", "Ctrl+E", "export"),
    Command("File", "Quit", "Ctrl+Q", "quit"),
    Command("Edit", "Undo", "Ctrl+Z", "undo"),
    Command("Edit", "Redo", "Ctrl+Shift+Z", "redo"),
    Command("Edit", SEPARATOR, "", ""),
    Command("Edit", "Copy image", "Ctrl+C", "copy_picture"),
    Command("Edit", "Copy as Python script", "Ctrl+Shift+C", "copy_script"),
    Command("Edit", SEPARATOR, "", ""),
    Command("Edit", "Draw data", "Ctrl+D", "draw_data"),
    Command("Edit", "New seed", "N", "new_seed"),
    Command("Play", "Play or pause", "Space", "toggle_play"),
    Command("Play", "Step forward", ".", "step_forward"),
    Command("Play", "Step back", ",", "step_back"),
    Command("Play", "To the start", "Home", "to_start"),
    Command("Play", "To the end", "End", "to_end"),
    Command("Play", "Faster", "Ctrl+.", "faster"),
    Command("Play", "Slower", "Ctrl+,", "slower"),
    Command("Play", "Loop", "L", "toggle_loop"),
    Command("Play", "Reverse direction", "R", "toggle_direction"),
    Command("Sampler", "Forward", "1", "mode_forward"),
    Command("Sampler", "Reverse SDE", "2", "mode_reverse"),
    Command("Sampler", "Probability-flow ODE", "3", "mode_ode"),
    Command("Sampler", "Predictor-corrector", "4", "mode_pc"),
    Command("Sampler", "Langevin", "5", "mode_langevin"),
    Command("Sampler", "Annealed Langevin", "6", "mode_annealed"),
    Command("Sampler", SEPARATOR, "", ""),
    Command("Sampler", "Compare A | B", "B", "compare", checkable=True),
    Command("Sampler", "Swap A and B", "Ctrl+B", "swap"),
    Command("Sampler", "Edit the other stage", "X", "other_stage"),
    Command("Sampler", SEPARATOR, "", ""),
    Command("Sampler", "Train", "Ctrl+T", "train"),
    Command("Sampler", "Continue training the network in use", "Ctrl+Alt+T", "train_on"),
    Command("Sampler", "Pause or resume training", "Ctrl+P", "pause_training"),
    Command("Sampler", "Reset training", "Ctrl+Shift+T", "reset_training"),
    Command("Process", "VE", "Alt+1", "sde_ve"),
    Command("Process", "VP", "Alt+2", "sde_vp"),
    Command("Process", "sub-VP", "Alt+3", "sde_subvp"),
    Command("Process", "dx = sᵗ dw", "Alt+4", "sde_exponential"),
    Command("Process", SEPARATOR, "", ""),
    Command("Process", "Exact score", "Alt+E", "score_exact"),
    Command("Process", "Pretrained score", "Alt+P", "score_pretrained"),
    Command("Process", "Score trained here", "Alt+T", "score_trained"),
    Command("Process", SEPARATOR, "", ""),
    Command("Process", "Next control", "Alt+C", "next_control"),
    Command("Process", "Next class", "Alt+K", "next_class"),
    Command("Process", SEPARATOR, "", ""),
    Command("Process", "All distributions", "G", "gallery"),
    Command("View", "Fit", "F", "fit"),
    Command("View", "Zoom in", "Ctrl++", "zoom_in"),
    Command("View", "Zoom out", "Ctrl+-", "zoom_out"),
    Command("View", SEPARATOR, "", ""),
    Command("View", "Particles", "Shift+P", "layer_particles"),
    Command("View", "Trajectories", "Shift+T", "layer_trails"),
    Command("View", "Density", "Shift+D", "layer_density"),
    Command("View", "Contours", "Shift+C", "layer_contours"),
    Command("View", "Data", "Shift+A", "layer_data"),
    Command("View", "Predictor-corrector steps", "Shift+M", "layer_moves"),
    Command("View", "Guidance", "Shift+G", "layer_guidance"),
    Command("View", "Conditional density", "Shift+Y", "layer_conditional"),
    Command("View", "Space-time (3D)", "Shift+O", "layer_space"),
    Command("View", "Follow the noise", "Shift+F", "layer_follow"),
    Command("View", "Next vector field", "V", "next_field"),
    Command("View", "Field", "Shift+V", "next_kind"),
    Command("View", SEPARATOR, "", ""),
    Command("View", "Left panel", "F7", "toggle_left"),
    Command("View", "Right panel", "F8", "toggle_right"),
    Command("View", "Dark theme", "Ctrl+Shift+D", "toggle_theme"),
    Command("View", "Presentation mode", "F5", "toggle_presentation"),
    Command("View", "Full screen", "F11", "toggle_full_screen"),
    Command("Labs", "All laboratories", "Ctrl+L", "laboratories"),
    Command("Labs", "Run or stop the laboratory", "Ctrl+R", "run_laboratory"),
    Command("Labs", "Save its figures…", "Ctrl+Shift+E", "save_figures"),
    Command("Labs", "Back to the stage", "", "close_laboratory"),
    Command("Labs", SEPARATOR, "", ""),
    Command("Help", "Five minutes", "", "five_minutes"),
    Command("Help", "Help on this card", "F1", "help"),
    Command("Help", "All pages", "", "help_pages"),
    Command("Help", SEPARATOR, "", ""),
    Command("Help", "Keyboard shortcuts", "?", "shortcuts"),
    Command("Help", "Menus", "F10", "menus"),
    Command("Help", "About", "", "about"),
)


def build_menus(bar: QMenuBar, window: QWidget, slots: object) -> dict[str, QAction]:
    """Fill the menu bar of `window`; returns slot name -> action. Each slot is a method of `slots`."""
    menus: dict[str, QMenu] = {}
    actions: dict[str, QAction] = {}
    for command in COMMANDS:
        if command.menu not in menus:
            menus[command.menu] = keep(bar.addMenu(command.menu))
        menu = menus[command.menu]
        if not command.text:
            menu.addSeparator()
            continue
        action = QAction(command.text, window)
        action.setCheckable(command.checkable)
        if command.keys:
            action.setShortcut(QKeySequence(command.keys))
        action.triggered.connect(_caller(slots, command.slot))
        menu.addAction(action)
        actions[command.slot] = action
    return actions


def letter_menus(bar: QMenuBar) -> None:
    """Give the menus their letters: none that a command uses together with Alt."""
    letter(bar.actions(), [c.keys[-1] for c in COMMANDS if re.fullmatch(r"Alt\+[A-Z0-9]", c.keys)])


def _caller(slots: object, slot: str) -> Callable[..., None]:
    """The slot without the `checked` that Qt passes."""
    return lambda *_: getattr(slots, slot)()


def shortcuts() -> list[tuple[str, str, str]]:
    """(group, keys, words) of every command that has keys, for the overlay."""
    native = QKeySequence.SequenceFormat.NativeText
    keys = [(c.menu, QKeySequence(c.keys).toString(native), c.text.rstrip("…")) for c in COMMANDS if c.keys]
    labs = max(i for i, (menu, _, _) in enumerate(keys) if menu == "Labs")
    # no shortcut of the menu: Esc leaves a box that one types in, or a figure that is enlarged, first
    return [*keys[: labs + 1], ("Labs", "Esc", "Back to the stage"), *keys[labs + 1 :]]
