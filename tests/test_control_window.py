"""The Control card in the real window: a class, a weight, a known coordinate, and what they train."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import windows

from explorer.diffusion.observation import Replaced
from explorer.figures.marks import Arrows, Curve, Legend, Text
from explorer.guidance import CONTROLS, Guided
from explorer.guidance.trained_classifiers import CLASSIFIERS
from explorer.networks import Training
from explorer.session.document import Document


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path) as made:
        e = made.session.document.experiment
        sampler = replace(e.sampler, steps=30, particles=150)
        made.session.edit(Document(replace(e, sampler=sampler)))
        made.refresh()
        yield weakref.proxy(made)


def e(window):
    return window.session.document.experiment


def through(qtbot, window):
    """Wait until the run of the current experiment is complete and pictured at its end."""

    def done():
        run, picture = window.session.tracks["A"].full, window.session.showing.pictures.get("A")
        window.session.playhead.playing = False
        window.session.playhead.seek(1.0)
        complete = run is not None and run.experiment == e(window) and run.recording.complete
        return complete and picture is not None and picture.experiment == e(window) and picture.frame.t < 0.01

    windows.wait(qtbot, done, 20)
    return window.session.tracks["A"].full


def words(window):
    marks = window.session.showing.pictures["A"].marks
    entries = [entry.text for m in marks if isinstance(m, Legend) for entry in m.entries]
    return [*entries, *(m.text for m in marks if isinstance(m, Text))]


def test_a_class_by_its_name(qtbot, window):
    card = window.control
    card.choice.changed.emit("class_guidance")
    assert e(window).control == CONTROLS["class_guidance"]() and not card.classes.isHidden()
    card.classes.changed.emit(3)
    assert e(window).control.label == 3 and card.classes.value() == 3
    run = through(qtbot, window)
    assert isinstance(run.resolved.score, Guided)
    mode = e(window).target.means[0]
    assert np.abs(run.recording[-1].x - mode).max() < 0.7  # all particles are in the mode asked for
    arrows = [m for m in window.session.showing.pictures["A"].marks if isinstance(m, Arrows)]
    assert {"score", "accent", "corrector"} <= {m.color for m in arrows}
    assert {"s(x)", "s(x | y)", "w ∇log p(y | x)"} <= set(words(window))
    windows.wait(qtbot, lambda: "closed form" in card.word.text())
    window.edit_look(replace(window.session.document.look, guidance=False))
    windows.wait(qtbot, lambda: "s(x)" not in words(window))


def test_the_distance_is_to_the_conditional_law(qtbot, window):
    window.edit("control", CONTROLS["class_guidance"](label=1))
    through(qtbot, window)
    windows.wait(qtbot, lambda: (window.session.showing.distance_curve("A")[-1:, 0] == 1).any())
    last = window.session.showing.distance_curve("A")[-1, 2]
    assert last < 0.15 < np.abs(e(window).target.mean).max()  # to all of the data it is near 1


def test_a_known_coordinate_is_drawn_and_kept(qtbot, window):
    window.edit("control", CONTROLS["inpaint"](value=0.5, method="replacement"))
    run = through(qtbot, window)
    assert isinstance(run.resolved.score, Replaced)
    assert (run.recording[-1].x[:, 0] == np.float32(0.5)).all()
    lines = [
        m
        for m in window.session.showing.pictures["A"].marks
        if isinstance(m, Curve) and m.color == "corrector"
    ]
    assert len(lines) == 1 and "x₁ = 0.5" in words(window)
    np.testing.assert_allclose(lines[0].xy[:, 0], 0.5, atol=2e-3)
    assert window.control.classes.isHidden() and window.control.train.isHidden()


def test_data_without_classes_says_so(qtbot, window):
    from explorer.data.distributions import DISTRIBUTIONS

    window.edit("control", CONTROLS["class_guidance"]())
    window.edit("data", DISTRIBUTIONS["swiss_roll"]())
    run = through(qtbot, window)
    assert not isinstance(run.resolved.score, Guided)
    windows.wait(qtbot, lambda: "no classes" in window.control.word.text())


def test_the_classifier_is_trained_from_the_card(qtbot, window, monkeypatch):
    monkeypatch.setattr("explorer.guidance.classifier.ITERATIONS", 60)
    monkeypatch.setattr(CLASSIFIERS, "_kept", {})
    window.edit("control", CONTROLS["class_guidance"](rule="classifier"))
    windows.wait(qtbot, lambda: "No classifier" in window.control.word.text())
    assert not window.control.train.isHidden() and window.control.train.text() == "Train classifier"
    window.control.train.click()
    assert window.session.networks.classifier.running
    windows.wait(qtbot, lambda: CLASSIFIERS.of(e(window).data) is not None, 30)
    windows.wait(qtbot, lambda: "gradient of the classifier" in window.control.word.text())
    assert "trained for this data" in window.session.tracks["A"].full.resolved.control


def test_where_labels_and_a_classifier_are_missing_the_labels_come_first(qtbot, window, monkeypatch):
    monkeypatch.setattr(CLASSIFIERS, "_kept", {})
    quick = replace(e(window).score, training=Training(seconds=0.0, iterations=40, batch=128))
    window.edit("score", quick)
    window.edit("control", CONTROLS["class_guidance"](rule="mixed"))
    windows.wait(qtbot, lambda: "knows no labels" in window.control.word.text())
    assert window.control.train.text() == "Train with labels"
    window.control.train.click()
    assert e(window).score.network.classes == 8 and not window.session.networks.classifier.running
    windows.wait(qtbot, lambda: "No classifier" in window.control.word.text())
    assert window.control.train.text() == "Train classifier"


def test_training_with_labels_from_the_card(qtbot, window):
    quick = replace(e(window).score, training=Training(seconds=0.0, iterations=40, batch=128))
    window.edit("score", quick)
    window.edit("control", CONTROLS["class_guidance"](rule="classifier_free"))
    windows.wait(qtbot, lambda: "knows no labels" in window.control.word.text())
    window.control.train.click()
    assert e(window).score.source == "trained" and e(window).score.network.classes == 8
    windows.wait(qtbot, lambda: window.session.networks.trainer.model is not None, 30)
    windows.wait(qtbot, lambda: "conditional minus" in window.control.word.text())


def test_the_second_stage_has_a_control_of_its_own(qtbot, window):
    window.commands.compare()
    window.select("B")
    window.control.choice.changed.emit("class_guidance")
    document = window.session.document
    assert document.compare.control.name == "class_guidance" and document.experiment.control.name == "none"
    window.select("A")
    assert window.control.choice.value() == "none"
