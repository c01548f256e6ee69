"""Layers and control by menu and by keys; what was set for points and for pictures comes back."""

import weakref
from dataclasses import replace

import pytest
import windows

from explorer.base.params import params
from explorer.data.images import IMAGES
from explorer.experiment.defaults import PICTURE_SAMPLER
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import FIELD_KINDS, Look
from explorer.guidance.class_guidance import ClassGuidance
from explorer.ui.files.own_images import put_at_hand
from explorer.ui.widgets.mnemonics import plain
from explorer.ui.window.actions import COMMANDS, shortcuts
from explorer.ui.window.window import POINT_LAYERS

#: The sub-menu of the classes.
WHICH = "Which class"


@pytest.fixture(scope="module")
def mnist():
    return put_at_hand(IMAGES["mnist"]())


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path, started=False) as made:
        yield weakref.proxy(made)


def e(window):
    return window.session.document.experiment


def press(window, slot):
    window.actions_by_slot[slot].trigger()


# --- the View menu ----------------------------------------------------------------------------------------


def test_every_layer_that_is_switched_has_a_command_with_keys(window):
    switches = {p.name for p in params(Look) if p.kind == "bool" and p.label and not p.advanced}
    slots = {c.slot.removeprefix("layer_"): c for c in COMMANDS if c.slot.startswith("layer_")}
    assert {"space", "guidance", "conditional"} <= set(slots) <= switches
    for name, command in slots.items():
        before = getattr(window.session.document.look, name)
        press(window, command.slot)
        assert getattr(window.session.document.look, name) is not before and command.keys
    keys = [keys for _, keys, _ in shortcuts()]
    assert len(set(keys)) == len(keys)


def test_what_the_arrows_show_goes_around(window):
    seen = []
    for _ in FIELD_KINDS:
        seen.append(window.session.document.look.field_kind)
        press(window, "next_kind")
    assert seen == list(FIELD_KINDS) and window.session.document.look.field_kind == seen[0]


def test_what_means_nothing_for_pictures_is_off(window, mnist):
    window.set_data(mnist)
    for slot in ("layer_space", "layer_guidance", "layer_conditional", "next_kind"):
        assert slot in POINT_LAYERS and not window.actions_by_slot[slot].isEnabled()


# --- the menu of controls ---------------------------------------------------------------------------------


def entries(menu):
    menu.aboutToShow.emit()
    return {plain(a.text()): a for a in menu.actions()}


def test_the_menu_of_controls_follows_the_data(window, mnist):
    menu = window.control_menu
    titles = [words for _, words, _ in window.control.choice._entries]
    assert [t for t in entries(menu) if t != WHICH] == titles
    window.set_data(mnist)
    titles = [words for _, words, _ in window.control.choice._entries]
    assert [t for t in entries(menu) if t != WHICH] == titles
    entries(menu)["Inpaint"].trigger()
    assert e(window).control.name == "inpaint_picture" and entries(menu)["Inpaint"].isChecked()
    which = entries(menu)[WHICH]  # which must live as long as its menu is used, under PySide6 6.8
    next(a for a in which.menu().actions() if plain(a.text()) == "7").trigger()
    assert e(window).control == ClassGuidance(rule="classifier_free", label=7, below=10.0)
    window.commands.undo()
    window.commands.undo()
    assert e(window).control.name == "inpaint_picture"


def test_control_and_class_by_keys(window, mnist):
    window.set_data(mnist)
    window.control.choose("none")
    names = [name for name, _, _ in window.control.choice._entries]
    for name in (*names[1:], names[0]):
        press(window, "next_control")
        assert e(window).control.name == name
    for label in (*range(10), 0):
        press(window, "next_class")
        assert e(window).control.label == label
    window.set_data(Experiment().data)
    press(window, "next_class")
    assert e(window).control.name == "class_guidance"


# --- points and pictures in turn --------------------------------------------------------------------------


def test_what_was_set_for_a_kind_of_data_is_there_again(window, mnist):
    window.edit("sampler", replace(e(window).sampler, steps=77))
    points = e(window)
    window.set_data(mnist)
    assert e(window).sampler == PICTURE_SAMPLER
    window.edit("sampler", replace(e(window).sampler, steps=33, particles=25))
    window.edit("control", ClassGuidance(label=4))
    pictures = window.session.document
    window.commands.compare()
    window.set_data(points.data)
    window.end_drag()
    assert e(window).sampler == points.sampler and e(window).control == points.control
    window.set_data(mnist)
    assert window.session.document == pictures  # on one stage
    window.commands.undo()
    assert e(window).data == points.data and e(window).sampler == points.sampler
