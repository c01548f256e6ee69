"""What is set for pictures of one size or kind, and other data after it: nothing leads into a dead end."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import windows

from explorer.data.images import IMAGES
from explorer.experiment.defaults import PICTURE_SAMPLER, default_sampler, with_data
from explorer.experiment.schema import Experiment
from explorer.guidance import masks
from explorer.guidance.images import PictureProblem
from explorer.guidance.inpaint_image import InpaintPicture
from explorer.guidance.super_resolve import SuperResolve
from explorer.labs import LABS
from explorer.ui.files.own_images import put_at_hand
from explorer.ui.widgets.form_rows import Row
from explorer.ui.widgets.forms import Form

PAINTED = masks.encoded(np.eye(28, dtype=bool))


@pytest.fixture(scope="module")
def mnist():
    return put_at_hand(IMAGES["mnist"]())


@pytest.fixture(scope="module")
def emoji():
    return put_at_hand(IMAGES["twemoji"]())


@pytest.fixture
def window(qapp, qtbot, tmp_path, mnist):
    with windows.windowed(qtbot, tmp_path, started=False) as made:
        made.set_data(mnist)
        yield weakref.proxy(made)


def e(window):
    return window.session.document.experiment


@pytest.mark.parametrize(
    "control, fitted",
    [
        (InpaintPicture(3, PAINTED), InpaintPicture(3)),
        (InpaintPicture(3, "lower"), InpaintPicture(3, "lower")),
        (InpaintPicture(own=(7,) * 784), InpaintPicture()),
        (SuperResolve(picture=5, own=(7,) * 784), SuperResolve(picture=5)),
        (SuperResolve(picture=10**6), SuperResolve()),
    ],
)
def test_a_control_for_pictures_of_another_size_keeps_what_fits(control, fitted, mnist, emoji):
    assert with_data(replace(with_data(Experiment(), mnist), control=control), emoji).control == fitted
    assert not fitted.refusal(emoji.mixture)


def test_a_painted_mask_and_an_own_picture_of_another_size_are_no_dead_end(window, emoji, mnist):
    card = window.control
    for control in (InpaintPicture(3, PAINTED), InpaintPicture(own=(7,) * 784)):
        window.edit("control", control)
        window.set_data(emoji)
        assert e(window).control.refusal(emoji.mixture) == "" and not card.picture.isHidden()
        assert card.picture.pad._levels.shape == (3, 32, 32)
        card.choose("none")
        window.set_data(mnist)
        window.edit("control", control)
        card.choose("none")
        window.set_data(emoji)
        card.choose("inpaint_picture")  # as it was set last, for these pictures
        assert e(window).control.refusal(emoji.mixture) == ""
        window.set_data(mnist)


def test_a_mask_from_a_file_that_does_not_fit_can_be_painted_anew(window, emoji):
    window.set_data(emoji)
    window.edit("control", InpaintPicture(mask=PAINTED))
    assert e(window).control.refusal(emoji.mixture) and not window.control.picture.isHidden()
    window.control.picture.presets.buttons()[0].click()
    assert e(window).control.mask == "left" and not e(window).control.refusal(emoji.mixture)


def test_grey_pictures_have_nothing_to_colourise(window):
    window.control.choose("colourise")
    assert isinstance(e(window).control, PictureProblem) and window.control.picture.isHidden()


# --- menus and arrows follow the kind of data -------------------------------------------------------------


def offered(menu):
    """What a menu of laboratories has in its sub-menus now: words -> whether it can be chosen."""
    menu.aboutToShow.emit()
    inner = [a.menu() for a in menu.actions() if a.menu() and a.isVisible()]
    return {a.text(): a.isEnabled() for m in inner for a in m.actions() if a.isVisible()}


def test_the_menu_of_laboratories_greys_those_for_other_data_and_says_why(window, mnist):
    for data, reason in (
        (mnist, "needs points"),
        (Experiment().data, "needs images"),
        (mnist, "needs points"),
    ):
        window.set_data(data)
        fit = {name: LABS[name].made_for(e(window)) for name in LABS}
        assert not all(fit.values())
        assert offered(window.labs_menu) == {
            LABS[name].title + ("" if fits else f" ({reason})"): fits for name, fits in fit.items()
        }


def arrows(window):
    """Label of each row of the cards at the left that is not as it comes -> what its arrow says."""
    rows = [r for r in window.left.findChildren(Row) if not r.isHidden() and not r.reset.isHidden()]
    return {r.param.label: r.reset.toolTip() for r in rows}


@pytest.mark.parametrize("mode", ["ode", "reverse", "pc"])
def test_fresh_pictures_have_no_arrows_and_arrows_lead_back_to_what_suits_them(window, emoji, mode):
    window.set_data(emoji)
    window.commands.set_mode(mode)
    window.commands.choose_score("trained")
    window.control.choose("class_guidance")
    for form in window.left.findChildren(Form):
        form.show_more(True)
    assert arrows(window) == {}
    before = e(window).sampler
    row = window.sampler.form.row("steps")
    row.entry.typed.emit("33")
    assert arrows(window) == {"Steps": f"Back to {before.steps}"}
    assert f"usually {before.steps}" in row.slider.toolTip()
    row.reset.click()
    assert e(window).sampler == before == default_sampler(e(window))
    window.set_data(Experiment().data)
    window.control.choose("class_guidance")
    assert "Back to 200" in row.reset.toolTip()


def test_what_is_in_a_choice_leads_back_to_what_suits_too(window):
    """A solver that is not the usual one says so, and its own parameters have their own defaults."""
    form = window.sampler.form
    form.row("solver").chooser.changed.emit("heun")
    assert arrows(window)["ODE solver"] == f"Back to {PICTURE_SAMPLER.solver.title}"
    form.row("solver").reset.click()
    assert e(window).sampler.solver == PICTURE_SAMPLER.solver
