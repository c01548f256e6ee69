"""Settings of the control and of the laboratories on pictures, each driven in the window and seen in what comes out."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import windows

from explorer.data.images import IMAGES, from_pixels
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.guidance.class_guidance import ClassGuidance
from explorer.labs import LABS
from explorer.session.document import Document
from explorer.ui.files.own_images import put_at_hand


@pytest.fixture(scope="module")
def mnist():
    return put_at_hand(IMAGES["mnist"]())


@pytest.fixture(scope="module")
def shared(one_application, tmp_path_factory):
    with windows.windowed(None, tmp_path_factory.mktemp("window"), size=(1280, 720)) as made:
        yield made


@pytest.fixture
def window(qtbot, shared, mnist):
    """With digits of the network that comes with the program, in as few steps as show something."""
    shared.labs.close()
    shared.labs._kept.clear()
    e = with_data(Experiment(), mnist)
    shared.session.edit(Document(replace(e, sampler=replace(e.sampler, particles=2, steps=3))))
    shared.end_drag()
    shared.refresh()
    yield weakref.proxy(shared)


def control(window):
    return window.session.document.experiment.control


def samples(qtbot, window):
    def complete():
        run = window.session.tracks["A"].full
        return (
            run is not None
            and run.experiment == window.session.document.experiment
            and run.recording.complete
        )

    windows.wait(qtbot, complete)
    return window.session.tracks["A"].full.recording[-1].x


def typed(form, name, text):
    assert not form.row(name).isHidden()
    form.row(name).entry.typed.emit(text)


# --- the class of pictures --------------------------------------------------------------------------------


def test_the_weight_of_a_class_and_up_to_where_it_counts(qtbot, window):
    free = samples(qtbot, window)
    window.control.choose("class_guidance")
    form = window.control.form
    form.show_more(True)
    assert control(window).rule == "classifier_free" and form.row("below").isHidden()
    of = {}
    for weight in ("0", "1", "4"):
        typed(form, "weight", weight)
        assert control(window).weight == float(weight)
        of[weight] = samples(qtbot, window)
    np.testing.assert_allclose(of["0"], free, atol=1e-5)  # 0 ignores the class
    assert np.abs(of["1"] - of["0"]).max() > 0.1 < np.abs(of["4"] - of["1"]).max()
    typed(form, "below", "0.001")
    assert control(window).below == 0.001
    np.testing.assert_allclose(samples(qtbot, window), of["1"], atol=1e-5)  # no higher weight anywhere


def test_the_mixed_rule_and_its_share(qtbot, window):
    window.edit("control", ClassGuidance(rule="classifier"))
    form = window.control.form
    assert form.row("share").isHidden()
    alone = {"classifier": samples(qtbot, window)}
    for rule in ("classifier", "classifier_free", "mixed"):
        form.row("rule").chooser.changed.emit(rule)
        assert control(window).rule == rule
        alone[rule] = samples(qtbot, window)
    assert "labels" not in window.control.word.text()
    of = {}
    for share in ("0", "1", "0.5"):
        typed(form, "share", share)
        assert control(window) == ClassGuidance(rule="mixed", share=float(share))
        of[share] = samples(qtbot, window)
    np.testing.assert_allclose(of["1"], alone["classifier_free"], atol=2e-3)
    np.testing.assert_allclose(of["0"], alone["classifier"], atol=2e-3)
    np.testing.assert_array_equal(of["0.5"], alone["mixed"])
    assert np.abs(of["1"] - of["0"]).max() > 0.1


# --- laboratories -----------------------------------------------------------------------------------------


def report(qtbot, window):
    """The last report on the laboratory as it is set now."""
    runner = window.session.lab

    def whole():
        assert not runner.failure and not runner.refusal
        return runner.shown is not None and runner.shown.lab == runner.lab and runner.report.progress == 1

    windows.wait(qtbot, whole)
    return runner.report


def exactly(window):
    window.commands.choose_score("exact")


def test_strength_and_returns_of_a_drawing(qtbot, window):
    exactly(window)
    window.labs.show(replace(LABS["drawing"].quick(), steps=6))
    form, away = window.labs.column.form(), {}
    typed(form, "returns", "3")
    assert report(qtbot, window).arrays["returns"].shape == (3, 784)
    for strength in ("0.05", "20"):
        typed(form, "strength", strength)
        assert window.session.lab.lab.strength == float(strength)
        found = report(qtbot, window).arrays
        drawing = from_pixels(found["drawing"][None, None])
        away[strength] = np.sqrt(np.square(found["returns"] - drawing).mean())
    # little noise leaves the drawing near what is like it, much makes any picture of it
    assert 1.2 * away["0.05"] < away["20"]


def test_place_and_both_ends_between_two_pictures(qtbot, window, mnist):
    exactly(window)
    window.labs.show(LABS["picture_codes"].quick())
    form = window.labs.column.form()
    for field, number in (("first", 3), ("second", 8)):
        typed(form, field, str(number))
        assert getattr(window.session.lab.lab, field) == number
    ends = from_pixels(mnist.held_out.images[[2, 7]])
    for place, expected in (("0", ends[0]), ("1", ends[1]), ("0.25", 0.75 * ends[0] + 0.25 * ends[1])):
        typed(form, "place", place)
        found = report(qtbot, window).arrays
        np.testing.assert_allclose(found["pixels"][-1], expected, atol=2e-3)
        np.testing.assert_allclose(found["pixels"][[0, -2]], ends, atol=1e-6)
    form.row("source_1").chooser.changed.emit("sheet")
    typed(form, "second", "2")
    other = report(qtbot, window).arrays["pixels"]
    np.testing.assert_allclose(other[0], ends[0], atol=1e-6)
    np.testing.assert_allclose(other[-2], samples(qtbot, window)[1], atol=1e-4)
    form.row("source_0").chooser.changed.emit("own")
    windows.wait(qtbot, lambda: "no first image" in window.labs.page.message.text())
