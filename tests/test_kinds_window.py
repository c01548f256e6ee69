"""From points to pictures and back: what was trained, and what a scene did, stays with its own kind of data."""

import weakref
from dataclasses import replace

import pytest
import windows

from explorer.data.images import IMAGES
from explorer.diffusion.samplers import Sampler
from explorer.experiment import resolution as models
from explorer.networks.spec import NetworkSpec, UNetSpec
from explorer.ui.files.own_images import put_at_hand


@pytest.fixture(scope="module")
def mnist():
    return put_at_hand(IMAGES["mnist"]())


@pytest.fixture
def window(qapp, qtbot, tmp_path, monkeypatch, mnist):
    """The window, with small networks; that of the digits "comes with the program", whatever is shipped."""
    network = models.untrained(replace(start(mnist), seed=3))
    network = replace(network, facts={"iterations": 7, "device": "a CPU"})
    monkeypatch.setattr(models, "pretrained", lambda data: network if data == mnist else None)
    with windows.windowed(qtbot, tmp_path, started=False) as made:
        made.session.edit(replace(made.session.document, experiment=start()))
        made.start()
        yield weakref.proxy(made)


def start(data=None):
    from explorer.experiment.defaults import with_data
    from explorer.experiment.schema import Experiment

    e = Experiment()
    own = replace(e.score, network=NetworkSpec(width=16, depth=1), unet=UNetSpec(width=16, depth=1))
    e = replace(e, score=own, sampler=replace(e.sampler, particles=100, steps=5))
    return e if data is None else with_data(e, data)


def trained(qtbot, window):
    """Train on points for a few iterations."""
    trainer = window.session.networks.trainer
    window.session.networks.train()
    windows.wait(qtbot, lambda: trainer.model is not None and trainer.frame is not None)
    trainer.cancel()
    window.refresh()
    window.telling.slowly()
    return trainer


def state(window):
    trainer = window.session.networks.trainer
    return window.session.document, trainer.model, trainer.frame, trainer.history


def test_pictures_after_a_training_on_points_and_a_scene_are_those_of_the_network_that_comes_along(
    qtbot, window, mnist
):
    trainer = trained(qtbot, window)
    assert window.score.progress.text()
    window.labs.play_scene("mistake_score_sign")
    assert window.session.document.compare is not None
    before = state(window)
    window.set_data(mnist)
    e = window.session.document.experiment
    assert (e.score.source, window.session.document.compare) == ("pretrained", None)
    assert not e.sampler.mistake.made
    windows.wait(qtbot, lambda: "7 iterations on a CPU" in window.session.networks.word())
    window.telling.slowly()
    assert "7 iterations on a CPU" in window.score.word.text()
    assert (trainer.model, trainer.frame, window.score.progress.text()) == (None, None, "")
    assert window.score.train.text() == "Train" and window.right._loss_card.isHidden()
    window.commands.score_trained()  # the chart is for a training on pictures, of which there is none yet
    window.telling.slowly()
    assert window.right.loss.over_time._message.toPlainText() == "Press Train to see it fall"
    assert window.right.loss.by_level.isHidden()
    window.session.undo()
    window.session.undo()
    window.refresh()
    assert all(a is b for a, b in zip(state(window), before, strict=True))


def test_each_kind_keeps_the_source_of_its_score_and_its_network(qtbot, window, mnist):
    points = window.session.document.experiment.data
    trainer = trained(qtbot, window)
    model, losses = trainer.model, trainer.history
    window.set_data(mnist)
    window.commands.score_exact()
    window.set_data(points)
    assert window.session.document.experiment.score.source == "trained"
    assert trainer.model is model and trainer.history is losses
    window.set_data(mnist)
    assert window.session.document.experiment.score.source == "exact"
    window.set_data(points)
    window.session.networks.reset_training()
    window.set_data(mnist)
    window.set_data(points)  # there is no network any more that was trained on points
    assert window.session.document.experiment.score.source == "pretrained"


def test_a_mistake_made_on_purpose_stays_behind(window, mnist):
    window.labs.play_scene("mistake_score_sign")
    document = window.session.document
    points, wrong = document.experiment.data, document.compare.sampler
    window.session.edit(
        replace(document, experiment=replace(document.experiment, sampler=wrong), compare=None)
    )
    window.set_data(mnist)
    window.set_data(points)
    now = window.session.document.experiment.sampler
    assert wrong.mistake.made and now == replace(wrong, mistake=Sampler().mistake)


# --- what is in use is what is lit ------------------------------------------------------------------------


def lit(window):
    window.refresh()
    return [b.text() for b in window.score.source.row("source").chooser.segments.buttons() if b.isChecked()]


def test_exact_is_lit_where_there_is_no_pretrained_network(window):
    assert lit(window) == ["Pretrained"]
    before = window.session.document
    window.edit("data", replace(before.experiment.data, radius=1.7))
    assert lit(window) == ["Exact"] and window.session.document.experiment.score == before.experiment.score
    exact, pretrained, _ = window.score.source.row("source").chooser.segments.buttons()
    pretrained.click()
    assert lit(window) == ["Exact"]
    window.edit("data", before.experiment.data)
    assert lit(window) == ["Pretrained"]
    exact.click()
    assert lit(window) == ["Exact"] and window.session.document.experiment.score.source == "exact"


def test_a_class_of_pictures_is_guided_where_the_noise_tells_of_it(window, mnist):
    window.set_data(mnist)
    window.control.choose("class_guidance")
    assert window.session.document.experiment.control.below == 10
